"""The additive part: ridge logistic regression over binned scores, written as one tree a column.

Trees need many customers to draw a straight line, which most tags' effects nearly are; a ridge
regression needs few. So each column is cut into bins, each bin stands for its normal score (the
mean of a standard normal variable over the bin's share of customers; for a category its log-odds),
and a ridge logistic regression weighs the columns. What a column adds is then a step function of
it, which is what a tree is: the regression becomes the first trees of the booster, and whatever
reads the booster (scoring, SHAP, export) reads it too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import norm

from ._calibration import Floats, Fold, log_loss_rows

Matrix = NDArray[np.float32]

PENALTIES = (3_000.0, 1_000.0, 300.0, 100.0, 30.0, 10.0, 3.0)  # strongest first
_BINS = 64
ENOUGH = 100_000  # rows: with more, a few hundred coefficients do not change
_RARE_NULL = 0.001  # share of nulls below which they get no coefficient of their own
_STEPS = 30
_CLOSE = 1e-6  # mean log loss


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


@dataclass(frozen=True)
class Design:
    """Standardised scores of all columns, and indicators of their nulls."""

    steps: tuple[ColumnSteps, ...]

    @classmethod
    def learn(cls, Z: Matrix, w: Floats, rated: NDArray[np.intp]) -> Self:
        """Cut and score the columns of encoded rows.

        Parameters
        ----------
        Z : ndarray of shape (n, columns), float32
        w : ndarray of shape (n,)
            How many customers each row stands for.
        rated : ndarray of int
            Columns that hold the mean response of a category.
        """
        of_categories = set(rated.tolist())
        learnt = (learn_steps(at, Z[:, at], w, at in of_categories) for at in range(Z.shape[1]))
        return cls(tuple(steps for steps in learnt if steps is not None))

    def matrix(self, Z: Matrix) -> Matrix:
        """Scores, one column a step function, then the indicators of nulls; shape (n, terms)."""
        columns = []
        for steps in self.steps:
            columns.append(steps.scores[_bin(Z[:, steps.column], steps.cuts)])
        for steps in self._with_nulls():
            null = np.isnan(Z[:, steps.column])
            columns.append(np.where(null, steps.null_score, steps.filled_score))
        if not columns:
            return np.zeros((len(Z), 0), dtype=np.float32)
        return np.column_stack(columns).astype(np.float32)

    def values(self, coefficients: Floats) -> list[Floats]:
        """What each column adds to the margin: for each bin, then for null.

        Parameters
        ----------
        coefficients : ndarray of shape (terms,)
        """
        of_nulls = dict(
            zip(
                (steps.column for steps in self._with_nulls()),
                coefficients[len(self.steps) :],
                strict=True,
            )
        )
        values = []
        for steps, coefficient in zip(self.steps, coefficients, strict=False):
            added = coefficient * steps.scores
            extra = of_nulls.get(steps.column, 0.0)
            added[:-1] += extra * steps.filled_score
            added[-1] += extra * steps.null_score
            values.append(added)
        return values

    def _with_nulls(self) -> Sequence[ColumnSteps]:
        return [steps for steps in self.steps if steps.null_score]


@dataclass(frozen=True)
class Ridge:
    """A fitted additive part.

    Attributes
    ----------
    design : Design
    intercept : float
        Log-odds.
    coefficients : ndarray of shape (terms,)
        Of `Design.matrix`.
    """

    design: Design
    intercept: float
    coefficients: Floats

    def margin(self, Z: Matrix) -> Floats:
        """Log-odds of encoded rows."""
        return self.of_terms(self.design.matrix(Z))

    def of_terms(self, terms: Matrix) -> Floats:
        """The same from `Design.matrix`."""
        total: Floats = terms @ self.coefficients + self.intercept
        return total


@dataclass(frozen=True)
class RidgeOutOfFold:
    """Ridge regressions of all folds under the penalty that predicts best.

    Attributes
    ----------
    penalty : float
    folds : tuple of Ridge
        One for each fold, from its training rows.
    margin : ndarray of shape (n,)
        Out-of-fold log-odds; NaN for a row in no test part.
    loss : float
        Mean log loss of `margin`.
    """

    penalty: float
    folds: tuple[Ridge, ...]
    margin: Floats
    loss: float


def fit_ridges(
    Z: Matrix,
    y: Floats,
    w: Floats,
    rated: NDArray[np.intp],
    penalties: Sequence[float],
    *,
    monotone: Mapping[int, int],
    seed: int,
) -> list[Ridge]:
    """One regression per penalty (strongest first), each starting from the one before.

    Of more than 100,000 rows that many are drawn; `y` is 0 or 1; `monotone` maps columns to 1
    (only rising) or -1 (only falling).
    """
    if len(Z) > ENOUGH:
        drawn = np.sort(np.random.default_rng(seed).choice(len(Z), ENOUGH, replace=False))
        Z, y, w = Z[drawn], y[drawn], w[drawn]
    design = Design.learn(Z, w, rated)
    return ridge_path(design, design.matrix(Z), y, w, penalties, monotone)


def ridge_path(
    design: Design,
    terms: Matrix,
    y: Floats,
    w: Floats,
    penalties: Sequence[float],
    monotone: Mapping[int, int],
) -> list[Ridge]:
    """`fit_ridges` on the terms of a design."""
    X = np.column_stack([np.ones(len(terms)), terms])
    signs = np.zeros(X.shape[1])
    signs[1 : len(design.steps) + 1] = [monotone.get(step.column, 0) for step in design.steps]
    beta = np.zeros(X.shape[1])
    beta[0] = logit(np.average(y, weights=w))
    found = []
    for penalty in penalties:
        beta = _with_signs(X, y, w, penalty, beta, signs)
        found.append(Ridge(design, float(beta[0]), beta[1:].copy()))
    return found


def choose_ridge(
    parts: Iterable[tuple[Fold, Matrix]],
    y: Floats,
    w: Floats,
    rated: NDArray[np.intp],
    *,
    monotone: Mapping[int, int],
    seed: int,
) -> RidgeOutOfFold:
    """Fit every penalty on every fold and keep the one whose out-of-fold log loss is smallest.

    Parameters
    ----------
    parts : iterable of ((train, test), Z)
        Folds, each with the rows as it encodes them.
    """
    margins = np.full((len(PENALTIES), len(y)), np.nan)
    fitted = []
    for (train, test), Z in parts:
        ridges = fit_ridges(
            Z[train], y[train], w[train], rated, PENALTIES, monotone=monotone, seed=seed
        )
        fitted.append(ridges)
        terms = ridges[0].design.matrix(Z[test])
        for margin, ridge in zip(margins, ridges, strict=True):
            margin[test] = ridge.of_terms(terms)
    tested = np.flatnonzero(np.isfinite(margins[0]))
    losses = [
        float(np.average(log_loss_rows(margin[tested], y[tested]), weights=w[tested]))
        for margin in margins
    ]
    best = int(np.argmin(losses))
    return RidgeOutOfFold(
        PENALTIES[best], tuple(ridges[best] for ridges in fitted), margins[best], losses[best]
    )


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


def _bin(values: Matrix, cuts: Matrix) -> NDArray[np.intp]:
    """Position of each value's bin; nulls come last."""
    found = np.searchsorted(cuts, values, side="right")
    return np.where(np.isnan(values), len(cuts) + 1, found)


def _with_signs(
    X: Floats, y: Floats, w: Floats, penalty: float, start: Floats, signs: Floats
) -> Floats:
    """As `_newton`; coefficients of the wrong sign are set to 0 and the others fitted again."""
    free = np.ones(X.shape[1], dtype=bool)
    while True:
        beta = np.zeros(X.shape[1])
        beta[free] = _newton(X[:, free] if not free.all() else X, y, w, penalty, start[free])
        wrong = signs * beta < 0
        if not wrong.any():
            return beta
        free &= ~wrong


def _newton(X: Floats, y: Floats, w: Floats, penalty: float, start: Floats) -> Floats:
    """Minimise weighted log loss + penalty/2 · Σ coefficient²; the first column is the intercept."""
    ridge = np.full(X.shape[1], penalty)
    ridge[0] = 0.0
    scale = float(w.sum())

    def loss(beta: Floats) -> float:
        z = X @ beta
        fit = np.sum(w * (np.logaddexp(0, z) - y * z))
        return float((fit + 0.5 * np.sum(ridge * beta**2)) / scale)

    beta, here = start.copy(), loss(start)
    for _ in range(_STEPS):
        p = expit(X @ beta)
        slope = X.T @ (w * (p - y)) + ridge * beta
        # The way down may be rounded, where it ends may not: float32, and one matrix by itself, take
        # a quarter of the time.
        root = (X * np.sqrt(w * p * (1 - p))[:, None]).astype(np.float32)
        curve = (root.T @ root).astype(np.float64)
        curve[np.diag_indices_from(curve)] += ridge + 1e-7 * scale
        step = np.linalg.solve(curve, slope)
        size = 1.0
        while loss(beta - size * step) > here and size > 1e-4:
            size /= 2
        beta = beta - size * step
        before, here = here, loss(beta)
        if before - here < _CLOSE:
            break
    return beta
