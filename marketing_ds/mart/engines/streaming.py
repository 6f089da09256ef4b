"""Any Ibis table as a stream of Arrow record batches, and a function over it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import ibis

if TYPE_CHECKING:
    import pyarrow as pa

    from .base import BatchFunction


def record_batches(table: ibis.Table, rows: int = 100_000) -> Iterator[pa.RecordBatch]:
    """The rows of an Ibis table of any engine, in batches of at most `rows`.

    A table that belongs to no engine (`ibis.memtable`) is run by Ibis' default one.
    """
    backend = ibis.get_backend(table)
    if backend.name != "duckdb":
        yield from table.to_pyarrow_batches(chunk_size=rows)
        return
    # Ibis 12 asks DuckDB for a method that DuckDB 2 no longer has; the query is the same.
    backend._run_pre_execute_hooks(table)
    yield from backend._to_duckdb_relation(table).to_arrow_reader(rows)


def in_order(
    function: BatchFunction, batches: Iterable[pa.RecordBatch], threads: int
) -> Iterator[pa.RecordBatch]:
    """What a function makes of batches, in their order; in `threads` threads while more are read.

    Never are more batches held than there are threads, and two.
    """
    if threads == 1:
        yield from map(function, batches)
        return
    waiting: deque[Future[pa.RecordBatch]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for batch in batches:
            waiting.append(pool.submit(function, batch))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
