"""A small bank drawn at random that gives every tag something to tell: rows under the contract."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np

from marketing_ds.schema import BEHAVIOUR_CHANNELS, CONTACT_CHANNELS

Rows = list[dict[str, Any]]
AS_OF = dt.date(2026, 6, 15)
"""The day the tags are made for; the bank knows of rows after it, which must not count."""

_MONTH_ENDS = (
    *(dt.date(2025, month, day) for month, day in ((10, 31), (11, 30), (12, 31))),
    *(dt.date(2026, month, day) for month, day in ((1, 31), (2, 28), (3, 31), (4, 30), (5, 31), (6, 30))),
)  # fmt: skip
_PRODUCTS = {
    "P-DEP": "deposit", "P-TERM": "deposit", "P-WEA": "wealth", "P-WEB": "wealth",
    "P-FUN": "fund", "P-INS": "insurance", "P-LOA": "loan", "P-CAR": "card",
}  # fmt: skip
_DATED = ("P-TERM", "P-WEA", "P-WEB")
_KINDS = (
    "deposit", "interest", "transfer_in", "redemption", "payment", "withdrawal", "transfer_out",
    "purchase", "repayment", "fee",
)  # fmt: skip
_EVENTS = ("launch", "view", "search", "click", "share", "apply", "visit", "call")
_PAGES = ("deposit", "wealth", "fund", "insurance", "loan", "card", "account", None)


class _Draw:
    """Draws from a generator, with the types that rows want."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def pick(self, options: Any) -> Any:
        return options[int(self._rng.integers(len(options)))]

    def chance(self, share: float) -> bool:
        return bool(self._rng.random() < share)

    def whole(self, low: int, high: int) -> int:
        return int(self._rng.integers(low, high))

    def money(self, scale: float) -> float:
        return round(float(self._rng.lognormal(0.0, 1.2) * scale), 2)

    def moment(self, oldest: int, newest: int) -> dt.datetime:
        """Some days before `AS_OF`, at any hour; nights are as likely as days."""
        day = AS_OF - dt.timedelta(days=self.whole(newest, oldest))
        return dt.datetime.combine(day, dt.time(self.whole(0, 24), self.whole(0, 60)))


def random_tables(seed: int = 3, customers: int = 48) -> dict[str, Rows]:
    """The tables of a bank of some customers, with eight products and four campaigns."""
    draw = _Draw(seed)
    people = [_customer(draw, f"c{n:03d}", n) for n in range(customers)]
    opened = {row["customer_id"]: row["opened_on"] for row in people}
    assignments = _assignments(draw, list(opened))
    return {
        "customers": people,
        "products": [_product(draw, name) for name in _PRODUCTS] + [_later_product()],
        "holdings": _holdings(draw, opened),
        "transactions": _transactions(draw, opened),
        "events": _events(draw, opened),
        "campaigns": _campaigns(),
        "offers": _offers(),
        "benefits": [_benefit("B1", 20.0, 18.0, 20), _benefit("B2", 60.0, 50.0, 150)],
        "assignments": assignments,
        "contacts": _contacts(draw, assignments),
        "benefit_grants": _grants(draw, assignments),
        "campaign_outcomes": _outcomes(draw, assignments),
    }


def _customer(draw: _Draw, customer: str, n: int) -> dict[str, Any]:
    ago = (-4, 3, 20, 100)[n] if n < 4 else draw.whole(200, 3000)
    row = {
        "customer_id": customer,
        "opened_on": AS_OF - dt.timedelta(days=ago),
        "birth_year": None if draw.chance(0.1) else draw.whole(1940, 2008),
        "gender": draw.pick(("F", "M", None)),
        "region": draw.pick(("Shanghai", "Chengdu", None)),
        "branch_id": draw.pick(("B1", "B2", None)),
        "manager_id": draw.pick(("M1", None, None)),
        "occupation": draw.pick(("teacher", "engineer", None)),
        "risk_level": draw.pick((1, 2, 3, 4, 5, None)),
        "suppressed": draw.chance(0.1),
    }
    return row | {f"consent_{c}": draw.chance(0.5) for c in CONTACT_CHANNELS}


def _product(draw: _Draw, product: str) -> dict[str, Any]:
    return {
        "product_id": product,
        "name": f"Product {product}",
        "category": _PRODUCTS[product],
        "risk_level": draw.pick((1, 2, 3, None)),
        "launched_on": AS_OF - dt.timedelta(days=draw.whole(0, 2000)),
        "margin_rate": None if product == "P-CAR" else draw.whole(1, 40) / 1000,
    }


def _later_product() -> dict[str, Any]:
    return {
        "product_id": "P-NEW", "name": "Product to come", "category": "fund", "risk_level": 1,
        "launched_on": AS_OF + dt.timedelta(days=1), "margin_rate": 0.01,
    }  # fmt: skip


def _holdings(draw: _Draw, opened: dict[str, dt.date]) -> Rows:
    rows: Rows = []
    for customer, since in opened.items():
        rich = draw.pick((300.0, 5_000.0, 60_000.0, 900_000.0))
        for product in _PRODUCTS:
            if not draw.chance(0.35):
                continue
            first, last = sorted((draw.whole(0, 9), draw.whole(0, 12)))
            ends = AS_OF + dt.timedelta(days=draw.pick((-60, -12, 0, 4, 7, 20, 30, 60, 90, 200)))
            rows += [
                {
                    "customer_id": customer,
                    "product_id": product,
                    "snapshot_date": day,
                    "balance_cny": 0.0 if draw.chance(0.05) else draw.money(rich),
                    "matures_on": ends if product in _DATED and draw.chance(0.8) else None,
                }
                for n, day in enumerate(_MONTH_ENDS)
                if first <= n <= last and day >= since
            ]
    return rows


def _transactions(draw: _Draw, opened: dict[str, dt.date]) -> Rows:
    moves: list[tuple[str, dt.datetime, str, float]] = []
    for n, customer in enumerate(opened):
        busy = draw.pick((0, 5, 30, 120))
        times = sorted(draw.moment(draw.pick((40, 150, 500)), -5) for _ in range(busy))
        moves += [(customer, at, draw.pick(_KINDS), draw.money(400.0)) for at in times]
        if draw.chance(0.4):  # a salary each month; with some it stops
            stopped = draw.pick((0, 0, 3, 9))
            day = draw.whole(1, 28)
            moves += [
                (customer, dt.datetime(2026, 6, day) - dt.timedelta(days=30 * k), "salary", draw.money(6000.0))
                for k in range(stopped, 10)
            ]  # fmt: skip
        if n % 9 == 5:
            moves.append((customer, draw.moment(6, 0), "transfer_in", 90_000.0))
    kept = [m for m in moves if m[1].date() >= opened[m[0]]]
    return [
        {
            "transaction_id": f"T{n:05d}",
            "customer_id": customer,
            "product_id": draw.pick((*_PRODUCTS, None)),
            "occurred_at": at,
            "recorded_on": at.date() + dt.timedelta(days=draw.pick((0, 0, 0, 1, 4))),
            "kind": kind,
            "amount_cny": amount,
            "channel": draw.pick((*BEHAVIOUR_CHANNELS[:5], None)),
        }
        for n, (customer, at, kind, amount) in enumerate(kept)
    ]


def _events(draw: _Draw, opened: dict[str, dt.date]) -> Rows:
    seen: list[tuple[str, dt.datetime]] = []
    for n, customer in enumerate(opened):
        busy, oldest = draw.pick((0, 6, 60, 150)), draw.pick((30, 200, 500))
        seen += [(customer, draw.moment(oldest, -5)) for _ in range(busy)]
        if n % 7 == 3:  # comes back after a silence
            seen = [(c, at) for c, at in seen if c != customer]
            seen += [(customer, draw.moment(25, 0)), (customer, draw.moment(300, 120))]
    return [
        {
            "event_id": f"E{n:05d}",
            "customer_id": customer,
            "occurred_at": at,
            "recorded_on": at.date() + dt.timedelta(days=draw.pick((0, 0, 0, 2))),
            "channel": draw.pick(BEHAVIOUR_CHANNELS[:5]),
            "session_id": None,
            "event": draw.pick(_EVENTS),
            "page": draw.pick(_PAGES),
            "campaign_id": draw.pick(("K0", "K1", "K2", None, None, None)),
            "duration_s": None if draw.chance(0.2) else float(draw.whole(1, 300)),
        }
        for n, (customer, at) in enumerate(seen)
    ]


def _campaigns() -> Rows:
    def row(
        campaign: str, product: str | None, starts: int, ends: int, budget: float | None,
        target: float | None,
    ) -> dict[str, Any]:  # fmt: skip
        return {
            "campaign_id": campaign,
            "name": f"Campaign {campaign}",
            "product_id": product,
            "objective": "visit" if campaign == "K1" else "converted",
            "starts_on": AS_OF + dt.timedelta(days=starts),
            "ends_on": AS_OF + dt.timedelta(days=ends),
            "attribution_days": 30 if campaign == "K0" else 14,
            "budget_cny": budget,
            "target": target,
            "randomised": campaign != "K2",
        }

    return [
        row("K0", "P-FUN", -60, -50, 300.0, 20.0),
        row("K1", "P-WEA", -20, -10, None, 12.0),
        row("K2", "P-FUN", -5, 10, 500.0, None),
        row("K3", None, 7, 12, 100.0, 5.0),
    ]


def _offers() -> Rows:
    return [
        {
            "campaign_id": campaign, "offer": offer, "title": offer, "benefit_id": None,
            "channel": "app", "contact_cost_cny": 0.1, "benefit_cost_cny": 0.0,
            "redeem_rate": 0.0, "value_cny": 10.0,
        }
        for campaign, offer in (("K0", "coupon"), ("K0", "note"), ("K1", "call"), ("K3", "note"))
    ]  # fmt: skip


def _benefit(benefit: str, face: float, cost: float, valid: int) -> dict[str, Any]:
    return {
        "benefit_id": benefit, "title": benefit, "kind": "coupon", "face_value_cny": face,
        "cost_cny": cost, "stock": 100, "valid_days": valid,
    }  # fmt: skip


_BEGUN = {"K0": -60, "K1": -20, "K2": -5}


def _assignments(draw: _Draw, customers: list[str]) -> Rows:
    rows: Rows = []
    for campaign, starts in _BEGUN.items():
        for customer in customers:
            if draw.chance(0.6):
                late = draw.whole(0, 8) if campaign == "K2" else 0
                at = dt.datetime.combine(AS_OF + dt.timedelta(days=starts + late), dt.time(9))
                rows.append(
                    {
                        "customer_id": customer, "campaign_id": campaign,
                        "arm": draw.pick(("control", "coupon", "note")), "probability": 1 / 3,
                        "assigned_at": at,
                    }
                )  # fmt: skip
    return rows


def _contacts(draw: _Draw, assignments: Rows) -> Rows:
    rows: Rows = []
    for given in assignments:
        for _ in range(0 if given["arm"] == "control" else draw.pick((0, 1, 1, 2))):
            sent = given["assigned_at"] + dt.timedelta(hours=draw.whole(1, 100))
            opened = sent + dt.timedelta(hours=draw.whole(0, 90)) if draw.chance(0.6) else None
            clicked = opened + dt.timedelta(minutes=5) if opened and draw.chance(0.5) else None
            rows.append(
                {
                    "contact_id": f"N{len(rows):04d}", "customer_id": given["customer_id"],
                    "campaign_id": given["campaign_id"], "channel": draw.pick(CONTACT_CHANNELS),
                    "sent_at": sent, "opened_at": opened, "clicked_at": clicked,
                    "cost_cny": draw.pick((0.05, 0.1, 8.0)),
                }
            )  # fmt: skip
    return rows


def _grants(draw: _Draw, assignments: Rows) -> Rows:
    rows: Rows = []
    for given in assignments:
        if given["arm"] != "coupon":
            continue
        at = given["assigned_at"] + dt.timedelta(hours=1)
        redeemed = at + dt.timedelta(days=draw.whole(0, 20)) if draw.chance(0.6) else None
        reversed_ = redeemed + dt.timedelta(days=draw.whole(0, 30)) if redeemed and draw.chance(0.4) else None  # fmt: skip
        rows.append(
            {
                "grant_id": f"G{len(rows):04d}", "benefit_id": draw.pick(("B1", "B2")),
                "customer_id": given["customer_id"], "campaign_id": given["campaign_id"],
                "granted_at": at, "redeemed_at": redeemed, "reversed_at": reversed_,
                "cost_cny": 0.0,
            }
        )  # fmt: skip
    return rows


def _outcomes(draw: _Draw, assignments: Rows) -> Rows:
    return [
        {
            "customer_id": given["customer_id"], "campaign_id": given["campaign_id"],
            "outcome": outcome, "value": float(draw.pick((0, 1, 1, 2))),
            "observed_on": given["assigned_at"].date() + dt.timedelta(days=draw.whole(0, 40)),
        }
        for given in assignments
        for outcome in ("visit", "converted")
        if draw.chance(0.5)
    ]  # fmt: skip
