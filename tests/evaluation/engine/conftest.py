"""A small experiment with everything that the engine can be asked for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def trial() -> pd.DataFrame:
    """2,400 customers of 40 branches, arms drawn by customer; the rich spend more."""
    rng = np.random.default_rng(7)
    n = 2_400
    branch = rng.integers(0, 40, n)
    rich = rng.random(n) < 0.25
    mail = rng.random(n) < np.where(rich, 0.6, 0.4)
    pre = rng.gamma(2, 10, n) + rng.normal(0, 4, 40)[branch]
    clicked = rng.random(n) < 0.5
    return pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "arm": np.where(mail, "mail", "control"),
            "chance": np.where(mail, np.where(rich, 0.6, 0.4), np.where(rich, 0.4, 0.6)),
            "branch": branch,
            "tier": np.where(rich, "rich", "plain"),
            "region": rng.choice(["north", "south", "west"], n),
            "pre": pre,
            "age": rng.normal(45, 12, n),
            "visits": 1 + rng.poisson(1 + 0.3 * mail, n),
            "spend": pre + 30 * rich + (2 + 3 * rich) * mail + rng.normal(0, 6, n),
            "clicked": clicked.astype(int),
            "bought": (clicked & (rng.random(n) < 0.3 + 0.1 * mail)) | (rng.random(n) < 0.05),
        }
    )


SHARES = {"control": 55, "mail": 45}
