"""TreeSHAP of shallow trees by tables, many times as fast as walking every leaf for every customer.

A leaf's contributions depend on a customer only through which conditions on its path hold, and a
path of depth D has at most D features: all 2^D cases are computed once for each leaf [1]_, and a
customer's are looked up. The leaves under one node share their lookup. Customers are taken column by
column where there are many and one by one where there are few; either way the same numbers are added
in the same order, so that a customer's contributions do not depend on who else is asked about.

References
----------
.. [1] Yang (2021). Fast TreeSHAP: accelerating SHAP value computation for trees. arXiv:2109.09847
   (its second version, here with lookups by bit mask).
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]

_MOST_BITS = 6
"""Conditions of a path beyond which tables grow too large; XGBoost then does it all."""
_ROWS = 8_192
_FEW = 48
"""Customers up to which one by one is faster."""
_AT_ONCE = 512
"""Leaves whose tables are computed together."""


def contributions(booster: xgb.Booster, Z: Matrix) -> tuple[Floats, float]:
    """SHAP values of encoded rows, shape (rows, encoded columns), and the base.

    They and the base add up to the margin; path-dependent, as XGBoost's `pred_contribs`.
    """
    tables = _tables_of(booster)
    if tables is None:
        found = booster.predict(xgb.DMatrix(Z), pred_contribs=True).astype(np.float64)
        return found[:, :-1], float(found[0, -1])
    if len(Z) <= _FEW:
        return tables.one_by_one(Z), tables.base
    parts = [tables.by_columns(Z[low : low + _ROWS]) for low in range(0, len(Z), _ROWS)]
    return np.concatenate(parts), tables.base


@dataclass(frozen=True)
class _Condition:
    """Whether ``low <= x < high``; `null` where x is unknown."""

    low: float = -math.inf
    high: float = math.inf
    null: bool = True

    def narrowed(self, cut: float, left: bool, null_left: bool) -> _Condition:
        """And that a split is passed on its left or right side."""
        low, high = (self.low, min(self.high, cut)) if left else (max(self.low, cut), self.high)
        return _Condition(low, high, self.null and null_left == left)


@dataclass(frozen=True)
class _Leaf:
    left: bool
    value: float
    shares: tuple[float, ...]
    """Of each feature: of the customers at its splits, who went this way."""


@dataclass(frozen=True)
class _Group:
    """The leaves under one node.

    A bit for each feature above says whether its conditions hold; the last bit, whether the node
    itself is passed on its left side.
    """

    features: tuple[int, ...]
    bits: tuple[tuple[int, _Condition], ...]
    own: int
    """Place of the node's own feature among `features`."""
    leaves: list[_Leaf] = field(default_factory=list)


@dataclass(frozen=True)
class _Batch:
    """Groups g of as many features d and bits b."""

    features: NDArray[np.intp]  # (g, d)
    at: NDArray[np.intp]  # (g, b): the feature of each bit
    low: Matrix  # (g, b)
    high: Matrix
    null: NDArray[np.bool_]
    table: Floats  # (g, d, 2^b): contributions by bit mask


class _Tables:
    """The contributions of an ensemble, ready to be looked up."""

    def __init__(self, groups: Sequence[_Group], width: int, base: float) -> None:
        self.base, self._width = base, width
        by_shape: defaultdict[tuple[int, int], list[_Group]] = defaultdict(list)
        for group in groups:
            by_shape[len(group.features), len(group.bits)].append(group)
        self._batches = [_batch(same) for _, same in sorted(by_shape.items())]

    def by_columns(self, Z: Matrix) -> Floats:
        """Group after group, for all rows."""
        X = np.ascontiguousarray(Z.T)
        unknown = np.isnan(X)
        out = np.zeros((self._width, len(Z)))
        for batch in self._batches:
            rows = zip(
                batch.features.tolist(),
                batch.at.tolist(),
                batch.low.tolist(),
                batch.high.tolist(),
                batch.null.tolist(),
                batch.table,
                strict=True,
            )
            for features, at, low, high, null, table in rows:
                mask = np.zeros(len(Z), dtype=np.uint8)
                for place, bit in enumerate(zip(at, low, high, null, strict=True)):
                    mask |= _holds(X, unknown, *bit).view(np.uint8) << np.uint8(place)
                found = table.take(mask.astype(np.intp), axis=1, mode="clip")
                for feature, values in zip(features, found, strict=True):
                    out[feature] += values
        return np.ascontiguousarray(out.T)

    def one_by_one(self, Z: Matrix) -> Floats:
        """Row after row, for all groups."""
        features = [batch.features.ravel() for batch in self._batches]
        where = np.concatenate(features) if features else np.empty(0, np.intp)
        out = np.zeros((len(Z), self._width))
        for row, x in enumerate(Z):
            values = []
            for batch in self._batches:
                own = x[batch.at]
                holds = (own >= batch.low) & (own < batch.high) | (batch.null & np.isnan(own))
                mask = holds @ (1 << np.arange(holds.shape[1]))
                values.append(batch.table[np.arange(len(mask)), :, mask].ravel())
            if values:  # in the order of `by_columns`
                out[row] = np.bincount(where, np.concatenate(values), minlength=self._width)
        return out


_KEPT: WeakKeyDictionary[xgb.Booster, tuple[int, _Tables | None]] = WeakKeyDictionary()


def _tables_of(booster: xgb.Booster) -> _Tables | None:
    """The tables of a booster, made once; None if its trees are too deep, or not of plain splits."""
    rounds = booster.num_boosted_rounds()
    kept = _KEPT.get(booster)
    if kept is not None and kept[0] == rounds:
        return kept[1]
    made = _make(booster)
    _KEPT[booster] = rounds, made
    return made


def _make(booster: xgb.Booster) -> _Tables | None:
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    groups: list[_Group] = []
    if learner["gradient_booster"]["name"] != "gbtree":
        return None
    for tree in learner["gradient_booster"]["model"]["trees"]:
        covers = zip(tree["sum_hessian"], tree["left_children"], strict=True)
        empty = [not cover for cover, left in covers if left != -1]
        if any(tree.get("split_type", [])) or any(empty):  # XGBoost divides by the cover of a node
            return None
        groups += _groups(tree)
    if any(len(group.bits) > _MOST_BITS for group in groups):
        return None
    width = booster.num_features()
    nobody = xgb.DMatrix(np.full((1, width), np.nan, dtype=np.float32))
    base = float(booster.predict(nobody, pred_contribs=True)[0, -1])
    return _Tables(groups, width, base)


def _groups(tree: dict[str, Any]) -> Iterator[_Group]:
    """The nodes of a tree that have leaves."""
    left, right, cover = tree["left_children"], tree["right_children"], tree["sum_hessian"]
    # Of each feature on the way down, in order: its condition, and the share that went this way.
    waiting: list[tuple[int, dict[int, tuple[_Condition, float]]]] = [(0, {})]
    while waiting:
        node, path = waiting.pop()
        if left[node] == -1:
            continue
        feature, cut = (
            tree["split_indices"][node],
            float(np.float32(tree["split_conditions"][node])),
        )
        features = tuple(dict.fromkeys([*path, feature]))
        condition, share = path.get(feature, (_Condition(), 1.0))
        null_left = bool(tree["default_left"][node])
        group = _Group(
            features,
            (
                *((above, held) for above, (held, _) in path.items()),
                (feature, _Condition().narrowed(cut, True, null_left)),
            ),
            features.index(feature),
        )
        for child, is_left in ((left[node], True), (right[node], False)):
            went = share * cover[child] / cover[node]
            if left[child] == -1:
                shares = {above: passed for above, (_, passed) in path.items()} | {feature: went}
                value = float(np.float32(tree["split_conditions"][child]))
                group.leaves.append(_Leaf(is_left, value, tuple(shares[f] for f in features)))
            narrowed = condition.narrowed(cut, is_left, null_left), went
            waiting.append((child, path | {feature: narrowed}))
        if group.leaves:
            yield group


def _batch(groups: Sequence[_Group]) -> _Batch:
    """Groups of one shape, with their tables."""
    leaves = [(at, leaf) for at, group in enumerate(groups) for leaf in group.leaves]
    table = np.zeros((len(groups), len(groups[0].features), 2 ** len(groups[0].bits)))
    for low in range(0, len(leaves), _AT_ONCE):
        some = leaves[low : low + _AT_ONCE]
        at = np.array([at for at, _ in some])
        own = np.array([groups[at].own for at, _ in some])
        np.add.at(table, at, _leaf_tables([leaf for _, leaf in some], own, len(groups[0].bits)))
    bits = [[condition for _, condition in group.bits] for group in groups]
    return _Batch(
        np.array([group.features for group in groups], dtype=np.intp),
        np.array([[feature for feature, _ in group.bits] for group in groups], dtype=np.intp),
        np.array([[c.low for c in row] for row in bits], dtype=np.float32),
        np.array([[c.high for c in row] for row in bits], dtype=np.float32),
        np.array([[c.null for c in row] for row in bits]),
        table,
    )


def _leaf_tables(leaves: Sequence[_Leaf], own: NDArray[np.intp], bits: int) -> Floats:
    """Contributions of each leaf's features for each bit mask, shape (leaves, d, 2^bits).

    Shapley's sum over the other features is a polynomial: the coefficient of t^s in the product of
    (share + holds · t) gathers the sets of s features that are known.
    """
    shares = np.array([leaf.shares for leaf in leaves])
    n, d = shares.shape
    masks = np.arange(2**bits)
    bit = (masks[:, None] >> np.arange(bits)) & 1 == 1  # (2^bits, bits)
    above = np.ones((len(masks), d), dtype=bool)
    above[:, : bits - 1] = bit[:, :-1][:, :d]
    holds = np.repeat(above[None], n, axis=0)
    left = np.array([leaf.left for leaf in leaves])
    holds[np.arange(n), :, own] &= bit[:, -1] == left[:, None]
    weight = [math.factorial(s) * math.factorial(d - 1 - s) / math.factorial(d) for s in range(d)]
    value = np.array([leaf.value for leaf in leaves])
    out = np.empty((n, d, len(masks)))
    for feature in range(d):
        known = np.zeros((d, n, len(masks)))
        known[0] = 1.0
        for other in range(d):
            if other != feature:
                share = shares[:, other, None]
                with_other = known[:-1] * holds[:, :, other]
                known *= share
                known[1:] += with_other
        gain = holds[:, :, feature] - shares[:, feature, None]
        out[:, feature] = value[:, None] * gain * np.tensordot(weight, known, axes=1)
    return out


def _holds(
    X: Matrix, unknown: NDArray[np.bool_], feature: int, low: float, high: float, null: bool
) -> NDArray[np.bool_]:
    """For each row whether a condition on a feature holds."""
    x = X[feature]
    if low == -math.inf:
        found: NDArray[np.bool_] = x < high
    else:
        found = x >= low
        if high != math.inf:
            found &= x < high
    if null:
        found |= unknown[feature]
    return found
