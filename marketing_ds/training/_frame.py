"""From the engine's rows to one pandas frame, in a fixed order: streamed into place, once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from marketing_ds._core.errors import MartError
from marketing_ds.tags import Tag

KEYS = ["customer_id", "as_of"]


def narrowed(table: ir.Table, tags: Sequence[Tag]) -> ir.Table:
    """The tags as they are kept: numbers as float32, as every model here reads them."""
    numbers = {tag.name for tag in tags if tag.type in ("int64", "float64")}
    return table.mutate(**{name: table[name].cast("float32") for name in numbers})


def in_order(
    batches: Iterable[pa.RecordBatch], types: Mapping[str, str], rows: int
) -> pd.DataFrame:
    """The rows of `batches` by cut-off and customer.

    Words become categories (levels by name), dates datetime64; true or false with nulls becomes
    pandas' `boolean`. Each batch is written where it belongs and let go, so that beside the frame
    there is one batch, and one column while they are put in order.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        `customer_id`, `as_of` and the columns of `types`.
    types : mapping of str to str
        The columns and their types, as tags have them.
    rows : int
        How many rows there are in all.

    Raises
    ------
    MartError
        If there are more or fewer: a customer stands in the mart more than once.
    """
    made = {name: _place(type_, rows) for name, type_ in types.items()}
    ids, days = _Texts(), _Dates(rows)
    at = 0
    for batch in batches:
        end = at + batch.num_rows
        if end > rows:
            break
        ids.write(batch.column("customer_id"))
        days.write(at, batch.column("as_of"))
        for name, column in made.items():
            column.write(at, batch.column(name))
        at = end
    else:
        end = at
    if end != rows:
        raise MartError(
            "customers must have one row for each customer_id, got repeated ones; see mart.check()"
        )
    texts = ids.all()
    keys = pa.table({"day": days.values, "id": texts})
    order = pc.sort_indices(keys, [("day", "ascending"), ("id", "ascending")]).to_numpy()
    columns: dict[str, Any] = {
        KEYS[0]: pd.Series(texts.take(pa.array(order)).to_pandas(), dtype="str"),
        KEYS[1]: days.read(order),
    }
    for name in list(made):
        columns[name] = made.pop(name).read(order)
    return pd.DataFrame(columns, copy=False)


class _Column(Protocol):
    def write(self, at: int, values: pa.Array) -> None:
        """Put the values of a batch from row `at` on."""

    def read(self, order: NDArray[np.intp]) -> Any:
        """The column in that order."""


def _place(type_: str, rows: int) -> _Column:
    if type_ == "string":
        return _Words(rows)
    if type_ == "date":
        return _Dates(rows)
    return _Booleans(rows) if type_ == "boolean" else _Numbers(rows)


class _Numbers:
    def __init__(self, rows: int) -> None:
        self.values = np.empty(rows, dtype=np.float32)

    def write(self, at: int, values: pa.Array) -> None:
        self.values[at : at + len(values)] = values.to_numpy(zero_copy_only=False)

    def read(self, order: NDArray[np.intp]) -> Any:
        return self.values[order]


class _Booleans:
    """1, 0, and -1 for null."""

    def __init__(self, rows: int) -> None:
        self.values = np.empty(rows, dtype=np.int8)

    def write(self, at: int, values: pa.Array) -> None:
        self.values[at : at + len(values)] = values.cast(pa.int8()).fill_null(-1).to_numpy()

    def read(self, order: NDArray[np.intp]) -> Any:
        values = self.values[order]
        null = values < 0
        return pd.arrays.BooleanArray(values == 1, null) if null.any() else values == 1


class _Dates:
    def __init__(self, rows: int) -> None:
        self.values = np.empty(rows, dtype="datetime64[s]")

    def write(self, at: int, values: pa.Array) -> None:
        moments = values.cast(pa.timestamp("s")).to_numpy(zero_copy_only=False)
        self.values[at : at + len(values)] = moments

    def read(self, order: NDArray[np.intp]) -> Any:
        return self.values[order]


class _Words:
    """Codes of levels, which are numbered as they come and put in order at the end."""

    def __init__(self, rows: int) -> None:
        self.values = np.empty(rows, dtype=np.int32)
        self.levels: dict[str, int] = {}

    def write(self, at: int, values: pa.Array) -> None:
        encoded = values.dictionary_encode()
        known = [
            self.levels.setdefault(word, len(self.levels))
            for word in encoded.dictionary.to_pylist()
        ]
        codes = encoded.indices.fill_null(-1).to_numpy()
        self.values[at : at + len(values)] = np.array([*known, -1], dtype=np.int32)[codes]

    def read(self, order: NDArray[np.intp]) -> Any:
        names = sorted(self.levels)
        moved = np.empty(len(names) + 1, dtype=np.int32)
        moved[[self.levels[name] for name in names]] = np.arange(len(names))
        moved[-1] = -1
        return pd.Categorical.from_codes(moved[self.values[order]], pd.Index(names, dtype="str"))


class _Texts:
    """Ids, each batch's copied, since a slice of a batch would keep all of it."""

    def __init__(self) -> None:
        self.parts: list[pa.Array] = [pa.array([], pa.string())]

    def write(self, values: pa.Array) -> None:
        self.parts.append(values.cast(pa.string()).take(pa.array(np.arange(len(values)))))

    def all(self) -> pa.ChunkedArray:
        return pa.chunked_array(self.parts)
