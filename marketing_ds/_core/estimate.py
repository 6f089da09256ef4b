"""A number with its uncertainty."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """An estimate with standard error and confidence interval; ``float()`` gives the value.

    Examples
    --------
    >>> Estimate.normal(0.02, 0.01, alpha=0.05)
    Estimate(value=0.02, se=0.01, ci_lower=0.0004004, ci_upper=0.0396)
    """

    value: float
    se: float
    ci_lower: float
    ci_upper: float

    @classmethod
    def normal(
        cls,
        value: float,
        se: float,
        *,
        alpha: float,
        low: float = -math.inf,
        high: float = math.inf,
    ) -> Estimate:
        """From value and standard error, by the normal approximation, cut at `low` and `high`."""
        half = normal_quantile(alpha) * se
        ends = max(low, float(value - half)), min(high, float(value + half))
        return cls(float(value), float(se), *ends)

    @classmethod
    def from_influence(cls, value: float, influence: Floats, *, alpha: float) -> Estimate:
        """From value and the influence of each of the n customers on it."""
        n = len(influence)
        centred = influence - influence.mean()
        return cls.normal(value, math.sqrt(float(centred @ centred)) / n, alpha=alpha)

    @property
    def p_value(self) -> float:
        """Two-sided p-value of the hypothesis that the true value is 0."""
        if self.se == 0:
            return 1.0 if self.value == 0 else 0.0
        return float(2 * ndtr(-abs(self.value) / self.se))

    def __float__(self) -> float:
        return self.value

    def __repr__(self) -> str:
        fields = ("value", "se", "ci_lower", "ci_upper")
        return f"Estimate({', '.join(f'{name}={getattr(self, name):.4g}' for name in fields)})"


def normal_quantile(alpha: float) -> float:
    """Half the width, in standard errors, of a two-sided interval at level ``1 - alpha``."""
    return float(-ndtri(alpha / 2))


def interval(value: Floats, se: Floats, alpha: float) -> tuple[Floats, Floats]:
    """Lower and upper ends for arrays of estimates."""
    half = normal_quantile(alpha) * se
    return np.asarray(value - half), np.asarray(value + half)
