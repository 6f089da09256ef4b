"""What the benchmark compares is the same work: SQL by hand and pandas give the very values of ours."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from marketing_ds.mart import Mart, open_mart
from marketing_ds.tags import catalogue, tag_table

from ..benchmarks._tags_mart import AS_OF, write_mart
from ..benchmarks._tags_names import NAMES, differences
from ..benchmarks._tags_pandas import in_pandas
from ..benchmarks._tags_sql import by_hand
from ..benchmarks._tags_sql_plain import plain

Query = Callable[[duckdb.DuckDBPyConnection, Path, dt.date], str]
DAYS = [AS_OF, "2026-05-12"]
"""The last day, and one between two snapshots, with rows after it."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_mart(tmp_path_factory.mktemp("bench") / "mart", customers=600, rows=12_000)


@pytest.fixture(scope="module")
def mart(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mart]:
    with open_mart(folder, workspace=tmp_path_factory.mktemp("workspace")) as opened:
        yield opened


@pytest.fixture(scope="module", params=DAYS)
def ours(request: pytest.FixtureRequest, mart: Mart) -> tuple[dt.date, pd.DataFrame]:
    """A day, and our tags of it."""
    day = dt.date.fromisoformat(request.param)
    return day, tag_table(mart, day, NAMES).to_pyarrow().to_pandas()


def test_they_are_120_tags_of_the_catalogue() -> None:
    assert len(set(NAMES)) == 120
    assert set(NAMES) <= set(catalogue().names)


def test_the_mart_follows_the_contract(mart: Mart) -> None:
    assert mart.check(business_date="2026-07-05").to_frame().empty  # with rows recorded late


def test_every_tag_tells_customers_apart(ours: tuple[dt.date, pd.DataFrame]) -> None:
    _, table = ours
    assert [name for name in NAMES if table[name].nunique(dropna=False) < 2] == []


@pytest.mark.parametrize("query", [by_hand, plain])
def test_sql_gives_the_values_of_ours(
    folder: Path, ours: tuple[dt.date, pd.DataFrame], query: Query
) -> None:
    day, wanted = ours
    with duckdb.connect() as con:
        found = con.sql(query(con, folder, day)).to_arrow_table().to_pandas()
    assert list(found.columns) == ["customer_id", *NAMES]
    assert differences(found, wanted) == {}


@pytest.mark.parametrize("categories", [False, True])
def test_pandas_gives_the_values_of_ours(
    folder: Path, ours: tuple[dt.date, pd.DataFrame], categories: bool
) -> None:
    day, wanted = ours
    found = in_pandas(folder, day, categories=categories)
    assert differences(found.reset_index(), wanted) == {}


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("events_30d", 3), ("inflow_365d_cny", 1.0), ("region", "Mars"), ("age", None)],
)
def test_a_difference_is_found(
    ours: tuple[dt.date, pd.DataFrame], name: str, wrong: object
) -> None:
    _, wanted = ours
    values = wanted[name].tolist()
    place = next(i for i, value in enumerate(values) if pd.notna(value) and value != wrong)
    values[place] = wrong
    assert differences(wanted.assign(**{name: values}), wanted) == {name: 1}
