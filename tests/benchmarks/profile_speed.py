"""How long a profile takes: ``python -m tests.benchmarks.profile_speed [customers] [tags] [engine]``.

Makes a tag table of so many customers (1,000,000) and tags (60: a third amounts, a third counts, a
sixth words, a sixth true or false), and compares a tenth of the customers with all of them.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from marketing_ds.audiences import audience
from marketing_ds.profiling import behaviour, distribution, profile


def make_tags(file: Path, customers: int, tags: int) -> None:
    """Write the table as Parquet."""
    rng = np.random.default_rng(0)
    columns: dict[str, object] = {"customer_id": [f"c{i:08d}" for i in range(customers)]}
    for i in range(tags // 3):
        zero = rng.random(customers) < 0.4
        columns[f"amount{i}"] = np.where(zero, 0.0, rng.lognormal(8, 1.5, customers))
        columns[f"count{i}"] = rng.poisson(3 + i % 20, customers)
    for i in range((tags + 5) // 6):
        values = np.array([f"value {j}" for j in range(3 + 2 * (i % 10))])
        columns[f"word{i}"] = values[rng.integers(0, len(values), customers)]
        columns[f"flag{i}"] = rng.random(customers) < 0.3
    pq.write_table(pa.table(columns), file)


def read(file: Path, engine: str) -> ibis.Table:
    """The table on one of the engines, with as many threads as the machine has."""
    if engine == "duckdb":
        return ibis.duckdb.connect().read_parquet(file)
    from pyspark.sql import SparkSession

    session = SparkSession.builder.master(f"local[{os.cpu_count()}]")
    session = session.config("spark.driver.memory", "4g").config("spark.ui.enabled", "false")
    return ibis.pyspark.connect(session.getOrCreate()).read_parquet(str(file))


def main(customers: int = 1_000_000, tags: int = 60, engine: str = "duckdb") -> None:
    """Print seconds for each kind of result, and the memory that this process took at most."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tags.parquet"
        make_tags(file, customers, tags)
        made = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        aud = audience(read(file, engine), "amount0 > 3000 and flag0")
        runs: dict[str, Callable[[], object]] = {
            "profile": lambda: profile(aud),
            "profile, pairs='auto'": lambda: profile(aud, pairs="auto"),
            "profile, second audience": lambda: profile(aud, base=audience(aud.base, "flag1")),
            "behaviour": lambda: behaviour(aud),
            "distribution": lambda: distribution(aud, "amount1"),
        }
        print(f"{customers:,} customers × {tags} tags, {engine}; audience {aud.count():,}")
        for name, run in runs.items():
            start, used = time.perf_counter(), time.process_time()
            run()
            seconds, used = time.perf_counter() - start, time.process_time() - used
            print(f"  {name:26} {seconds:7.1f} s {used:7.1f} s of CPU")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(f"  most memory {peak / 2**20:.1f} GiB (making the table took {made / 2**20:.1f})")


if __name__ == "__main__":
    main(*(int(a) if a.isdigit() else a for a in sys.argv[1:]))  # type: ignore[arg-type]
