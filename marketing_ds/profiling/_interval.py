"""The interval of a TGI: the score interval of a ratio of two proportions.

An audience is part of its base, so their shares are not independent; those of the audience and of
*the rest* of the base are. With x of n customers in the audience, y of m in the rest, w = n/(n+m)
and φ the ratio of the two proportions,

    TGI/100 = (x/n) / ((x+y)/(n+m)) = 1 / (w + (1 − w)/φ),

which only grows with φ: the ends of the interval of φ, put into it, are the ends of the interval of
TGI. For φ we take the interval that inverts the score test (Koopman 1984), as Wilson's interval
does for one proportion. It needs no correction for empty cells, and leaves out 100 exactly when
the p-value, of the same test, is below alpha.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, chdtri

_Array = NDArray[np.float64]
_FARTHEST = 40.0
"""|log φ| beyond which no end is looked for: e⁴⁰ is more than any count."""
_STEPS = 80


def tgi_interval(
    audience: ArrayLike,
    audience_size: int,
    base: ArrayLike,
    base_size: int,
    *,
    alpha: float = 0.05,
) -> tuple[_Array, _Array, _Array, _Array]:
    """TGI of cells, with interval and p-value.

    Parameters
    ----------
    audience : array_like, shape (k,)
        Customers of the audience in each cell.
    audience_size : int
        Customers of the audience.
    base : array_like, shape (k,)
        Customers of the base (which the audience is part of) in each cell.
    base_size : int
        Customers of the base.
    alpha : float
        1 − level of the interval.

    Returns
    -------
    tgi, lower, upper, p_value : ndarray, each of shape (k,)
        100 is "as in the base"; the p-value is of that hypothesis, two-sided. Where the audience is
        the whole base, TGI is 100 by definition: the interval is [100, 100] and the p-value 1.

    References
    ----------
    P. A. R. Koopman (1984), "Confidence intervals for the ratio of two binomial proportions",
    Biometrics 40, 513-517.
    E. B. Wilson (1927), "Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22, 209-212.

    Examples
    --------
    >>> tgi, lower, upper, p = tgi_interval([30], 100, [150], 1000)
    >>> print(f"{tgi[0]:.0f} ({lower[0]:.0f} to {upper[0]:.0f}), p = {p[0]:.1e}")
    200 (149 to 257), p = 9.5e-06
    """
    x, both = np.asarray(audience, dtype=float), np.asarray(base, dtype=float)
    n, m = float(audience_size), float(base_size - audience_size)
    if m == 0:
        same = np.full_like(x, 100.0)
        return same, same.copy(), same.copy(), np.ones_like(x)
    tgi = 100.0 * (x / n) / (both / base_size)
    y = both - x
    limit = float(chdtri(1.0, alpha))
    lower = np.where(x > 0, _end(x, n, y, m, limit, below=True), 0.0)
    upper = np.where(y > 0, _end(x, n, y, m, limit, below=False), np.inf)
    p_value = np.asarray(chdtrc(1.0, _statistic(np.ones_like(x), x, n, y, m)), dtype=float)
    w = n / base_size
    return tgi, 100.0 * _tgi_of(lower, w), 100.0 * _tgi_of(upper, w), p_value


def _tgi_of(ratio: _Array, w: float) -> _Array:
    with np.errstate(divide="ignore"):
        value: _Array = 1.0 / (w + (1.0 - w) / ratio)
    return value


def _end(x: _Array, n: float, y: _Array, m: float, limit: float, *, below: bool) -> _Array:
    """Where the statistic reaches `limit`, below or above the observed ratio; by bisection."""
    with np.errstate(divide="ignore", invalid="ignore"):
        observed = np.clip(np.log((x / n) / (y / m)), -_FARTHEST, _FARTHEST)
    observed = np.nan_to_num(observed)
    inside, outside = observed, np.full_like(observed, -_FARTHEST if below else _FARTHEST)
    for _ in range(_STEPS):
        middle = (inside + outside) / 2.0
        accepted = _statistic(np.exp(middle), x, n, y, m) <= limit
        inside, outside = np.where(accepted, middle, inside), np.where(accepted, outside, middle)
    end: _Array = np.exp((inside + outside) / 2.0)
    return end


def _statistic(ratio: _Array, x: _Array, n: float, y: _Array, m: float) -> _Array:
    """Koopman's χ² of the hypothesis that the proportions' ratio is `ratio`."""
    a = ratio * (n + y) + x + m
    root = np.sqrt(np.maximum(a * a - 4.0 * ratio * (n + m) * (x + y), 0.0))
    first = 2.0 * ratio * (x + y) / (a + root)  # the likeliest first proportion given `ratio`
    return _pearson(x, n, np.minimum(first, 1.0)) + _pearson(y, m, np.minimum(first / ratio, 1.0))


def _pearson(count: _Array, size: float, p: _Array) -> _Array:
    """(observed − expected)² / variance; 0 where the expectation is certain and met."""
    with np.errstate(divide="ignore", invalid="ignore"):
        value = (count - size * p) ** 2 / (size * p * (1.0 - p))
    return np.nan_to_num(value, nan=0.0, posinf=np.inf)
