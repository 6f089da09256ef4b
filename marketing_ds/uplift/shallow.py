"""Shallow trees for many customers: each question is put to all of them at once.

A tree of depth d asks at most 2^d − 1 questions, each a comparison of one column with a number. A
processor compares a whole column much faster than it walks a tree for each customer, so every
question of a tree is asked of a block of customers, and a table has the leaf's value by the answers.
Up to depth 3 this takes less than half of the CPU time of XGBoost's walk. Values are added in the
trees' order and in float32, as XGBoost adds them: margins are the same to the last bit.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from .binned import Matrix

Vector = npt.NDArray[np.float32]
Bits = npt.NDArray[np.bool_]

MOST = 7
"""Questions of a tree of depth 3. Of more, they are more work than the walk."""
MANY = 50_000
"""Customers from which on it pays: reading the trees takes as long as the walk of thousands."""
_MOST_THREADS = 2  # XGBoost shares its walk among threads; this goes alone
_CHILDREN = ("left_children", "right_children")
_SPLITS = ("split_indices", "split_conditions", "default_left")
_BASES = {"binary:logistic": "logistic", "reg:squarederror": "identity"}


@dataclass(frozen=True)
class _Tree:
    """Questions, and the value by the answers, the last question's in the lowest bit.

    A question is whether a column is at least a number, or is less: of the two, the one that says
    no where a null's branch is. Whatever lies off a customer's way has no say in the value.
    """

    questions: tuple[tuple[np.ufunc, int, np.float32], ...]
    values: Vector


@dataclass(frozen=True)
class ShallowTrees:
    """Boosters of shallow trees.

    Attributes
    ----------
    bases : tuple of float32
        The margin that each booster starts from.
    trees : tuple of _Tree
        All that differ.
    order : tuple of tuple of int
        Each booster's trees, as positions in `trees`.
    """

    bases: tuple[np.float32, ...]
    trees: tuple[_Tree, ...]
    order: tuple[tuple[int, ...], ...]

    def margins(self, X: Matrix) -> list[Vector]:
        """Each booster's margin for a block of customers, shape (n,) each.

        Boosters with the same tree at the same place share its answers.
        """
        columns = np.ascontiguousarray(X.T)
        spare = np.empty((2, len(X)), dtype=bool)
        sums = [np.full(len(X), base, dtype=np.float32) for base in self.bases]
        for at in range(max(map(len, self.order))):
            values: dict[int, Vector | np.float32] = {}
            for own, total in zip(self.order, sums, strict=True):
                if at < len(own):
                    tree = own[at]
                    if tree not in values:
                        values[tree] = _values(self.trees[tree], columns, spare)
                    total += values[tree]
        return sums


def read_shallow(boosters: Sequence[xgb.Booster], rows: int) -> ShallowTrees | None:
    """The boosters' trees, where this is the faster way for so many customers; else None."""
    if rows < MANY or not boosters or _threads(boosters[0]) > _MOST_THREADS:
        return None
    bases, order = [], []
    known: dict[tuple[Any, ...], int] = {}
    trees: list[_Tree] = []
    for booster in boosters:
        learner = json.loads(bytes(booster.save_raw("json")))["learner"]
        base = _base(learner)
        if base is None:
            return None
        own = []
        for tree in learner["gradient_booster"]["model"]["trees"]:
            key = tuple(map(tuple, (tree[name] for name in (*_CHILDREN, *_SPLITS))))
            if key not in known:
                if any(tree["split_type"]) or len(tree["left_children"]) > 2 * MOST + 1:
                    return None
                known[key] = len(trees)
                trees.append(_read(tree))
            own.append(known[key])
        bases.append(base)
        order.append(tuple(own))
    return ShallowTrees(tuple(bases), tuple(trees), tuple(order))


def _threads(booster: xgb.Booster) -> int:
    asked = int(json.loads(booster.save_config())["learner"]["generic_param"]["nthread"])
    cores = os.cpu_count() or 1
    return min(asked, cores) if asked > 0 else cores


def _base(learner: dict[str, Any]) -> np.float32 | None:
    """What margins start from, in XGBoost's own float32 steps; None of an objective unknown here."""
    link = _BASES.get(learner["objective"]["name"])
    score = np.float32(learner["learner_model_param"]["base_score"].strip("[]"))
    if link == "logistic":
        return np.float32(-math.log(np.float32(1) / score - np.float32(1)))
    return score if link else None


def _read(tree: dict[str, Any]) -> _Tree:
    left, right = tree["left_children"], tree["right_children"]
    numbers = np.array(tree["split_conditions"], dtype=np.float32)
    asking = [node for node, child in enumerate(left) if child >= 0]
    place = {node: at for at, node in enumerate(asking)}
    # One axis a question; a value holds for both answers to what is not asked on the way to it.
    values = np.empty((2,) * len(asking), dtype=np.float32)
    waiting: list[tuple[int, tuple[int | slice, ...]]] = [(0, (slice(None),) * len(asking))]
    while waiting:
        node, way = waiting.pop()
        if node not in place:
            values[way] = numbers[node]
            continue
        at, null_left = place[node], bool(tree["default_left"][node])
        waiting.append((left[node], (*way[:at], int(not null_left), *way[at + 1 :])))
        waiting.append((right[node], (*way[:at], int(null_left), *way[at + 1 :])))
    questions = tuple(
        (
            np.greater_equal if tree["default_left"][node] else np.less,
            tree["split_indices"][node],
            numbers[node],
        )
        for node in asking
    )
    return _Tree(questions, values.ravel())


def _values(tree: _Tree, columns: Matrix, spare: Bits) -> Vector | np.float32:
    """The tree's value for each customer."""
    if not tree.questions:
        return np.float32(tree.values[0])
    place, answer = spare.view(np.uint8)
    for at, (ask, column, number) in enumerate(tree.questions):
        ask(columns[column], number, out=spare[min(at, 1)])
        if at:
            place += place  # a shift by one, and faster
            place += answer
    found: Vector = tree.values.take(place)
    return found
