"""Values become the contract's types without loss, or are faults."""

from __future__ import annotations

import datetime as dt
import decimal
import math
import random
from collections.abc import Sequence
from typing import Any

import ibis
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from ibis.backends.sql import SQLBackend

from marketing_ds.mart import Mart
from marketing_ds.mart.conversion import reading
from marketing_ds.schema import ColumnType

LATER = dt.datetime(2026, 6, 30, 12)
MIDNIGHT = dt.datetime(2026, 6, 30)
DAY = dt.date(2026, 6, 30)


Case = tuple[pa.Array, ColumnType, list[Any]]
CASES: list[Case] = [
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
    (
        pa.array(["1_000", "0x10", " 12 ", "1e2", "+5", "9223372036854775808"]),
        "int64",
        ["fault"] * 2 + [12, 100, 5, "fault"],
    ),
    (
        pa.array(["1_000", "1.5d", "0x1p3", " 2.5 ", "1e3", "inf", ".5"]),
        "float64",
        ["fault"] * 3 + [2.5, 1000.0, math.inf, 0.5],
    ),
    (
        pa.array([" TRUE", "y", "No", "0", "1", "on", "1.0", ""]),
        "boolean",
        [True, True, False, False, True] + ["fault"] * 3,
    ),
    (
        pa.array(
            ["2026/6/30", " 2026-06-30 ", "2026-6/30", "2026", "2026-06", "epoch", "infinity"]
        ),
        "date",
        [DAY] * 2 + ["fault"] * 5,
    ),
    (
        pa.array(
            [
                "2026/06/30 12:00",
                "2026-06-30 24:00:00",
                "12:00",
                "2026-06-30 12",
                "2026-06-30 12:00:60",
            ]
        ),
        "timestamp",
        [LATER] + ["fault"] * 4,
    ),
    (pa.array([decimal.Decimal("3.00"), decimal.Decimal("3.70")]), "int64", [3, "fault"]),
    (pa.array([math.nan, math.inf]), "int64", ["fault"] * 2),
]


def read_all(con: SQLBackend, cases: Sequence[Case]) -> list[list[Any]]:
    """What is read of each case, in one query; "fault" where a value cannot be read."""
    height = max(len(values) for values, _, _ in cases)
    padded = {
        f"x{n}": pa.concat_arrays([values, pa.nulls(height - len(values), values.type)])
        for n, (values, _, _) in enumerate(cases)
    }
    table = ibis.memtable(pa.table({"row": list(range(height))} | padded))
    columns = {}
    for n, (_, wanted, _) in enumerate(cases):
        found = reading(table[f"x{n}"], wanted)
        columns[f"value{n}"] = found.value
        columns[f"fault{n}"] = ibis.literal(False) if found.fault is None else found.fault
    out = con.to_pyarrow(table.select("row", **columns).order_by("row")).to_pylist()
    return [
        ["fault" if row[f"fault{n}"] else row[f"value{n}"] for row in out[: len(values)]]
        for n, (values, _, _) in enumerate(cases)
    ]


def test_values_are_read_or_are_faults(engine_mart: Mart) -> None:
    for case, found in zip(CASES, read_all(engine_mart.con, CASES), strict=True):
        values, wanted, expected = case
        assert found == expected, f"{values.to_pylist()} as {wanted}"


def test_numbers_and_moments_of_a_text_file_are_the_same_on_spark(spark_mart: Mart) -> None:
    chance = random.Random(5)
    whole = [chance.randint(-(2**53), 2**53) for _ in range(200)]
    numbers = [chance.uniform(-1, 1) * 10.0 ** chance.randint(-300, 300) for _ in range(200)]
    start = dt.datetime(1700, 1, 1)
    moments = [start + dt.timedelta(microseconds=chance.randint(0, 10**16)) for _ in range(200)]
    cases: list[Case] = [
        (pa.array(map(str, whole)), "int64", whole),
        (pa.array(map(repr, numbers)), "float64", numbers),
        (pa.array(moment.isoformat() for moment in moments), "timestamp", moments),
    ]
    assert read_all(spark_mart.con, cases) == [whole, numbers, moments]


def read(values: pa.Array, wanted: ColumnType) -> list[Any]:
    return read_all(ibis.duckdb.connect(), [(values, wanted, [])])[0]


@settings(max_examples=25)
@given(st.lists(st.integers(-(2**53), 2**53), min_size=1))
def test_whole_numbers_survive_a_text_file(numbers: list[int]) -> None:
    assert read(pa.array([str(n) for n in numbers]), "int64") == numbers


@settings(max_examples=25)
@given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_numbers_survive_a_text_file(numbers: list[float]) -> None:
    assert read(pa.array([repr(n) for n in numbers]), "float64") == numbers


@settings(max_examples=25)
@given(st.lists(st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)), min_size=1))
def test_moments_survive_a_text_file(moments: list[dt.datetime]) -> None:
    assert read(pa.array([m.isoformat() for m in moments]), "timestamp") == moments
