"""One binned matrix for many labels: binned once, relabelled for each product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray
from scipy.special import logit

from ._additive import with_additive_part
from ._boosting import Racer, race, with_base
from ._calibration import Floats, Fold
from ._fitting import PENALTY_WITHOUT_FOLDS
from ._next_ridge import SharedDesign
from ._ridge import Start

Matrix = NDArray[np.float32]
_Part = tuple[Fold, xgb.QuantileDMatrix, xgb.QuantileDMatrix]
_WITHOUT_FOLDS = 50  # trees


@dataclass(frozen=True)
class Grown:
    """The trees of one label.

    Attributes
    ----------
    booster : xgboost.Booster
        On all rows, regression included.
    trees : int
        Number of boosted trees with the smallest log loss out of fold.
    margin : ndarray of shape (n,)
        Out-of-fold margins at that number.
    """

    booster: xgb.Booster
    trees: int
    margin: Floats


class SharedMatrix:
    """Rows in bins, which know no label; each label then sets its own labels and weights.

    The bins of all rows serve the folds too: a bin's edges depend on the features alone, so that
    nothing of a test row's outcome is learned through them.

    Parameters
    ----------
    Z : ndarray of shape (n, features), float32
        Encoded rows. The encoding must not depend on any label: categories are codes, and each
        label's trees part them where its own responses differ most.
    folds : sequence of (train, test) positions
        Parts of the rows; each row is tested once.
    parameters : dict
        XGBoost's, with `max_bin` and `nthread`.
    kinds : sequence of {"c", "float"}
        Of each column: categories as codes, or numbers.
    design : SharedDesign, optional
        Of ridge regressions that the trees add to; trees alone by default.
    """

    def __init__(
        self,
        Z: Matrix,
        folds: list[Fold],
        parameters: dict[str, Any],
        kinds: Sequence[str],
        design: SharedDesign | None = None,
    ) -> None:
        self._parameters = parameters
        self._design = design
        self._kinds = list(kinds)
        self._rows = len(Z)
        self._all = self._binned(Z, None)
        self._parts: list[_Part] = [
            (fold, self._binned(Z[fold[0]], self._all), self._binned(Z[fold[1]], self._all))
            for fold in folds
        ]

    def grow(self, y: Floats, w: Floats, *, max_trees: int, patience: int) -> Grown:
        """Trees of one label: the folds grow in step until their pooled log loss stops falling.

        Parameters
        ----------
        y : ndarray of shape (n,)
            0 or 1; whatever a row without weight holds counts for nothing.
        w : ndarray of shape (n,)
            How many customers each row stands for; 0 for those who are not at risk.
        max_trees : int
        patience : int
            Trees without a smaller loss after which the folds stop.
        """
        parts = [
            part for part in self._parts if _both(y, w, part[0][0]) and w[part[0][1]].sum() > 0
        ]
        penalty = PENALTY_WITHOUT_FOLDS
        starts: list[Start] = []
        if self._design is not None and parts:
            penalty, starts = self._design.choose(y, w, [fold for fold, _, _ in parts])
        racers = [
            self._racer(part, y, w, starts[at].margin if starts else _flat_margin(y, w, part[0][0]))
            for at, part in enumerate(parts)
        ]
        trees = min(_WITHOUT_FOLDS, max_trees)
        if racers:
            trees, _ = race(racers, max_rounds=max_trees, patience=patience)
        margin = np.full(self._rows, np.nan)
        for ((_, test), _, _), racer in zip(parts, racers, strict=True):
            margin[test] = racer.margin(trees)
        return Grown(self._whole(y, w, trees, penalty), trees, margin)

    def _racer(self, part: _Part, y: Floats, w: Floats, start: Floats) -> Racer:
        """The booster of one fold; its matrices are told the label and what the trees add to."""
        (train, test), grown_on, judged = part
        grown_on.set_label(y[train])
        grown_on.set_weight(w[train])
        grown_on.set_base_margin(start[train])
        judged.set_base_margin(start[test])
        full = with_base(self._parameters, y[train], w[train])
        return Racer(full, grown_on, judged, start=start[test], y=y[test], w=w[test])

    def _whole(self, y: Floats, w: Floats, trees: int, penalty: float) -> xgb.Booster:
        """One booster on all rows."""
        everyone = np.arange(self._rows)
        start = self._design.fit(y, w, penalty) if self._design is not None else None
        self._all.set_label(y)
        self._all.set_weight(w)
        # Always set, since the label before may have left its own.
        self._all.set_base_margin(start.margin if start else _flat_margin(y, w, everyone))
        booster = xgb.train(with_base(self._parameters, y, w), self._all, trees)
        return with_additive_part(booster, start.ridge) if start else booster

    def flat(self) -> Grown:
        """No trees at all: margin 0 for everybody."""
        booster = xgb.train(self._parameters | {"base_score": 0.5}, self._all, 0)
        return Grown(booster, 0, np.zeros(self._rows))

    def _binned(self, Z: Matrix, like: xgb.QuantileDMatrix | None) -> xgb.QuantileDMatrix:
        return xgb.QuantileDMatrix(
            Z,
            max_bin=self._parameters["max_bin"],
            nthread=self._parameters["nthread"],
            ref=like,
            feature_types=self._kinds,
            enable_categorical=True,
        )


def shared_folds(Y: Floats, groups: NDArray[np.intp], count: int, seed: int) -> list[Fold]:
    """Folds for all labels at once, no group in both parts, rare labels spread evenly.

    Groups are dealt out in turn, in the order of the rarest label that came true for them and at
    random within it.

    Parameters
    ----------
    Y : ndarray of shape (n, labels)
        0, 1 or NaN.
    groups : ndarray of shape (n,)
        Whole numbers from 0: rows that must stay together.
    count : int
        Number of folds.
    seed : int
    """
    positive = Y == 1
    frequency = positive.sum(axis=0)
    rarest = np.where(positive, frequency, len(Y) + 1).min(axis=1)
    size = int(groups.max()) + 1
    of_group = np.full(size, len(Y) + 1)
    np.minimum.at(of_group, groups, rarest)
    order = np.lexsort((np.random.default_rng(seed).random(size), of_group))
    fold_of = np.empty(size, dtype=np.intp)
    fold_of[order] = np.arange(size) % count
    fold = fold_of[groups]
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(count)]


def _both(y: Floats, w: Floats, rows: NDArray[np.intp]) -> bool:
    """Whether both classes have weight."""
    weighted = y[rows][w[rows] > 0]
    return len(weighted) > 0 and bool(weighted.min() != weighted.max())


def _flat_margin(y: Floats, w: Floats, rows: NDArray[np.intp]) -> Floats:
    """Of all rows, the log-odds of the base rate of some."""
    return np.full(len(y), logit(np.average(y[rows], weights=w[rows])))
