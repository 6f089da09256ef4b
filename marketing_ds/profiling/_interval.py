"""The interval of a TGI: the score interval of a ratio of two shares, however the two sides overlap.

The shares of an audience and of its base are not independent where customers belong to both. The
customers of the audience alone, of both, and of the base alone are: three groups, each with a
proportion of its own. Where only two of the groups have customers, as for an audience that is part
of its base or for two audiences that share nobody, TGI is a function of φ, the ratio of the two
proportions: with w the part of the base that is also in the audience,

    TGI/100 = 1 / (w + (1 − w)/φ),

which only grows with φ: the ends of the interval of φ, put into it, are the ends of the interval of
TGI. For φ we take the interval that inverts the score test (Koopman 1984), as Wilson's interval
does for one proportion. It needs no correction for empty cells, and leaves out 100 exactly when
the p-value, of the same test, is below alpha. Three groups are compared by the same test: see
`_overlapping`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, chdtri

from ._overlapping import Group, ratio_statistic

_Array = NDArray[np.float64]
_FARTHEST = 40.0
"""|log ratio| beyond which no end is looked for: e⁴⁰ is more than any count."""
_STEPS = 60
_Ends = tuple[_Array, _Array, _Array]


def tgi_interval(
    audience: ArrayLike,
    audience_size: int,
    base: ArrayLike,
    base_size: int,
    *,
    shared: ArrayLike | None = None,
    shared_size: int | None = None,
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
        Customers of the base, or of a second audience, in each cell.
    base_size : int
        Customers of the base.
    shared : array_like, shape (k,), optional
        Customers of both in each cell; by default the whole audience is part of the base.
    shared_size : int, optional
        Customers of both; 0 for two audiences that share nobody.
    alpha : float
        1 − level of the interval.

    Returns
    -------
    tgi, lower, upper, p_value : ndarray, each of shape (k,)
        100 is "as in the base"; the p-value is of that hypothesis, two-sided. Where the audience is
        the whole base, TGI is 100 by definition: the interval is [100, 100] and the p-value 1.
        Where nobody of a second audience is in a cell, TGI has no upper end: it is infinite.

    References
    ----------
    P. A. R. Koopman (1984), "Confidence intervals for the ratio of two binomial proportions",
    Biometrics 40, 513-517.
    A. Martín Andrés, M. Álvarez Hernández, I. Herranz Tejedor (2011), "Inferences about a linear
    combination of proportions", Statistical Methods in Medical Research 20, 369-387.
    E. B. Wilson (1927), "Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22, 209-212.

    Examples
    --------
    >>> tgi, lower, upper, p = tgi_interval([30], 100, [150], 1000)
    >>> print(f"{tgi[0]:.0f} ({lower[0]:.0f} to {upper[0]:.0f}), p = {p[0]:.1e}")
    200 (149 to 257), p = 9.5e-06
    >>> tgi, lower, upper, p = tgi_interval([30], 100, [150], 1000, shared=[0], shared_size=0)
    >>> print(f"{tgi[0]:.0f} ({lower[0]:.0f} to {upper[0]:.0f}), p = {p[0]:.1e}")
    200 (141 to 275), p = 1.1e-04
    """
    first, second = np.asarray(audience, dtype=float), np.asarray(base, dtype=float)
    both = first if shared is None else np.asarray(shared, dtype=float)
    n, m = float(audience_size), float(base_size)
    common = n if shared_size is None else float(shared_size)
    with np.errstate(divide="ignore", invalid="ignore"):
        tgi = 100.0 * (first / n) / (second / m)
    limit = float(chdtri(1.0, alpha))
    if n == m == common:
        same = np.full_like(first, 100.0)
        return same, same.copy(), same.copy(), np.ones_like(first)
    if common in (0.0, n):
        lower, upper, p_value = _of_two(first, n, second - both, m - common, common / m, limit)
    else:
        groups = (
            Group(first - both, n - common, 1 / n, 0.0),
            Group(both, common, 1 / n, 1 / m),
            Group(second - both, m - common, 0.0, 1 / m),
        )
        lower, upper, p_value = _of_three(groups, tgi, limit)
    # Where nobody of the rest is in the cell, the end is the TGI itself, up to the last digit.
    return tgi, np.fmin(lower, tgi), np.fmax(upper, tgi), p_value


def _of_two(x: _Array, n: float, y: _Array, m: float, w: float, limit: float) -> _Ends:
    """Ends and p-value where x of n and y of m are independent, and w of the base is shared."""

    def statistic(ratio: _Array) -> _Array:
        return _koopman(ratio, x, n, y, m)

    with np.errstate(divide="ignore", invalid="ignore"):
        observed = np.log((x / n) / (y / m))
    lower = np.where(x > 0, _end(statistic, observed, limit, below=True), 0.0)
    upper = np.where(y > 0, _end(statistic, observed, limit, below=False), np.inf)
    p_value = np.asarray(chdtrc(1.0, statistic(np.ones_like(x))), dtype=float)
    return 100.0 * _shrunk(lower, w), 100.0 * _shrunk(upper, w), p_value


def _shrunk(ratio: _Array, w: float) -> _Array:
    """TGI/100 for a ratio of two proportions."""
    with np.errstate(divide="ignore"):
        value: _Array = 1.0 / (w + (1.0 - w) / ratio)
    return value


def _of_three(groups: tuple[Group, ...], tgi: _Array, limit: float) -> _Ends:
    """Ends and p-value where some customers are in both, and some in one side only."""

    def statistic(ratio: _Array) -> _Array:
        return ratio_statistic(groups, ratio)

    with np.errstate(divide="ignore"):
        observed = np.log(tgi / 100.0)
    lower = np.where(tgi > 0, _end(statistic, observed, limit, below=True), 0.0)
    upper = np.where(np.isinf(tgi), np.inf, _end(statistic, observed, limit, below=False))
    p_value = np.asarray(chdtrc(1.0, statistic(np.ones_like(tgi))), dtype=float)
    return 100.0 * lower, 100.0 * upper, p_value


def _end(
    statistic: Callable[[_Array], _Array], observed: _Array, limit: float, *, below: bool
) -> _Array:
    """Where the statistic reaches `limit`, below or above the observed log ratio; by bisection."""
    inside = np.clip(np.nan_to_num(observed), -_FARTHEST, _FARTHEST)
    outside = np.full_like(inside, -_FARTHEST if below else _FARTHEST)
    for _ in range(_STEPS):
        middle = (inside + outside) / 2.0
        accepted = statistic(np.exp(middle)) <= limit
        inside, outside = np.where(accepted, middle, inside), np.where(accepted, outside, middle)
    end: _Array = np.exp((inside + outside) / 2.0)
    return end


def _koopman(ratio: _Array, x: _Array, n: float, y: _Array, m: float) -> _Array:
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
