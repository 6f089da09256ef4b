"""From codes to Arrow columns without a Python loop over rows, and from there to Parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .draws import Array


def digits(prefix: str, numbers: Array, width: int) -> Array:
    """Ids as bytes, shape (n, len(prefix) + width): ``C`` and 12 become ``C0000012``."""
    numbers = np.asarray(numbers, dtype=np.uint32)
    out = np.empty((len(numbers), len(prefix) + width), dtype=np.uint8)
    out[:, : len(prefix)] = np.frombuffer(prefix.encode(), dtype=np.uint8)
    for place in range(width):
        numbers, digit = np.divmod(numbers, 10)
        out[:, -1 - place] = digit + 48
    return out


def strings(text: Array, present: Array | None = None) -> pa.Array:
    """A string column from fixed-width bytes; rows where `present` is false are null."""
    rows, width = text.shape
    if present is None:
        offsets = np.arange(rows + 1, dtype=np.int32) * np.int32(width)
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(text))]
        return pa.Array.from_buffers(pa.string(), rows, buffers)
    offsets = np.concatenate([[0], np.cumsum(present, dtype=np.int64) * width]).astype(np.int32)
    bits = np.packbits(present, bitorder="little")
    buffers = [pa.py_buffer(bits), pa.py_buffer(offsets), pa.py_buffer(text[present].copy())]
    return pa.Array.from_buffers(pa.string(), rows, buffers)


def ids(prefix: str, chunk: int, size: int, present: Array | None = None) -> pa.Array:
    """`size` ids in order, unique over chunks: prefix, 4 digits of the chunk, 7 of the row."""
    return strings(digits(f"{prefix}{chunk:04d}", np.arange(size), 7), present)


def words(codes: Array, names: Sequence[str] | pa.Array) -> pa.Array:
    """A dictionary column; a negative code is null."""
    codes = np.asarray(codes)
    if codes.dtype not in (np.int8, np.int16, np.int32):
        codes = codes.astype(np.int32)
    dictionary = names if isinstance(names, pa.Array) else pa.array(names, pa.string())
    mask = codes < 0
    index = pa.array(codes, mask=mask if mask.any() else None)
    return pa.DictionaryArray.from_arrays(index, dictionary, safe=False)


def numbers(values: Array, null_below: float | None = None) -> pa.Array:
    """A number column; values below `null_below` are null."""
    kind = pa.float64() if values.dtype.kind == "f" else pa.int64()
    mask = values < null_below if null_below is not None else None
    return pa.array(values.astype(kind.to_pandas_dtype()), mask=mask)


def dates(days: Array, null: Array | None = None) -> pa.Array:
    """A date column from days since 1970."""
    return pa.array(np.asarray(days).astype(np.int32), mask=null).view(pa.date32())


def times(seconds: Array) -> pa.Array:
    """A timestamp column from seconds since 1970; negative ones are null."""
    mask = seconds < 0
    millis = pa.array(np.asarray(seconds, dtype=np.int64) * 1000, mask=mask if mask.any() else None)
    return millis.view(pa.timestamp("ms"))


def write(table: pa.Table, path: Path, level: int) -> int:
    """Write one Parquet file, small and the same bytes each time; returns its size.

    Ids in order and times are stored as differences, amounts by the byte; everything with few
    distinct values as a dictionary. The Arrow schema is left out, so that readers see plain
    strings instead of dictionaries.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with writer(path, table.schema, level) as out:
        out.write_table(table, row_group_size=1 << 20)
    return path.stat().st_size


def writer(path: Path, schema: pa.Schema, level: int) -> pq.ParquetWriter:
    """A Parquet writer that chooses the encoding of each column by its type."""
    encoding = _encodings(schema)
    return pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=level,
        use_dictionary=[name for name in schema.names if name not in encoding],
        column_encoding=encoding,
        store_schema=False,
        write_statistics=True,
        version="2.6",
    )


def _encodings(schema: pa.Schema) -> Mapping[str, str]:
    chosen = {}
    for field in schema:
        if field.name == "probability":
            continue  # few distinct values
        if pa.types.is_timestamp(field.type):
            chosen[field.name] = "DELTA_BINARY_PACKED"
        elif pa.types.is_float64(field.type) and field.name in ("amount_cny", "balance_cny"):
            chosen[field.name] = "BYTE_STREAM_SPLIT"
        elif pa.types.is_string(field.type) and field.name in (schema.names[0], "session_id"):
            chosen[field.name] = "DELTA_BYTE_ARRAY"
    return chosen
