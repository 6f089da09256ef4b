"""Scores and offers for the tests of strategy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest

OFFERS = pd.DataFrame(
    {
        "offer": ["message", "coupon", "call"],
        "channel": ["sms", "app", "phone"],
        "contact_cost_cny": [0.1, 0.05, 8.0],
        "benefit_cost_cny": [0.0, 20.0, 0.0],
        "redeem_rate": [0.0, 0.1, 0.0],
        "value_cny": [100.0, 100.0, 120.0],
    }
)


@pytest.fixture
def offers() -> pd.DataFrame:
    """Three offers that cost 0.10, 2.05 and 8.00 CNY."""
    return OFFERS.copy()


@pytest.fixture
def make_scores() -> Callable[..., pd.DataFrame]:
    """A function that lays an (n, A) matrix of uplifts out as scores; NaN leaves a row out."""

    def make(uplift: np.ndarray, arms: Sequence[str] = tuple(OFFERS["offer"])) -> pd.DataFrame:
        n, a = uplift.shape
        frame = pd.DataFrame(
            {
                "customer_id": np.repeat([f"c{i:07d}" for i in range(n)], a),
                "as_of": "2026-06-30",
                "kind": "uplift",
                "arm": np.tile(list(arms)[:a], n),
                "score": uplift.ravel(),
                "standard_error": np.nan,
                "model_version": "m1",
            }
        )
        return frame[frame["score"].notna()].reset_index(drop=True)

    return make


@pytest.fixture
def draw_uplift() -> Callable[..., np.ndarray]:
    """A function that draws a skewed (n, 3) matrix of uplifts, some of them negative."""

    def draw(n: int, seed: int = 0) -> np.ndarray:
        rng = np.random.default_rng(seed)
        return rng.gamma(1.0, 0.04, size=(n, 3)) * rng.normal(0.5, 1.0, size=(n, 3))

    return draw
