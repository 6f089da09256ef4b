"""Balances kept for as long as their snapshots are: most days bring none, and nothing to add up.

Only what moves with the day itself, such as balances that mature within a week, is added up anew,
from the last snapshot alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis.expr.types as ir

from ._compile import measures_for
from ._entities import ENTITIES
from ._kept import Keeper, KeptDay
from ._measures import aggregated
from ._snapshots import MOVING, prepare_holdings, snapshot_dates
from ._tag import Aggregate
from ._unchanged import Behind

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

BALANCES = "holdings"
_KEY = ENTITIES["customer"].key
_NEVER = -1


@dataclass(frozen=True)
class Balances:
    """The measures of `holdings` as of a day, and how they were had."""

    table: ir.Table
    since: dt.date | None
    """The day that those kept were added up for; None if they had to be added up."""
    reason: str


def balances(
    mart: Mart, aggregates: Sequence[Aggregate], day: dt.date, *, full: bool
) -> Balances | None:
    """The measures that answer `aggregates`; None if all of them move with the day."""
    steady = [a for a in aggregates if not _moves(a)]
    moving = [a for a in aggregates if _moves(a)]
    if not steady:
        return None
    measures = measures_for(steady, day)
    keeper = Keeper.of(mart, BALANCES, measures)
    before, behind = None if full else keeper.last(day), _behind(mart, day, steady)
    same = before is not None and _same(before.behind, behind)
    if before is None or not same:
        rows = prepare_holdings(mart, day).rows
        found = keeper.keep(aggregated(rows, BALANCES, _KEY, measures, day), behind)
        return Balances(_with(mart, found, moving, day), None, _why(before, full))
    reason = f"the same snapshots as on {before.day}"
    return Balances(_with(mart, before, moving, day), before.day, reason)


def _moves(aggregate: Aggregate) -> bool:
    read = {aggregate.column, *(column for column, _ in aggregate.where)}
    return aggregate.days is not None or bool(read & MOVING)


def _behind(mart: Mart, day: dt.date, steady: Sequence[Aggregate]) -> Behind:
    """The files of balances, and which of their snapshots are looked at."""
    stamps = {**mart.stamps("products"), **mart.stamps(BALANCES)}
    dates = snapshot_dates(mart[BALANCES], day)
    asked = [{column for column, _ in a.where} & dates.keys() for a in steady]
    looked_at = set.union(*asked) if all(asked) else dates.keys()
    found = {name: date for name, date in dates.items() if name in looked_at}
    return Behind(day, stamps, {n: d.toordinal() if d else _NEVER for n, d in found.items()})


def _same(one: Behind, other: Behind) -> bool:
    return one.stamps == other.stamps and one.content == other.content


def _why(before: KeptDay | None, full: bool) -> str:
    if full:
        return "asked for"
    return f"other snapshots than on {before.day}" if before else "nothing kept yet for these tags"


def _with(mart: Mart, kept: KeptDay, moving: Sequence[Aggregate], day: dt.date) -> ir.Table:
    """What is kept, with what moves with the day."""
    table = mart.read_parquet(kept.files)
    if not moving:
        return table
    rows = prepare_holdings(mart, day).rows
    for column, values in set.intersection(*(set(a.where) for a in moving)):
        rows = rows.filter(rows[column].isin(values))  # so that other snapshots are not read
    fresh = aggregated(rows, BALANCES, _KEY, measures_for(moving, day), day).rename(_moving="_key")
    return table.left_join(fresh, table["_key"] == fresh["_moving"]).drop("_moving")
