"""A curve V over the share treated: its values and standard errors at any share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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
        where = np.array([share])
        sides = tuple(side.at(where * self.steps) for side in self.sides)
        value = where * difference(sides)
        slope = slope_at(where, self.share, self.value)
        return float(value[0]), float(_standard_error(where, value, slope, sides, self.n)[0])

    def affine(self, scale: float, shift: float) -> CurveSums:
        """The curve of the outcomes ``scale · y``, plus `shift` for those of the arm."""
        arm, *control = self.sides
        sides = (arm.affine(scale, shift), *(side.affine(scale, 0.0) for side in control))
        share = self.share[1:]
        value = scale * self.value[1:] + shift * share
        return self._build(share, value, sides, self.n, self.ties)


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
    cut = (slope - value / share) ** 2 * share * (1 - share) / n
    return np.asarray(np.sqrt(share**2 * variance + cut))
