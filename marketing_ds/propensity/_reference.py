"""How the customers learnt from are distributed, tag by tag: what a customer is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from marketing_ds.features import InputColumn, Kind, read_column

Floats = NDArray[np.float64]

_STEPS = 100
_ENOUGH = 100_000  # customers: a share of them is then known to 0.2 of a percentage point


@dataclass(frozen=True)
class TagReference:
    """One tag among the customers learnt from; no customer can be told from it.

    Attributes
    ----------
    name : str
    kind : {"number", "boolean", "category", "date"}
    null_share : float
        Share of customers of whom it is not known.
    quantiles : tuple of float
        Of those who have a value: at 0 %, 1 %, … 100 % of them, each a value that occurs (dates in
        days since 1970-01-01); empty for categories and booleans, and where nobody has a value.
    shares : tuple of (str, float)
        Share of all customers that have each category that the encoder tells apart (for a boolean
        ``"0"`` and ``"1"``).
    """

    name: str
    kind: Kind
    null_share: float
    quantiles: tuple[float, ...] = ()
    shares: tuple[tuple[str, float], ...] = ()


def learn_reference(
    features: pd.DataFrame,
    columns: Sequence[InputColumn],
    sample_weight: NDArray[np.floating] | None = None,
) -> tuple[TagReference, ...]:
    """What customers are compared with: 101 quantiles of a number, the share of each category.

    Parameters
    ----------
    features : pandas.DataFrame of shape (n_samples, n_features)
        Tags without keys, in the order of `columns`; of more than 100,000 rows that many are drawn,
        with a fixed seed.
    columns : sequence of InputColumn
        What the encoder learnt.
    sample_weight : ndarray of shape (n_samples,), optional
        How many customers each row stands for.

    Examples
    --------
    >>> from marketing_ds.features import FeatureEncoder
    >>> tags = pd.DataFrame({"visits": range(101), "tier": ["gold"] * 25 + ["basic"] * 76})
    >>> visits, tier = learn_reference(tags, FeatureEncoder().fit(tags).columns_)
    >>> visits.quantiles[90]
    90.0
    >>> [(level, round(share, 2)) for level, share in tier.shares]
    [('basic', 0.75), ('gold', 0.25)]
    """
    rows = len(features)
    weight = np.ones(rows) if sample_weight is None else np.asarray(sample_weight, np.float64)
    if rows > _ENOUGH:
        drawn = np.sort(np.random.default_rng(0).choice(rows, _ENOUGH, replace=False))
        features, weight = features.iloc[drawn], weight[drawn]
    return tuple(_learn(features.iloc[:, at], column, weight) for at, column in enumerate(columns))


def _learn(values: pd.Series[Any], column: InputColumn, weight: Floats) -> TagReference:
    if column.dropped:  # it never moves a score, so nobody is compared by it
        return TagReference(column.name, column.kind, column.null_share)
    reading = read_column(values, column.name, column.kind)
    if column.kind == "category":
        found = np.bincount(reading.values + 1, weight, minlength=len(reading.levels) + 1)
        share = dict(zip(reading.levels, (found[1:] / found.sum()).tolist(), strict=True))
        shares = tuple((level, share.get(level, 0.0)) for level in column.categories)
        return TagReference(column.name, column.kind, float(found[0] / found.sum()), shares=shares)
    number = reading.values.astype(np.float64)
    known = ~np.isnan(number)
    null_share = 1 - float(weight[known].sum() / weight.sum())
    if column.kind == "boolean":
        yes = float(weight[number == 1].sum() / weight.sum())
        shares = (("0", 1 - null_share - yes), ("1", yes))
        return TagReference(column.name, column.kind, null_share, shares=shares)
    quantiles = _quantiles(number[known], weight[known])
    return TagReference(column.name, column.kind, null_share, quantiles)


def _quantiles(values: Floats, weight: Floats) -> tuple[float, ...]:
    """The least value that is not exceeded by 0, 1, … 100 % of the weight."""
    if weight.sum() == 0:
        return ()
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weight[order])
    wanted = np.arange(_STEPS + 1) / _STEPS * reached[-1]
    first = int(np.flatnonzero(reached > 0)[0])
    at = np.searchsorted(reached, wanted * (1 - 1e-12))
    return tuple(values[order[np.clip(at, first, len(order) - 1)]].tolist())
