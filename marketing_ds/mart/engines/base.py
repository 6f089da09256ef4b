"""What a mart asks of the engine that runs its queries; everything else is Ibis."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import ibis
from ibis.backends.sql import SQLBackend

if TYPE_CHECKING:
    import pyarrow as pa

    from ..folders import File, Folder
    from ..sources import TableFiles

BatchFunction: TypeAlias = "Callable[[pa.RecordBatch], pa.RecordBatch]"
"""Makes some rows out of some rows."""
PART = "part-{}.parquet"
"""Names of the files that `Engine.write_parquet` writes."""


class Engine(Protocol):
    """One connection to an engine, with all that is particular to it."""

    name: str
    con: SQLBackend
    """Ibis' connection; tables of this engine have it as their source."""
    errors: tuple[type[Exception], ...]
    """What the engine raises when it runs a query: unreadable data, a full disk, a failed cast."""

    def folder(self, uri: str) -> Folder | None:
        """The folder at an address; None if there is none."""
        ...

    def read(self, table: TableFiles) -> ibis.Table:
        """The table as its files have it, lazily; every column of a CSV is text."""
        ...

    def attach(self, database: Path, catalog: str) -> list[tuple[str, str]]:
        """Open a DuckDB file, read only; schema and name of its tables, those of `main` first."""
        ...

    def view(self, name: str, table: ibis.Table) -> ibis.Table:
        """Give a query a name, which plans and error messages then show."""
        ...

    def empty(self, name: str, schema: ibis.Schema) -> ibis.Table:
        """A table without rows."""
        ...

    def held(self, table: ibis.Table) -> AbstractContextManager[ibis.Table]:
        """The rows of a query, computed once and kept until the end."""
        ...

    def write_parquet(self, table: ibis.Table, folder: Path, *, small: bool = True) -> list[Path]:
        """Write the rows to files in an empty folder; in the order of the query, file by file.

        Not `small`: in as little time as can be, for what is read once or twice.
        """
        ...

    def read_parquet(self, files: list[Path]) -> ibis.Table:
        """Files of `write_parquet`, lazily."""
        ...

    def rows_digest(self, files: list[Path]) -> str | None:
        """The same for the same rows, however they lie in files; None if the files then are equal."""
        ...

    def batches(self, table: ibis.Table, rows: int) -> Iterator[pa.RecordBatch]:
        """The rows of a query, streamed, at most `rows` at a time."""
        ...

    def map_batches(
        self,
        table: ibis.Table,
        function: BatchFunction,
        schema: ibis.Schema,
        rows: int,
        threads: int = 1,
    ) -> ibis.Table:
        """What a function makes of the rows of a query, batch by batch."""
        ...

    def spark_frame(self, table: ibis.Table) -> AbstractContextManager[Any]:
        """A query as a DataFrame of Spark, for others' functions; refused by other engines."""
        ...

    def reason(self, error: Exception) -> str:
        """What one of `errors` says, on one line."""
        ...

    def damaged(self, table: TableFiles) -> File | None:
        """The first file that cannot be read from end to end by itself; None if all can."""
        ...

    def close(self) -> None:
        """Let go of the engine."""
        ...
