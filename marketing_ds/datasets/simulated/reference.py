"""The small tables: products, campaigns, offers and benefits."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pyarrow as pa

from .catalogue import CAMPAIGNS, PRODUCTS, Arm
from .dates import Calendar

_CONTACT_DAYS = 5
Counts = Mapping[tuple[str, int], int]


def tables(calendar: Calendar, redemptions: Counts, participants: Counts) -> dict[str, pa.Table]:
    """Reference tables by name; what a bank learns by doing (rates, stock) comes from counts."""
    return {
        "products": _products(calendar),
        "campaigns": _campaigns(calendar, participants),
        "benefits": _benefits(redemptions),
        "offers": _offers(redemptions),
    }


def _products(calendar: Calendar) -> pa.Table:
    first_day = {c.product.product_id: c.starts_on(calendar) for c in CAMPAIGNS}
    old = calendar.starts[0] - 25 * 365
    return pa.table(
        {
            "product_id": [p.product_id for p in PRODUCTS],
            "name": [p.name for p in PRODUCTS],
            "category": [p.category for p in PRODUCTS],
            "risk_level": [p.risk_level for p in PRODUCTS],
            "launched_on": [calendar.date(first_day.get(p.product_id, old)) for p in PRODUCTS],
            "margin_rate": [p.margin_rate for p in PRODUCTS],
        }
    )


def _campaigns(calendar: Calendar, participants: Counts) -> pa.Table:
    starts = [calendar.date(c.starts_on(calendar)) for c in CAMPAIGNS]
    ends = [calendar.date(c.starts_on(calendar) + _CONTACT_DAYS - 1) for c in CAMPAIGNS]
    reached = [participants[c.campaign_id, 0] for c in CAMPAIGNS]
    cost = [
        max(
            a.contact_cost_cny + 0.1 * (a.benefit.face_value_cny if a.benefit else 0)
            for a in c.arms
        )
        for c in CAMPAIGNS
    ]
    return pa.table(
        {
            "campaign_id": [c.campaign_id for c in CAMPAIGNS],
            "name": [c.name for c in CAMPAIGNS],
            "product_id": [c.product.product_id for c in CAMPAIGNS],
            "objective": ["converted"] * len(CAMPAIGNS),
            "starts_on": starts,
            "ends_on": ends,
            "attribution_days": [c.attribution_days for c in CAMPAIGNS],
            "budget_cny": [
                float(_next_round_number(round(n * x))) for n, x in zip(reached, cost, strict=True)
            ],
            "target": [float(_next_round_number(round(0.1 * n))) for n in reached],
            "randomised": [c.randomised for c in CAMPAIGNS],
        }
    )


def _arms() -> list[tuple[str, Arm]]:
    return [(c.campaign_id, arm) for c in CAMPAIGNS for arm in c.arms]


def _benefits(redemptions: Counts) -> pa.Table:
    arms = [(arm, arm.benefit) for _, arm in _arms() if arm.benefit]
    return pa.table(
        {
            "benefit_id": [benefit.benefit_id for _, benefit in arms],
            "title": [benefit.title for _, benefit in arms],
            "kind": [benefit.kind for _, benefit in arms],
            "face_value_cny": [benefit.face_value_cny for _, benefit in arms],
            "cost_cny": [benefit.face_value_cny for _, benefit in arms],
            "stock": [_next_round_number(redemptions[arm.offer, 0]) for arm, _ in arms],
            "valid_days": [benefit.valid_days for _, benefit in arms],
        }
    )


def _offers(redemptions: Counts) -> pa.Table:
    arms = _arms()
    values = {c.campaign_id: c.value_cny for c in CAMPAIGNS}
    rates = [
        round(redemptions[arm.offer, 1] / max(redemptions[arm.offer, 0], 1), 3) for _, arm in arms
    ]
    return pa.table(
        {
            "campaign_id": [campaign for campaign, _ in arms],
            "offer": [arm.offer for _, arm in arms],
            "title": [arm.title for _, arm in arms],
            "benefit_id": pa.array(
                [arm.benefit.benefit_id if arm.benefit else None for _, arm in arms], pa.string()
            ),
            "channel": [arm.channel for _, arm in arms],
            "contact_cost_cny": [arm.contact_cost_cny for _, arm in arms],
            "benefit_cost_cny": [
                arm.benefit.face_value_cny if arm.benefit else 0.0 for _, arm in arms
            ],
            "redeem_rate": rates,
            "value_cny": [values[campaign] for campaign, _ in arms],
        }
    )


def _next_round_number(count: int) -> int:
    """A stock that suffices: `count` rounded up to two significant digits."""
    if count <= 10:
        return 10
    unit: int = 10 ** (int(math.log10(count)) - 1)
    return math.ceil(count / unit) * unit
