"""What tags need of a mart, and the rows of a source that are ready to aggregate."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

import ibis.expr.types as ir


class MartLike(Protocol):
    """What tags need of a mart: `marketing_ds.open_mart` gives one."""

    @property
    def tables(self) -> Collection[str]:
        """Names of the tables present."""

    @property
    def last_date(self) -> dt.date:
        """The last day on which the mart has data."""

    def rows_told(self, name: str) -> int | None:
        """Number of rows of a table where its files tell it without being read."""

    def __getitem__(self, name: str) -> ir.Table:
        """The table of that name."""


@dataclass(frozen=True)
class Prepared:
    """Rows of a source, ready to aggregate."""

    rows: ir.Table
    unknown: frozenset[tuple[str, object]] = frozenset()
    """Conditions (column, value) that this mart cannot answer: their tags are null, not zero."""
