"""Who the customers are: the facts that do not change, and the tastes nobody records."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .catalogue import LINES
from .dates import PAY_DAYS, Calendar
from .draws import Array, choice_table, choose, stream

REGIONS = (
    "Beijing", "Shanghai", "Guangzhou", "Shenzhen", "Hangzhou", "Chengdu",
    "Wuhan", "Nanjing", "Suzhou", "Tianjin", "Chongqing", "Xi'an",
)  # fmt: skip
_BRANCHES_PER_REGION = 3
_MANAGERS_PER_BRANCH = 4
BRANCHES = tuple(f"BR{i:03d}" for i in range(len(REGIONS) * _BRANCHES_PER_REGION))
MANAGERS = tuple(
    f"{b.replace('BR', 'RM')}{i}" for b in BRANCHES for i in range(_MANAGERS_PER_BRANCH)
)
OCCUPATIONS = (
    "employee", "civil_servant", "professional", "self_employed",
    "business_owner", "student", "retired", "other",
)  # fmt: skip
TASTES = ("saver", "planner", "trader", "protector", "borrower", "spender")
"""Latent taste groups: what a customer looks at, buys and holds follows from them."""
CONSENT_SHARE = (0.86, 0.68, 0.88, 0.35, 0.55)  # app, wechat, sms, email, phone

_REGION = choice_table(np.array([12, 13, 9, 10, 9, 9, 7, 7, 7, 6, 6, 5.0]))
_OCCUPATION = choice_table(np.array([38, 9, 12, 12, 5, 5, 14, 5.0]))
_TASTE = choice_table(np.array([24, 18, 15, 13, 13, 17.0]))
_SALARIED = np.array([0.9, 0.95, 0.75, 0.15, 0.1, 0.05, 0.6, 0.3])
# Columns: current, term, wealth, fund, insurance, loan, card.
_OWNS = np.array(
    [
        [1, 0.50, 0.18, 0.10, 0.08, 0.06, 0.16],
        [1, 0.22, 0.55, 0.22, 0.14, 0.08, 0.28],
        [1, 0.10, 0.25, 0.62, 0.08, 0.08, 0.34],
        [1, 0.24, 0.18, 0.12, 0.52, 0.12, 0.24],
        [1, 0.06, 0.08, 0.08, 0.08, 0.55, 0.40],
        [1, 0.06, 0.10, 0.16, 0.08, 0.16, 0.68],
    ]
)
_PREFERENCE = np.array([46, 12, 22, 13, 7.0])  # app, web, wechat, branch, call centre


@dataclass(frozen=True)
class People:
    """One array a fact, one element a customer; codes of -1 stand for null."""

    first: int
    """Number of the first of these customers."""
    opened: Array
    opened_month: Array
    """Month of the simulation in which they opened; -1 if before."""
    birth_year: Array
    gender: Array
    region: Array
    branch: Array
    manager: Array
    occupation: Array
    risk: Array
    consent: Array
    suppressed: Array
    age: Array
    wealth: Array
    taste: Array
    preference: Array
    """Channel used most, a code of `BEHAVIOUR_CHANNELS`."""
    activity: Array
    """Log of the sessions a month when mature."""
    salary: Array
    """0 for those paid elsewhere."""
    pay_day: Array
    due_day: Array
    owns: Array
    variant: Array
    """Which product of each line, should they hold it."""

    def __len__(self) -> int:
        return len(self.opened)


def draw_people(seed: int, chunk: int, first: int, size: int, calendar: Calendar) -> People:
    """Draw customers number `first` to ``first + size - 1``."""
    rng = stream(seed, chunk, 0)
    age = np.clip(18 + rng.gamma(4.2, 6.2, size), 18, 88)
    occupation = choose(rng, _OCCUPATION, 0, size).astype(np.int8)
    occupation[age >= 62] = OCCUPATIONS.index("retired")
    affluence = rng.standard_normal(size) + 0.35 * np.minimum((age - 40) / 12, 1.5)
    affluence += np.where(np.isin(occupation, (2, 4)), 0.5, 0.0)
    # Lognormal body, Pareto tail: the top per cent hold a large part of the assets.
    wealth = np.exp(9.7 + 1.35 * affluence)
    wealth *= np.where(rng.random(size) < 0.02, 1 + rng.pareto(1.6, size) * 3, 1.0)
    wealth = np.minimum(wealth, 3e8)
    taste = choose(rng, _TASTE, 0, size).astype(np.int8)
    region = choose(rng, _REGION, 0, size).astype(np.int8)
    branch = region * _BRANCHES_PER_REGION + rng.integers(0, _BRANCHES_PER_REGION, size)
    managed = rng.random(size) < np.clip((np.log(wealth) - 9.8) / 3, 0, 0.95)
    manager = branch * _MANAGERS_PER_BRANCH + rng.integers(0, _MANAGERS_PER_BRANCH, size)
    opened = _opening_days(rng, size, calendar)
    salaried = rng.random(size) < _SALARIED[occupation]
    salary = np.round(np.exp(8.9 + 0.35 * affluence + 0.25 * rng.standard_normal(size)), -2)
    risk = np.clip(np.round(3.2 - (age - 40) / 25 + 0.9 * rng.standard_normal(size)), 1, 5)
    return People(
        first=first,
        opened=opened,
        opened_month=(np.searchsorted(calendar.starts, opened, side="right") - 1).astype(np.int16),
        birth_year=_with_nulls(rng, calendar.date(calendar.last_day).year - age.astype(int), 0.01),
        gender=_with_nulls(rng, rng.integers(0, 2, size), 0.02),
        region=region,
        branch=branch.astype(np.int16),
        manager=np.where(managed, manager, -1).astype(np.int16),
        occupation=_with_nulls(rng, occupation, 0.04),
        risk=_with_nulls(rng, risk.astype(int), 0.08),
        consent=rng.random((size, len(CONSENT_SHARE))) < np.array(CONSENT_SHARE),
        suppressed=rng.random(size) < 0.025,
        age=age,
        wealth=wealth,
        taste=taste,
        preference=_preferences(rng, age),
        activity=0.35 - 0.012 * (age - 40) + 0.85 * rng.standard_normal(size),
        salary=np.where(salaried, salary, 0.0),
        pay_day=np.array(PAY_DAYS, dtype=np.int8)[rng.integers(0, len(PAY_DAYS), size)],
        due_day=rng.integers(1, 28, size).astype(np.int8),
        owns=_ownership(rng, taste, affluence),
        variant=_variants(rng, risk, wealth),
    )


def _opening_days(rng: np.random.Generator, size: int, calendar: Calendar) -> Array:
    """Days on which accounts were opened: about 1 per cent of the customers a month are new."""
    before = calendar.starts[0] - 1 - np.minimum(rng.exponential(5.5 * 365, size), 22 * 365)
    span = calendar.last_day - calendar.starts[0] + 1
    within = calendar.starts[0] + rng.integers(0, span, size)
    new = rng.random(size) < 0.01 * calendar.months
    return np.where(new, within, before).astype(np.int32)


def _with_nulls(rng: np.random.Generator, values: Array, share: float) -> Array:
    return np.where(rng.random(len(values)) < share, -1, values).astype(np.int16)


def _preferences(rng: np.random.Generator, age: Array) -> Array:
    """Channel preference by age band: the young hold the phone, the old come to the branch."""
    weights = _PREFERENCE * np.array(
        [[1.3, 0.7, 1.3, 0.2, 0.5], [1, 1.2, 1, 0.8, 1], [0.35, 0.8, 0.7, 3.5, 1.8]]
    )
    band = np.digitize(age, (35, 55))
    return choose(rng, choice_table(weights), band, len(age)).astype(np.int8)


def _ownership(rng: np.random.Generator, taste: Array, affluence: Array) -> Array:
    lean = np.exp(0.35 * np.clip(affluence, -2, 2))[:, None]
    owns: Array = rng.random((len(taste), len(LINES))) < 0.9 * _OWNS[taste] * lean
    owns[:, 0] = True  # everyone has a current account
    return owns


def _variants(rng: np.random.Generator, risk: Array, wealth: Array) -> Array:
    """The product of each line that suits a customer: by appetite for risk, or by chance."""
    rank = np.clip((risk - 1) / 4 + rng.normal(0, 0.2, len(risk)), 0, 0.999)
    chance = rng.random(len(risk))
    rich = np.clip(np.log(wealth) / 20, 0, 0.999)
    ranks = (chance, chance, rank, rank, chance, chance, rich)
    return np.stack(
        [(r * len(line)).astype(np.int8) for r, line in zip(ranks, LINES, strict=True)], axis=1
    )
