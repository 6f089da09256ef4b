"""Run one notebook as a tracked, resumable unit.

A run's key is a hash of everything that could change its result: the notebook, the mart's content,
the parameters, the package's code and the keys of the runs it builds on. A key that was finished is
found, not repeated; a key that was cut short has no record and is run again. The record is the last
thing written, by one rename.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from marketing_ds._core.errors import RunError

from .execute import execute
from .parameters import declared_parameters, validate_parameters
from .places import find_notebook, project_root, workspace_of
from .record import RunRecord, finished
from .settings import mart_settings

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

PATH_PARAMETERS = ("mart_path", "workspace_path")
"""Parameters that say where things are, not what to do: no part of a run's key."""


def run_notebook(
    notebook: str | Path,
    parameters: Mapping[str, object] | None = None,
    *,
    upstream: Sequence[str] = (),
) -> RunRecord:
    """Check the parameters, execute the notebook and record one MLflow run.

    Parameters
    ----------
    notebook : str or Path
        Name of a notebook in `notebooks/`, or a path.
    parameters : mapping, optional
        Values by name; texts are read as the declared type. Paths are relative to the current
        folder; the notebook's own default mart is relative to the notebook. Without a
        ``workspace_path``, outputs go to the mart's own workspace (see `workspace_of`).
    upstream : sequence of str, optional
        Keys of the runs whose outputs this one reads.

    Returns
    -------
    RunRecord
        ``found=True`` if the same run was done before.

    Raises
    ------
    RunError
        Bad parameters (before a kernel starts), a mart that breaks its contract, or a failing
        cell, whose source and error are in the message.
    """
    path = find_notebook(notebook)
    values = _values(path, dict(parameters or {}))
    workspace = Path(str(values.get("workspace_path", project_root() / "workspace")))
    snapshot = ""
    if "mart_path" in values:
        snapshot = _checked_snapshot(str(values["mart_path"]), workspace)
    key = _run_key(path, snapshot, values, upstream)
    folder = workspace / "runs" / path.stem / key
    if (record := finished(path.stem, folder)) is not None:
        return record
    return execute(path, values, snapshot, key, folder)


def _values(path: Path, given: dict[str, object]) -> dict[str, object]:
    """Every declared parameter: as given, else as the mart's own file says, else the default."""
    declared = declared_parameters(path)
    for name in PATH_PARAMETERS:
        if name in given:
            given[name] = str(Path(str(given[name])).resolve())
    if "mart_path" in given and "mart_path" in declared:
        given = {**mart_settings(str(given["mart_path"]), path), **given}
    values = validate_parameters(declared, given, path.stem)
    if "workspace_path" in values and "workspace_path" not in given and "mart_path" in values:
        values["workspace_path"] = str(workspace_of(path.parent / str(values["mart_path"])))
    for name in PATH_PARAMETERS:
        if name in values:
            values[name] = str((path.parent / str(values[name])).resolve())
    return values


def _checked_snapshot(mart_path: str, workspace: Path) -> str:
    """The mart's fingerprint, once its contract holds; a passed check is remembered by it."""
    from marketing_ds.mart import open_mart

    with open_mart(mart_path, workspace=workspace) as mart:
        passed = workspace / "runs" / "checked" / mart.snapshot
        if not passed.exists():
            _refuse_broken(mart, mart_path)
            passed.parent.mkdir(parents=True, exist_ok=True)
            passed.touch()
        return mart.snapshot


def _refuse_broken(mart: Mart, mart_path: str) -> None:
    check = mart.check()
    if not check.passed:
        rules = check.to_frame()
        raise RunError(
            f"the mart {mart_path} breaks {len(rules)} rule(s) of its contract, so nothing was "
            f"run; see: marketing-ds check {mart_path}"
        )


def _run_key(
    notebook: Path, snapshot: str, values: Mapping[str, object], upstream: Sequence[str]
) -> str:
    what = {
        "notebook": hashlib.sha256(notebook.read_bytes()).hexdigest(),
        "mart": snapshot,
        "parameters": {k: v for k, v in values.items() if k not in PATH_PARAMETERS},
        "code": _code_hash(),
        "upstream": sorted(upstream),
    }
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]


@cache
def _code_hash() -> str:
    """A hash of the package's own source: other code, other run."""
    package = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for source in sorted(package.rglob("*.py")):
        digest.update(source.relative_to(package).as_posix().encode() + b"\0")
        digest.update(source.read_bytes())
    return digest.hexdigest()
