"""Ridge regressions of many labels on one design: numbers are binned once, codes scored for each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from marketing_ds.features import smoothed_rates

from ._additive import LEAST_SHARE
from ._calibration import Floats, Fold, log_loss_rows
from ._ridge import PENALTIES, Ridge, Start, ridge_path, some_rows
from ._steps import Bins, ColumnSteps, Design, Matrix, learn_steps, standardised

Rows = NDArray[np.intp]


class SharedDesign:
    """Terms of the regressions of many labels, as of `_steps.Design`.

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
        self._numbers = tuple(steps for steps in learnt if steps is not None)
        codes = {at: Z[:, at].astype(np.intp) for at, kind in enumerate(kinds) if kind == "c"}
        self._levels = {at: int(code.max()) + 1 for at, code in codes.items()}
        self._bins: list[Bins] = [steps.bins(Z[:, steps.column]) for steps in self._numbers]
        self._bins += [
            code.astype(np.min_scalar_type(self._levels[at])) for at, code in codes.items()
        ]
        self._rows, self._seed = len(Z), seed

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
            bins = [found[tested] for found in self._bins]
            for at, ridge in enumerate(ridges):
                margin = ridge.of_bins(bins, len(tested))
                losses[at] += w[tested] @ log_loss_rows(margin, y[tested])
        best = int(np.argmin(losses))
        return PENALTIES[best], [self._start(ridges[best]) for ridges in fitted]

    def fit(self, y: Floats, w: Floats, penalty: float) -> Start:
        """The regression on all rows with weight."""
        (ridge,) = self._path(y, w, np.arange(len(y)), [penalty])
        return self._start(ridge)

    def _path(self, y: Floats, w: Floats, rows: Rows, penalties: Sequence[float]) -> list[Ridge]:
        """One regression per penalty, strongest first."""
        rows = some_rows(rows[w[rows] > 0], self._seed)
        y, w = y[rows], w[rows]
        bins = [found[rows] for found in self._bins]
        codes = [
            _code_steps(column, code, levels, y, w)
            for (column, levels), code in zip(
                self._levels.items(), bins[len(self._numbers) :], strict=True
            )
        ]
        design = Design((*self._numbers, *codes))
        return ridge_path(design, design.matrix(bins, len(rows)), y, w, penalties, {})

    def _start(self, ridge: Ridge) -> Start:
        return Start(ridge, ridge.of_bins(self._bins, self._rows))


def _code_steps(column: int, code: Bins, levels: int, y: Floats, w: Floats) -> ColumnSteps:
    """A bin per code; one that no row has is scored as the average customer."""
    rates = np.full(levels, np.average(y, weights=w))
    seen = smoothed_rates(code.astype(np.intp), y, w)
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
