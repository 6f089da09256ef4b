"""A small bank whose group of seeds is known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
import pytest

from marketing_ds.lookalike import Lookalike


def make_bank(n: int = 3000, share: float = 0.1, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Tags of every type, some of which tell the group, and 8 that tell nothing."""
    rng = np.random.default_rng(seed)
    group = rng.random(n) < share
    day = dt.date(2020, 1, 1)
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{i:05d}" for i in range(n)],
            "funds_cny": np.where(rng.random(n) < 0.3, 0, rng.lognormal(8 + 1.5 * group, 2, n)),
            "visits": rng.poisson(2 + 3 * group).astype(float),
            "region": rng.choice(["north", "south", "east"], n),
            "channel": np.where(
                group & (rng.random(n) < 0.6), "app", rng.choice(["web", "app"], n)
            ),
            "first_on": [
                day + dt.timedelta(days=int(d)) for d in rng.integers(0, 900, n) - 200 * group
            ],
            "married": rng.random(n) < 0.5,
            **{f"noise_{i}": rng.lognormal(0, 2, n) for i in range(8)},
        }
    )
    frame.loc[rng.random(n) < 0.1, "visits"] = np.nan
    return frame, group


@pytest.fixture(scope="session")
def bank() -> tuple[pd.DataFrame, np.ndarray]:
    return make_bank()


@pytest.fixture(scope="session")
def frame(bank: tuple[pd.DataFrame, np.ndarray]) -> pd.DataFrame:
    return bank[0]


@pytest.fixture(scope="session")
def seeds(bank: tuple[pd.DataFrame, np.ndarray]) -> list[str]:
    frame, group = bank
    return frame.loc[group, "customer_id"].tolist()[::2]


@pytest.fixture(scope="session")
def look(fitted: Callable[[str], Lookalike]) -> Lookalike:
    return fitted("auto")


@pytest.fixture(scope="session")
def near(fitted: Callable[[str], Lookalike]) -> Lookalike:
    return fitted("neighbours")


@pytest.fixture(scope="session")
def fitted(frame: pd.DataFrame, seeds: list[str]) -> Callable[[str], Lookalike]:
    """A model by method, each fitted once."""

    @cache
    def fit(method: str) -> Lookalike:
        return Lookalike(method, n_jobs=1).fit(frame, seeds)

    return fit
