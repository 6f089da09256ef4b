"""Execute one notebook as a tracked, resumable run.

A run's key is a hash of everything that could change its result: the notebook, the mart's content,
the parameters, the package's code and the keys of the runs it builds on. A key that was finished is
found, not repeated; a key that was cut short has no record and is run again. The record is the last
thing written, by one rename.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
import os
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marketing_ds._core.display import Result
from marketing_ds._core.errors import RunError, did_you_mean

from .conclusion import MIME, Conclusion
from .parameters import declared_parameters, validate_parameters
from .settings import mart_settings

if TYPE_CHECKING:
    import pandas as pd
    from nbformat import NotebookNode
    from traitlets.config import Config

    from marketing_ds.mart import Mart

PATH_PARAMETERS = ("mart_path", "workspace_path")
"""Parameters that say where things are, not what to do: no part of a run's key."""


@dataclass(frozen=True)
class RunRecord(Result):
    """One finished run: what it was given, what came out, and where to look."""

    notebook: str
    key: str
    found: bool
    seconds: float
    parameters: Mapping[str, Any]
    conclusion: Conclusion | None
    folder: Path
    mlflow_run_id: str

    @property
    def executed(self) -> Path:
        """The executed notebook."""
        return self.folder / f"{self.notebook}.ipynb"

    @property
    def html(self) -> Path:
        """The executed notebook as a page."""
        return self.folder / f"{self.notebook}.html"

    def to_frame(self) -> pd.DataFrame:
        """One row: notebook, seconds, rows, headline and where to look."""
        import pandas as pd

        done = self.conclusion
        return pd.DataFrame(
            {
                "notebook": [self.notebook],
                "status": ["found done" if self.found else "done"],
                "seconds": [self.seconds],
                "rows": [done.rows if done else 0],
                "headline": [f"{done.headline}: {done.text()}" if done else ""],
                "html": [str(self.html)],
            }
        )


def project_root() -> Path:
    """The folder that holds `notebooks/`, `data_samples/` and `mlruns/`.

    ``MARKETING_DS_HOME`` if set, else the checkout the package runs from, else the current folder.
    """
    if home := os.environ.get("MARKETING_DS_HOME"):
        return Path(home).resolve()
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "notebooks").is_dir() else Path.cwd()


def find_notebook(name: str | Path) -> Path:
    """The notebook of that name or path.

    Raises
    ------
    RunError
        If there is none; names the nearest.
    """
    path = Path(name)
    if path.suffix == ".ipynb" and path.is_file():
        return path.resolve()
    folder = project_root() / "notebooks"
    named = folder / f"{path.stem if path.suffix == '.ipynb' else name}.ipynb"
    if named.is_file():
        return named
    known = sorted(p.stem for p in folder.glob("*.ipynb"))
    hint = did_you_mean(str(name), known) or f"; there are: {', '.join(known) or 'none'}"
    raise RunError(f"there is no notebook {str(name)!r} in {folder}{hint}")


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
        folder; defaults in the notebook are relative to the notebook.
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
    if (record := _finished(path.stem, folder)) is not None:
        return record
    return _execute(path, values, snapshot, key, folder)


def latest_key(notebook: str, workspace: str | Path, as_of: str) -> str | None:
    """The key of the newest finished run of a notebook for a business date up to `as_of`."""
    newest: tuple[str, str, str] | None = None
    for file in (Path(workspace) / "runs" / notebook).glob("*/record.json"):
        content = json.loads(file.read_text(encoding="utf-8"))
        date = str(content["parameters"].get("as_of", ""))
        if date <= as_of:
            candidate = (date, content["finished_at"], content["key"])
            newest = candidate if newest is None else max(newest, candidate)
    return newest[2] if newest else None


def _values(path: Path, given: dict[str, object]) -> dict[str, object]:
    """Every declared parameter: as given, else as the mart's own file says, else the default."""
    declared = declared_parameters(path)
    for name in PATH_PARAMETERS:
        if name in given:
            given[name] = str(Path(str(given[name])).resolve())
    if "mart_path" in given and "mart_path" in declared:
        given = {**mart_settings(str(given["mart_path"]), path), **given}
    values = validate_parameters(declared, given, path.stem)
    for name in PATH_PARAMETERS:
        if name in values:
            values[name] = str((path.parent / str(values[name])).resolve())
    return values


def _checked_snapshot(mart_path: str, workspace: Path) -> str:
    """The mart's fingerprint, once its contract holds; a passed check is remembered by it."""
    from marketing_ds.mart import open_mart

    mart = open_mart(mart_path, workspace=workspace)
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


def _finished(notebook: str, folder: Path) -> RunRecord | None:
    """The record of a finished run whose outputs are all still there."""
    file = folder / "record.json"
    if not file.is_file():
        return None
    content = json.loads(file.read_text(encoding="utf-8"))
    done = content["conclusion"] and Conclusion.from_dict(content["conclusion"])
    outputs = [*done.publications, *done.bundles.values()] if done else []
    if not all((Path(output) / "manifest.json").is_file() for output in outputs):
        return None
    return RunRecord(
        notebook,
        content["key"],
        True,
        content["seconds"],
        content["parameters"],
        done,
        folder,
        content["mlflow_run_id"],
    )


def _execute(
    path: Path, values: Mapping[str, object], snapshot: str, key: str, folder: Path
) -> RunRecord:
    import nbformat
    import papermill

    # Papermill guesses at parameters that were declared and checked already, and says so.
    logging.getLogger("papermill").setLevel(logging.ERROR)
    building = folder.with_name(f".{key}-{os.getpid()}")
    building.mkdir(parents=True, exist_ok=True)
    executed = building / path.name
    started = time.monotonic()
    try:
        papermill.execute_notebook(
            path,
            executed,
            parameters=dict(values),
            kernel_name="python3",
            language="python",
            cwd=path.parent,
            progress_bar=False,
            config=_kernel_config(),
        )
    except papermill.PapermillExecutionError as error:
        failed = _keep_failed(building, folder)
        _write_html(failed / path.name)
        _track(path, values, snapshot, key, failed, None, time.monotonic() - started, failed=True)
        raise RunError(_failure_text(path.stem, failed / path.name, error)) from None
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    seconds = time.monotonic() - started
    conclusion = _conclusion_of(nbformat.read(executed, as_version=4))
    _write_html(executed)
    run_id = _track(path, values, snapshot, key, building, conclusion, seconds)
    content = {
        "notebook": path.stem,
        "key": key,
        "parameters": values,
        "mart_snapshot": snapshot,
        "seconds": round(seconds, 2),
        "finished_at": dt.datetime.now(dt.UTC).isoformat(),
        "conclusion": conclusion.to_dict() if conclusion else None,
        "mlflow_run_id": run_id,
    }
    (building / "record.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
    if folder.exists():  # its outputs were removed since, or another process was faster
        shutil.rmtree(folder)
    building.rename(folder)
    _show_page(folder / f"{path.stem}.html", folder.parents[2] / "pages")
    return RunRecord(path.stem, key, False, seconds, dict(values), conclusion, folder, run_id)


def _kernel_config() -> Config:
    """Talk to the kernel over a local socket where there is one: nothing a neighbour could read."""
    from traitlets.config import Config

    return Config({"KernelManager": {"transport": "ipc" if os.name == "posix" else "tcp"}})


def _conclusion_of(notebook: NotebookNode) -> Conclusion | None:
    """The last conclusion shown in an executed notebook."""
    for cell in reversed(notebook.cells):
        for output in reversed(cell.get("outputs", [])):
            if MIME in output.get("data", {}):
                return Conclusion.from_dict(output["data"][MIME])
    return None


def _keep_failed(building: Path, folder: Path) -> Path:
    """Keep what a failed run left, where a person can look at it; replaced by the next failure."""
    failed = folder.with_name(f"failed-{folder.name}")
    if failed.exists():
        shutil.rmtree(failed)
    building.rename(failed)
    return failed


def _failure_text(name: str, executed: Path, error: Any) -> str:
    """Which cell failed, its source, and the last word of its error."""
    source = "\n".join(f"    {line}" for line in str(error.source).splitlines())
    return (
        f"{name} failed in cell {error.exec_count}:\n{source}\n"
        f"  {error.ename}: {error.evalue}\n  executed so far: {executed}"
    )


def _write_html(executed: Path) -> None:
    from nbconvert import HTMLExporter

    page, _ = HTMLExporter(exclude_input_prompt=True, exclude_output_prompt=True).from_filename(
        str(executed)
    )
    executed.with_suffix(".html").write_text(page, encoding="utf-8")


def _show_page(page: Path, pages: Path) -> None:
    """Keep the newest page of each notebook where a person finds it."""
    pages.mkdir(exist_ok=True)
    draft = pages / f".{page.name}-{os.getpid()}"
    shutil.copyfile(page, draft)
    draft.replace(pages / page.name)


def _track(
    path: Path,
    values: Mapping[str, object],
    snapshot: str,
    key: str,
    folder: Path,
    conclusion: Conclusion | None,
    seconds: float,
    *,
    failed: bool = False,
) -> str:
    """One MLflow run: parameters, versions, typed results, manifests, models, notebook and page."""
    from marketing_ds import __version__, tracking

    metrics = {"seconds": seconds}
    files = [folder / path.name, (folder / path.name).with_suffix(".html")]
    manifests: list[Path] = []
    if conclusion is not None:
        headline = {
            "headline": conclusion.value,
            "headline_ci_lower": conclusion.ci_lower,
            "headline_ci_upper": conclusion.ci_upper,
        }
        metrics |= {name: figure for name, figure in headline.items() if figure is not None}
        metrics |= {"rows": conclusion.rows, **conclusion.metrics}
        manifests = [Path(p) / "manifest.json" for p in conclusion.publications]
        summary = folder / "conclusion.json"
        summary.write_text(json.dumps(conclusion.to_dict(), indent=1), encoding="utf-8")
        files += [summary, *map(Path, conclusion.files)]
    return tracking.log_run(
        root=project_root(),
        name=path.stem,
        failed=failed,
        parameters=values,
        metrics=metrics,
        tags={
            "notebook_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "mart_snapshot": snapshot,
            "run_key": key,
            "marketing_ds": __version__,
            "python": sys.version.split()[0],
            "headline": conclusion.headline if conclusion else "",
        },
        files=files,
        manifests=manifests,
        bundles=conclusion.bundles if conclusion else None,
    )
