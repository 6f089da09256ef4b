"""Speed and memory of the look-alike, streamed: `python -m tests.benchmarks.lookalike_speed`.

Candidates are written to Parquet once, with 64 tags of which half tell seeds from base a little,
and stream through DuckDB into the index of seeds and ordinary customers. The rival is exact
search: the same model with ``recall=1``, on one part of the candidates. Agreement is the share of
its top 1 % that ours has as well.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from marketing_ds.lookalike import Lookalike

_PART = 50_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", type=int, default=1_000_000)
    parser.add_argument("--seeds", type=int, default=10_000)
    parser.add_argument("--tags", type=int, default=64)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "candidates.parquet"
        _write(path, options.candidates, options.seeds, options.tags)
        table = ibis.duckdb.connect().read_parquet(path)
        seeds = [f"c{i:08d}" for i in range(options.seeds)]
        look, seconds = _timed(lambda: Lookalike(n_jobs=2).fit(table, seeds))
        print(f"fit           {seconds:8.1f} s   {look.index_kind_}, recall {look.recall_:.4f}")
        _, seconds = _timed(lambda: look.expand(table, share=0.01))
        rate = options.candidates / seconds
        print(f"expand        {seconds:8.1f} s   {rate:,.0f} candidates/s")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"peak memory   {peak:8.2f} GiB")
        part = table.filter(table.customer_id < f"c{_PART + options.seeds:08d}")
        exact = Lookalike(n_jobs=2, recall=1.0).fit(table, seeds)
        ours, fast = _timed(lambda: look.expand(part, share=0.01))
        truth, slow = _timed(lambda: exact.expand(part, share=0.01))
        common = len(set(ours.ids()) & set(truth.ids())) / truth.size
        print(f"{_PART:,} candidates: exact {slow:.1f} s, ours {fast:.1f} s, {slow / fast:.1f} x,")
        print(f"agreement on the top 1 %: {common:.3f} (exact index: {exact.index_kind_})")


def _write(path: Path, n: int, n_seeds: int, n_tags: int) -> None:
    rng = np.random.default_rng(0)
    tilt = np.where(np.arange(n_tags) < n_tags // 2, rng.uniform(0.1, 0.6, n_tags), 0)
    writer: pq.ParquetWriter | None = None
    for start in range(0, n, _PART):
        rows = np.arange(start, min(n, start + _PART))
        alike = (rows < n_seeds) | (rng.random(len(rows)) < 0.02)
        values = rng.standard_normal((len(rows), n_tags)).astype(np.float32) + alike[:, None] * tilt
        columns = {f"t{i:02d}": values[:, i] for i in range(n_tags)}
        part = pa.table({"customer_id": [f"c{i:08d}" for i in rows], **columns})
        writer = writer or pq.ParquetWriter(path, part.schema)
        writer.write_table(part)
    if writer:
        writer.close()


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    found = work()
    return found, time.perf_counter() - started


if __name__ == "__main__":
    main()
