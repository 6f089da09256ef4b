"""Means that few customers decide, in arms of unequal size: intervals where Welch's are too short.

Of 500 customers in control fifteen bought perhaps, and none of them much: their mean is low, and so is
the variance found among them, just when the truth lies far above. With 3 % buyers, log-normal amounts
(σ = 1.5) and 500 customers against 4,500, Welch's 95 % interval holds the truth in 84 to 91 %, with
100 against 9,900 in 61 %; these hold it in 96 to 97 % (4,000 draws each).

Two things are done. A small arm's variance is drawn towards what both arms together tell, at the mean
that the supposed effect gives it; the own one counts by how many customers decide it, so that nothing
is assumed of large arms. And the statistic is corrected for the skewness that is left. Where arms are of
one size both matter little, and Welch's interval stands.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from marketing_ds.evaluation.engine import Estimate

from .relative import Interval, fieller
from .roots import outward
from .skewness import unskewed

_MATTERS = 0.05
"""Skewness of a difference up to which Welch's interval stands."""
_TOLD = 100
"""Customers of both arms from which on something is known of their skewness."""
_STEADY = 10.0
"""Deciding customers that the variance of both arms counts for in that of one."""


@dataclass(frozen=True)
class Shape:
    """How the customers of control and an arm differ among each other, taken together.

    Attributes
    ----------
    mean, variance, third : float
        Per customer; central moments within the arms.
    upward : bool
        Whether no value is below 0. Then an arm's variance and third moment go with its mean, as
        where more or fewer customers spend the same amounts; else they are those of both.
    """

    mean: float
    variance: float
    third: float
    upward: bool

    @property
    def deciders(self) -> float:
        """Share of the customers that decide a mean: its skewness is one over √(share × n)."""
        return self.variance**3 / self.third**2 if self.third else math.inf

    def own_share(self, n: int) -> float:
        """How much an arm's own variance counts."""
        deciding = n * self.deciders
        return 1.0 if math.isinf(deciding) else deciding / (deciding + _STEADY)

    def scale(self, mean: float) -> float:
        """Variance and third moment of an arm of this mean over those of both arms."""
        return max(mean, 0.0) / self.mean if self.upward and self.mean > 0 else 1.0

    def skewness(self, n: int, m: int) -> float:
        """Of the difference of two means without an effect: n customers in control, m in the arm."""
        spread = (self.variance * (1 / n + 1 / m)) ** 1.5
        return self.third * (1 / m**2 - 1 / n**2) / spread if spread else 0.0

    def matters(self, n: int, m: int) -> bool:
        """Whether Welch's interval would be too short, as far as so many customers tell."""
        return n + m >= _TOLD and abs(self.skewness(n, m)) > _MATTERS


@dataclass(frozen=True)
class SkewedMeans:
    """Two means, at least one of which few customers decide; the interface is that of `FewEvents`."""

    control: Estimate
    arm: Estimate
    shape: Shape
    kind: ClassVar[str] = "skewed"

    @property
    def freedom(self) -> float:
        """Degrees of freedom of the statistic (Satterthwaite's)."""
        low, high = (part[0] for part in self._parts(self.control.raw, self.arm.raw))
        squares = low**2 / self.control.freedom + high**2 / self.arm.freedom
        return (low + high) ** 2 / squares if squares else math.inf

    @property
    def variance(self) -> float:
        """Of the difference as estimated."""
        parts = self._parts(self.control.raw, self.arm.raw)
        return parts[0][0] + parts[1][0] + self._shared(1.0)

    def from_difference(self, difference: float) -> float:
        """Standard errors from the difference to one supposed."""
        n, m = self.control.n, self.arm.n
        base = (n * self.control.raw + m * (self.arm.raw - difference)) / (n + m)
        distance = self.arm.value - self.control.value - difference
        return self._deviate(base, base + difference, 1.0, distance)

    def from_ratio(self, ratio: float) -> float:
        """Standard errors from arm − ratio × control to 0."""
        n, m = self.control.n, self.arm.n
        # The likeliest such means, where the variance goes with the mean.
        base = (n * self.control.raw + m * self.arm.raw) / (n + m * ratio)
        distance = self.arm.value - ratio * self.control.value
        return self._deviate(base, ratio * base, ratio, distance)

    def difference_interval(self, quantile: float) -> Interval:
        """All differences within `quantile` standard errors."""
        at, step = self.arm.value - self.control.value, math.sqrt(self.variance)
        return (
            outward(lambda d: self.from_difference(d) - quantile, at, -step),
            outward(lambda d: self.from_difference(d) + quantile, at, step),
        )

    def ratio_interval(self, quantile: float) -> Interval:
        """All ratios arm / control within `quantile` standard errors."""
        control, arm = self.control, self.arm
        if not self.shape.upward or min(control.value, arm.value) <= 0:
            low, high = (part[0] for part in self._parts(control.raw, arm.raw))
            own = arm.value, control.value, high + arm.common, low + control.common
            return fieller(*own, quantile, arm.covariance)
        at = math.log(arm.value / control.value)
        low = outward(lambda log: self.from_ratio(math.exp(log)) - quantile, at, -0.1, far=60.0)
        high = outward(lambda log: self.from_ratio(math.exp(log)) + quantile, at, 0.1, far=60.0)
        return math.exp(low), math.exp(high)

    def _deviate(self, base: float, raised: float, weight: float, distance: float) -> float:
        (low, low3, low_own), (high, high3, high_own) = self._parts(base, raised)
        variance = high + weight**2 * low + self._shared(weight)
        if variance <= 0:
            return math.copysign(math.inf, distance) if distance else 0.0
        cubed = variance**1.5
        third = (high3 - weight**3 * low3) / cubed
        along = (high_own * high3 - weight**3 * low_own * low3) / cubed
        return unskewed(distance / math.sqrt(variance), third, along)

    def _parts(self, base: float, raised: float) -> tuple[tuple[float, float, float], ...]:
        """Variance, third moment and share of the own variance, of control and of the arm."""
        found = []
        for each, mean in ((self.control, base), (self.arm, raised)):
            own, scale = self.shape.own_share(each.n), self.shape.scale(mean)
            both = self.shape.variance * scale / each.n
            third = self.shape.third * scale / each.n**2
            found.append((own * each.variance + (1 - own) * both, third, own))
        return tuple(found)

    def _shared(self, weight: float) -> float:
        common = self.arm.common + weight**2 * self.control.common
        return common - 2 * weight * self.arm.covariance


def skewed_means(control: Estimate, arm: Estimate) -> SkewedMeans | None:
    """The two means, where their third moments are known and make the difference skewed; else None."""
    if math.isnan(control.third) or math.isnan(arm.third):
        return None
    n, m = control.n, arm.n
    share = m / (n + m)
    shape = Shape(
        (1 - share) * control.raw + share * arm.raw,
        (1 - share) * control.variance * n + share * arm.variance * m,
        (1 - share) * control.third * n**2 + share * arm.third * m**2,
        control.upward and arm.upward,
    )
    return SkewedMeans(control, arm, shape) if shape.matters(n, m) else None
