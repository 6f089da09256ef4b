"""The set of ratios of two differences that the data do not reject (Fieller), shown as it is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

from .joint import Contrast

Shape: TypeAlias = Literal["interval", "outside", "everything", "undefined"]


@dataclass(frozen=True)
class RatioSet:
    """A ratio and the set of values that it may have.

    Attributes
    ----------
    value : float
        Estimate; NaN where the denominator's is not above 0.
    shape : {"interval", "outside", "everything", "undefined"}
        ``interval``: between `lower` and `upper`. ``outside``: up to `lower`, and from `upper` on;
        so it is where the denominator may be 0 but not both may. ``everything``: no ratio is
        rejected. ``undefined``: the denominator is 0, or below, without error.
    lower, upper : float
        Infinite for ``everything``, NaN for ``undefined``.

    References
    ----------
    Fieller (1954), Some problems in interval estimation, JRSS B 16. von Luxburg, Franz (2009), A
    geometric approach to confidence sets for ratios, Statistica Sinica 19.
    """

    value: float
    shape: Shape
    lower: float
    upper: float

    @property
    def bounds(self) -> tuple[float, float]:
        """The least interval that holds the set: unbounded unless it is an interval itself."""
        if self.shape == "undefined":
            return math.nan, math.nan
        return (self.lower, self.upper) if self.shape == "interval" else (-math.inf, math.inf)

    def __contains__(self, ratio: float) -> bool:
        if self.shape == "outside":
            return ratio <= self.lower or ratio >= self.upper
        return self.shape != "undefined" and self.lower <= ratio <= self.upper

    def moved(self, by: float) -> RatioSet:
        """The set of ratio + `by`."""
        return RatioSet(self.value + by, self.shape, self.lower + by, self.upper + by)


def ratio_set(contrast: Contrast, above: int, below: int, quantile: float) -> RatioSet:
    """All ratios ρ with |above − ρ·below| within `quantile` standard errors of 0.

    Parameters
    ----------
    contrast : Contrast
        Differences with their joint covariance.
    above, below : int
        Columns of numerator and denominator.
    quantile : float
        Student's, or that of an always-valid boundary: both hold for every ρ at once.
    """
    y, x = float(contrast.value[above]), float(contrast.value[below])
    squared = quantile**2
    value = y / x if x > 0 else math.nan
    v = contrast.error
    if math.isinf(quantile):
        return RatioSet(value, "everything", -math.inf, math.inf)
    if x <= 0 and v[below, below] <= 0:
        return RatioSet(math.nan, "undefined", math.nan, math.nan)
    # a ρ² − 2 b ρ + c ≤ 0
    a = x * x - squared * float(v[below, below])
    b = y * x - squared * float(v[above, below])
    c = y * y - squared * float(v[above, above])
    inside = b * b - a * c
    if a > 0:
        root = math.sqrt(max(inside, 0.0))
        return RatioSet(value, "interval", (b - root) / a, (b + root) / a)
    if inside <= 0 or a == 0:
        return RatioSet(value, "everything", -math.inf, math.inf)
    root = math.sqrt(inside)
    return RatioSet(value, "outside", (b + root) / a, (b - root) / a)
