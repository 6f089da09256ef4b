"""Boosting with out-of-fold predictions: all folds grow in step, so that they stop together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray
from scipy.special import logit

from marketing_ds.features import smoothed_rates

from ._calibration import Fold, log_loss_rows

Matrix = NDArray[np.float32]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class OutOfFold:
    """What the folds say.

    Attributes
    ----------
    rounds : int
        Number of rounds with the smallest mean log loss out of fold.
    losses : tuple of float
        That loss after each round, from 0 rounds (the base rate) on.
    margin : ndarray of shape (n,)
        Out-of-fold margins at `rounds`; NaN for a row that is in no test fold.
    """

    rounds: int
    losses: tuple[float, ...]
    margin: Floats


def grow_out_of_fold(
    X: Matrix,
    y: Floats,
    w: Floats,
    folds: Sequence[Fold],
    parameters: dict[str, Any],
    *,
    rated: NDArray[np.intp],
    max_rounds: int,
    patience: int,
) -> OutOfFold:
    """Grow one booster per fold, round by round, until the pooled loss has stopped falling.

    `rated` are the columns that hold mean responses of categories: for each fold they are taken
    again from its training rows, so that no test row has a say in its own encoding.
    """
    racers = [_Racer(_rerated(X, rated, y, w, f), y, w, f, parameters) for f in folds]
    weight = sum(racer.weight for racer in racers)
    losses = [sum(racer.loss() for racer in racers) / weight]
    best = 0
    for done in range(1, max_rounds + 1):
        losses.append(sum(racer.step(done - 1) for racer in racers) / weight)
        if losses[done] < losses[best]:
            best = done
        if done - best >= patience:
            break
    margin = np.full(len(y), np.nan)
    for racer in racers:
        margin[racer.test] = racer.margin(best)
    return OutOfFold(best, tuple(losses), margin)


def grow(X: Matrix, y: Floats, w: Floats, parameters: dict[str, Any], rounds: int) -> xgb.Booster:
    """One booster on all rows."""
    data = _quantised(X, y, w, parameters)
    return xgb.train(_with_base(parameters, y, w), data, rounds)


class _Racer:
    """The booster of one fold, with its test rows.

    The loss is computed here, since XGBoost's own evaluation comes as text of five digits, too
    coarse where each tree adds little.
    """

    def __init__(
        self, X: Matrix, y: Floats, w: Floats, fold: Fold, parameters: dict[str, Any]
    ) -> None:
        train, self.test = fold
        self.y, self.w = y[self.test], w[self.test]
        self.weight = float(self.w.sum())
        self._train = _quantised(X[train], y[train], w[train], parameters)
        self._test = xgb.DMatrix(X[self.test], nthread=parameters["nthread"])
        full = _with_base(parameters, y[train], w[train])
        self._base = float(logit(full["base_score"]))
        # Both matrices are named, so that each round only predicts its own new tree.
        self._booster = xgb.Booster(full, [self._train, self._test])

    def step(self, round_: int) -> float:
        self._booster.update(self._train, round_)
        return self.loss()

    def loss(self) -> float:
        margin = self._booster.predict(self._test, output_margin=True).astype(np.float64)
        return float(np.sum(self.w * log_loss_rows(margin, self.y)))

    def margin(self, rounds: int) -> Floats:
        if rounds == 0:  # XGBoost reads an iteration range of (0, 0) as "all"
            return np.full(len(self.test), self._base)
        margin: Floats = self._booster.predict(
            self._test, output_margin=True, iteration_range=(0, rounds)
        ).astype(np.float64)
        return margin


def _rerated(X: Matrix, rated: NDArray[np.intp], y: Floats, w: Floats, fold: Fold) -> Matrix:
    if len(rated) == 0:
        return X
    train, _ = fold
    own = X.copy()
    for column in rated:
        # Levels of equal rate fall together here, as they do in any tree.
        _, level = np.unique(X[:, column], return_inverse=True)
        seen, group = np.unique(level[train], return_inverse=True)
        lookup = np.full(level.max() + 1, np.nan, dtype=np.float32)
        lookup[seen] = smoothed_rates(group, y[train], w[train])
        own[:, column] = lookup[level]
    return own


def _quantised(X: Matrix, y: Floats, w: Floats, parameters: dict[str, Any]) -> xgb.QuantileDMatrix:
    return xgb.QuantileDMatrix(
        X, y, weight=w, max_bin=parameters["max_bin"], nthread=parameters["nthread"]
    )


def _with_base(parameters: dict[str, Any], y: Floats, w: Floats) -> dict[str, Any]:
    """The parameters with the base rate of these rows as the starting point."""
    return parameters | {"base_score": float(np.average(y, weights=w))}
