"""The tracker: one MLflow run for each run unit; the only user of mlflow.

The store is SQLite with artifacts beside it, under `mlruns/` of the project; MLflow's own
variables (``MLFLOW_TRACKING_URI``, ``MLFLOW_EXPERIMENT_NAME``) go before that.
"""

from __future__ import annotations

import importlib
import io
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, suppress
from importlib import metadata
from pathlib import Path

from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput

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


def write_results(folder: str | Path, results: Mapping[str, Result]) -> list[Path]:
    """Write results as files for a run: each one's frame as CSV, and its picture where it has one.

    Parameters
    ----------
    folder : str or Path
        Where to; made if need be.
    results : mapping of str to Result
        Name → result. The names become those of the files.

    Returns
    -------
    list of Path
        For ``conclude(files=)``, or `log_run`.

    Raises
    ------
    InvalidInput
        If a result lists single customers: they stay where the mart's rules of access hold.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from marketing_ds.lookalike import ReachCurve
    >>> reach = ReachCurve(np.array([0.9, 0.8, 0.2]))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in write_results(folder, {"reach": reach})]
    ['reach.csv', 'reach.png']
    """
    frames = {name: result.to_frame() for name, result in results.items()}
    for name, frame in frames.items():
        if "customer_id" in frame.columns:
            raise InvalidInput(
                f"results must not list single customers, got {name!r}, which does; publish it, "
                "or log a result that sums it up"
            )
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    # By name, since no part but the command line may import `plots`.
    plots = importlib.import_module("marketing_ds.plots")
    written = []
    for name, result in results.items():
        written.append(place / f"{name}.csv")
        frames[name].to_csv(written[-1], index=False)
        with suppress(InvalidInput):  # there is no picture of this kind of result
            written.append(plots.save(result, place / f"{name}.png"))
    return written


def log_results(
    name: str,
    results: Mapping[str, Result],
    *,
    parameters: Mapping[str, object] | None = None,
    metrics: Mapping[str, float] | None = None,
    root: str | Path = ".",
) -> str:
    """Record results that were made by hand as one MLflow run; notebooks are recorded anyway.

    Parameters
    ----------
    name : str
        Name of the run.
    results : mapping of str to Result
        Kept as artifacts, see `write_results`.
    parameters, metrics : mapping, optional
        E.g. ``look.get_params()``, and the figures to compare runs by.
    root : str or Path
        The project's folder, with `mlruns/` in it unless MLflow's variables say otherwise.

    Returns
    -------
    str
        The MLflow run id.
    """
    with tempfile.TemporaryDirectory() as folder:
        return log_run(
            root=Path(root),
            name=name,
            failed=False,
            parameters=parameters or {},
            metrics=metrics or {},
            tags={},
            files=write_results(folder, results),
        )


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
