"""Spark frames as Parquet files of this machine, and as streams of Arrow batches.

The JVM writes and Python reads: the machines of a cluster need no Python of ours. Executors on
other machines cannot see this one's disk; they write to the file system that they share, from
where the files are copied.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import functions
from pyspark.sql.types import TimestampType

from .base import PART
from .hadoop import HadoopFolder, address, is_local

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def write(
    frame: DataFrame, folder: Path, *, compression: str = "zstd", block_mib: int | None = None
) -> list[Path]:
    """Write a frame to `part-….parquet` in a folder; file by file in the frame's order.

    A block of a file is what one worker reads: of small ones several can read a file.
    """
    parts = folder / f".spark-{secrets.token_hex(4)}"
    parts.mkdir()
    try:
        _write(naive(frame), parts, compression, block_mib)
        written = sorted(parts.glob("part-*.parquet"))
        width = len(str(len(written) - 1))
        files = [folder / PART.format(f"{n:0{width}}") for n in range(len(written))]
        for part, file in zip(written, files, strict=True):
            part.rename(file)
        return files
    finally:
        shutil.rmtree(parts)


def _write(frame: DataFrame, parts: Path, compression: str, block_mib: int | None) -> None:
    writer = frame.write.mode("overwrite").option("compression", compression)
    if block_mib is not None:
        writer = writer.option("parquet.block.size", str(block_mib * 2**20))
    session = frame.sparkSession
    if is_local(session):
        writer.parquet(address(parts))
        return
    shared = HadoopFolder.shared(session)
    try:
        writer.parquet(str(shared))
        shared.copy_to(parts)
    finally:
        shared.delete()


def naive(frame: DataFrame) -> DataFrame:
    """The frame with moments without a zone, as the contract has them."""
    if not any(isinstance(field.dataType, TimestampType) for field in frame.schema):
        return frame

    def column(name: str, zoned: bool) -> Column:
        return named(name).cast("timestamp_ntz").alias(name) if zoned else named(name)

    fields = frame.schema.fields
    return frame.select(*(column(f.name, isinstance(f.dataType, TimestampType)) for f in fields))


def rows_digest(frame: DataFrame) -> str:
    """A digest of the rows of a frame, whatever their order: 128 bits."""
    # Spark hashes nulls to nothing: with the flags, a value does not pass for its neighbour's.
    values = [part for name in frame.columns for part in _with_flag(name)]
    hashes = [functions.xxhash64(functions.lit(seed), *values) for seed in (1, 2)]
    sums = [functions.sum(value.cast("decimal(38, 0)")).cast("string") for value in hashes]
    row = frame.agg(functions.count(functions.lit(1)), *sums).first()
    return " ".join(map(str, row or ()))


def _with_flag(name: str) -> tuple[Column, Column]:
    return functions.isnull(named(name)), named(name)


def named(name: str) -> Column:
    """A column by its name, whatever the name holds."""
    return functions.col("`{}`".format(name.replace("`", "``")))


def stream(frame: DataFrame, scratch: Path, rows: int) -> Iterator[pa.RecordBatch]:
    """The rows of a frame in its order, in batches of at most `rows`.

    Spark hands a result to Python as a whole; files in between keep memory bounded.
    """
    scratch.mkdir(parents=True)
    try:
        for file in write(frame, scratch, compression="lz4_raw"):
            with pq.ParquetFile(file) as parquet:
                yield from parquet.iter_batches(batch_size=rows)
            file.unlink()
    finally:
        shutil.rmtree(scratch)
        with contextlib.suppress(OSError):  # others may still use it
            scratch.parent.rmdir()
