"""Did one product's sales go with a fall of another's balance? Described, not proven."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from marketing_ds._core.estimate import wilson

from .books import ID, Books

_COLUMNS = [
    "item", "from_item", "buyers_holding", "buyers_fell",
    "buyers_fell_share", "buyers_fell_share_ci_lower", "buyers_fell_share_ci_upper",
    "others_holding", "others_fell",
    "others_fell_share", "others_fell_share_ci_lower", "others_fell_share_ci_upper",
]  # fmt: skip


def switching(held: ir.Table, found: Books, alpha: float) -> pd.DataFrame:
    """One row a product that was bought and another of its category that its buyers had held.

    Of the customers who held the other product before the window: how many held less of it at the
    end, among those who bought the product and among those who did not. Who buys differs from who
    does not in many ways, so this is a description; only a randomised campaign can tell.
    """
    if not found.follows:
        return pd.DataFrame(columns=_COLUMNS)
    before = held.filter(held.start_cny > 0)
    fell = (before.end_cny < before.start_cny).ifelse(1, 0)
    owners = before.select(_customer=ID, from_item="product_id", _category="category", fell=fell)
    everybody = owners.group_by("from_item").aggregate(n=owners.count(), fell=owners.fell.sum())
    buyers = held.filter(held.purchases > 0).select(ID, "category", item="product_id")
    joined = buyers.inner_join(owners, [(ID, "_customer"), ("category", "_category")])
    joined = joined.filter(joined.item != joined.from_item)
    counted = joined.group_by("item", "from_item").aggregate(
        n=joined.count(), fell=joined.fell.sum()
    )
    both = counted.inner_join(
        everybody.select(_from="from_item", all_n="n", all_fell="fell"), [("from_item", "_from")]
    ).select("item", "from_item", "n", "fell", "all_n", "all_fell")
    rows = both.order_by(ibis._.item, ibis._.from_item).to_pyarrow().to_pandas()
    frame = rows[["item", "from_item"]].copy()
    for who, n, less in (
        ("buyers", rows["n"], rows["fell"]),
        ("others", rows["all_n"] - rows["n"], rows["all_fell"] - rows["fell"]),
    ):
        size, count = n.to_numpy(float), less.to_numpy(float)
        lower, upper = wilson(count, size, alpha=alpha)
        with np.errstate(invalid="ignore"):
            ratio = count / size
        frame[f"{who}_holding"], frame[f"{who}_fell"] = n.to_numpy(), less.to_numpy()
        frame[f"{who}_fell_share"] = ratio
        frame[f"{who}_fell_share_ci_lower"], frame[f"{who}_fell_share_ci_upper"] = lower, upper
    return pd.DataFrame(frame, columns=_COLUMNS)
