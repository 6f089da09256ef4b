"""From the types that files have to the types of the contract, never losing a value in silence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from marketing_ds.schema import Column, ColumnType, Table
from marketing_ds.schema.types import TYPES


@dataclass(frozen=True)
class Reading:
    """How a column of a file is read as the contract's type.

    `value` is null where the file's value has no equal in the contract's type; `fault` says where
    that is so, and is None where it cannot happen.
    """

    value: ir.Value
    fault: ir.BooleanValue | None = None


_TRUE = ("true", "t", "yes", "y", "1")
_FALSE = ("false", "f", "no", "n", "0")
_MOMENT = (
    r"^[0-9]{4}(-[0-9]{1,2}-|/[0-9]{1,2}/)[0-9]{1,2}"
    r"([ T]([01]?[0-9]|2[0-3]):[0-5]?[0-9](:[0-5]?[0-9](\.[0-9]+)?)?)?$"
)
"""A date with or without a time of day; a zone has no place, for the contract's times are local."""


@ibis.udf.scalar.builtin(name="error")  # type: ignore[untyped-decorator]  # Ibis has no types here
def _error(message: str) -> str:
    """Stop the query with `message`: a function of the engine, declared here and never called."""
    return message


def readings(raw: ibis.Table, table: Table) -> dict[str, Reading]:
    """How each of the contract's columns that `raw` has is to be read."""
    return {
        column.name: reading(raw[column.name], column.type)
        for column in table.columns
        if column.name in raw.columns
    }


def typed(raw: ibis.Table, table: Table) -> ibis.Table:
    """`raw` in the contract's columns and types, with its extra columns behind them.

    An absent column is null. A value that cannot be read stops the query that needs it.
    """
    known = readings(raw, table)
    columns = {column.name: _strict(table, column, known) for column in table.columns}
    extra = {name: raw[name] for name in raw.columns if name not in columns}
    return raw.select(**columns, **extra)


def reading(column: ir.Value, wanted: ColumnType) -> Reading:
    """How `column` is read as `wanted`: without loss, or as a fault."""
    have = column.type()
    if have == TYPES[wanted]:
        return Reading(column)
    if have.is_null():
        return Reading(column.cast(TYPES[wanted]))
    value = _READERS[wanted](column, have)
    if value is None:
        return Reading(ibis.null().cast(TYPES[wanted]), column.notnull())
    if _always_converts(have, wanted):
        return Reading(value)
    return Reading(value, column.notnull() & value.isnull())


def _strict(table: Table, column: Column, known: dict[str, Reading]) -> ir.Value:
    found = known.get(column.name)
    if found is None:
        return ibis.null().cast(TYPES[column.type])
    if found.fault is None:
        return found.value
    message = (
        f"{table.name}.{column.name} holds values that cannot be read as {column.type}; "
        "check the mart for the rows"
    )
    return ibis.ifelse(found.fault, _error(message).cast(TYPES[column.type]), found.value)


def _always_converts(have: dt.DataType, wanted: ColumnType) -> bool:
    if wanted in ("string", "timestamp", "date"):
        return not have.is_string() and not (wanted == "date" and have.is_timestamp())
    if wanted == "int64":
        return have.is_integer() and not have.is_uint64()
    return wanted == "float64" and have.is_numeric()


def _as_string(column: ir.Value, have: dt.DataType) -> ir.Value | None:
    # Whole numbers are ids in files made by hand; a float would turn 7 into '7.0'.
    return column.cast(dt.string) if have.is_integer() or have.is_uuid() else None


def _as_int64(column: ir.Value, have: dt.DataType) -> ir.Value | None:
    if have.is_integer():
        return column.try_cast(dt.int64)
    if not (have.is_floating() or have.is_decimal() or have.is_string()):
        return None
    number = _number(column)
    whole = number.try_cast(dt.int64)  # rounds: 3.7 becomes 4
    return ibis.ifelse(number.try_cast(dt.float64) == whole, whole, ibis.null())


def _as_float64(column: ir.Value, have: dt.DataType) -> ir.Value | None:
    if not (have.is_numeric() or have.is_string()):
        return None
    return _number(column).try_cast(dt.float64)


def _number(column: ir.Value) -> ir.Value:
    """A column of numbers, or of texts that one engine does not take for more numbers than another."""
    if not isinstance(column, ir.StringValue):
        return column
    return ibis.ifelse(column.contains("_"), ibis.null(str), column)


def _as_boolean(column: ir.Value, have: dt.DataType) -> ir.Value | None:
    if have.is_numeric():
        return ibis.ifelse(column.isin([0, 1]), column == 1, ibis.null())
    if not isinstance(column, ir.StringValue):
        return None
    word = _stripped(column).lower()
    value: ir.Value = ibis.cases(
        (word.isin(_TRUE), True), (word.isin(_FALSE), False), else_=ibis.null(bool)
    )
    return value


def _stripped(column: ir.StringValue) -> ir.StringValue:
    """Without spaces around it; the few values that have some pay for it."""
    padded = column.startswith(" ") | column.endswith(" ")
    stripped: ir.StringValue = ibis.ifelse(padded, column.strip(), column)
    return stripped


def _as_timestamp(column: ir.Value, have: dt.DataType) -> ir.Value | None:
    wanted = TYPES["timestamp"]
    if have.is_date() or (isinstance(have, dt.Timestamp) and have.timezone is None):
        return column.cast(wanted)
    if not isinstance(column, ir.StringValue):
        return None  # among them timestamps with a zone: the contract's are in local time
    text = _stripped(column)
    moment = ibis.ifelse(text.re_search(_MOMENT), text.replace("/", "-"), ibis.null(str))
    return moment.try_cast(wanted)


def _as_date(column: ir.Value, have: dt.DataType) -> ir.Value | None:
    moment = _as_timestamp(column, have)
    if not isinstance(moment, ir.TimestampValue):
        return None
    midnight = moment.truncate("D") == moment
    return ibis.ifelse(midnight, moment.date(), ibis.null())


_READERS: dict[ColumnType, Callable[[ir.Value, dt.DataType], ir.Value | None]] = {
    "string": _as_string,
    "int64": _as_int64,
    "float64": _as_float64,
    "boolean": _as_boolean,
    "date": _as_date,
    "timestamp": _as_timestamp,
}
