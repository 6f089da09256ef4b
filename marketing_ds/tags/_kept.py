"""Measures kept in the workspace from one day to the next, each day's in one step.

    <workspace>/partials/<source>/<key>/as_of=<date>/part-0.parquet, manifest.json

The key names the mart and the measures, so that other tags or another mart never meet them.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import ibis.expr.types as ir

from ._measures import Measure, timeless
from ._unchanged import Behind

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

_MANIFEST = "manifest.json"
_KEEP = 3
"""Days kept for each key: tables that were handed out still read the last ones."""


@dataclass(frozen=True)
class KeptDay:
    """The measures of one source as of one day."""

    folder: Path
    behind: Behind
    """The rows it was made of."""

    @property
    def day(self) -> dt.date:
        """The day."""
        return self.behind.day

    @property
    def files(self) -> list[Path]:
        """The data files."""
        return sorted(self.folder.glob("*.parquet"))


@dataclass(frozen=True)
class Keeper:
    """The kept days of one source for one set of measures."""

    mart: Mart
    folder: Path

    @classmethod
    def of(cls, mart: Mart, source: str, measures: Sequence[Measure]) -> Keeper:
        """The place for these measures of this mart."""
        names = sorted({repr(timeless(measure)) for measure in measures})
        text = json.dumps([str(mart.source), source, names])
        key = hashlib.sha256(text.encode()).hexdigest()[:16]
        return cls(mart, mart.workspace.root / "partials" / source / key)

    def last(self, day: dt.date) -> KeptDay | None:
        """The latest day kept that is not after `day`."""
        days = [kept for kept in self._all() if kept.day <= day]
        return max(days, key=lambda kept: kept.day, default=None)

    def keep(self, table: ir.Table, behind: Behind) -> KeptDay:
        """Compute `table` and keep it for the day of `behind`; replaces nothing until complete."""
        day = behind.day
        final = self.folder / f"as_of={day.isoformat()}"
        with self.mart.workspace.staging() as staging:
            staged = staging / "day"
            staged.mkdir()
            self.mart.write_parquet(table, staged, small=False)
            manifest = {
                "as_of": day.isoformat(),
                "content": dict(behind.content),
                "stamps": dict(behind.stamps),
            }
            (staged / _MANIFEST).write_text(json.dumps(manifest))
            self.mart.workspace.put(staged, final)
        self._forget(day)
        return KeptDay(final, behind)

    def _all(self) -> list[KeptDay]:
        found = (_read(folder) for folder in self.folder.glob("as_of=*"))
        return [kept for kept in found if kept is not None]

    def _forget(self, written: dt.date) -> None:
        """Remove all but the last days and the one just written."""
        days = sorted((kept for kept in self._all() if kept.day != written), key=lambda k: k.day)
        for kept in days[: -(_KEEP - 1)]:
            shutil.rmtree(kept.folder, ignore_errors=True)


def _read(folder: Path) -> KeptDay | None:
    """What is kept in `folder`; None if it is damaged, for it can be made anew."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_text())
        day = dt.date.fromisoformat(manifest["as_of"])
        return KeptDay(folder, Behind(day, dict(manifest["stamps"]), dict(manifest["content"])))
    except (OSError, ValueError, TypeError, KeyError):
        return None
