"""Ridge regressions of many labels on one design: numbers are binned once, codes scored for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from marketing_ds.features import smoothed_rates

from ._additive import LEAST_SHARE
from ._calibration import Floats, Fold, log_loss_rows
from ._ridge import (
    ENOUGH,
    PENALTIES,
    ColumnSteps,
    Design,
    Matrix,
    Ridge,
    learn_steps,
    ridge_path,
    standardised,
)

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Start:
    """What one label's trees add to.

    Attributes
    ----------
    ridge : Ridge
    margin : ndarray of shape (n,)
        Its log-odds of all rows, test rows included.
    """

    ridge: Ridge
    margin: Floats


class SharedDesign:
    """Terms of the regressions of many labels, as of `_ridge.Design`.

    A number's bins and scores depend on no label, so all labels and folds share them. A code is a
    bin of its own, scored by the log-odds of its smoothed rate among the rows that a regression is
    fitted on.

    Parameters
    ----------
    Z : ndarray of shape (n, columns), float32
        Encoded rows, categories as codes from 0.
    w : ndarray of shape (n,)
        How many customers each row stands for.
    kinds : sequence of {"c", "float"}
        Of each column.
    seed : int
        Of more than 100,000 rows that many are drawn.
    """

    def __init__(self, Z: Matrix, w: Floats, kinds: Sequence[str], seed: int) -> None:
        seen = w > 0
        numbers = [at for at, kind in enumerate(kinds) if kind != "c"]
        learnt = (learn_steps(at, Z[seen, at], w[seen], False) for at in numbers)
        self._numbers = Design(tuple(steps for steps in learnt if steps is not None))
        terms = self._numbers.matrix(Z)
        # In the order of `Design.matrix`: codes go between scores and indicators of nulls.
        width = len(self._numbers.steps)
        self._scores, self._nulls = terms[:, :width], terms[:, width:]
        self._codes = {at: Z[:, at].astype(np.intp) for at, kind in enumerate(kinds) if kind == "c"}
        self._seed = seed

    def choose(self, y: Floats, w: Floats, folds: Sequence[Fold]) -> tuple[float, list[Start]]:
        """The penalty with the smallest log loss out of fold, and each fold's regression under it.

        Parameters
        ----------
        y, w : ndarray of shape (n,)
            Label, and weight: 0 for a row that teaches nothing and tests nothing.
        folds : sequence of (train, test) positions
        """
        losses = np.zeros(len(PENALTIES))
        fitted = []
        for train, test in folds:
            ridges = self._path(y, w, train, PENALTIES)
            fitted.append(ridges)
            tested = test[w[test] > 0]
            terms = self._terms(tested, ridges[0].design)
            for at, ridge in enumerate(ridges):
                losses[at] += w[tested] @ log_loss_rows(ridge.of_terms(terms), y[tested])
        best = int(np.argmin(losses))
        return PENALTIES[best], [self._start(ridges[best]) for ridges in fitted]

    def fit(self, y: Floats, w: Floats, penalty: float) -> Start:
        """The regression on all rows with weight."""
        (ridge,) = self._path(y, w, np.arange(len(y)), [penalty])
        return self._start(ridge)

    def _path(self, y: Floats, w: Floats, rows: Rows, penalties: Sequence[float]) -> list[Ridge]:
        """One regression per penalty, strongest first, each starting from the one before."""
        rows = rows[w[rows] > 0]
        if len(rows) > ENOUGH:
            rows = np.sort(np.random.default_rng(self._seed).choice(rows, ENOUGH, replace=False))
        y, w = y[rows], w[rows]
        codes = [
            _code_steps(column, code[rows], int(code.max()) + 1, y, w)
            for column, code in self._codes.items()
        ]
        design = Design((*self._numbers.steps, *codes))
        return ridge_path(design, self._terms(rows, design), y, w, penalties, {})

    def _terms(self, rows: Rows, design: Design) -> Matrix:
        """`Design.matrix` of some rows."""
        of_codes = design.steps[len(self._numbers.steps) :]
        scored = [steps.scores[self._codes[steps.column][rows]] for steps in of_codes]
        parts: list[Matrix | Floats] = [self._scores[rows], *scored, self._nulls[rows]]
        return np.column_stack(parts).astype(np.float32)

    def _start(self, ridge: Ridge) -> Start:
        return Start(ridge, ridge.of_terms(self._terms(np.arange(len(self._scores)), ridge.design)))


def _code_steps(column: int, code: Rows, levels: int, y: Floats, w: Floats) -> ColumnSteps:
    """A bin per code; one that no row has is scored as the average customer."""
    rates = np.full(levels, np.average(y, weights=w))
    seen = smoothed_rates(code, y, w)
    rates[: len(seen)] = seen
    size = np.bincount(code, w, minlength=levels)
    return ColumnSteps(
        column,
        (np.arange(1, levels) - 0.5).astype(np.float32),
        np.append(standardised(logit(rates), size), 0.0),
        np.append(np.maximum(size, LEAST_SHARE * size.sum()), 0.0),
        0.0,
        0.0,
    )
