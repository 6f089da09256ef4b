"""Who moves an area of the curve, and by how much: influence functions, and the variances they give.

The influence on V(φ) = φ·(μ₁(φ) − μ₀(φ)), at a fixed φ, of a customer of rank r, arm t and weight w
is ``φ/B₁·w·t·(y − μ₁)·1{r ≤ φ} − φ/B₀·w·(1 − t)·(y − μ₀)·1{r ≤ φ} + (V′ − V/φ)·(φ − 1{r ≤ φ})``
with B the mean weight within the top φ; the last part comes from the cut moving with the sample.
An area ∫a(φ)·V(φ)dφ has the integral of it. That needs no derivative: up to a constant, the last
part integrates to ``a(r)·V(r) + ∫_r^1 (a′ + a/φ)·V dφ``.

References
----------
Yadlowsky, Fleming, Shah, Brunskill, Wager (2025). Evaluating treatment prioritization rules via
rank-weighted average treatment effects. JASA 120.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from marketing_ds._core.estimate import Estimate

from ..arms import Floats
from .ranking import Ranking, hold
from .sums import Side, divide


@dataclass(frozen=True)
class Influence:
    """What a customer at each step of a ranking adds: ``sign · w · (y · slope − level) + cut``.

    Attributes
    ----------
    slope, level : tuple of ndarray of shape (steps,)
        One array a side: the arm, and control.
    cut : ndarray of shape (steps,)
        The part that the customer has by being there, whatever the outcome.
    """

    slope: tuple[Floats, ...]
    level: tuple[Floats, ...]
    cut: Floats

    def plus(self, other: Influence, times: float) -> Influence:
        """The influence on a sum of two numbers, the second `times` taken."""
        return Influence(
            tuple(a + times * b for a, b in zip(self.slope, other.slope, strict=True)),
            tuple(a + times * b for a, b in zip(self.level, other.level, strict=True)),
            self.cut + times * other.cut,
        )

    @classmethod
    def nothing(cls, ranking: Ranking) -> Influence:
        """Of customers who move nothing."""
        zero = np.zeros(ranking.steps)
        sides = tuple(zero for _ in ranking.sides)
        return cls(sides, sides, zero)

    def by_customer(self, ranking: Ranking) -> Floats:
        """Influence of each customer, centred, in the order of the rows handed in."""
        ties = ranking.ties_of_steps
        ordered = _to_customers(ties.spread(self.cut), ranking.n)
        for (sign, member, y, w), slope, level in zip(
            ranking.members(), self.slope, self.level, strict=True
        ):
            own = y * _to_customers(ties.spread(slope), ranking.n)
            own -= _to_customers(ties.spread(level), ranking.n)
            own *= sign * (member * w)
            ordered += own
        ordered -= ordered.mean()
        influence = np.empty(ranking.n)
        influence[ranking.order] = ordered
        return influence

    def estimate(self, ranking: Ranking, value: float, alpha: float) -> Estimate:
        """`value` with the standard error that the influences give.

        Past the grid customers of one step share their coefficients, and sums by step say it all.
        """
        n = ranking.n
        if ranking.steps == n:
            return Estimate.from_influence(value, self.by_customer(ranking), alpha=alpha)
        ties = ranking.ties_of_steps
        cut = ties.spread(self.cut)
        total = square = 0.0
        for (sign, side), by_slope, by_level in zip(
            ranking.signed(), self.slope, self.level, strict=True
        ):
            slope, level, sums = ties.spread(by_slope), ties.spread(by_level), side.steps()
            own = slope * sums.outcome - level * sums.weight
            squares = slope**2 * sums.square2 + level**2 * sums.weight2
            squares -= 2 * slope * level * sums.outcome2
            total += sign * own.sum()
            square += squares.sum() + 2 * sign * (own @ cut)
        total += n * cut.mean()
        square += n * (cut**2).mean()
        variance = max(square - total**2 / n, 0.0) / n**2
        return Estimate.normal(value, float(np.sqrt(variance)), alpha=alpha)


def of_auuc(ranking: Ranking) -> Influence:
    """On ∫V: a = 1."""
    area = np.full(ranking.steps, 1.0 / ranking.steps)
    area[-1] /= 2  # V(0) = 0 is the other end
    return _of_area(ranking, area * ranking.share, ranking.value() + _to_end(area * ranking.effect))


def of_autoc(ranking: Ranking) -> Influence:
    """On ∫V/φ − V(1): a = 1/φ."""
    area = np.full(ranking.steps, 1.0 / ranking.steps)
    return _of_area(ranking, area, ranking.effect).plus(of_average(ranking), -1.0)


def of_average(ranking: Ranking) -> Influence:
    """On V(1)."""
    return of_value(ranking, 1.0, 0.0)


def of_value(ranking: Ranking, share: float, slope: float) -> Influence:
    """On V(share), where V rises by `slope`."""
    inside = np.clip(share * ranking.steps - np.arange(ranking.steps), 0.0, 1.0)
    at = np.array([share * ranking.steps])
    scales, levels, value = [], [], 0.0
    for sign, side in ranking.signed():
        there = side.at(at)
        mean = float(there.mean()[0])
        scale = share * ranking.n * float(divide(there.inflation(), there.weight)[0])
        value += sign * share * mean
        scales.append(scale * inside)
        levels.append(scale * mean * inside)
    return Influence(tuple(scales), tuple(levels), -(slope - value / share) * inside)


def _of_area(ranking: Ranking, weight: Floats, cut: Floats) -> Influence:
    slopes, levels = [], []
    for _, side in ranking.signed():
        # The top counts much, and holds few customers, to whom their own mean is close: residuals
        # are inflated, and the mean of the first two stands for that of the first. A side of one
        # customer in all leaves no standard error.
        inflation = side.inflation()
        mean = np.where(np.isfinite(inflation), side.mean(), np.nan)
        scale = weight * hold(_scale(side, ranking.n)) * hold(inflation)
        slopes.append(_to_end(scale))
        levels.append(_to_end(scale * hold(mean)))
    return Influence(tuple(slopes), tuple(levels), cut)


def _scale(side: Side, n: int) -> Floats:
    """n/W, NaN where nobody is."""
    with np.errstate(divide="ignore"):
        scale = n / side.weight
    scale[~np.isfinite(scale)] = np.nan
    return np.asarray(scale)


def _to_end(values: Floats) -> Floats:
    """Sums from each position to the end."""
    return np.asarray(np.cumsum(values[::-1])[::-1])


def _to_customers(by_step: Floats, n: int) -> Floats:
    """Values by step, at the customers of the steps."""
    steps = len(by_step)
    if steps == n:
        return by_step.copy()
    edges = np.ceil(np.linspace(0, n, steps + 1) - 0.5).astype(np.intp)
    return np.repeat(by_step, np.diff(edges))
