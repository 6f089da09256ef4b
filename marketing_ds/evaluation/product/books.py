"""What every customer bought and held of every product: one scan of purchases, one of balances."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import pandas as pd

from marketing_ds.schema.known import date_of, end_of, known_by

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

ID = "customer_id"
OTHERS = "others:"
"""Before a category: the name that all its products have together which are not told alone."""
KEYS = (ID, "product_id")
_AMOUNTS = ("purchases", "amount_cny", "campaign_cny", "earlier", "start_cny", "end_cny")


@dataclass(frozen=True)
class Window:
    """The days that are looked at, both included, and what the bank knew."""

    start: dt.date
    end: dt.date
    as_of: dt.date
    campaign_from: dt.date | None = None
    """The first day of the campaign, if there is one."""


@dataclass(frozen=True)
class Books:
    """Customers by product.

    Attributes
    ----------
    rows : ibis.Table
        One row a customer and product that was bought in the window or held at either snapshot:
        customer_id, product_id, category, purchases, amount_cny, campaign_cny (bought since the
        campaign began), earlier (1 where bought or held before the window), start_cny and end_cny
        (balances at the two snapshots).
    start_snapshot, end_snapshot : date or None
        The last snapshots before the window, and by its end.
    products : pandas.DataFrame
        Products on sale by the end: product_id, name, category; those that are told together are
        one for each category.
    together : bool
        Whether there are such.
    customers : int
        Customers by the end.
    """

    rows: ir.Table
    start_snapshot: dt.date | None
    end_snapshot: dt.date | None
    products: pd.DataFrame
    together: bool
    customers: int

    def category(self, product_id: str | None) -> str:
        """The category of a product on sale."""
        sold = self.products["product_id"] == product_id
        return str(self.products.loc[sold, "category"].iloc[0])

    @property
    def follows(self) -> bool:
        """Whether balances before and after may be compared."""
        return (
            self.start_snapshot is not None
            and self.end_snapshot is not None
            and self.end_snapshot > self.start_snapshot
        )


def books(mart: Mart, window: Window, *, most: int, always: str | None) -> Books:
    """The books of all customers by the end of the window.

    Where more than `most` products are on sale, those with the largest amounts bought and held are
    told alone (and the one that is `always`), the others of each category together.
    """
    sold = known_by(mart["products"], "products", window.end)
    products = sold.select("product_id", "name", "category").order_by("product_id")
    people = known_by(mart["customers"], "customers", window.end)
    start, end = _snapshots(mart, window)
    rows = _bought(mart, window)
    if end is not None:
        rows = ibis.union(rows, _balances(mart, start, end))
    told = products.to_pyarrow().to_pandas()
    together = len(told) > most
    if together:
        alone = {*_largest(rows, most), always}
        other = ~sold.product_id.isin(list(alone - {None}))
        sold = sold.mutate(_told=other.ifelse(OTHERS + sold.category, sold.product_id))
        named = sold.select(_sold="product_id", _told="_told")
        rows = rows.inner_join(named, [("product_id", "_sold")])
        rows = rows.select(ID, *_AMOUNTS, product_id=rows["_told"])
        sold = sold.select("category", product_id="_told").distinct()
        told = _with_others(told, alone)
    if together or end is not None:
        rows = rows.group_by(*KEYS).aggregate(**{n: rows[n].sum() for n in _AMOUNTS})
    categories = sold.select(_sold="product_id", category="category")
    known = rows.inner_join(categories, [("product_id", "_sold")]).drop("_sold")
    return Books(
        known.mutate(earlier=(known.earlier > 0).cast("int64")),
        start,
        end,
        told,
        together,
        int(people.count().to_pyarrow().as_py()),
    )


def _largest(rows: ir.Table, most: int) -> list[str]:
    """The products with the largest amounts, bought in the window or held at its end."""
    summed = rows.group_by("product_id").aggregate(worth=rows.amount_cny.sum() + rows.end_cny.sum())
    ordered = summed.order_by(ibis.desc("worth"), "product_id").limit(most)
    found: list[str] = ordered.to_pyarrow()["product_id"].to_pylist()
    return found


def _with_others(products: pd.DataFrame, alone: set[str | None]) -> pd.DataFrame:
    """The products told alone, and one for the others of each category."""
    own = products["product_id"].isin(alone)
    left = products.loc[~own, "category"].value_counts().sort_index()
    others = pd.DataFrame(
        [(f"{OTHERS}{name}", f"{n:,} others of {name}", name) for name, n in left.items()],
        columns=["product_id", "name", "category"],
    )
    return pd.concat([products[own], others], ignore_index=True)


def _bought(mart: Mart, window: Window) -> ir.Table:
    """Purchases by customer and product: in the window, in the campaign, and whether earlier."""
    rows = mart["transactions"]
    rows = rows.filter(
        rows.kind == "purchase",
        rows.product_id.notnull(),
        rows.occurred_at < end_of(window.end),
        rows.recorded_on <= date_of(window.as_of),
    )
    inside = rows.occurred_at >= _midnight(window.start)
    late = _midnight(window.campaign_from or window.start)
    amount = rows.amount_cny.cast("float64")
    summed = rows.group_by(*KEYS).aggregate(
        purchases=inside.ifelse(1.0, 0.0).sum(),
        amount_cny=inside.ifelse(amount, 0.0).sum(),
        campaign_cny=(rows.occurred_at >= late).ifelse(amount, 0.0).sum(),
        earlier=inside.ifelse(0.0, 1.0).max(),
    )
    columns = {name: summed[name].cast("float64") for name in _AMOUNTS[:4]}
    nothing = ibis.literal(0.0, "float64")
    return summed.select(*KEYS, **columns, start_cny=nothing, end_cny=nothing)


def _snapshots(mart: Mart, window: Window) -> tuple[dt.date | None, dt.date | None]:
    if "holdings" not in mart.tables:
        return None, None
    day = mart["holdings"].snapshot_date
    found = mart["holdings"].aggregate(
        start=day.max(where=day < date_of(window.start)),
        end=day.max(where=day <= date_of(window.end)),
    )
    row = found.to_pyarrow().to_pylist()[0]
    return row["start"], row["end"]


def _balances(mart: Mart, start: dt.date | None, end: dt.date) -> ir.Table:
    """Balances at both snapshots, beside empty columns of purchases."""
    rows = mart["holdings"]
    dates = [date_of(day) for day in sorted({end, *([start] if start else [])})]
    rows = rows.filter(rows.snapshot_date.isin(dates), rows.balance_cny > 0)
    balance, nothing = rows.balance_cny.cast("float64"), ibis.literal(0.0, "float64")
    at_start = rows.snapshot_date == date_of(start) if start else ibis.literal(False)
    at_end = rows.snapshot_date == date_of(end)
    return rows.select(
        *KEYS,
        purchases=nothing,
        amount_cny=nothing,
        campaign_cny=nothing,
        earlier=at_start.ifelse(1.0, 0.0).cast("float64"),
        start_cny=at_start.ifelse(balance, 0.0).cast("float64"),
        end_cny=at_end.ifelse(balance, 0.0).cast("float64"),
    )


def _midnight(day: dt.date) -> ir.TimestampScalar:
    return end_of(day - dt.timedelta(days=1))
