"""The tracker: one MLflow run for each run unit; the only user of mlflow.

The store is SQLite with artifacts beside it, under `mlruns/` of the project; MLflow's own
variables (``MLFLOW_TRACKING_URI``, ``MLFLOW_EXPERIMENT_NAME``) go before that.
"""

from __future__ import annotations

import io
import logging
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from importlib import metadata
from pathlib import Path

_VERSIONS_OF = (
    "pandas",
    "numpy",
    "duckdb",
    "ibis-framework",
    "scikit-learn",
    "xgboost",
    "faiss-cpu",
)
_EXPERIMENT = "marketing_ds"
# A bank's run must not report to anyone; MLflow reads this when it is first imported.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")


def default_store(root: Path) -> str:
    """The tracking address used unless ``MLFLOW_TRACKING_URI`` is set."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root / 'mlruns' / 'mlflow.db'}"


def log_run(
    *,
    root: Path,
    name: str,
    failed: bool,
    parameters: Mapping[str, object],
    metrics: Mapping[str, float],
    tags: Mapping[str, str],
    files: Sequence[Path] = (),
    manifests: Sequence[Path] = (),
    bundles: Mapping[str, str] | None = None,
) -> str:
    """Record one run and return its MLflow id.

    Parameters
    ----------
    root : Path
        The project's folder; the store is in its `mlruns/` unless MLflow's variables say otherwise.
    name : str
        Name of the run unit.
    failed : bool
        Whether the run ended with an error.
    parameters, metrics, tags : mapping
        As MLflow has them; package versions are added to the tags.
    files : sequence of Path, optional
        Files or folders kept as artifacts.
    manifests : sequence of Path, optional
        Manifests of publications, kept under ``publications/`` by table, name and date.
    bundles : mapping of str to path, optional
        Exported model bundles; each becomes an artifact folder and a version of the registered
        model of that name.

    Returns
    -------
    str
        The MLflow run id.
    """
    import mlflow

    store = default_store(root)
    (root / "mlruns").mkdir(exist_ok=True)
    # Creating the database and registering models are told of at INFO; a run's own line says more.
    for chatty in ("mlflow", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    with (
        _using(store),
        mlflow.start_run(experiment_id=_experiment_id(store), run_name=name) as run,
    ):
        mlflow.log_params(dict(parameters))
        mlflow.log_metrics(dict(metrics))
        mlflow.set_tags({**tags, **_versions()})
        for file in files:
            log = mlflow.log_artifacts if file.is_dir() else mlflow.log_artifact
            log(str(file), *([file.name] if file.is_dir() else []))
        for manifest in manifests:
            where = "/".join(("publications", *manifest.parts[-5:-1]))
            mlflow.log_artifact(str(manifest), where)
        for model, folder in (bundles or {}).items():
            _log_bundle(model, Path(folder))
        if failed:
            mlflow.end_run("FAILED")
        return str(run.info.run_id)


@contextmanager
def _using(store: str) -> Iterator[None]:
    """Point MLflow at `store` for a while; MLflow itself writes the address into its variable."""
    import mlflow

    before = os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(store)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(None)
        if before is not None:
            os.environ["MLFLOW_TRACKING_URI"] = before


def _experiment_id(store: str) -> str:
    """The experiment's id; a new one in a SQLite store keeps its artifacts beside the database."""
    import mlflow

    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", _EXPERIMENT)
    found = mlflow.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    kind, _, database = store.partition(":///")
    beside = (Path(database).absolute().parent / "artifacts").as_uri() if kind == "sqlite" else None
    return str(mlflow.create_experiment(name, artifact_location=beside))


def _log_bundle(model: str, folder: Path) -> None:
    """Keep the bundle whole, and register its graph so that versions and aliases work."""
    import mlflow
    import onnx

    mlflow.log_artifacts(str(folder), f"bundles/{model}")
    with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
        # MLflow prints what it registers, and it inspects the type hints of its own ONNX flavour and
        # warns of them.
        warnings.filterwarnings("ignore", message=".*Any type hint is inferred as AnyType")
        mlflow.onnx.log_model(
            onnx.load(str(folder / "model.onnx")),
            name=model,
            registered_model_name=model,
            pip_requirements=[f"onnxruntime=={metadata.version('onnxruntime')}"],
        )


def _versions() -> dict[str, str]:
    return {f"version.{package}": metadata.version(package) for package in _VERSIONS_OF}
