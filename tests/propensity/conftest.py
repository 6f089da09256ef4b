"""A small bank whose responses are known, and a model of it."""

import numpy as np
import pandas as pd
import pytest

from marketing_ds.propensity import PropensityModel


def make_bank(rows, seed):
    """Tags with every kind of column, and the true probabilities."""
    rng = np.random.default_rng(seed)
    tags = pd.DataFrame(
        {
            "customer_id": [f"c{seed}-{i}" for i in range(rows)],
            "aum_cny": rng.lognormal(10, 1.5, rows),
            "age": rng.integers(18, 80, rows).astype(float),
            "region": rng.choice(["east", "west", "north", "south"], rows, p=[0.4, 0.3, 0.2, 0.1]),
            "mobile": rng.random(rows) < 0.6,
            "opened_on": pd.Timestamp("2020-01-01")
            + pd.to_timedelta(rng.integers(0, 2000, rows), unit="D"),
            "noise": rng.normal(size=rows),
            "constant": 1,
        }
    )
    margin = (
        -8.5
        + 0.6 * np.log(tags["aum_cny"])
        + 1.0 * (tags["region"] == "north")
        + 0.8 * tags["mobile"] * (tags["age"] < 40)
    )
    tags.loc[rng.random(rows) < 0.1, "age"] = np.nan
    tags.loc[rng.random(rows) < 0.1, "region"] = None
    return tags, (1 / (1 + np.exp(-margin))).to_numpy()


@pytest.fixture(scope="session")
def bank():
    tags, p = make_bank(4000, 0)
    return tags, (np.random.default_rng(1).random(4000) < p).astype(int), p


@pytest.fixture(scope="session")
def model(bank):
    tags, y, _ = bank
    return PropensityModel(n_jobs=1, learning_rate=0.1, patience=20).fit(tags, y)
