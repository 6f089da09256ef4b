"""Sales: buyers, amounts, frequency and new buyers, by product, by category and in all."""

from __future__ import annotations

import math
from collections.abc import Sequence

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.stats import t as student

from marketing_ds._core.estimate import wilson
from marketing_ds.evaluation.engine import Moments, arm_moments, estimate
from marketing_ds.evaluation.metrics import Mean, Ratio

from .books import Books
from .levels import all_items, holders_by_level

_COLUMNS = ("purchases", "amount_cny", "new")
FREQUENCY = Mean("purchases", name="frequency")
SPENT = Mean("amount_cny", name="amount_per_buyer_cny")
TICKET = Ratio("amount_cny", "purchases", name="ticket_cny")


def sales(held: ir.Table, buyers: ir.Table, found: Books, alpha: float) -> pd.DataFrame:
    """One row a product, a category, and all.

    Parameters
    ----------
    held, buyers : ibis.Table
        The rows of the books, and of `buyers_by_level`, kept in the engine.
    """
    # A customer is new to a category only who is new to all its products.
    fresh = (buyers.earlier == 0).cast("float64")
    table = buyers.select("item", "purchases", "amount_cny", new=fresh)
    groups = [frozenset(_COLUMNS[:2]), frozenset(("new",))]
    moments = item_moments(table, _COLUMNS, groups)
    frame = all_items(found)
    rows = [_row(moments.get(key), found.customers, alpha) for key in frame["key"]]
    told = pd.concat([frame, pd.DataFrame(rows)], axis=1)
    return _with_holders(told, held, found, alpha)


def item_moments(
    table: ir.Table, columns: Sequence[str], groups: Sequence[frozenset[str]]
) -> dict[str, Moments]:
    """Moments by item; none where nothing was sold."""
    if not table.count().to_pyarrow().as_py():
        return {}
    return arm_moments(table, columns, groups, "item", None)


def _row(moments: Moments | None, customers: int, alpha: float) -> dict[str, float]:
    n = moments.n if moments is not None else 0
    mean = moments.mean if moments is not None else np.zeros(len(_COLUMNS))
    new = round(n * float(mean[2]))
    row: dict[str, float] = {
        "buyers": n,
        "purchases": round(n * float(mean[0])),
        "amount_cny": n * float(mean[1]),
        "new_buyers": new,
    }
    row |= share("buyer_share", n, customers, alpha) | share("new_buyer_share", new, n, alpha)
    for metric in (FREQUENCY, SPENT, TICKET):
        row |= _with_interval(metric, moments, alpha)
    return row


def _with_interval(metric: Mean | Ratio, moments: Moments | None, alpha: float) -> dict[str, float]:
    if moments is None:
        return told(metric.label, math.nan, math.nan)
    found = estimate(metric, (), _COLUMNS, {"": moments})[""]
    return told(metric.label, found.value, reach(found.n, found.variance, alpha))


def told(name: str, value: float, half: float) -> dict[str, float]:
    """An estimate and the ends of its interval, as columns."""
    return {name: value, f"{name}_ci_lower": value - half, f"{name}_ci_upper": value + half}


def reach(n: int, variance: float, alpha: float) -> float:
    """Half an interval by Student's t; NaN of one customer, who tells nothing of others."""
    return float(student.ppf(1 - alpha / 2, n - 1)) * math.sqrt(variance) if n > 1 else math.nan


def share(name: str, count: float, size: float, alpha: float) -> dict[str, float]:
    """A share with Wilson's interval, as columns."""
    lower, upper = wilson([count], [size], alpha=alpha)
    value = count / size if size else math.nan
    return {name: value, f"{name}_ci_lower": float(lower[0]), f"{name}_ci_upper": float(upper[0])}


def _with_holders(frame: pd.DataFrame, held: ir.Table, found: Books, alpha: float) -> pd.DataFrame:
    """`frame` with who held it at the snapshot by the end, and what they held."""
    if found.end_snapshot is None:
        return frame
    rows = (
        holders_by_level(held)
        .to_pyarrow()
        .to_pandas()
        .set_index("item")
        .reindex(frame["key"])
        .fillna(0)
    )
    shares = [share("penetration_share", n, found.customers, alpha) for n in rows["holders"]]
    holders = rows["holders"].astype("int64").to_numpy()
    amounts = rows["balance_cny"].to_numpy()
    return pd.concat(
        [frame.assign(holders=holders, balance_cny=amounts), pd.DataFrame(shares)], axis=1
    )


def item_names(frame: pd.DataFrame, level: str) -> Sequence[str]:
    """The items of a level in the order of the frame."""
    return [str(name) for name in frame.loc[frame["level"] == level, "item"]]
