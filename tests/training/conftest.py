"""What the tests of training sets share."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from marketing_ds.labels import bought
from marketing_ds.mart import Mart, open_mart
from marketing_ds.training import Leaks, TrainingSet

Rows = list[dict[str, Any]]
OpenTables = Callable[..., Mart]
TAGS = ["aum", "age", "region", "has_manager", "transactions_30d", "days_since_purchase"]


@pytest.fixture
def open_tables(
    tmp_path: Path, write_mart: Callable[[Path, dict[str, Rows]], Path]
) -> Iterator[OpenTables]:
    """A function that opens a mart of the given rows."""
    opened: list[Mart] = []

    def open_them(tables: dict[str, Rows], engine: str = "duckdb") -> Mart:
        number = len(opened)
        folder = write_mart(tmp_path / f"mart_{number}", tables)
        workspace = tmp_path / f"workspace_{number}"
        opened.append(open_mart(folder, engine=engine, workspace=workspace))
        return opened[-1]

    yield open_them
    for mart in opened:
        mart.close()


@pytest.fixture
def make_set() -> Callable[..., TrainingSet]:
    """A function that makes a set by hand: customers × cut-offs, a share of them positive."""

    def make(
        customers: int, cutoffs: list[str], *, rate: float = 0.3, horizon_days: int = 30
    ) -> TrainingSet:
        draw = np.random.default_rng(customers)
        ids = [f"c{n:05d}" for n in range(customers)]
        X = pd.DataFrame(
            {
                "customer_id": pd.Series(ids * len(cutoffs), dtype="str"),
                "as_of": pd.to_datetime(np.repeat(cutoffs, customers)),
                "age": draw.normal(size=customers * len(cutoffs)).astype("float32"),
            }
        )
        y = pd.Series((draw.random(len(X)) < rate).astype("int8"), name="label")
        weight = pd.Series(np.ones(len(X)), name="weight")
        leaks = Leaks((), (), pd.DataFrame())
        return TrainingSet(bought(), horizon_days, X, y, weight, leaks)

    return make


def day(text: str) -> dt.date:
    """A date."""
    return dt.date.fromisoformat(text)
