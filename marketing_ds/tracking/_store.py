"""Where runs are kept: SQLite with artifacts beside it, unless MLflow's own variables say else."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_EXPERIMENT = "marketing_ds"
# A bank's run must not report to anyone; MLflow reads this when it is first imported.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")


def default_store(root: Path) -> str:
    """The tracking address used unless ``MLFLOW_TRACKING_URI`` is set."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root / 'mlruns' / 'mlflow.db'}"


@contextmanager
def using_store(root: Path) -> Iterator[str]:
    """Point MLflow at the project's store for a while; MLflow itself writes the address into its variable."""
    import mlflow

    store = default_store(root)
    (root / "mlruns").mkdir(exist_ok=True)
    # Creating the database and registering models are told of at INFO; a run's own line says more.
    for chatty in ("mlflow", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    before = os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(store)
    try:
        yield store
    finally:
        mlflow.set_tracking_uri(None)
        if before is not None:
            os.environ["MLFLOW_TRACKING_URI"] = before


def experiment_id(store: str) -> str:
    """The experiment's id; a new one in a SQLite store keeps its artifacts beside the database."""
    import mlflow

    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", _EXPERIMENT)
    found = mlflow.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    kind, _, database = store.partition(":///")
    beside = (Path(database).absolute().parent / "artifacts").as_uri() if kind == "sqlite" else None
    return str(mlflow.create_experiment(name, artifact_location=beside))
