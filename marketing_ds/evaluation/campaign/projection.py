"""Where a campaign's total will end: what is still to come from the customers assigned so far.

Customers answer soon after they are assigned, then less and less, so that the pace of the last days
promises too much. Where the bank has finished campaigns like this one, they tell what part of the
end is usually reached at this age. Where it has not, a rate by age is fitted to this campaign alone:
exp(a + b·age), b not above 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import t as student

from marketing_ds.evaluation.engine import FloatArray

LEAST_CAMPAIGNS = 3
_LEAST_AGES = 4
_STEPS, _NEAR = 50, 1e-12


def end_by_earlier(
    total: float, units: float, shares: Sequence[float], alpha: float
) -> tuple[float, float, float]:
    """The total at the end, by what part of it earlier campaigns had by now; NaN if too few.

    Parameters
    ----------
    total : float
        What has come so far.
    units : float
        How many outcomes that is: their scatter is part of the interval.
    shares : sequence of float
        Of each earlier campaign, the part that it had at this age; at least 3.
    alpha : float
        1 − confidence.

    Returns
    -------
    tuple of float
        Estimate, lower and upper end. On the scale of logarithms: the mean over campaigns, with
        Student's interval for one more campaign, and the scatter of a binomial share. What is
        there already cannot be lost.
    """
    if len(shares) < LEAST_CAMPAIGNS or not total > 0:
        return math.nan, math.nan, math.nan
    logs = np.log(shares)
    share, k = math.exp(float(logs.mean())), len(shares)
    between, within = float(logs.var(ddof=1)) * (1 + 1 / k), (1 - share) / units
    if between + within == 0:
        return total / share, total / share, total / share
    # The scatter of a share is known, the difference between campaigns estimated (Satterthwaite).
    freedom = (k - 1) * (1 + within / between) ** 2 if between > 0 else math.inf
    reach = float(student.ppf(1 - alpha / 2, freedom)) * math.sqrt(between + within)
    end = total / share
    return end, max(end * math.exp(-reach), total), end * math.exp(reach)


def still_to_come(
    values: FloatArray, exposure: FloatArray, ahead: FloatArray, alpha: float
) -> tuple[float, float, float]:
    """What is still to come, with a prediction interval; NaN where too little is known.

    Parameters
    ----------
    values, exposure, ahead : (ages,) arrays
        What the outcome came to at each age; days that customers have spent at that age; days that
        they still will.
    alpha : float
        1 − confidence.

    Returns
    -------
    tuple of float
        Estimate, lower and upper end. The interval, symmetric in the logarithm, has the error of the
        rates and the scatter of what comes, both with the dispersion that was found; Student's
        quantile.

    References
    ----------
    Wedderburn (1974), Quasi-likelihood functions, generalized linear models, and the Gauss-Newton
    method, Biometrika 61.
    """
    if not ahead.any():
        return 0.0, 0.0, 0.0
    seen = exposure > 0
    y, e = values[seen], exposure[seen]
    age = np.arange(len(values), dtype=float)
    if seen.sum() < _LEAST_AGES or (y < 0).any() or not y.any():
        return math.nan, math.nan, math.nan
    design = np.column_stack([np.ones(len(age)), age])
    slope = _fit(y, e, design[seen])
    if slope[1] > 0:  # nobody answers more and more for ever
        design = design[:, :1]
        slope = _fit(y, e, design[seen])
    expected = e * np.exp(design[seen] @ slope)
    freedom = len(y) - design.shape[1]
    dispersion = float(((y - expected) ** 2 / expected).sum()) / freedom
    future = ahead * np.exp(design @ slope)
    total = float(future.sum())
    information = design[seen].T @ (expected[:, None] * design[seen])
    gradient = design.T @ future / total
    relative = float(gradient @ np.linalg.solve(information, gradient)) + 1 / total
    reach = float(student.ppf(1 - alpha / 2, freedom)) * math.sqrt(dispersion * relative)
    return total, total * math.exp(-reach), total * math.exp(reach)


def _fit(y: FloatArray, exposure: FloatArray, design: FloatArray) -> FloatArray:
    """Slopes of the log rate by Fisher's scoring from the overall rate."""
    slopes = np.zeros(design.shape[1])
    slopes[0] = math.log(y.sum() / exposure.sum())
    for _ in range(_STEPS):
        expected = exposure * np.exp(design @ slopes)
        step = np.linalg.solve(design.T @ (expected[:, None] * design), design.T @ (y - expected))
        slopes = slopes + step
        if np.abs(step).max() < _NEAR:
            break
    return slopes
