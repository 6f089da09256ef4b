"""Labels, weights and folds as `PropensityModel.fit` needs them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, check_cv
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight, _check_y

from marketing_ds._core.errors import InvalidInput, did_you_mean
from marketing_ds.features import FeatureEncoder, Table

from ._calibration import ENOUGH_TO_BEND, Floats, Fold

FEW = 30


def check_labels(y: ArrayLike, rows: int) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """The two classes, sorted, and for each row the position of its class."""
    if y is None:
        raise InvalidInput("requires y to be passed, but the target y is None")
    null = int(pd.isna(np.asarray(y)).sum())
    if null:
        raise InvalidInput(
            f"Input y contains NaN: {null} label(s) are null; leave those rows out, X and y alike"
        )
    labels = _check_y(y)
    if len(labels) != rows:
        raise InvalidInput(f"y must have one label per row of X ({rows}), got {len(labels)}")
    kind = type_of_target(labels, input_name="y", raise_unknown=True)
    if kind.startswith("continuous"):
        raise InvalidInput(
            f"Unknown label type: {kind}. Make y 0 and 1, e.g. spend > 0: a propensity is of "
            "something that happens or does not"
        )
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
    weight = read_weights(sample_weight, X)
    _check_both(classes[np.unique(y[weight > 0])], y)
    return weight


def read_weights(sample_weight: ArrayLike | None, X: pd.DataFrame) -> Floats:
    """Weights as float64, 1 by default.

    Raises
    ------
    InvalidInput
        If one is null, infinite or below 0, or there is not one for each row.
    """
    if sample_weight is not None:
        given = np.asarray(sample_weight)
        if given.ndim == 1 and len(given) != len(X):
            raise InvalidInput(
                f"sample_weight must have one weight per row of X ({len(X)}), got {len(given)}"
            )
        if given.dtype.kind in "biuf":
            wrong = int((~(np.isfinite(given) & (given >= 0))).sum())
            if wrong:
                raise InvalidInput(
                    f"sample_weight must be finite and at least 0, got {wrong} other(s) in "
                    f"{len(given)} rows; a weight says how many customers a row stands for"
                )
    weight: Floats = _check_sample_weight(sample_weight, X, dtype=np.float64)
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


def rated_columns(encoder: FeatureEncoder) -> NDArray[np.intp]:
    """Positions of the encoded columns that hold the mean response of a category."""
    rated = [bool(encoder.columns_[at].rates) for at in encoder.origin_]
    return np.flatnonzero(rated)


def read_monotone(monotone: Mapping[str, int] | None, encoder: FeatureEncoder) -> dict[int, int]:
    """Encoded column → direction.

    Raises
    ------
    InvalidInput
        If a tag is unknown or a category, or a direction is neither 1 nor -1.
    """
    known = {column.name: column for column in encoder.columns_}
    found = {}
    for name, direction in (monotone or {}).items():
        if name not in known:
            raise InvalidInput(
                f"monotone must name columns of X, got {name!r}{did_you_mean(str(name), known)}"
            )
        if direction not in (1, -1):
            raise InvalidInput(f"monotone[{name!r}] must be 1 or -1, got {direction!r}")
        if known[name].kind == "category":
            raise InvalidInput(
                f"monotone must name tags that have an order, got {name!r}, which is a category; "
                "make it a number if its levels rise"
            )
        for column in np.flatnonzero(encoder.origin_ == list(known).index(name)):
            found[int(column)] = int(direction)
    return found


def read_groups(groups: ArrayLike | None, table: Table, rows: int) -> NDArray[Any] | None:
    """Codes of rows that belong together; None where every row is on its own."""
    if groups is None:
        if "customer_id" not in table.keys or not table.keys["customer_id"].duplicated().any():
            return None
        values = table.keys["customer_id"]
    else:
        values = pd.Series(np.asarray(groups))
        if len(values) != rows:
            raise InvalidInput(
                f"groups must have one value per row of X ({rows}), got {len(values)}"
            )
    codes: NDArray[Any] = pd.factorize(values)[0]
    return codes


def make_folds(
    cv: int | str | Iterable[Any] | Any,
    table: Table,
    Z: NDArray[np.floating],
    y: NDArray[Any],
    seed: int,
    groups: NDArray[Any] | None,
) -> list[Fold]:
    """Train and test positions; folds whose training part lacks a class are left out.

    A number is lowered to the size of the smaller class; its folds keep each group whole.
    """
    if isinstance(cv, str):
        folds = _folds_by_time(cv, table)
    elif isinstance(cv, (int, np.integer)) and not isinstance(cv, bool):
        if cv < 2:
            raise InvalidInput(f"cv must be at least 2 folds, got {cv}")
        folds = stratified_folds(int(cv), y, seed, groups)
    else:
        splitter = check_cv(cv, y, classifier=True)
        folds = [(np.asarray(a), np.asarray(b)) for a, b in splitter.split(Z, y, groups)]
    _check_disjoint(folds, len(y))
    return [fold for fold in folds if len(np.unique(y[fold[0]])) == 2]


def stratified_folds(
    count: int, y: NDArray[Any], seed: int, groups: NDArray[Any] | None = None
) -> list[Fold]:
    """At most `count` folds with the classes in equal shares, and each group whole; or none."""
    count = min(count, int(np.bincount(y).min()))
    if groups is not None:
        count = min(count, len(np.unique(groups)))
    if count < 2:
        return []
    if groups is None:
        splitter = StratifiedKFold(count, shuffle=True, random_state=seed)
    else:
        splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    rows = np.zeros((len(y), 1))
    return [(np.asarray(a), np.asarray(b)) for a, b in splitter.split(rows, y, groups)]


def with_weight(folds: list[Fold], y: Floats, w: Floats) -> list[Fold]:
    """Folds trained on rows with weight only, without those that lose a class or all test weight."""
    weighted = [(train[w[train] > 0], test) for train, test in folds]
    return [
        (train, test)
        for train, test in weighted
        if len(np.unique(y[train])) == 2 and w[test].sum() > 0
    ]


def _folds_by_time(cv: str, table: Table) -> list[Fold]:
    """Each date but the first as a test part, all dates before it as its training part."""
    if cv != "time":
        raise InvalidInput(f"cv must be a number of folds, 'time' or a splitter, got {cv!r}")
    if "as_of" not in table.keys:
        raise InvalidInput("cv='time' needs the column 'as_of' in X, which it does not have")
    dates = pd.to_datetime(table.keys["as_of"]).to_numpy()
    days = np.unique(dates)
    if len(days) < 2:
        raise InvalidInput(
            f"cv='time' needs at least two dates in X's 'as_of', got {len(days)}; give a training "
            "set with several cut-offs"
        )
    return [(np.flatnonzero(dates < day), np.flatnonzero(dates == day)) for day in days[1:]]


def latest_rows(table: Table, y: Floats, w: Floats) -> NDArray[np.bool_]:
    """The rows of the latest dates, as many as it takes to hold 300 of the smaller class.

    With folds by time the calibration rests on them: what comes next is most like what came last.
    """
    dates = pd.to_datetime(table.keys["as_of"]).to_numpy()
    latest = np.zeros(len(y), dtype=bool)
    for day in np.unique(dates)[::-1]:
        latest |= dates == day
        if min(w[latest & (y > 0)].sum(), w[latest & (y == 0)].sum()) >= ENOUGH_TO_BEND:
            break
    return latest


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
