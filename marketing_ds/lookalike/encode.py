"""Mixed tags as levels: every tag becomes a small whole number, whatever its type.

A level is a quantile bin of a number or a date, a category, or "null". Levels make heavy tails,
outliers and units harmless, keep nulls apart, and turn any later encoding into a table look-up.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from marketing_ds._core.errors import InvalidInput

Kind = Literal["number", "date", "boolean", "category"]
Codes = NDArray[np.int16]
Numbers = NDArray[np.floating[Any]]

NULL = 0
"""The level of nulls, in every tag."""
_MAX_CATEGORIES = 100
_MOST_COMPARED = 254
"""Edges up to which numbers are compared with each of them."""
_FEW = 4_096
"""Numbers below which bisection is faster."""
_BLOCK = 16_384
"""Numbers compared at a time: they then stay in the cache."""
_MANY = 10_000
"""Customers from which tags are cut side by side."""
_THREADS = min(4, os.cpu_count() or 1)
_RARE = 20
"""A category with fewer base customers than this shares the level of unseen ones."""


@dataclass(frozen=True)
class TagLevels:
    """How one tag is cut into levels: 0 is null, then the values in order.

    Numbers, dates (days since 1970) and booleans are cut at `edges`; categories are looked up in
    `categories`, and their last level holds rare and unseen ones.
    """

    name: str
    kind: Kind
    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def n_levels(self) -> int:
        """Number of levels, null included."""
        return 2 + (len(self.categories) if self.kind == "category" else len(self.edges))

    def codes(self, column: pa.ChunkedArray) -> Codes:
        """The level of each value, shape (n,).

        Raises
        ------
        InvalidInput
            If the column changed its type since `fit` or holds infinite values.
        """
        kind = _kind(self.name, column.type)
        if kind is None:  # a batch of nothing but nulls has no type of its own
            return np.zeros(len(column), dtype=np.int16)
        if kind != self.kind and {kind, self.kind} != {"number", "boolean"}:
            raise InvalidInput(
                f"{self.name} must hold a {self.kind} as in fit, got a {kind}; convert it first"
            )
        if self.kind == "category":
            return self._category_codes(column)
        numbers = _numbers(self.name, column)
        levels = _bins(self.edges, numbers)
        levels[np.isnan(numbers)] = NULL
        return levels

    def label(self, level: int) -> str:
        """A level in words.

        Examples
        --------
        >>> TagLevels("region", "category", categories=("north",)).label(2)
        '(rare or unseen)'
        >>> TagLevels("aum", "number", edges=(10.0, 500.0)).label(2)
        '10 to 500'
        """
        if level == NULL:
            return "(null)"
        if self.kind == "category":
            seen = level <= len(self.categories)
            return self.categories[level - 1] if seen else "(rare or unseen)"
        if not self.edges:
            return "any"
        low = self._bound(level - 2) if level >= 2 else None
        high = self._bound(level - 1) if level <= len(self.edges) else None
        if low is None:
            return f"below {high}"
        return f"from {low}" if high is None else f"{low} to {high}"

    def _bound(self, edge: int) -> str:
        value = self.edges[edge]
        if self.kind == "date":
            return str(np.datetime64(int(np.ceil(value)), "D"))
        return f"{value:.6g}"

    def _category_codes(self, column: pa.ChunkedArray) -> Codes:
        encoded = column.cast(pa.string()).combine_chunks().dictionary_encode()
        rank = {category: level for level, category in enumerate(self.categories, start=1)}
        other = len(self.categories) + 1
        of_word = [rank.get(word, other) for word in encoded.dictionary.to_pylist()]
        lookup = np.array([*of_word, NULL], dtype=np.int16)
        # A null index becomes -1, which reads the last entry: null.
        found: Codes = lookup[encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
        return found


def fit_levels(base: pa.Table, tags: Sequence[str], *, bins: int) -> tuple[TagLevels, ...]:
    """Cut every tag into levels from a sample of the base.

    Parameters
    ----------
    base : pyarrow.Table
        Base customers.
    tags : sequence of str
        Columns to cut.
    bins : int
        Quantile bins of a number or date; a value that holds more than 2/bins of the base (a zero
        balance, say) gets a level to itself.

    Raises
    ------
    InvalidInput
        If a tag has a type without order or equality, or holds infinite values.
    """
    return tuple(_fit_tag(name, base[name], bins) for name in tags)


def encode(
    table: pa.Table, levels: Sequence[TagLevels], *, used: Sequence[bool] | None = None
) -> Codes:
    """Levels of every tag, shape (n, tags); of a tag that is not used 0, and it is not read."""
    made = np.empty if used is None else np.zeros
    codes: Codes = made((table.num_rows, len(levels)), dtype=np.int16, order="F")

    def fill(position: int) -> None:
        tag = levels[position]
        codes[:, position] = tag.codes(table[tag.name])

    wanted = [at for at in range(len(levels)) if used is None or used[at]]
    if table.num_rows < _MANY:
        for position in wanted:
            fill(position)
        return codes
    with ThreadPoolExecutor(_THREADS) as pool:
        for _ in pool.map(fill, wanted):
            pass
    return codes


def _bins(edges: Sequence[float], numbers: Numbers) -> Codes:
    """1 + the number of edges at or below each number."""
    bounds = _no_lower(edges, numbers.dtype)
    if len(edges) > _MOST_COMPARED or len(numbers) < _FEW:
        return (np.searchsorted(bounds, numbers, side="right") + 1).astype(np.int16)
    # Measured: with 15 edges a comparison of all numbers with each is 13 times as fast as bisection.
    bins = np.empty(len(numbers), dtype=np.int16)
    for start in range(0, len(numbers), _BLOCK):
        part = numbers[start : start + _BLOCK]
        counted = np.ones(len(part), dtype=np.uint8)
        above = np.empty(len(part), dtype=bool)
        for bound in bounds:
            np.greater_equal(part, bound, out=above)
            counted += above.view(np.uint8)
        bins[start : start + _BLOCK] = counted
    return bins


def _no_lower(edges: Sequence[float], dtype: np.dtype[Any]) -> Numbers:
    """The edges among numbers of this type: each the smallest that is no lower."""
    exact = np.asarray(edges, dtype=np.float64)
    nearest = exact.astype(dtype)
    up = np.nextafter(nearest, np.array(np.inf, dtype=dtype))
    return np.where(nearest < exact, up, nearest)


def coarse_levels(base: Codes, tag: TagLevels, most: int) -> Codes:
    """For each level of a tag the one of about `most` that it falls into, shape (levels,).

    Levels with an order are drawn together to about equal shares of `base`, of shape (n,); null and
    categories stay what they are.
    """
    if tag.kind == "category" or tag.n_levels <= most + 2:
        return np.arange(tag.n_levels, dtype=np.int16)
    known = np.bincount(base, minlength=tag.n_levels).astype(np.float64)
    known[NULL] = 0
    middle = (np.cumsum(known) - known / 2) / max(known.sum(), 1)
    coarse = 1 + np.minimum(most * middle, most - 1).astype(np.int16)
    coarse[NULL] = NULL
    return np.asarray(np.unique(coarse, return_inverse=True)[1], dtype=np.int16)


def _fit_tag(name: str, column: pa.ChunkedArray, bins: int) -> TagLevels:
    kind = _kind(name, column.type)
    if kind == "category":
        return TagLevels(name, kind, categories=_frequent(column))
    if kind is None:
        return TagLevels(name, "number")
    numbers = _numbers(name, column)
    known = numbers[~np.isnan(numbers)].astype(np.float64)
    return TagLevels(name, kind, edges=_edges(known, bins))


def _edges(values: NDArray[np.float64], bins: int) -> tuple[float, ...]:
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) <= bins:
        return tuple(((distinct[1:] + distinct[:-1]) / 2).tolist())
    inner = np.linspace(0, 1, bins + 1)[1:-1]
    cuts = np.quantile(values, inner, method="inverted_cdf")
    heavy = distinct[counts > 2 * len(values) / bins]
    edges = np.unique(np.concatenate([cuts, heavy, np.nextafter(heavy, np.inf)]))
    return tuple(edges[edges > distinct[0]].tolist())


def _frequent(column: pa.ChunkedArray) -> tuple[str, ...]:
    counted = pc.value_counts(column.cast(pa.string()).drop_null())
    found = zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist())  # noqa: B905
    kept = sorted((-n, word) for word, n in found if n >= _RARE)
    return tuple(word for _, word in kept[:_MAX_CATEGORIES])


def _kind(name: str, arrow: Any) -> Kind | None:
    if pa.types.is_null(arrow):
        return None
    if pa.types.is_boolean(arrow):
        return "boolean"
    if pa.types.is_integer(arrow) or pa.types.is_floating(arrow) or pa.types.is_decimal(arrow):
        return "number"
    if pa.types.is_date(arrow) or pa.types.is_timestamp(arrow):
        return "date"
    words = arrow.value_type if pa.types.is_dictionary(arrow) else arrow
    if pa.types.is_string(words) or pa.types.is_large_string(words):
        return "category"
    raise InvalidInput(
        f"{name} must be a number, boolean, date or text, got {arrow}; "
        f"convert it, or leave it out with exclude=[{name!r}]"
    )


def _numbers(name: str, column: pa.ChunkedArray) -> Numbers:
    """A column as numbers, null as NaN: float32 stays, everything else is float64."""
    if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
        days = np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
        return np.floor(days / 86_400e6)
    if not pa.types.is_float32(column.type):
        column = column.cast(pa.float64(), safe=False)
    numbers: Numbers = np.asarray(column.to_numpy())
    infinite = int(np.isinf(numbers).sum())
    if infinite:
        raise InvalidInput(
            f"{name} must be finite, got {infinite} infinite value(s); make them null or clip them"
        )
    return numbers
