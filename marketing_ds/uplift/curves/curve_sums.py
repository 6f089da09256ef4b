"""A curve V over the share treated: its values and standard errors at any share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from marketing_ds._core.estimate import Estimate, normal_quantile

from ..arms import Floats
from .order import Rows
from .ranking import Ranking
from .sums import Side


@dataclass(frozen=True)
class CurveSums:
    """Running sums of the arm and of control at equal steps of share, and the curve they make.

    Attributes
    ----------
    share, value, se : ndarray of shape (1 + steps,)
        Shares from 0 to 1, V, and its standard errors (NaN where a top share holds fewer than
        two customers of a side).
    sides : tuple of Side
        The arm and control; effects (pseudo-outcomes) have one side only.
    n : int
        Customers.
    ties : ndarray or None
        Where groups of steps begin that lie within one tie.
    """

    share: Floats
    value: Floats
    se: Floats
    sides: tuple[Side, ...]
    n: int
    ties: Rows | None

    @classmethod
    def of(cls, ranking: Ranking) -> CurveSums:
        """The curve of a ranking."""
        return cls._build(
            ranking.share, ranking.value(), ranking.sides, ranking.n, ranking.ties_of_steps.start
        )

    @classmethod
    def _build(
        cls, share: Floats, value: Floats, sides: tuple[Side, ...], n: int, ties: Rows | None
    ) -> CurveSums:
        se = _standard_error(share, value, slope_at(share, share, value), sides, n)
        return cls(np.append(0.0, share), np.append(0.0, value), np.append(0.0, se), sides, n, ties)

    @property
    def steps(self) -> int:
        """Steps of the grid."""
        return len(self.share) - 1

    def at(self, share: float) -> tuple[float, float]:
        """V and its standard error at a share above 0."""
        found = self.estimate(share, alpha=0.05)
        return found.value, found.se

    def estimate(self, share: float, *, alpha: float) -> Estimate:
        """V at a share above 0, with its interval."""
        where = np.array([share])
        sides = tuple(side.at(where * self.steps) for side in self.sides)
        value = where * difference(sides)
        slope = slope_at(where, self.share, self.value)
        se = _standard_error(where, value, slope, sides, self.n)
        low, high = _ends(where, value, slope, sides, self.n, alpha)
        return Estimate(float(value[0]), float(se[0]), float(low[0]), float(high[0]))

    def band(self, alpha: float) -> tuple[Floats, Floats]:
        """Ends of the intervals at `share`."""
        share, value = self.share[1:], self.value[1:]
        slope = slope_at(share, share, value)
        low, high = _ends(share, value, slope, self.sides, self.n, alpha)
        return np.append(0.0, low), np.append(0.0, high)

    def affine(self, scale: float, shift: float) -> CurveSums:
        """The curve of the outcomes ``scale · y``, plus `shift` for those of the arm."""
        arm, *control = self.sides
        sides = (arm.affine(scale, shift), *(side.affine(scale, 0.0) for side in control))
        share = self.share[1:]
        value = scale * self.value[1:] + shift * share
        return self._build(share, value, sides, self.n, self.ties)


def scaled(found: Estimate, factor: float) -> Estimate:
    """The estimate `factor` times, above 0."""
    ends = found.value, found.se, found.ci_lower, found.ci_upper
    return Estimate(*(factor * end for end in ends))


def difference(sides: tuple[Side, ...]) -> Floats:
    """Mean of the arm less mean of control, if there is a control."""
    effect = sides[0].mean()
    for control in sides[1:]:
        effect = effect - control.mean()
    return effect


def slope_at(at: Floats, share: Floats, value: Floats) -> Floats:
    """V′, from a window of a tenth of the population: it only scales a minor variance."""
    low, high = np.clip(at - 0.05, 0, 1), np.clip(at + 0.05, 0, 1)
    rise = np.interp(high, share, value) - np.interp(low, share, value)
    return np.asarray(rise / (high - low))


def _standard_error(
    share: Floats, value: Floats, slope: Floats, sides: tuple[Side, ...], n: int
) -> Floats:
    """Standard errors of V: noise of the means, and of the cut between targeted and not."""
    variance = sum(side.mean_variance() for side in sides)
    return np.asarray(np.sqrt(share**2 * variance + _of_cut(share, value, slope, n)))


def _of_cut(share: Floats, value: Floats, slope: Floats, n: int) -> Floats:
    """Variance of V from the cut moving with the sample."""
    return np.asarray((slope - value / share) ** 2 * share * (1 - share) / n)


def _ends(
    share: Floats, value: Floats, slope: Floats, sides: tuple[Side, ...], n: int, alpha: float
) -> tuple[Floats, Floats]:
    """Ends of intervals of V, from those of the two means (Newcombe's method)."""
    cut = normal_quantile(alpha) ** 2 * _of_cut(share, value, slope, n)
    below, above = difference_reach(sides, alpha)
    return (
        np.asarray(value - np.sqrt((share * below) ** 2 + cut)),
        np.asarray(value + np.sqrt((share * above) ** 2 + cut)),
    )


def difference_reach(sides: tuple[Side, ...], alpha: float) -> tuple[Floats, Floats]:
    """How far an interval of `difference` reaches below and above it.

    References
    ----------
    Newcombe (1998). Interval estimation for the difference between independent proportions.
    Statistics in Medicine 17, 873-890, method 10.
    """
    below, above = sides[0].reach(alpha)
    for control in sides[1:]:
        less, more = control.reach(alpha)
        below, above = np.hypot(below, more), np.hypot(above, less)
    return below, above
