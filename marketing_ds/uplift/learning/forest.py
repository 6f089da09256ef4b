"""The causal forest: short chains of honest trees in little bags, with standard errors.

With m(x) = E[y | x] and e(x) = P(arm | x), both out of fold, and residuals ỹ = y − m(x) and
t̃ = t − e(x), the effect τ(x) minimises Σ (ỹ − t̃·τ(x))², the loss of the R-learner [1]_.

- A **bag** is a random half of the customers. It starts from its own average effect and grows two
  **chains**. Each tree of a chain draws the bag's customers in two halves: one decides the splits,
  the other fills the leaves (honesty [2]_), shrunk and taken up by half; the next tree goes on
  with what is left.
- The **effect** is the mean of all chains. The trees are shrunk, so that it lies too near the
  average: the slope of ỹ on t̃·effect, by customers outside of the bags [3]_, stretches (or shrinks)
  it, less where the slope is itself uncertain.
- The **standard error** is from how bags differ, less what two chains of one bag differ [4]_.

Members are averaged over random halves, so that every customer is outside of half of the bags and
has an honest prediction without folds.

References
----------
.. [1] Nie and Wager (2021). Quasi-oracle estimation of heterogeneous treatment effects. Biometrika
   108(2).
.. [2] Athey and Imbens (2016). Recursive partitioning for heterogeneous causal effects. PNAS 113(27).
.. [3] Chernozhukov, Demirer, Duflo and Fernández-Val (2018). Generic machine learning inference on
   heterogeneous treatment effects. NBER 24678.
.. [4] Athey, Tibshirani and Wager (2019). Generalized random forests. Annals of Statistics 47(2),
   section 4; Sexton and Laake (2009). Standard errors for bagged and random forest estimators.
   Computational Statistics & Data Analysis 53(3).
"""

from __future__ import annotations

import math
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xgboost as xgb

from marketing_ds._core.terms import Term

from ..arms import Floats
from ..binned import Trees
from .effect import Effect
from .forest_error import ForestError
from .forest_trees import (
    Growth,
    Mask,
    Residuals,
    Vector,
    blocks_of,
    honest_tree,
    join_trees,
)
from .nuisances import Outcomes, Sample

_CHAINS = 2  # in a bag: the fewest that tell its own noise
_ROUNDS = 6
_RATE = 0.5
_COLUMNS = 2 / 3  # drawn at each split
_MOST_BAGS_AT_ONCE = 4  # each needs some 70 bytes a customer


@dataclass(frozen=True)
class Forest:
    """A grown forest, before and after calibration.

    Attributes
    ----------
    booster : xgboost.Booster or None
        All trees, bag after bag and chain after chain; None where no tree can grow.
    bag_effects : ndarray of shape (bags,)
        Average effect of each bag: what its chains start from.
    rounds : int
        Trees in a chain.
    out_of_bag : ndarray of shape (n,)
        What the trees add to the average, by bags without the customer.
    """

    booster: xgb.Booster | None
    bag_effects: Floats
    rounds: int
    out_of_bag: Vector

    @property
    def weight(self) -> float:
        """Of each tree."""
        return 1 / (_CHAINS * len(self.bag_effects))


@dataclass(frozen=True)
class Calibration:
    """The effect as ``average + slope * trees``, by customers outside of the bags.

    Attributes
    ----------
    average : float
        Effect where the trees add nothing.
    slope : float
        Shrunk by its own noise: slope³ / (slope² + error²); 0 where negative.
    error : float
        Standard error of the slope, heteroscedasticity-robust.
    centre : float
        Weighted mean of what the trees add.
    """

    average: float
    slope: float
    error: float
    centre: float


def fit_forest(sample: Sample, outcomes: Outcomes) -> tuple[Effect, ...]:
    """A forest an arm, against control."""
    effects, matrix = [], sample.binned.whole()
    for code in range(1, len(sample.arms.labels)):
        left = _residuals(sample, outcomes, code)
        forest = grow_forest(matrix, left, sample.binned.trees, code)
        effects.append(as_effect(forest, calibrate(forest.out_of_bag, left)))
    return tuple(effects)


def _residuals(sample: Sample, outcomes: Outcomes, code: int) -> Residuals:
    """Of the arm's customers and control's; 0 for others."""
    left = Residuals(*(np.zeros(len(sample.y), np.float32) for _ in range(2)))
    for block in blocks_of(len(sample.y)):
        codes, chance, mean = sample.arms.codes[block], sample.chance[block], outcomes.mean[block]
        there = (codes == code) | (codes == 0)
        share = chance[:, code] / (chance[:, code] + chance[:, 0])
        expected = share * mean[:, code] + (1 - share) * mean[:, 0]
        left.y[block] = there * (sample.y[block] - expected)
        left.t[block] = there * ((codes == code) - share)
    return left


def grow_forest(
    matrix: xgb.QuantileDMatrix | None, left: Residuals, trees: Trees, code: int = 1
) -> Forest:
    """Grow the bags, some at a time.

    Parameters
    ----------
    matrix : QuantileDMatrix or None
        Features of n customers; None without features.
    left : Residuals
    trees : Trees
        `n_estimators` is the number of trees in all, `max_depth` that of boosting, which the
        forest's trees go beyond by one: each has to find its own splits.
    code : int
        Of the arm; arms draw different bags.
    """
    rounds = max(1, min(_ROUNDS, trees.n_estimators // 24))
    bags = max(2, trees.n_estimators // (_CHAINS * rounds))
    if matrix is None or trees.n_estimators == 0 or not left.y.any():
        return Forest(None, np.full(bags, left.effect()), rounds, np.zeros(len(left.y), np.float32))
    seeds = np.random.SeedSequence([trees.seed, code]).spawn(bags)
    threads = trees.threads(len(left.y))
    workers = max(1, min(_MOST_BAGS_AT_ONCE, trees.threads(sys.maxsize) // threads))
    growth = _growth(left, trees, threads)
    models: list[dict[str, Any]] = []
    total, count = np.zeros(len(left.y), np.float32), np.zeros(len(left.y), np.int16)
    starts = []
    with ThreadPoolExecutor(workers) as pool:
        for first in range(0, bags, workers):
            wave = seeds[first : first + workers]
            for bag in pool.map(lambda seed: _bag(matrix, left, growth, rounds, seed), wave):
                models += bag.models
                starts.append(bag.effect)
                np.add(total, bag.added, out=total, where=bag.outside)
                count += bag.outside
    # A customer in every bag (few bags) is told the average.
    np.divide(total, count, out=total, where=count > 0, casting="same_kind")
    return Forest(join_trees(models), np.array(starts), rounds, total)


def _growth(left: Residuals, trees: Trees, threads: int) -> Growth:
    """Leaves hold what `trees` asks of the quarter of the customers that grows a tree."""
    members = max(int(np.count_nonzero(left.t)), 1)
    weight = float(np.square(left.t, dtype=np.float64).sum()) / members
    deeper = replace(trees, max_depth=trees.max_depth + 1, learning_rate=1.0, subsample=1.0)
    parameters = deeper.parameters("identity", max(members // 4, 1), 0.0)
    parameters["min_child_weight"] *= weight
    parameters["reg_lambda"] *= weight
    parameters |= {"colsample_bynode": _COLUMNS, "nthread": threads}
    return Growth(parameters, _RATE, parameters["reg_lambda"])


@dataclass(frozen=True)
class _Bag:
    models: list[dict[str, Any]]
    effect: float
    added: Vector
    outside: Mask


def _bag(
    matrix: xgb.QuantileDMatrix,
    left: Residuals,
    growth: Growth,
    rounds: int,
    seed: np.random.SeedSequence,
) -> _Bag:
    """Chains of trees on a random half of the customers."""
    rng = np.random.default_rng(seed)
    n = len(left.y)
    inside = rng.integers(0, 2, n, dtype=bool)
    inside &= left.t != 0
    effect = left.effect(inside)
    models, added = [], np.zeros(n, np.float32)
    for _ in range(_CHAINS):
        rest = Residuals(left.y - np.float32(effect) * left.t, left.t)
        for _ in range(rounds):
            coin = rng.integers(0, 2, n, dtype=bool)
            model, value = honest_tree(
                matrix, rest, inside & coin, inside & ~coin, growth, int(rng.integers(2**31))
            )
            models.append(model)
            added += value
            value *= left.t
            np.subtract(rest.y, value, out=rest.y)
    added /= _CHAINS
    return _Bag(models, effect, added, ~inside)


def calibrate(added: Vector, left: Residuals) -> Calibration:
    """Fit ỹ by t̃·(average + slope · added), `added` being predicted outside of the bags."""
    sums = np.zeros(6)
    for block, y, t in left.blocks():
        with_added = t * added[block]
        parts = ((t, t), (t, y), (t, with_added), (y, with_added), (with_added, with_added), (y, y))
        sums += [float(one @ other) for one, other in parts]
    tt, ty, ta, ya, aa, yy = sums
    average, centre = ty / tt, ta / tt
    variance = aa - centre * ta
    if variance <= 1e-12 * aa or variance <= 1e-18 * yy:
        return Calibration(average, 0.0, 0.0, centre)
    slope = (ya - centre * ty) / variance
    noise = 0.0
    for block, y, t in left.blocks():
        spread = t * (added[block] - centre)
        noise += float(np.square(spread * (y - t * average - slope * spread)).sum())
    error = math.sqrt(noise) / variance
    shrunk = slope**3 / (slope**2 + error**2) if slope > 0 else 0.0
    return Calibration(average - shrunk * centre, shrunk, error, centre)


def as_effect(forest: Forest, fit: Calibration) -> Effect:
    """The forest as a weighted booster and a constant, with its errors."""
    error = ForestError(
        booster=forest.booster,
        bag_effects=forest.bag_effects,
        rounds=forest.rounds,
        slope=fit.slope,
        slope_error=fit.error,
        centre=fit.centre,
    )
    oof = forest.out_of_bag.astype(np.float64)
    oof *= fit.slope
    oof += fit.average
    if forest.booster is None or not fit.slope:
        return Effect((((), fit.average),), oof, 0, fit.slope, error=error)
    terms = (Term(fit.slope * forest.weight, forest.booster, "identity"),)
    trees = forest.booster.num_boosted_rounds()
    return Effect(((terms, fit.average),), oof, trees, fit.slope, error=error)
