"""Any Ibis table as a stream of Arrow record batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import ibis

if TYPE_CHECKING:
    import pyarrow as pa


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
