"""How well one column alone tells the label: AUC of its order, of its levels, of its nulls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from marketing_ds._core.estimate import Floats, normal_quantile
from marketing_ds._core.hashing import hash_share
from marketing_ds.features import Kind, read_column

_FOLDS = 5
_BINS = 50
_SMOOTHING = 20.0  # customers
MAX_ROWS = 250_000
"""Rows of each class that are looked at; the AUC does not depend on the classes' shares."""


@dataclass(frozen=True)
class Sample:
    """The rows that columns are judged on."""

    rows: NDArray[np.intp]
    y: NDArray[np.bool_]
    weight: Floats
    fold: NDArray[np.intp]

    @classmethod
    def of(cls, X: pd.DataFrame, y: NDArray[np.bool_], weight: Floats) -> Sample:
        """At most so many rows of each class, evenly spread; folds part customers."""
        rows = np.sort(np.concatenate([_spread(np.flatnonzero(y)), _spread(np.flatnonzero(~y))]))
        if "customer_id" in X.columns:
            ids, at = np.unique(
                X["customer_id"].iloc[rows].to_numpy(dtype=object), return_inverse=True
            )
            place = hash_share(ids, salt="leaks")[at]
        else:
            place = hash_share((str(row) for row in rows), salt="leaks")
        return cls(rows, y[rows], weight[rows], (place * _FOLDS).astype(np.intp))

    @property
    def fewest(self) -> int:
        """Rows of the smaller class."""
        return int(min(self.y.sum(), (~self.y).sum()))


@dataclass(frozen=True)
class Figures:
    """What one column alone tells."""

    auc: float
    """Of a number's order, either way; of a category's levels by their rates out of fold."""
    shape_auc: float
    """Of a number's quantiles by their rates out of fold, which see what is high in the middle."""
    missing_auc: float
    """Of its nulls against its values, either way; 0.5 without nulls."""
    equal: bool
    """Whether it is the label under other names."""


def figures(values: pd.Series, name: str, sample: Sample) -> Figures | None:
    """Judge one column; None if it is the same in every row.

    Levels and quantiles stand for their rate of the label in the other folds.
    """
    read = read_column(values.iloc[sample.rows], name)
    levels, order, null = _levels(read.kind, read.values)
    if len(np.unique(levels)) < 2:
        return None
    shape = area(sample.y, _rates_elsewhere(levels, sample), sample.weight)
    straight = shape if order is None else _either_way(sample, order)
    missing = _either_way(sample, null.astype(np.float64)) if null.any() else 0.5
    return Figures(straight, shape, missing, _is_label(levels, sample.y))


def _either_way(sample: Sample, score: Floats) -> float:
    auc = area(sample.y, score, sample.weight)
    return max(auc, 1 - auc)


def area(y: NDArray[np.bool_], score: Floats, weight: Floats) -> float:
    """Area under the ROC curve, weighted; ties count half."""
    order = np.argsort(score, kind="stable")
    sorted_score = score[order]
    starts = np.flatnonzero(np.r_[True, sorted_score[1:] != sorted_score[:-1]])
    won = np.add.reduceat(np.where(y[order], weight[order], 0.0), starts)
    lost = np.add.reduceat(np.where(y[order], 0.0, weight[order]), starts)
    below = np.cumsum(lost) - lost
    return float((won * (below + lost / 2)).sum() / (won.sum() * lost.sum()))


def lower_end(auc: float, sample: Sample) -> float:
    """Lower end of the AUC's 95 % interval.

    References
    ----------
    J. A. Hanley and B. J. McNeil (1982), "The meaning and use of the area under a receiver
    operating characteristic (ROC) curve", Radiology 143, 29-36.
    """
    positives, negatives = float(sample.y.sum()), float((~sample.y).sum())
    # At 1 the formula knows no error, however few the rows are: half a row short of it, it does.
    a = min(auc, 1 - 0.5 / min(positives, negatives))
    q1, q2 = a / (2 - a), 2 * a**2 / (1 + a)
    variance = a * (1 - a) + (positives - 1) * (q1 - a**2) + (negatives - 1) * (q2 - a**2)
    return auc - normal_quantile(0.05) * float(np.sqrt(variance / (positives * negatives)))


def _spread(rows: NDArray[np.intp]) -> NDArray[np.intp]:
    if len(rows) <= MAX_ROWS:
        return rows
    return rows[np.linspace(0, len(rows) - 1, MAX_ROWS).astype(np.intp)]


def _levels(
    kind: Kind, values: NDArray[np.generic]
) -> tuple[NDArray[np.intp], Floats | None, NDArray[np.bool_]]:
    """A column as codes of levels, its order where it has one, and where it is null."""
    if kind == "category":
        codes = values.astype(np.intp)
        return codes + 1, None, codes < 0
    numbers = values.astype(np.float64)
    null = np.isnan(numbers)
    if null.all():
        return np.zeros(len(numbers), np.intp), None, null
    known = numbers[~null]
    distinct = np.unique(known)
    edges = distinct[1:]
    if len(distinct) > _BINS:
        edges = np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:-1]))
    codes = np.searchsorted(edges, numbers, side="right") + 1
    codes[null] = 0
    # Nulls in the middle of the order: what they tell by themselves is judged apart.
    order = np.where(null, np.median(known), numbers)
    return codes, order, null


def _rates_elsewhere(levels: NDArray[np.intp], sample: Sample) -> Floats:
    """For each row the rate of its level in the other folds, drawn to the mean by 20 customers."""
    count = int(levels.max()) + 1
    cell = levels * _FOLDS + sample.fold
    size = count * _FOLDS
    total = np.bincount(cell, sample.weight, size).reshape(count, _FOLDS)
    came = np.bincount(cell, sample.weight * sample.y, size).reshape(count, _FOLDS)
    total_elsewhere = total.sum(axis=1, keepdims=True) - total
    came_elsewhere = came.sum(axis=1, keepdims=True) - came
    mean = came_elsewhere.sum(axis=0) / np.maximum(total_elsewhere.sum(axis=0), 1e-300)
    rates = (came_elsewhere + _SMOOTHING * mean) / (total_elsewhere + _SMOOTHING)
    return np.asarray(rates.ravel()[cell], dtype=np.float64)


def _is_label(levels: NDArray[np.intp], y: NDArray[np.bool_]) -> bool:
    """Whether two levels part the rows just as the label does."""
    found = np.unique(levels)
    return len(found) == 2 and len(np.unique(levels * 2 + y)) == 2
