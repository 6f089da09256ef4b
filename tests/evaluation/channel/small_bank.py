"""A bank small enough to count by hand: six customers, ten days of June."""

from __future__ import annotations

import datetime as dt
from typing import Any

from marketing_ds.schema import CONTACT_CHANNELS

Rows = list[dict[str, Any]]
START, END, AS_OF = "2026-06-01", "2026-06-10", "2026-06-20"


def at(month: int, day: int, hour: int = 9) -> dt.datetime:
    """A moment of 2026."""
    return dt.datetime(2026, month, day, hour)


def event(customer: str, moment: dt.datetime, channel: str = "app", **more: Any) -> dict[str, Any]:
    """A use of a channel; a launch, unless it is said otherwise."""
    return {
        "customer_id": customer,
        "occurred_at": moment,
        "recorded_on": moment.date(),
        "channel": channel,
        "session_id": None,
        "event": "launch",
        "page": None,
        "campaign_id": None,
        "duration_s": None,
        **more,
    }


def purchase(
    customer: str, moment: dt.datetime, amount: float, channel: str | None, product: str = "P1"
) -> dict[str, Any]:
    """Something bought."""
    return {
        "customer_id": customer,
        "product_id": product,
        "occurred_at": moment,
        "recorded_on": moment.date(),
        "kind": "purchase",
        "amount_cny": amount,
        "channel": channel,
    }


def small_bank() -> dict[str, Rows]:
    """The tables.

    `a` is an old customer of the app; `b` is new to everything; `c` is new to the app but not to the
    bank's channels; `d` has been on the web and in a branch. `e` comes in the future, `f` is known late.
    """
    events = [
        event("d", at(4, 1), "branch", event="visit"),
        event("a", at(5, 10)),
        event("c", at(5, 20), "wechat"),
        event("d", at(5, 25), "web"),
        event("a", at(5, 28)),
        event("a", at(6, 1)),
        event("a", at(6, 1, 10), event="view", duration_s=60.0),
        event("b", at(6, 2)),
        event("b", at(6, 2, 10), "web"),
        event("a", at(6, 3)),
        event("b", at(6, 3)),
        event("c", at(6, 4)),
        event("f", at(6, 5), recorded_on=dt.date(2026, 6, 22)),
        event("a", at(6, 8)),
        event("b", at(6, 9)),
        event("c", at(6, 11)),
        event("e", at(6, 25)),
    ]
    bought = [
        purchase("b", at(6, 5, 12), 1000.0, "app"),
        purchase("b", at(6, 6, 12), 500.0, "app"),
        purchase("a", at(6, 7, 12), 300.0, None, "P2"),
        purchase("c", at(6, 15), 2000.0, "web"),
        {**purchase("d", at(6, 9), 70.0, "web"), "kind": "payment"},
        {**purchase("e", at(6, 9), 800.0, "web"), "recorded_on": dt.date(2026, 6, 21)},
    ]
    return {
        "customers": [_customer(name) for name in "abcdef"],
        "products": [_product("P1", 0.01), _product("P2", None)],
        "holdings": [
            _holding("a", "P1", 100.0),
            _holding("a", "P2", 50.0),
            _holding("b", "P1", 10.0),
            _holding("b", "P2", 0.0),
            _holding("d", "P1", 5.0),
            {**_holding("c", "P1", 9.0), "snapshot_date": dt.date(2026, 6, 22)},
        ],
        "transactions": [{"transaction_id": f"T{n}", **row} for n, row in enumerate(bought)],
        "campaigns": [_campaign()],
        "events": [{"event_id": f"E{n}", **row} for n, row in enumerate(events)],
        "contacts": [
            _contact("N1", "b", "sms", 0.05, at(6, 3, 8), at(6, 3, 10)),
            _contact("N2", "a", "app", 0.02, at(6, 4, 8), None),
            _contact("N3", "d", "sms", 0.05, at(6, 10, 8), at(6, 11, 8)),
        ],
    }


def _customer(name: str) -> dict[str, Any]:
    return {
        "customer_id": name,
        "opened_on": dt.date(2020, 1, 1),
        "suppressed": False,
        **{f"consent_{channel}": True for channel in CONTACT_CHANNELS},
    }


def _product(name: str, margin: float | None) -> dict[str, Any]:
    return {
        "product_id": name,
        "name": name,
        "category": "fund",
        "launched_on": dt.date(2020, 1, 1),
        "margin_rate": margin,
    }


def _holding(customer: str, product: str, balance: float) -> dict[str, Any]:
    return {
        "customer_id": customer,
        "product_id": product,
        "snapshot_date": dt.date(2026, 5, 31),
        "balance_cny": balance,
    }


def _campaign() -> dict[str, Any]:
    return {
        "campaign_id": "K1",
        "name": "K1",
        "product_id": "P2",
        "objective": "converted",
        "starts_on": dt.date(2026, 6, 1),
        "ends_on": dt.date(2026, 6, 2),
        "attribution_days": 5,
        "randomised": False,
    }


def _contact(
    name: str,
    customer: str,
    channel: str,
    cost: float,
    sent: dt.datetime,
    opened: dt.datetime | None,
) -> dict[str, Any]:
    return {
        "contact_id": name,
        "customer_id": customer,
        "campaign_id": "K1",
        "channel": channel,
        "sent_at": sent,
        "opened_at": opened,
        "clicked_at": None,
        "cost_cny": cost,
    }
