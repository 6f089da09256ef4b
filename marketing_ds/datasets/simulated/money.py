"""What customers do with their money: salaries, payments, purchases, redemptions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from marketing_ds.schema import TRANSACTIONS

from .behaviour import moments
from .catalogue import (
    CARD,
    CATEGORY_CODE,
    CURRENT,
    FUND,
    INSURANCE,
    LINE_CATEGORY,
    LINES,
    LOAN,
    PRODUCT_CODE,
    TERM,
    WEALTH,
)
from .dates import SECONDS, Calendar
from .draws import Array, choice_table, choose, late_days, sigmoid, spread, stream
from .life import ACTIVITY, DECLINING, DORMANT, LOST, UNOPENED, Life
from .people import TASTES, People

KINDS: tuple[str, ...] = next(
    column.allowed or () for column in TRANSACTIONS.columns if column.name == "kind"
)
KIND = {name: code for code, name in enumerate(KINDS)}
VARIANT_CODES = tuple(
    np.array([PRODUCT_CODE[product.product_id] for product in line], dtype=np.int8)
    for line in LINES
)
PURCHASE_LINES = (TERM, WEALTH, FUND, INSURANCE, LOAN)
"""Lines bought in their own time, without a campaign."""
HORIZON_DAYS = 30
"""Purchases of a month fall on its first 30 days with the propensity of the truth."""

_INTERCEPT = {TERM: -3.55, WEALTH: -3.35, FUND: -3.35, INSURANCE: -4.3, LOAN: -4.5}
_LIKED_BY = {
    TERM: "saver",
    WEALTH: "planner",
    FUND: "trader",
    INSURANCE: "protector",
    LOAN: "borrower",
}
_PAY_CHANNEL = choice_table(np.array([[50, 12, 35, 2, 1.0], [40, 40, 16, 3, 1], [30, 6, 62, 1, 1], [40, 10, 20, 24, 6], [40, 14, 16, 10, 20]]))  # fmt: skip
_MOVES = ("transfer_out", "transfer_in", "withdrawal", "deposit", "fee")
_MOVE = choice_table(np.array([[36, 30, 18, 12, 4.0]]))
_NO_CHANNEL = -1


@dataclass(frozen=True)
class Moves:
    """Transactions: one element each."""

    customer: Array
    product: Array
    at: Array
    kind: Array
    amount: Array
    channel: Array
    late: Array


def moves(
    rng: np.random.Generator, customer: Array, product: Array | int, at: Array, kind: Array | str,
    amount: Array, channel: Array | int,
) -> Moves:  # fmt: skip
    """Put transactions together; single values stand for all rows."""
    size = len(customer)

    def full(value: Array | int) -> Array:
        return np.broadcast_to(np.asarray(value, dtype=np.int8), size)

    code = KIND[kind] if isinstance(kind, str) else kind
    return Moves(
        customer.astype(np.int32), full(product), at, full(code), amount, full(channel),
        late_days(rng, size),
    )  # fmt: skip


def propensities(life: Life, people: People, month: int) -> Array:
    """P(buying in each of `PURCHASE_LINES` within the month's first 30 days), shape (n, lines).

    Driven by what can be seen at the end of the month before (views, holdings, assets) and by the
    latent taste.
    """
    out = np.zeros((len(people), len(PURCHASE_LINES)))
    views = np.minimum(life.views[month - 1], 6)  # still empty before the first month
    assets = (np.log1p(life.assets) - 9.9) / 1.5
    there = (life.stage != UNOPENED) & (life.stage != LOST) & (people.opened_month < month)
    mood = np.array([0.3, 0.4, 0.0, -0.6, -1.6, 0.0])[life.stage]
    for column, line in enumerate(PURCHASE_LINES):
        seen = np.log1p(views[:, CATEGORY_CODE[LINE_CATEGORY[line]]])
        likes = people.taste == TASTES.index(_LIKED_BY[line])
        pull = -0.4 if line == LOAN else 0.45
        logit = (
            _INTERCEPT[line] + 1.25 * seen + 0.7 * (life.sheet[:, line] > 50)
            + pull * np.clip(assets, -2, 2.5) + 0.8 * likes + mood
        )  # fmt: skip
        out[:, column] = np.where(there, sigmoid(logit), 0.0)
    return np.round(out, 4)


def purchases(
    life: Life, people: People, chance: Array, month: int, calendar: Calendar, seed: int, chunk: int
) -> list[Moves]:  # fmt: skip
    """Draw the purchases of a month with `chance`, and let the balance sheet follow."""
    rng = stream(seed, chunk, 5000 + month)
    out = []
    window = min(HORIZON_DAYS, calendar.length(month))
    for column, line in enumerate(PURCHASE_LINES):
        who = np.flatnonzero(rng.random(len(people)) < chance[:, column])
        day = rng.integers(0, window, len(who))
        if calendar.length(month) > HORIZON_DAYS:  # the 31st lies outside the horizon
            extra = np.flatnonzero(rng.random(len(people)) < chance[:, column] / HORIZON_DAYS)
            who = np.concatenate([who, extra])
            day = np.concatenate([day, np.full(len(extra), HORIZON_DAYS)])
        at = (calendar.starts[month] + day) * SECONDS + rng.integers(9 * 3600, 22 * 3600, len(who))
        amount = _purchase_amount(rng, life, people, line, who)
        np.add.at(life.sheet[:, line], who, amount)
        if line == LOAN:
            np.add.at(life.sheet[:, CURRENT], who, 0.3 * amount)
        else:
            left = life.sheet[who, CURRENT]
            life.sheet[who, CURRENT] = np.maximum(left - amount, 0.25 * left)
        channel = choose(rng, _PAY_CHANNEL, people.preference[who], len(who))
        product = VARIANT_CODES[line][people.variant[who, line]]
        out.append(moves(rng, who, product, at, "purchase", amount, channel))
    return out


def _purchase_amount(
    rng: np.random.Generator, life: Life, people: People, line: int, who: Array
) -> Array:
    assets = life.assets[who]
    if line == LOAN:
        typical = 3.0 * np.maximum(people.salary[who], 4_000)
    elif line == INSURANCE:
        typical = np.clip(0.03 * assets, 300, 20_000)
    else:
        typical = np.clip(0.06 * assets, 1_000, 500_000)
    drawn = typical * np.exp(0.6 * rng.standard_normal(len(who)))
    amount: Array = np.maximum(np.round(drawn, -2), 100.0)
    return amount


def redemptions(
    life: Life, people: People, month: int, calendar: Calendar, seed: int, chunk: int
) -> list[Moves]:  # fmt: skip
    """Money taken out of term deposits, wealth products and funds."""
    rng = stream(seed, chunk, 6000 + month)
    out = []
    days = calendar.busy_days(month, weekend=0.5)
    rate = np.where(life.stage == DECLINING, 0.14, np.where(life.stage == DORMANT, 0.005, 0.045))
    rate = np.where((life.stage == LOST) | (life.stage == UNOPENED), 0.0, rate)
    for line in (TERM, WEALTH, FUND):
        held = life.sheet[:, line] > 500
        who = np.flatnonzero(held & (rng.random(len(people)) < rate))
        part = np.where(rng.random(len(who)) < 0.3, 1.0, rng.uniform(0.2, 0.8, len(who)))
        amount = np.floor(life.sheet[who, line] * part)
        life.sheet[who, line] -= amount
        life.sheet[who, CURRENT] += 0.5 * amount
        at = moments(rng, people, who, month, calendar, days, 0)
        channel = choose(rng, _PAY_CHANNEL, people.preference[who], len(who))
        product = VARIANT_CODES[line][people.variant[who, line]]
        out.append(moves(rng, who, product, at, "redemption", amount, channel))
    return out


def everyday(
    life: Life, people: People, month: int, calendar: Calendar, seed: int, chunk: int
) -> list[Moves]:  # fmt: skip
    """Salaries, payments, transfers, interest and repayments of a month."""
    rng = stream(seed, chunk, 7000 + month)
    open_ = (life.stage != UNOPENED) & (life.stage != LOST)
    out = [
        _salaries(rng, life, people, month, calendar),
        _payments(rng, life, people, month, calendar),
        _transfers(rng, life, people, month, calendar),
        _repayments(rng, life, people, month, calendar, LOAN),
        _repayments(rng, life, people, month, calendar, CARD),
    ]
    if calendar.date(calendar.starts[month]).month % 3 == 0:
        who = np.flatnonzero(open_ & (people.opened_month < month) & (life.sheet[:, CURRENT] > 200))
        at = np.full(len(who), (calendar.starts[month] + 20) * SECONDS + 3600, dtype=np.int64)
        amount = np.round(life.sheet[who, CURRENT] * 0.0005, 2)
        out.append(moves(rng, who, 0, at, "interest", amount, _NO_CHANNEL))
    return out


def _salaries(
    rng: np.random.Generator, life: Life, people: People, month: int, calendar: Calendar
) -> Moves:
    paid = (people.salary > 0) & np.isin(life.stage, (0, 1, 2, 3)) & (people.opened_month < month)
    who = np.flatnonzero(paid)
    at = (calendar.starts[month] + people.pay_day[who].astype(np.int64) - 1) * SECONDS
    at += 6 * 3600 + 1800 * (who % 16)  # an employer pays everyone at once
    amount = np.round(
        people.salary[who] * (1 + 0.06 * rng.standard_normal(len(who)).clip(-3, 3)), -1
    )
    return moves(rng, who, 0, at, "salary", amount, _NO_CHANNEL)


def _payments(
    rng: np.random.Generator, life: Life, people: People, month: int, calendar: Calendar
) -> Moves:
    rate = 0.46 * np.exp(0.6 * np.clip(people.activity, -2, 2)) * (1 + 0.6 * (people.salary > 0))
    rate *= ACTIVITY[life.stage] * (life.stage >= 0)
    who, _ = spread(rng.poisson(rate))
    days = calendar.busy_days(month, weekend=1.4)
    channel = choose(rng, _PAY_CHANNEL, people.preference[who], len(who))
    at = moments(rng, people, who, month, calendar, days, channel)
    typical = 4.3 + 0.3 * np.log(np.maximum(life.sheet[:, CURRENT], 100) / 1e4)
    drawn = np.exp(
        typical[who].astype(np.float32) + rng.standard_normal(len(who), dtype=np.float32)
    )
    amount = np.round(np.maximum(drawn, 0.5) * 2).astype(float) / 2
    by_card = (life.sheet[who, CARD] > 0) & (rng.random(len(who), dtype=np.float32) < 0.6)
    product = np.where(by_card, VARIANT_CODES[CARD][people.variant[who, CARD]], 0)
    return moves(rng, who, product, at, "payment", amount, channel)


def _transfers(
    rng: np.random.Generator, life: Life, people: People, month: int, calendar: Calendar
) -> Moves:
    rate = 0.5 * ACTIVITY[life.stage] * (life.stage >= 0)
    who, _ = spread(rng.poisson(rate))
    days = calendar.busy_days(month, weekend=0.7)
    channel = choose(rng, _PAY_CHANNEL, people.preference[who], len(who))
    at = moments(rng, people, who, month, calendar, days, channel)
    which = choose(rng, _MOVE, 0, len(who))
    kind = np.array([KIND[name] for name in _MOVES], dtype=np.int8)[which]
    scale = np.maximum(life.sheet[who, CURRENT], 500) * 0.2
    amount = np.maximum(np.round(scale * np.exp(0.8 * rng.standard_normal(len(who))), -1), 10.0)
    amount = np.where(kind == KIND["fee"], 10.0, amount)
    return moves(rng, who, 0, at, kind, amount, channel)


def _repayments(
    rng: np.random.Generator, life: Life, people: People, month: int, calendar: Calendar, line: int
) -> Moves:
    owing = (life.sheet[:, line] > 200) & (people.opened_month < month) & (life.stage != LOST)
    owing &= life.stage != UNOPENED
    if line == CARD:
        owing &= rng.random(len(people)) < 0.6
    who = np.flatnonzero(owing)
    day = people.due_day[who].astype(np.int64) - 1
    at = (calendar.starts[month] + day) * SECONDS + (8 * 3600 if line == LOAN else 20 * 3600)
    part = 0.018 if line == LOAN else 0.55
    amount = np.round(life.sheet[who, line] * part)
    product = VARIANT_CODES[line][people.variant[who, line]]
    return moves(rng, who, product, at, "repayment", amount, _NO_CHANNEL)
