"""How trees grow, and the features they grow on: binned once, the bins shared by all."""

from __future__ import annotations

import copy
import math
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from .arms import Floats

Matrix = npt.NDArray[np.float32]
Link = Literal["identity", "logistic"]

_MAX_BIN = 128
_CUT_ROWS = 25_000
_AT_ONCE = 16_384  # customers handed over together
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

    A part that serves several models is binned once: what is trained on the same customers later
    gets the same matrix with other outcomes. Cuts are made on some rows: a leaf needs √n customers,
    of whom some ten thousand rows hold enough.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    trees : Trees
    serves : float
        How many models are trained on a part, after which it is let go.
    beside : ndarray of shape (n, k), optional
        Columns behind those of `X`, which stay what they are in memory.
    """

    def __init__(
        self, X: Matrix, trees: Trees, *, serves: float = 1, beside: Matrix | None = None
    ) -> None:
        self.X = X
        self.trees = trees
        self._serves = serves
        self._beside = beside
        self._threads = trees.threads(len(X))
        self._parts: dict[tuple[bytes, int, bool], xgb.QuantileDMatrix] = {}
        self._served: Counter[tuple[bytes, int, bool]] = Counter()
        self._cuts: list[xgb.QuantileDMatrix] = []  # once they are made; shared by `with_trees`

    @property
    def width(self) -> int:
        """Columns."""
        beside = 0 if self._beside is None else self._beside.shape[1]
        return int(self.X.shape[1] + beside)

    def rows(self, rows: npt.NDArray[np.intp]) -> Matrix:
        """These customers' columns, shape (rows, width)."""
        if self._beside is None:
            return self.X[rows]
        return np.hstack([self.X[rows], self._beside[rows]])

    def whole(self) -> xgb.QuantileDMatrix | None:
        """All rows, without outcomes; None without features."""
        return self._matrix(np.arange(len(self.X))) if self.width else None

    def with_trees(self, trees: Trees) -> Binned:
        """The same features and bins for trees that grow otherwise."""
        other = copy.copy(self)
        other.trees = trees
        return other

    def part(
        self,
        key: tuple[bytes, int, bool],
        rows: npt.NDArray[np.intp],
        y: npt.NDArray[np.floating],
        weight: Floats | None,
    ) -> xgb.QuantileDMatrix:
        """The matrix of `rows`, known by `key`, with the outcomes (and weights) of these rows."""
        matrix = self._parts.pop(key, None)
        if matrix is None:
            matrix = self._matrix(rows)
        self._served[key] += 1
        if self._served[key] < self._serves:
            self._parts[key] = matrix
        matrix.set_label(y)
        matrix.set_weight(np.empty(0) if weight is None else weight)
        return matrix

    def _matrix(self, rows: npt.NDArray[np.intp]) -> xgb.QuantileDMatrix:
        if not self._cuts:
            some = np.arange(0, len(self.X), max(1, len(self.X) // _CUT_ROWS))
            self._cuts.append(
                xgb.QuantileDMatrix(self.rows(some), max_bin=_MAX_BIN, nthread=self._threads)
            )
        return xgb.QuantileDMatrix(
            _Blocks(self, rows), ref=self._cuts[0], max_bin=_MAX_BIN, nthread=self._threads
        )


class _Blocks(xgb.DataIter):  # type: ignore[misc]
    """Rows handed to XGBoost some at a time, so that there is no second copy of them."""

    def __init__(self, binned: Binned, rows: npt.NDArray[np.intp]) -> None:
        self._binned, self._rows, self._at = binned, rows, 0
        super().__init__()

    def reset(self) -> None:
        self._at = 0

    def next(self, input_data: Callable[..., None]) -> bool:
        block = self._rows[self._at : self._at + _AT_ONCE]
        self._at += _AT_ONCE
        if len(block):
            input_data(data=self._binned.rows(block))
        return len(block) > 0
