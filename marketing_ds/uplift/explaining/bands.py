"""Tags in bands: values that people would look at together, and what they would call them.

A number is cut near its quantiles at values with two digits, a value that many customers share
stands alone (as in profiles); a date is cut at the first of a month; a word or a boolean is its
own band, and so is what is unknown.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from marketing_ds._core.checks import check_columns, check_count, check_date, check_number
from marketing_ds._core.errors import InvalidInput
from marketing_ds.features import Kind, read_column, read_table
from marketing_ds.profiling._bins import make_bins
from marketing_ds.tags import Tag, catalogue

LANGUAGES = ("en", "zh")
Bins = int | Mapping[str, int | Sequence[Any]]

_DEFAULT = 5
_ENOUGH = 200_000
"""Customers from whom quantiles are taken: edges are rounded anyway."""
_MOST_LEVELS = 20
_UNKNOWN = {"en": "unknown", "zh": "未知"}
_OTHER = {"en": "(others)", "zh": "（其他）"}
_YES_NO = {"en": ("no", "yes"), "zh": ("否", "是")}
_MONEY = {"en": " (CNY)", "zh": "（元）"}


@dataclass(frozen=True)
class Edge:
    """Between two bands: the upper one starts at `value`, or just above it."""

    value: float
    above: bool = False

    @property
    def least(self) -> np.float32:
        """The smallest float32 of the upper band."""
        single = np.float32(self.value)
        return np.nextafter(single, np.float32(np.inf)) if self.above else single


@dataclass(frozen=True)
class BandedTag:
    """A tag with the band of each customer.

    Attributes
    ----------
    name : str
    kind : {"number", "boolean", "category", "date"}
    codes : ndarray of shape (n,)
        The band of each customer; those of nulls come last.
    edges : tuple of Edge
        Between the bands of a number, boolean or date.
    levels : tuple of str
        Of a category, in order; customers of rarer ones share one more band.
    others, unknown : bool
        Whether a category has such rarer ones, and whether there are nulls.
    whole : bool
        Whether a number has whole values only.
    tag : Tag or None
        Its declaration, where there is one.
    """

    name: str
    kind: Kind
    codes: npt.NDArray[np.int16] = field(repr=False)
    edges: tuple[Edge, ...] = ()
    levels: tuple[str, ...] = ()
    others: bool = False
    unknown: bool = False
    whole: bool = False
    least: float = math.nan
    most: float = math.nan
    tag: Tag | None = field(default=None, repr=False)

    @property
    def known(self) -> int:
        """Bands of known values."""
        if self.kind == "category":
            return len(self.levels) + self.others
        return len(self.edges) + 1

    @property
    def size(self) -> int:
        """All bands."""
        return self.known + self.unknown

    def title(self, language: str = "en") -> str:
        """What people call the tag, with its unit where that is money."""
        if self.tag is None:
            return self.name
        return self.tag.title(language) + (_MONEY[language] if self.tag.unit == "CNY" else "")

    def label(self, code: int, language: str = "en") -> str:
        """What people call a band: ``app``, ``35 to 49``, ``≥1,200``, ``unknown``."""
        if code >= self.known:
            return _UNKNOWN[language]
        if self.kind == "category":
            return self.word(code, language)
        if self.kind == "boolean":
            return _YES_NO[language][code]
        return self.range_label(code, code, language)

    def range_label(self, first: int, last: int, language: str = "en") -> str:
        """Neighbouring bands of a number or date, taken together."""
        low, high = self.bounds(first, last)
        to = "至" if language == "zh" else " to "
        if self.kind == "date":
            return _date_label(low, high, to, language)
        return self._number_label(low, high, to, language)

    def place(self, values: Any) -> npt.NDArray[np.int16]:
        """The bands of other customers' values; a level never seen is none of those known."""
        reading = read_column(values, self.name, self.kind)
        if self.kind == "category":
            at = {level: band for band, level in enumerate(self.levels)}
            rest = len(self.levels) if self.others else self.size
            null = self.known if self.unknown else self.size
            bands = [*(at.get(level, rest) for level in reading.levels), null]
            codes: npt.NDArray[np.int16] = np.array(bands, dtype=np.int16)[reading.values]
            return codes
        return self._cut(reading.values)

    def _cut(self, numbers: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
        least = np.array([edge.least for edge in self.edges], dtype=np.float32)
        codes = np.searchsorted(least, numbers, side="right").astype(np.int16)
        codes[np.isnan(numbers)] = self.known
        return codes

    def word(self, code: int, language: str = "en") -> str:
        """A level of a category."""
        if code >= len(self.levels):
            return _OTHER[language]
        level = self.levels[code]
        return self.tag.value_title(level, language) if self.tag else level

    def bounds(self, first: int, last: int) -> tuple[Edge | None, Edge | None]:
        """The edges around the bands `first` to `last`."""
        low = self.edges[first - 1] if first > 0 else None
        high = self.edges[last] if last < len(self.edges) else None
        return low, high

    def shown(self, value: float | None) -> str:
        """A number as people write it."""
        if value is None:
            return ""
        if self.tag is not None and self.tag.unit == "share":
            return f"{value:.3g}" if not math.isfinite(value) else f"{100 * value:.3g}%"
        return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}"

    def _number_label(self, low: Edge | None, high: Edge | None, to: str, language: str) -> str:
        first, last = self._inclusive(low, high)
        # The outermost bands may hold one value only.
        start = self.least if first is None else first
        end = self.most if last is None else last
        closed = self.whole or high is None or high.above
        if start == end and closed:
            return self.shown(start)
        if first is None and last is None:
            return "any" if language == "en" else "任意"
        if first is None:
            return f"{'≤' if closed else '<'}{self.shown(last)}"
        opened = low is not None and low.above and not self.whole
        if last is None:
            return f"{'>' if opened else '≥'}{self.shown(first)}"
        return f"{'>' if opened else ''}{self.shown(first)}{to}{'' if closed else '<'}{self.shown(last)}"

    def _inclusive(self, low: Edge | None, high: Edge | None) -> tuple[float | None, float | None]:
        """The smallest and largest values of a range; whole ones where the tag is whole."""
        if not self.whole:
            return None if low is None else low.value, None if high is None else high.value
        first = (
            None
            if low is None
            else math.floor(low.value) + 1
            if low.above
            else math.ceil(low.value)
        )
        last = (
            None
            if high is None
            else math.floor(high.value)
            if high.above
            else math.ceil(high.value) - 1
        )
        return first, last


def band_tags(
    X: Any,
    by: str | Sequence[str] | None,
    *,
    rows: int,
    bins: Bins = _DEFAULT,
    tags: Sequence[Tag] = (),
) -> tuple[BandedTag, ...]:
    """Put the values of tags into bands.

    Parameters
    ----------
    X : pandas.DataFrame, Arrow table or array of shape (n, d)
    by : str or sequence of str, optional
        Which tags; all by default.
    rows : int
        The n expected.
    bins : int, or mapping of tag to int or sequence
        About how many bands a number or date is cut into; or for some tags their own number, or
        the values at which bands start.
    tags : sequence of Tag
        Declarations of tags that are not in the catalogue, for their words.

    Raises
    ------
    InvalidInput
        If lengths differ, a tag is unknown, or `bins` is no positive number or rising values.
    """
    frame = read_table(X).features
    if len(frame) != rows:
        raise InvalidInput(
            f"X must hold the customers that the model was fitted to, in the same order: {rows} "
            f"rows, got {len(frame)}"
        )
    names = [str(name) for name in frame.columns]
    asked = names if by is None else [by] if isinstance(by, str) else list(by)
    check_columns(names, asked, "X")
    cuts = _read_bins(bins, asked)
    known = {tag.name: tag for tag in catalogue(entity="customer")} | {t.name: t for t in tags}
    return tuple(
        _band(frame.iloc[:, names.index(name)], name, cuts.get(name, _DEFAULT), known.get(name))
        for name in dict.fromkeys(asked)
    )


def _read_bins(bins: Bins, asked: Sequence[str]) -> dict[str, int | list[float]]:
    """For each tag how many bands, or where they start (dates in days since 1970-01-01)."""
    if not isinstance(bins, Mapping):
        return dict.fromkeys(asked, check_count("bins", bins, low=2, high=100))
    check_columns(asked, list(bins), "by")
    cuts: dict[str, int | list[float]] = {}
    for name, own in bins.items():
        if isinstance(own, (str, bytes)) or not isinstance(own, (Sequence, np.ndarray)):
            cuts[name] = check_count(f"bins[{name!r}]", own, low=2, high=100)
            continue
        starts = [_start(f"bins[{name!r}]", value) for value in own]
        if not starts or any(low >= high for low, high in pairwise(starts)):
            raise InvalidInput(
                f"bins[{name!r}] must hold values at which bands start, rising, got {list(own)!r}"
            )
        cuts[name] = starts
    return cuts


def _start(name: str, value: Any) -> float:
    if isinstance(value, (str, dt.date, np.datetime64)):
        day = value.item() if isinstance(value, np.datetime64) else value
        return float((check_date(name, day) - dt.date(1970, 1, 1)).days)
    return check_number(name, value, low=-math.inf)


def _band(values: Any, name: str, cut: int | list[float], tag: Tag | None) -> BandedTag:
    reading = read_column(values, name)
    if reading.kind == "category":
        return _band_words(reading.values, reading.levels, name, tag)
    numbers = reading.values
    null = np.isnan(numbers)
    inside = numbers[~null] if null.any() else numbers
    # A boolean may come as 0 and 1, where a file knows no booleans.
    as_bits = reading.kind == "number" and bool(np.all((inside == 0) | (inside == 1)))
    kind: Kind = "boolean" if as_bits and len(inside) else reading.kind
    whole = bool(kind == "number" and np.all(inside == np.floor(inside)))
    edges = _edges(inside, kind, whole, cut)
    made = BandedTag(
        name,
        kind,
        np.empty(0, np.int16),
        edges=edges,
        unknown=bool(null.any()),
        whole=whole,
        tag=tag,
    )
    made = replace(made, codes=made._cut(numbers))
    if not len(inside):
        return made
    return replace(made, least=float(inside.min()), most=float(inside.max()))


def _edges(
    inside: npt.NDArray[np.float32], kind: Kind, whole: bool, cut: int | list[float]
) -> tuple[Edge, ...]:
    if not len(inside):
        return ()
    if kind == "boolean":
        return (Edge(0.5),)
    if isinstance(cut, list):
        return tuple(map(Edge, cut))
    # Every so many rows: a frame's order may follow its values, its start may not be like its end.
    some = inside[:: max(1, len(inside) // _ENOUGH)].astype(np.float64)
    points = np.linspace(0, 1, 4 * cut + 1)
    grid = np.quantile(some, points, method="nearest").tolist()
    if kind == "date":
        return _month_edges(grid[4:-4:4], low=grid[0])
    if grid[0] == grid[-1]:
        return ()
    bins = make_bins([float(inside.min()), *grid[1:-1], float(inside.max())], whole=whole)
    return tuple(
        Edge(float(one.low or 0.0), above=True) if one.alone else Edge(float(one.high or 0.0))
        for one, _ in pairwise(bins)
    )


def _month_edges(days: Sequence[float], *, low: float) -> tuple[Edge, ...]:
    months = np.array(days, dtype=np.int64).astype("datetime64[D]").astype("datetime64[M]")
    starts = np.unique(months.astype("datetime64[D]").astype(np.int64))
    return tuple(Edge(float(start)) for start in starts if start > low)


def _band_words(
    codes: npt.NDArray[np.intp], levels: Sequence[str], name: str, tag: Tag | None
) -> BandedTag:
    """The most frequent levels, in the order of the tag's words, or of the alphabet."""
    counts = np.bincount(codes[codes >= 0], minlength=len(levels))
    there = [at for at in np.argsort(-counts, kind="stable") if counts[at]]
    kept = there[:_MOST_LEVELS]
    words = [word for word, _ in tag.words] if tag else []
    order = sorted(
        kept,
        key=lambda at: (words.index(levels[at]) if levels[at] in words else len(words), levels[at]),
    )
    others, unknown = len(there) > len(kept), bool((codes < 0).any())
    place = np.full(len(levels) + 1, len(kept), dtype=np.int16)
    place[order] = np.arange(len(order))
    place[-1] = len(kept) + others  # for nulls, whose code is -1
    names = tuple(levels[at] for at in order)
    made = BandedTag(name, "category", place[codes], levels=names, tag=tag)
    return replace(made, others=others, unknown=unknown)


def _date_label(low: Edge | None, high: Edge | None, to: str, language: str) -> str:
    first = None if low is None else np.datetime64(math.ceil(low.value), "D")
    after = None if high is None else np.datetime64(math.ceil(high.value), "D")
    if first is None and after is None:
        return "any" if language == "en" else "任意"
    if first is None:
        return f"before {after}" if language == "en" else f"{after}以前"
    if after is None:
        return f"since {first}" if language == "en" else f"{first}起"
    return f"{first}{to}{after - np.timedelta64(1, 'D')}"
