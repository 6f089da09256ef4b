"""Where tags read: each source's rows as they were known at the end of a day.

`known_by` is the one place where point in time is kept. A source then makes the few columns that
its tags need (`prepare`), so that every tag of the source is a plain filtered aggregate.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import ibis
import ibis.expr.types as ir

from marketing_ds import schema

TREND_DAYS = 90
"""How far back the balance trend looks."""
MATURITY_DAYS = 30
"""How far ahead maturing balances are looked for."""
ASSETS = ("deposit", "wealth", "fund", "insurance")
"""Product categories whose balances are the customer's assets with the bank (AUM)."""


class MartLike(Protocol):
    """What tags need of a mart: `marketing_ds.open_mart` gives one."""

    @property
    def tables(self) -> Collection[str]:
        """Names of the tables present."""

    @property
    def last_date(self) -> dt.date:
        """The last day on which the mart has data."""

    def __getitem__(self, name: str) -> ir.Table:
        """The table of that name."""


@dataclass(frozen=True)
class Prepared:
    """Rows of a source, ready to aggregate."""

    rows: ir.Table
    unknown: frozenset[tuple[str, object]] = frozenset()
    """Conditions (column, value) that this mart cannot answer: their tags are null, not zero."""


@dataclass(frozen=True)
class Source:
    """A table that tags aggregate by customer, with what it needs besides."""

    table: str
    prepare: Callable[[MartLike, dt.date], Prepared]
    also: tuple[str, ...] = ()
    """Other tables that must be there."""
    made_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For each column that `prepare` makes: the columns it is made of, as `table.column`."""

    @property
    def columns(self) -> frozenset[str]:
        """Columns that a tag may use."""
        return frozenset(schema.MART[self.table].column_names) | frozenset(self.made_of)

    def lineage(self, column: str) -> tuple[str, ...]:
        """The mart's columns behind `column`, as `table.column`."""
        return self.made_of.get(column, (f"{self.table}.{column}",))


def end_of(day: dt.date) -> ir.TimestampScalar:
    """The first moment after `day`."""
    after = day + dt.timedelta(days=1)
    return ibis.timestamp(f"{after.isoformat()} 00:00:00")


def known_by(rows: ir.Table, table: str, as_of: dt.date) -> ir.Table:
    """The rows of `table` that had come true, and that the bank knew, at the end of `as_of`."""
    contract = schema.MART[table]
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
    return column <= ibis.date(as_of.isoformat())


def _happened(moment: ir.TimestampColumn, as_of: dt.date) -> ir.BooleanValue:
    """Whether a later step of a row (opened, redeemed, …) had happened by then; never null."""
    return (moment < end_of(as_of)).fill_null(False)


def _plain(table: str) -> Callable[[MartLike, dt.date], Prepared]:
    def prepare(mart: MartLike, as_of: dt.date) -> Prepared:
        return Prepared(known_by(mart[table], table, as_of))

    return prepare


def _holdings(mart: MartLike, as_of: dt.date) -> Prepared:
    """Balances at the last snapshot by `as_of`, and at the last one by `TREND_DAYS` before.

    A product that is missing from a snapshot is no longer held; therefore the mart's last snapshot
    counts, not each customer's. Their dates are fetched first: with literal dates the engine reads
    two snapshots instead of all.
    """
    rows = mart["holdings"]
    before_day = as_of - dt.timedelta(days=TREND_DAYS)
    day = rows.snapshot_date
    found = rows.aggregate(
        now=day.max(where=day <= ibis.date(as_of.isoformat())),
        before=day.max(where=day <= ibis.date(before_day.isoformat())),
    ).to_pyarrow()
    now, before = found["now"][0].as_py(), found["before"][0].as_py()
    dates = [ibis.date(d.isoformat()) for d in (now, before) if d is not None]
    products = mart["products"].select("product_id", "category")
    kept = rows.filter(day.isin(dates) if dates else ibis.literal(False), rows.balance_cny > 0)
    joined = kept.left_join(products, "product_id")
    snapshot = ibis.cases(
        *((joined.snapshot_date == ibis.date(d.isoformat()), label) for d, label in
          ((now, "now"), (before, "before")) if d is not None),
        else_="none",
    )  # fmt: skip
    soon = as_of + dt.timedelta(days=MATURITY_DAYS)
    matures = joined.matures_on.between(
        ibis.date((as_of + dt.timedelta(days=1)).isoformat()), ibis.date(soon.isoformat())
    )
    unknown = {("snapshot", label) for d, label in ((now, "now"), (before, "before")) if d is None}
    return Prepared(
        joined.mutate(snapshot=snapshot, matures_soon=matures.fill_null(False)),
        frozenset(unknown),
    )


def _contacts(mart: MartLike, as_of: dt.date) -> Prepared:
    rows = known_by(mart["contacts"], "contacts", as_of)
    return Prepared(
        rows.mutate(
            opened=_happened(rows.opened_at, as_of), clicked=_happened(rows.clicked_at, as_of)
        )
    )


def _benefit_grants(mart: MartLike, as_of: dt.date) -> Prepared:
    rows = known_by(mart["benefit_grants"], "benefit_grants", as_of)
    redeemed = _happened(rows.redeemed_at, as_of) & ~_happened(rows.reversed_at, as_of)
    return Prepared(rows.mutate(redeemed=redeemed))


def _assignments(mart: MartLike, as_of: dt.date) -> Prepared:
    rows = known_by(mart["assignments"], "assignments", as_of)
    return Prepared(rows.mutate(held_out=rows.arm == schema.CONTROL))


def _campaign_outcomes(mart: MartLike, as_of: dt.date) -> Prepared:
    rows = known_by(mart["campaign_outcomes"], "campaign_outcomes", as_of)
    joined = rows.join(mart["campaigns"].select("campaign_id", "objective"), "campaign_id")
    return Prepared(joined.mutate(met=(joined.outcome == joined.objective) & (joined["value"] > 0)))


SOURCES: Mapping[str, Source] = {
    source.table: source
    for source in (
        Source(
            "holdings",
            _holdings,
            also=("products",),
            made_of={
                "snapshot": ("holdings.snapshot_date",),
                "matures_soon": ("holdings.matures_on",),
                "category": ("holdings.product_id", "products.category"),
            },
        ),
        Source("transactions", _plain("transactions")),
        Source("events", _plain("events")),
        Source("assignments", _assignments, made_of={"held_out": ("assignments.arm",)}),
        Source(
            "contacts",
            _contacts,
            made_of={"opened": ("contacts.opened_at",), "clicked": ("contacts.clicked_at",)},
        ),
        Source(
            "benefit_grants",
            _benefit_grants,
            made_of={"redeemed": ("benefit_grants.redeemed_at", "benefit_grants.reversed_at")},
        ),
        Source("customer_attributes", _plain("customer_attributes")),
        Source(
            "campaign_outcomes",
            _campaign_outcomes,
            also=("campaigns",),
            made_of={
                "met": (
                    "campaign_outcomes.outcome",
                    "campaign_outcomes.value",
                    "campaigns.objective",
                )
            },
        ),
    )
}
"""The sources by name; each is scanned at most once for a tag table."""
