"""How many standard errors are needed: Student's quantiles, or a boundary that holds at every look.

The boundary is Robbins' normal mixture (two-sided) or its half-normal mixture (one-sided). With
r = r* × customers / planned, where r* is the ratio at which the boundary is lowest, the mixture
likelihood ratio of a z-statistic, ``exp(z² r / 2(1 + r)) / √(1 + r)`` (one-sided:
× 2 Φ(z √(r / (1 + r)))), is under no effect a martingale, so that it passes 1/alpha with
probability alpha at most, at whatever look. That is so for samples of some size; a normal deviate
is therefore taken to Student's t of the same tail.
"""

from __future__ import annotations

import math
from functools import lru_cache

from scipy.optimize import brentq
from scipy.special import lambertw, log_ndtr, ndtr, ndtri, stdtr, stdtrit

from .settings import Inference, Sequential


def critical_value(settings: Inference, freedom: float, customers: tuple[int, int]) -> float:
    """Standard errors from an estimate to an end of its interval; infinite before `start`.

    Parameters
    ----------
    settings : Inference
    freedom : float
        Degrees of freedom of the standard error.
    customers : (int, int)
        Of control and of the arm, at this look.
    """
    two = settings.alternative == "two-sided"
    return _critical(settings.looks, settings.alpha, two, freedom, customers)


def p_value(
    settings: Inference, statistic: float, freedom: float, customers: tuple[int, int]
) -> float:
    """p-value of an estimate's distance from 0 in standard errors; always-valid where asked."""
    if settings.alternative == "two-sided":
        if settings.looks is None:
            return float(2 * stdtr(freedom, -abs(statistic)))
        return _mixture_p(
            settings.looks, settings.alpha, _deviate(abs(statistic), freedom), customers, two=True
        )
    upward = statistic if settings.alternative == "greater" else -statistic
    return upper_p_value(settings, upward, freedom, customers, settings.alpha)


def upper_p_value(
    settings: Inference,
    statistic: float,
    freedom: float,
    customers: tuple[int, int],
    alpha: float,
) -> float:
    """p-value of the hypothesis that the estimate's true value is at most 0."""
    if settings.looks is None:
        return float(stdtr(freedom, -statistic))
    return _mixture_p(settings.looks, alpha, _deviate(statistic, freedom), customers, two=False)


def _critical(
    looks: Sequential | None,
    alpha: float,
    two: bool,
    freedom: float,
    customers: tuple[int, int],
) -> float:
    if looks is None:
        return float(-stdtrit(freedom, alpha / 2 if two else alpha))
    if min(customers) < looks.start:
        return math.inf
    bound = boundary(_ratio(looks, alpha, customers, two=two), alpha, two=two)
    tail = float(ndtr(-bound))
    return float(-stdtrit(freedom, tail)) if tail > 0 else math.inf


@lru_cache(maxsize=4096)
def boundary(ratio: float, alpha: float, *, two: bool) -> float:
    """Normal deviate that is passed at any look with probability `alpha` at most."""
    if two:
        return math.sqrt((1 + 1 / ratio) * (-2 * math.log(alpha) + math.log1p(ratio)))
    top = math.sqrt((1 + 1 / ratio) * (-2 * math.log(alpha) + math.log1p(ratio))) + 1
    return float(
        brentq(lambda z: log_mixture(z, ratio, two=False) + math.log(alpha), 0.0, top, xtol=1e-12)
    )


@lru_cache(maxsize=256)
def best_ratio(alpha: float, *, two: bool) -> float:
    """Information ratio r at which the interval is narrowest for the sample at hand.

    The one-sided mixture at alpha is almost the two-sided one at twice that.
    """
    level = alpha if two else min(2 * alpha, 0.999)
    return float(-lambertw(-(level**2) / math.e, -1).real - 1)


def _ratio(looks: Sequential, alpha: float, customers: tuple[int, int], *, two: bool) -> float:
    return best_ratio(alpha, two=two) * sum(customers) / looks.planned


def log_mixture(z: float, ratio: float, *, two: bool) -> float:
    """Logarithm of the mixture likelihood ratio at a z-statistic."""
    shrunk = z * math.sqrt(ratio / (1 + ratio))
    plain = shrunk**2 / 2 - math.log1p(ratio) / 2
    return plain if two else plain + math.log(2) + float(log_ndtr(shrunk))


def _mixture_p(
    looks: Sequential, alpha: float, z: float, customers: tuple[int, int], *, two: bool
) -> float:
    if min(customers) < looks.start:
        return 1.0
    if math.isinf(z):
        return 0.0 if z > 0 else 1.0
    return mixture_p_value(z, _ratio(looks, alpha, customers, two=two), two=two)


def mixture_p_value(z: float, ratio: float, *, two: bool) -> float:
    """The least alpha whose boundary a z-statistic has passed."""
    return min(1.0, math.exp(-log_mixture(z, ratio, two=two)))


def _deviate(statistic: float, freedom: float) -> float:
    """The normal deviate with the tail of this value of Student's t."""
    return float(math.copysign(-ndtri(stdtr(freedom, -abs(statistic))), statistic))
