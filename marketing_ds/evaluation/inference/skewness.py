"""A skewed statistic on the scale of a normal one."""

from __future__ import annotations

import math

_NEAR = 1e-6
_MOST = 0.3
"""Most skewness that is corrected of a studentised statistic: the correction is for small ones."""
_FLAT = 1e-9


def cornish_fisher(score: float, skewness: float) -> float:
    """The z whose quantile, by Cornish and Fisher with a sixth of the skewness, is the score.

    For an error that is known, or estimated from customers other than those who decide the score.
    """
    if abs(skewness) < _NEAR:
        return score
    inside = 1 + 4 * skewness * (score + skewness)
    return (math.sqrt(max(inside, 0.0)) - 1) / (2 * skewness)


def unskewed(statistic: float, third: float, along: float) -> float:
    """A studentised statistic on the scale of a normal one, to the first order of its skewness.

    Parameters
    ----------
    statistic : float
    third : float
        Third central moment of the estimate over its standard error cubed.
    along : float
        Covariance of the estimate and its own estimated variance, over the error cubed: the same
        as `third`, but for the part of the variance that other customers told.

    References
    ----------
    Johnson (1978), Modified t tests and confidence intervals for asymmetrical populations, JASA 73.
    Hall (1992), On the removal of skewness by transformation, JRSS B 54. Zhou, Dinh (2005),
    Nonparametric confidence intervals for the one- and two-sample problems, Biostatistics 6.
    """
    cut = min(1.0, _MOST / abs(third)) if third else 1.0
    bend, shift = (3 * along - third) * cut / 6, along * cut / 2
    if abs(bend) < _FLAT:
        return statistic + shift
    return ((1 + bend * statistic) ** 3 - 1) / (3 * bend) + shift - bend
