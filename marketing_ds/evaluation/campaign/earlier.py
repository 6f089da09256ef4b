"""How earlier campaigns of the mart went: what part of their end they had by each age."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa

from marketing_ds.schema import CONTROL

from .rows import CampaignRows

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

MOST = 12
"""Of more campaigns only the last ones count."""
_LEAST_TOTAL = 10
_PARTS = 400
"""Into how many parts a window of attribution is cut."""
_DAY_S = 86_400.0


def completion(mart: Mart, rows: CampaignRows, ages: pd.DataFrame) -> list[float]:
    """What part of its end each earlier campaign had when it was as old as this one is now.

    Age is counted in windows of attribution. Only campaigns with the same objective whose last
    outcome was over by `as_of` count, and those with less than 10 of it do not.

    Parameters
    ----------
    mart : Mart
        The whole mart.
    rows : CampaignRows
        This campaign.
    ages : pandas.DataFrame
        customers and age (days): how long ago customers of this campaign were assigned.
    """
    known = rows.purchases is not None and rows.which.objective not in rows.computed_names
    if not known or rows.which.objective not in ("converted", "amount_cny"):
        return []
    earlier = _finished(mart, rows)
    if not earlier:
        return []
    found = _courses(mart, rows, earlier)
    reached = np.clip(ages["age"].to_numpy(float) / rows.which.attribution_days, 0.0, 1.0)
    weights = ages["customers"].to_numpy(float) / ages["customers"].sum()
    shares = []
    for _, course in found.groupby("campaign"):
        total = float(course["value"].sum())
        if course["seen"].sum() < _LEAST_TOTAL or total <= 0:
            continue
        by_then = (course["part"].to_numpy()[:, None] + 0.5) / _PARTS < reached
        shares.append(float(course["value"].to_numpy() @ by_then @ weights / total))
    return [share for share in shares if share > 0]


def _finished(mart: Mart, rows: CampaignRows) -> list[dict[str, Any]]:
    table = mart["campaigns"]
    table = table.filter(
        table.objective == rows.which.objective,
        table.campaign_id != rows.which.campaign_id,
        table.product_id.notnull(),
    ).select("campaign_id", "product_id", "starts_on", "ends_on", "attribution_days")
    found = [
        row
        for row in table.to_pyarrow().to_pylist()
        if row["ends_on"] + dt.timedelta(days=row["attribution_days"]) <= rows.as_of
    ]
    return sorted(found, key=lambda row: (row["ends_on"], row["campaign_id"]))[-MOST:]


def _courses(mart: Mart, rows: CampaignRows, earlier: list[dict[str, Any]]) -> pd.DataFrame:
    """By campaign and part of the window: value of the objective, from one query."""
    facts = ibis.memtable(
        pa.table(
            {
                "_campaign": pa.array([row["campaign_id"] for row in earlier], pa.string()),
                "_product": pa.array([row["product_id"] for row in earlier], pa.string()),
                "_days": pa.array([float(row["attribution_days"]) for row in earlier]),
            }
        )
    )
    assigned = mart["assignments"]
    assigned = assigned.filter(assigned.arm != CONTROL)
    assigned = assigned.inner_join(facts, assigned.campaign_id == facts["_campaign"]).select(
        "_campaign", "_product", "_days", "assigned_at", _customer="customer_id"
    )
    bought = mart["transactions"]
    bought = bought.filter(
        bought.kind == "purchase",
        bought.product_id.isin(sorted({row["product_id"] for row in earlier})),
        bought.occurred_at >= dt.datetime.combine(min(r["starts_on"] for r in earlier), dt.time()),
        bought.occurred_at < rows.end,
        bought.recorded_on <= rows.as_of,
    )
    both = bought.inner_join(
        assigned,
        [bought.customer_id == assigned["_customer"], bought.product_id == assigned["_product"]],
    )
    seconds = both.occurred_at.delta(both.assigned_at, unit="second").cast("float64")
    both = both.mutate(_age=seconds / _DAY_S / both["_days"])
    both = both.filter(both["_age"] >= 0, both["_age"] < 1)
    if rows.which.objective == "converted":
        both = both.group_by("_campaign", "_customer").aggregate(_age=both["_age"].min())
        value = ibis.literal(1.0).cast("float64")
    else:
        value = both.amount_cny.cast("float64")
    each = both.select(
        campaign="_campaign", part=(both["_age"] * _PARTS).floor().cast("int64"), value=value
    )
    found = each.group_by("campaign", "part").aggregate(value=each.value.sum(), seen=each.count())
    frame: pd.DataFrame = found.to_pyarrow().to_pandas()
    return frame
