"""Boosting on top of a ridge regression, with out-of-fold predictions: all folds grow in step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray
from scipy.special import logit

from marketing_ds.features import smoothed_rates

from ._additive import with_additive_part
from ._calibration import Floats, Fold, log_loss_rows
from ._ridge import RidgeOutOfFold, RidgeRows, Start
from ._steps import Matrix

OnRound = Callable[[int, float], None]
SMALLER = 1e-7  # a lesser fall of the mean log loss is none


@dataclass(frozen=True)
class Rows:
    """Encoded rows to learn from.

    Attributes
    ----------
    Z : ndarray of shape (n, columns), float32
    y : ndarray of shape (n,)
        0 or 1.
    w : ndarray of shape (n,)
        How many customers each row stands for.
    rated : ndarray of int
        Columns that hold mean responses of categories.
    monotone : mapping of int to int
        Columns whose effect only rises (1) or only falls (-1).
    seed : int
        Of the rows drawn where there are more than a regression needs.
    """

    Z: Matrix
    y: Floats
    w: Floats
    rated: NDArray[np.intp]
    monotone: Mapping[int, int]
    seed: int

    @cached_property
    def for_ridges(self) -> RidgeRows:
        """The rows, cut into bins once for all regressions."""
        return RidgeRows(self.Z, self.y, self.w, self.rated, monotone=self.monotone, seed=self.seed)

    def seen_from(self, fold: Fold, rows: NDArray[np.intp]) -> Matrix:
        """Some rows with each mean response taken again from the fold's training rows.

        No test row then has a say in its own encoding.
        """
        own = self.Z[rows]
        for column, values in self.rated_in(fold).items():
            own[:, column] = values[rows]
        return own

    def rated_in(self, fold: Fold) -> dict[int, Matrix]:
        """The columns of mean responses, taken from the fold's training rows."""
        rates = self.rates_in(fold)
        return {at: rates[at].rates[level] for at, (_, level) in self._levels.items()}

    def rates_in(self, fold: Fold) -> dict[int, Rates]:
        """For each column of mean responses, what the fold's training rows make of its levels."""
        train, _ = fold
        found = {}
        for column, (levels, level) in self._levels.items():
            seen, group = np.unique(level[train], return_inverse=True)
            rates = np.full(len(levels), np.nan, dtype=np.float32)
            rates[seen] = smoothed_rates(group, self.y[train], self.w[train])
            found[column] = Rates(levels, rates)
        return found

    @cached_property
    def _levels(self) -> dict[int, tuple[Matrix, NDArray[np.intp]]]:
        """The levels of each column of mean responses, and which one each row has.

        Levels of equal rate fall together here, as they do in any tree.
        """
        return {
            column: np.unique(self.Z[:, column], return_inverse=True)
            for column in self.rated.tolist()
        }


@dataclass(frozen=True)
class Rates:
    """How one fold rates the levels of a category, by the rates that all rows give them."""

    levels: Matrix
    rates: Matrix

    def of(self, values: Matrix) -> Matrix:
        """The fold's rates of values of the whole encoding; NaN for one never seen."""
        place = np.minimum(np.searchsorted(self.levels, values), len(self.levels) - 1)
        same = (self.levels[place] == values) | (np.isnan(self.levels[place]) & np.isnan(values))
        rates: Matrix = np.where(same, self.rates[place], np.float32(np.nan))
        return rates


@dataclass(frozen=True)
class OutOfFold:
    """What the folds say.

    Attributes
    ----------
    rounds : int
        Number of boosted trees with the smallest mean log loss out of fold.
    losses : tuple of float
        That loss after each round; the first is that of the ridge regression alone (or, without
        one, of the base rate).
    margin : ndarray of shape (n,)
        Out-of-fold margins at `rounds`; NaN for a row that is in no test fold.
    ridge : RidgeOutOfFold or None
    boosters : tuple of xgboost.Booster
        Each fold's, regression included, at `rounds`; empty unless they were asked for.
    """

    rounds: int
    losses: tuple[float, ...]
    margin: Floats
    ridge: RidgeOutOfFold | None
    boosters: tuple[xgb.Booster, ...]


def ridge_out_of_fold(rows: Rows, folds: Sequence[Fold]) -> RidgeOutOfFold:
    """The regression's best penalty, with each fold's regression under it."""
    return rows.for_ridges.choose((fold, rows.rated_in(fold)) for fold in folds)


def grow_out_of_fold(
    rows: Rows,
    folds: Sequence[Fold],
    parameters: dict[str, Any],
    ridge: RidgeOutOfFold | None,
    *,
    max_rounds: int,
    patience: int,
    keep: bool = False,
    on_round: OnRound | None = None,
) -> OutOfFold:
    """Grow one booster per fold, round by round, until the pooled loss has stopped falling.

    Parameters
    ----------
    rows : Rows
    folds : sequence of (train, test) positions
    parameters : dict
        XGBoost's.
    ridge : RidgeOutOfFold or None
        What the trees add to.
    max_rounds, patience : int
        Most rounds, and rounds without a smaller loss after which the folds stop.
    keep : bool, default=False
        Keep the folds' boosters, for standard errors.
    on_round : callable, optional
        Called with the round and its loss; may raise to stop for good.
    """
    starts: Sequence[Start | None] = ridge.folds if ridge else [None] * len(folds)
    racers = [
        _racer(rows, fold, start, parameters) for fold, start in zip(folds, starts, strict=True)
    ]
    best, losses = race(racers, max_rounds=max_rounds, patience=patience, on_round=on_round)
    margin = np.full(len(rows.y), np.nan)
    for (_, test), racer in zip(folds, racers, strict=True):
        margin[test] = racer.margin(best)
    kept = (
        tuple(_whole(racer, best, start) for racer, start in zip(racers, starts, strict=True))
        if keep
        else ()
    )
    return OutOfFold(best, losses, margin, ridge, kept)


def grow(rows: Rows, parameters: dict[str, Any], rounds: int, penalty: float | None) -> xgb.Booster:
    """One booster on all rows, regression included.

    Parameters
    ----------
    penalty : float or None
        Of the ridge regression; None for trees alone.
    """
    start = None if penalty is None else rows.for_ridges.fit(penalty)
    data = _quantised(rows.Z, rows.y, rows.w, parameters, None if start is None else start.margin)
    booster = xgb.train(with_base(parameters, rows.y, rows.w), data, rounds)
    return booster if start is None else with_additive_part(booster, start.ridge)


class Racer:
    """A booster that grows round by round, with the rows that judge it.

    The loss is computed here, since XGBoost's own evaluation comes as text of five digits, too
    coarse where each tree adds little.

    Parameters
    ----------
    parameters : dict
        XGBoost's.
    train, test : xgboost.DMatrix
        With what the trees add to as `base_margin`, or as `base_score` of the parameters.
    start : ndarray of shape (n_test,)
        That, as log-odds of the test rows.
    y, w : ndarray of shape (n_test,)
        Label and weight of the test rows.
    """

    def __init__(
        self,
        parameters: dict[str, Any],
        train: xgb.DMatrix,
        test: xgb.DMatrix,
        *,
        start: Floats,
        y: Floats,
        w: Floats,
    ) -> None:
        self.weight = float(w.sum())
        self._parameters, self._train, self._test = parameters, train, test
        self._start, self._y, self._w = start, y, w
        # Both matrices are named, so that each round only predicts its own new tree.
        self._booster = xgb.Booster(parameters, [train, test])

    def step(self, round_: int) -> float:
        """Grow a tree; the summed loss after it."""
        self._booster.update(self._train, round_)
        return self.loss()

    def loss(self) -> float:
        """Summed log loss of the test rows."""
        margin = self._booster.predict(self._test, output_margin=True).astype(np.float64)
        return float(np.sum(self._w * log_loss_rows(margin, self._y)))

    def margin(self, rounds: int) -> Floats:
        """Log-odds of the test rows after so many rounds."""
        if rounds == 0:  # XGBoost reads an iteration range of (0, 0) as "all"
            return self._start
        margin: Floats = self._booster.predict(
            self._test, output_margin=True, iteration_range=(0, rounds)
        ).astype(np.float64)
        return margin

    def booster(self, rounds: int) -> xgb.Booster:
        """The booster after so many rounds."""
        if rounds == 0:
            return xgb.train(self._parameters, self._train, 0)
        return self._booster[:rounds]


def race(
    racers: Sequence[Racer], *, max_rounds: int, patience: int, on_round: OnRound | None = None
) -> tuple[int, tuple[float, ...]]:
    """Let all grow in step until their pooled mean loss has stopped falling.

    Returns
    -------
    rounds : int
        With the smallest loss.
    losses : tuple of float
        After each round, from 0 rounds on.
    """
    weight = sum(racer.weight for racer in racers)
    losses = [sum(racer.loss() for racer in racers) / weight]
    best = 0
    for done in range(1, max_rounds + 1):
        losses.append(sum(racer.step(done - 1) for racer in racers) / weight)
        if on_round is not None:
            on_round(done, losses[done])
        if losses[done] < losses[best] - SMALLER:
            best = done
        if done - best >= patience:
            break
    return best, tuple(losses)


def with_base(parameters: dict[str, Any], y: Floats, w: Floats) -> dict[str, Any]:
    """The parameters with the base rate of these rows as the starting point."""
    return parameters | {"base_score": float(np.average(y, weights=w))}


def _racer(rows: Rows, fold: Fold, start: Start | None, parameters: dict[str, Any]) -> Racer:
    """The booster of one fold, on its training rows."""
    train, test = fold
    y, w = rows.y[train], rows.w[train]
    full = with_base(parameters, y, w)
    learnt, tested = (None, None) if start is None else (start.margin[train], start.margin[test])
    judged = xgb.DMatrix(
        rows.seen_from(fold, test), base_margin=tested, nthread=parameters["nthread"]
    )
    grown_on = _quantised(rows.seen_from(fold, train), y, w, parameters, learnt)
    if tested is None:
        tested = np.full(len(test), logit(full["base_score"]))
    return Racer(full, grown_on, judged, start=tested, y=rows.y[test], w=rows.w[test])


def _whole(racer: Racer, rounds: int, start: Start | None) -> xgb.Booster:
    """A fold's booster, regression included."""
    booster = racer.booster(rounds)
    return booster if start is None else with_additive_part(booster, start.ridge)


def _quantised(
    Z: Matrix, y: Floats, w: Floats, parameters: dict[str, Any], margin: Floats | None
) -> xgb.QuantileDMatrix:
    return xgb.QuantileDMatrix(
        Z,
        y,
        weight=w,
        base_margin=margin,
        max_bin=parameters["max_bin"],
        nthread=parameters["nthread"],
    )
