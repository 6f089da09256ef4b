"""The course of a customer's life with the bank: a monthly Markov chain, and balances that follow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .catalogue import (
    ASSET_LINES,
    CARD,
    CURRENT,
    FIRST_CAMPAIGN_LINE,
    FUND,
    INSURANCE,
    LOAN,
    SHEET,
    TERM,
    WEALTH,
)
from .dates import Calendar
from .draws import Array, stream
from .people import People

LIFECYCLE = ("new", "growing", "mature", "declining", "dormant", "lost")
NEW, GROWING, MATURE, DECLINING, DORMANT, LOST = range(len(LIFECYCLE))
UNOPENED = -1

TRANSITIONS = np.array(
    [
        [0.66, 0.22, 0.08, 0.02, 0.02, 0.000],
        [0.00, 0.82, 0.13, 0.04, 0.01, 0.000],
        [0.00, 0.025, 0.910, 0.05, 0.012, 0.003],
        [0.00, 0.05, 0.06, 0.76, 0.10, 0.030],
        [0.00, 0.03, 0.02, 0.00, 0.92, 0.030],
        [0.00, 0.00, 0.00, 0.00, 0.00, 1.000],
    ]
)
"""Monthly probability of moving from a stage (row) to a stage (column)."""

ACTIVITY = np.array([1.5, 1.6, 1.0, 0.55, 0.05, 0.0])
"""How much each stage does, against a mature customer."""
_GROWTH = np.array([0.08, 0.035, 0.003, -0.08, -0.006, 0.0])
_FIRST_STAGE = np.array([[0.5, 0.35, 0.1, 0.03, 0.02], [0.0, 0.2, 0.54, 0.13, 0.13]])

TIERS = ("basic", "silver", "gold", "platinum", "private")
TIER_FLOORS_CNY = (50_000.0, 300_000.0, 1_000_000.0, 6_000_000.0)
"""Assets from which the tiers above `basic` begin."""


@dataclass
class Life:
    """Where every customer of a chunk stands now; the month loop changes it in place."""

    stage: Array
    sheet: Array
    """Balance of each line, in CNY, float64 of shape (n, SHEET)."""
    matures: Array
    """Day on which each campaign product ends; 0 if not held."""
    sessions: Array
    """Sessions in each month, int16 of shape (n, months)."""
    views: Array
    """Views of each category in each month, int16 of shape (months, n, categories)."""
    stay_until: Array
    """Last month in which a customer may not leave, as their campaign is still counted."""

    @property
    def assets(self) -> Array:
        """Assets in CNY: everything held but loans and cards."""
        total: Array = self.sheet[:, ASSET_LINES].sum(axis=1)
        return total

    @property
    def tier(self) -> Array:
        """Value tier, a code of `TIERS`."""
        return np.searchsorted(TIER_FLOORS_CNY, self.assets, side="right").astype(np.int8)


def begin(people: People, calendar: Calendar, seed: int, chunk: int, categories: int) -> Life:
    """Customers as they stand before the first month."""
    rng = stream(seed, chunk, 1)
    size = len(people)
    recent = (calendar.starts[0] - people.opened) < 180
    cumulative = np.cumsum(_FIRST_STAGE, axis=1)
    draw = rng.random(size)
    stage = (draw[:, None] >= cumulative[np.where(recent, 0, 1)]).sum(axis=1)
    stage = np.where(people.opened_month < 0, np.minimum(stage, DORMANT), UNOPENED)
    return Life(
        stage=stage.astype(np.int8),
        sheet=_first_sheet(rng, people),
        matures=np.zeros((size, SHEET - FIRST_CAMPAIGN_LINE), dtype=np.int32),
        sessions=np.zeros((size, calendar.months), dtype=np.int16),
        views=np.zeros((calendar.months, size, categories), dtype=np.int16),
        stay_until=np.full(size, -1, dtype=np.int16),
    )


def _first_sheet(rng: np.random.Generator, people: People) -> Array:
    """Split the assets over the lines a customer owns; debts follow income and wealth."""
    size = len(people)
    split = rng.gamma(2.0, 1.0, (size, INSURANCE + 1))
    split[:, CURRENT] *= 0.5
    split *= people.owns[:, : INSURANCE + 1]
    sheet = np.zeros((size, SHEET))
    sheet[:, : INSURANCE + 1] = people.wealth[:, None] * split / split.sum(axis=1, keepdims=True)
    sheet[:, INSURANCE] = np.minimum(sheet[:, INSURANCE], 400_000)
    income = np.maximum(people.salary, 4_000)
    home = people.variant[:, LOAN] == 0
    debt = income * np.where(home, rng.uniform(20, 90, size), rng.uniform(1, 8, size))
    sheet[:, LOAN] = debt * people.owns[:, LOAN]
    sheet[:, CARD] = income * rng.lognormal(-1.2, 0.7, size) * people.owns[:, CARD]
    sheet[people.opened_month >= 0] *= 0.6  # the new bring a part first
    return sheet


def step(life: Life, people: People, month: int, seed: int, chunk: int) -> None:
    """Let one month begin: everyone's stage moves on, and with it the balances."""
    rng = stream(seed, chunk, 1000 + month)
    size = len(people)
    cumulative = np.cumsum(TRANSITIONS, axis=1)
    draw = rng.random(size)
    known = np.maximum(life.stage, 0)
    moved = (draw[:, None] >= cumulative[known]).sum(axis=1)
    moved = np.minimum(moved, LOST)
    # A campaign's truth needs its customers to stay: whoever would leave turns dormant first.
    moved = np.where(
        (moved == LOST) & (life.stage != LOST) & (life.stay_until >= month), DORMANT, moved
    )
    moved = np.where(life.stage == UNOPENED, UNOPENED, moved)
    life.stage = np.where(people.opened_month == month, NEW, moved).astype(np.int8)
    market = stream(seed, 0, 900 + month).normal(0.002, 0.02)  # one market for all chunks
    _move_balances(rng, life, market)


def _move_balances(rng: np.random.Generator, life: Life, market: float) -> None:
    size = len(life.stage)
    growth = _GROWTH[np.maximum(life.stage, 0)]
    noise = rng.standard_normal((size, 3))
    sheet = life.sheet
    sheet[:, CURRENT] *= np.exp(growth + 0.25 * noise[:, 0] - 0.03)
    sheet[:, CURRENT] += 0.01 * life.assets * (life.stage != UNOPENED)
    sheet[:, FUND] *= np.exp(market + 0.04 * noise[:, 1] + np.minimum(growth, 0))
    for line in (TERM, WEALTH):
        sheet[:, line] *= np.exp(np.minimum(growth, 0))
    sheet[:, LOAN] *= 0.985
    sheet[:, CARD] *= np.exp(0.3 * noise[:, 2] - 0.045)
    sheet[life.stage == LOST] = 0.0
    life.matures[life.stage == LOST] = 0
