"""Values become the contract's types without loss, or are faults."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketing_ds.mart.conversion import reading
from marketing_ds.schema import ColumnType

LATER = dt.datetime(2026, 6, 30, 12)
MIDNIGHT = dt.datetime(2026, 6, 30)
DAY = dt.date(2026, 6, 30)


def read(values: pa.Array, wanted: ColumnType) -> list[Any]:
    """Each value as `wanted`; "fault" where it cannot be read."""
    table = ibis.memtable(pa.table({"x": values}))
    found = reading(table["x"], wanted)
    fault = ibis.literal(False) if found.fault is None else found.fault
    out = table.select(value=found.value, fault=fault).to_pyarrow().to_pylist()
    return ["fault" if row["fault"] else row["value"] for row in out]


@pytest.mark.parametrize(
    ("values", "wanted", "expected"),
    [
        (pa.array([7, None]), "string", ["7", None]),
        (pa.array([7.5, None]), "string", ["fault", None]),
        (pa.array([True, None]), "string", ["fault", None]),
        (pa.array([7, None], pa.int8()), "int64", [7, None]),
        (pa.array([2**63, 1], pa.uint64()), "int64", ["fault", 1]),
        (pa.array([3.0, 3.7, None]), "int64", [3, "fault", None]),
        (pa.array(["3", "3.0", "3.7", "x", None]), "int64", [3, 3, "fault", "fault", None]),
        (pa.array([True]), "int64", ["fault"]),
        (pa.array([3, None]), "float64", [3.0, None]),
        (pa.array(["2.5", "x"]), "float64", [2.5, "fault"]),
        (pa.array([DAY]), "float64", ["fault"]),
        (pa.array([0, 1, 2, None]), "boolean", [False, True, "fault", None]),
        (pa.array(["true", "False", "maybe"]), "boolean", [True, False, "fault"]),
        (pa.array([DAY]), "boolean", ["fault"]),
        (pa.array([MIDNIGHT, LATER]), "date", [DAY, "fault"]),
        (
            pa.array(["2026-06-30", "2026-06-31", "2026-06-30 12:00:00"]),
            "date",
            [DAY] + ["fault"] * 2,
        ),
        (pa.array([20260630]), "date", ["fault"]),
        (pa.array([DAY]), "timestamp", [MIDNIGHT]),
        (pa.array([LATER], pa.timestamp("ns")), "timestamp", [LATER]),
        (pa.array([LATER], pa.timestamp("us", "Asia/Shanghai")), "timestamp", ["fault"]),
        (
            pa.array(["2026-06-30T12:00:00", "2026-06-30", "2026-06-30T12:00:00Z", "noon"]),
            "timestamp",
            [LATER, MIDNIGHT, "fault", "fault"],
        ),
        (
            pa.array(["2026-06-30 12:00:00+08:00", "2026-06-30 12:00:00-05"]),
            "timestamp",
            ["fault"] * 2,
        ),
        (pa.nulls(2), "date", [None, None]),
    ],
)
def test_values_are_read_or_are_faults(
    values: pa.Array, wanted: ColumnType, expected: list[Any]
) -> None:
    assert read(values, wanted) == expected


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(-(2**53), 2**53), min_size=1))
def test_whole_numbers_survive_a_text_file(numbers: list[int]) -> None:
    assert read(pa.array([str(n) for n in numbers]), "int64") == numbers


@settings(deadline=None, max_examples=25)
@given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_numbers_survive_a_text_file(numbers: list[float]) -> None:
    assert read(pa.array([repr(n) for n in numbers]), "float64") == numbers


@settings(deadline=None, max_examples=25)
@given(st.lists(st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)), min_size=1))
def test_moments_survive_a_text_file(moments: list[dt.datetime]) -> None:
    assert read(pa.array([m.isoformat() for m in moments]), "timestamp") == moments
