"""Reading Arrow columns as `read_column` reads pandas ones, without a way round by pandas."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ._read import Kind, MixedTypes, Reading, check_kind, finite_in_float32, nothing_but_nulls


def read_arrow(values: pa.Array | pa.ChunkedArray, name: str, expected: Kind) -> Reading:
    """Read one column; `expected` is its kind at fit.

    The same numbers as `read_column` gives of the column in pandas.

    Raises
    ------
    InvalidInput
        If the column is of another kind than expected, or holds infinite numbers.
    """
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if pa.types.is_null(values.type):
        return nothing_but_nulls(expected, len(values))
    kind = _kind_of(values.type, name)
    check_kind(name, kind, expected, str(values.type))
    if kind == "category":
        return _read_words(values)
    if kind == "date":
        return Reading("date", _days(values), ())
    return Reading(kind, finite_in_float32(_numbers(values), name), ())


def _kind_of(of: pa.DataType, name: str) -> Kind:
    types = pa.types
    if types.is_dictionary(of) or _is_text(of):
        return "category"
    if types.is_boolean(of):
        return "boolean"
    if types.is_integer(of) or types.is_floating(of) or types.is_decimal(of):
        return "number"
    if types.is_date(of) or types.is_timestamp(of):
        return "date"
    raise MixedTypes(
        f"column {name!r} of X holds {of}: the values of an argument must be all string, all "
        f"number, all boolean or all date; convert them before"
    )


def _is_text(of: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(of) or pa.types.is_large_string(of) or pa.types.is_string_view(of)
    )


def _numbers(values: pa.Array) -> NDArray[np.floating]:
    """As floats, NaN for null; float32 as it is, all else by way of float64."""
    of = values.type
    if pa.types.is_boolean(of):
        values = pc.cast(values, pa.uint8())
    elif pa.types.is_decimal(of):
        values = pc.cast(values, pa.float64())
    numbers: NDArray[np.floating] = values.to_numpy(zero_copy_only=False)
    return numbers if numbers.dtype == np.float32 else numbers.astype(np.float64, copy=False)


def _read_words(values: pa.Array) -> Reading:
    if not pa.types.is_dictionary(values.type):
        if pa.types.is_string_view(values.type):
            values = pc.cast(values, pa.string())
        values = pc.dictionary_encode(values)
    words = values.dictionary.to_pylist()
    codes = pc.fill_null(pc.cast(values.indices, pa.int64()), len(words))
    at = codes.to_numpy(zero_copy_only=False)
    # The last entry serves a null among the indices; a null or an empty word is null, too.
    table = np.array([*range(len(words)), -1], dtype=np.intp)
    for place, word in enumerate(words):
        if word is None or word == "":
            table[place] = -1
    levels = tuple("" if word is None else str(word) for word in words)
    return Reading("category", table[at], levels)


def _days(values: pa.Array) -> NDArray[np.float32]:
    if pa.types.is_timestamp(values.type) and values.type.tz is not None:
        values = pc.local_timestamp(values)  # the local calendar day
    days = pc.cast(pc.cast(values, pa.date32(), safe=False), pa.int32())
    numbers: NDArray[np.float32] = days.to_numpy(zero_copy_only=False).astype(np.float32)
    return numbers
