"""Columns as steps: cut into bins, each bin standing for its normal score.

The normal score of a bin is the mean of a standard normal variable over the bin's share of
customers; for a category it is the log-odds of its rate. A tail then weighs no more than its rank.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from scipy.stats import norm

from ._calibration import Floats

Matrix = NDArray[np.float32]
Bins = NDArray[np.unsignedinteger[Any]]

_BINS = 64
_RARE_NULL = 0.001  # share of nulls below which they get no coefficient of their own


@dataclass(frozen=True)
class ColumnSteps:
    """How one encoded column is cut and scored.

    Attributes
    ----------
    column : int
        Position among the encoded columns.
    cuts : ndarray of shape (bins - 1,)
        A value belongs to the bin of as many cuts as are not above it, as in XGBoost.
    scores : ndarray of shape (bins + 1,)
        Standardised score of each bin; the last is a null's: 0.
    weights : ndarray of shape (bins + 1,)
        How many customers are in each bin, and how many nulls.
    null_score : float
        What the indicator of a null is for a null, standardised; 0 where nulls are too rare.
    filled_score : float
        What that indicator is for all others.
    """

    column: int
    cuts: Matrix
    scores: Floats
    weights: Floats
    null_score: float
    filled_score: float

    def bins(self, values: Matrix) -> Bins:
        """Position of each value's bin; nulls come last."""
        null = len(self.cuts) + 1
        found = np.searchsorted(self.cuts, values, side="right").astype(np.min_scalar_type(null))
        found[np.isnan(values)] = null
        return found

    @property
    def indicator(self) -> Floats:
        """What the indicator of a null is in each bin."""
        filled = np.full(len(self.scores), self.filled_score)
        filled[-1] = self.null_score
        return filled


@dataclass(frozen=True)
class Design:
    """Standardised scores of columns, and indicators of their nulls: the terms of a regression."""

    steps: tuple[ColumnSteps, ...]

    def bins(self, Z: Matrix) -> list[Bins]:
        """The bins of rows, one array a column."""
        return [steps.bins(Z[:, steps.column]) for steps in self.steps]

    def matrix(self, bins: Sequence[Bins], rows: int) -> Matrix:
        """Terms of binned rows: 1, the scores, then the indicators of nulls; shape (n, 1 + terms)."""
        tables = [(at, steps.scores) for at, steps in enumerate(self.steps)]
        tables += [(at, self.steps[at].indicator) for at in self._with_nulls()]
        terms = np.ones((rows, len(tables) + 1), dtype=np.float32, order="F")
        for place, (at, table) in enumerate(tables, start=1):
            terms[:, place] = table.astype(np.float32)[bins[at]]
        return terms

    def values(self, coefficients: Floats) -> list[Floats]:
        """What each column adds to the margin: for each bin, then for null.

        Parameters
        ----------
        coefficients : ndarray of shape (terms,)
            Without the intercept.
        """
        values = [
            coefficient * steps.scores
            for steps, coefficient in zip(self.steps, coefficients, strict=False)
        ]
        for at, coefficient in zip(
            self._with_nulls(), coefficients[len(self.steps) :], strict=True
        ):
            values[at] = values[at] + coefficient * self.steps[at].indicator
        return values

    def _with_nulls(self) -> list[int]:
        return [at for at, steps in enumerate(self.steps) if steps.null_score]


def learn_steps(column: int, values: Matrix, w: Floats, rated: bool) -> ColumnSteps | None:
    """Cuts at quantiles between distinct values; None where only one value is left."""
    null = np.isnan(values)
    known, weight = values[~null], w[~null]
    distinct, group = np.unique(known, return_inverse=True)
    if len(distinct) < 2 and (not null.any() or null.all()):
        return None
    counts = np.bincount(group, weight, minlength=len(distinct))
    share = counts / counts.sum()
    middle = np.cumsum(share) - share / 2
    bins = np.arange(len(distinct))
    if not rated and len(distinct) > _BINS:
        bins = np.minimum((middle * _BINS).astype(np.intp), _BINS - 1)
        _, bins = np.unique(bins, return_inverse=True)
    first = np.flatnonzero(np.diff(bins)) + 1  # where a new bin begins
    size = np.bincount(bins, counts)
    if rated:
        mean = np.bincount(bins, counts * distinct) / size
        score = logit(np.clip(mean, 1e-6, 1 - 1e-6))
    else:
        score = _normal_scores(size / size.sum())
    share_null = float(w[null].sum() / w.sum())
    error = np.sqrt(share_null * (1 - share_null))
    has_nulls = share_null >= _RARE_NULL
    return ColumnSteps(
        column,
        _between(distinct[first - 1], distinct[first]),
        np.append(standardised(score, size), 0.0),
        np.append(size, w[null].sum()),
        (1 - share_null) / error if has_nulls else 0.0,
        -share_null / error if has_nulls else 0.0,
    )


def standardised(score: Floats, size: NDArray[Any]) -> Floats:
    """Scores of bins with mean 0 and variance 1 over customers; all 0 where they are the same."""
    centre = np.average(score, weights=size)
    spread = np.sqrt(np.average((score - centre) ** 2, weights=size))
    scaled: Floats = (score - centre) / spread if spread > 0 else score * 0.0
    return scaled


def _normal_scores(share: Floats) -> Floats:
    """Mean of a standard normal variable over each of the bins that follow each other."""
    ends = norm.ppf(np.minimum(np.cumsum(share), 1.0))
    density = np.append(0.0, norm.pdf(ends))
    density[-1] = 0.0
    mean: Floats = (density[:-1] - density[1:]) / share
    return mean


def _between(low: Matrix, high: Matrix) -> Matrix:
    """A cut above `low` and at most `high`, halfway where float32 has such a number."""
    cut = (low.astype(np.float64) + high.astype(np.float64)) / 2
    halfway: Matrix = cut.astype(np.float32)
    return np.where(halfway > low, halfway, high)
