"""What a channel's customers hold, what is sold through it, and what contacts through it cost."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from marketing_ds._core.display import Result

from .customers import ALL
from .moments import Pair, ratios, sums
from .use import in_order, put
from .window import Window

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

NONE = "none"
"""The group of customers who used no channel in the window."""
UNKNOWN = "unknown"
"""The channel of purchases whose channel is not recorded."""
_PRODUCTS: dict[str, Pair] = {"products_per_customer": ("products", None)}
_REVENUE: dict[str, Pair] = {"revenue_per_buyer_cny": ("revenue", None)}


@dataclass(frozen=True)
class ProductsHeld(Result):
    """Products per customer by the channels that customers used within the window.

    Attributes
    ----------
    snapshot : datetime.date
        The day whose balances are taken.
    """

    snapshot: dt.date
    _frame: pd.DataFrame = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row a group: channel (`none`: used no channel), customers, products_per_customer.

        Customers opened by `snapshot`; products with a balance above 0 then. Who uses more
        channels holds more products without one being the cause of the other.
        """
        return self._frame.copy()


@dataclass(frozen=True)
class ChannelWorth(Result):
    """Revenue and contribution by channel.

    Attributes
    ----------
    unpriced_purchases : int
        Purchases of a product without `margin_rate` (or of none), which bring no revenue here.
    """

    unpriced_purchases: int
    _frame: pd.DataFrame = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row a channel: what was bought through it, and what contacts through it cost.

        - buyers, purchases, amount_cny; revenue_cny: amount × the product's `margin_rate`, a
          year's margin on what was bought; revenue_share of all revenue; revenue_per_buyer_cny;
        - contacts and contact_cost_cny: sent through the channel within the window;
        - contribution_cny: revenue less contact cost. A purchase in one channel may come of a
          contact in another: the rows add up, but a row alone is no judgement of its channel.
        """
        return self._frame.copy()


def products_held(
    mart: Mart, customers: ibis.Table, window: Window, alpha: float
) -> ProductsHeld | None:
    """Products per customer by channel used; None where nothing is held."""
    if "holdings" not in mart.tables:
        return None
    holdings = mart["holdings"]
    holdings = holdings.filter(holdings.snapshot_date <= window.end)
    snapshot = holdings.snapshot_date.max().to_pyarrow().as_py()
    if snapshot is None:
        return None
    held = holdings.filter(holdings.snapshot_date == snapshot, holdings.balance_cny > 0)
    # A product has one row a customer and snapshot: counting rows is counting products.
    counts = held.group_by("customer_id").aggregate(products=held.count())
    people = mart["customers"]
    opened = people.filter(people.opened_on <= snapshot).select("customer_id")
    everybody = opened.left_join(counts, "customer_id")
    everybody = everybody.select("customer_id", products=everybody.products.fill_null(0))
    used = customers.filter(customers.active_days > 0).select("customer_id", "channel")
    by_channel = used.inner_join(everybody, "customer_id").select("channel", "products")
    overall = everybody.anti_join(used.filter(used.channel == ALL), "customer_id")
    rows = ibis.union(
        by_channel, overall.select(channel=ibis.literal(NONE), products=overall.products)
    )
    asked = rows.group_by("channel").aggregate(
        customers=rows.count(), **sums(rows, _PRODUCTS, rows.products >= 0)
    )
    found: pd.DataFrame = in_order(asked.to_pyarrow().to_pandas())
    frame = found[["channel", "customers"]].copy()
    put(frame, "products_per_customer", *ratios(found, "products_per_customer", alpha))
    return ProductsHeld(snapshot, frame)


def channel_worth(mart: Mart, window: Window, alpha: float) -> ChannelWorth | None:
    """Revenue and contribution by channel; None where the mart has neither sales nor contacts."""
    if not {"transactions", "contacts"} & set(mart.tables):
        return None
    sold, costs = _sold(mart, window), _costs(mart, window)
    found = in_order(sold.merge(costs, on="channel", how="outer"))
    counts = ["buyers", "purchases", "unpriced", "contacts"]
    found[counts] = found[counts].fillna(0).astype(int)
    money = ["amount_cny", "revenue_cny", "contact_cost_cny"]
    found[money] = found[money].astype(float).fillna(0.0)
    frame = found[["channel", "buyers", "purchases", "amount_cny", "revenue_cny"]].copy()
    whole = float(frame.loc[frame["channel"] == ALL, "revenue_cny"].sum())
    frame["revenue_share"] = frame["revenue_cny"] / (whole or np.nan)
    put(frame, "revenue_per_buyer_cny", *ratios(found, "revenue_per_buyer_cny", alpha))
    frame[["contacts", "contact_cost_cny"]] = found[["contacts", "contact_cost_cny"]]
    frame["contribution_cny"] = frame["revenue_cny"] - frame["contact_cost_cny"]
    return ChannelWorth(int(found.loc[found["channel"] == ALL, "unpriced"].sum()), frame)


def purchases(mart: Mart, window: Window) -> ir.Table:
    """What was bought in the window."""
    rows = mart["transactions"]
    return window.within(rows.filter(rows.kind == "purchase"), "occurred_at")


def _sold(mart: Mart, window: Window) -> pd.DataFrame:
    products = mart["products"].select(_product="product_id", rate="margin_rate")
    rows = purchases(mart, window)
    rows = rows.left_join(products, rows.product_id == products["_product"])
    rows = rows.select(
        "customer_id",
        channel=rows.channel.fill_null(UNKNOWN),
        amount=rows.amount_cny,
        revenue=(rows.amount_cny * rows.rate).fill_null(0.0),
        unpriced=rows.rate.isnull(),
    )
    each = rows.group_by("customer_id", "channel").aggregate(
        purchases=rows.count(),
        amount=rows.amount.sum(),
        revenue=rows.revenue.sum(),
        unpriced=rows.unpriced.sum(),
    )
    columns = ("purchases", "amount", "revenue", "unpriced")
    overall = each.group_by("customer_id").aggregate(**{c: each[c].sum() for c in columns})
    overall = overall.mutate(channel=ibis.literal(ALL)).select(each.columns)
    both = ibis.union(each, overall)
    asked = both.group_by("channel").aggregate(
        buyers=both.count(),
        purchases=both.purchases.sum(),
        unpriced=both.unpriced.sum(),
        amount_cny=both.amount.sum(),
        revenue_cny=both.revenue.sum(),
        **sums(both, _REVENUE, both.purchases > 0),
    )
    found: pd.DataFrame = asked.to_pyarrow().to_pandas()
    return found


def _costs(mart: Mart, window: Window) -> pd.DataFrame:
    sent = window.within(mart["contacts"], "sent_at")
    asked = sent.group_by("channel").aggregate(
        contacts=sent.count(), contact_cost_cny=sent.cost_cny.sum()
    )
    found: pd.DataFrame = asked.to_pyarrow().to_pandas()
    if found.empty:
        return found
    whole = {"channel": ALL, **found[["contacts", "contact_cost_cny"]].sum()}
    return pd.concat([found, pd.DataFrame([whole])], ignore_index=True)
