"""DuckDB: embedded in this process, larger than memory."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import ibis

from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.threads import in_order

from ..workspace import Workspace
from .base import PART, BatchFunction
from .streaming import record_batches

if TYPE_CHECKING:
    import pyarrow as pa

    from ..folders import File, Folder
    from ..sources import TableFiles

_MEMORY_LIMIT = "70%"
_FAST = {"compression": "snappy", "dictionary_size_limit": 1, "parquet_version": "v2"}
"""Whole numbers as differences: a third less time to write than as they are, and less to read."""
_NAN = {"can_have_nan": True}
"""The statistics in Parquet files do not tell of NaN; without this DuckDB takes that for a no."""


class DuckEngine:
    """A DuckDB of this mart's own, in memory."""

    name = "duckdb"
    errors: tuple[type[Exception], ...] = (duckdb.Error,)

    def __init__(self, workspace: Workspace, options: Mapping[str, str]) -> None:
        """Spill beside the publications, leave memory to the models, print nothing.

        The order of rows in files stays preserved (the engine's default), for a model trained
        twice on the same publication must see the same rows in the same order.
        """
        self.con = ibis.duckdb.connect()
        self._workspace = workspace
        self._mapped: list[Path] = []
        settings = {"temp_directory": str(workspace.spill()), "memory_limit": _MEMORY_LIMIT}
        for name, value in (settings | dict(options)).items():
            try:
                self.con.raw_sql(f"SET {name} = '{_quoted(str(value))}'")
            except duckdb.Error as error:
                self.con.disconnect()
                raise InvalidInput(
                    f"options must be settings of DuckDB, got {name}={value!r}: "
                    f"{self.reason(error)}"
                ) from error

    def folder(self, uri: str) -> Folder | None:
        raise InvalidInput(
            f"DuckDB reads paths of this machine, got '{uri}'; open it with engine='spark', or "
            "give the path of a copy"
        )

    def read(self, table: TableFiles) -> ibis.Table:
        paths = [str(file) for file in table.files]
        view = f"_raw_{table.name}"
        if table.format == "duckdb":
            return self.con.table(table.name, database=table.schema)
        # Folders `key=value` are columns of text; the contract then types them.
        hive = {"hive_partitioning": True, "hive_types_autocast": False} if table.hive else {}
        several = {"union_by_name": True} if len(paths) > 1 else {}
        if table.format == "parquet":
            return self.con.read_parquet(paths, table_name=view, **_NAN, **hive, **several)
        options = {"header": True, "all_varchar": True, "delim": ",", "quote": '"', "escape": '"'}
        options["skip"] = 0  # else rows at the top that fit no guess are passed over in silence
        return self.con.read_csv(paths, table_name=view, **options, **hive, **several)

    def attach(self, database: Path, catalog: str) -> list[tuple[str, str]]:
        path = _quoted(str(database))
        self.con.raw_sql(f"ATTACH '{path}' AS {catalog} (READ_ONLY, TYPE duckdb)")
        query = (
            "SELECT table_schema, table_name FROM information_schema.tables "
            f"WHERE table_catalog = '{catalog}' ORDER BY table_schema <> 'main', table_schema"
        )
        return [(schema, name) for schema, name in self.con.raw_sql(query).fetchall()]

    def view(self, name: str, table: ibis.Table) -> ibis.Table:
        return self.con.create_view(name, table)

    def empty(self, name: str, schema: ibis.Schema) -> ibis.Table:
        return self.con.create_table(name, schema=schema, temp=True)

    @contextlib.contextmanager
    def held(self, table: ibis.Table) -> Iterator[ibis.Table]:
        name = f"_held_{secrets.token_hex(8)}"
        held = self.con.create_table(name, table, temp=True)
        try:
            yield held
        finally:
            self.con.raw_sql(f'DROP TABLE "{name}"')

    def write_parquet(self, table: ibis.Table, folder: Path, *, small: bool = True) -> list[Path]:
        part = folder / PART.format(0)
        # Looking for values to share takes a quarter of the time of a write.
        options = {"compression": "zstd"} if small else _FAST
        self.con.to_parquet(table, part, **options)
        return [part]

    def read_parquet(self, files: list[Path]) -> ibis.Table:
        # Partition columns stay in the path: the rows carry their own.
        paths = [str(file) for file in files]
        return self.con.read_parquet(paths, **_NAN, hive_partitioning=False)

    def rows_digest(self, files: list[Path]) -> str | None:
        return None

    def batches(self, table: ibis.Table, rows: int) -> Iterator[pa.RecordBatch]:
        return record_batches(table, rows)

    def map_batches(
        self,
        table: ibis.Table,
        function: BatchFunction,
        schema: ibis.Schema,
        rows: int,
        threads: int = 1,
    ) -> ibis.Table:
        """Computed at once, into a file that lasts as long as the engine."""
        import pyarrow.parquet as pq

        folder = self._workspace.spill() / f"mapped-{secrets.token_hex(8)}"
        folder.mkdir(parents=True)
        self._mapped.append(folder)
        file = folder / PART.format(0)
        arrow = schema.to_pyarrow()
        with pq.ParquetWriter(file, arrow, compression="lz4") as writer:
            for made in in_order(function, self.batches(table, rows), threads):
                writer.write_batch(made.cast(arrow))
        return self.read_parquet([file])

    def spark_frame(self, table: ibis.Table) -> AbstractContextManager[Any]:
        raise InvalidInput("table must be one of a mart on Spark; open it with engine='spark'")

    def reason(self, error: Exception) -> str:
        return str(error).strip().splitlines()[0]

    def damaged(self, table: TableFiles) -> File | None:
        for file in table.files:
            reader = "read_parquet" if table.format == "parquet" else "read_csv"
            with duckdb.connect() as con:
                try:
                    con.execute(f"SELECT max(hash(COLUMNS(*))) FROM {reader}(?)", [str(file)])
                except duckdb.Error:
                    return file
        return None

    def close(self) -> None:
        self.con.disconnect()
        for folder in self._mapped:
            shutil.rmtree(folder, ignore_errors=True)
            with contextlib.suppress(OSError):  # others may still use it
                folder.parent.rmdir()


def _quoted(text: str) -> str:
    return text.replace("'", "''")
