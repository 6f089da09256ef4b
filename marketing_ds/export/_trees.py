"""XGBoost's trees as the attributes of one ONNX `TreeEnsembleRegressor`."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import xgboost as xgb

from marketing_ds._core.errors import InvalidInput

_LOGISTIC = {"binary:logistic", "binary:logitraw", "reg:logistic"}
_LOG = {"count:poisson", "reg:gamma", "reg:tweedie"}


def ensemble_attributes(boosters: Sequence[xgb.Booster]) -> dict[str, Any]:
    """Attributes that make one operator whose target i is the margin of ``boosters[i]``.

    XGBoost sends ``x < threshold`` left, in float32, and a missing x where it learned to: that is
    ``BRANCH_LT`` with `nodes_missing_value_tracks_true` = "missing goes left".

    Raises
    ------
    InvalidInput
        If a booster is not of plain trees with one output.
    """
    nodes: dict[str, list[Any]] = {
        name: []
        for name in (
            "nodes_treeids",
            "nodes_nodeids",
            "nodes_featureids",
            "nodes_values",
            "nodes_modes",
            "nodes_truenodeids",
            "nodes_falsenodeids",
            "nodes_missing_value_tracks_true",
            "target_treeids",
            "target_nodeids",
            "target_ids",
            "target_weights",
        )
    }
    base_values, next_tree = [], 0
    for target, booster in enumerate(boosters):
        learner = json.loads(bytes(booster.save_raw("json")))["learner"]
        # An ensemble without trees stands as a single leaf of 0, since each target needs one.
        trees = _trees(learner) or [_LEAF]
        base_values.append(_base_margin(learner))
        for tree in trees:
            _add_tree(nodes, tree, next_tree, target)
            next_tree += 1
    return {
        **nodes,
        "base_values": base_values,
        "n_targets": len(boosters),
        "aggregate_function": "SUM",
        "post_transform": "NONE",
    }


_LEAF = {
    "left_children": [-1],
    "right_children": [-1],
    "split_indices": [0],
    "split_conditions": [0.0],
    "default_left": [0],
}


def _trees(learner: dict[str, Any]) -> list[dict[str, Any]]:
    booster = learner["gradient_booster"]
    if booster["name"] != "gbtree":
        raise InvalidInput(
            f"booster must be of kind 'gbtree' to be exported, got {booster['name']!r}"
        )
    if int(learner["learner_model_param"].get("num_class", "0")) > 1:
        raise InvalidInput("booster must have one output to be exported, got several classes")
    trees: list[dict[str, Any]] = booster["model"]["trees"]
    if any(any(tree.get("split_type", [])) for tree in trees):
        raise InvalidInput(
            "booster must split numbers only to be exported; it has categorical splits, which "
            "`FeatureEncoder` makes needless"
        )
    return trees


def _base_margin(learner: dict[str, Any]) -> float:
    """The starting point on the margin's scale; XGBoost 3 stores it as a list in text."""
    text = learner["learner_model_param"]["base_score"].strip("[]")
    score = float(np.float32(text))
    objective = learner["objective"]["name"]
    if objective in _LOGISTIC:
        return math.log(score / (1 - score))
    return math.log(score) if objective in _LOG else score


def _add_tree(nodes: dict[str, list[Any]], tree: dict[str, Any], number: int, target: int) -> None:
    left, right = tree["left_children"], tree["right_children"]
    for node, (yes, no) in enumerate(zip(left, right, strict=True)):
        leaf = yes == -1
        value = float(np.float32(tree["split_conditions"][node]))
        nodes["nodes_treeids"].append(number)
        nodes["nodes_nodeids"].append(node)
        nodes["nodes_modes"].append("LEAF" if leaf else "BRANCH_LT")
        nodes["nodes_featureids"].append(0 if leaf else tree["split_indices"][node])
        nodes["nodes_values"].append(0.0 if leaf else value)
        nodes["nodes_truenodeids"].append(0 if leaf else yes)
        nodes["nodes_falsenodeids"].append(0 if leaf else no)
        nodes["nodes_missing_value_tracks_true"].append(
            0 if leaf else int(tree["default_left"][node])
        )
        if leaf:
            nodes["target_treeids"].append(number)
            nodes["target_nodeids"].append(node)
            nodes["target_ids"].append(target)
            nodes["target_weights"].append(value)
