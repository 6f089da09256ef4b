"""What BG/NBD expects, as formulas of its four parameters that are safe for every history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, betaln, expit, gammaln, hyp2f1

from ._clv_fit import Floats

_NEAR_ONE = 1e-4


@dataclass(frozen=True, eq=False)
class Past:
    """Purchase histories; the slow formulas are computed once a frequency and age."""

    frequency: Floats
    recency: Floats
    T: Floats

    @cached_property
    def pairs(self) -> tuple[Floats, Floats, NDArray[np.intp]]:
        """Distinct (frequency, age), and for each customer which of them is theirs."""
        counts, by_count = np.unique(self.frequency, return_inverse=True)
        ages, by_age = np.unique(self.T, return_inverse=True)
        codes, row = np.unique(by_count * len(ages) + by_age, return_inverse=True)
        return counts[codes // len(ages)], ages[codes % len(ages)], row

    def p_alive(self, parameters: ArrayLike) -> Floats:
        """The chance that each customer has not left yet; 1 without a repeat purchase."""
        r, alpha, a, b = np.asarray(parameters, dtype=np.float64)
        x = self.frequency
        odds = (r + x) * np.log((alpha + self.T) / (alpha + self.recency))
        odds += np.log(a / (b + np.maximum(x, 1) - 1))
        return np.asarray(np.where(x > 0, expit(-odds), 1.0))

    def expected(self, parameters: ArrayLike, horizons: Sequence[float]) -> Floats:
        """Expected purchases of each customer within each horizon, shape (horizons, n).

        Fader, Hardie and Lee (2005), eq. 10.
        """
        x, age, row = self.pairs
        alive = self.p_alive(parameters)
        theta = np.asarray(parameters, dtype=np.float64)
        return np.array([alive * _while_alive(theta, x, age, h)[row] for h in horizons])


def mean_purchases(parameters: ArrayLike, t: Floats) -> Floats:
    """Expected repeat purchases in time t of a new customer, who surely has not left; eq. 9."""
    r, alpha, a, b = np.asarray(parameters, dtype=np.float64)
    return _transformed(a, lambda a: a + b - 1, r, t / (alpha + t))


def _while_alive(theta: Floats, x: Floats, age: Floats, horizon: float) -> Floats:
    """Expected purchases of one who has not left yet."""
    r, alpha, a, b = theta
    return _transformed(a, lambda a: a + b + x - 1, r + x, horizon / (alpha + age + horizon))


def _transformed(
    a: float, c_of: Callable[[float], Floats | float], shape: Floats | float, z: Floats | float
) -> Floats:
    """c/(a−1) · [1 − (1−z)^shape · ₂F₁(shape, c−a+1; c; z)].

    The function overflows for frequent customers. By Euler's transformation the product is
    (1−z)^(a−1) · ₂F₁(c−shape, a−1; c; z), whose terms stay small. Next to a = 1 the formula is 0/0
    though smooth: there a straight line is laid through it.
    """

    def at(a: float) -> Floats:
        c = c_of(a)
        return np.asarray(c / (a - 1) * (1 - (1 - z) ** (a - 1) * hyp2f1(c - shape, a - 1, c, z)))

    if abs(a - 1) >= _NEAR_ONE:
        return at(a)
    low, high = at(1 - _NEAR_ONE), at(1 + _NEAR_ONE)
    return np.asarray(low + (high - low) * (a - 1 + _NEAR_ONE) / (2 * _NEAR_ONE))


def frequency_chances(parameters: ArrayLike, t: Floats, most: int) -> Floats:
    """Chances of 0, 1, …, `most` and more repeat purchases in t, shape (n, most + 2); eq. 8."""
    r, alpha, a, b = np.asarray(parameters, dtype=np.float64)
    n = np.arange(1.0, most + 1)
    t = t[:, None]
    none = (alpha / (alpha + t)) ** r
    bought = t / (alpha + t)
    with np.errstate(divide="ignore"):
        count = gammaln(r + n) - gammaln(r) - gammaln(n + 1) + n * np.log(bought)
    stayed = np.exp(betaln(a, b + n) - betaln(a, b) + count) * none
    # Left with the n-th purchase: n or more would have come in time t.
    left = np.exp(betaln(a + 1, b + n - 1) - betaln(a, b)) * betainc(n, r, bought)
    share = np.column_stack([none, stayed + left])
    return np.column_stack([share, np.maximum(1 - share.sum(axis=1), 0)])
