"""A campaign whose managers chose whom to call, with the truth known; panels of units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest


@dataclass(frozen=True)
class Chosen:
    """The rich and active were called more often, and buy more anyway."""

    frame: pd.DataFrame
    chance: np.ndarray
    effect: dict[str, float]
    """True effect on `amount`, by estimand."""


def make_chosen(n: int, seed: int) -> Chosen:
    rng = np.random.default_rng(seed)
    wealth, active = rng.normal(size=n), rng.exponential(size=n)
    city = rng.choice(["north", "south", "east"], n)
    age = rng.uniform(20, 70, n)
    age[rng.random(n) < 0.1] = np.nan
    line = -0.6 + 0.9 * wealth + 0.3 * np.minimum(active, 2) + 0.5 * (city == "south")
    chance = 1 / (1 + np.exp(-line))
    called = rng.random(n) < chance
    gain = 5 + 2 * wealth
    base = 50 + 12 * wealth + 4 * np.minimum(active, 2) + 3 * (city == "south") - 2 * np.isnan(age)
    amount = base + gain * called + rng.normal(0, 8, n)
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{k:06d}" for k in range(n)],
            "arm": np.where(called, "call", "control"),
            "wealth": wealth,
            "active": active,
            "city": city,
            "age": age,
            "branch": [f"b{k % 60}" for k in range(n)],
            "amount": amount,
            "visits": 1 + rng.poisson(1 + np.exp(0.3 * wealth)),
            "bought": amount + rng.normal(0, 5, n) > 60,
        }
    )
    return Chosen(frame, chance, {"ate": gain.mean(), "att": gain[called].mean()})


@pytest.fixture(scope="session")
def chosen() -> Chosen:
    return make_chosen(2_500, 11)


COVARIATES = ("wealth", "active", "city", "age")


def long_panel(values: np.ndarray, **columns: list[object]) -> pd.DataFrame:
    """Units × periods as rows, numbered from 0; columns hold one value a unit."""
    units, periods = values.shape
    frame = pd.DataFrame(
        {
            "unit": np.repeat(np.arange(units), periods),
            "period": np.tile(np.arange(periods), units),
            "value": values.ravel(),
        }
    )
    for name, each in columns.items():
        frame[name] = np.repeat(np.array(each, dtype=object), periods)
    return frame
