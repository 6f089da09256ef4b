"""The effect up to each day of a campaign, with intervals that hold for all days at once.

By day k a customer has an outcome so far, and the difference between the arms' sums of it moves like
a Brownian motion whose clock is its own variance: what comes in on different days is nearly
uncorrelated. Robbins' normal mixture bounds such a path for ever, so that whoever looks every morning
is wrong about any of the days with a chance of at most alpha.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import lambertw

from marketing_ds.evaluation.engine import FloatArray

LEAST_SEEN = 20
"""Moments of the outcome in an arm and control together before which there is no interval."""


@dataclass(frozen=True)
class ArmPath:
    """An arm's sums, day by day; each of length days.

    Weights are 1/P(arm); they cancel where all customers had the same chance.
    """

    customers: FloatArray
    weight: FloatArray
    """Σ w over the customers."""
    weight2: FloatArray
    """Σ w²."""
    total: FloatArray
    """Σ w·y, y being a customer's outcome so far."""
    total2: FloatArray
    """Σ w²·y."""
    square: FloatArray
    """Σ w²·y²."""
    seen: FloatArray
    """Moments at which an outcome grew."""

    @property
    def mean(self) -> FloatArray:
        """Weighted mean of the outcome so far."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.total / self.weight)

    @property
    def variance(self) -> FloatArray:
        """Variance of that mean."""
        mean = self.mean
        spread = self.square - 2 * mean * self.total2 + mean**2 * self.weight2
        with np.errstate(divide="ignore", invalid="ignore"):
            found = spread / self.weight**2 * self.customers / (self.customers - 1)
        return np.asarray(np.maximum(found, 0.0))


def always_valid(
    control: ArmPath, arm: ArmPath, days: int, alpha: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Difference of means by day, and the ends of an interval that holds on all days at once.

    Parameters
    ----------
    control, arm : ArmPath
        The two paths.
    days : int
        Length of the whole campaign: the interval is narrowest towards its end. It is tuned by the
        first day that counts, so that later days change nothing about earlier ones.
    alpha : float
        1 − confidence.

    Returns
    -------
    tuple of (d,) arrays
        Effect, lower and upper end; infinite ends before there are 20 moments of the outcome.

    References
    ----------
    Robbins (1970), Statistical methods related to the law of the iterated logarithm, Annals of
    Mathematical Statistics 41. Howard, Ramdas, McAuliffe, Sekhon (2021), Time-uniform,
    nonparametric, nonasymptotic confidence sequences, Annals of Statistics 49.
    """
    effect = arm.mean - control.mean
    both = arm.customers + control.customers
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = arm.customers * control.customers / both
    clock = scale**2 * (arm.variance + control.variance)
    ready = (arm.seen + control.seen >= LEAST_SEEN) & (clock > 0)
    reach = np.full(len(effect), math.inf)
    if ready.any():
        first = int(np.argmax(ready))
        # Sums grow about evenly: what the clock will show in the end, from what it shows now.
        end = float(clock[first]) * max(days / (first + 1), 1.0)
        rho = end / (-float(lambertw(-(alpha**2) / math.e, k=-1).real) - 1)
        v = clock[first:]
        reach[first:] = np.sqrt((v + rho) * np.log((v + rho) / (rho * alpha**2))) / scale[first:]
    return effect, effect - reach, effect + reach
