"""Writing a bundle: all files, their hashes, at once or not at all."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput, PublicationError
from marketing_ds.scores import scores_frame

from ._contract import contract, json_text, kind_of, policy_content
from ._golden import golden_cases, golden_scale, golden_text
from ._graph import build_graph
from ._models import Model, check_model
from ._session import feed, session
from ._verify import verify_bundle

_PACKAGES = ("marketing-ds", "xgboost", "onnx", "onnxruntime", "numpy")


@dataclass(frozen=True)
class Bundle(Result):
    """A bundle on disk.

    Attributes
    ----------
    path : pathlib.Path
    kind : {"propensity", "uplift"}
    model_version : str
    files : mapping of str to str
        File name to sha256.
    cases : int
        Golden cases.
    """

    path: Path
    kind: str
    model_version: str
    files: Mapping[str, str]
    cases: int

    def _contract(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(
            (self.path / "contract.json").read_text(encoding="utf-8")
        )
        return content

    def score(self, X: pd.DataFrame) -> NDArray[np.float32]:
        """Scores of raw tags by the bundle's own graph, without the model that made it.

        Parameters
        ----------
        X : pandas.DataFrame or ibis.Table
            Tags; columns beyond those of `contract.json` are left out.

        Returns
        -------
        ndarray of shape (n, 1) for propensity, (n, arms) for uplift
        """
        contract = self._contract()
        model = session(self.path / "model.onnx")
        scores: NDArray[np.float32] = model.run(
            [contract["output"]["name"]], feed(contract["inputs"], X)
        )[0]
        return scores

    def score_table(self, frame: pd.DataFrame, *, as_of: dt.date | str) -> pd.DataFrame:
        """The scores table of customers, by the bundle's own graph.

        Parameters
        ----------
        frame : pandas.DataFrame or ibis.Table
            ``customer_id`` and the tags of `contract.json`.
        as_of : date
            The day of the tags.

        Returns
        -------
        pandas.DataFrame
            Columns of `schema.SCORES`; for uplift one row per customer and arm.
        """
        contract = self._contract()
        frame = frame if isinstance(frame, pd.DataFrame) else frame.to_pandas()
        scores = self.score(frame)
        arms = contract["output"]["columns"] if self.kind == "uplift" else [None]
        tables = [
            scores_frame(
                frame["customer_id"],
                as_of=as_of,
                kind=self.kind,
                arm=arm,
                score=scores[:, column],
                model_version=self.model_version,
            )
            for column, arm in enumerate(arms)
        ]
        return pd.concat(tables, ignore_index=True)

    def with_policy(
        self, policy: Mapping[str, Any] | object, directory: str | os.PathLike[str]
    ) -> Bundle:
        """The same model with a policy, as a bundle of its own.

        Parameters
        ----------
        policy : mapping or plan
            `offers`, `eligibility` and `prices`, as `export_bundle` takes them.
        directory : path
            Folder to make. If it exists with the same content it is left as it is.
        """
        contents = {name: (self.path / name).read_bytes() for name in self.files}
        contents["policy.json"] = json_text(policy_content(policy)).encode()
        manifest = json.loads((self.path / "manifest.json").read_text(encoding="utf-8"))
        manifest["files"] = _hashed(contents)
        contents["manifest.json"] = json_text(manifest).encode()
        return _place(Path(directory).absolute(), contents)

    def to_frame(self) -> pd.DataFrame:
        """One row a file: `file`, `bytes`, `sha256`."""
        rows = [
            (name, (self.path / name).stat().st_size, digest) for name, digest in self.files.items()
        ]
        return pd.DataFrame(rows, columns=["file", "bytes", "sha256"])


def export_bundle(
    model: object,
    directory: str | os.PathLike[str],
    *,
    tags_version: str | None = None,
    examples: pd.DataFrame | None = None,
    policy: Mapping[str, Any] | object | None = None,
    snapshot: str | None = None,
) -> Bundle:
    """Write a model as a folder that any runtime of ONNX can serve.

    The folder holds `model.onnx` (one input per raw tag, (N, 1) of float32 or string; output
    `score`), `contract.json`, `policy.json`, `golden.jsonl` and `manifest.json`. It is verified
    before it appears under its name, and appears whole.

    Parameters
    ----------
    model : PropensityModel or UpliftModel
        Fitted.
    directory : path
        Folder to make. If it exists with the same content it is left as it is.
    tags_version : str, optional
        Version of the tag catalogue that the inputs come from.
    examples : pandas.DataFrame, optional
        Raw tags of customers for the typical golden cases (ids are left out). Without it they are
        drawn from the ranges seen at fit. Choose made-up or cleared rows: they leave the bank's
        analytics with the bundle.
    policy : mapping or plan, optional
        `offers`, `eligibility` and `prices` for the decision service.
    snapshot : str, optional
        Fingerprint of the mart that the model was trained on.

    Returns
    -------
    Bundle

    Raises
    ------
    InvalidInput
        If the model is not fitted or not exportable, the policy has unknown keys, or `directory`
        exists with other content.
    PublicationError
        If the exported graph does not repeat the model's scores; nothing is written then.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> from marketing_ds.propensity import PropensityModel
    >>> rng = np.random.default_rng(0)
    >>> tags = pd.DataFrame({"age": rng.integers(18, 80, 500),
    ...                      "tier": rng.choice(["gold", "basic"], 500)})
    >>> bought = rng.random(500) < np.where(tags["tier"] == "gold", 0.5, 0.2)
    >>> model = PropensityModel(n_jobs=1, max_trees=20).fit(tags, bought)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     bundle = export_bundle(model, f"{folder}/bought")
    ...     verify_bundle(bundle.path).passed
    True
    """
    fitted = check_model(model)
    return _place(
        Path(directory).absolute(), _contents(fitted, tags_version, examples, policy, snapshot)
    )


def load_bundle(directory: str | os.PathLike[str]) -> Bundle:
    """Open a bundle that `export_bundle` wrote, after verifying it.

    Raises
    ------
    InvalidInput
        If `directory` is not a folder, or the bundle fails its checks.
    """
    check = verify_bundle(directory)
    if not check.passed:
        raise InvalidInput(f"directory must hold a sound bundle; {'; '.join(check.problems)}")
    path = Path(directory).absolute()
    return _bundle(path, {n: (path / n).read_bytes() for n in ("manifest.json", "golden.jsonl")})


def _contents(
    model: Model,
    tags_version: str | None,
    examples: pd.DataFrame | None,
    policy: object | None,
    snapshot: str | None,
) -> dict[str, bytes]:
    proto = build_graph(model, model.model_version_)
    cases = golden_cases(model, examples)
    told = contract(model, tags_version, scale=golden_scale(model, cases))
    files = {
        "model.onnx": proto.SerializeToString(deterministic=True),
        "contract.json": json_text(told).encode(),
        "policy.json": json_text(policy_content(policy)).encode(),
        "golden.jsonl": golden_text(cases).encode(),
    }
    manifest = {
        "format": 1,
        "kind": kind_of(model),
        "model_version": model.model_version_,
        "tags_version": tags_version,
        "snapshot": snapshot,
        "versions": {package: version(package) for package in _PACKAGES},
        "opset": {o.domain or "ai.onnx": o.version for o in proto.opset_import},
        "files": _hashed(files),
    }
    return {**files, "manifest.json": json_text(manifest).encode()}


def _hashed(files: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    return {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        for name, content in files.items()
    }


def _place(target: Path, contents: Mapping[str, bytes]) -> Bundle:
    """All files under `target` at once, verified before; an equal folder is left as it is."""
    if target.exists():
        return _found(target, contents)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise InvalidInput(f"directory {str(target)!r} cannot be made: {error}") from error
    try:
        for name, content in contents.items():
            _write(draft / name, content)
        check = verify_bundle(draft)
        if not check.passed:
            raise PublicationError(
                f"the bundle was refused, since it does not repeat the model: {check.problems[0]}"
            )
        draft.chmod(0o755)  # mkdtemp's folders are for their maker only
        draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return _bundle(target, contents)


def _found(target: Path, contents: Mapping[str, bytes]) -> Bundle:
    same = target.is_dir() and all(
        (target / name).is_file() and (target / name).read_bytes() == content
        for name, content in contents.items()
    )
    if not same:
        raise InvalidInput(
            f"directory {str(target)!r} exists with other content; bundles are never replaced: "
            "choose another name, e.g. one that holds the model's version"
        )
    return _bundle(target, contents)


def _bundle(target: Path, contents: Mapping[str, bytes]) -> Bundle:
    manifest = json.loads(contents["manifest.json"])
    return Bundle(
        path=target,
        kind=manifest["kind"],
        model_version=manifest["model_version"],
        files={name: entry["sha256"] for name, entry in manifest["files"].items()},
        cases=contents["golden.jsonl"].count(b"\n"),
    )


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
