"""Balances at snapshots: the last one by a day, and the last ones some days before it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

from marketing_ds.schema.known import date_of, looked_up

from ._entities import EntityName
from ._rows import MartLike, Prepared

SNAPSHOTS: Mapping[str, int] = {
    "at_now": 0, "at_30d": 30, "at_60d": 60, "at_90d": 90, "at_180d": 180,
}  # fmt: skip
"""Columns that say whether a row belongs to the last snapshot by so many days before `as_of`."""
TERMS: Mapping[str, tuple[int, int]] = {
    "ended_30d": (-29, 0), "7d": (1, 7), "30d": (8, 30), "90d": (31, 90),
}  # fmt: skip
"""Values of `term`: from and to how many days after `as_of` the balance matures."""
MOVING = frozenset({"term", "days_past_maturity"})
"""Columns that are others the next day, though the snapshots are the same."""
_COMPARED = "at_90d"


def prepare_holdings(mart: MartLike, as_of: dt.date, entity: EntityName = "customer") -> Prepared:
    """Balances above 0 at each of `SNAPSHOTS`.

    A product that is missing from a snapshot is no longer held; therefore the mart's last snapshot
    counts, not each customer's. Their dates are fetched first: with literal dates the engine reads
    these snapshots instead of all.
    """
    rows = mart["holdings"]
    found = snapshot_dates(rows, as_of)
    day = rows.snapshot_date
    dates = [date_of(d) for d in sorted({d for d in found.values() if d is not None})]
    kept = rows.filter(day.isin(dates) if dates else ibis.literal(False), rows.balance_cny > 0)
    at = {
        name: kept.snapshot_date == date_of(d) if d is not None else ibis.literal(False)
        for name, d in found.items()
    }
    past = date_of(as_of).delta(kept.matures_on, unit="day")
    terms = [(past.between(-last, -first), name) for name, (first, last) in TERMS.items()]
    later = (past < -max(last for _, last in TERMS.values()), "later")
    derived = kept.mutate(**at, days_past_maturity=past, term=ibis.cases(*terms, later))
    unknown: set[tuple[str, object]] = {(name, True) for name, d in found.items() if d is None}
    if found[_COMPARED] is None:
        unknown |= {("held_90d", True), ("held_90d", False)}
    if entity == "product":
        derived = _with_company(derived)
    return Prepared(
        looked_up(derived, mart, "products", "product_id", "category"), frozenset(unknown)
    )


def snapshot_dates(rows: ir.Table, as_of: dt.date) -> dict[str, dt.date | None]:
    """The date of each of `SNAPSHOTS`, None where the mart has none so early."""
    day = rows.snapshot_date
    limits = {name: date_of(as_of - dt.timedelta(days=ago)) for name, ago in SNAPSHOTS.items()}
    found = rows.aggregate(**{n: day.max(where=day <= limit) for n, limit in limits.items()})
    return {name: values[0] for name, values in found.to_pyarrow().to_pydict().items()}


def _with_company(rows: ir.Table) -> ir.Table:
    """What else the holder of each row holds: for products only, since it costs a sort."""
    holder = rows.group_by("customer_id", "snapshot_date").mutate(
        has_other=ibis._.count() > 1,
    )
    return holder.group_by("customer_id", "product_id").mutate(
        held_now=ibis._.at_now.any(), held_90d=ibis._[_COMPARED].any()
    )
