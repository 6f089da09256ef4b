"""A ridge regression's step functions as trees of a booster, before the boosted ones."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import xgboost as xgb
from scipy.special import expit, logit

from ._calibration import Floats
from ._ridge import Ridge
from ._steps import ColumnSteps

_NO_PARENT = 2**31 - 1
LEAST_SHARE = 1e-3  # of customers in a leaf, for SHAP's sake: it divides by that share
_EVERYTHING = float(np.finfo(np.float32).max)  # every value is below it, only a null is not


def with_additive_part(booster: xgb.Booster, ridge: Ridge) -> xgb.Booster:
    """The booster whose margin is the regression's plus what the trees of `booster` add.

    Parameters
    ----------
    booster : xgboost.Booster
        Grown with the regression's log-odds as `base_margin`.
    ridge : Ridge
    """
    content = json.loads(bytes(booster.save_raw("json")))
    learner = content["learner"]
    model = learner["gradient_booster"]["model"]
    width = int(learner["learner_model_param"]["num_feature"])
    columns = zip(ridge.design.steps, ridge.design.values(ridge.coefficients), strict=True)
    ours = [_tree(steps, values, width) for steps, values in columns if np.any(values != 0)]
    trees = [*ours, *model["trees"]]
    for number, tree in enumerate(trees):
        tree["id"] = number
    model["trees"] = trees
    model["tree_info"] = [0] * len(trees)
    model["iteration_indptr"] = list(range(len(trees) + 1))
    model["gbtree_model_param"]["num_trees"] = str(len(trees))
    learner["learner_model_param"]["base_score"] = f"[{expit(ridge.intercept):.9E}]"
    whole = xgb.Booster()
    whole.load_model(bytearray(json.dumps(content).encode()))
    return whole


def moved(booster: xgb.Booster, by: float) -> xgb.Booster:
    """The booster with a margin that is greater by so much everywhere."""
    content = json.loads(bytes(booster.save_raw("json")))
    parameters = content["learner"]["learner_model_param"]
    base = float(parameters["base_score"].strip("[]"))
    parameters["base_score"] = f"[{expit(logit(base) + by):.9E}]"
    other = xgb.Booster()
    other.load_model(bytearray(json.dumps(content).encode()))
    return other


def _tree(steps: ColumnSteps, values: Floats, width: int) -> dict[str, Any]:
    """One column's tree: nulls apart at the root, then its bins, halved again and again."""
    nodes = _Nodes()
    root = nodes.add()
    known, null = nodes.split(root, steps.column, _EVERYTHING)
    nulls = max(steps.weights[-1], LEAST_SHARE * steps.weights.sum())
    nodes.leaf(null, values[-1], nulls)
    nodes.halve(known, steps, values, 0, len(values) - 2)
    nodes.sum_up(root)
    return nodes.tree(width)


class _Nodes:
    """XGBoost's arrays of one tree, under construction.

    The two children of a node follow each other: XGBoost's SHAP takes that for granted.
    """

    def __init__(self) -> None:
        self._left: list[int] = []
        self._right: list[int] = []
        self._parent: list[int] = []
        self._column: list[int] = []
        self._condition: list[float] = []
        self._value: list[float] = []
        self._weight: list[float] = []

    def add(self, parent: int = _NO_PARENT) -> int:
        """A node that is still to become a leaf or a split."""
        self._left.append(-1)
        self._right.append(-1)
        self._parent.append(parent)
        self._column.append(0)
        for column in (self._condition, self._value, self._weight):
            column.append(0.0)
        return len(self._left) - 1

    def leaf(self, node: int, value: float, weight: float) -> None:
        self._condition[node] = self._value[node] = float(value)
        self._weight[node] = float(weight)

    def split(self, node: int, column: int, condition: float) -> tuple[int, int]:
        """Children for values below `condition`, and for all others and nulls."""
        self._left[node], self._right[node] = self.add(node), self.add(node)
        self._column[node], self._condition[node] = column, condition
        return self._left[node], self._right[node]

    def halve(self, node: int, steps: ColumnSteps, values: Floats, first: int, last: int) -> None:
        """Make `node` the one above the bins `first` to `last`."""
        if first == last:
            self.leaf(node, values[first], steps.weights[first])
            return
        middle = (first + last) // 2
        low, high = self.split(node, steps.column, float(steps.cuts[middle]))
        self.halve(low, steps, values, first, middle)
        self.halve(high, steps, values, middle + 1, last)

    def sum_up(self, root: int) -> None:
        """Weights and mean values of the splits, from their leaves."""
        for node in reversed(range(root, len(self._left))):  # children come after their parents
            if self._left[node] < 0:
                continue
            below = (self._left[node], self._right[node])
            self._weight[node] = sum(self._weight[child] for child in below)
            parts = sum(self._weight[child] * self._value[child] for child in below)
            self._value[node] = parts / self._weight[node]

    def tree(self, width: int) -> dict[str, Any]:
        """The tree as XGBoost's JSON has it."""
        count = len(self._left)
        empty: dict[str, list[int]] = {
            f"categories{part}": [] for part in ("", "_nodes", "_segments", "_sizes")
        }
        return {
            **empty,
            "base_weights": self._value,
            "default_left": [0] * count,
            "id": 0,
            "left_children": self._left,
            "loss_changes": [0.0] * count,
            "parents": self._parent,
            "right_children": self._right,
            "split_conditions": self._condition,
            "split_indices": self._column,
            "split_type": [0] * count,
            "sum_hessian": self._weight,
            "tree_param": {
                "num_deleted": "0",
                "num_feature": str(width),
                "num_nodes": str(count),
                "size_leaf_vector": "1",
            },
        }
