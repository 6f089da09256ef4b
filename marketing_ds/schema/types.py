"""The contract's types as Ibis knows them; apart, so that the declarations load without Ibis."""

from __future__ import annotations

from collections.abc import Mapping

import ibis
import ibis.expr.datatypes as dt

from .contract import ColumnType, Table

TYPES: Mapping[ColumnType, dt.DataType] = {
    "string": dt.string,
    "int64": dt.int64,
    "float64": dt.float64,
    "boolean": dt.boolean,
    "date": dt.date,
    "timestamp": dt.Timestamp(scale=6),
}


def ibis_schema(table: Table) -> ibis.Schema:
    """Names and types of a table's columns."""
    return ibis.schema({column.name: TYPES[column.type] for column in table.columns})
