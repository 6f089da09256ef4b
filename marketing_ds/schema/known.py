"""Rows of the mart as they were known at the end of a day: the one place of point in time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Protocol

import ibis
import ibis.expr.types as ir

from .inputs import MART


class Tables(Protocol):
    """What looking up needs of a mart."""

    @property
    def tables(self) -> Collection[str]:
        """Names of the tables present."""

    def __getitem__(self, name: str) -> ir.Table:
        """The table of that name."""


def midnight_after(day: dt.date) -> dt.datetime:
    """The first moment after `day`."""
    return dt.datetime.combine(day, dt.time()) + dt.timedelta(days=1)


def end_of(day: dt.date) -> ir.TimestampScalar:
    """The first moment after `day`."""
    after = day + dt.timedelta(days=1)
    return ibis.timestamp(f"{after.isoformat()} 00:00:00")


def date_of(day: dt.date) -> ir.DateScalar:
    """`day` as the engine writes it."""
    return ibis.date(day.isoformat())


def known_by(rows: ir.Table, table: str, as_of: dt.date) -> ir.Table:
    """The rows of `table` that had come true, and that the bank knew, at the end of `as_of`."""
    contract = MART[table]
    types = {column.name: column.type for column in contract.columns}
    for name in (contract.dated_by, contract.known_from):
        if name is not None:
            rows = rows.filter(_not_after(rows[name], types[name], as_of))
    return rows


def _not_after(column: ir.Value, type_: str, as_of: dt.date) -> ir.BooleanValue:
    if type_ == "timestamp":
        # Against the next midnight, so that the engine compares stored values as they are and
        # skips files by their minima and maxima.
        return column < end_of(as_of)
    return column <= date_of(as_of)


def happened(moment: ir.TimestampColumn, as_of: dt.date) -> ir.BooleanValue:
    """Whether a later step of a row (opened, redeemed, …) had happened by then; never null."""
    return (moment < end_of(as_of)).fill_null(False)


def looked_up(rows: ir.Table, mart: Tables, table: str, key: str, *columns: str) -> ir.Table:
    """`rows` with `columns` of another table, found by `key`; nulls where there is none.

    The other side is grouped by its key: an engine that sees it unique leaves the join out where
    nobody asks for its columns.
    """
    if table not in mart.tables:
        types = MART[table]
        return rows.mutate(**{c: ibis.null(types.column(c).type) for c in columns})
    other = mart[table]
    unique = other.group_by(_found=other[key]).aggregate(
        **{name: other[name].arbitrary() for name in columns}
    )
    return rows.left_join(unique, rows[key] == unique["_found"]).drop("_found")
