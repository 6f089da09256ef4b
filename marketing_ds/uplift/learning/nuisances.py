"""What every learner leans on: the sample, its folds, outcome models and pseudo-outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from marketing_ds._core.terms import Term

from ..arms import Arms, Floats, add_rest
from ..binned import Binned, Link
from ..terms import AnyTerm, ForeignTerm, Model
from .boosting import Committee, Task, fit_committee, fit_committees, out_of_fold
from .fixing import fix_columns

_AT_ONCE = 65_536  # customers: what bounds the memory


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
        members = tuple(tuple(map(one.member, range(sample.n_folds))) for one in committees)
        mean = out_of_fold(members, sample.binned.X, sample.folds)
        return cls(members, mean, tuple(one.rounds for one in committees), committees)

    @classmethod
    def joint(cls, sample: Sample, codes: Sequence[int] | None = None) -> Outcomes:
        """One committee for control and the arms of `codes` (all), the arm among its features."""
        received, X = sample.arms.codes, sample.binned.X
        arms = np.arange(1, len(sample.arms.labels)) if codes is None else np.array(codes)
        there = (received == 0) | np.isin(received, arms)
        given = (received[:, None] == arms).astype(np.float32)
        binned = Binned(X, sample.binned.trees, beside=given)
        task = Task(sample.y, sample.link, None if there.all() else there)
        model = fit_committee(binned, task, sample.folds)
        members = []
        for code in (0, *arms):
            fixed = {X.shape[1] + at: float(arm == code) for at, arm in enumerate(arms)}
            members.append(
                tuple(_fixed(model.member(fold), fixed) for fold in range(sample.n_folds))
            )
        mean = out_of_fold(members, X, sample.folds)
        return cls(tuple(members), mean, (model.rounds,) * len(members))


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
    psi = np.empty((len(y), len(arms.names)))
    for start in range(0, len(y), _AT_ONCE):
        block = slice(start, start + _AT_ONCE)
        values = add_rest(outcome[block].copy(), y[block], arms.codes[block], chance[block])
        np.subtract(values[:, 1:], values[:, :1], out=psi[block])
    return psi


def make_folds(y: Floats, arms: Arms, n_folds: int, seed: int) -> npt.NDArray[np.int8]:
    """Folds with the same share of each arm, and of high outcomes within each arm."""
    place = np.random.default_rng(seed).random(len(y))
    # Arm by arm, within an arm low outcomes and then high ones, and these in the order drawn.
    place += 2 * arms.codes + (y > y.mean())
    order = np.argsort(place)
    counts = np.bincount(arms.codes, minlength=len(arms.labels))
    within = np.arange(len(y)) - np.repeat(np.cumsum(counts) - counts, counts)
    folds = np.empty(len(y), dtype=np.int8)
    folds[order] = within % n_folds
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
