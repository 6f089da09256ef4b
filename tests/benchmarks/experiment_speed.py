"""Time of `analyze_experiment` beside the bare query: ``python -m tests.benchmarks.experiment_speed``.

The bare query fetches the same sums from the same Parquet file, written by hand for DuckDB.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import ibis

from marketing_ds.evaluation import analyze_experiment

METRICS = [f"m{i}" for i in range(10)]


def write(n: int, path: Path) -> None:
    """Ten metrics and a covariate of `n` customers in three arms."""
    metrics = ", ".join(
        f"(random() < {0.05 * (i + 1)})::DOUBLE AS m{i}"
        if i < 5
        else f"pre + random() * {i} AS m{i}"
        for i in range(10)
    )
    duckdb.sql(
        f"""COPY (SELECT *, {metrics} FROM (
              SELECT 'c' || i AS customer_id, ['control', 'a', 'b'][1 + i % 3] AS arm,
                     random() * 10 AS pre
              FROM range({n}) t(i))) TO '{path}' (FORMAT parquet)"""
    )


def by_hand(path: Path) -> Callable[[], object]:
    """The query that an analyst would write."""
    sums = ", ".join(f"sum({m}), sum({m} * {m}), sum({m} * pre)" for m in METRICS)
    query = f"SELECT arm, count(*), sum(pre), sum(pre * pre), {sums} FROM '{path}' GROUP BY arm"
    con = duckdb.connect()
    return lambda: con.sql(query).fetchall()


def ours(path: Path, *, check_ids: bool) -> Callable[[], object]:
    """The analysis, with or without the check for customers who come twice."""
    con = ibis.duckdb.connect()
    table = con.read_parquet(path)
    table = table if check_ids else table.drop("customer_id")
    return lambda: analyze_experiment(table, METRICS, covariates=["pre"])


def median(run: Callable[[], object], repeats: int = 3) -> float:
    """Median seconds after one run to warm up."""
    run()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main(n: int) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trial.parquet"
        write(n, path)
        bare = median(by_hand(path))
        rows = {
            "bare query by hand": bare,
            "analyze_experiment": median(ours(path, check_ids=False)),
            "analyze_experiment, ids checked": median(ours(path, check_ids=True)),
        }
    print(
        f"{n:,} customers × 10 metrics × 3 arms, CUPED\n\n| what | seconds | ratio |\n|---|---|---|"
    )
    for what, seconds in rows.items():
        print(f"| {what} | {seconds:.2f} | {seconds / bare:.2f} |")


if __name__ == "__main__":
    main(int(float(sys.argv[1])) if len(sys.argv) > 1 else 10_000_000)
