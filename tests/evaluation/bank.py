"""A bank of two campaigns at once, with known effects, as rows that a test may damage."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np

from marketing_ds.schema import CONTACT_CHANNELS

Rows = list[dict[str, Any]]
CHANNELS = {f"consent_{channel}": True for channel in CONTACT_CHANNELS}
DRAWN = {"first": dt.datetime(2026, 5, 4, 9), "second": dt.datetime(2026, 5, 8, 9)}


def two_campaigns(
    customers: int,
    *,
    seed: int = 0,
    lift: tuple[float, float, float] = (0.0, 0.0, 0.0),
    second_among: str | None = None,
    spared: Callable[[str], bool] | None = None,
) -> dict[str, Rows]:
    """`first` and `second` (arms control and mail, one to one, windows overlap), one product each.

    Parameters
    ----------
    lift : tuple
        What mail adds to P(buy) of the own product: in `first`, in `second`, and in `first` beyond
        that where both reach a customer. P(buy) is 0.2 without any.
    second_among : str, optional
        `second` draws only customers with this arm in `first`.
    spared : callable, optional
        Whether a customer is in no campaign at all.
    """
    rng = np.random.default_rng(seed)
    ids = [f"c{n:05d}" for n in range(customers)]
    arms = {name: rng.choice(["control", "mail"], customers) for name in DRAWN}
    free = np.array([not spared(one) if spared else True for one in ids])
    for name in DRAWN:
        arms[name] = np.where(free, arms[name], "control")
    taken = free if second_among is None else free & (arms["first"] == second_among)
    both = (arms["first"] == "mail") & (arms["second"] == "mail") & taken
    chance = {
        "first": 0.2 + lift[0] * (arms["first"] == "mail") + lift[2] * both,
        "second": 0.2 + lift[1] * ((arms["second"] == "mail") & taken),
    }
    inside = {"first": free, "second": taken}
    tables: dict[str, Rows] = {
        "customers": [_customer(n, one, rng) for n, one in enumerate(ids)],
        "products": [_product("P-first"), _product("P-second")],
        "campaigns": [_campaign(name, moment) for name, moment in DRAWN.items()],
        "transactions": [_salary(one, rng) for one in ids],
        "assignments": [],
        "contacts": [],
    }
    for name, moment in DRAWN.items():
        bought = rng.random(customers) < chance[name]
        tables["transactions"] += [_purchase(ids[n], name, moment) for n in np.flatnonzero(bought)]
        for n in np.flatnonzero(inside[name]):
            tables["assignments"].append(_assignment(ids[n], name, str(arms[name][n]), moment))
            if arms[name][n] == "mail":
                tables["contacts"].append(_contact(ids[n], name, moment))
    return tables


def _customer(n: int, customer: str, rng: np.random.Generator) -> dict[str, Any]:
    return {
        "customer_id": customer,
        "opened_on": dt.date(2020, 1, 1) + dt.timedelta(days=int(rng.integers(0, 1500))),
        "birth_year": int(rng.integers(1950, 2000)),
        "gender": "F",
        "region": ("North", "South", "West")[n % 3],
        "branch_id": f"B{n % 5}",
        "suppressed": False,
        **CHANNELS,
    }


def _product(product: str) -> dict[str, Any]:
    return {
        "product_id": product,
        "name": product,
        "category": "fund",
        "launched_on": dt.date(2020, 1, 1),
    }


def _campaign(name: str, moment: dt.datetime) -> dict[str, Any]:
    return {
        "campaign_id": name,
        "name": name,
        "product_id": f"P-{name}",
        "objective": "converted",
        "starts_on": moment.date(),
        "ends_on": moment.date() + dt.timedelta(days=2),
        "attribution_days": 14,
        "randomised": True,
    }


def _assignment(customer: str, name: str, arm: str, moment: dt.datetime) -> dict[str, Any]:
    return {
        "customer_id": customer,
        "campaign_id": name,
        "arm": arm,
        "probability": 0.5,
        "assigned_at": moment,
    }


def _contact(customer: str, name: str, moment: dt.datetime) -> dict[str, Any]:
    return {
        "contact_id": f"N-{name}-{customer}",
        "customer_id": customer,
        "campaign_id": name,
        "channel": "sms",
        "sent_at": moment + dt.timedelta(hours=1),
        "cost_cny": 0.05,
    }


def _transaction(
    key: str, customer: str, moment: dt.datetime, kind: str, amount: float, product: str | None
) -> dict[str, Any]:
    return {
        "transaction_id": key,
        "customer_id": customer,
        "product_id": product,
        "occurred_at": moment,
        "recorded_on": moment.date(),
        "kind": kind,
        "amount_cny": amount,
    }


def _salary(customer: str, rng: np.random.Generator) -> dict[str, Any]:
    moment = dt.datetime(2026, 4, 10, 9)
    return _transaction(
        f"S-{customer}", customer, moment, "salary", round(float(rng.gamma(4, 2000)), 2), None
    )


def _purchase(customer: str, name: str, moment: dt.datetime) -> dict[str, Any]:
    then = moment + dt.timedelta(days=3)
    return _transaction(f"T-{name}-{customer}", customer, then, "purchase", 100.0, f"P-{name}")
