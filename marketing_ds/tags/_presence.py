"""What a mart has by a day, asked once: tables with rows, and facts that are recorded."""

from __future__ import annotations

import datetime as dt
from functools import cache

import ibis.expr.types as ir

from marketing_ds import schema

from ._entities import ENTITIES
from ._sources import MartLike, known_by
from ._tag import Tag

_PLANNED = frozenset(entity.table for entity in ENTITIES.values() if entity.planned)


class Presence:
    """Answers whether `mart` has what a tag reads, as known by `as_of`."""

    def __init__(self, mart: MartLike, as_of: dt.date) -> None:
        self._mart = mart
        self._as_of = as_of
        self.has = cache(self._has)
        self._unrecorded = cache(self._find_unrecorded)

    def answers(self, tag: Tag) -> bool:
        """Whether each table has rows, and each fact a value for somebody."""
        return all(map(self.has, tag.tables)) and all(
            fact.column not in self._unrecorded(fact.table) for fact in tag.facts
        )

    def _has(self, table: str) -> bool:
        if table not in self._mart.tables:
            return False
        return bool(self._rows(table).limit(1).count().to_pyarrow().as_py())

    def _rows(self, table: str) -> ir.Table:
        rows = self._mart[table]
        return rows if table in _PLANNED else known_by(rows, table, self._as_of)

    def _find_unrecorded(self, table: str) -> frozenset[str]:
        """Columns of an entity's table that are null in every row."""
        rows = self._rows(table)
        nullable = [column.name for column in schema.MART[table].columns if column.nullable]
        counts = rows.aggregate(**{c: rows[c].count() for c in nullable}).to_pyarrow()
        return frozenset(c for c in nullable if counts[c][0].as_py() == 0)
