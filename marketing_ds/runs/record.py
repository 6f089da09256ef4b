"""The record of a finished run: written last, found by every later call."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marketing_ds._core.display import Result

from .conclusion import Conclusion

if TYPE_CHECKING:
    import pandas as pd


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


def finished(notebook: str, folder: Path) -> RunRecord | None:
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
