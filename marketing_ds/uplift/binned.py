"""How trees grow, and the features they grow on: binned once, the bins shared by all."""

from __future__ import annotations

import copy
import math
import os
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from .arms import Floats

Matrix = npt.NDArray[np.float32]
Link = Literal["identity", "logistic"]

_MAX_BIN = 128
_CUT_ROWS = 100_000
_MANY = 100_000  # customers for whom drawing some of them for each tree brings nothing
_ROWS_PER_THREAD = 25_000  # below, threads of shallow trees wait for each other more than they work


@dataclass(frozen=True)
class Trees:
    """How a committee's trees grow; `min_leaf` and `l2` count customers."""

    n_estimators: int
    max_depth: int
    learning_rate: float
    min_leaf: float | None
    l2: float | None
    subsample: float | None
    early_stopping_rounds: int | None
    n_jobs: int | None
    seed: int
    base: Any = None
    """A scikit-learn regressor to be cloned in the boosters' place."""

    def parameters(self, link: Link, rows: int, mean: float) -> dict[str, Any]:
        """XGBoost's parameters for `rows` customers with mean outcome `mean`."""
        # A leaf of √n customers estimates a mean to n^¼ of the whole's standard error.
        leaf = math.sqrt(rows) if self.min_leaf is None else self.min_leaf
        l2 = leaf if self.l2 is None else self.l2
        # XGBoost counts hessians: 1 a customer for squared error, p(1 - p) for the logistic loss.
        hessian = mean * (1 - mean) if link == "logistic" else 1.0
        return {
            "objective": "binary:logistic" if link == "logistic" else "reg:squarederror",
            "base_score": mean,
            "tree_method": "hist",
            "max_bin": _MAX_BIN,
            "max_depth": self.max_depth,
            "learning_rate": self.learning_rate,
            "min_child_weight": leaf * hessian,
            "reg_lambda": l2 * hessian,
            "subsample": self.share(rows),
            "seed": self.seed,
            "nthread": self.threads(rows),
            "verbosity": 0,
        }

    def share(self, rows: int) -> float:
        """Of customers drawn for each tree."""
        if self.subsample is not None:
            return self.subsample
        return 0.8 if rows < _MANY else 1.0

    def threads(self, rows: int) -> int:
        """At most `n_jobs` (None or -1: all cores), fewer for few rows."""
        cores = os.cpu_count() or 1
        allowed = cores if self.n_jobs in (None, -1) else int(self.n_jobs or 1)
        return max(1, min(allowed, rows // _ROWS_PER_THREAD))


class Binned:
    """Features with bins shared by everything trained on parts of them.

    With `keep`, a part is binned once: what is trained on the same customers later gets the same
    matrix with other outcomes. Without, it goes with what was trained on it. Cuts are made on some rows: a leaf needs √n customers, of whom a hundred
    thousand rows hold enough.
    """

    def __init__(self, X: Matrix, trees: Trees, *, keep: bool = False) -> None:
        self.X = X
        self.trees = trees
        self._keep = keep
        self._threads = trees.threads(len(X))
        self._parts: dict[tuple[bytes, int, bool], xgb.QuantileDMatrix] = {}
        self._cuts = None
        if X.shape[1] and trees.base is None:
            self._cuts = self._matrix(X[:: max(1, len(X) // _CUT_ROWS)], None)

    def whole(self) -> xgb.QuantileDMatrix | None:
        """All rows, without outcomes; None without features."""
        return self._matrix(self.X, self._cuts) if self._cuts is not None else None

    def with_trees(self, trees: Trees) -> Binned:
        """The same features and bins for trees that grow otherwise."""
        other = copy.copy(self)
        other.trees = trees
        return other

    def part(
        self,
        key: tuple[bytes, int, bool],
        rows: npt.NDArray[np.intp],
        y: Floats,
        weight: Floats | None,
    ) -> xgb.QuantileDMatrix:
        """The matrix of `rows`, known by `key`, with the outcomes (and weights) of these rows."""
        matrix = self._parts.get(key)
        if matrix is None:
            matrix = self._matrix(self.X[rows], self._cuts)
        if self._keep:
            self._parts[key] = matrix
        matrix.set_label(y)
        matrix.set_weight(np.empty(0) if weight is None else weight)
        return matrix

    def _matrix(self, X: Matrix, reference: xgb.QuantileDMatrix | None) -> xgb.QuantileDMatrix:
        return xgb.QuantileDMatrix(X, ref=reference, max_bin=_MAX_BIN, nthread=self._threads)
