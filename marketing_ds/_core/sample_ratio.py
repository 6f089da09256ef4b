"""Sample-ratio mismatch: whether arms have the sizes that their probabilities gave them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, ndtr

ALPHA = 0.001
"""A mismatch is called below this p-value; the check looks for broken plumbing, not for effects."""


def sizes_p_value(found: ArrayLike, expected: ArrayLike) -> float:
    """Pearson's χ² test of the arms' sizes, where all customers had the same probabilities.

    Parameters
    ----------
    found, expected : array-like of shape (arms,)
        Customers, with the same sum.

    Examples
    --------
    >>> print(f"{sizes_p_value([5_000, 5_400], [5_200, 5_200]):.1e}")
    8.8e-05
    """
    x, e = np.asarray(found, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    return float(chdtrc(len(x) - 1.0, ((x - e) ** 2 / e).sum()))


def weights_p_value(customers: float, weight: ArrayLike, variance: ArrayLike) -> float:
    """The test where probabilities differ between customers.

    Σ 1/P(arm) over an arm's customers estimates the number of all customers: a z-test per arm,
    Bonferroni over arms.

    Parameters
    ----------
    customers : float
        All customers.
    weight, variance : array-like of shape (arms,)
        Σ 1/p and Σ (1 − p)/p² over the customers of each arm.

    Examples
    --------
    >>> weights_p_value(100.0, [100.0, 100.0], [30.0, 50.0])
    1.0
    """
    total, spread = np.asarray(weight, dtype=np.float64), np.asarray(variance, dtype=np.float64)
    known = spread > 0
    if not known.any():
        return 1.0
    z = np.abs(total[known] - customers) / np.sqrt(spread[known])
    return min(1.0, int(known.sum()) * float(2 * ndtr(-z.max())))
