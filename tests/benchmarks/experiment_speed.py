"""How long `analyze_experiment` takes beside the bare query, and beside tea-tasting on its part.

    python -m tests.benchmarks.experiment_speed [--rows 10000000] [--peer PYTHON]

Customers × 10 metrics × 3 arms × 20 segments with CUPED, from one Parquet file. The bare query fetches
the same sums, written by hand for DuckDB. tea-tasting knows no segments, so it is set against ours
without them; PYTHON is an interpreter that has `tea-tasting`, `ibis-framework` and `duckdb`. Runs
alternate, the median counts; CPU seconds tell what other work on the machine does not blur.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import ibis

from marketing_ds.evaluation import analyze_experiment

METRICS = [f"m{i}" for i in range(10)]
PEER = """
import json, sys, time, ibis, tea_tasting as tt
table = ibis.duckdb.connect().read_parquet(sys.argv[1]).drop("customer_id")
metrics = {f"m{i}": tt.Mean(f"m{i}", "pre") for i in range(10)}
trial = tt.Experiment(metrics, variant="arm")
times = []
for _ in range(int(sys.argv[2]) + 1):
    start = time.perf_counter(), time.process_time()
    results = trial.analyze(table, control="control", all_variants=True)
    times.append((time.perf_counter() - start[0], time.process_time() - start[1]))
effects = {f"{m} {pair[1]}": r[m].effect_size for pair, r in results.items() for m in metrics}
print(json.dumps({"times": times[1:], "effects": effects}))
"""


def write(n: int, path: Path) -> None:
    """Ten metrics and a covariate of `n` customers in three arms and twenty segments."""
    metrics = ", ".join(
        f"(random() < {0.05 * (i + 1)})::DOUBLE AS m{i}"
        if i < 5
        else f"pre + random() * {i} AS m{i}"
        for i in range(10)
    )
    duckdb.sql(
        f"""COPY (SELECT *, {metrics} FROM (
              SELECT 'c' || i AS customer_id, ['control', 'a', 'b'][1 + i % 3] AS arm,
                     's' || (i * 7919) % 20 AS segment, random() * 10 AS pre
              FROM range({n}) t(i))) TO '{path}' (FORMAT parquet)"""
    )


def by_hand(path: Path, keys: str) -> Callable[[], object]:
    """The query that an analyst would write."""
    sums = ", ".join(f"sum({m}), sum({m} * {m}), sum({m} * pre)" for m in METRICS)
    query = (
        f"SELECT {keys}, count(*), sum(pre), sum(pre * pre), {sums} FROM '{path}' GROUP BY {keys}"
    )
    con = duckdb.connect()
    return lambda: con.sql(query).fetchall()


def ours(path: Path, *, ids: bool, segments: list[str]) -> Callable[[], object]:
    """The analysis, with or without the check for customers who come twice."""
    table = ibis.duckdb.connect().read_parquet(path)
    table = table if ids else table.drop("customer_id")
    return lambda: analyze_experiment(table, METRICS, covariates=["pre"], segments=segments)


def timed(run: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the wall and of CPU."""
    start = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - start[0], time.process_time() - start[1]


def peer_times(
    python: str, path: Path, repeats: int, own: Callable[[], object]
) -> list[list[float]]:
    """tea-tasting's times, after its effects were found to be ours."""
    command = [python, "-W", "ignore", "-c", PEER, str(path), str(repeats)]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    frame = own().to_frame()  # type: ignore[attr-defined]
    for row in frame.to_dict("records"):
        theirs = found["effects"][f"{row['metric']} {row['arm']}"]
        assert abs(row["effect"] - theirs) < 1e-3 * row["standard_error"], (row, theirs)
    return list(found["times"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=float, default=1e7)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peer", metavar="PYTHON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trial.parquet"
        write(int(options.rows), path)
        runs = {
            "bare query, arm × segment": by_hand(path, "arm, segment"),
            "analyze_experiment, 20 segments": ours(path, ids=False, segments=["segment"]),
            "the same, ids checked": ours(path, ids=True, segments=["segment"]),
            "bare query, arm": by_hand(path, "arm"),
            "analyze_experiment, no segments": ours(path, ids=False, segments=[]),
        }
        for run in runs.values():
            run()
        times: dict[str, list[tuple[float, float]] | list[list[float]]] = {
            name: [] for name in runs
        }
        for _ in range(options.repeats):
            for name, run in runs.items():
                times[name].append(timed(run))  # type: ignore[arg-type]
        if options.peer:
            own = runs["analyze_experiment, no segments"]
            times["tea-tasting, no segments"] = peer_times(options.peer, path, options.repeats, own)
    print(f"{int(options.rows):,} customers × 10 metrics × 3 arms, CUPED\n")
    print(
        "| what | seconds | × bare query | CPU seconds | × bare query |\n|---|---:|---:|---:|---:|"
    )
    base = [1.0, 1.0]
    for what, each in times.items():
        wall, cpu = (statistics.median(column) for column in zip(*each, strict=True))
        if what.startswith("bare"):
            base = [wall, cpu]
        print(f"| {what} | {wall:.2f} | {wall / base[0]:.2f} | {cpu:.2f} | {cpu / base[1]:.2f} |")


if __name__ == "__main__":
    main()
