"""What a mart has by a day, asked once: tables with rows, and customer facts that are recorded."""

from __future__ import annotations

import datetime as dt
from functools import cache, cached_property

from marketing_ds import schema

from ._sources import MartLike, known_by
from ._tag import Fact, Tag


class Presence:
    """Answers whether `mart` has what a tag reads, as known by `as_of`."""

    def __init__(self, mart: MartLike, as_of: dt.date) -> None:
        self._mart = mart
        self._as_of = as_of
        self.has = cache(self._has)

    def answers(self, tag: Tag) -> bool:
        """Whether each table has rows, and each customer fact a value for somebody."""
        facts = {i.column for i in _with_inputs(tag) if isinstance(i, Fact)}
        return all(map(self.has, tag.tables)) and facts.isdisjoint(self._unrecorded)

    def _has(self, table: str) -> bool:
        if table not in self._mart.tables:
            return False
        rows = known_by(self._mart[table], table, self._as_of)
        return bool(rows.limit(1).count().to_pyarrow().as_py())

    @cached_property
    def _unrecorded(self) -> frozenset[str]:
        """Columns of customers that are null for everybody."""
        customers = known_by(self._mart["customers"], "customers", self._as_of)
        nullable = [column.name for column in schema.CUSTOMERS.columns if column.nullable]
        counts = customers.aggregate(**{c: customers[c].count() for c in nullable}).to_pyarrow()
        return frozenset(c for c in nullable if counts[c][0].as_py() == 0)


def _with_inputs(tag: Tag) -> list[object]:
    below = [i for t in tag.inputs if isinstance(t, Tag) for i in _with_inputs(t)]
    return [*tag.inputs, *below]
