"""A positive-unlabelled classifier: seeds against a sample of the base, scored out of fold.

The sampled customers who are no seeds stand for the base: those among them who are like the seeds
are called ordinary all the same, which shrinks the odds but leaves their order as it is (Elkan and
Noto 2008). Each of five folds has a model of its own, learnt from the other four; whoever was
learnt from is scored by the one model that has not seen them, everybody else by the mean of all.

A model is the mean of two log-odds: of shallow trees (XGBoost) on the levels, a category in the
order of its evidence, and of a ridge regression on evidence and normal scores, which adds up to one
table of points per tag. The trees find what tags tell together, the regression needs fewer seeds.

References
----------
Elkan and Noto (2008), "Learning Classifiers from Only Positive and Unlabeled Data", KDD; Mordelet
and Vert (2014), "A bagging SVM to learn from positive and unlabeled examples".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import faiss
import numpy as np
import xgboost as xgb
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from .encode import NULL, Codes, TagLevels
from .evidence import evidence
from .space import plain_space
from .training import Rows, Training

Floats = NDArray[np.float64]
_Given = TypeVar("_Given")
_Found = TypeVar("_Found")

FOLDS = 5
LEAST = 10
"""Seeds, and others, below which nothing can be told from what is left out of a fold."""
_ORDINARY_PER_SEED = 20
_ORDINARY_LEAST, _ORDINARY_MOST = 20_000, 60_000
_PLAIN_WEIGHT = 0.3
"""Scale of normal scores and one-hot levels beside the evidence: the smaller, the less they say."""
_MOST_COLUMNS = 24
"""Categories of more levels have their evidence only."""
_RIDGE = 0.1
"""Prior variance of the regression's coefficients."""
_TREES = {"objective": "binary:logistic", "tree_method": "hist", "max_bin": 256, "nthread": 1}
_SHAPES = (
    {"max_depth": 3, "eta": 0.06, "lambda": 10, "min_child_weight": 2, "subsample": 0.7,
     "colsample_bytree": 0.5},
    {"max_depth": 0, "max_leaves": 31, "grow_policy": "lossguide", "eta": 0.03, "lambda": 5,
     "min_child_weight": 1, "subsample": 0.8, "colsample_bytree": 0.6},
)  # fmt: skip
"""Shallow trees for few seeds, large ones for many."""
_LARGE_FROM = 100
"""Seeds from which large trees are tried."""
_ROUNDS = (25, 50, 100, 150, 200)
_TREES_SAY = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Weights of the trees beside the regression."""
_CHUNK = 65_536


@dataclass(frozen=True)
class Member:
    """What one fold's model has learnt."""

    points: tuple[Floats, ...]
    """Log-odds that the regression gives each level, one array a tag; the first tag holds the
    constant."""
    order: tuple[NDArray[np.float32], ...]
    """What the trees see of each level: its number, or of a category its evidence."""
    trees: xgb.Booster
    trees_say: float
    odds: float
    """Log-odds of a seed among those learnt from."""

    def margin(self, codes: Codes) -> Floats:
        """Log of how much commoner such customers are among the seeds, shape (n,)."""
        told = _look_up(self.points, codes)
        if self.trees_say == 0:
            return told - self.odds
        grown = self.trees.inplace_predict(_seen(self.order, codes), predict_type="margin")
        return np.asarray((1 - self.trees_say) * told + self.trees_say * grown - self.odds)


@dataclass(frozen=True)
class Size:
    """How large the trees are, and what they say beside the regression."""

    shape: int
    rounds: int
    trees_say: float


@dataclass(frozen=True)
class Classifier:
    """The models of all folds; `fold` says in which of them each training row was left out."""

    members: tuple[Member, ...]
    fold: NDArray[np.int8]
    """Shape (rows of Training,); -1 for who was not learnt from."""
    size: Size

    def scores(self, codes: Codes, row: Rows) -> Floats:
        """Closeness to the seeds, shape (n,); see `Scorer`."""
        return np.asarray(expit(self.margin(codes, row)))

    def margin(self, codes: Codes, row: Rows) -> Floats:
        """Log-odds of the scores, shape (n,)."""
        found = np.empty(len(codes))
        for start in range(0, len(codes), _CHUNK):
            part = slice(start, start + _CHUNK)
            found[part] = self._margin(codes[part], row[part])
        return found

    def _margin(self, codes: Codes, row: Rows) -> Floats:
        fold = np.where(row < 0, -1, self.fold[row])
        found = np.empty(len(codes))
        new = fold < 0
        if new.any():
            told = _at_once(lambda member: member.margin(codes[new]), self.members)
            found[new] = np.mean(told, axis=0)
        for number, member in enumerate(self.members):
            held = fold == number
            if held.any():
                found[held] = member.margin(codes[held])
        return found


def learn_classifier(
    training: Training, seeds: Rows, *, random_state: int, size: Size | None = None
) -> Classifier:
    """Learn the seeds from at most 60,000 of the sampled customers who are no seeds.

    Trees are as large as finds the customers of other folds best, or of a `size` that is given.
    """
    random = np.random.RandomState(random_state)
    ordinary = training.ordinary
    wanted = min(max(_ORDINARY_PER_SEED * len(seeds), _ORDINARY_LEAST), _ORDINARY_MOST)
    if len(ordinary) > wanted:
        ordinary = np.sort(random.choice(ordinary, wanted, replace=False))
    fold = np.full(len(training.ids), -1, dtype=np.int8)
    for rows in (seeds, ordinary):
        fold[rows] = random.permutation(len(rows)) % FOLDS
    is_seed = np.zeros(len(training.ids), dtype=bool)
    is_seed[seeds] = True
    seed = random_state % 2**31
    if size is None:
        few = is_seed.sum() < _LARGE_FROM
        sizes = dict.fromkeys(range(1 if few else len(_SHAPES)), _ROUNDS[-1])
    else:
        sizes = {size.shape: size.rounds}
    parts = _at_once(
        lambda number: _Part(training, fold, number, is_seed, seed, sizes), range(FOLDS)
    )
    size = size or _choose(parts)
    return Classifier(tuple(part.member(size) for part in parts), fold, size)


def _at_once(work: Callable[[_Given], _Found], given: Iterable[_Given]) -> list[_Found]:
    """The work done for each given, side by side, in as many threads as FAISS may use.

    One thread a fold, since threads within a small tree wait for each other far longer than they
    work where cores are shared.
    """
    workers = faiss.omp_get_max_threads()
    if workers == 1:
        return [work(each) for each in given]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, given))


class _Part:
    """One fold: its regression, its trees of every shape that is asked for, its held-out customers."""

    def __init__(
        self,
        training: Training,
        fold: NDArray[np.int8],
        number: int,
        is_seed: NDArray[np.bool_],
        seed: int,
        rounds: Mapping[int, int],
    ) -> None:
        learnt_from = np.flatnonzero((fold >= 0) & (fold != number))
        held = np.flatnonzero(fold == number)
        codes, wanted = training.codes[learnt_from], is_seed[learnt_from]
        told = evidence(codes[wanted], codes, training.levels)
        self.order = tuple(map(_order, training.levels, told))
        self.odds = float(np.log(wanted.sum() / (~wanted).sum()))
        self.points = _regression(codes, wanted, training.levels, told)
        data = xgb.QuantileDMatrix(
            _seen(self.order, codes), wanted, max_bin=_TREES["max_bin"], nthread=1
        )
        common = {**_TREES, "seed": seed, "base_score": wanted.mean()}
        self.trees = {
            shape: xgb.train({**common, **_SHAPES[shape]}, data, number_of)
            for shape, number_of in rounds.items()
        }
        self.wanted = is_seed[held]
        self._told = _look_up(self.points, training.codes[held])
        self._held = _seen(self.order, training.codes[held])

    def losses(self) -> Floats:
        """Summed log loss of the held-out customers, shape (shapes, rounds, weights)."""
        found = np.empty((len(self.trees), len(_ROUNDS), len(_TREES_SAY)))
        sign = np.where(self.wanted, -1, 1)
        for shape, trees in self.trees.items():
            for at, rounds in enumerate(_ROUNDS):
                grown = trees.inplace_predict(
                    self._held, iteration_range=(0, rounds), predict_type="margin"
                )
                for number, say in enumerate(_TREES_SAY):
                    margin = (1 - say) * self._told + say * grown
                    found[shape, at, number] = np.logaddexp(0, sign * margin).sum()
        return found

    def member(self, size: Size) -> Member:
        """The model of the chosen size, whose margin is 0 where seeds are as common as anybody."""
        trees = self.trees[size.shape][: size.rounds]
        return Member(tuple(self.points), self.order, trees, size.trees_say, self.odds)


def _choose(parts: list[_Part]) -> Size:
    """The size of the least log loss out of fold."""
    losses = np.sum(_at_once(_Part.losses, parts), axis=0)
    shape, rounds, say = np.unravel_index(int(losses.argmin()), losses.shape)
    return Size(int(shape), _ROUNDS[rounds], _TREES_SAY[say])


def _look_up(points: Sequence[Floats], codes: Codes) -> Floats:
    total = np.zeros(len(codes))
    for at, of_level in enumerate(points):
        total += of_level[codes[:, at]]
    return total


def _seen(order: Sequence[NDArray[np.float32]], codes: Codes) -> NDArray[np.float32]:
    seen = np.empty(codes.shape, dtype=np.float32)
    for at, of_level in enumerate(order):
        seen[:, at] = of_level[codes[:, at]]
    return seen


def _order(tag: TagLevels, told: Floats) -> NDArray[np.float32]:
    order = told if tag.kind == "category" else np.arange(tag.n_levels, dtype=np.float64)
    seen = order.astype(np.float32)
    if tag.kind != "category":
        seen[NULL] = np.nan
    return seen


def _regression(
    codes: Codes, is_seed: NDArray[np.bool_], levels: tuple[TagLevels, ...], told: list[Floats]
) -> list[Floats]:
    """Points of each level of each tag, the constant among those of the first."""
    plain = plain_space(codes, levels).tables
    tables = [
        np.column_stack([of_tag, _PLAIN_WEIGHT * by_rank])
        if by_rank.shape[1] <= _MOST_COLUMNS
        else of_tag[:, None]
        for of_tag, by_rank in zip(told, plain, strict=True)
    ]
    columns = np.hstack([table[codes[:, at]] for at, table in enumerate(tables)])
    fitted = LogisticRegression(C=_RIDGE, max_iter=1_000).fit(columns, is_seed)
    ends = np.cumsum([table.shape[1] for table in tables])[:-1]
    shares = np.split(fitted.coef_[0], ends)
    points = [np.asarray(table @ share) for table, share in zip(tables, shares, strict=True)]
    points[0] = points[0] + float(fitted.intercept_[0])
    return points
