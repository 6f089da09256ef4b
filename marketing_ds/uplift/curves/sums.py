"""Running sums of one arm over customers in the order of a score, and the means they make."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from marketing_ds._core.estimate import normal_quantile, wilson

from ..arms import Floats

_Change = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Side:
    """Running sums of one arm over the customers, best first, at the steps of a grid.

    `weight` sums w, `outcome` w·y, `weight2` w², `outcome2` w²·y and `square2` w²·y²:
    what a weighted mean and its variance need. `ends` are the two values of an outcome that has no
    others, such as 0 and 1.
    """

    weight: Floats
    outcome: Floats
    weight2: Floats
    outcome2: Floats
    square2: Floats
    ends: tuple[float, float] | None = None

    def mean(self) -> Floats:
        """Weighted mean outcome; NaN where nobody is."""
        return divide(self.outcome, self.weight)

    def mean_variance(self) -> Floats:
        """Variance of the weighted mean; NaN with fewer than two customers."""
        mean = self.mean()
        spread = self.square2 - 2 * mean * self.outcome2 + mean**2 * self.weight2
        return divide(np.maximum(spread, 0.0), self.weight**2) * self.inflation() ** 2

    def reach(self, alpha: float) -> tuple[Floats, Floats]:
        """How far an interval of the mean reaches below and above it; NaN with fewer than two.

        Normal; of an outcome with two values Wilson's, which holds where hardly anybody, or nobody,
        has the rarer one.
        """
        variance = self.mean_variance()
        if self.ends is None or self.ends[0] == self.ends[1]:
            half = normal_quantile(alpha) * np.sqrt(variance)
            return half, half
        low, high = self.ends
        rate = np.clip((self.mean() - low) / (high - low), 0.0, 1.0)
        size = divide(self.weight**2, self.weight2)
        if self.weight2 is not self.weight:
            # Weighted customers tell as much as this many would whose weights did not go with y.
            told = divide(rate * (1 - rate) * (high - low) ** 2, variance)
            size = np.where(rate * (1 - rate) * size > 0.5, told, size)
        size = np.where(np.isnan(variance), np.nan, size)
        lower, upper = wilson(rate * size, size, alpha=alpha)
        return (high - low) * (rate - lower), (high - low) * (upper - rate)

    def inflation(self) -> Floats:
        """What residuals about the weighted mean are too small by; NaN with one customer.

        A mean of m customers leaves m - 1 degrees of freedom.
        """
        effective = divide(self.weight**2, self.weight2)
        # The sums carry rounding, so that "one" is told with a margin.
        enough = np.asarray(effective > 1 + 1e-6)
        left = np.where(enough, effective - 1, 0.0)
        return np.sqrt(divide(effective, left))

    def at(self, position: Floats) -> Side:
        """The sums after `position` steps, fractions taken evenly of the next one."""
        grid = np.arange(len(self.weight) + 1, dtype=np.float64)
        return self._map(lambda sums: np.interp(position, grid, np.append(0.0, sums)))

    def steps(self) -> Side:
        """Sums within each step."""
        return self._map(lambda sums: np.diff(sums, prepend=0.0))

    def between(self) -> Side:
        """Sums between neighbouring steps; one fewer than there are steps."""
        steps = self._map(np.diff)
        # A step without customers holds the rounding of the sums around it.
        empty = steps.weight < 1e-9 * self.weight[-1]
        return steps._map(lambda sums: np.where(empty, 0.0, sums))

    def affine(self, scale: float, shift: float) -> Side:
        """The sums of the outcomes ``scale · y + shift``."""
        square2 = scale**2 * self.square2 + 2 * scale * shift * self.outcome2
        return Side(
            self.weight,
            scale * self.outcome + shift * self.weight,
            self.weight2,
            scale * self.outcome2 + shift * self.weight2,
            square2 + shift**2 * self.weight2,
            None if self.ends is None else _sorted(scale * end + shift for end in self.ends),
        )

    def _map(self, change: _Change) -> Side:
        done: dict[int, Floats] = {}  # without weights some sums are one array: change it once
        fields = (self.weight, self.outcome, self.weight2, self.outcome2, self.square2)
        for sums in fields:
            if id(sums) not in done:
                done[id(sums)] = change(sums)
        weight, outcome, weight2, outcome2, square2 = (done[id(sums)] for sums in fields)
        return Side(weight, outcome, weight2, outcome2, square2, self.ends)


def _sorted(ends: Iterable[float]) -> tuple[float, float]:
    low, high = sorted(ends)
    return low, high


def divide(numerator: Floats, denominator: Floats) -> Floats:
    """The quotient, NaN where the denominator is not positive."""
    out: Floats = np.full(np.shape(numerator), np.nan)
    np.divide(numerator, denominator, out=out, where=denominator > 0)
    return out
