"""The simulated bank that the tests of this room share."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import pandas as pd
import pytest

from marketing_ds.datasets import SimulatedBank, Truth, load_truth, simulate
from marketing_ds.schema import MART

Query = Callable[[str], pd.DataFrame]


@pytest.fixture(scope="session")
def bank(tmp_path_factory: pytest.TempPathFactory) -> SimulatedBank:
    """6,000 customers over a year."""
    folder = tmp_path_factory.mktemp("simulated") / "bank"
    return simulate(folder, customers=6_000, seed=11, progress=False)


@pytest.fixture(scope="session")
def truth(bank: SimulatedBank) -> Truth:
    """The truth of `bank`."""
    return load_truth(bank.path)


@pytest.fixture(scope="session")
def query(bank: SimulatedBank) -> Query:
    """A function that asks `bank` and its truth (`t_outcomes`, …) in SQL."""
    con = duckdb.connect()
    for name in MART:
        if (bank.path / name).is_dir():
            con.execute(f"create view {name} as from read_parquet('{bank.path}/{name}/*.parquet')")
    for name in ("outcomes", "taste", "propensity", "lifecycle"):
        con.execute(f"create view t_{name} as from '{bank.path}/_truth/{name}.parquet'")
    con.execute(
        """create view sold as select distinct customer_id, campaign_id
        from transactions join campaigns using (product_id) where kind = 'purchase'"""
    )
    return lambda text: con.execute(text).df()
