"""The additive part: ridge logistic regression over binned scores, written as one tree a column.

Trees need many customers to draw a straight line, which most tags' effects nearly are; a ridge
regression needs few. So each column is cut into bins and scored (see `_steps`), and a ridge logistic
regression weighs the columns. What a column adds is then a step function of it, which is what a tree
is: the regression becomes the first trees of the booster, and whatever reads the booster (scoring,
SHAP, export) reads it too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._calibration import Floats, Fold, log_loss_rows
from ._descent import Descent
from ._steps import Bins, Design, Matrix, learn_steps

PENALTIES = (3_000.0, 1_000.0, 300.0, 100.0, 30.0, 10.0, 3.0)  # strongest first
ENOUGH = 100_000  # rows: with more, a few hundred coefficients do not change


@dataclass(frozen=True)
class Ridge:
    """A fitted additive part.

    Attributes
    ----------
    design : Design
    intercept : float
        Log-odds.
    coefficients : ndarray of shape (terms,)
        Of `Design.matrix`, without the intercept.
    """

    design: Design
    intercept: float
    coefficients: Floats

    def margin(self, Z: Matrix) -> Floats:
        """Log-odds of encoded rows."""
        return self.of_bins(self.design.bins(Z), len(Z))

    def of_bins(self, bins: Sequence[Bins], rows: int) -> Floats:
        """The same from `Design.bins`."""
        total = np.full(rows, self.intercept)
        for added, at in zip(self.design.values(self.coefficients), bins, strict=True):
            total += added[at]
        return total


@dataclass(frozen=True)
class Start:
    """What trees add to.

    Attributes
    ----------
    ridge : Ridge
    margin : ndarray of shape (n,)
        Its log-odds of all rows, those that it was not fitted on included.
    """

    ridge: Ridge
    margin: Floats


@dataclass(frozen=True)
class RidgeOutOfFold:
    """Ridge regressions of all folds under the penalty that predicts best.

    Attributes
    ----------
    penalty : float
    folds : tuple of Start
        One for each fold, from its training rows.
    loss : float
        Mean log loss out of fold.
    """

    penalty: float
    folds: tuple[Start, ...]
    loss: float


class RidgeRows:
    """Rows of which regressions are fitted: numbers are cut once, since a cut depends on no label.

    Parameters
    ----------
    Z : ndarray of shape (n, columns), float32
        Encoded rows.
    y, w : ndarray of shape (n,)
        0 or 1, and how many customers each row stands for; one without weight teaches nothing.
    rated : ndarray of int
        Columns that hold the mean response of a category, each level a bin of its own.
    monotone : mapping of int to int
        Columns whose effect only rises (1) or only falls (-1).
    seed : int
        Of more than 100,000 rows that many are drawn.
    """

    def __init__(
        self,
        Z: Matrix,
        y: Floats,
        w: Floats,
        rated: NDArray[np.intp],
        *,
        monotone: Mapping[int, int],
        seed: int,
    ) -> None:
        self._Z, self._y, self._w, self._rated = Z, y, w, rated.tolist()
        self._monotone, self._seed = monotone, seed
        rows = self._some(np.arange(len(Z)))
        numbers = np.setdiff1d(np.arange(Z.shape[1]), rated)
        learnt = (learn_steps(at, Z[rows, at], w[rows], False) for at in numbers.tolist())
        self._numbers = tuple(steps for steps in learnt if steps is not None)
        self._bins = [steps.bins(Z[:, steps.column]) for steps in self._numbers]

    def fit(self, penalty: float) -> Start:
        """The regression on all rows."""
        (ridge,), bins = self._path([penalty], np.arange(len(self._y)), {})
        return Start(ridge, ridge.of_bins(bins, len(self._y)))

    def choose(self, parts: Iterable[tuple[Fold, Mapping[int, Matrix]]]) -> RidgeOutOfFold:
        """Fit every penalty on every fold and keep the one whose out-of-fold log loss is smallest.

        Parameters
        ----------
        parts : iterable of ((train, test), rates)
            Folds, each with the rated columns as it encodes them.
        """
        losses, weight, fitted = np.zeros(len(PENALTIES)), 0.0, []
        for (train, test), rates in parts:
            ridges, bins = self._path(PENALTIES, train, rates)
            tested = [found[test] for found in bins]
            y, w = self._y[test], self._w[test]
            for at, ridge in enumerate(ridges):
                losses[at] += w @ log_loss_rows(ridge.of_bins(tested, len(test)), y)
            weight += float(w.sum())
            fitted.append((ridges, bins[len(self._bins) :]))
        best = int(np.argmin(losses))
        starts = tuple(
            Start(ridges[best], ridges[best].of_bins([*self._bins, *rated], len(self._y)))
            for ridges, rated in fitted
        )
        return RidgeOutOfFold(PENALTIES[best], starts, float(losses[best] / weight))

    def _path(
        self, penalties: Sequence[float], rows: NDArray[np.intp], rates: Mapping[int, Matrix]
    ) -> tuple[list[Ridge], list[Bins]]:
        """One regression per penalty, strongest first, and the bins of all rows."""
        rows = self._some(rows)
        y, w = self._y[rows], self._w[rows]
        rated = {at: rates[at] if at in rates else self._Z[:, at] for at in self._rated}
        learnt = (learn_steps(at, values[rows], w, True) for at, values in rated.items())
        levels = tuple(steps for steps in learnt if steps is not None)
        bins = [*self._bins, *(steps.bins(rated[steps.column]) for steps in levels)]
        design = Design((*self._numbers, *levels))
        terms = design.matrix([found[rows] for found in bins], len(rows))
        return ridge_path(design, terms, y, w, penalties, self._monotone), bins

    def _some(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        return some_rows(rows[self._w[rows] > 0], self._seed)


def some_rows(rows: NDArray[np.intp], seed: int) -> NDArray[np.intp]:
    """All rows, or as many as are enough."""
    if len(rows) <= ENOUGH:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, ENOUGH, replace=False))


def ridge_path(
    design: Design,
    terms: Matrix,
    y: Floats,
    w: Floats,
    penalties: Sequence[float],
    monotone: Mapping[int, int],
) -> list[Ridge]:
    """One regression per penalty (strongest first) on the terms of a design."""
    signs = np.zeros(terms.shape[1])
    signs[1 : len(design.steps) + 1] = [monotone.get(steps.column, 0) for steps in design.steps]
    found = Descent(terms, y, w).path(penalties, signs)
    return [Ridge(design, float(beta[0]), beta[1:]) for beta in found]
