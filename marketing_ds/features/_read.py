"""Reading raw tags: whatever table comes in, columns of one kind each go out."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array

from marketing_ds._core.errors import InvalidInput

Kind = Literal["number", "boolean", "category", "date"]
ID_COLUMNS = ("customer_id", "as_of")
"""Keys of a table; never features."""

_KINDS: dict[str, Kind] = {
    "integer": "number",
    "floating": "number",
    "mixed-integer-float": "number",
    "decimal": "number",
    "boolean": "boolean",
    "string": "category",
    "date": "date",
    "datetime": "date",
    "datetime64": "date",
}


class MixedTypes(InvalidInput, TypeError):
    """A column holds values of a type that no tag has, or of several types."""


@dataclass(frozen=True)
class Reading:
    """One column as numbers.

    `values` are float32 with NaN for null, or for a category the position in `levels` with -1 for
    null.
    """

    kind: Kind
    values: NDArray[Any]
    levels: tuple[str, ...]

    @property
    def null_share(self) -> float:
        """Share of nulls."""
        null = self.values < 0 if self.kind == "category" else np.isnan(self.values)
        return float(null.mean())


@dataclass(frozen=True)
class Table:
    """A table taken apart."""

    features: pd.DataFrame
    named: bool
    """Whether its columns came with names; those of an array are x0, x1, …"""
    keys: pd.DataFrame
    """Its `customer_id` and `as_of`, as far as it has them; never among the features."""

    @property
    def keyed(self) -> bool:
        """Whether it came with a key."""
        return self.keys.shape[1] > 0


def read_table(X: ArrayLike | Any) -> Table:
    """Take apart whatever table or array comes in.

    Raises
    ------
    InvalidInput
        If there is no row or no column, or names are not text or not unique.
    """
    if not isinstance(X, pd.DataFrame) and hasattr(X, "to_pandas"):  # Arrow, Ibis, Polars
        X = X.to_pandas()
    if isinstance(X, pd.DataFrame):
        named = _has_names(X)
        names = [key for key in ID_COLUMNS if named and key in X.columns]
        keys, frame = X[names], X.drop(columns=names) if names else X
    else:
        array = check_array(X, dtype=None, ensure_all_finite=False, ensure_min_features=0)
        named, keys, frame = False, pd.DataFrame(), pd.DataFrame(array, copy=False)
    if not named:
        frame = frame.set_axis([f"x{i}" for i in range(frame.shape[1])], axis=1)
    for count, what in zip(frame.shape, ("sample", "feature"), strict=True):
        if count == 0:
            raise InvalidInput(
                f"X must have at least one row and one column beside the keys: found array with "
                f"0 {what}(s) (shape={frame.shape}) while a minimum of 1 is required."
            )
    return Table(frame, named, keys)


def read_column(values: pd.Series[Any], name: str, expected: Kind | None = None) -> Reading:
    """Read one column; `expected` is its kind at fit.

    Raises
    ------
    InvalidInput
        If the column mixes types, is of another kind than expected, or holds infinite numbers.
    """
    kind = _kind_of(values, name)
    if kind is None:
        return nothing_but_nulls(expected or "number", len(values))
    if expected is not None:
        check_kind(name, kind, expected, str(values.dtype))
    if kind == "category":
        return _read_category(values)
    if kind == "date":
        return Reading("date", _days(values), ())
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return Reading(kind, finite_in_float32(numbers, name), ())


def nothing_but_nulls(kind: Kind, rows: int) -> Reading:
    """A column that knows nothing: it may be of any kind."""
    if kind == "category":
        return Reading(kind, np.full(rows, -1, dtype=np.intp), ())
    return Reading(kind, np.full(rows, np.nan, dtype=np.float32), ())


def check_kind(name: str, kind: Kind, expected: Kind, type_name: str) -> None:
    """Refuse a column of another kind than at fit; numbers and booleans stand for each other."""
    if kind != expected and not {kind, expected} <= {"number", "boolean"}:
        raise InvalidInput(
            f"column {name!r} of X must be a {expected} as it was at fit, got a {kind} "
            f"({type_name}); convert it before"
        )


def finite_in_float32(numbers: NDArray[np.floating], name: str) -> NDArray[np.float32]:
    """Numbers as float32, NaN for null; infinite ones are refused."""
    with np.errstate(over="ignore"):
        single = numbers.astype(np.float32, copy=False)
    infinite = np.flatnonzero(np.isinf(single))
    if len(infinite):
        raise InvalidInput(
            f"column {name!r} of X must be finite in float32, got {numbers[infinite[0]]} in row "
            f"{infinite[0]} and {len(infinite)} such value(s) in all; make them null or clip them"
        )
    return single


def warn_about_names(has_names: bool, had_names: bool, estimator: str) -> None:
    """scikit-learn's two warnings about names that are on one side only."""
    if has_names == had_names:
        return
    if has_names:
        text = f"X has feature names, but {estimator} was fitted without feature names"
    else:
        text = f"X does not have valid feature names, but {estimator} was fitted with feature names"
    warnings.warn(text, UserWarning, stacklevel=4)


def _has_names(frame: pd.DataFrame) -> bool:
    text = [isinstance(name, str) for name in frame.columns]
    if any(text) and not all(text):
        raise InvalidInput(
            "X must have column names that are all text; rename them, e.g. "
            "X.columns = X.columns.astype(str)"
        )
    if all(text) and not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise InvalidInput(f"X must have each column once, got {twice!r} more than once")
    return bool(text) and all(text)


def _kind_of(values: pd.Series[Any], name: str) -> Kind | None:
    dtype: Any = values.dtype
    if isinstance(dtype, (pd.CategoricalDtype, pd.StringDtype)):
        return "category"
    if pd.api.types.is_bool_dtype(dtype):
        return "boolean"
    if pd.api.types.is_numeric_dtype(dtype) and dtype.kind != "c":
        return "number"
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "date"
    # Object columns, and Arrow's dates, decimals and strings, say what they are by their values.
    found = pd.api.types.infer_dtype(values.astype(object), skipna=True)
    if found == "empty":
        return None
    if found not in _KINDS:
        types = sorted({type(v).__name__ for v in values.dropna().head(10_000)})
        raise MixedTypes(
            f"column {name!r} of X holds {', '.join(types)}: the values of an argument must be "
            f"all string, all number, all boolean or all date; convert them before"
        )
    return _KINDS[found]


def _read_category(values: pd.Series[Any]) -> Reading:
    if isinstance(values.dtype, pd.CategoricalDtype):
        codes = values.cat.codes.to_numpy().astype(np.intp)
        levels = [str(level) for level in values.cat.categories]
    else:
        codes, uniques = pd.factorize(values)
        levels = [str(level) for level in uniques]
    if "" in levels:  # ONNX strings know no null, so the empty string must be it
        codes = np.where(codes == levels.index(""), -1, codes)
    return Reading("category", codes, tuple(levels))


def _days(values: pd.Series[Any]) -> NDArray[np.float32]:
    stamps = pd.to_datetime(values)
    if stamps.dt.tz is not None:
        stamps = stamps.dt.tz_localize(None)  # the local calendar day
    days = stamps.to_numpy().astype("datetime64[D]")
    return np.where(np.isnat(days), np.nan, days.astype(np.int64)).astype(np.float32)
