"""One chunk of customers, month by month, to the tables of the mart and of the truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from . import behaviour, campaigns, life, money, sharing
from .catalogue import (
    CAMPAIGNS,
    CURRENT,
    FIRST_CAMPAIGN_LINE,
    LINE_CATEGORY,
    LINES,
    PRODUCT_CODE,
    SHEET,
)
from .dates import SECONDS, Calendar
from .draws import Array, stream
from .people import People, draw_people

CHUNK = 25_000
"""Customers simulated at a time. Part of what a seed means: change it and every mart changes."""
CUTOFFS = 3
"""Month ends for which the truth lists propensities: the last ones followed by 30 days."""
Report = Callable[[str, int], None]


@dataclass(frozen=True)
class Snapshot:
    """Balances at the end of a month: one element a holding."""

    customer: Array
    product: Array
    day: int
    balance: Array
    matures: Array
    """Day on which the term ends; -1 for none."""


@dataclass
class History:
    """All that happened to one chunk of customers."""

    people: People
    sessions: list[behaviour.Sessions] = field(default_factory=list)
    moves: list[money.Moves] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    happened: list[campaigns.Happened] = field(default_factory=list)
    stages: list[Array] = field(default_factory=list)
    tiers: list[Array] = field(default_factory=list)
    propensity: dict[int, Array] = field(default_factory=dict)
    """By month: P(purchase) in its first 30 days, shape (n, lines)."""


def simulate_chunk(
    seed: int, chunk: int, first: int, size: int, calendar: Calendar, report: Report
) -> History:
    """Let `size` customers live through the calendar; reports phases and rows as they come."""
    people = draw_people(seed, chunk, first, size, calendar)
    state = life.begin(people, calendar, seed, chunk, behaviour.CATEGORIES_SEEN)
    history = History(people)
    interest = behaviour.Interest()
    cutoffs = cutoff_months(calendar)
    for month in range(calendar.months):
        started = _campaigns_of(month, history, state, calendar, seed, chunk)
        chance = money.propensities(state, people, month)
        life.step(state, people, month, seed, chunk)
        chance[state.stage == life.LOST] = 0.0
        if month in cutoffs:
            history.propensity[month] = _with_campaigns(chance, started)
        moves = _campaign_moves(started, state, people, calendar, seed, chunk, month)
        moves += money.purchases(state, people, chance, month, calendar, seed, chunk)
        moves += money.redemptions(state, people, month, calendar, seed, chunk)
        moves += money.everyday(state, people, month, calendar, seed, chunk)
        history.moves += moves
        seen = behaviour.month_sessions(state, people, interest, month, calendar, seed, chunk)
        history.sessions += [seen, *(sharing.clicks(item, seed, chunk) for item in started)]
        history.snapshots.append(_snapshot(state, people, calendar, month))
        history.stages.append(state.stage.copy())
        history.tiers.append(state.tier)
        report("living", len(seen.event) + sum(len(m.customer) for m in moves))
    return history


def cutoff_months(calendar: Calendar) -> list[int]:
    """Months whose first 30 days are the horizon of a propensity in the truth."""
    fit = [m for m in range(1, calendar.months) if calendar.length(m) >= money.HORIZON_DAYS]
    return fit[-CUTOFFS:]


def _campaigns_of(
    month: int, history: History, state: life.Life, calendar: Calendar, seed: int, chunk: int
) -> list[campaigns.Happened]:
    """Assign and decide the campaigns of a month, from what stood at the end of the last one."""
    started = []
    for index, campaign in enumerate(CAMPAIGNS):
        if campaign.month(calendar) != month:
            continue
        people = history.people
        truth = campaigns.draw_truth(campaign, state, people, month, calendar, seed, chunk)
        started.append(
            campaigns.run(index, campaign, truth, people, state, month, calendar, seed, chunk)
        )
    history.happened += started
    return started


def _with_campaigns(chance: Array, started: list[campaigns.Happened]) -> Array:
    """Propensity by own will or through a campaign of the month, whichever arm will be drawn."""
    out = chance.copy()
    for item in started:
        truth, part = item.truth, item.part
        through = (truth.probability[part] * truth.arm_probability[part]).sum(axis=1)
        for column, line in enumerate(money.PURCHASE_LINES):
            if LINE_CATEGORY[line] == item.campaign.product.category:
                out[item.customer, column] = 1 - (1 - out[item.customer, column]) * (1 - through)
    return np.round(out, 5)


def _campaign_moves(
    started: list[campaigns.Happened], state: life.Life, people: People, calendar: Calendar,
    seed: int, chunk: int, month: int,
) -> list[money.Moves]:  # fmt: skip
    """Purchases of campaign products, and the redemption of those whose term ends this month."""
    rng = stream(seed, chunk, 8000 + month)
    out = []
    for slot, campaign in enumerate(CAMPAIGNS):
        ends = state.matures[:, slot]
        who = np.flatnonzero((ends >= calendar.starts[month]) & (ends < calendar.starts[month + 1]))
        line = FIRST_CAMPAIGN_LINE + slot
        at = ends[who].astype(np.int64) * SECONDS + 7 * 3600
        code = PRODUCT_CODE[campaign.product.product_id]
        out.append(money.moves(rng, who, code, at, "redemption", state.sheet[who, line].copy(), -1))
        state.sheet[who, CURRENT] += 0.5 * state.sheet[who, line]
        state.sheet[who, line] = 0.0
        state.matures[who, slot] = 0
    for item in started:
        rows = np.flatnonzero(item.bought_at >= 0)
        who, amount = item.customer[rows], item.amount[rows]
        line = FIRST_CAMPAIGN_LINE + item.index
        state.sheet[who, line] += amount
        state.sheet[who, CURRENT] = np.maximum(
            state.sheet[who, CURRENT] - amount, 0.25 * state.sheet[who, CURRENT]
        )
        if item.campaign.product.term_days:
            day = item.bought_at[rows] // SECONDS
            state.matures[who, item.index] = day + item.campaign.product.term_days
        code = PRODUCT_CODE[item.campaign.product.product_id]
        channel = people.preference[who]
        out.append(money.moves(rng, who, code, item.bought_at[rows], "purchase", amount, channel))
    return out


def _snapshot(state: life.Life, people: People, calendar: Calendar, month: int) -> Snapshot:
    """Holdings at the month's end; term contracts are rounded, demand money is to the cent."""
    floors = np.full(SHEET, 50.0)
    floors[CURRENT] = 0.01
    held = (state.sheet >= floors) & (state.stage != life.UNOPENED)[:, None]
    customer, line = np.nonzero(held)
    balance = state.sheet[customer, line]
    unit = _UNITS[line]
    balance = np.round(np.maximum(np.round(balance / unit), 1) * unit, 2)
    standing = line < FIRST_CAMPAIGN_LINE
    variant = people.variant[customer, np.minimum(line, FIRST_CAMPAIGN_LINE - 1)]
    product = _CODES[line, np.where(standing, variant, 0)]
    term = _TERMS[line, np.where(standing, variant, 0)]
    day = calendar.end(month)
    # A term contract renews itself: its end is the next of a customer's own series of days.
    anchor = (people.first + customer) * 7919 + line * 104_729
    ahead = day + 1 + (anchor - day - 1) % np.maximum(term, 1)
    contract = state.matures[customer, np.maximum(line - FIRST_CAMPAIGN_LINE, 0)]
    matures = np.where(standing, ahead, contract)
    return Snapshot(
        customer.astype(np.int32), product, day, balance,
        np.where(term > 0, matures, -1).astype(np.int32),
    )  # fmt: skip


_UNITS = np.array([0.01, 100, 100, 1, 100, 1, 1, *([1.0] * len(CAMPAIGNS))])
_VARIANTS = [*LINES, *((campaign.product,) for campaign in CAMPAIGNS)]
_CODES = np.array(
    [[PRODUCT_CODE[v[min(i, len(v) - 1)].product_id] for i in range(4)] for v in _VARIANTS],
    dtype=np.int8,
)
_TERMS = np.array([[v[min(i, len(v) - 1)].term_days for i in range(4)] for v in _VARIANTS])
