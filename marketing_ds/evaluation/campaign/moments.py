"""When customers took each step of a campaign, within their attribution window."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

from .rows import OUTSIDE, CampaignRows, in_window

STEPS = ("contacted", "opened", "clicked", "viewed", "visited", "shared", "redeemed", "converted")
"""The steps that are known by name, in the order in which they are shown."""
VISITS = ("launch", "view", "click", "visit", "apply")
"""Events of a campaign that show its customer in a channel of the bank."""
OF_CONTACTS = ("contacted", "opened", "clicked", "redeemed")
"""Steps that only who is contacted can take: control has no part in them."""

_CONTACT_MOMENTS = {"contacted": "sent_at", "opened": "opened_at", "clicked": "clicked_at"}
_EVENTS: Mapping[str, tuple[str, ...]] = {
    "viewed": ("view",),
    "visited": VISITS,
    "shared": ("share",),
}


def steps_known(rows: CampaignRows) -> tuple[str, ...]:
    """The steps that the mart has tables for."""
    there = {
        "contacted": rows.contacts,
        "opened": rows.contacts,
        "clicked": rows.contacts,
        "viewed": rows.events,
        "visited": rows.events,
        "shared": rows.events,
        "redeemed": rows.grants,
    }
    known = [step for step in STEPS if there.get(step) is not None]
    return (*known, *(["converted"] if "converted" in rows.outcome_names else []))


def taken(rows: CampaignRows) -> ir.Table | None:
    """Every step each time it was taken: step, customer_id, arm, assigned_at, channel, moment."""
    parts = []
    for step in steps_known(rows):
        found = step_moments(rows, step)
        channel = found.channel if "channel" in found.columns else ibis.null().cast("string")
        parts.append(
            found.select(
                "customer_id",
                "arm",
                "assigned_at",
                "moment",
                channel=channel,
                step=ibis.literal(step),
            )
        )
    return ibis.union(parts[0], *parts[1:]) if len(parts) > 1 else parts[0] if parts else None


def step_moments(rows: CampaignRows, step: str) -> ir.Table:
    """customer_id, arm, assigned_at, moment and value of a step: a row each time it was taken."""
    if step in _CONTACT_MOMENTS and rows.contacts is not None:
        return _moments(rows, rows.contacts, _CONTACT_MOMENTS[step])
    if step in _EVENTS and rows.events is not None:
        kinds = list(_EVENTS[step])
        return _moments(rows, rows.events.filter(rows.events.event.isin(kinds)), "occurred_at")
    if step == "redeemed" and rows.grants is not None:
        standing = rows.grants.filter(rows.grants.reversed_at.isnull())
        return _moments(rows, standing, "redeemed_at")
    if rows.purchases is not None and "converted" not in rows.computed_names:
        return _moments(rows, rows.purchases, "occurred_at")
    return _computed(rows, "converted")


def timed(rows: CampaignRows, name: str) -> bool:
    """Whether it is known when an outcome came about."""
    return name in rows.outcome_names and (
        name in rows.computed_names or name in (*STEPS, "amount_cny")
    )


def outcome_moments(rows: CampaignRows, name: str) -> ir.Table:
    """customer_id, arm, assigned_at, moment and value: what an outcome grew by, and when.

    The values of a customer add up to the outcome. Of an outcome that the bank computed itself
    only the day is known: it counts from that day's last second.
    """
    if name in rows.computed_names:
        return _computed(rows, name)
    if name == "amount_cny" and rows.purchases is not None:
        return _moments(rows, rows.purchases, "occurred_at", value="amount_cny")
    return first_moments(step_moments(rows, name))


def first_moments(moments: ir.Table) -> ir.Table:
    """Each customer's first moment alone."""
    first = moments.group_by("customer_id", "arm", "assigned_at").aggregate(
        moment=moments.moment.min()
    )
    return first.mutate(value=ibis.literal(1.0).cast("float64"))


def _computed(rows: CampaignRows, name: str) -> ir.Table:
    assert rows.computed is not None
    own = rows.computed.filter(
        rows.computed.outcome == name, rows.computed.value != 0, rows.computed.arm != OUTSIDE
    )
    last = own.observed_on.cast("timestamp") + ibis.interval(days=1)
    moment = last - ibis.interval(seconds=1)
    return own.select("customer_id", "arm", "assigned_at", moment=moment, value="value")


def _moments(
    campaign: CampaignRows, rows: ir.Table, moment: str, *, value: str | None = None
) -> ir.Table:
    inside = rows.filter(in_window(rows, rows[moment], campaign.which))
    worth = inside[value] if value else ibis.literal(1.0)
    keys = ["customer_id", "arm", "assigned_at", "channel"]
    return inside.select(
        *(key for key in keys if key in inside.columns),
        moment=inside[moment],
        value=worth.cast("float64"),
    )


def day_of(moment: ir.Value, start: dt.date) -> ir.IntegerValue:
    """Whole days from the start of a campaign to a moment."""
    days: ir.IntegerValue = moment.date().delta(ibis.literal(start), unit="day")
    return days


def age_of(moment: ir.Value, assigned_at: ir.Value) -> ir.IntegerValue:
    """Whole days of 24 hours from a customer's assignment to a moment."""
    seconds = moment.delta(assigned_at, unit="second")
    age: ir.IntegerValue = (seconds / 86_400).floor().cast("int64")
    return age
