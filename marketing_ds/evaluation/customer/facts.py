"""What is known of every customer before and after: one scan a table, for both days at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir

from marketing_ds.evaluation.measuring import tag_name
from marketing_ds.outcomes import beside
from marketing_ds.schema.known import date_of, end_of, known_by, looked_up
from marketing_ds.tags import Tag, tag_table
from marketing_ds.tags._measures import MASK_DAYS, bit_count, bit_or, day_number
from marketing_ds.tags._sources import ASSETS, TREND_DAYS

from .standing import FOLLOWED, STANDING, formula, kinds, standing_tags

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

ID = "customer_id"
_MADE = ("age", "age_band", "assets_band", "value_tier", "lifecycle", "dormant", "low_assets", "high_assets")  # fmt: skip


@dataclass(frozen=True)
class Period:
    """The day before, the day after, and what the bank knew."""

    before: dt.date
    after: dt.date
    as_of: dt.date

    @property
    def days(self) -> int:
        """Days of the window after `before` up to `after`, and of the one that ends with `before`."""
        return (self.after - self.before).days

    @property
    def first(self) -> dt.date:
        """The first day of the window before."""
        return self.before - dt.timedelta(days=self.days - 1)


@dataclass(frozen=True)
class Facts:
    """One row a customer, and what the mart could tell.

    Attributes
    ----------
    rows : ibis.Table
        One row a customer of the day before: `customer_id`, facts as of before, the same with
        ``_after``, and each measure with ``_before`` and ``_after``.
    tags : tuple of str
        Facts as of before.
    followed : tuple of str
        Those that there are for the day after too.
    measures : tuple of str
        What is compared before and after.
    notes : tuple of str
        What the mart cannot tell: keys of sentences.
    """

    rows: ir.Table
    tags: tuple[str, ...]
    followed: tuple[str, ...]
    measures: tuple[str, ...]
    notes: tuple[str, ...]


def customer_facts(
    mart: Mart,
    period: Period,
    floors: tuple[float, float],
    tags: Sequence[str | Tag] = (),
) -> Facts:
    """The facts of all customers opened by the day before.

    Parameters
    ----------
    floors : (float, float)
        Assets below the first are low, those from the second on are high.
    tags : sequence of str or Tag
        More facts of the day before; each of their sources takes a scan of its own.

    Notes
    -----
    Tags are as `tag_table` gives them on each day, of what was known that day. Measures of the two
    windows take what was known by `as_of`: the same for both.
    """
    customers = known_by(mart["customers"], "customers", period.before)
    rows = customers.select(ID, "opened_on", "birth_year", "gender", "region")
    held, snapshots = _held(mart, period)
    parts, notes = [held] if held is not None else [], []
    measures: list[str] = []
    if held is None:
        notes.append("no_holdings")
    elif not snapshots.follow:
        notes.append("no_snapshot_after")
    else:
        measures += ["aum", "deposit_cny", "products_held"]
    for name, made, told in (
        ("transactions", _moved, ["inflow_cny", "outflow_cny", "transactions"]),
        ("events", _active, ["active_days"]),
    ):
        if name in mart.tables:
            parts.append(made(mart, period))
            measures += told
        else:
            notes.append(f"no_{name}")
    for part in parts:
        rows = _beside(rows, part)
    staged = held is not None and "transactions" in mart.tables
    rows = _standing(rows, period, floors, assets=held is not None, staged=staged)
    told = [name for name in STANDING if name in rows.columns]
    followed = tuple(n for n in FOLLOWED if n in told) if snapshots.follow else ()
    more = [tag for tag in tags if tag_name(tag) not in rows.columns]
    if more:
        rows = beside(rows, tag_table(mart, period.before, more), zero=False)
    names = (*told, *(tag_name(tag) for tag in more))
    return Facts(rows, names, followed, tuple(measures), tuple(notes))


@dataclass(frozen=True)
class _Snapshots:
    """The last snapshot by each day, None where the mart has none so early."""

    before: dt.date | None = None
    after: dt.date | None = None
    trend_before: dt.date | None = None
    trend_after: dt.date | None = None

    @property
    def follow(self) -> bool:
        """Whether the day after has a snapshot of its own."""
        return self.before is not None and self.after is not None and self.after > self.before


def _held(mart: Mart, period: Period) -> tuple[ir.Table | None, _Snapshots]:
    """Balances at the last snapshots by both days, and by 90 days before each."""
    if "holdings" not in mart.tables:
        return None, _Snapshots()
    rows = mart["holdings"]
    earlier = dt.timedelta(days=TREND_DAYS)
    limits = {
        "before": period.before,
        "after": period.after,
        "trend_before": period.before - earlier,
        "trend_after": period.after - earlier,
    }
    day = rows.snapshot_date
    asked = rows.aggregate(**{n: day.max(where=day <= date_of(d)) for n, d in limits.items()})
    found: dict[str, dt.date | None] = asked.to_pyarrow().to_pylist()[0]
    if found["before"] is None:
        return None, _Snapshots()
    dates = [date_of(d) for d in sorted({d for d in found.values() if d is not None})]
    # With literal dates the engine reads these snapshots instead of all.
    rows = rows.filter(day.isin(dates), rows.balance_cny > 0)
    rows = looked_up(rows, mart, "products", "product_id", "category")
    balance = rows.balance_cny.cast("float64")
    asset, deposit = rows.category.isin(list(ASSETS)), rows.category == "deposit"
    values: dict[str, ir.Value] = {}
    for name, date in found.items():
        if date is None:
            continue
        there = rows.snapshot_date == date_of(date)
        values[f"aum_{name}"] = (there & asset).ifelse(balance, 0.0)
        if not name.startswith("trend"):
            values[f"deposit_cny_{name}"] = (there & deposit).ifelse(balance, 0.0)
            values[f"products_held_{name}"] = there.ifelse(1.0, 0.0)
    # Chosen before they are added up: engines do that faster than sums with a condition each.
    chosen = rows.select(ID, **values)
    return chosen.group_by(ID).aggregate(**{n: chosen[n].sum() for n in values}), _Snapshots(
        **found
    )


def _moved(mart: Mart, period: Period) -> ir.Table:
    """Money moved in both windows, and the last transaction of the customer's own by both days."""
    rows = mart["transactions"]
    at, known = rows.occurred_at, rows.recorded_on
    rows = rows.filter(at < end_of(period.after), known <= date_of(period.as_of))
    own = rows.kind.isin(kinds("days_since_transaction"))
    into, out = (rows.kind.isin(kinds(f"{way}flow_30d_cny")) for way in ("in", "out"))
    flagged = rows.select(
        ID,
        "recorded_on",
        day=rows.occurred_at.date(),
        own=own,
        into=into.ifelse(rows.amount_cny.cast("float64"), 0.0),
        out=out.ifelse(rows.amount_cny.cast("float64"), 0.0),
    )
    values: dict[str, ir.Value] = {}
    day = flagged.day
    for name, last in (("before", period.before), ("after", period.after)):
        first = date_of(last - dt.timedelta(days=period.days - 1))
        inside = (day >= first) & (day <= date_of(last))
        values[f"inflow_cny_{name}"] = inside.ifelse(flagged.into, 0.0)
        values[f"outflow_cny_{name}"] = inside.ifelse(flagged.out, 0.0)
        values[f"transactions_{name}"] = (inside & flagged.own).ifelse(1.0, 0.0)
        then = flagged.own & (day <= date_of(last)) & (flagged.recorded_on <= date_of(last))
        values[f"last_{name}"] = then.ifelse(day, None)
    chosen = flagged.select(ID, **values)
    return chosen.group_by(ID).aggregate(
        **{n: chosen[n].max() if n.startswith("last") else chosen[n].sum() for n in values}
    )


def _active(mart: Mart, period: Period) -> ir.Table:
    """Days with an event in both windows: one bit a day, so that no day is kept apart."""
    rows = mart["events"]
    first = end_of(period.first - dt.timedelta(days=1))
    rows = rows.filter(
        rows.occurred_at >= first,
        rows.occurred_at < end_of(period.after),
        rows.recorded_on <= date_of(period.as_of),
    )
    place = day_number(rows.occurred_at) - day_number(date_of(period.first))
    masks = {}
    for part in range(-(-2 * period.days // MASK_DAYS)):
        bit = place - part * MASK_DAYS
        one = ibis.literal(1, "int64") << bit
        masks[f"_mask_{part}"] = bit_or(bit.between(0, MASK_DAYS - 1).ifelse(one, None))
    seen = rows.group_by(ID).aggregate(**masks)
    return seen.select(
        ID,
        active_days_before=_bits(seen, 0, period.days),
        active_days_after=_bits(seen, period.days, 2 * period.days),
    )


def _bits(seen: ir.Table, first: int, end: int) -> ir.Value:
    """Days from `first` up to (not with) `end` that are marked."""
    counts = []
    for part in range(first // MASK_DAYS, -(-end // MASK_DAYS)):
        low = max(first - part * MASK_DAYS, 0)
        high = min(end - part * MASK_DAYS, MASK_DAYS)
        window = ibis.literal((1 << high) - (1 << low), "int64")
        counts.append(bit_count(seen[f"_mask_{part}"].fill_null(0) & window).cast("int64"))
    return sum(counts[1:], start=counts[0])


def _beside(rows: ir.Table, part: ir.Table) -> ir.Table:
    """`rows` with the columns of `part`; 0 where a customer is not in it, but no day."""
    joined = rows.left_join(part.rename(_customer=ID), [("customer_id", "_customer")])
    added = {
        name: joined[name]
        if part[name].type().is_date()
        else joined[name].fill_null(0).cast("float64")
        for name in part.columns
        if name != ID
    }
    return joined.select(*rows.columns, **added)


def _standing(
    rows: ir.Table,
    period: Period,
    floors: tuple[float, float],
    *,
    assets: bool,
    staged: bool,
) -> ir.Table:
    """The tags of both days, from what was added up."""
    rule = {name: formula(tag) for name, tag in standing_tags(floors).items() if tag.name in _MADE}
    age = rule["age"](date_of(period.before), rows.birth_year)
    added: dict[str, ir.Value] = {"age_band": rule["age_band"](age)}
    for name, suffix, day in (("before", "", period.before), ("after", "_after", period.after)):
        if not assets or f"aum_{name}" not in rows.columns:
            continue
        aum = rows[f"aum_{name}"]
        for tag in ("assets_band", "value_tier", "low_assets", "high_assets"):
            added[f"{tag}{suffix}"] = rule[tag](aum)
        if staged:
            trend = f"aum_trend_{name}"
            then = rows[trend] if trend in rows.columns else ibis.null("float64")
            today = day_number(date_of(day))
            idle = today - day_number(rows[f"last_{name}"])
            tenure = today - day_number(rows.opened_on)
            stage = rule["lifecycle"](tenure, aum, then, idle)
            added |= {f"lifecycle{suffix}": stage, f"dormant{suffix}": rule["dormant"](stage)}
    return rows.mutate(**added)


def needed_columns(facts: Facts) -> Sequence[str]:
    """The columns of `facts.rows` that the analysis reads."""
    ends = ("before", "after")
    return [
        ID,
        *facts.tags,
        *(f"{name}_after" for name in facts.followed),
        *(f"{name}_{end}" for name in facts.measures for end in ends),
    ]
