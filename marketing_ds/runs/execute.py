"""Execute a notebook in a kernel of its own, and record what came of it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marketing_ds._core.errors import RunError

from .conclusion import MIME, Conclusion
from .places import project_root
from .record import RunRecord

if TYPE_CHECKING:
    from nbformat import NotebookNode
    from traitlets.config import Config


def execute(
    path: Path, values: Mapping[str, object], snapshot: str, key: str, folder: Path
) -> RunRecord:
    """Execute a notebook whose parameters were checked; its record appears last, or not at all.

    Parameters
    ----------
    path : Path
        The notebook.
    values : mapping
        All its parameters.
    snapshot, key : str
        Fingerprint of the mart, key of the run.
    folder : Path
        Where the finished run will be.

    Raises
    ------
    RunError
        If a cell fails; what was executed is kept beside `folder` and tracked as failed.
    """
    import nbformat
    import papermill

    started = time.monotonic()
    with _draft(folder) as building:
        executed = building / path.name
        try:
            _run_cells(path, executed, values)
        except papermill.PapermillExecutionError as error:
            failed = _keep_failed(building, folder)
            _write_html(failed / path.name)
            spent = time.monotonic() - started
            _track(path, values, snapshot, key, failed, None, spent, failed=True)
            raise RunError(_failure_text(path.stem, failed / path.name, error)) from None
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


@contextmanager
def _draft(folder: Path) -> Iterator[Path]:
    """A folder of this process to build in; what is left of it at the end is removed."""
    building = folder.with_name(f".{folder.name}-{os.getpid()}")
    building.mkdir(parents=True, exist_ok=True)
    try:
        yield building
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _run_cells(path: Path, executed: Path, values: Mapping[str, object]) -> None:
    import papermill

    # Papermill guesses at parameters that were declared and checked already, and says so.
    logging.getLogger("papermill").setLevel(logging.ERROR)
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


def _kernel_config() -> Config:
    """How to start and reach the kernel.

    Over a local socket where there is one: nothing a neighbour could read. And without the
    kernel's own log: being stopped at the end of a run is no error, as it would say.
    """
    from traitlets.config import Config

    return Config(
        {
            "KernelManager": {"transport": "ipc" if os.name == "posix" else "tcp"},
            "NotebookClient": {"extra_arguments": ["--IPKernelApp.log_level=50"]},
        }
    )


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
