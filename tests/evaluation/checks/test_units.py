"""Customers that come twice are found, whatever their ids look like."""

from __future__ import annotations

import ibis
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.checks.units import check_units, units_found


def found(ids: list[object], arms: list[str] | None = None) -> tuple[int, int]:
    arms = arms or ["control", "mail"] * len(ids)
    columns = {"id": pa.array(ids), "arm": arms[: len(ids)]}
    return units_found(ibis.memtable(pa.table(columns)), "arm", "id")


@pytest.mark.parametrize(
    "ids",
    [
        ["c1", "c2", "c10", "c3"],
        ["c001", "c01", "c1", "c0001"],
        ["a1", "b1", "a2"],
        ["cust-7x", "cust-8x"],
        ["c", "c1"],
        ["c1", "c99999999999999999999"],
        ["² ", "²1"],
        [5, 6, 1_000_000_000_000],
        [-(2**63), 2**63 - 1, 0],
        [7, 8, 9],
        [],
    ],
)
def test_ids_that_differ_are_once(ids: list[object]) -> None:
    assert found(ids if ids else pa.array([], pa.string()).to_pylist()) == (0, 0)


@pytest.mark.parametrize("ids", [["c1", "c2", "c1", "c1"], [3, 4, 3, 3], ["x", "y", "x", "x"]])
def test_one_that_comes_three_times_is_one_customer(ids: list[object]) -> None:
    assert found(ids, ["control", "mail", "control", "control"]) == (1, 0)
    assert found(ids, ["control", "mail", "control", "mail"]) == (1, 1)


def test_a_null_is_no_customer() -> None:
    assert found(["c1", None, "c2", None]) == (1, 0)
    assert found([1, None]) == (1, 0)


@settings(max_examples=25)
@given(st.lists(st.from_regex(r"\A[ab]?0?[0-9]{1,2}\Z"), min_size=1, max_size=12))
def test_it_counts_as_pandas_does(ids: list[str]) -> None:
    counts = pd.Series(ids).value_counts()
    assert found(list(ids))[0] == int((counts > 1).sum())


def test_the_error_says_how_many() -> None:
    table = ibis.memtable(pa.table({"id": [1, 1, 2], "arm": ["control", "mail", "mail"]}))
    with pytest.raises(InvalidInput, match=r"one row per id, got 1 customers .* 1 of them"):
        check_units(table, "arm", "id")
