"""Log-likelihoods of BG/NBD and Gamma-Gamma, with exact first and second derivatives.

Whatever depends on a customer's number of purchases alone (the gamma functions, which are slow) is
computed once a number.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln, zeta

from ._clv_data import Histories
from ._clv_fit import Derivatives, Floats


class BetaGeoLikelihood:
    """Of Poisson purchases at gamma rates, ended after any repeat purchase with beta chances.

    With x repeat purchases, the last at t_x, in the time T since the first (Fader, Hardie and Lee
    2005, eq. 6), the likelihood of one customer is

        A(x) · [ (α+T)^−(r+x) + 1{x>0} · a/(b+x−1) · (α+t_x)^−(r+x) ],
        A(x) = Γ(r+x) α^r / Γ(r) · Γ(a+b) Γ(b+x) / (Γ(b) Γ(a+b+x)).

    The sum in brackets is taken as a log-sum-exp: its terms underflow from some hundred purchases.
    """

    def __init__(self, histories: Histories) -> None:
        self._of = histories
        self._x, self._row = np.unique(histories.frequency, return_inverse=True)
        self._n = np.bincount(self._row, histories.weight)
        self._repeat = histories.frequency > 0
        self._less_one = np.maximum(histories.frequency, 1.0) - 1.0

    def __call__(self, theta: Floats) -> Derivatives:
        """Log-likelihood, gradient and Hessian in (r, α, a, b)."""
        counts, times = self._counts(*theta), self._times(*theta)
        return counts[0] + times[0], counts[1] + times[1], counts[2] + times[2]

    def _counts(self, r: float, alpha: float, a: float, b: float) -> Derivatives:
        """log A(x), summed over customers."""
        x, n = self._x, self._n
        value = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        value += gammaln(a + b) - gammaln(a + b + x) + gammaln(b + x) - gammaln(b)
        both = digamma(a + b) - digamma(a + b + x)
        by_r = digamma(r + x) - digamma(r) + np.log(alpha)
        by_b = both + digamma(b + x) - digamma(b)
        gradient = np.array([n @ by_r, n.sum() * r / alpha, n @ both, n @ by_b])
        both2 = n @ (trigamma(a + b) - trigamma(a + b + x))
        hessian = np.zeros((4, 4))
        hessian[0, 0] = n @ (trigamma(r + x) - trigamma(r))
        hessian[0, 1] = hessian[1, 0] = n.sum() / alpha
        hessian[1, 1] = -n.sum() * r / alpha**2
        hessian[2:, 2:] = both2
        hessian[3, 3] += n @ (trigamma(b + x) - trigamma(b))
        return float(n @ value), gradient, hessian

    def _times(self, r: float, alpha: float, a: float, b: float) -> Derivatives:
        """The logarithm of the brackets, summed over customers."""
        of, w = self._of, self._of.weight
        shape = r + of.frequency
        since_first, since_last = alpha + of.T, alpha + of.recency
        log_first, log_last = np.log(since_first), np.log(since_last)
        alive = -shape * log_first
        gone = np.where(self._repeat, np.log(a / (b + self._less_one)) - shape * log_last, -np.inf)
        total = np.logaddexp(alive, gone)
        q = np.exp(gone - total)  # the chance of having left
        p = 1 - q
        # Slopes of each term by r and α, and by a and b (the first term knows neither).
        of_alive = (-log_first, -shape / since_first)
        of_gone = (-log_last, -shape / since_last, 1 / a, -1 / (b + self._less_one))
        mean = [p * u + q * v for u, v in zip(of_alive, of_gone, strict=False)]
        mean += [q * v for v in of_gone[2:]]
        gradient = np.array([w @ m for m in mean])
        # Of a log-sum-exp: the mean curvature of its terms, and the spread of their slopes.
        spread = [u - v for u, v in zip(of_alive, of_gone, strict=False)]
        spread += [-v * np.ones_like(q) for v in of_gone[2:]]
        pq = w * p * q
        hessian = np.array([[pq @ (s * t) for s in spread] for t in spread])
        hessian[0, 1] -= w @ (p / since_first + q / since_last)
        hessian[1, 0] = hessian[0, 1]
        hessian[1, 1] += w @ (shape * (p / since_first**2 + q / since_last**2))
        hessian[2, 2] -= (w @ q) / a**2
        hessian[3, 3] += w @ (q / (b + self._less_one) ** 2)
        return float(w @ total), gradient, hessian


class GammaGammaLikelihood:
    """Of the mean m of x purchases of gamma values, whose rate differs between customers.

    Fader and Hardie (2013), eq. 1a:
    Γ(px+q) / (Γ(px) Γ(q)) · v^q m^(px−1) x^(px) / (v + xm)^(px+q).
    """

    def __init__(self, frequency: Floats, mean: Floats) -> None:
        self._x, self._row = np.unique(frequency, return_inverse=True)
        self._n = np.bincount(self._row).astype(np.float64)
        self._sum = frequency * mean
        self._log_sum = np.log(self._sum)
        self._log_mean = float(np.log(mean).sum())
        self._frequency = frequency

    def __call__(self, theta: Floats) -> Derivatives:
        """Log-likelihood, gradient and Hessian in (p, q, v)."""
        p, q, v = theta
        x, n, total = self._x, self._n, self._sum + v
        log_total = np.log(total)
        customers = len(total)
        px, per_x = p * x, p * self._frequency
        by_shape = self._by_count(self._log_sum - log_total)
        value = n @ (gammaln(px + q) - gammaln(px)) + customers * (q * np.log(v) - gammaln(q))
        value += float(per_x @ (self._log_sum - log_total)) - self._log_mean - q * log_total.sum()
        dp = x @ (n * (digamma(px + q) - digamma(px)) + by_shape)
        dq = n @ digamma(px + q) + customers * (np.log(v) - digamma(q)) - log_total.sum()
        dv = customers * q / v - ((per_x + q) / total).sum()
        psi = n * trigamma(px + q)
        hessian = np.empty((3, 3))
        hessian[0, 0] = x**2 @ (psi - n * trigamma(px))
        hessian[0, 1] = hessian[1, 0] = x @ psi
        hessian[1, 1] = psi.sum() - customers * trigamma(q)
        hessian[0, 2] = hessian[2, 0] = -(self._frequency / total).sum()
        hessian[1, 2] = hessian[2, 1] = customers / v - (1 / total).sum()
        hessian[2, 2] = -customers * q / v**2 + ((per_x + q) / total**2).sum()
        return float(value), np.array([dp, dq, dv]), hessian

    def _by_count(self, values: Floats) -> NDArray[np.float64]:
        return np.asarray(np.bincount(self._row, values), dtype=np.float64)


def trigamma(x: float | Floats) -> Floats:
    """The second derivative of log Γ."""
    return np.asarray(zeta(2.0, x))
