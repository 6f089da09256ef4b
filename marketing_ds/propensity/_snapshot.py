"""What a model remembers of its training data: a histogram per tag and one of the scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from marketing_ds._core.stability import psi
from marketing_ds.features import InputColumn, read_column

Floats = NDArray[np.float64]

_BINS = 10
_LEAST = 1e-300
SCORE = "score"
_WORDS = {
    "en": {
        "unknown": "unknown",
        "other": "other values",
        "all": "all values",
        "below": "below {}",
        "between": "{low} to {high}",
        "from": "from {}",
        "above": "above {}",
    },
    "zh": {
        "unknown": "未知",
        "other": "其他取值",
        "all": "所有取值",
        "below": "低于{}",
        "between": "{low}至{high}",
        "from": "不低于{}",
        "above": "高于{}",
    },
}


@dataclass(frozen=True)
class Histogram:
    """How customers were spread over a tag; no customer can be told from it.

    Attributes
    ----------
    name : str
    kind : {"number", "boolean", "category", "date"}
    edges : tuple of float
        Where bins of numbers begin (dates in days since 1970-01-01), tenths of the training
        customers; a value that fills several tenths has a bin of its own.
    values : tuple of str
        Categories, one bin each; then one bin for all others.
    shares : tuple of float
        Share of the customers in each bin; the last bin holds those of whom it is not known.
    """

    name: str
    kind: str
    edges: tuple[float, ...] = ()
    values: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()

    def count(self, values: pd.Series[Any], weight: Floats | None = None) -> Floats:
        """Customers of a column in each bin."""
        column = read_column(values, self.name, self.kind)  # type: ignore[arg-type]
        if self.kind == "category":
            place = {value: at for at, value in enumerate(self.values)}
            size = len(self.values)
            codes = [place.get(level, size) for level in column.levels] + [size + 1]
            bins = np.asarray(codes)[column.values]  # −1, for null, is the last
            return np.bincount(bins, weight, minlength=size + 2).astype(np.float64)
        return count_numbers(column.values.astype(np.float64), self.edges, weight)

    def labels(self, language: str = "en") -> list[str]:
        """The bins in words."""
        words = _WORDS[language]
        if self.kind == "category":
            return [*self.values, words["other"], words["unknown"]]
        if not self.edges:
            return [words["all"], words["unknown"]]
        show = _day if self.kind == "date" else _number
        between = [
            show(low)
            if high == np.nextafter(low, np.inf)  # one heavy value
            else words["between"].format(low=show(low), high=show(high))
            for low, high in pairwise(self.edges)
        ]
        first, last = words["below"].format(show(self.edges[0])), self.edges[-1]
        above = "above" if last in np.nextafter(self.edges[:-1], np.inf) else "from"
        return [first, *between, words[above].format(show(last)), words["unknown"]]


@dataclass(frozen=True)
class TrainingSnapshot:
    """The training customers in small: enough to see that later ones are different.

    Attributes
    ----------
    rows : float
        Customers, or with weights as many as would carry as much information (Kish).
    columns : tuple of Histogram
        Of each tag that the model uses.
    score : Histogram
        Of the out-of-fold probabilities.
    score_slack : float
        PSI between those and the final model's own probabilities of the same customers. The folds'
        models spread scores a little less than the final one, and it spreads those that it learnt
        from a little more than new ones: new customers' scores lie between the two.
    """

    rows: float
    columns: tuple[Histogram, ...] = field(repr=False)
    score: Histogram = field(repr=False)
    score_slack: float = 0.0


def learn_snapshot(
    features: pd.DataFrame,
    columns: Sequence[InputColumn],
    score: Floats,
    sample_weight: Floats | None = None,
    *,
    final: Floats | None = None,
) -> TrainingSnapshot:
    """Histograms of the tags that a model uses, and of its scores.

    Parameters
    ----------
    features : pandas.DataFrame of shape (n_samples, n_features)
        Tags without keys, in the order of `columns`.
    columns : sequence of InputColumn
        What the encoder learnt; those that it dropped are left out.
    score : ndarray of shape (n_samples,)
        Out-of-fold probabilities; NaN where there is none.
    sample_weight : ndarray of shape (n_samples,), optional
        How many customers each row stands for.
    final : ndarray of shape (n_samples,), optional
        The final model's probabilities of the same rows.

    Examples
    --------
    >>> from marketing_ds.features import FeatureEncoder
    >>> tags = pd.DataFrame({"tier": ["gold"] * 25 + ["basic"] * 75})
    >>> snapshot = learn_snapshot(tags, FeatureEncoder().fit(tags).columns_, np.full(100, 0.1))
    >>> dict(zip(snapshot.columns[0].labels(), snapshot.columns[0].shares, strict=True))
    {'basic': 0.75, 'gold': 0.25, 'other values': 0.0, 'unknown': 0.0}
    """
    weight = np.ones(len(features)) if sample_weight is None else sample_weight
    found = [
        _histogram(features.iloc[:, at], column, weight)
        for at, column in enumerate(columns)
        if not column.dropped
    ]
    snapshot = TrainingSnapshot(
        float(weight.sum() ** 2 / (weight @ weight)), tuple(found), Histogram(SCORE, "number")
    )
    return with_score(snapshot, score, weight, final)


def with_score(
    snapshot: TrainingSnapshot, score: Floats, weight: Floats, final: Floats | None
) -> TrainingSnapshot:
    """The snapshot with other scores, of the same customers."""
    known = ~np.isnan(score) & (weight > 0)
    empty = Histogram(SCORE, "number", edges=_edges(score[known]))
    counts = count_numbers(score[known], empty.edges, weight[known])
    slack = 0.0
    if final is not None and known.any():
        own = count_numbers(final[known], empty.edges, weight[known])
        slack = psi(counts[:-1], own[:-1])
    return replace(snapshot, score=_shared(empty, counts), score_slack=slack)


def count_numbers(values: Floats, edges: Sequence[float], weight: Floats | None) -> Floats:
    """Customers in each bin, unknown ones last."""
    size = len(edges) + 1
    bins = np.where(np.isnan(values), size, np.searchsorted(edges, values, side="right"))
    return np.bincount(bins, weight, minlength=size + 1).astype(np.float64)


def _histogram(values: pd.Series[Any], column: InputColumn, weight: Floats) -> Histogram:
    if column.kind == "category":
        empty = Histogram(column.name, column.kind, values=column.categories)
    else:
        numbers = read_column(values, column.name, column.kind).values.astype(np.float64)
        empty = Histogram(column.name, column.kind, edges=_edges(numbers))
    return _shared(empty, empty.count(values, weight))


def _shared(empty: Histogram, counts: Floats) -> Histogram:
    total = counts.sum()
    shares = tuple((counts / total).tolist()) if total else tuple(counts.tolist())
    return Histogram(empty.name, empty.kind, empty.edges, empty.values, shares)


def _edges(values: Floats) -> tuple[float, ...]:
    """Tenths of what is known; a value that fills several has a bin of its own."""
    known = np.sort(values[~np.isnan(values)])
    if len(known) == 0:
        return ()
    at = (np.arange(1, _BINS) * len(known) // _BINS).clip(0, len(known) - 1)
    cuts, times = np.unique(known[at], return_counts=True)
    above = np.nextafter(cuts[times > 1], np.inf)
    return tuple(np.union1d(cuts, above).tolist())


def _number(value: float) -> str:
    # What was added to part a heavy value from those above it is not shown.
    return f"{0.0 if abs(value) < _LEAST else value:,.4g}"


def _day(value: float) -> str:
    return str(np.datetime64(round(value), "D"))
