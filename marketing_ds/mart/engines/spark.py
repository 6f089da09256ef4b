"""Spark: the same queries on as many machines as there are."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import ibis
import pyarrow as pa
from py4j.protocol import Py4JJavaError
from pyspark.sql import functions

from marketing_ds._core.errors import MartError

from ..workspace import Workspace
from .base import BatchFunction
from .hadoop import HadoopFolder, is_local
from .spark_dialect import SparkBackend
from .spark_files import named, rows_digest, write
from .spark_mapping import mapped, own_python
from .spark_reading import ERRORS, read_csv, read_parquet, read_table
from .spark_session import Lease, pandas_3_allowed

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from ..folders import File, Folder
    from ..sources import TableFiles

_FAST_MIB = 4
"""Size of blocks of what is read once or twice: a query that ends in `limit` writes a single file."""


class SparkEngine:
    """A session of this mart's own on a Spark that may be shared."""

    name = "spark"
    errors = ERRORS

    def __init__(self, lease: Lease, workspace: Workspace) -> None:
        self._lease = lease
        self._session = lease.session
        self._shared: list[HadoopFolder] = []
        self.con = SparkBackend()
        self.con.register_options()
        self.con.do_connect(lease.session)
        self.con.scratch = lambda: workspace.spill() / secrets.token_hex(8)

    def folder(self, uri: str) -> Folder | None:
        try:
            folder = HadoopFolder(self._session, uri)
            return folder if folder.exists() else None
        except self.errors as error:
            raise MartError(f"'{uri}' cannot be reached by Spark: {self.reason(error)}") from error

    def attach(self, database: Path, catalog: str) -> list[tuple[str, str]]:
        raise MartError(
            f"Spark cannot read the DuckDB file '{database}'; open it with engine='duckdb', or "
            "export it to a folder of Parquet (EXPORT DATABASE 'folder' (FORMAT parquet))"
        )

    def read(self, table: TableFiles) -> ibis.Table:
        return self._named(f"_raw_{table.name}", read_table(self._session, table))

    def view(self, name: str, table: ibis.Table) -> ibis.Table:
        return self.con.create_view(name, table)

    def empty(self, name: str, schema: ibis.Schema) -> ibis.Table:
        return self.view(name, ibis.memtable([], schema=schema))

    @contextlib.contextmanager
    def held(self, table: ibis.Table) -> Iterator[ibis.Table]:
        name = f"_held_{secrets.token_hex(8)}"
        frame = self.con.frame(table).cache()
        try:
            yield self._named(name, frame)
        finally:
            frame.unpersist()
            self._session.catalog.dropTempView(name)

    def write_parquet(self, table: ibis.Table, folder: Path, *, small: bool = True) -> list[Path]:
        frame = self.con.frame(table)
        if small:
            return write(frame, folder)
        return write(frame, folder, compression="snappy", block_mib=_FAST_MIB)

    def read_parquet(self, files: list[Path]) -> ibis.Table:
        return self._named(f"_files_{secrets.token_hex(8)}", self._files(files))

    def _files(self, files: list[Path]) -> DataFrame:
        """Files of this machine; what Spark runs on others reads a copy that it can reach."""
        reached: tuple[File, ...] = tuple(files)
        if not is_local(self._session):
            shared = HadoopFolder.shared(self._session)
            self._shared.append(shared)
            reached = tuple(shared.copy_from(files))
        return read_parquet(self._session, reached, {})

    def rows_digest(self, files: list[Path]) -> str | None:
        return rows_digest(self._files(files))

    def batches(self, table: ibis.Table, rows: int) -> Iterator[pa.RecordBatch]:
        yield from self.con.to_pyarrow_batches(table, chunk_size=rows)

    def map_batches(
        self,
        table: ibis.Table,
        function: BatchFunction,
        schema: ibis.Schema,
        rows: int,
        threads: int = 1,  # each worker of Spark has one
    ) -> ibis.Table:
        """Computed where the rows are, whenever they are asked for."""
        frame = mapped(self.con.frame(table), function, schema, rows)
        return self._named(f"_mapped_{secrets.token_hex(8)}", frame)

    @contextlib.contextmanager
    def spark_frame(self, table: ibis.Table) -> Iterator[DataFrame]:
        with own_python(self._session), pandas_3_allowed():
            yield self.con.frame(table)

    def reason(self, error: Exception) -> str:
        text = str(error)
        if isinstance(error, Py4JJavaError):
            cause = error.java_exception
            while cause.getCause() is not None:
                cause = cause.getCause()
            text = cause.getMessage() or cause.toString()
        line = text.strip().splitlines()[0]
        # "[UPPER_CASE] what happened SQLSTATE: 12345"
        return re.sub(r"^\[[A-Z0-9_.]+\] | SQLSTATE: \w+$", "", line)

    def damaged(self, table: TableFiles) -> File | None:
        for file in table.files:
            try:
                self._scan(file, table.format)
            except self.errors:
                return file
        return None

    def _scan(self, file: File, format: str) -> None:
        """Read a file from end to end."""
        read = read_parquet if format == "parquet" else read_csv
        frame = read(self._session, (file,), {})
        frame.agg(functions.max(functions.xxhash64(*map(named, frame.columns)))).collect()

    def close(self) -> None:
        for folder in self._shared:
            folder.delete()
        self._lease.end()

    def _named(self, name: str, frame: DataFrame) -> ibis.Table:
        frame.createOrReplaceTempView(name)
        return self.con.table(name)
