"""How far a mix has moved between two days."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from marketing_ds._core.stability import psi_of_shares


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
