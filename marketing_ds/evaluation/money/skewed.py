"""Differences of money that few customers decide, in arms of unequal size.

As `marketing_ds.evaluation.inference.skewed`, for several columns that move together: of the column
that few customers decide, a small arm's variance is drawn towards what all arms tell, at the mean
that the supposed difference gives it, and statistics are corrected for skewness.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import brentq

from marketing_ds.evaluation.engine import FloatArray
from marketing_ds.evaluation.inference.roots import outward
from marketing_ds.evaluation.inference.skewed import Shape
from marketing_ds.evaluation.inference.skewness import unskewed

from .joint import Contrast, Joint
from .ratios import RatioSet

_STEPS = 48
"""Of half a turn around the estimate: how finely a set of ratios is searched for its ends."""
_NOTHING = 1e-12
"""Share of a variance that is what rounding left."""


@dataclass(frozen=True)
class SkewedContrast:
    """k differences between arms, of which few customers decide one.

    Attributes
    ----------
    contrast : Contrast
    joints : mapping
        By arm.
    weights : mapping
        Arm → weight in the contrast: those given sum to 1, control has −1.
    column : int
        The difference that few decide.
    shape : Shape
        How customers differ in that column.
    """

    contrast: Contrast
    joints: Mapping[str, Joint]
    weights: Mapping[str, float]
    column: int
    shape: Shape

    def statistic(self, along: FloatArray, supposed: float = 0.0) -> float:
        """Standard errors from Σ along × difference to the value supposed of it."""
        value, c = self.contrast.value, self.column
        rest = float(along @ value) - along[c] * value[c]
        difference = (supposed - rest) / along[c] if along[c] else float(value[c])
        variance, third, told, _ = self._spread(along, difference)
        distance = float(along @ value) - supposed
        if variance <= 0:
            return math.copysign(math.inf, distance) if distance else 0.0
        cubed = variance**1.5
        return unskewed(distance / math.sqrt(variance), third / cubed, told / cubed)

    def spread(self, along: FloatArray) -> tuple[float, float]:
        """Variance of Σ along × difference as estimated, and its degrees of freedom."""
        variance, _, _, squares = self._spread(along, float(self.contrast.value[self.column]))
        return variance, variance**2 / squares if squares > 0 else math.inf

    def interval(self, along: FloatArray, quantile: float) -> tuple[float, float]:
        """All values of Σ along × difference within `quantile` standard errors."""
        at, step = float(along @ self.contrast.value), math.sqrt(self.spread(along)[0])
        return (
            outward(lambda v: self.statistic(along, v) - quantile, at, -step),
            outward(lambda v: self.statistic(along, v) + quantile, at, step),
        )

    def ratio_set(self, above: int, below: int, quantile: float) -> RatioSet:
        """All ratios above / below within `quantile` standard errors; `below` is not 0.

        Ratios are walked through as directions, from the estimate both ways, until one is rejected.
        The infinite one is among them: where it is not rejected, the set has two pieces.
        """
        y, x = float(self.contrast.value[above]), float(self.contrast.value[below])
        start, across = self._directions(above, below)

        def beyond(angle: float) -> float:
            return quantile - abs(
                self.statistic(math.cos(angle) * start - math.sin(angle) * across)
            )

        estimate, ends = y / x if x > 0 else math.nan, []
        for step in (-math.pi / _STEPS, math.pi / _STEPS):
            passed = next((i for i in range(1, _STEPS + 1) if beyond(i * step) < 0), None)
            if passed is None:
                return RatioSet(estimate, "everything", -math.inf, math.inf)
            at = float(brentq(beyond, (passed - 1) * step, passed * step, xtol=1e-14))
            end = math.cos(at) * start - math.sin(at) * across
            ends.append(-float(end[below] / end[above]))
        infinite = np.eye(len(start))[below]
        pieces: Literal["outside", "interval"] = (
            "outside" if abs(self.statistic(infinite)) <= quantile else "interval"
        )
        return RatioSet(estimate, pieces, min(ends), max(ends))

    def _directions(self, above: int, below: int) -> tuple[FloatArray, FloatArray]:
        """That of the estimated ratio and the one farthest from it, both with an error of 1.

        Without any skewness a statistic is its greatest one × the sine of the angle in between.
        """
        one = np.eye(len(self.contrast.value))
        level = self.contrast.value[above] / self.contrast.value[below]
        start, across = one[above] - level * one[below], one[below]
        own, other, both = (self.spread(w)[0] for w in (start, across, start + across))
        slope = (both - own - other) / 2 / own if own > 0 else 0.0
        across = across - slope * start
        left = self.spread(across)[0]
        start = start / math.sqrt(own) if own > 0 else start
        return start, across / math.sqrt(left) if left > _NOTHING * other else across / abs(
            self.contrast.value[below]
        )

    def _spread(self, along: FloatArray, difference: float) -> tuple[float, float, float, float]:
        """Variance, third moment, its part that the own variances tell of, Σ variance² / freedom."""
        c, means = self.column, self._means(difference)
        variance = third = told = squares = 0.0
        for arm, (error, freedom) in zip(self.joints, self.contrast.parts, strict=True):
            weight, joint = self.weights.get(arm, 0.0), self.joints[arm]
            part, cubes, own = error, np.zeros((len(along),) * 3), 1.0
            if weight and joint.third is not None:
                own, size = self.shape.own_share(joint.n), self.shape.scale(means[arm])
                steady = own * error[c, c] + (1 - own) * weight**2 * (
                    self.shape.variance * size / joint.n
                )
                factor = np.ones(len(along))
                factor[c] = math.sqrt(steady / error[c, c]) if error[c, c] > 0 else 0.0
                part = error * np.outer(factor, factor)
                part[c, c] = steady
                cubes = weight**3 / joint.n**2 * joint.third
                both = weight**3 / joint.n**2 * self.shape.third * size
                cubes[c, c, c] = own * cubes[c, c, c] + (1 - own) * both
            mine = max(float(along @ part @ along), 0.0)
            cubed = float(((cubes @ along) @ along) @ along)
            variance, third, told = variance + mine, third + cubed, told + own * cubed
            squares += mine**2 / freedom
        return variance, third, told, squares

    def _means(self, difference: float) -> dict[str, float]:
        """The column's mean in every arm, were this the difference."""
        raw = {arm: float(joint.mean[self.column]) for arm, joint in self.joints.items()}
        given = {arm: w for arm, w in self.weights.items() if w > 0}
        (control,) = (arm for arm, w in self.weights.items() if w < 0)
        treated = sum(w * raw[arm] for arm, w in given.items())
        n, m = self.joints[control].n, sum(self.joints[arm].n for arm in given)
        base = (n * raw[control] + m * (treated - difference)) / (n + m)
        moved = base + difference - treated
        return {control: base} | {arm: raw[arm] + moved for arm in given}


def skewed_contrast(
    contrast: Contrast, joints: Mapping[str, Joint], weights: Mapping[str, float], column: int
) -> SkewedContrast | None:
    """The differences, where few customers decide one of them and arms are of unequal size."""
    mine = {arm: joints[arm] for arm in weights}
    if any(joint.third is None for joint in mine.values()):
        return None
    n = sum(joint.n for joint in mine.values())
    mean = variance = third = 0.0
    for (arm, joint), (error, _) in zip(joints.items(), contrast.parts, strict=True):
        if arm in mine and joint.third is not None:
            mean += joint.n * float(joint.mean[column]) / n
            variance += joint.n**2 * float(error[column, column]) / weights[arm] ** 2 / n
            third += joint.n * float(joint.third[column, column, column]) / n
    upward = all(bool(joint.least[column] >= 0) for joint in mine.values())
    shape = Shape(mean, variance, third, upward)
    (control,) = (joint.n for arm, joint in mine.items() if weights[arm] < 0)
    if not shape.matters(control, n - control):
        return None
    return SkewedContrast(contrast, joints, weights, column, shape)
