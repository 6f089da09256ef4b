"""The effect relative to control, as a share of its mean: Fieller's set, or the delta method."""

from __future__ import annotations

import math

Interval = tuple[float, float]
EVERYTHING: Interval = (-math.inf, math.inf)


def fieller(
    above: float,
    below: float,
    above_variance: float,
    below_variance: float,
    quantile: float,
    covariance: float = 0.0,
) -> Interval:
    """All ratios above / below that the data do not reject; unbounded where below may be 0.

    Where the set is everything outside an interval, the least interval that holds it is given: the
    whole line.

    Parameters
    ----------
    above, below : float
        Estimates of numerator and denominator.
    above_variance, below_variance, covariance : float
        Of the estimates.
    quantile : float
        Standard errors of the wanted confidence; infinite where nothing may be concluded.

    References
    ----------
    Fieller (1954), Some problems in interval estimation, JRSS B 16.

    Examples
    --------
    >>> low, high = fieller(12, 10, 0.25, 0.16, 1.96)
    >>> print(f"{low:.3f} to {high:.3f}")
    1.071 to 1.344
    >>> fieller(12, 0.1, 0.25, 0.16, 1.96)
    (-inf, inf)
    """
    if below == 0 or math.isinf(quantile):
        return EVERYTHING
    a = below**2 - quantile**2 * below_variance
    if a <= 0:
        return EVERYTHING
    b = above * below - quantile**2 * covariance
    c = above**2 - quantile**2 * above_variance
    root = math.sqrt(max(b * b - a * c, 0.0))
    return (b - root) / a, (b + root) / a
