"""A Python function over the rows of a query: the same on each engine."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import ibis
import numpy as np
import pyarrow as pa
import pytest

from marketing_ds.mart import Mart, open_mart

SCHEMA = ibis.schema(
    {"customer_id": "string", "day": "date", "moment": "timestamp(6)", "n": "int64"}
)


class Spent:
    """Holds what it needs, as a model does."""

    def __init__(self, factor: np.ndarray) -> None:
        self.factor = factor

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        cents = np.rint(batch["amount_cny"].to_numpy(zero_copy_only=False) * self.factor[0])
        day = pa.array([dt.date(2026, 6, 30)] * batch.num_rows)
        return pa.record_batch(
            [batch["customer_id"], day, batch["occurred_at"], cents.astype(np.int64)],
            names=["customer_id", "day", "moment", "n"],
        )


def _rows(table: ibis.Table) -> list[dict[str, object]]:
    return list(table.order_by("customer_id", "moment", "n").to_pyarrow().to_pylist())


def test_every_row_is_mapped_once(engine_mart: Mart) -> None:
    transactions = engine_mart["transactions"]
    wanted = transactions.select(
        "customer_id",
        day=ibis.literal(dt.date(2026, 6, 30)),
        moment="occurred_at",
        n=(transactions.amount_cny * 100).round().cast("int64"),
    )
    found = engine_mart.map_batches(transactions, Spent(np.array([100])), SCHEMA, rows=7)
    assert found.schema().names == SCHEMA.names
    assert _rows(found) == _rows(wanted)
    assert found.count().to_pyarrow().as_py() == 26


def test_batches_are_no_longer_than_asked(engine_mart: Mart) -> None:
    def length(batch: pa.RecordBatch) -> pa.RecordBatch:
        return pa.record_batch({"n": [batch.num_rows]})

    found = engine_mart.map_batches(
        engine_mart["transactions"], length, ibis.schema({"n": "int64"}), rows=10
    )
    assert sorted(found["n"].to_pyarrow().to_pylist()) == [6, 10, 10]


def test_the_result_is_a_table_like_any_other(engine_mart: Mart) -> None:
    transactions = engine_mart["transactions"]
    found = engine_mart.map_batches(transactions, Spent(np.array([100])), SCHEMA)
    joined = found.join(engine_mart["customers"], "customer_id")
    assert joined.count().to_pyarrow().as_py() == 26
    assert sum(batch.num_rows for batch in engine_mart.batches(found, rows=5)) == 26


def test_no_rows_give_no_rows(engine_mart: Mart) -> None:
    none = engine_mart["transactions"].limit(0)
    found = engine_mart.map_batches(none, Spent(np.array([1])), SCHEMA)
    assert found.count().to_pyarrow().as_py() == 0


def test_duckdb_keeps_the_rows_no_longer_than_the_mart(tiny_mart_dir: Path, tmp_path: Path) -> None:
    root = tmp_path / "workspace"
    root.mkdir()
    with open_mart(tiny_mart_dir, workspace=root) as mart:
        mart.map_batches(mart["transactions"], Spent(np.array([1])), SCHEMA)
        assert list(root.rglob("*.parquet"))
    assert not list(root.rglob("*.parquet"))


def test_a_failing_function_says_why(engine_mart: Mart) -> None:
    def fail(batch: pa.RecordBatch) -> pa.RecordBatch:
        raise ValueError("no such luck")

    with pytest.raises((ValueError, *engine_mart.connection.errors), match="no such luck"):
        engine_mart.map_batches(engine_mart["customers"], fail, SCHEMA).to_pyarrow()


@pytest.mark.parametrize("threads", [2, 5])
def test_threads_keep_the_order_of_the_rows(tiny_mart: Mart, threads: int) -> None:
    transactions = tiny_mart["transactions"]
    plain = tiny_mart.map_batches(transactions, Spent(np.array([100])), SCHEMA, rows=4)
    found = tiny_mart.map_batches(
        transactions, Spent(np.array([100])), SCHEMA, rows=4, threads=threads
    )
    assert found.to_pyarrow().to_pylist() == plain.to_pyarrow().to_pylist()


def test_a_function_that_fails_in_a_thread_says_why(tiny_mart: Mart) -> None:
    def fail(batch: pa.RecordBatch) -> pa.RecordBatch:
        raise ValueError("no such luck")

    with pytest.raises(ValueError, match="no such luck"):
        tiny_mart.map_batches(tiny_mart["customers"], fail, SCHEMA, rows=2, threads=2)
