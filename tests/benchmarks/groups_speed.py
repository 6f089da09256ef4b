"""Speed and memory of natural groups: `python -m tests.benchmarks.groups_speed`.

Customers of five planted groups are written to Parquet once, two thirds of the tags telling the
groups, and stream through DuckDB. Memory is the peak of the whole process.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from marketing_ds.groups import natural_groups
from tests.groups.customers import agreement

_PART = 50_000
_SHARES = (0.4, 0.25, 0.15, 0.12, 0.08)


def main() -> None:
    """Print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=float, default=1e6)
    parser.add_argument("--tags", type=int, default=60)
    options = parser.parse_args()
    size = int(options.customers)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tags.parquet"
        truth = write(path, size, options.tags)
        tags = ibis.duckdb.connect().read_parquet(path)
        started, used = time.perf_counter(), time.process_time()
        found = natural_groups(tags, n_jobs=2)
        seconds, used = time.perf_counter() - started, time.process_time() - used
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        labels = found.labels["natural_group"].to_numpy()
        print(
            f"{size:,} customers × {options.tags} tags: {seconds:.1f} s, {used:.1f} s of CPU, "
            f"peak {peak:.2f} GiB"
        )
        print(
            f"{found.k} groups, adjusted Rand index against the truth {agreement(labels, truth):.3f}"
        )
        started = time.perf_counter()
        count = found.audience(1).count()
        print(f"audience of {count:,} counted in {time.perf_counter() - started:.2f} s")


def write(path: Path, size: int, tags: int) -> np.ndarray:
    """Customers to Parquet, a part at a time; and the truth."""
    rng = np.random.default_rng(0)
    middle = rng.normal(size=(len(_SHARES), tags)) * np.where(np.arange(tags) % 3 < 2, 1.2, 0)
    truth = rng.choice(len(_SHARES), size, p=_SHARES)
    writer: pq.ParquetWriter | None = None
    for start in range(0, size, _PART):
        kind = truth[start : start + _PART]
        values = middle[kind] + rng.standard_normal((len(kind), tags))
        columns: dict[str, object] = {
            "customer_id": [f"c{start + i:08d}" for i in range(len(kind))]
        }
        for at in range(tags):
            column = values[:, at]
            if at % 10 == 9:
                columns[f"t{at:03d}"] = np.where(column > 0, "app", "branch")
            elif at % 10 == 8:
                columns[f"t{at:03d}"] = column > 0
            else:
                columns[f"t{at:03d}"] = np.exp(column) if at % 2 else column
        part = pa.table(columns)
        writer = writer or pq.ParquetWriter(path, part.schema)
        writer.write_table(part)
    if writer:
        writer.close()
    return truth


if __name__ == "__main__":
    main()
