"""Where tags read: each source's rows as they were known at the end of a day.

A source makes the few columns that its tags need (`prepare`), so that every tag of the source is a
plain filtered aggregate. What is made for `transactions` and `events` is row-wise and the same on
every day, so that a day's partial aggregates serve all later days.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import ibis.expr.types as ir

from marketing_ds import schema
from marketing_ds.schema.known import date_of, end_of, happened, known_by, looked_up

from ._entities import ENTITIES, EntityName
from ._rows import MartLike, Prepared
from ._snapshots import SNAPSHOTS, prepare_holdings

__all__ = [
    "ASSETS", "MATURITY_DAYS", "NIGHT_FROM", "NIGHT_TO", "SOURCES", "TREND_DAYS", "MartLike", "Prepared",
    "Source", "end_of", "known_by",
]  # fmt: skip

TREND_DAYS = 90
"""How far back the balance trend looks."""
MATURITY_DAYS = 30
"""How far ahead maturing balances are looked for."""
ASSETS = ("deposit", "wealth", "fund", "insurance")
"""Product categories whose balances are the customer's assets with the bank (AUM)."""
NIGHT_FROM, NIGHT_TO = 22, 6
"""The hours at which night begins and ends."""


class Prepare(Protocol):
    """Makes a source's rows for an entity."""

    def __call__(self, mart: MartLike, as_of: dt.date, entity: EntityName = "customer") -> Prepared:
        """The rows known by `as_of`, with the columns that tags use."""


@dataclass(frozen=True)
class Source:
    """A table that tags aggregate by customer, product or campaign, with what it needs besides."""

    table: str
    prepare: Prepare
    also: tuple[str, ...] = ()
    """Other tables that must be there, whatever the tag."""
    made_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For each column that `prepare` makes: the columns it is made of, as `table.column`."""
    only_for: Mapping[str, EntityName] = field(default_factory=dict)
    """Columns that `prepare` makes for one entity only."""

    @property
    def columns(self) -> frozenset[str]:
        """Columns that a tag may use."""
        return frozenset(schema.MART[self.table].column_names) | frozenset(self.made_of)

    def serves(self, entity: EntityName) -> bool:
        """Whether its rows speak of the entity: whether they have its key."""
        return ENTITIES[entity].key in self.columns

    def lineage(self, column: str) -> tuple[str, ...]:
        """The mart's columns behind `column`, as `table.column`."""
        return self.made_of.get(column, (f"{self.table}.{column}",))


def _plain(table: str) -> Prepare:
    def prepare(mart: MartLike, as_of: dt.date, entity: EntityName = "customer") -> Prepared:
        return Prepared(known_by(mart[table], table, as_of))

    return prepare


def _clock(rows: ir.Table) -> dict[str, ir.Value]:
    """When on the clock and in the week: the hour as a point on a circle, so that it has a mean."""
    at = rows.occurred_at
    angle = (at.hour() * 60 + at.minute()).cast("float64") * (2 * math.pi / (24 * 60))
    return {
        "hour_cos": angle.cos(),
        "hour_sin": angle.sin(),
        "weekend": at.day_of_week.index() >= 5,
        "night": (at.hour() >= NIGHT_FROM) | (at.hour() < NIGHT_TO),
    }


def _transactions(mart: MartLike, as_of: dt.date, entity: EntityName = "customer") -> Prepared:
    rows = known_by(mart["transactions"], "transactions", as_of)
    rows = rows.mutate(**_clock(rows))
    return Prepared(looked_up(rows, mart, "products", "product_id", "category"))


def _events(mart: MartLike, as_of: dt.date, entity: EntityName = "customer") -> Prepared:
    rows = known_by(mart["events"], "events", as_of)
    return Prepared(rows.mutate(**_clock(rows)))


def _contacts(mart: MartLike, as_of: dt.date, entity: EntityName = "customer") -> Prepared:
    rows = known_by(mart["contacts"], "contacts", as_of)
    return Prepared(
        rows.mutate(
            opened=happened(rows.opened_at, as_of), clicked=happened(rows.clicked_at, as_of)
        )
    )


def _benefit_grants(mart: MartLike, as_of: dt.date, entity: EntityName = "customer") -> Prepared:
    """Grants with their state at the end of `as_of`.

    The cost comes from the benefit, not from the grant: the grant's own is set back to 0 by a
    reversal that may lie after `as_of`.
    """
    rows = known_by(mart["benefit_grants"], "benefit_grants", as_of)
    terms = ("face_value_cny", "cost_cny", "valid_days")
    rows = looked_up(rows.drop("cost_cny"), mart, "benefits", "benefit_id", *terms)
    reversed_ = happened(rows.reversed_at, as_of)
    redeemed = happened(rows.redeemed_at, as_of) & ~reversed_
    age = date_of(as_of).delta(rows.granted_at.date(), unit="day")
    in_time = (age <= rows.valid_days).fill_null(False)
    return Prepared(
        rows.mutate(reversed=reversed_, redeemed=redeemed, usable=~redeemed & ~reversed_ & in_time)
    )


def _assignments(mart: MartLike, as_of: dt.date, entity: EntityName = "customer") -> Prepared:
    rows = known_by(mart["assignments"], "assignments", as_of)
    return Prepared(rows.mutate(held_out=rows.arm == schema.CONTROL))


def _campaigns(mart: MartLike, as_of: dt.date, entity: EntityName = "customer") -> Prepared:
    rows = known_by(mart["campaigns"], "campaigns", as_of)
    return Prepared(rows.mutate(running=rows.ends_on >= date_of(as_of)))


def _campaign_outcomes(mart: MartLike, as_of: dt.date, entity: EntityName = "customer") -> Prepared:
    rows = known_by(mart["campaign_outcomes"], "campaign_outcomes", as_of)
    joined = looked_up(rows, mart, "campaigns", "campaign_id", "objective")
    aimed_at = (joined.outcome == joined.objective).fill_null(False)
    joined = joined.mutate(aimed_at=aimed_at, met=aimed_at & (joined["value"] > 0))
    if entity == "campaign" and "assignments" in mart.tables:
        joined = _with_arm(joined, known_by(mart["assignments"], "assignments", as_of))
    return Prepared(joined)


def _with_arm(outcomes: ir.Table, assignments: ir.Table) -> ir.Table:
    """Outcomes with whether their customer was held out: for campaigns only, as it is a join."""
    control = assignments.filter(assignments.arm == schema.CONTROL).select(
        _customer="customer_id", _campaign="campaign_id"
    )
    found = outcomes.left_join(
        control,
        [
            outcomes.customer_id == control["_customer"],
            outcomes.campaign_id == control["_campaign"],
        ],
    )
    return found.mutate(held_out=found["_customer"].notnull()).drop("_customer", "_campaign")


_CLOCK = ("hour_cos", "hour_sin", "weekend", "night")

SOURCES: Mapping[str, Source] = {
    source.table: source
    for source in (
        Source(
            "holdings",
            prepare_holdings,
            also=("products",),
            made_of={
                **dict.fromkeys(SNAPSHOTS, ("holdings.snapshot_date",)),
                "term": ("holdings.matures_on",),
                "days_past_maturity": ("holdings.matures_on",),
                "category": ("holdings.product_id", "products.category"),
                "has_other": ("holdings.customer_id", "holdings.product_id"),
                "held_now": ("holdings.customer_id", "holdings.snapshot_date"),
                "held_90d": ("holdings.customer_id", "holdings.snapshot_date"),
            },
            only_for=dict.fromkeys(("has_other", "held_now", "held_90d"), "product"),
        ),
        Source(
            "transactions",
            _transactions,
            made_of={
                **dict.fromkeys(_CLOCK, ("transactions.occurred_at",)),
                "category": ("transactions.product_id", "products.category"),
            },
        ),
        Source("events", _events, made_of=dict.fromkeys(_CLOCK, ("events.occurred_at",))),
        Source("assignments", _assignments, made_of={"held_out": ("assignments.arm",)}),
        Source(
            "contacts",
            _contacts,
            made_of={"opened": ("contacts.opened_at",), "clicked": ("contacts.clicked_at",)},
        ),
        Source(
            "benefit_grants",
            _benefit_grants,
            made_of={
                "redeemed": ("benefit_grants.redeemed_at", "benefit_grants.reversed_at"),
                "reversed": ("benefit_grants.reversed_at",),
                "usable": (
                    "benefit_grants.redeemed_at", "benefit_grants.reversed_at",
                    "benefits.valid_days",
                ),
                "face_value_cny": ("benefit_grants.benefit_id", "benefits.face_value_cny"),
                "cost_cny": ("benefit_grants.benefit_id", "benefits.cost_cny"),
                "valid_days": ("benefit_grants.benefit_id", "benefits.valid_days"),
            },
        ),
        Source("customer_attributes", _plain("customer_attributes")),
        Source(
            "campaign_outcomes",
            _campaign_outcomes,
            also=("campaigns",),
            made_of={
                "aimed_at": ("campaign_outcomes.outcome", "campaigns.objective"),
                "met": (
                    "campaign_outcomes.outcome",
                    "campaign_outcomes.value",
                    "campaigns.objective",
                ),
                "held_out": (
                    "assignments.arm",
                    "assignments.campaign_id",
                    "assignments.customer_id",
                ),
            },
            only_for={"held_out": "campaign"},
        ),
        Source("campaigns", _campaigns, made_of={"running": ("campaigns.ends_on",)}),
        Source("offers", _plain("offers")),
    )
}  # fmt: skip
"""The sources by name; each is scanned at most once for a tag table."""
