"""Intervals, sets of ratios and p-values of differences, corrected where few customers decide them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from scipy.special import stdtr

from marketing_ds.evaluation.engine import FloatArray
from marketing_ds.evaluation.inference.critical import critical_value, p_value
from marketing_ds.evaluation.inference.settings import Inference

from .joint import Contrast, Joint
from .ratios import RatioSet, ratio_set
from .result import Amount
from .skewed import SkewedContrast, skewed_contrast


@dataclass(frozen=True)
class Decided:
    """Differences between arms, and how to conclude from them.

    Attributes
    ----------
    found : Contrast
    skewed : SkewedContrast or None
        Where few customers decide a column, in arms of unequal size.
    settings : Inference
    customers : (int, int)
        Of control and of the arms given.
    """

    found: Contrast
    skewed: SkewedContrast | None
    settings: Inference
    customers: tuple[int, int]

    @classmethod
    def of(
        cls,
        found: Contrast,
        joints: Mapping[str, Joint],
        mix: Mapping[str, float],
        column: int,
        settings: Inference,
        customers: tuple[int, int],
    ) -> Decided:
        """With the correction for this column; always-valid intervals have none."""
        skewed = None
        if settings.looks is None:
            skewed = skewed_contrast(found, joints, mix, column)
        return cls(found, skewed, settings, customers)

    def amount(self, along: FloatArray) -> Amount:
        """Σ along × difference with its interval."""
        if self.skewed is None:
            return self.plain(along)
        variance, freedom = self.skewed.spread(along)
        low, high = self.skewed.interval(along, self._quantile(freedom))
        return Amount(float(along @ self.found.value), low, high, variance, freedom)

    def plain(self, along: FloatArray) -> Amount:
        """The same with Welch's interval."""
        value, variance, freedom = self.found.along(along)
        if variance == 0:
            return Amount(value, value, value, 0.0, freedom)
        reach = self._quantile(freedom) * math.sqrt(variance)
        return Amount(value, value - reach, value + reach, variance, freedom)

    def ratios(self, above: int, below: int, along: FloatArray) -> RatioSet:
        """Fieller's set of above / below, with the degrees of freedom of Σ along × difference."""
        if self.skewed is None or self.found.value[below] == 0:
            return ratio_set(self.found, above, below, self._quantile(self.found.along(along)[2]))
        quantile = self._quantile(self.skewed.spread(along)[1])
        return self.skewed.ratio_set(above, below, quantile)

    def above_zero(self, along: FloatArray) -> float:
        """P(Σ along × difference > 0) under a flat prior; NaN where nothing varies and it is 0."""
        statistic, freedom = self._statistic(along)
        return math.nan if math.isnan(statistic) else float(stdtr(freedom, statistic))

    def p_value(self, along: FloatArray) -> float:
        """Two-sided, of Σ along × difference; NaN where nothing varies."""
        statistic, freedom = self._statistic(along)
        if not math.isfinite(statistic):
            return math.nan
        return p_value(self.settings, statistic, freedom, self.customers)

    def _statistic(self, along: FloatArray) -> tuple[float, float]:
        if self.skewed is not None:
            return self.skewed.statistic(along), self.skewed.spread(along)[1]
        value, variance, freedom = self.found.along(along)
        if variance > 0:
            return value / math.sqrt(variance), freedom
        return math.copysign(math.inf, value) if value else math.nan, freedom

    def _quantile(self, freedom: float) -> float:
        return critical_value(self.settings, freedom, self.customers)
