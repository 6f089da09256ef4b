"""Committees of boosters: one per fold, stopped together where their held-out loss is least.

Every boosted model of this room is such a committee. Its members give honest out-of-fold
predictions while they are trained, and their mean is the model; nothing is fitted twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost as xgb
from sklearn.base import clone

from marketing_ds._core.terms import Term

from ..arms import Floats
from ..binned import Binned, Link, Matrix, Trees
from ..terms import ForeignTerm, Model, predict_models, predict_terms

_LOOK = 4  # rounds between looks at the held-out loss


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

    def member(self, fold: int, weight: float = 1.0) -> Model:
        """The member without `fold`, as `weight` × (terms and a constant)."""
        if not self.boosters:
            return (), weight * float(self.fold_means[fold])
        model = self.boosters[fold]
        if isinstance(model, xgb.Booster):
            return (Term(weight, model, self.link),), 0.0
        return (ForeignTerm(weight, model),), 0.0

    def predict(self, fold: int, X: Matrix, rows: npt.NDArray[np.intp] | None = None) -> Floats:
        """The outcome as the member without `fold` has it, of all customers or those at `rows`."""
        terms, constant = self.member(fold)
        return predict_terms(terms, X, rows) + constant

    def out_of_fold(self, X: Matrix, folds: npt.NDArray[np.int8]) -> Floats:
        """Each row predicted by the member that was trained without the row's fold."""
        members = [self.member(fold) for fold in range(len(self.fold_means))]
        return out_of_fold([members], X, folds)[:, 0]


def out_of_fold(
    models: Sequence[Sequence[Model]], X: Matrix, folds: npt.NDArray[np.int8]
) -> Floats:
    """Each row by the members without the row's fold, of several models; shape (n, models)."""
    out = np.empty((len(X), len(models)), order="F")
    for fold, members in enumerate(zip(*models, strict=True)):
        rows = np.flatnonzero(folds == fold)
        out[rows] = predict_models(members, X, rows)
    return out


Values = npt.NDArray[np.floating]
Target = Values | Sequence[Values]


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

    y: Target
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
    if not race or not binned.width or binned.trees.n_estimators == 0:
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
        y: Values,
        weight: Floats | None,
        member: tuple[bytes, npt.NDArray[np.bool_]],
        folds: npt.NDArray[np.int8],
        fold: int,
        link: Link,
    ) -> None:
        self._binned, self._y, self._weight, self._link = binned, y, weight, link
        self._key, self._inside = member
        self._folds, self._fold = folds, fold
        rows = self._rows()
        inner = y[rows].astype(np.float64, copy=False)
        self.mean = float(np.average(inner, weights=self._of(weight, rows)))
        self.flat = bool(inner.min() == inner.max())

    def _rows(self, *, held_out: bool = False) -> npt.NDArray[np.intp]:
        """Found anew when needed: to keep them would take more memory than their bins."""
        there = self._folds == self._fold if held_out else self._folds != self._fold
        return np.flatnonzero(self._inside & there)

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
        rows = self._rows()
        weight = self._of(self._weight, rows)
        known = {} if weight is None else {"sample_weight": weight}
        return clone(self._binned.trees.base).fit(self._binned.rows(rows), self._y[rows], **known)

    def start(self) -> None:
        """Bin the rows; only now, so that a committee without trees costs nothing."""
        trees, rows = self._binned.trees, self._rows()
        mean, count = self.mean, len(rows)
        if self._link == "logistic":  # a part without any (or only) outcomes has no finite logit
            mean = min(max(mean, 0.5 / count), 1 - 0.5 / count)
        self._train = self._part(rows, held_out=False)
        self._held_out = None
        cache = [self._train]
        rest = self._rows(held_out=True)
        if trees.early_stopping_rounds is not None and len(rest):
            self._held_out = self._part(rest, held_out=True)
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
        return float(shown**power * self._held_out.num_row())


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
