"""The targeting operator characteristic (TOC): how much better the top does than everyone."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from marketing_ds._core.checks import check_count
from marketing_ds._core.display import Result
from marketing_ds._core.estimate import Estimate, interval

from ..arms import Floats
from .curve_sums import CurveSums, difference, slope_at
from .sums import divide


@dataclass(frozen=True)
class TocCurve(Result):
    """TOC(φ): the effect per treated person within the top share φ, less that of everyone.

    Made by `UpliftCurve.toc`. Its mean over all shares is AUTOC, which weighs the very top most;
    its mean weighted by the share is the Qini.

    Attributes
    ----------
    arm, control : str
        What is compared.
    autoc : Estimate
        Area under the curve, in outcome units per treated person.
    share, value, se : ndarray of shape (m,)
        TOC at increasing shares up to 1, where it is 0, and standard errors (NaN where a top
        share holds fewer than two customers of a side).
    alpha : float
        Intervals are at level ``1 - alpha``.

    References
    ----------
    Yadlowsky, Fleming, Shah, Brunskill, Wager (2025). Evaluating treatment prioritization rules
    via rank-weighted average treatment effects. JASA 120.
    """

    arm: str
    control: str
    autoc: Estimate
    share: Floats = field(repr=False)
    value: Floats = field(repr=False)
    se: Floats = field(repr=False)
    alpha: float

    def band(self) -> tuple[Floats, Floats]:
        """Lower and upper ends of the intervals of `value`, each of shape (m,)."""
        return interval(self.value, self.se, self.alpha)

    def to_frame(self, points: int = 20) -> pd.DataFrame:
        """The curve at `points` equal steps of share, with intervals."""
        points = check_count("points", points, low=1)
        share = np.arange(1, points + 1) / points
        value, se = (np.interp(share, self.share, numbers) for numbers in (self.value, self.se))
        lower, upper = interval(value, se, self.alpha)
        return pd.DataFrame(
            {
                "targeted_share": share,
                "toc": value,
                "toc_ci_lower": lower,
                "toc_ci_upper": upper,
            }
        )


def toc_of(sums: CurveSums) -> tuple[Floats, Floats]:
    """TOC and its standard errors at the shares of the grid above 0.

    The top is part of everyone, so that the variance is that of the top, plus that of everyone,
    less twice what they share.
    """
    share = sums.share[1:]
    effect = sums.value[1:] / share
    slope = (slope_at(share, share, sums.value[1:]) - effect) / share
    shared = np.zeros(len(share))
    inside = np.zeros(len(share))
    for sign, side in zip((1.0, -1.0), sums.sides, strict=False):
        mean, total, all_ = side.mean(), side.weight[-1], side.mean()[-1]
        products = side.square2 - (mean + all_) * side.outcome2 + mean * all_ * side.weight2
        size = total**2 / side.weight2[-1]
        shared += divide(products, side.weight * total) * size / max(size - 1, 1.0)
        inside += sign * (side.outcome - all_ * side.weight) / total
    shared -= slope * inside / sums.n
    top = (sums.se[1:] / share) ** 2
    variance = top + sums.se[-1] ** 2 - 2 * shared
    variance[-1] = 0.0  # everyone less everyone
    value = effect - effect[-1]
    known = np.isfinite(difference(sums.sides))
    return value, np.sqrt(np.where(known, np.maximum(variance, 0.0), np.nan))
