"""The stock of benefits: when the last piece went, and who came too late."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from .reach import with_share
from .rows import CampaignRows

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

_COLUMNS = [
    "benefit_id",
    "stock",
    "issued_overall",
    "left",
    "stock_out_at",
    "demand",
    "demand_after",
]


def stock_of(mart: Mart, rows: CampaignRows, benefits: Sequence[str], alpha: float) -> pd.DataFrame:
    """Stock, stock-out and the demand after it, for those of the benefits that have a stock."""
    table = mart["benefits"]
    stocked = table.filter(table.benefit_id.isin(list(benefits)), table.stock.notnull())
    stocks = {
        row["benefit_id"]: row["stock"]
        for row in stocked.select("benefit_id", "stock").to_pyarrow().to_pylist()
    } if benefits else {}  # fmt: skip
    issued = _issued(mart, rows, stocks) if stocks else {}
    gone = {name: out for name, (_, out) in issued.items() if out is not None}
    demand = _demand(mart, rows, list(stocks), gone) if stocks else {}
    found = []
    for name in sorted(stocks):
        count, out = issued.get(name, (0, None))
        wanted, late = demand.get(name, (0, 0))
        left = max(stocks[name] - count, 0)
        found.append((name, stocks[name], count, left, out, wanted, late))
    frame = pd.DataFrame(found, columns=_COLUMNS)
    frame["stock_out_at"] = pd.to_datetime(frame["stock_out_at"]).astype("datetime64[us]")
    frame = frame.astype(
        dict.fromkeys(("stock", "issued_overall", "left", "demand", "demand_after"), "int64")
    )
    return with_share(frame, "demand_after_share", "demand_after", "demand", alpha)


def _issued(
    mart: Mart, rows: CampaignRows, stocks: dict[str, int]
) -> dict[str, tuple[int, object]]:
    """Pieces issued by all campaigns, and when the last of the stock went."""
    grants = mart["benefit_grants"]
    grants = grants.filter(grants.benefit_id.isin(list(stocks)), grants.granted_at < rows.end)
    order = ibis.row_number().over(
        group_by=grants.benefit_id, order_by=[grants.granted_at, grants.grant_id]
    )
    numbered = grants.select("benefit_id", "granted_at", number=order + 1)
    sizes = ibis.cases(*((numbered.benefit_id == name, size) for name, size in stocks.items()))
    found = numbered.group_by("benefit_id").aggregate(
        issued=numbered.count(),
        out=numbered.granted_at.min(where=numbered.number >= sizes),
    )
    return {
        row["benefit_id"]: (row["issued"], row["out"]) for row in found.to_pyarrow().to_pylist()
    }


def _demand(
    mart: Mart, rows: CampaignRows, benefits: Sequence[str], gone: dict[str, object]
) -> dict[str, tuple[int, int]]:
    """Customers of the arms that carry each benefit, and those who came after the last piece."""
    offers = mart["offers"]
    offers = offers.filter(
        offers.campaign_id == rows.which.campaign_id, offers.benefit_id.isin(list(benefits))
    ).select(_offer="offer", benefit_id="benefit_id")
    due = rows.assigned.inner_join(offers, rows.assigned.arm == offers["_offer"])
    due = due.select("customer_id", "benefit_id", moment="assigned_at")
    if rows.contacts is not None:
        sent = rows.contacts.filter(rows.contacts.inside)
        first = sent.group_by(_customer=sent.customer_id).aggregate(_sent=sent.sent_at.min())
        due = due.left_join(first, due.customer_id == first["_customer"])
        due = due.mutate(moment=due["_sent"].coalesce(due.moment))
    late = [(due.benefit_id == name) & (due.moment > out) for name, out in gone.items()]
    found = due.group_by("benefit_id").aggregate(
        demand=due.count(), late=due.count(where=ibis.or_(*late)) if late else ibis.literal(0)
    )
    return {
        row["benefit_id"]: (row["demand"], row["late"]) for row in found.to_pyarrow().to_pylist()
    }
