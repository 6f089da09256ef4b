"""A made-up tag table that the tests of this room share."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

N = 2000


def people(n: int = N, seed: int = 5) -> pd.DataFrame:
    """`n` customers whose tier goes with their assets, and half of whose regions are known."""
    rng = np.random.default_rng(seed)
    aum = np.where(rng.random(n) < 0.3, 0.0, rng.lognormal(9.5, 1.6, n))
    tier = np.select([aum >= 2e5, aum >= 5e4], ["vip", "affluent"], "mass")
    stage = rng.choice(["new", "mature", "dormant"], n, p=[0.2, 0.5, 0.3])
    visits = rng.poisson(np.where(stage == "dormant", 0.2, 4.0))
    return pd.DataFrame(
        {
            "customer_id": [f"c{i:05d}" for i in range(n)],
            "value_tier": tier,
            "lifecycle": stage,
            "region": rng.choice(["north", "south", "west", None], n),
            "aum": aum,
            "visits": visits,
            "salary_found": pd.array(rng.choice([True, False, None], n), dtype="boolean"),
            "joined": [dt.date(2020 + i % 4, 1 + i % 12, 1) for i in range(n)],
        }
    )
