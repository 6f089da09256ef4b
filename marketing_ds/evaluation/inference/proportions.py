"""Proportions with few events: score intervals, which hold where Welch's are too short.

With 10 conversions in control and a tenth as many customers in the arm, Welch's 95 % interval covers
67 % (exactly computed); the score interval covers 98 %. More than asked is due where an arm expects
three events or fewer, whatever the interval: none come with a probability of 5 % and more (of 13.5 %
where two are expected), so an interval that missed the truth then would hold it in less than 95 %, and
one that does not hardly ever misses it on that side. The other side's 2.5 % remain. Score intervals are
used where an arm has fewer than `FEW` events, or as few customers without one; above that both agree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from marketing_ds.evaluation.engine import Estimate

from .relative import EVERYTHING, Interval
from .roots import inside, outward
from .skewness import cornish_fisher

FEW = 50
_STEPS, _ENOUGH = 60, 1e-12
"""Most steps of Newton, and the relative length of one at which they end."""
_FAR = 60.0
"""Logarithm of a ratio beyond which there is no end to it."""


@dataclass(frozen=True)
class FewEvents:
    """Two proportions of which one has few events (or few customers without one).

    Attributes
    ----------
    x, n, y, m : int
        Events and customers of control, events and customers of the arm.
    control, arm : float
        The proportions as estimated; covariates may have moved them.
    gain : float
        Variance of their difference over that without covariates.
    corrected : bool
        Whether the score is corrected for its skewness, so that each side of the interval errs as
        often as the other (Laud's SCAS); without, it is that of Miettinen and Nurminen.

    References
    ----------
    Miettinen, Nurminen (1985), Comparative analysis of two rates, Statistics in Medicine 4. Gart,
    Nam (1990), Approximate interval estimation of the difference in binomial parameters:
    correction for skewness, Biometrics 46. Laud (2017), Equal-tailed confidence intervals for
    comparison of rates, Pharmaceutical Statistics 16.
    """

    x: int
    n: int
    y: int
    m: int
    control: float
    arm: float
    gain: float
    corrected: bool = True
    kind: ClassVar[str] = "score"
    freedom: ClassVar[float] = math.inf

    def from_difference(self, difference: float) -> float:
        """Standard errors from the difference of proportions to one supposed.

        The error is that of the proportions which are most likely under the supposed difference.
        """
        d, size = difference, self.n + self.m
        cubic = (self.m + 2 * self.n) * d - size - (self.x + self.y)
        linear = (self.n * d - size - 2 * self.x) * d + self.x + self.y
        third = cubic / (3 * size)
        free = self.x * d * (1 - d)
        q = third**3 - cubic * linear / (6 * size**2) + free / (2 * size)
        p = math.copysign(math.sqrt(max(third**2 - linear / (3 * size), 0.0)), q)
        angle = (math.pi + math.acos(max(-1.0, min(1.0, q / p**3 if p else 0.0)))) / 3
        base = 2 * p * math.cos(angle) - third
        base = min(max(base, 0.0, -d), 1.0, 1 - d)
        base = self._polished(base, d)
        return self._deviate(base, base + d, 1.0, self.arm - self.control - d)

    def _polished(self, base: float, d: float) -> float:
        """The likeliest proportion, by Newton's steps on the likelihood's slope.

        The cubic keeps half of the digits only where two of its roots are near, and near d = ±1,
        where all that is possible lies close together, hardly any.
        """
        least, room = max(-d, 0.0), 1 - abs(d)
        above = base - least
        for _ in range(_STEPS):
            low, high = above, room - above  # as far from the ends, without cancellation
            if low <= 0 or high <= 0:
                break
            if d < 0:
                own, not_own, other, not_other = least + low, high, low, 1 - low
            else:
                own, not_own, other, not_other = low, 1 - low, d + low, high
            slope = self.x / own - (self.n - self.x) / not_own
            slope += self.y / other - (self.m - self.y) / not_other
            bend = self.x / own**2 + (self.n - self.x) / not_own**2
            bend += self.y / other**2 + (self.m - self.y) / not_other**2
            step = slope / bend
            if abs(step) > min(low, high) / 2:
                step = math.copysign(min(low, high) / 2, step)
            above += step
            if abs(step) <= _ENOUGH * above:
                break
        return least + above

    def from_ratio(self, ratio: float) -> float:
        """Standard errors from arm − ratio × control to 0, at the most likely such proportions."""
        a, b = (self.n + self.m) * ratio, ratio * (self.m + self.x) + self.y + self.n
        c = self.x + self.y
        # The smaller root of a p² − b p + c, without the cancellation of b − √….
        base = 2 * c / (b + math.sqrt(max(b * b - 4 * a * c, 0.0)))
        raised = min(ratio * base, 1.0)
        return self._deviate(base, raised, ratio, self.arm - ratio * self.control)

    def _deviate(self, base: float, raised: float, weight: float, distance: float) -> float:
        n, m, size = self.n, self.m, self.n + self.m
        own, other = raised * (1 - raised) / m, weight**2 * base * (1 - base) / n
        variance = (own + other) * size / (size - 1)
        if variance <= 0:
            return math.copysign(math.inf, distance) if distance else 0.0
        score = distance / math.sqrt(variance * self.gain)
        if not self.corrected:
            return score
        third = own * (1 - 2 * raised) / m - weight * other * (1 - 2 * base) / n
        return cornish_fisher(score, third / variance**1.5 / 6)

    def difference_interval(self, quantile: float) -> Interval:
        """All differences within `quantile` standard errors."""
        if math.isinf(quantile):
            return EVERYTHING
        at = min(max(self.arm - self.control, -1.0), 1.0)
        return (
            inside(lambda d: self.from_difference(d) - quantile, -1.0, at),
            inside(lambda d: self.from_difference(d) + quantile, at, 1.0),
        )

    def ratio_interval(self, quantile: float) -> Interval:
        """All ratios arm / control within `quantile` standard errors; open without events."""
        if math.isinf(quantile):
            return EVERYTHING
        at = math.log((self.y + 0.5) / self.m / ((self.x + 0.5) / self.n))
        low = outward(lambda log: self.from_ratio(math.exp(log)) - quantile, at, -1.0, far=_FAR)
        high = outward(lambda log: self.from_ratio(math.exp(log)) + quantile, at, 1.0, far=_FAR)
        return math.exp(low), math.exp(high)


def few_events(control: Estimate, arm: Estimate) -> FewEvents | None:
    """The two proportions, where both are such and one has few events; else None.

    A mean with the variance p (1 − p) of a 0/1 column is one: sums of squares equal sums. Weighted
    or clustered it has another variance, and is not one here.
    """
    before = control.raw_variance + arm.raw_variance
    if before == 0 or not (_binary(control) and _binary(arm)):
        return None
    x, y = round(control.raw * control.n), round(arm.raw * arm.n)
    if min(x, control.n - x, y, arm.n - y) >= FEW:
        return None
    after = arm.variance + arm.common + control.variance + control.common - 2 * arm.covariance
    gain = after / before if after > 0 else 1.0
    return FewEvents(x, control.n, y, arm.n, control.value, arm.value, gain)


def _binary(found: Estimate) -> bool:
    expected = found.raw * (1 - found.raw) / (found.n - 1)
    return 0 <= found.raw <= 1 and math.isclose(
        found.raw_variance, expected, rel_tol=1e-9, abs_tol=1e-300
    )
