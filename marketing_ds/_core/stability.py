"""The population stability index: how far a distribution has moved."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtri

WATCH_PSI, ALARM_PSI = 0.1, 0.25
"""From the first a distribution has shifted, from the second it is another one (Siddiqi 2006)."""


def psi_of_shares(before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    """PSI = Σ (q − p) ln(q/p) over the values of a tag, with all shares above 0.

    References
    ----------
    N. Siddiqi (2006), "Credit Risk Scorecards", Wiley, chapter 8.
    """
    return float(((after - before) * np.log(after / before)).sum())


def psi(before: ArrayLike, after: ArrayLike) -> float:
    """The population stability index of a mix; NaN where either day has nobody.

    Half a customer is added to every value on both days, so that a value that comes or goes counts
    much but not infinitely.

    Parameters
    ----------
    before, after : array_like of int, shape (k,)
        Customers by value.

    Examples
    --------
    >>> f"{psi([500, 300, 200], [400, 300, 300]):.3f}"
    '0.063'
    """
    x, y = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    if x.sum() == 0 or y.sum() == 0:
        return float("nan")
    p, q = ((n + 0.5) / (n.sum() + 0.5 * len(n)) for n in (x, y))
    return psi_of_shares(p, q)


def psi_by_chance(before: int, after: int, values: int, alpha: float) -> float:
    """The PSI that two samples of one distribution stay below with probability 1 − `alpha`.

    PSI is then about (1/n + 1/m) times a χ² with one degree of freedom less than there are values
    (Yurdakul and Naranjo 2020). Customers who stay make it smaller, so the bound is on the safe
    side.

    Parameters
    ----------
    before, after : int
        Sizes of the two samples.
    values : int
        Values that the tag has.

    References
    ----------
    B. Yurdakul and J. Naranjo (2020), "Statistical properties of the population stability index",
    Journal of Risk Model Validation 14(4), 89-100.
    """
    if values < 2:
        return 0.0
    return float(chdtri(values - 1.0, alpha)) * (1.0 / before + 1.0 / after)
