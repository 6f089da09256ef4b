"""The input side of a mart: tables of files as lazy Ibis tables in the contract's types."""

from __future__ import annotations

import datetime as dt
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir

from marketing_ds._core.checks import check_date
from marketing_ds._core.display import frame_html
from marketing_ds._core.errors import MartError, did_you_mean
from marketing_ds.schema import MART
from marketing_ds.schema.types import ibis_schema

from .conversion import typed
from .engines import Engine
from .folders import File
from .sources import find_tables, read_raw, unreadable
from .workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd


class InputTables:
    """A bank's input tables under the contract; `Mart` adds what is made from them."""

    def __init__(self, root: Path | str, engine: Engine, workspace: Workspace) -> None:
        self.source = root
        self.connection = engine
        self.con = engine.con
        self.workspace = workspace
        self._found = find_tables(root, engine)
        self._raw = {name: read_raw(files, engine) for name, files in self._found.tables.items()}
        self._typed: dict[str, ibis.Table] = {}

    @property
    def engine(self) -> str:
        """What runs the queries: "duckdb" or "spark"."""
        return self.connection.name

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that are present."""
        return tuple(self._raw)

    def table(self, name: str) -> ibis.Table:
        """A table in the contract's columns and types; an absent optional one is empty.

        Extra columns follow behind the contract's. A nullable column that is absent is null.

        Raises
        ------
        MartError
            If the contract knows no such table, or a column that may not be null is absent.
        """
        if name not in MART:
            hint = did_you_mean(name, MART)
            raise MartError(f"a mart has no table {name!r} (it has {', '.join(MART)}){hint}")
        if name not in self._typed:
            self._typed[name] = self._typed_table(name)
        return self._typed[name]

    def __getitem__(self, name: str) -> ibis.Table:
        return self.table(name)

    @cached_property
    def snapshot(self) -> str:
        """Fingerprint of the input files: the same for a copy of the mart, another after a change.

        Files that only Spark reaches are told apart by path, length and time of change, not by
        content: there a copy has another fingerprint.
        """
        return self._found.snapshot(self.workspace.content_hashes)

    @cached_property
    def last_date(self) -> dt.date:
        """The latest day on which something happened.

        The greatest date in the column that dates each table (`Table.dated_by`), over all tables
        but those that look ahead (campaigns, products, customer_attributes). A mart with rows
        dated in the future gives that date: `check` names such rows.
        """
        dates = [
            self.table(name).aggregate(
                last=self.table(name)[MART[name].dated_by].max().cast("date")
            )
            for name in self.tables
            if MART[name].dated_by and not MART[name].planned
        ]
        both = ibis.union(*dates) if len(dates) > 1 else dates[0]
        last = both["last"].max().to_pyarrow().as_py()
        if last is None:
            raise MartError(f"'{self.source}' holds no dated row at all")
        return check_date("last_date", last)

    def raw(self, name: str) -> ibis.Table | None:
        """A table as the files have it (every column of a CSV is text); None if absent."""
        return self._raw.get(name)

    def files(self, name: str) -> tuple[File, ...]:
        """The files that a table is read from: paths, or addresses that only Spark reaches."""
        return self._found.tables[name].files

    def stamps(self, name: str) -> dict[str, str]:
        """Length and time of change of a table's files, by path: the same as long as they are.

        Raises
        ------
        MartError
            If a file is gone since the mart was opened.
        """
        return self._found.tables[name].stamps

    def rows_told(self, name: str) -> int | None:
        """Number of rows of a table where its files tell it without being read; else None.

        Parquet and DuckDB files do, to DuckDB; text files do not, and Spark would start a job.
        """
        told = self.engine == "duckdb" and name in self._raw
        if not told or self._found.tables[name].format == "csv":
            return None
        return int(self._raw[name].count().to_pyarrow().as_py())

    def unreadable(self, name: str, error: Exception) -> MartError:
        """What to raise when a query of a table fails for its files, naming the damaged one."""
        return unreadable(self._found.tables[name], self.connection, error)

    def __repr__(self) -> str:
        return f"Mart('{self.source}', tables: {', '.join(self.tables)})"

    def to_frame(self) -> pd.DataFrame:
        """One row a table that is there: rows, columns, first and last date."""
        nothing = ibis.null().cast("date")
        parts = []
        for number, name in enumerate(self.tables):
            table, dated_by = self.table(name), MART[name].dated_by
            total = table.aggregate(
                rows=table.count(), **({} if dated_by is None else _span(table[dated_by]))
            )
            parts.append(
                total.select(
                    number=ibis.literal(number),
                    table=ibis.literal(name),
                    rows=total.rows,
                    columns=ibis.literal(len(table.columns)),
                    first=total["first"] if dated_by else nothing,
                    last=total["last"] if dated_by else nothing,
                )
            )
        both = ibis.union(parts[0], *parts[1:]) if len(parts) > 1 else parts[0]
        frame: pd.DataFrame = both.order_by("number").drop("number").execute()
        return frame

    def _repr_html_(self) -> str:
        html: str = frame_html(
            self.to_frame(), title=f"Mart {str(self.source).rstrip('/').rpartition('/')[2]}"
        )
        return html

    def _typed_table(self, name: str) -> ibis.Table:
        contract = MART[name]
        if name not in self._raw:
            return self.connection.empty(name, ibis_schema(contract))
        raw = self._raw[name]
        absent = [c.name for c in contract.columns if not c.nullable and c.name not in raw.columns]
        if absent:
            hint = did_you_mean(absent[0], raw.columns)
            raise MartError(
                f"table '{name}' of '{self.source}' lacks the column(s) {', '.join(absent)}; "
                f"it has {', '.join(raw.columns)}{hint}"
            )
        return self.connection.view(name, typed(raw, contract))


def _span(moments: ir.Column) -> dict[str, ir.Scalar]:
    return {"first": moments.min().cast("date"), "last": moments.max().cast("date")}
