"""The rows of one campaign as the bank knew them by a day, read once and kept in the engine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import ibis
import ibis.expr.types as ir

from marketing_ds import outcomes
from marketing_ds._core.checks import check_date
from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.assigned import nobody_assigned
from marketing_ds.outcomes import Campaign
from marketing_ds.schema.known import midnight_after

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

OUTSIDE = "not assigned"
"""In place of an arm: customers with rows of the campaign whom nobody assigned to it."""
EVERYONE = "all"
"""In place of an arm: all customers assigned."""


@dataclass(frozen=True)
class Arm:
    """An arm's customers, and what their chances of it were."""

    customers: int
    known: int
    """Customers whose chance of the arm is known."""
    lowest: float | None
    highest: float | None

    @property
    def differs(self) -> bool:
        """Whether customers of the arm had different chances of it."""
        return self.lowest is not None and self.lowest < cast("float", self.highest) * (1 - 1e-9)


@dataclass(frozen=True)
class CampaignRows:
    """Everything that the parts of the analysis look at; tables are lazy and already cut."""

    mart: Mart
    """The mart with nothing but this campaign in its tables of contacts, events, grants."""
    which: Campaign
    as_of: dt.date
    arms: Mapping[str, Arm]
    """`control` first, then the others by name."""
    assigned: ir.Table
    """customer_id, arm, probability, assigned_at: one row a customer."""
    contacts: ir.Table | None
    """The contract's columns; arm and assigned_at (null outside), inside the window or not."""
    events: ir.Table | None
    grants: ir.Table | None
    purchases: ir.Table | None
    computed: ir.Table | None
    """Outcomes that the bank computed itself, with arm and assigned_at."""
    computed_names: tuple[str, ...]
    outcomes: ir.Table
    """What `marketing_ds.campaign_outcomes` gives."""
    hold: Callable[[ir.Table], ir.Table]
    """Computes the rows of a query once, and keeps them as long as these."""
    shared_by_known: bool
    """Whether the mart says whose share led to an event."""

    @property
    def end(self) -> dt.datetime:
        """The first moment that does not count any more."""
        return midnight_after(self.as_of)

    @property
    def outcome_names(self) -> tuple[str, ...]:
        """The columns of `outcomes` behind the keys."""
        return tuple(self.outcomes.columns[4:])


class _OneCampaign:
    """A mart of which some tables hold the rows of one campaign only."""

    def __init__(self, mart: Mart, held: Mapping[str, ir.Table]) -> None:
        self._mart, self._held = mart, held
        self.source, self.tables = mart.source, mart.tables

    def __getitem__(self, name: str) -> ir.Table:
        return self._held[name] if name in self._held else self._mart[name]


@contextmanager
def campaign_rows(
    mart: Mart, campaign_id: str, as_of: str | dt.date | None
) -> Iterator[CampaignRows]:
    """Read what belongs to a campaign: contacts, events, grants and purchases in one scan each."""
    which = outcomes.campaign(mart, campaign_id)
    day = mart.last_date if as_of is None else check_date("as_of", as_of)
    if day < which.starts_on:
        said = f"as_of, got {day}" if as_of is not None else f"the mart's last date {day}"
        raise InvalidInput(
            f"campaign {campaign_id!r} must have started by {said}; it starts on {which.starts_on}"
        )
    end = midnight_after(day)
    with ExitStack() as stack:

        def held(rows: ir.Table) -> ir.Table:
            return stack.enter_context(mart.connection.held(rows))

        assigned = held(_of_campaign(mart, "assignments", which, "assigned_at", end))
        arms, first = _arms(assigned, which, day)
        kept = {"assignments": assigned}
        for name, moment in (
            ("contacts", "sent_at"),
            ("events", "occurred_at"),
            ("benefit_grants", "granted_at"),
        ):
            if name in mart.tables:
                rows = _known_by(mart, name, _of_campaign(mart, name, which, moment, end), end)
                kept[name] = held(_with_arm(rows, assigned, moment, which))
        if which.product_id is not None and "transactions" in mart.tables:
            bought = _purchases(mart, which, first, end)
            kept["transactions"] = held(_with_arm(bought, assigned, "occurred_at", which))
        computed, names = None, ()
        if "campaign_outcomes" in mart.tables:
            computed = held(_of_campaign(mart, "campaign_outcomes", which, "observed_on", end))
            kept["campaign_outcomes"] = computed
            computed = _with_arm(computed, assigned, "observed_on", which)
            names = tuple(computed.select("outcome").distinct().to_pyarrow()["outcome"].to_pylist())
        small = cast("Mart", _OneCampaign(mart, kept))
        raw = mart.raw("events")
        yield CampaignRows(
            mart=small,
            hold=held,
            which=which,
            as_of=day,
            arms=arms,
            assigned=assigned,
            contacts=kept.get("contacts"),
            events=kept.get("events"),
            grants=kept.get("benefit_grants"),
            purchases=kept.get("transactions"),
            computed=computed,
            computed_names=names,
            outcomes=held(outcomes.campaign_outcomes(small, campaign_id, as_of=day)),
            shared_by_known=raw is not None and "shared_by" in raw.columns,
        )


def _of_campaign(mart: Mart, name: str, which: Campaign, moment: str, end: dt.datetime) -> ir.Table:
    rows = mart[name]
    rows = rows.filter(rows.campaign_id == which.campaign_id, rows[moment] < end)
    return rows.filter(rows.recorded_on < end.date()) if "recorded_on" in rows.columns else rows


def _known_by(mart: Mart, name: str, rows: ir.Table, end: dt.datetime) -> ir.Table:
    """Without what happened to a row later: it was not opened, redeemed or reversed yet."""
    later = {
        "contacts": ("opened_at", "clicked_at"),
        "benefit_grants": ("redeemed_at", "reversed_at"),
    }.get(name, ())
    cut = {moment: ibis.ifelse(rows[moment] < end, rows[moment], ibis.null()) for moment in later}
    if name != "benefit_grants":
        return rows.mutate(**cut)
    benefits = mart["benefits"]
    facts = benefits.select(_benefit="benefit_id", _price="cost_cny", _days="valid_days")
    rows = rows.left_join(facts, rows.benefit_id == facts["_benefit"])
    cost = outcomes.redemption_cost(rows, rows["_price"], end)
    cut = {moment: ibis.ifelse(rows[moment] < end, rows[moment], ibis.null()) for moment in later}
    last = rows.granted_at + rows["_days"].as_interval("D")
    expired = rows.redeemed_at.isnull() | (rows.redeemed_at >= end)
    return rows.mutate(
        cost_cny=cost,
        piece_cny=rows["_price"],
        expired=(expired & (last <= end)).fill_null(False),
        **cut,
    ).drop("_benefit", "_price", "_days")


def _purchases(mart: Mart, which: Campaign, first: dt.datetime, end: dt.datetime) -> ir.Table:
    rows = mart["transactions"]
    return rows.filter(
        rows.kind == "purchase",
        rows.product_id == which.product_id,
        rows.occurred_at >= first,
        rows.occurred_at < end,
        rows.recorded_on < end.date(),
    )


def _arms(assigned: ir.Table, which: Campaign, day: dt.date) -> tuple[dict[str, Arm], dt.datetime]:
    found = assigned.group_by("arm").aggregate(
        customers=assigned.count(),
        known=assigned.probability.count(),
        lowest=assigned.probability.min(),
        highest=assigned.probability.max(),
        first=assigned.assigned_at.min(),
    )
    rows = {row["arm"]: row for row in found.to_pyarrow().to_pylist()}
    if not rows:
        raise nobody_assigned(which, day)
    # An arm that fills up after as_of is none yet.
    arms = {
        arm: Arm(**{name: rows[arm][name] for name in Arm.__dataclass_fields__})
        for arm in which.arms
        if arm in rows
    }
    return arms, min(row["first"] for row in rows.values())


def _with_arm(rows: ir.Table, assigned: ir.Table, moment: str, which: Campaign) -> ir.Table:
    """Beside each row its customer's arm, and whether it lies in the attribution window."""
    known = assigned.select(_customer="customer_id", arm="arm", assigned_at="assigned_at")
    joined = rows.left_join(known, rows.customer_id == known["_customer"]).drop("_customer")
    inside = in_window(joined, joined[moment], which)
    return joined.mutate(inside=inside, arm=joined.arm.fill_null(OUTSIDE))


def in_window(rows: ir.Table, moment: ir.Value, which: Campaign) -> ir.BooleanValue:
    """Whether a moment lies in the attribution window that begins at `assigned_at`."""
    after = rows.assigned_at + ibis.interval(days=which.attribution_days)
    inside: ir.BooleanValue = ((moment >= rows.assigned_at) & (moment < after)).fill_null(False)
    return inside
