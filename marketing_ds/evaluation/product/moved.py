"""Where the money came from: new to the bank, or moved from the customer's other balances."""

from __future__ import annotations

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from marketing_ds.evaluation.engine import estimate
from marketing_ds.evaluation.metrics import Mean, Ratio
from marketing_ds.tags._sources import ASSETS

from .books import Books
from .levels import all_items
from .sales import item_moments, reach, told

_COLUMNS = ("amount_cny", "new_cny")
_SHARE = Ratio("new_cny", "amount_cny", name="new_share")
_MEAN = Mean("new_cny", name="new_per_buyer_cny")


def moved_money(buyers: ir.Table, found: Books, alpha: float) -> pd.DataFrame:
    """One row a product of assets, its category, and all of them.

    Parameters
    ----------
    buyers : ibis.Table
        The rows of `buyers_by_level`, kept in the engine.

    Returns
    -------
    pandas.DataFrame
        `buyers`, `amount_cny`, `new_cny` and `moved_cny` in all; `new_share` of the amount and
        `new_per_buyer_cny` with their intervals.
    """
    columns = ["level", "item", "title", "buyers", "amount_cny", "new_cny", "moved_cny"]
    frame = all_items(found)
    frame = frame[frame["category"].isin(ASSETS) | (frame["level"] == "all")]
    if not found.follows:
        return pd.DataFrame(columns=columns)
    table = buyers.filter(buyers.asset_cny > 0)
    table = table.select("item", "new_cny", amount_cny="asset_cny")
    moments = item_moments(table, _COLUMNS, [frozenset(_COLUMNS)])
    rows = []
    for key in frame["key"]:
        m = moments.get(key)
        n = m.n if m is not None else 0
        amount, fresh = (n * m.mean).tolist() if m is not None else (0.0, 0.0)
        row: dict[str, float] = {"buyers": n, "amount_cny": amount, "new_cny": fresh}
        row["moved_cny"] = amount - fresh
        for metric in (_SHARE, _MEAN):
            if m is None:
                row |= told(metric.label, np.nan, np.nan)
                continue
            known = estimate(metric, (), _COLUMNS, {"": m})[""]
            row |= told(metric.label, known.value, reach(n, known.variance, alpha))
        rows.append(row)
    shown = frame[["level", "item", "title"]].reset_index(drop=True)
    return pd.concat([shown, pd.DataFrame(rows)], axis=1)
