"""Committees of boosters: one per fold, stopped together where their held-out loss is least.

Every tree model of this room is such a committee. Its members give honest out-of-fold predictions
while they are trained, and their mean is the model; nothing is fitted twice. The features are
binned once and the bins shared by all members.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from marketing_ds._core.terms import Term

from .arms import Floats

Matrix = npt.NDArray[np.float32]
Link = Literal["identity", "logistic"]

_MAX_BIN = 128
_ROWS_PER_THREAD = 25_000  # below, threads of shallow trees wait for each other more than they work


@dataclass(frozen=True)
class Trees:
    """How a committee's trees grow; `min_leaf` and `l2` count customers."""

    n_estimators: int
    max_depth: int
    learning_rate: float
    min_leaf: float | None
    l2: float | None
    subsample: float
    early_stopping_rounds: int | None
    n_jobs: int | None
    seed: int

    def parameters(self, link: Link, rows: int, mean: float) -> dict[str, Any]:
        """XGBoost's parameters for `rows` customers with mean outcome `mean`."""
        # A leaf of √n customers estimates a mean to n^¼ of the whole's standard error.
        leaf = math.sqrt(rows) if self.min_leaf is None else self.min_leaf
        l2 = leaf if self.l2 is None else self.l2
        # XGBoost counts hessians: 1 a customer for squared error, p(1 - p) for the logistic loss.
        hessian = mean * (1 - mean) if link == "logistic" else 1.0
        return {
            "objective": "binary:logistic" if link == "logistic" else "reg:squarederror",
            "base_score": mean,
            "tree_method": "hist",
            "max_bin": _MAX_BIN,
            "max_depth": self.max_depth,
            "learning_rate": self.learning_rate,
            "min_child_weight": leaf * hessian,
            "reg_lambda": l2 * hessian,
            "subsample": self.subsample,
            "seed": self.seed,
            "nthread": self.threads(rows),
            "verbosity": 0,
        }

    def threads(self, rows: int) -> int:
        """At most `n_jobs` (None or -1: all cores), fewer for few rows."""
        cores = os.cpu_count() or 1
        allowed = cores if self.n_jobs in (None, -1) else int(self.n_jobs or 1)
        return max(1, min(allowed, rows // _ROWS_PER_THREAD))


class Binned:
    """Features with bins shared by everything trained on parts of them."""

    def __init__(self, X: Matrix, trees: Trees) -> None:
        self.X = X
        self.trees = trees
        self._threads = trees.threads(len(X))
        self._bins = self._matrix(X, None) if X.shape[1] else None

    def part(self, rows: npt.NDArray[np.intp], y: Floats) -> xgb.QuantileDMatrix:
        """The matrix of `rows` with outcomes ``y[rows]``."""
        return self._matrix(self.X[rows], y[rows])

    def _matrix(self, X: Matrix, y: Floats | None) -> xgb.QuantileDMatrix:
        reference = None if y is None else self._bins
        return xgb.QuantileDMatrix(X, y, ref=reference, max_bin=_MAX_BIN, nthread=self._threads)


@dataclass(frozen=True)
class Committee:
    """Members trained each without one fold; without boosters, a constant.

    Attributes
    ----------
    boosters : tuple of xgboost.Booster
        One a fold, or none where trees do not lower the held-out loss.
    link : {"identity", "logistic"}
        From a booster's margin to the outcome.
    mean : float
        Mean outcome of all customers trained on: the prediction without trees.
    fold_means : ndarray of shape (n_folds,)
        Mean outcomes without each fold.
    """

    boosters: tuple[xgb.Booster, ...]
    link: Link
    mean: float
    fold_means: Floats

    @property
    def rounds(self) -> int:
        """Trees in each member."""
        return self.boosters[0].num_boosted_rounds() if self.boosters else 0

    @property
    def constant(self) -> float:
        """What is added to `terms`."""
        return 0.0 if self.boosters else self.mean

    def terms(self, sign: float = 1.0) -> tuple[Term, ...]:
        """The committee's mean as a sum of terms."""
        weight = sign / max(len(self.boosters), 1)
        return tuple(Term(weight, booster, self.link) for booster in self.boosters)

    def out_of_fold(self, X: Matrix, folds: npt.NDArray[np.int8]) -> Floats:
        """Each row predicted by the member that was trained without the row's fold."""
        if not self.boosters:
            return self.fold_means[folds]
        out = np.empty(len(X))
        for fold, booster in enumerate(self.boosters):
            rows = np.flatnonzero(folds == fold)
            out[rows] = predict_terms((Term(1.0, booster, self.link),), X[rows])
        return out


def predict_terms(terms: tuple[Term, ...], X: Matrix) -> Floats:
    """Σ weight · link(margin), shape (n,)."""
    total = np.zeros(len(X))
    for term in terms:
        kind = "margin" if term.link == "identity" else "value"
        total += term.weight * term.booster.inplace_predict(X, predict_type=kind)
    return total


def fit_committee(
    binned: Binned,
    y: Floats,
    folds: npt.NDArray[np.int8],
    *,
    link: Link,
    member: npt.NDArray[np.bool_] | None = None,
    least: int = 0,
) -> Committee:
    """Train one booster without each fold, in step, up to the round of the least held-out loss.

    Parameters
    ----------
    binned : Binned
        Features of n customers.
    y : ndarray of shape (n,)
        Outcomes.
    folds : ndarray of shape (n,)
        The fold of each customer, from 0.
    link : {"identity", "logistic"}
        Squared error, or logistic loss for outcomes of 0 and 1.
    member : ndarray of bool, shape (n,), optional
        Customers to train on; all by default.
    least : int
        Rounds to grow whatever the held-out loss says.
    """
    inside = np.ones(len(y), dtype=bool) if member is None else member
    n_folds = int(folds.max()) + 1
    fold_means = np.array([y[inside & (folds != fold)].mean() for fold in range(n_folds)])
    mean = float(y[inside].mean())
    constant = Committee((), link, mean, fold_means)
    inner = y[inside]
    if not binned.X.shape[1] or binned.trees.n_estimators == 0 or inner.min() == inner.max():
        return constant
    race = [_Runner(binned, y, inside, folds, fold, link) for fold in range(n_folds)]
    rounds = _run(race, binned.trees, least)
    if rounds == 0:
        return constant
    return Committee(tuple(runner.booster[:rounds] for runner in race), link, mean, fold_means)


class _Runner:
    """A booster in training without one fold."""

    def __init__(
        self,
        binned: Binned,
        y: Floats,
        inside: npt.NDArray[np.bool_],
        folds: npt.NDArray[np.int8],
        fold: int,
        link: Link,
    ) -> None:
        train = np.flatnonzero(inside & (folds != fold))
        mean = float(y[train].mean())
        if link == "logistic":  # a part without any (or only) outcomes has no finite logit
            mean = min(max(mean, 0.5 / len(train)), 1 - 0.5 / len(train))
        self._train = binned.part(train, y)
        self._held_out = None
        cache = [self._train]
        if binned.trees.early_stopping_rounds is not None:
            held_out = np.flatnonzero(inside & (folds == fold))
            self._held_out = binned.part(held_out, y) if len(held_out) else None
        if self._held_out is not None:
            cache.append(self._held_out)
        self.booster = xgb.Booster(binned.trees.parameters(link, len(train), mean), cache)
        self._power = 1 if link == "logistic" else 2  # rmse to squared error

    def grow(self, iteration: int) -> None:
        self.booster.update(self._train, iteration)

    def loss(self) -> float:
        """Summed loss on the fold left out."""
        if self._held_out is None:
            return 0.0
        shown = self.booster.eval_set([(self._held_out, "out")])
        return float(float(shown.rsplit(":", 1)[1]) ** self._power * self._held_out.num_row())


def _run(race: list[_Runner], trees: Trees, least: int) -> int:
    """Grow all runners in step; the number of rounds to keep."""
    patience = trees.early_stopping_rounds
    if patience is None:
        for iteration in range(trees.n_estimators):
            for runner in race:
                runner.grow(iteration)
        return trees.n_estimators
    best, best_loss = 0, sum(runner.loss() for runner in race)
    for iteration in range(trees.n_estimators):
        for runner in race:
            runner.grow(iteration)
        if iteration + 1 < least:
            continue
        loss = sum(runner.loss() for runner in race)
        if loss < best_loss or iteration + 1 == least:
            best, best_loss = iteration + 1, loss
        elif iteration + 1 - best >= patience:
            break
    return best
