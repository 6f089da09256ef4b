"""Tags as a matrix: the one encoding that every tree model trains on and every bundle repeats.

Raw tags go in (numbers, booleans, dates, words; null where unknown); a float32 matrix comes out.
Each rule below has an exact twin among the ONNX operators, so that a decision service that feeds
raw tags gets the same float32 numbers:

=========  =====================================================================================
kind       what becomes of a column
=========  =====================================================================================
number     itself, rounded to float32; null is NaN (XGBoost learns where nulls go)
boolean    1, 0; null is NaN
date       whole days since 1970-01-01; null is NaN
category   a 0/1 column per level for the `max_categories` most frequent levels (ties by name);
           one ``<rare>`` column, if there were more levels; one ``<null>`` column, if there were
           nulls. The empty string is null. A level unseen at fit counts as rare; where nothing
           was rare, all its columns are 0. So are a null's, where no null was seen.
           After `fit_response`: one column with the level's smoothed mean of the response
           instead, rare levels and nulls each together; NaN where the 0/1 columns would be 0.
=========  =====================================================================================

A column that is constant or all null at fit gives no output; `FeatureEncoder.dropped_` says which
and why. Numbers and booleans may stand for each other, since both are the same float32.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from marketing_ds._core.checks import check_columns, check_count
from marketing_ds._core.errors import InvalidInput

from ._arrow import read_arrow
from ._plain import as_plain, ranges, refuse_infinite
from ._read import Kind, Reading, Table, read_column, read_table, warn_about_names

RARE = "<rare>"
NULL = "<null>"
_SMOOTHING = 20.0  # customers
_BLOCK = 1024  # rows written together


@dataclass(frozen=True)
class InputColumn:
    """What an encoder learned of one column of its input.

    Attributes
    ----------
    name : str
    kind : {"number", "boolean", "category", "date"}
    categories : tuple of str
        Levels with a column of their own, by name; empty unless `kind` is ``category``.
    minimum, maximum : float or None
        Range seen at fit; dates in days since 1970-01-01; None for categories and all-null columns.
    null_share : float
        Share of nulls at fit.
    rare, null : bool
        Whether the encoding holds a ``<rare>`` and a ``<null>`` column (categories only).
    dropped : {"constant", "all null"} or None
        Why the column gives no output, if it gives none.
    rates : tuple of float
        After `FeatureEncoder.fit_response`: what each category becomes, then (where `rare`) the
        rare ones, then (where `null`) null.
    """

    name: str
    kind: Kind
    categories: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    null_share: float = 0.0
    rare: bool = False
    null: bool = False
    dropped: Literal["constant", "all null"] | None = None
    rates: tuple[float, ...] = ()

    def outputs(self, name: str | None = None) -> list[str]:
        """Names of the encoded columns, in order."""
        name = self.name if name is None else name
        if self.dropped:
            return []
        if self.kind != "category" or self.rates:
            return [name]
        extra = [RARE] * self.rare + [NULL] * self.null
        return [f"{name}={level}" for level in (*self.categories, *extra)]


class FeatureEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Encode raw tags as float32, in a way that ONNX repeats exactly.

    Parameters
    ----------
    max_categories : int, default=20
        Levels of a category that get a column of their own.

    Attributes
    ----------
    columns_ : tuple of InputColumn
        The input's columns, in order.
    dropped_ : dict of str to str
        Columns that give no output, with the reason.
    origin_ : ndarray of shape (n_features_out,)
        For each encoded column the position of its input column.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only where the input had column names.

    Notes
    -----
    A frame's `customer_id` and `as_of` are keys, not features: they are left out. A frame with such
    a key is a table, and its columns are found by name in whatever order. A frame without one
    follows scikit-learn's contract: columns in the order of `fit`. Either way a missing or
    unknown column is an error. Integers above 2**24 lose their last digits in float32, as in
    XGBoost itself.

    Examples
    --------
    >>> tags = pd.DataFrame({"customer_id": ["a", "b", "c"], "age": [30, None, 41],
    ...                      "tier": ["gold", "basic", None]})
    >>> encoder = FeatureEncoder().fit(tags)
    >>> encoder.get_feature_names_out().tolist()
    ['age', 'tier=basic', 'tier=gold', 'tier=<null>']
    >>> encoder.transform(tags)
    array([[30.,  0.,  1.,  0.],
           [nan,  1.,  0.,  0.],
           [41.,  0.,  0.,  1.]], dtype=float32)
    """

    columns_: tuple[InputColumn, ...]
    dropped_: dict[str, str]
    origin_: NDArray[np.intp]
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]

    def __init__(self, max_categories: int = 20) -> None:
        self.max_categories = max_categories

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Learn levels, ranges and which columns carry anything.

        Parameters
        ----------
        X : pandas.DataFrame, Arrow table, ibis.Table or array of shape (n_samples, n_features)
        y : ignored

        Raises
        ------
        InvalidInput
            If a column is infinite somewhere, mixes types, or is of a type that is not a tag's.
        """
        self._learn(X)
        return self

    def fit_transform(self, X: ArrayLike, y: object = None, **_: Any) -> NDArray[np.float32]:
        """`fit(X)` and `transform(X)`, reading each column once."""
        readings = self._learn(X)
        return self._write(readings, len(readings[0].values))

    def fit_response(
        self, X: ArrayLike, y: NDArray[np.float64], sample_weight: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        """As `fit_transform`, but a category becomes one column: its smoothed mean of `y`.

        A tree then parts the levels at one cut as well as at any subset of them [1]_, where 0/1
        columns take a cut per level.

        Parameters
        ----------
        X : as in `fit`
        y : ndarray of shape (n_samples,)
            Response.
        sample_weight : ndarray of shape (n_samples,)
            How many customers each row stands for.

        References
        ----------
        .. [1] Fisher (1958). On grouping for maximum homogeneity. JASA 53.
        """
        readings = self._learn(X)
        if len(y) != len(readings[0].values):
            raise InvalidInput(
                f"y must have one value per row of X ({len(readings[0].values)}), got {len(y)}"
            )
        columns = []
        for column, reading in zip(self.columns_, readings, strict=True):
            if column.kind == "category" and not column.dropped:
                rates = smoothed_rates(_places(column, reading), y, sample_weight)
                column = replace(column, rates=tuple(rates.tolist()))
            columns.append(column)
        self._keep(columns)
        return self._write(readings, len(y))

    def fit_codes(self, X: ArrayLike) -> NDArray[np.float32]:
        """As `fit_transform`, but a category becomes one column: the number of its level.

        For trees that part levels themselves (XGBoost's categorical splits): the matrix depends on
        no response, so one serves many.

        Parameters
        ----------
        X : as in `fit`
        """
        readings = self._learn(X)
        columns = []
        for column in self.columns_:
            if column.kind == "category" and not column.dropped:
                levels = len(column.categories) + column.rare + column.null
                column = replace(column, rates=tuple(float(code) for code in range(levels)))
            columns.append(column)
        self._keep(columns)
        return self._write(readings, len(readings[0].values))

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:
        """Encode.

        Parameters
        ----------
        X : pandas.DataFrame, Arrow table, ibis.Table or array of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_features_out), float32, C-contiguous, NaN for null

        Raises
        ------
        InvalidInput
            If columns are missing, unknown, of another type than at fit, or infinite.
        """
        check_is_fitted(self)
        frame = self.align(read_table(X))
        readings: list[Reading | None] = []
        for position, column in enumerate(self.columns_):
            if column.dropped:  # nothing of it is used, so nothing of it can be wrong
                readings.append(None)
                continue
            readings.append(read_column(frame.iloc[:, position], column.name, column.kind))
        return self._write(readings, len(frame))

    def fit_view(self, X: ArrayLike) -> NDArray[np.float32]:
        """`fit_transform`, or `X` itself where it is such a matrix already: not to be written to."""
        plain = as_plain(X)
        if plain is None:
            return self.fit_transform(X)
        self._learn_plain(plain)
        if not self.dropped_:
            return plain
        kept: NDArray[np.float32] = plain[:, self.origin_]
        return kept

    def view(self, X: ArrayLike) -> NDArray[np.float32]:
        """`transform`, or `X` itself where it is such a matrix already: not to be written to."""
        check_is_fitted(self)
        plain = as_plain(X)
        if (
            plain is None
            or hasattr(self, "feature_names_in_")
            or plain.shape[1] != self.n_features_in_
            or any(c.dropped or c.kind not in ("number", "boolean") for c in self.columns_)
        ):
            return self.transform(X)
        refuse_infinite(plain)
        return plain

    def transform_batch(
        self, batch: pa.RecordBatch | pa.Table, *, only: Collection[str] | None = None
    ) -> NDArray[np.float32]:
        """`transform` of Arrow columns found by name, without a way round by pandas.

        Parameters
        ----------
        batch : pyarrow.RecordBatch or Table
            Columns by the names of `columns_`, in whatever order; others are ignored.
        only : collection of str, optional
            Columns to read; the others need not be there, and what they encode to is NaN.

        Raises
        ------
        InvalidInput
            If columns are missing, of another type than at fit, or infinite.
        """
        check_is_fitted(self)
        wanted = [
            None if column.dropped or (only is not None and column.name not in only) else column
            for column in self.columns_
        ]
        check_columns(batch.schema.names, [c.name for c in wanted if c], "X")
        readings = [
            None if c is None else read_arrow(batch.column(c.name), c.name, c.kind) for c in wanted
        ]
        return self._write(readings, batch.num_rows)

    def numbers(self, values: pd.Series[Any], column: InputColumn) -> list[float | None]:
        """A number, boolean or date column as the float32 that are fed to trees; None for null."""
        read = read_column(values, column.name, column.kind).values
        return [None if np.isnan(v) else float(v) for v in read]

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[np.object_]:
        """Names of the encoded columns: `age`, `tier=gold`, `tier=<rare>`, `tier=<null>`."""
        check_is_fitted(self)
        known = [column.name for column in self.columns_]
        names = known if input_features is None else [str(n) for n in np.asarray(input_features)]
        if len(names) != len(known):
            raise InvalidInput(
                f"input_features should have length equal to {len(known)}, got {len(names)}"
            )
        if hasattr(self, "feature_names_in_") and names != known:
            raise InvalidInput("input_features is not equal to feature_names_in_")
        out = [o for c, n in zip(self.columns_, names, strict=True) for o in c.outputs(n)]
        return np.asarray(out, dtype=object)

    def _learn(self, X: ArrayLike) -> list[Reading]:
        limit = check_count("max_categories", self.max_categories, low=1)
        table = read_table(X)
        frame = table.features
        names = [str(name) for name in frame.columns]
        readings = [read_column(frame.iloc[:, i], name) for i, name in enumerate(names)]
        self._keep([_learn_column(n, r, limit) for n, r in zip(names, readings, strict=True)])
        self.n_features_in_ = len(names)
        if table.named:
            self.feature_names_in_ = np.asarray(names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return readings

    def _learn_plain(self, X: NDArray[np.float32]) -> None:
        check_count("max_categories", self.max_categories, low=1)
        refuse_infinite(X)
        seen = ranges(X)
        self._keep(
            [
                InputColumn(f"x{at}", "number", null_share=1.0, dropped="all null")
                if share == 1.0
                else _number(f"x{at}", "number", float(low), float(high), float(share))
                for at, (low, high, share) in enumerate(
                    zip(seen.low, seen.high, seen.null_share, strict=True)
                )
            ]
        )
        self.n_features_in_ = X.shape[1]
        if hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _keep(self, columns: Sequence[InputColumn]) -> None:
        self.columns_ = tuple(columns)
        self.dropped_ = {c.name: c.dropped for c in columns if c.dropped}
        widths = [len(column.outputs()) for column in columns]
        self.origin_ = np.repeat(np.arange(len(widths)), widths)

    def align(self, table: Table) -> pd.DataFrame:
        """The features of a table that was read, in the order of fit; or a clear error."""
        check_is_fitted(self)
        knows_names = hasattr(self, "feature_names_in_")
        if table.named and knows_names:
            return _align_names(table, self.feature_names_in_.tolist())
        width = table.features.shape[1]
        if width != self.n_features_in_:
            raise InvalidInput(
                f"X has {width} features, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input"
            )
        warn_about_names(table.named, knows_names, type(self).__name__)
        return table.features

    def _write(self, readings: Sequence[Reading | None], rows: int) -> NDArray[np.float32]:
        """The matrix of what was read of each column; a column that was not is NaN."""
        wide = any(c.kind == "category" and c.outputs() and not c.rates for c in self.columns_)
        # Where every column is written anyway, memory need not be cleared.
        out = (np.zeros if wide else np.empty)((rows, len(self.origin_)), dtype=np.float32)
        plain: list[tuple[int, NDArray[np.float32]]] = []
        words = []
        start = 0
        for column, reading in zip(self.columns_, readings, strict=True):
            width = len(column.outputs())
            if reading is None:
                out[:, start : start + width] = np.nan
            elif column.rates:
                rates = np.array([*column.rates, np.nan], dtype=np.float32)
                plain.append((start, rates[_places(column, reading)]))
            elif width and column.kind == "category":
                words.append((start, _places(column, reading)))
            elif width:
                plain.append((start, reading.values))
            start += width
        # By blocks of rows, since writing a column across a tall matrix misses the cache each time.
        for low in range(0, rows, _BLOCK):
            block = out[low : low + _BLOCK]
            for at, values in plain:
                block[:, at] = values[low : low + _BLOCK]
            for at, places in words:
                place = places[low : low + _BLOCK]
                seen = np.flatnonzero(place >= 0)
                block[seen, at + place[seen]] = 1.0
        return out

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def smoothed_rates(
    group: NDArray[np.intp], y: NDArray[np.float64], w: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Weighted mean of `y` in each group, drawn to the overall mean as if by 20 more customers."""
    total, summed = np.bincount(group, w), np.bincount(group, w * y)
    mean = summed.sum() / total.sum()
    rates: NDArray[np.float32] = ((summed + _SMOOTHING * mean) / (total + _SMOOTHING)).astype(
        np.float32
    )
    return rates


def _learn_column(name: str, reading: Reading, limit: int) -> InputColumn:
    share = reading.null_share
    if share == 1.0:
        return InputColumn(name, reading.kind, null_share=1.0, dropped="all null")
    if reading.kind == "category":
        counts = np.bincount(reading.values[reading.values >= 0], minlength=len(reading.levels))
        found = [(-int(n), lv) for n, lv in zip(counts, reading.levels, strict=True) if n]
        kept = tuple(sorted(level for _, level in sorted(found)[:limit]))
        constant = len(found) == 1 and share == 0.0
        return InputColumn(
            name,
            "category",
            categories=kept,
            null_share=share,
            rare=len(found) > limit,
            null=share > 0.0,
            dropped="constant" if constant else None,
        )
    low, high = float(np.nanmin(reading.values)), float(np.nanmax(reading.values))
    return _number(name, reading.kind, low, high, share)


def _number(name: str, kind: Kind, low: float, high: float, share: float) -> InputColumn:
    """A column of numbers, booleans or dates; one value and no null tell nothing."""
    constant = low == high and share == 0.0
    return InputColumn(
        name,
        kind,
        minimum=low,
        maximum=high,
        null_share=share,
        dropped="constant" if constant else None,
    )


def _places(column: InputColumn, reading: Reading) -> NDArray[np.intp]:
    """For each row, which of the column's outputs is 1; -1 for none."""
    levels = len(column.categories)
    at = {level: place for place, level in enumerate(column.categories)}
    rare = levels if column.rare else -1
    null = levels + column.rare if column.null else -1
    # The last entry serves nulls, whose code is -1.
    table = np.array([*(at.get(level, rare) for level in reading.levels), null], dtype=np.intp)
    places: NDArray[np.intp] = table[reading.values]
    return places


def _align_names(table: Table, known: list[str]) -> pd.DataFrame:
    names = list(table.features.columns)
    if names == known:
        return table.features
    message = "The feature names should match those that were passed during fit.\n"
    unseen, missing = sorted(set(names) - set(known)), sorted(set(known) - set(names))
    for title, wrong in (
        ("Feature names unseen at fit time:", unseen),
        ("Feature names seen at fit time, yet now missing:", missing),
    ):
        if wrong:
            message += "\n".join([title, *(f"- {name}" for name in wrong[:8]), ""])
            message += f"- … {len(wrong) - 8} more\n" if len(wrong) > 8 else ""
    if not unseen and not missing:
        if table.keyed:
            return table.features[known]
        message += "Feature names must be in the same order as they were in fit.\n"
    raise InvalidInput(message + "Hand in exactly these columns, e.g. X[model.feature_names_in_].")
