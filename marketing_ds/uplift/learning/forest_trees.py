"""Honest trees: grown on some customers, their leaves filled from others, kept as one booster."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from ..arms import Floats

Vector = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_AT_ONCE = 65_536  # customers: what bounds the memory of everything in float64


def blocks_of(n: int) -> Iterator[slice]:
    """Rows from 0 to `n`, some at a time."""
    for start in range(0, n, _AT_ONCE):
        yield slice(start, min(start + _AT_ONCE, n))


@dataclass(frozen=True)
class Residuals:
    """What outcome and arm of n customers are beyond what the features explain.

    Attributes
    ----------
    y : ndarray of float32, shape (n,)
        Outcome less its expectation.
    t : ndarray of float32, shape (n,)
        1 for the arm or 0 for control, less the arm's probability; 0 for customers of neither.
    """

    y: Vector
    t: Vector

    def blocks(self) -> Iterator[tuple[slice, Floats, Floats]]:
        """Some customers at a time: which, and their `y` and `t` as float64."""
        for block in blocks_of(len(self.y)):
            yield block, self.y[block].astype(float), self.t[block].astype(float)

    def effect(self, among: Mask | None = None) -> float:
        """The one effect that fits best: Σ t·y / Σ t²; 0 without customers."""
        product = square = 0.0
        for block, y, t in self.blocks():
            there = t if among is None else t * among[block]
            product += float(there @ y)
            square += float(there @ t)
        return product / square if square else 0.0


@dataclass(frozen=True)
class Growth:
    """How an honest tree grows.

    `parameters` are XGBoost's, `rate` is the part of a leaf's effect that is taken up, and `l2` what
    is added to a leaf's Σ t², so that leaves of few customers stay near no change.
    """

    parameters: dict[str, Any]
    rate: float
    l2: float


def honest_tree(
    matrix: xgb.QuantileDMatrix,
    left: Residuals,
    growers: Mask,
    fillers: Mask,
    growth: Growth,
    seed: int,
) -> tuple[dict[str, Any], Vector]:
    """One tree split by `growers` and filled by `fillers`; as JSON, and its value for everyone.

    Parameters
    ----------
    matrix : QuantileDMatrix
        Features of n customers.
    left : Residuals
        What is left to explain.
    growers, fillers : ndarray of bool, shape (n,)
        Disjoint.
    growth : Growth
    seed : int
        Of the columns drawn.

    Notes
    -----
    With gradient −t·y and hessian t², the gain of XGBoost is how much a split lowers the
    R-learner's loss Σ (y − t·τ)².
    """
    gradient, hessian = np.multiply(left.t, left.y), np.square(left.t)
    np.negative(gradient, out=gradient)
    gradient *= growers
    hessian *= growers
    booster = xgb.Booster({**growth.parameters, "seed": seed}, [matrix])
    booster.boost(matrix, 0, grad=gradient, hess=hessian)
    del gradient, hessian
    leaf = booster.predict(matrix, pred_leaf=True).ravel()
    model = json.loads(booster.save_raw("json"))
    tree = model["learner"]["gradient_booster"]["model"]["trees"][0]
    values = leaf_effects(leaf, left, fillers, len(tree["left_children"]), growth)
    _fill(tree, values)
    return model, take(values, leaf)


def leaf_effects(
    leaf: Vector, left: Residuals, fillers: Mask, nodes: int, growth: Growth
) -> Vector:
    """By node: rate × the slope of y on t among the fillers there, shrunk by `l2`.

    The slope is taken about the leaf's own means, so that a leaf with customers of one arm alone
    says nothing, whatever their outcomes.
    """
    sums = np.zeros((5, nodes))
    for block, y, t in left.blocks():
        inside = fillers[block]
        at, y, t = leaf[block][inside].astype(np.intp), y[inside], t[inside]
        for row, weights in enumerate((None, t, y, t * y, t * t)):
            sums[row] += np.bincount(at, weights, minlength=nodes)
    count, sum_t, sum_y, sum_ty, sum_tt = sums
    count = np.maximum(count, 1)
    above = sum_ty - sum_t * sum_y / count
    below = sum_tt - sum_t**2 / count
    known = below > 1e-9 * sum_tt  # all of one arm: rounding is left
    slope = np.divide(above, below + growth.l2, out=np.zeros(nodes), where=known)
    return (growth.rate * slope).astype(np.float32)


def take(values: Vector, leaf: Vector) -> Vector:
    """``values[leaf]`` for leaves that come as float."""
    out = np.empty(len(leaf), dtype=np.float32)
    for block in blocks_of(len(leaf)):
        out[block] = values[leaf[block].astype(np.intp)]
    return out


def _fill(tree: dict[str, Any], values: Vector) -> None:
    """Write the leaves' values; XGBoost keeps them where inner nodes keep their thresholds."""
    for node, child in enumerate(tree["left_children"]):
        if child == -1:
            tree["split_conditions"][node] = tree["base_weights"][node] = float(values[node])


def join_trees(models: Sequence[dict[str, Any]]) -> xgb.Booster:
    """Models of one tree each as one booster, whose margin is the trees' sum.

    The first model's JSON is used up by it.
    """
    joined = models[0]
    content = joined["learner"]["gradient_booster"]["model"]
    trees = [m["learner"]["gradient_booster"]["model"]["trees"][0] for m in models]
    for at, tree in enumerate(trees):
        tree["id"] = at
    content["trees"] = trees
    content["tree_info"] = [0] * len(trees)
    content["iteration_indptr"] = list(range(len(trees) + 1))
    content["gbtree_model_param"]["num_trees"] = str(len(trees))
    return xgb.Booster(model_file=bytearray(json.dumps(joined).encode()))
