"""How often a source is read for its measures: once, or twice where that is cheaper.

Most measures look back a few months, some a year. One pass holds every row against all of them. In
a large table of Parquet or DuckDB files, a second pass over the last months alone answers the short
windows, for older rows are then skipped by the minima and maxima of the files: 110 measures over 5
million rows of a year take three quarters of the processor time so.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import ibis.expr.types as ir

from marketing_ds import schema

from ._measures import Measure, aggregated, first_day, since

LARGE = 2_000_000
"""Rows from which a second pass is thought of; below, the longer query costs what it saves."""
_READING = 10
"""What reading and grouping a row costs, in measures of a row."""
_ALL_DAYS = 365
"""How far back all time is taken to reach."""
_WORTH = 0.9
"""The second pass must promise at least a tenth."""


def aggregated_in_passes(
    rows: ir.Table,
    source: str,
    key: str,
    measures: Sequence[Measure],
    day: dt.date,
    *,
    n_rows: int | None,
    exact: Mapping[str, str] | None = None,
) -> ir.Table:
    """As `aggregated`, with the short windows in a pass of their own where that is cheaper.

    Parameters
    ----------
    rows, source, key, measures, day, exact
        As for `aggregated`.
    n_rows : int or None
        Rows of the source; None if that is not known, or reading a part of them saves nothing.
    """
    cut = _cut([reach(m, day) for m in measures]) if n_rows and n_rows >= LARGE else None
    if cut is None:
        return aggregated(rows, source, key, measures, day, exact=exact)
    near = [m for m in measures if reach(m, day) <= cut]
    far = [m for m in measures if m not in near]
    moment = rows[str(schema.MART[source].dated_by)]
    last_months = rows.filter(since(moment, day - dt.timedelta(days=cut - 1)))
    recent = aggregated(last_months, source, key, near, day, exact=exact).rename(_near="_key")
    whole = aggregated(rows, source, key, far, day, exact=exact)
    # Every key of the last months is among all: nobody is lost to a left join.
    return whole.left_join(recent, whole["_key"] == recent["_near"]).drop("_near")


def reach(measure: Measure, day: dt.date) -> int:
    """How many days back a measure looks, `day` included."""
    first = first_day(measure, day)
    return _ALL_DAYS if first is None else (day - first).days + 1


def _cut(reaches: Sequence[int]) -> int | None:
    """The window up to which measures are worth a pass of their own, if any."""
    longest = max(reaches)

    def cost(cut: int) -> int:
        near = sum(reach <= cut for reach in reaches)
        return (len(reaches) - near + _READING) * longest + (near + _READING) * cut

    cuts = sorted({days for days in reaches if days < longest})
    best = min(cuts, key=cost, default=None)
    alone = (len(reaches) + _READING) * longest
    return best if best is not None and cost(best) < _WORTH * alone else None
