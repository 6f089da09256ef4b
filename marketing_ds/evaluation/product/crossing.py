"""Cross-holding: which products the same customers hold, against what chance would give."""

from __future__ import annotations

from itertools import combinations

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from marketing_ds._core.estimate import wilson
from marketing_ds.profiling import tgi_interval

from .books import ID, Books
from .sales import item_names

_COLUMNS = [
    "level", "item", "with_item", "holders", "with_holders", "both",
    "both_share", "both_share_ci_lower", "both_share_ci_upper",
    "jaccard", "jaccard_ci_lower", "jaccard_ci_upper",
    "lift", "lift_ci_lower", "lift_ci_upper", "p_value",
]  # fmt: skip
_LIFT = _COLUMNS[-4:]


def crossing(held: ir.Table, found: Books, sold: pd.DataFrame, alpha: float) -> pd.DataFrame:
    """One row a pair of products, or of categories, that somebody holds.

    Parameters
    ----------
    held : ibis.Table
        The rows of the books, kept in the engine.
    sold : pandas.DataFrame
        What `sales` gives: holders by item.

    Returns
    -------
    pandas.DataFrame
        `both_share` is the part of the item's holders who hold the other too; `jaccard` those with
        both of those with either; `lift` is both over what independence would give, 1 if holding
        one says nothing of the other.
    """
    if found.end_snapshot is None:
        return pd.DataFrame(columns=_COLUMNS)
    there = held.filter(held.end_cny > 0)
    parts = []
    for level, key in (("product", "product_id"), ("category", "category")):
        rows = there.select(ID, item=there[key])
        rows = rows if level == "product" else rows.distinct()
        of_level = sold[sold["level"] == level].set_index("item")["holders"]
        names = [name for name in item_names(sold, level) if of_level[name] > 0]
        parts.append(_pairs(rows, level, names, of_level, found.customers, alpha))
    return pd.concat(parts, ignore_index=True)


def _pairs(
    rows: ir.Table,
    level: str,
    names: list[str],
    holders: pd.Series[int],
    customers: int,
    alpha: float,
) -> pd.DataFrame:
    other = rows.select(_customer=ID, with_item="item")
    joined = rows.inner_join(other, [(ID, "_customer")])
    joined = joined.filter(joined.item < joined.with_item)
    counted = joined.group_by("item", "with_item").aggregate(n=joined.count()).to_pyarrow()
    both_of = {(row["item"], row["with_item"]): row["n"] for row in counted.to_pylist()}
    pairs = list(combinations(names, 2))
    if not pairs:
        return pd.DataFrame(columns=_COLUMNS)
    frame = pd.DataFrame(pairs, columns=["item", "with_item"])
    both = np.array([both_of.get((min(pair), max(pair)), 0) for pair in pairs])
    first, second = (holders.loc[frame[name]].to_numpy() for name in ("item", "with_item"))
    frame = frame.assign(level=level, holders=first, with_holders=second, both=both)
    for name, size in (("both_share", first), ("jaccard", first + second - both)):
        lower, upper = wilson(both, size, alpha=alpha)
        ends = {f"{name}_ci_lower": lower, f"{name}_ci_upper": upper}
        frame = frame.assign(**{name: both / size}, **ends)
    lifts = frame.groupby("item", sort=False).apply(_lifts, customers=customers, alpha=alpha)
    return pd.DataFrame(lifts.droplevel(0), columns=_LIFT).join(frame)[_COLUMNS].sort_index()


def _lifts(rows: pd.DataFrame, customers: int, alpha: float) -> pd.DataFrame:
    """Share of the others among an item's holders, over their share among all customers."""
    found = tgi_interval(
        rows["both"],
        int(rows["holders"].iloc[0]),
        rows["with_holders"],
        customers,
        alpha=alpha,
    )
    *lift, p_value = found
    values = [*(value / 100.0 for value in lift), p_value]
    return pd.DataFrame(dict(zip(_LIFT, values, strict=True)), index=rows.index)
