"""What every learner leans on: the sample, its folds, outcome models and pseudo-outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from marketing_ds._core.terms import Term

from ..arms import Arms, Floats
from ..binned import Binned, Link
from ..terms import AnyTerm, ForeignTerm
from .boosting import Committee, Task, fit_committee, fit_committees
from .fixing import fix_columns

Model = tuple[tuple[AnyTerm, ...], float]
"""A sum of terms and a constant."""


@dataclass(frozen=True)
class Sample:
    """What a learner learns from.

    Attributes
    ----------
    binned : Binned
        Encoded features of n customers.
    y : ndarray of shape (n,)
    arms : Arms
    chance : ndarray of shape (n, 1 + arms)
        P(each arm), bounded away from 0.
    folds : ndarray of shape (n,)
    link : {"identity", "logistic"}
        Of the outcome models.
    """

    binned: Binned
    y: Floats
    arms: Arms
    chance: Floats
    folds: npt.NDArray[np.int8]
    link: Link

    @property
    def n_folds(self) -> int:
        return int(self.folds.max()) + 1

    def with_depth(self, depth: int) -> Sample:
        """The same sample, for trees of another depth."""
        trees = replace(self.binned.trees, max_depth=depth)
        return replace(self, binned=self.binned.with_trees(trees))

    def doubly_robust(self, mean: Floats) -> Floats:
        """ψ of every arm, shape (n, arms), from expected outcomes `mean` (n, 1 + arms)."""
        return doubly_robust(self.y, self.arms, self.chance, mean)

    def against_control(self, code: int) -> tuple[npt.NDArray[np.bool_], Floats]:
        """Who was given the arm or control, and P(the arm) between these two."""
        there = (self.arms.codes == code) | (self.arms.codes == 0)
        return there, self.chance[:, code] / (self.chance[:, code] + self.chance[:, 0])


@dataclass(frozen=True)
class Outcomes:
    """Models of the outcome under each arm.

    Attributes
    ----------
    members : tuple of tuple of Model
        By code of the arm and by fold: the model trained without the fold.
    mean : ndarray of shape (n, 1 + arms)
        Out-of-fold predictions.
    rounds : tuple of int
        Trees in each member, by code.
    committees : tuple of Committee
        By code, where each arm has its own; empty otherwise.
    """

    members: tuple[tuple[Model, ...], ...]
    mean: Floats
    rounds: tuple[int, ...]
    committees: tuple[Committee, ...] = ()

    @classmethod
    def by_arm(cls, sample: Sample) -> Outcomes:
        """One committee an arm, each on the customers of that arm."""
        codes = range(len(sample.arms.labels))
        tasks = [Task(sample.y, sample.link, sample.arms.codes == code) for code in codes]
        committees = fit_committees(sample.binned, tasks, sample.folds)
        X, folds = sample.binned.X, sample.folds
        return cls(
            tuple(tuple(map(one.member, range(sample.n_folds))) for one in committees),
            np.column_stack([one.out_of_fold(X, folds) for one in committees]),
            tuple(one.rounds for one in committees),
            committees,
        )

    @classmethod
    def joint(cls, sample: Sample, codes: Sequence[int] | None = None) -> Outcomes:
        """One committee for control and the arms of `codes` (all), the arm among its features."""
        received = sample.arms.codes
        arms = np.arange(1, len(sample.arms.labels)) if codes is None else np.array(codes)
        there = (received == 0) | np.isin(received, arms)
        width = sample.binned.X.shape[1]
        wide = np.hstack([sample.binned.X, (received[:, None] == arms).astype(np.float32)])
        binned = Binned(wide, sample.binned.trees)
        task = Task(sample.y, sample.link, None if there.all() else there)
        model = fit_committee(binned, task, sample.folds)
        members, mean = [], []
        for code in (0, *arms):
            wide[:, width:] = arms == code
            mean.append(model.out_of_fold(wide, sample.folds))
            fixed = {width + at: float(arm == code) for at, arm in enumerate(arms)}
            members.append(
                tuple(_fixed(model.member(fold), fixed) for fold in range(sample.n_folds))
            )
        return cls(tuple(members), np.column_stack(mean), (model.rounds,) * len(members))


def _fixed(model: Model, values: dict[int, float]) -> Model:
    """The model with the arms' columns fixed to `values`."""
    terms, constant = model
    fixed: list[AnyTerm] = [
        ForeignTerm(term.weight, term.regressor, tuple(values.values()))
        if isinstance(term, ForeignTerm)
        else Term(term.weight, fix_columns(term.booster, values), term.link)
        for term in terms
    ]
    return tuple(fixed), constant


def doubly_robust(y: Floats, arms: Arms, chance: Floats, outcome: Floats) -> Floats:
    """ψ of every arm, shape (n, arms): their mean is the arm's average effect (AIPW).

    Parameters
    ----------
    y : ndarray of shape (n,)
    arms : Arms
    chance, outcome : ndarray of shape (n, 1 + arms)
        P(each arm), and expected outcomes under each.
    """
    rows = np.arange(len(y))
    rest = (y - outcome[rows, arms.codes]) / chance[rows, arms.codes]
    psi = outcome[:, 1:] - outcome[:, :1]
    psi[arms.codes == 0] -= rest[arms.codes == 0, None]
    there = np.flatnonzero(arms.codes > 0)
    psi[there, arms.codes[there] - 1] += rest[there]
    return np.asarray(psi)


def make_folds(y: Floats, arms: Arms, n_folds: int, seed: int) -> npt.NDArray[np.int8]:
    """Folds with the same share of each arm, and of high outcomes within each arm."""
    random = np.random.default_rng(seed).random(len(y))
    folds = np.empty(len(y), dtype=np.int8)
    order = np.lexsort((random, y > y.mean(), arms.codes))
    for code in range(len(arms.labels)):
        rows = order[arms.codes[order] == code]
        folds[rows] = np.arange(len(rows)) % n_folds
    return folds


def within_folds(values: Floats, folds: npt.NDArray[np.int8]) -> Floats:
    """`values` less their fold's mean."""
    means = np.bincount(folds, values) / np.maximum(np.bincount(folds), 1)
    centred: Floats = values - means[folds]
    return centred


def estimate_chances(binned: Binned, arms: Arms, folds: npt.NDArray[np.int8]) -> Floats:
    """P(each arm) given the features, out of fold, shape (n, 1 + arms)."""
    parts = []
    for code in range(len(arms.labels)):
        there = (arms.codes == code).astype(np.float64)
        model = fit_committee(binned, Task(there, "logistic"), folds)
        parts.append(model.out_of_fold(binned.X, folds))
    chance = np.column_stack(parts)
    total: Floats = chance / chance.sum(axis=1, keepdims=True)
    return total
