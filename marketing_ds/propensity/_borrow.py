"""Products that too few have bought: they borrow from all others."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit

from ._calibration import Calibration, Floats, fit_calibration


def shared_slope(margin: Floats, Y: Floats, w: Floats, enough: Sequence[int]) -> float:
    """How much the readiness to buy anything says about one product: the mean over `enough`.

    Each of the products that have enough buyers gives the slope of its own log-odds along the
    readiness (Platt's); it is held between nearly 0 and 1.
    """
    slopes = []
    for j in enough:
        known = np.isfinite(margin) & ~np.isnan(Y[:, j]) & (w > 0)
        slopes.append(fit_calibration("platt", margin[known], Y[known, j], w[known]).low)
    return float(np.clip(np.mean(slopes), 0.001, 1.0)) if slopes else 1.0


def borrowed_calibration(margin: Floats, y: Floats, w: Floats, slope: float) -> Calibration:
    """The customer's readiness, at the product's own rate.

    The rate is (buyers + 1/2) / (customers at risk + 1), the mean of Jeffreys's posterior, so that
    a product that nobody bought yet is not impossible.
    """
    known = ~np.isnan(y) & (w > 0)
    m, weight = slope * margin[known], w[known]
    rate = float((np.sum(weight * y[known]) + 0.5) / (weight.sum() + 1.0))

    def excess(intercept: float) -> float:
        return float(np.average(expit(m + intercept), weights=weight)) - rate

    centre = float(logit(rate))
    intercept = brentq(excess, centre - float(m.max()) - 1.0, centre - float(m.min()) + 1.0)
    return Calibration("platt", low=slope, high=slope, intercept=float(intercept))


def warn_borrowed(counts: dict[str, int], few: int) -> None:
    """Name the products that borrow."""
    named = ", ".join(f"{name} ({count})" for name, count in counts.items())
    warnings.warn(
        f"{len(counts)} product(s) have fewer than {few} buyers (or fewer than {few} who did not "
        f"buy): {named}. Too few for a model of their own: their probability is the customer's "
        "readiness to buy anything, at the product's own rate",
        UserWarning,
        stacklevel=5,
    )
