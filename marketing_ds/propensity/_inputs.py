"""Labels, weights and folds as `PropensityModel.fit` needs them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import StratifiedKFold, check_cv
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight, _check_y

from marketing_ds._core.errors import InvalidInput

from ._calibration import Floats, Fold

FEW = 30


def check_labels(y: ArrayLike, rows: int) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """The two classes, sorted, and for each row the position of its class."""
    if y is None:
        raise InvalidInput("requires y to be passed, but the target y is None")
    labels = _check_y(y)
    if len(labels) != rows:
        raise InvalidInput(f"y must have one label per row of X ({rows}), got {len(labels)}")
    kind = type_of_target(labels, input_name="y", raise_unknown=True)
    check_classification_targets(labels)
    if kind != "binary":
        raise InvalidInput(
            f"Only binary classification is supported. The type of the target is {kind}. "
            "Make y 0 and 1, e.g. y == 'bought'"
        )
    classes, position = np.unique(labels, return_inverse=True)
    _check_both(classes, position)
    return classes, position


def check_weights(
    sample_weight: ArrayLike | None, X: pd.DataFrame, classes: NDArray[Any], y: NDArray[Any]
) -> Floats:
    """Weights as float64, at least 0 and with both classes among the rows above 0."""
    weight: Floats = _check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
    _check_both(classes[np.unique(y[weight > 0])], y)
    return weight


def warn_if_few(y: Floats) -> None:
    """Warn about fewer than 30 rows of a class, with what that does to the intervals."""
    positives, negatives = int(y.sum()), int(len(y) - y.sum())
    few = min(positives, negatives)
    if few >= FEW:
        return
    what = "positives" if positives <= negatives else "negatives"
    warnings.warn(
        f"y holds only {few} {what} (fewer than {FEW}): the 95 % interval of the AUC is then about "
        f"± {1.96 * _auc_error(positives, negatives):.2f}; use the scores as a rough order only",
        UserWarning,
        stacklevel=3,
    )


def make_folds(
    cv: int | Iterable[Any] | Any, X: NDArray[np.floating], y: NDArray[Any], seed: int
) -> list[Fold]:
    """Train and test positions; folds whose training part lacks a class are left out.

    A whole number is lowered to the size of the smaller class.
    """
    if isinstance(cv, (int, np.integer)) and not isinstance(cv, bool):
        if cv < 2:
            raise InvalidInput(f"cv must be at least 2 folds, got {cv}")
        count = min(int(cv), int(np.bincount(y).min()))
        if count < 2:
            return []
        splitter = StratifiedKFold(count, shuffle=True, random_state=seed)
    else:
        splitter = check_cv(cv, y, classifier=True)
    folds = [(np.asarray(train), np.asarray(test)) for train, test in splitter.split(X, y)]
    _check_disjoint(folds, len(y))
    return [fold for fold in folds if len(np.unique(y[fold[0]])) == 2]


def _check_disjoint(folds: Sequence[Fold], rows: int) -> None:
    tested = np.zeros(rows, dtype=np.intp)
    for train, test in folds:
        if len(np.intersect1d(train, test)):
            raise InvalidInput("cv must give folds whose train and test rows do not overlap")
        tested[test] += 1
    if (tested > 1).any():
        raise InvalidInput(
            "cv must test each row at most once, since each gets one out-of-fold prediction; "
            "use a splitter without repeats"
        )


def _check_both(classes: NDArray[Any], position: NDArray[Any]) -> None:
    if len(classes) < 2:
        raise InvalidInput(
            f"y must hold both classes to learn from, got only one class: {classes.tolist()} "
            f"(n_samples={len(position)})"
        )


def _auc_error(positives: int, negatives: int, auc: float = 0.75) -> float:
    """Standard error of an AUC by Hanley and McNeil (1982)."""
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (positives - 1) * (q1 - auc**2) + (negatives - 1) * (q2 - auc**2)
    return float(np.sqrt(variance / (positives * negatives)))
