"""A booster with some of its columns fixed to a value: what an S-learner's effect is made of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xgboost as xgb

_NO_PARENT = 2**31 - 1


def fix_columns(booster: xgb.Booster, values: Mapping[int, float]) -> xgb.Booster:
    """The booster as a function of the other columns alone.

    Splits on a fixed column are taken out of the trees, the branch that its value takes in their
    place; all else stays as it is.

    Parameters
    ----------
    booster : xgboost.Booster
        Of numeric splits.
    values : mapping of int to float
        Values of the fixed columns, which must be the last ones.

    Returns
    -------
    xgboost.Booster
        Of the columns before the first one fixed.
    """
    content = json.loads(bytes(booster.save_raw("json")))
    learner = content["learner"]
    model = learner["gradient_booster"]["model"]
    width = min(values)
    model["trees"] = [_fixed(tree, values, width) for tree in model["trees"]]
    learner["learner_model_param"]["num_feature"] = str(width)
    for names in ("feature_names", "feature_types"):
        learner[names] = learner[names][:width]
    fixed = xgb.Booster()
    fixed.load_model(bytearray(json.dumps(content).encode()))
    return fixed


def _fixed(tree: dict[str, Any], values: Mapping[int, float], width: int) -> dict[str, Any]:
    """A tree without its splits on fixed columns, nodes numbered anew from the root.

    Children of a node follow each other: XGBoost's SHAP takes that for granted.
    """
    left, right = tree["left_children"], tree["right_children"]
    kept, parents, firsts = [_through(tree, 0, values)], [_NO_PARENT], [-1]
    at = 0
    while at < len(kept):
        node = kept[at]
        if left[node] >= 0:
            firsts[at] = len(kept)
            for child in (left[node], right[node]):
                kept.append(_through(tree, child, values))
                parents.append(at)
                firsts.append(-1)
        at += 1
    per_node = (
        *("base_weights", "default_left", "loss_changes", "split_conditions"),
        *("split_indices", "split_type"),
    )
    weights = [tree["sum_hessian"][node] for node in kept]
    for node in reversed(range(len(kept))):  # those who went the other way are gone, for SHAP too
        if firsts[node] >= 0:
            weights[node] = weights[firsts[node]] + weights[firsts[node] + 1]
    return {
        **tree,
        **{name: [tree[name][node] for node in kept] for name in per_node},
        "sum_hessian": weights,
        "left_children": firsts,
        "right_children": [first + 1 if first >= 0 else -1 for first in firsts],
        "parents": parents,
        "tree_param": {
            **tree["tree_param"],
            "num_feature": str(width),
            "num_nodes": str(len(kept)),
            "num_deleted": "0",
        },
    }


def _through(tree: Mapping[str, Any], node: int, values: Mapping[int, float]) -> int:
    """The node that a customer with the fixed values reaches from `node` before another split."""
    while tree["left_children"][node] >= 0 and tree["split_indices"][node] in values:
        # float32, as XGBoost compares.
        below = np.float32(values[tree["split_indices"][node]]) < np.float32(
            tree["split_conditions"][node]
        )
        node = tree["left_children" if below else "right_children"][node]
    return node
