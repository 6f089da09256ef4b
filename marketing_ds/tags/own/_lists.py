"""From what a person has in hand (ids, a frame) to a `Listed` rule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from marketing_ds import schema
from marketing_ds._core.checks import check_columns
from marketing_ds._core.errors import InvalidInput

from .._listed import Listed


def listed_from(name: str, given: object, key: str) -> tuple[Listed, schema.ColumnType]:
    """The rule, and the type of its values.

    Parameters
    ----------
    name : str
        The tag, for messages.
    given : iterable of str, or a pandas, Arrow or Ibis table
        Ids: true for these, false for others. A table with `key`, `value` and, if values hold
        from a day on only, `known_from`; without `value` it is a list of ids.
    key : str
        The entity's key.

    Raises
    ------
    InvalidInput
        If ids are no text, missing or listed twice, or values are of no type that a tag can have.
    """
    table = _table_of(name, given, key)
    if table.num_rows == 0:
        raise InvalidInput(f"listed of tag {name!r} must name at least one {key}, got none")
    plain = "value" not in table.column_names
    columns = {"id": _ids(name, table[key], key)}
    columns["value"] = pa.array([True] * table.num_rows) if plain else _values(name, table["value"])
    if "known_from" in table.column_names:
        columns["known_from"] = _days(name, table["known_from"])
    type_ = _type_of(name, columns["value"].type)
    return Listed(pa.table(columns), False if plain else None), type_


def _table_of(name: str, given: object, key: str) -> pa.Table:
    if isinstance(given, ibis.Table):
        given = given.to_pyarrow()
    if isinstance(given, pd.DataFrame):
        given = pa.Table.from_pandas(given, preserve_index=False)
    if isinstance(given, pa.Table):
        check_columns(given.column_names, [key], f"listed of tag {name!r}")
        extra = set(given.column_names) - {key, "value", "known_from"}
        if extra:
            raise InvalidInput(
                f"listed of tag {name!r} must have the columns {key}, value and known_from only, "
                f"got {', '.join(sorted(map(repr, extra)))} too"
            )
        return given
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise InvalidInput(
            f"listed of tag {name!r} must be a list of {key} or a frame with {key}, value"
            f"[, known_from], got {type(given).__name__}"
        )
    return pa.table({key: _array_of(name, list(given), key)})


def _array_of(name: str, ids: list[Any], key: str) -> pa.Array:
    for each in ids:
        if not isinstance(each, str):
            raise InvalidInput(f"listed of tag {name!r} must hold text in {key}, got {each!r}")
    return pa.array(ids, pa.string())


def _ids(name: str, ids: pa.ChunkedArray, key: str) -> pa.ChunkedArray:
    if not (pa.types.is_string(ids.type) or pa.types.is_large_string(ids.type)):
        raise InvalidInput(f"listed of tag {name!r} must hold text in {key}, got {ids.type}")
    return ids.cast(pa.string())


def _values(name: str, values: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(values.type):  # a pandas category
        values = values.cast(values.type.value_type)
    if pa.types.is_floating(values.type):
        values = values.cast(pa.float64())
        bad = pc.sum(pc.invert(pc.is_finite(values))).as_py()
        if bad:
            raise InvalidInput(
                f"listed of tag {name!r} must have finite values, got {bad:,} others"
            )
    if pa.types.is_integer(values.type):
        values = values.cast(pa.int64())
    if pa.types.is_large_string(values.type):
        values = values.cast(pa.string())
    return values


def _days(name: str, days: pa.ChunkedArray) -> pa.ChunkedArray:
    if not (pa.types.is_date(days.type) or pa.types.is_timestamp(days.type)):
        raise InvalidInput(f"listed of tag {name!r} must hold dates in known_from, got {days.type}")
    if pa.types.is_timestamp(days.type) and days.type.tz is not None:
        raise InvalidInput(
            f"listed of tag {name!r} must hold dates without a time zone in known_from"
        )
    if pa.types.is_timestamp(days.type):
        days = pc.floor_temporal(days, unit="day")
    return days.cast(pa.date32())


def _type_of(name: str, type_: pa.DataType) -> schema.ColumnType:
    types: dict[pa.DataType, schema.ColumnType] = {
        pa.bool_(): "boolean", pa.int64(): "int64", pa.float64(): "float64",
        pa.string(): "string", pa.date32(): "date",
    }  # fmt: skip
    if type_ not in types:
        raise InvalidInput(
            f"listed of tag {name!r} must hold numbers, words, dates, or true and false in value, "
            f"got {type_}"
        )
    return types[type_]
