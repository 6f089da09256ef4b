"""Committees of boosters: one per fold, stopped together where their held-out loss is least.

Every tree model of this room is such a committee. Its members give honest out-of-fold predictions
while they are trained, and their mean is the model; nothing is fitted twice. The features are
binned once and the bins shared by all members.
"""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import xgboost as xgb
from sklearn.base import clone

from marketing_ds._core.terms import Term

from .arms import Floats

Matrix = npt.NDArray[np.float32]
Link = Literal["identity", "logistic"]

_MAX_BIN = 128
_CUT_ROWS = 100_000
_MANY = 100_000  # customers for whom drawing some of them for each tree brings nothing
_LOOK = 4  # rounds between looks at the held-out loss
_ROWS_PER_THREAD = 25_000  # below, threads of shallow trees wait for each other more than they work


@dataclass(frozen=True)
class Trees:
    """How a committee's trees grow; `min_leaf` and `l2` count customers."""

    n_estimators: int
    max_depth: int
    learning_rate: float
    min_leaf: float | None
    l2: float | None
    subsample: float | None
    early_stopping_rounds: int | None
    n_jobs: int | None
    seed: int
    base: Any = None
    """A scikit-learn regressor to be cloned in the boosters' place."""

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
            "subsample": self.share(rows),
            "seed": self.seed,
            "nthread": self.threads(rows),
            "verbosity": 0,
        }

    def share(self, rows: int) -> float:
        """Of customers drawn for each tree."""
        if self.subsample is not None:
            return self.subsample
        return 0.8 if rows < _MANY else 1.0

    def threads(self, rows: int) -> int:
        """At most `n_jobs` (None or -1: all cores), fewer for few rows."""
        cores = os.cpu_count() or 1
        allowed = cores if self.n_jobs in (None, -1) else int(self.n_jobs or 1)
        return max(1, min(allowed, rows // _ROWS_PER_THREAD))


class Binned:
    """Features with bins shared by everything trained on parts of them.

    With `keep`, a part is binned once: what is trained on the same customers later gets the same
    matrix with other outcomes. Without, it goes with what was trained on it. Cuts are made on some rows: a leaf needs √n customers, of whom a hundred
    thousand rows hold enough.
    """

    def __init__(self, X: Matrix, trees: Trees, *, keep: bool = False) -> None:
        self.X = X
        self.trees = trees
        self._keep = keep
        self._threads = trees.threads(len(X))
        self._parts: dict[tuple[bytes, int, bool], xgb.QuantileDMatrix] = {}
        self._cuts = None
        if X.shape[1] and trees.base is None:
            self._cuts = self._matrix(X[:: max(1, len(X) // _CUT_ROWS)], None)

    def whole(self) -> xgb.QuantileDMatrix | None:
        """All rows, without outcomes; None without features."""
        return self._matrix(self.X, self._cuts) if self._cuts is not None else None

    def with_trees(self, trees: Trees) -> Binned:
        """The same features and bins for trees that grow otherwise."""
        other = copy.copy(self)
        other.trees = trees
        return other

    def part(
        self,
        key: tuple[bytes, int, bool],
        rows: npt.NDArray[np.intp],
        y: Floats,
        weight: Floats | None,
    ) -> xgb.QuantileDMatrix:
        """The matrix of `rows`, known by `key`, with the outcomes (and weights) of these rows."""
        matrix = self._parts.get(key)
        if matrix is None:
            matrix = self._matrix(self.X[rows], self._cuts)
        if self._keep:
            self._parts[key] = matrix
        matrix.set_label(y)
        matrix.set_weight(np.empty(0) if weight is None else weight)
        return matrix

    def _matrix(self, X: Matrix, reference: xgb.QuantileDMatrix | None) -> xgb.QuantileDMatrix:
        return xgb.QuantileDMatrix(X, ref=reference, max_bin=_MAX_BIN, nthread=self._threads)


@dataclass(frozen=True)
class ForeignTerm:
    """``weight * prediction`` of a scikit-learn regressor, the twin of `Term`.

    `fixed` are values of columns that the regressor has beside the features.
    """

    weight: float
    regressor: Any
    fixed: tuple[float, ...] = ()

    def predict(self, X: Matrix) -> Floats:
        """The regressor's prediction, without the weight."""
        if self.fixed:
            X = np.hstack([X, np.tile(np.array(self.fixed, dtype=np.float32), (len(X), 1))])
        return np.asarray(self.regressor.predict(X), dtype=np.float64)


AnyTerm = Term | ForeignTerm


@dataclass(frozen=True)
class Committee:
    """Members trained each without one fold; without boosters, constants.

    Attributes
    ----------
    boosters : tuple of xgboost.Booster or scikit-learn regressors
        One a fold, or none where trees do not lower the held-out loss.
    link : {"identity", "logistic"}
        From a booster's margin to the outcome.
    fold_means : ndarray of shape (n_folds,)
        Mean outcomes without each fold: the members' predictions without trees.
    mean : float
        Mean outcome of all customers trained on.
    """

    boosters: tuple[Any, ...]
    link: Link
    fold_means: Floats
    mean: float

    @property
    def rounds(self) -> int:
        """Trees in each member."""
        if not self.boosters:
            return 0
        first = self.boosters[0]
        return first.num_boosted_rounds() if isinstance(first, xgb.Booster) else 1

    def member(self, fold: int, weight: float = 1.0) -> tuple[tuple[AnyTerm, ...], float]:
        """The member without `fold`, as `weight` × (terms and a constant)."""
        if not self.boosters:
            return (), weight * float(self.fold_means[fold])
        model = self.boosters[fold]
        if isinstance(model, xgb.Booster):
            return (Term(weight, model, self.link),), 0.0
        return (ForeignTerm(weight, model),), 0.0

    def predict(self, fold: int, X: Matrix) -> Floats:
        """The outcome as the member without `fold` has it, shape (n,)."""
        if not self.boosters:
            return np.full(len(X), self.fold_means[fold])
        return predict_terms(self.member(fold)[0], X)

    def out_of_fold(self, X: Matrix, folds: npt.NDArray[np.int8]) -> Floats:
        """Each row predicted by the member that was trained without the row's fold."""
        out = self.fold_means[folds]
        for fold in range(len(self.boosters)):
            rows = np.flatnonzero(folds == fold)
            out[rows] = self.predict(fold, X[rows])
        return out


def predict_terms(terms: Sequence[AnyTerm], X: Matrix) -> Floats:
    """Σ weight · link(margin), shape (n,)."""
    total = np.zeros(len(X))
    for term in terms:
        if isinstance(term, ForeignTerm):
            total += term.weight * term.predict(X)
            continue
        kind = "margin" if term.link == "identity" else "value"
        # In float64 whatever the weight's type: a model that was saved and loaded says the same.
        total += np.float64(term.weight) * term.booster.inplace_predict(X, predict_type=kind)
    return total


@dataclass(frozen=True)
class Task:
    """What one committee is trained on.

    Attributes
    ----------
    y : ndarray of shape (n,), or one for each fold
        Outcomes, or what each member takes for them.
    link : {"identity", "logistic"}
        Squared error, or logistic loss for outcomes of 0 and 1.
    member : ndarray of bool, shape (n,), optional
        Customers to train on; all by default.
    weight : ndarray of shape (n,), optional
        Of each customer in the loss, 1 on average.
    """

    y: Floats | Sequence[Floats]
    link: Link
    member: npt.NDArray[np.bool_] | None = None
    weight: Floats | None = None


def fit_committee(
    binned: Binned, task: Task, folds: npt.NDArray[np.int8], *, least: int = 0
) -> Committee:
    """A committee of its own; see `fit_committees`."""
    return fit_committees(binned, [task], folds, least=least)[0]


def fit_committees(
    binned: Binned, tasks: Sequence[Task], folds: npt.NDArray[np.int8], *, least: int = 0
) -> tuple[Committee, ...]:
    """Train boosters without each fold, in step, up to the round of the least held-out loss.

    All committees stop at one round: were each arm's outcome model stopped by itself, one would
    get its trees where its held-out outcomes happen to follow a tag and another none, and their
    difference would be found again on the same customers.

    Parameters
    ----------
    binned : Binned
        Features of n customers.
    tasks : sequence of Task
        Of one link.
    folds : ndarray of shape (n,)
        The fold of each customer, from 0.
    least : int
        Rounds to grow whatever the held-out loss says.
    """
    teams = [_team(binned, task, folds) for task in tasks]
    # Each customer is in all members but one: the members' mean is the customers'.
    means = [np.array([runner.mean for runner in team]) for team in teams]
    constants = [
        Committee((), task.link, mean, float(mean.mean()))
        for task, mean in zip(tasks, means, strict=True)
    ]
    race = [runner for team in teams for runner in team if not all(one.flat for one in team)]
    if not race or not binned.X.shape[1] or binned.trees.n_estimators == 0:
        return tuple(constants)
    foreign = binned.trees.base is not None
    rounds = 0 if foreign else _run(race, binned.trees, least)
    return tuple(
        replace(one, boosters=tuple(runner.trained(rounds) for runner in team))
        if team[0] in race and (foreign or rounds)
        else one
        for one, team in zip(constants, teams, strict=True)
    )


def _team(binned: Binned, task: Task, folds: npt.NDArray[np.int8]) -> list[_Runner]:
    inside = np.ones(len(folds), dtype=bool) if task.member is None else task.member
    key = np.packbits(inside).tobytes()
    return [
        _Runner(
            binned,
            task.y if isinstance(task.y, np.ndarray) else task.y[fold],
            task.weight,
            (key, inside),
            folds,
            fold,
            task.link,
        )
        for fold in range(int(folds.max()) + 1)
    ]


class _Runner:
    """A booster in training without one fold."""

    _booster: xgb.Booster

    def __init__(
        self,
        binned: Binned,
        y: Floats,
        weight: Floats | None,
        member: tuple[bytes, npt.NDArray[np.bool_]],
        folds: npt.NDArray[np.int8],
        fold: int,
        link: Link,
    ) -> None:
        self._binned, self._y, self._weight, self._link = binned, y, weight, link
        self._key, inside = member
        self._fold = fold
        self._rows = np.flatnonzero(inside & (folds != fold))
        self._left_out = np.flatnonzero(inside & (folds == fold))
        inner = y[self._rows]
        self.mean = float(np.average(inner, weights=self._of(weight, self._rows)))
        self.flat = bool(inner.min() == inner.max())

    @staticmethod
    def _of(weight: Floats | None, rows: npt.NDArray[np.intp]) -> Floats | None:
        return None if weight is None else weight[rows]

    def _part(self, rows: npt.NDArray[np.intp], *, held_out: bool) -> xgb.QuantileDMatrix:
        key = (self._key, self._fold, held_out)
        return self._binned.part(key, rows, self._y[rows], self._of(self._weight, rows))

    def finish(self) -> None:
        """Let go of the matrices: only the trees are wanted from now on."""
        self._booster = self._booster[:]
        del self._train, self._held_out

    def trained(self, rounds: int) -> Any:
        """The first `rounds` trees; or a clone of the base regressor, trained."""
        if self._binned.trees.base is None:
            return self._booster[:rounds]
        weight = self._of(self._weight, self._rows)
        known = {} if weight is None else {"sample_weight": weight}
        return clone(self._binned.trees.base).fit(
            self._binned.X[self._rows], self._y[self._rows], **known
        )

    def start(self) -> None:
        """Bin the rows; only now, so that a committee without trees costs nothing."""
        trees = self._binned.trees
        mean, count = self.mean, len(self._rows)
        if self._link == "logistic":  # a part without any (or only) outcomes has no finite logit
            mean = min(max(mean, 0.5 / count), 1 - 0.5 / count)
        self._train = self._part(self._rows, held_out=False)
        self._held_out = None
        cache = [self._train]
        if trees.early_stopping_rounds is not None and len(self._left_out):
            self._held_out = self._part(self._left_out, held_out=True)
            cache.append(self._held_out)
        self._booster = xgb.Booster(trees.parameters(self._link, count, mean), cache)

    def grow(self, iteration: int) -> None:
        self._booster.update(self._train, iteration)

    def loss(self) -> float:
        """Summed loss on the fold left out."""
        if self._held_out is None:
            return 0.0
        shown = float(self._booster.eval_set([(self._held_out, "out")]).rsplit(":", 1)[1])
        power = 1 if self._link == "logistic" else 2  # rmse to squared error
        return shown**power * len(self._left_out)


def _run(race: list[_Runner], trees: Trees, least: int) -> int:
    """Grow all runners, in step if they may stop early; the number of rounds to keep."""
    patience = trees.early_stopping_rounds
    if patience is None:
        for runner in race:
            runner.start()
            for iteration in range(trees.n_estimators):
                runner.grow(iteration)
            runner.finish()
        return trees.n_estimators
    for runner in race:
        runner.start()
    best, best_loss = 0, sum(runner.loss() for runner in race)
    for iteration in range(trees.n_estimators):
        for runner in race:
            runner.grow(iteration)
        grown = iteration + 1
        # Looking costs half as much as growing: look every few rounds, and at the last.
        if grown < least or ((grown - least) % _LOOK and grown < trees.n_estimators):
            continue
        loss = sum(runner.loss() for runner in race)
        if loss < best_loss or grown == least:
            best, best_loss = grown, loss
        elif grown - best >= patience:
            break
    return best
