"""One MLflow run for each run unit, with its files and its bundles."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput

from ._registry import log_bundle
from ._store import experiment_id, using_store

_VERSIONS_OF = (
    "pandas",
    "numpy",
    "duckdb",
    "ibis-framework",
    "scikit-learn",
    "xgboost",
    "faiss-cpu",
)


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

    with (
        using_store(root) as store,
        mlflow.start_run(experiment_id=experiment_id(store), run_name=name) as run,
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
            log_bundle(model, Path(folder))
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


def _versions() -> dict[str, str]:
    return {f"version.{package}": metadata.version(package) for package in _VERSIONS_OF}
