"""Why a customer gets just that offer, in words: a few sentences for any number of rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from .limits import Constraints
from .value import FloatArray, IntArray


def reasons(
    net: FloatArray,
    choice: IntArray,
    offers: tuple[str, ...],
    rows: Constraints,
    prices: dict[str, float],
) -> pd.Series[str]:
    """One sentence for each customer who is given something, in order.

    Parameters
    ----------
    net : ndarray (A, n)
        Net values in CNY; -inf where an offer cannot be given.
    choice : ndarray (n,)
        Position of the offer given; -1 for none.
    """
    given = np.flatnonzero(choice >= 0)
    most = net[:, given].argmax(axis=0)
    worthy = (net[:, given] > 0).sum(axis=0)
    shape = (len(net), len(net), len(net) + 1)
    codes = np.ravel_multi_index((most, choice[given], worthy), shape)
    kinds, positions = np.unique(codes, return_inverse=True)
    sentences = [
        _sentence(offers[best], offers[got], int(count), _bars(rows, prices, int(best)))
        for best, got, count in zip(*np.unravel_index(kinds, shape), strict=True)
    ]
    told = pa.array(sentences, pa.large_string()).take(pa.array(positions))
    return pd.Series(told.to_pandas(), dtype="str")


def _sentence(best: str, got: str, worthy: int, bars: list[str]) -> str:
    if best == got and worthy == 1:
        return "the only offer with net value for this customer"
    if best == got:
        return f"highest net value of {worthy} offers for this customer"
    bar = " and ".join(bars) or "the limits"
    return f"'{best}' is worth more to this customer, but {bar} went to others"


def _bars(rows: Constraints, prices: dict[str, float], offer: int) -> list[str]:
    """The binding limits that this offer would have used."""
    return [
        _in_words(name)
        for name, usage in zip(rows.names, rows.usage, strict=True)
        if prices[name] > 0 and usage[offer] > 0
    ]


def _in_words(limit: str) -> str:
    plain = {"budget_cny": "the budget", "max_customers": "the places"}
    return plain.get(limit, f"the capacity of '{limit.removeprefix('capacity:')}'")
