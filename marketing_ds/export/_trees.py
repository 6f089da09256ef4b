"""XGBoost's trees as the attributes of one ONNX `TreeEnsembleRegressor`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xgboost as xgb

from marketing_ds._core.errors import InvalidInput

_LOGISTIC = {"binary:logistic", "binary:logitraw", "reg:logistic"}
_LOG = {"count:poisson", "reg:gamma", "reg:tweedie"}


Split = tuple[int, tuple[int, ...]]
"""A categorical split: the encoded column, and the codes that it sends right."""


def set_splits(boosters: Sequence[xgb.Booster]) -> list[Split]:
    """The categorical splits of boosters, each once, by column."""
    found = {
        split
        for booster in boosters
        for tree in _trees(json.loads(bytes(booster.save_raw("json")))["learner"])
        for split in _sets(tree).values()
    }
    return sorted(found)


def ensemble_attributes(
    boosters: Sequence[xgb.Booster], places: Mapping[Split, int] | None = None
) -> dict[str, Any]:
    """Attributes that make one operator whose target i is the margin of ``boosters[i]``.

    XGBoost sends ``x < threshold`` left, in float32, and a missing x where it learned to: that is
    ``BRANCH_LT`` with `nodes_missing_value_tracks_true` = "missing goes left". It sends a code left
    that is not in the split's set; `places` says which column is 1 for the codes in it, 0 for the
    others and missing where the code is.

    Raises
    ------
    InvalidInput
        If a booster is not of plain trees with one output.
    """
    places = places or {}
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
            _add_tree(nodes, tree, next_tree, target, places)
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
    return trees


def _sets(tree: dict[str, Any]) -> dict[int, Split]:
    """The categorical splits of a tree by node."""
    starts = zip(
        tree.get("categories_nodes", []),
        tree.get("categories_segments", []),
        tree.get("categories_sizes", []),
        strict=True,
    )
    return {
        node: (tree["split_indices"][node], tuple(tree["categories"][start : start + size]))
        for node, start, size in starts
    }


def _base_margin(learner: dict[str, Any]) -> float:
    """The starting point on the margin's scale; XGBoost 3 stores it as a list in text."""
    text = learner["learner_model_param"]["base_score"].strip("[]")
    score = float(np.float32(text))
    objective = learner["objective"]["name"]
    if objective in _LOGISTIC:
        return math.log(score / (1 - score))
    return math.log(score) if objective in _LOG else score


def _add_tree(
    nodes: dict[str, list[Any]],
    tree: dict[str, Any],
    number: int,
    target: int,
    places: Mapping[Split, int],
) -> None:
    left, right, sets = tree["left_children"], tree["right_children"], _sets(tree)
    for node, (yes, no) in enumerate(zip(left, right, strict=True)):
        leaf = yes == -1
        value = float(np.float32(tree["split_conditions"][node]))
        feature = tree["split_indices"][node]
        if node in sets:
            feature, value = places[sets[node]], 0.5
        nodes["nodes_treeids"].append(number)
        nodes["nodes_nodeids"].append(node)
        nodes["nodes_modes"].append("LEAF" if leaf else "BRANCH_LT")
        nodes["nodes_featureids"].append(0 if leaf else feature)
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
