"""A number with its uncertainty."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
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


def wilson(count: ArrayLike, size: ArrayLike, *, alpha: float = 0.05) -> tuple[Floats, Floats]:
    """Lower and upper end of Wilson's interval of count/size; NaN where size is 0.

    References
    ----------
    E. B. Wilson (1927), "Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22, 209-212.

    Examples
    --------
    >>> lower, upper = wilson([10], [100])
    >>> print(f"{lower[0]:.3f} to {upper[0]:.3f}")
    0.055 to 0.174
    """
    x, n = np.asarray(count, dtype=float), np.asarray(size, dtype=float)
    z2 = normal_quantile(alpha) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = (x + z2 / 2) / (n + z2)
        half = np.sqrt(z2 * (x * (n - x) / n + z2 / 4)) / (n + z2)
    return np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)
