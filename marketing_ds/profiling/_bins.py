"""Bins of numeric tags: by quantiles of the base, with a bin of its own for each heavy value.

Tags of customers pile up on single values, most of all on 0. Quantile bins alone would merge such
a value with its neighbours or come out empty; here a value that at least a tenth of the base shares
stands alone, and what lies between such values is split into about equal parts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import ibis
import ibis.expr.types as ir

GRID = tuple(i / 20 for i in range(21))
"""The quantiles asked of the base."""
_HEAVY_POINTS = 3
"""A value that fills so many points of the grid holds at least a tenth of the base."""
_POINTS_A_BIN = 4
_FEW_VALUES = 8
"""Whole numbers that span so few values get a bin each."""


@dataclass(frozen=True)
class Bin:
    """From `low` to `high` (excluded), or the value `low` alone."""

    low: float | None
    high: float | None
    alone: bool = False
    above: bool = False
    """Whether `low` itself is excluded, as it stands alone."""

    def holds(self, column: ir.NumericValue) -> ir.BooleanValue:
        """Whether a value falls into the bin."""
        if self.alone:
            return column == self.low
        ends = []
        if self.low is not None:
            ends.append(column > self.low if self.above else column >= self.low)
        if self.high is not None:
            ends.append(column < self.high)
        return ibis.and_(*ends)

    def label(self, *, whole: bool, percent: bool, language: str) -> str:
        """For people: ``0``, ``1 to 4``, ``≥12,000``."""

        def shown(value: float) -> str:
            return f"{value:.0%}" if percent else _number(value)

        if self.alone and self.low is not None:
            return shown(self.low)
        to = "至" if language == "zh" else " to "
        low, high = self.low, self.high
        if whole:
            low = None if low is None else math.floor(low) + 1 if self.above else math.ceil(low)
            high = None if high is None else math.ceil(high) - 1
            if low is not None and low == high:
                return shown(low)
        at_least = ">" if self.above and not whole else "≥"
        below = "≤" if whole else "<"
        if low is None or high is None:
            bounds = [f"{at_least}{shown(low)}"] if low is not None else []
            return bounds[0] if bounds else f"{below}{shown(high or 0.0)}"
        start = f">{shown(low)}" if at_least == ">" else shown(low)
        return f"{start}{to}{'' if whole else '<'}{shown(high)}"


def make_bins(grid: Sequence[float], *, whole: bool) -> tuple[Bin, ...]:
    """Bins of a numeric tag that cover every value.

    Parameters
    ----------
    grid : sequence of float
        The base's quantiles at `GRID`, smallest value first.
    whole : bool
        Whether the tag holds whole numbers.
    """
    if whole and grid[-1] - grid[0] < _FEW_VALUES:
        values = range(int(grid[0]), int(grid[-1]) + 1)
        return tuple(Bin(float(v), float(v), alone=True) for v in values)
    heavy = sorted({v for v in grid if sum(g == v for g in grid) >= _HEAVY_POINTS})
    ends: list[float | None] = [None, *heavy, None]
    bins: list[Bin] = []
    for low, high in pairwise(ends):
        if low is not None:
            bins.append(Bin(low, low, alone=True))
        bins += _between(low, high, grid, whole=whole)
    return tuple(bins)


def _between(
    low: float | None, high: float | None, grid: Sequence[float], *, whole: bool
) -> list[Bin]:
    """The ranges between two heavy values, or outside the outermost."""
    if (low is None and grid[0] == high) or (high is None and grid[-1] == low):
        return []  # the heavy value is the smallest or the largest
    if whole and low is not None and high is not None and high - low <= 1:
        return []
    run = [g for g in grid if (low is None or g > low) and (high is None or g < high)]
    parts = max(1, round(len(run) / _POINTS_A_BIN))
    raw = [run[k * len(run) // parts] for k in range(1, parts)]
    cuts = sorted({cut for cut in map(_rounded, raw) if _inside(cut, low, high, run[0])})
    edges: list[float | None] = [low, *cuts, high]
    return [
        Bin(a, b, above=i == 0 and a is not None)
        for i, (a, b) in enumerate(pairwise(edges))
        if a is not None or b is not None
    ]


def _inside(cut: float, low: float | None, high: float | None, least: float) -> bool:
    return cut > (least if low is None else low) and (high is None or cut < high)


def _rounded(value: float) -> float:
    """Two significant digits: edges that people can read."""
    if value == 0:
        return 0.0
    return round(value, 1 - math.floor(math.log10(abs(value))))


def _number(value: float) -> str:
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
