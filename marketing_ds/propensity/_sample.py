"""What every measure stands on: checked rows, and standard errors from influences.

A measure θ comes with its influence on each row, ψ: θ̂ − θ ≈ Σ wψ / Σ w. One formula then gives
every standard error, whether rows are independent or several belong to one customer, and that of
a difference of two models is the one of the difference of their influences.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.estimate import Estimate, normal_quantile, wilson

Floats = NDArray[np.float64]

FEW = 30
"""Positives (or negatives) below which an interval is a rough guess."""


@dataclass(frozen=True)
class Sample:
    """Rows with weight above 0.

    Attributes
    ----------
    truth, p, w : ndarray of shape (n,)
        0 or 1, predicted probability, weight.
    unit : ndarray of shape (n,) or None
        Number of the customer that a row belongs to; None where each row is one of its own.
    units : int
        How many customers.
    """

    truth: Floats
    p: Floats
    w: Floats
    unit: NDArray[np.intp] | None
    units: int

    @classmethod
    def of(
        cls,
        y: ArrayLike,
        probability: ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        *,
        name: str = "probability",
        one_class: bool = False,
    ) -> Sample:
        """Check and gather rows; `one_class` allows a sample of positives or negatives only."""
        truth, p = _numbers("y", y), _numbers(name, probability)
        w = np.ones(len(truth)) if sample_weight is None else _numbers("weight", sample_weight)
        if truth.ndim != 1 or truth.shape != p.shape or truth.shape != w.shape:
            raise InvalidInput(
                f"y, {name} and sample_weight must be of one length and dimension, got shapes "
                f"{truth.shape}, {p.shape} and {w.shape}"
            )
        if not ((truth == 0) | (truth == 1)).all():
            raise InvalidInput("y must hold 0 and 1 only; compare with the positive class first")
        if not ((p >= 0) & (p <= 1)).all():  # NaN lands here too
            raise InvalidInput(f"{name} must be between 0 and 1 everywhere")
        unit = None if groups is None else _units(groups, len(truth))
        if sample_weight is not None:
            if not (np.isfinite(w) & (w >= 0)).all():
                raise InvalidInput("sample_weight must be finite and at least 0 everywhere")
            keep = w > 0
            if not keep.all():
                truth, p, w = truth[keep], p[keep], w[keep]
                unit = None if unit is None else unit[keep]
        if not len(truth):
            raise InvalidInput("y must hold at least one row with weight above 0, got none")
        if not one_class and truth.min() == truth.max():
            raise InvalidInput("y must hold both classes (with weight above 0) to be evaluated on")
        if unit is None:
            return cls(truth, p, w, None, len(truth))
        found, unit = np.unique(unit, return_inverse=True)
        if len(found) < 2 and not one_class:
            raise InvalidInput("groups must hold at least two customers, got one")
        return cls(truth, p, w, unit, len(found))

    def at(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Sample:
        """Some of the rows, in the order asked for."""
        if self.unit is None:
            some = replace(self, truth=self.truth[rows], p=self.p[rows], w=self.w[rows])
            return replace(some, units=len(some.truth))
        found, unit = np.unique(self.unit[rows], return_inverse=True)
        return Sample(self.truth[rows], self.p[rows], self.w[rows], unit, len(found))

    def best_first(self) -> tuple[Sample, NDArray[np.intp]]:
        """The rows by falling probability, and where they were."""
        order = np.argsort(-self.p)  # unstable is enough: ties are taken together throughout
        unit = None if self.unit is None else self.unit[order]
        return replace(
            self, truth=self.truth[order], p=self.p[order], w=self.w[order], unit=unit
        ), order

    @cached_property
    def weight(self) -> float:
        """Sum of the weights."""
        return float(self.w.sum())

    @cached_property
    def rate(self) -> float:
        """Share of positives."""
        return float(self.w @ self.truth) / self.weight

    @property
    def positives(self) -> int:
        """Rows with the outcome."""
        return int(self.truth.sum())

    @property
    def few(self) -> bool:
        """Whether a class is too small for its intervals to be more than a guess."""
        return min(self.positives, len(self.truth) - self.positives) < FEW

    def sums(self, influence: Floats) -> Floats:
        """The customers' sums of weighted influences wψ."""
        if self.unit is None:
            return influence
        return np.bincount(self.unit, influence, minlength=self.units).astype(
            np.float64, copy=False
        )

    def error(self, influence: Floats) -> float:
        """Standard error of the measure whose weighted influences wψ these are."""
        sums = self.sums(influence)
        if self.units < 2:
            return math.nan
        return math.sqrt(float(sums @ sums) * self.units / (self.units - 1)) / self.weight

    def errors_within(self, influence: Floats, group: NDArray[np.intp]) -> Floats:
        """Standard errors of the parts that groups of rows (numbered from 0) have in a measure."""
        if self.unit is None:
            squares = np.bincount(group, influence**2).astype(np.float64, copy=False)
        else:
            squares = np.empty(int(group.max()) + 1)
            for number in range(len(squares)):
                rows = group == number
                sums = np.bincount(self.unit[rows], influence[rows])
                squares[number] = sums @ sums
        unbiased = self.units / (self.units - 1) if self.units > 1 else math.nan
        return np.asarray(np.sqrt(squares * unbiased)) / self.weight

    def mean(self, values: Floats) -> tuple[float, float]:
        """Weighted mean over rows and its standard error."""
        mean = float(self.w @ values) / self.weight
        return mean, self.error(self.w * (values - mean))

    def unit_weight(self) -> Floats:
        """For each row the weight of all rows of its customer."""
        return self.w if self.unit is None else self.sums(self.w)[self.unit]

    def together(self, label: int) -> float:
        """By how much squares of the customers' weights in a class exceed those of its rows."""
        w = self.w * (self.truth == label)
        sums = self.sums(w)
        return float(sums @ sums) / float(w @ w)

    def class_size(self, label: int) -> float:
        """Independent rows that would carry as much information as those of a class (Kish)."""
        w = self.sums(self.w * (self.truth == label))
        return float(w.sum() ** 2 / (w @ w))


def share_estimate(
    value: float, se: float, size: float, alpha: float, scale: float = 1.0
) -> Estimate:
    """A share, times `scale`, with Wilson's interval at the size that its standard error implies.

    Near 0 and 1, where the normal interval fails, this one keeps its level (Korn and Graubard 1998
    [1]_ do so for surveys). `size` is used where no error can be seen (a share of 0 or 1).

    References
    ----------
    .. [1] Korn, Graubard (1998). Confidence intervals for proportions with small expected number
       of positive counts estimated from survey data. Survey Methodology 24.
    """
    inside = min(max(value, 0.0), 1.0)
    known = se > 1e-12 and 0 < inside < 1
    n = inside * (1 - inside) / se**2 if known else size
    lower, upper = wilson([inside * n], [n], alpha=alpha)
    ends = min(float(lower[0]), inside), max(float(upper[0]), inside)
    return Estimate(scale * value, scale * se, scale * ends[0], scale * ends[1])


def logit_estimate(value: float, se: float, alpha: float) -> Estimate:
    """A number between 0 and 1 with an interval that is symmetric in its log-odds."""
    if not 0 < value < 1 or math.isnan(se):
        return Estimate.normal(value, se, alpha=alpha, low=0.0, high=1.0)
    half = normal_quantile(alpha) * se / (value * (1 - value))
    odds = math.log(value / (1 - value))
    return Estimate(value, se, *(1 / (1 + math.exp(-(odds + side * half))) for side in (-1, 1)))


def _numbers(name: str, values: ArrayLike) -> Floats:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInput(
            f"{name} must hold numbers without nulls, got {type(values).__name__} that does not"
        ) from None


def _units(groups: ArrayLike, rows: int) -> NDArray[np.intp]:
    """Numbers of the customers, from 0."""
    values = pd.Series(groups) if not isinstance(groups, pd.Series) else groups
    if len(values) != rows:
        raise InvalidInput(f"groups must have one customer per row ({rows}), got {len(values)}")
    unit, _ = pd.factorize(values, use_na_sentinel=True)
    if (unit < 0).any():
        raise InvalidInput("groups must name the customer of every row, got nulls")
    return np.asarray(unit, dtype=np.intp)
