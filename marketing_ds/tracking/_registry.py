"""Registered models: each version is an exported bundle, kept whole with its files.

Three aliases of MLflow say which version is which: `challenger`, `champion` and `previous` (the
champion before, kept for the way back).
"""

from __future__ import annotations

import io
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from marketing_ds._core.checks import check_choice
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput, NotPublished

from ._store import experiment_id, using_store

if TYPE_CHECKING:
    from marketing_ds.export import Bundle

CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"


@dataclass(frozen=True)
class RegisteredModel(Result):
    """One version of a registered model.

    Attributes
    ----------
    name : str
    version : int
        MLflow's number.
    alias : str or None
        `challenger`, `champion` or `previous`, by which it was asked for.
    model_version : str
        Hash of the model itself, as in its scores.
    run_id : str
        MLflow run that holds its bundle and files.
    tags : mapping of str to str
        What was recorded of it: figures, who, when.
    """

    name: str
    version: int
    alias: str | None
    model_version: str
    run_id: str
    tags: Mapping[str, str] = field(default_factory=dict, repr=False)
    root: Path = field(default=Path(), repr=False)

    def to_frame(self) -> pd.DataFrame:
        """Each fact as a row: `fact`, `value`."""
        facts = {
            "name": self.name,
            "version": str(self.version),
            "alias": self.alias or "",
            "model_version": self.model_version,
            "run_id": self.run_id,
            **self.tags,
        }
        return pd.DataFrame({"fact": list(facts), "value": list(facts.values())})

    def bundle(self) -> Bundle:
        """The model itself, as an exported bundle; verified."""
        import mlflow

        from marketing_ds.export import load_bundle

        with using_store(self.root):
            place = mlflow.artifacts.download_artifacts(
                run_id=self.run_id, artifact_path=f"bundles/{self.name}"
            )
        return load_bundle(place)


def register(
    model: object,
    name: str,
    *,
    alias: str = CHALLENGER,
    files: Sequence[str | Path] = (),
    metrics: Mapping[str, float] | None = None,
    root: str | Path = ".",
) -> RegisteredModel:
    """Register a model as a new version, by default as the challenger.

    Parameters
    ----------
    model : Bundle, path of a bundle, or fitted model
        A fitted model is exported first.
    name : str
        Name of the registered model, e.g. ``"propensity"``.
    alias : {"challenger", "previous"}, default="challenger"
        What the version is known as from now on. A champion is made by `promote` alone.
    files : sequence of path, optional
        Kept with it, e.g. its model card.
    metrics : mapping of str to float, optional
        Figures to compare versions by.
    root : str or Path
        The project's folder, with `mlruns/` in it unless MLflow's variables say otherwise.

    Raises
    ------
    InvalidInput
        If the alias is another one, the bundle fails its checks, or a file is not there.
    """
    import mlflow

    check_choice("alias", alias, (CHALLENGER, PREVIOUS))
    kept = [Path(file) for file in files]
    for file in kept:
        if not file.exists():
            raise InvalidInput(f"files must exist, but there is no '{file}'")
    place = Path(root)
    with tempfile.TemporaryDirectory() as folder:
        bundle = _bundle(model, Path(folder) / "bundle")
        with (
            using_store(place) as store,
            mlflow.start_run(
                experiment_id=experiment_id(store), run_name=f"register {name}"
            ) as run,
        ):
            mlflow.log_metrics(dict(metrics or {}))
            for file in kept:
                log = mlflow.log_artifacts if file.is_dir() else mlflow.log_artifact
                log(str(file), f"files/{file.name}" if file.is_dir() else "files")
            version = log_bundle(name, bundle.path, alias=alias)
            run_id = str(run.info.run_id)
    return RegisteredModel(
        name, version, alias, bundle.model_version, run_id, _facts(bundle.model_version), place
    )


def champion(name: str, *, alias: str = CHAMPION, root: str | Path = ".") -> RegisteredModel:
    """The version of a registered model that is in use: ``champion(name).bundle()`` scores.

    Parameters
    ----------
    name : str
        Name of the registered model.
    alias : {"champion", "challenger", "previous"}, default="champion"
    root : str or Path
        The project's folder.

    Raises
    ------
    NotPublished
        If there is none.
    """
    check_choice("alias", alias, (CHAMPION, CHALLENGER, PREVIOUS))
    with using_store(Path(root)):
        found = version_of(name, alias)
    if found is None:
        way = "promote one" if alias == CHAMPION else "register one"
        raise NotPublished(
            f"model {name!r} has no {alias}; {way} first: tracking.{way.split()[0]}(…, {name!r})"
        )
    return _registered(found, alias, Path(root))


def log_bundle(model: str, folder: Path, *, alias: str = CHALLENGER) -> int:
    """Keep the bundle whole in the active run, and register its graph; returns the version.

    The newest version trained is the challenger, until it is promoted or a newer one comes.
    """
    import mlflow
    import onnx

    mlflow.log_artifacts(str(folder), f"bundles/{model}")
    with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
        # MLflow prints what it registers, and it inspects the type hints of its own ONNX flavour and
        # warns of them.
        warnings.filterwarnings("ignore", message=".*Any type hint is inferred as AnyType")
        graph = onnx.load(str(folder / "model.onnx"))
        logged = mlflow.onnx.log_model(
            graph,
            name=model,
            registered_model_name=model,
            pip_requirements=[f"onnxruntime=={metadata.version('onnxruntime')}"],
        )
    version = int(logged.registered_model_version)
    client = mlflow.MlflowClient()
    for key, value in _facts(graph.doc_string.removeprefix("model_version ")).items():
        client.set_model_version_tag(model, str(version), key, value)
    client.set_registered_model_alias(model, alias, str(version))
    return version


def _bundle(model: object, folder: Path) -> Bundle:
    from marketing_ds.export import Bundle, export_bundle, load_bundle

    if isinstance(model, Bundle):
        return load_bundle(model.path)
    if isinstance(model, (str, Path)):
        return load_bundle(model)
    return export_bundle(model, folder)


def version_of(name: str, alias: str) -> Any | None:
    """MLflow's version under an alias; None where there is none."""
    from mlflow import MlflowClient

    client = MlflowClient()
    found = client.search_registered_models(f"name = '{name}'")
    number = found[0].aliases.get(alias) if found else None
    return None if number is None else client.get_model_version(name, str(number))


def _registered(found: Any, alias: str, root: Path) -> RegisteredModel:
    tags = dict(found.tags)
    return RegisteredModel(
        str(found.name),
        int(found.version),
        alias,
        tags.get("model_version", ""),
        str(found.run_id),
        tags,
        root,
    )


def _facts(model_version: str) -> dict[str, str]:
    return {"model_version": model_version}
