"""How far promises were kept, over all of them: delivered over promised, with its uncertainty."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from marketing_ds._core.display import Result
from marketing_ds._core.estimate import normal_quantile


@dataclass(frozen=True)
class Calibration(Result):
    """Delivered = factor × promised.

    Attributes
    ----------
    offers : int
        Promises that were measured.
    factor, lower, upper : float
        What to multiply the next promise by, and its interval; NaN without a measured promise.
    spread : float
        Standard deviation of the true ratios between offers, beyond what their errors explain.
    """

    offers: int
    factor: float
    lower: float
    upper: float
    spread: float

    @property
    def too_rosy(self) -> bool | None:
        """Whether promises were larger than what was delivered; None where it cannot be said."""
        if self.upper < 1:
            return True
        return False if self.lower > 1 else None

    def to_frame(self) -> pd.DataFrame:
        """One row: offers, factor with its interval, spread."""
        return pd.DataFrame(
            [
                {
                    "offers": self.offers,
                    "factor": self.factor,
                    "factor_ci_lower": self.lower,
                    "factor_ci_upper": self.upper,
                    "spread": self.spread,
                }
            ]
        )

    def sentence(self, language: str = "en") -> str:
        """Whether to believe the next promise, in English or Chinese."""
        if not self.offers:
            return (
                "还没有任何计划得到检验，无法评价我们的承诺。"
                if language == "zh"
                else "No plan has been measured yet: nothing can be said about our promises."
            )
        numbers = f"{self.factor:.2f} ({self.lower:.2f} to {self.upper:.2f})"
        if language == "zh":
            numbers = f"{self.factor:.2f}（{self.lower:.2f} 至 {self.upper:.2f}）"
            say = {
                True: f"承诺偏高，下次请乘以 {self.factor:.2f}",
                False: "承诺偏保守",
                None: "还不能说承诺偏高或偏低",
            }[self.too_rosy]
            few = "；只有一项，结论有限" if self.offers == 1 else ""
            return f"{self.offers} 项投放每承诺 1 兑现 {numbers}：{say}{few}。"
        say = {
            True: f"our promises are too rosy, multiply the next by {self.factor:.2f}",
            False: "our promises are too modest",
            None: "that does not show our promises to be too rosy or too modest",
        }[self.too_rosy]
        one = self.offers == 1
        few = "; it is a single one, and the next may differ" if one else ""
        offers = "1 offer" if one else f"{self.offers} offers"
        return f"{offers} delivered {numbers} of each 1 promised: {say}{few}."


def calibrate(
    promised: Sequence[float], delivered: Sequence[float], errors: Sequence[float], alpha: float
) -> Calibration:
    """The factor between promised and delivered, where only delivered has errors.

    Parameters
    ----------
    promised, delivered, errors : sequence of float, shape (k,)
        Of each offer: what was promised, what was measured, its standard error; in any unit.
    alpha : float
        1 − confidence.

    Notes
    -----
    A random-effects line through the origin: ratios are pooled by their inverse variances, offers
    differ beyond their errors by DerSimonian and Laird's estimate, and the interval is Hartung and
    Knapp's, which stays honest with few: two offers tell little. With a single one it is that
    offer's own.

    References
    ----------
    DerSimonian, Laird (1986), Meta-analysis in clinical trials, Controlled Clinical Trials 7.
    Hartung, Knapp (2001), A refined method for the meta-analysis of controlled clinical trials with
    binary outcome, Statistics in Medicine 20.

    Examples
    --------
    >>> found = calibrate([100, 80, 50], [60, 55, 20], [10, 12, 8], 0.05)
    >>> print(f"{found.factor:.2f} [{found.lower:.2f}, {found.upper:.2f}]")
    0.58 [0.28, 0.88]
    """
    x, y, s = (np.asarray(each, dtype=np.float64) for each in (promised, delivered, errors))
    told = (x != 0) & np.isfinite(x) & np.isfinite(y) & (s > 0)
    ratio, variance = y[told] / x[told], (s[told] / x[told]) ** 2
    k = len(ratio)
    if k == 0:
        return Calibration(0, math.nan, math.nan, math.nan, math.nan)
    weight = 1 / variance
    fixed = float(weight @ ratio / weight.sum())
    spread = 0.0
    if k > 1:
        excess = float(weight @ (ratio - fixed) ** 2) - (k - 1)
        scale = float(weight.sum() - (weight**2).sum() / weight.sum())
        spread = max(excess / scale, 0.0)
    weight = 1 / (variance + spread)
    factor = float(weight @ ratio / weight.sum())
    error, quantile = 1 / math.sqrt(float(weight.sum())), normal_quantile(alpha)
    if k > 1:
        scatter = float(weight @ (ratio - factor) ** 2) / (k - 1)
        error *= math.sqrt(scatter)
        quantile = float(-stdtrit(k - 1.0, alpha / 2))
    reach = quantile * error
    return Calibration(k, factor, factor - reach, factor + reach, math.sqrt(spread))
