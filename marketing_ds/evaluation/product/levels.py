"""Customers by product, by category and in all: what sales and money are told of."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
import pandas as pd

from marketing_ds.tags._sources import ASSETS

from .books import ID, Books

_SUMS = ("purchases", "amount_cny", "asset_cny")


def all_items(found: Books) -> pd.DataFrame:
    """Every product and category that is on sale, and all: level, item, category, title, key."""
    products = found.products
    categories = sorted(set(products["category"]))
    ids, kinds, names = (products[name] for name in ("product_id", "category", "name"))
    rows = [
        *(("product", *told) for told in zip(ids, kinds, names, strict=True)),
        *(("category", name, name, name) for name in categories),
        ("all", "all", None, "all"),
    ]
    frame = pd.DataFrame(rows, columns=["level", "item", "category", "title"])
    return frame.assign(key=frame["level"] + ":" + frame["item"])


def buyers_by_level(held: ir.Table) -> ir.Table:
    """One row a buyer of a product, of a category, and of anything.

    Parameters
    ----------
    held : ibis.Table
        The rows of the books, kept in the engine.

    Returns
    -------
    ibis.Table
        item (``product:…``, ``category:…`` or ``all:all``), purchases, amount_cny, earlier (1 where
        any of it was bought or held before), asset_cny (what of the amount are assets) and new_cny
        (what of that is new to the bank).

    Notes
    -----
    What a customer's assets grew by from snapshot to snapshot, at most what they bought of assets,
    is new to the bank. Each product has its part of it, by amount, so that products add up to
    categories and to all.
    """
    asset = held.category.isin(list(ASSETS))
    rows = held.mutate(
        asset_cny=asset.ifelse(held.amount_cny, 0.0),
        grown_cny=asset.ifelse(held.end_cny - held.start_cny, 0.0),
    )
    each = rows.group_by(ID).aggregate(
        **{name: rows[name].sum() for name in (*_SUMS, "grown_cny")}, earlier=rows.earlier.max()
    )
    customers = each.filter(each.purchases > 0)
    new = ibis.least(ibis.greatest(customers.grown_cny, ibis.literal(0.0, "float64")), customers.asset_cny)  # fmt: skip
    part = (new / customers.asset_cny.nullif(0.0)).fill_null(0.0)
    parts = customers.select(_customer=ID, _part=part)
    grouped = rows.group_by(ID, "category").aggregate(
        **{name: rows[name].sum() for name in _SUMS}, earlier=rows.earlier.max()
    )
    all_levels = [
        table.filter(table.purchases > 0).select(ID, *_SUMS, "earlier", item=item)
        for table, item in (
            (rows, "product:" + rows.product_id),
            (grouped, "category:" + grouped.category),
            (customers, ibis.literal("all:all")),
        )
    ]
    buyers = ibis.union(all_levels[0], *all_levels[1:])
    joined = buyers.inner_join(parts, [(ID, "_customer")])
    return joined.select(*_SUMS, "item", "earlier", new_cny=joined.asset_cny * joined["_part"])


def holders_by_level(held: ir.Table) -> ir.Table:
    """Customers and balances at the snapshot by the end: item, holders, balance_cny."""
    there = held.filter(held.end_cny > 0)
    by_category = there.group_by(ID, "category").aggregate(end_cny=there.end_cny.sum())
    by_customer = there.group_by(ID).aggregate(end_cny=there.end_cny.sum())
    parts = []
    for table, item in (
        (there, "product:" + there.product_id),
        (by_category, "category:" + by_category.category),
        (by_customer, ibis.literal("all:all")),
    ):
        rows = table.select("end_cny", item=item)
        counted = rows.group_by("item").aggregate(
            holders=rows.count(), balance_cny=rows.end_cny.sum()
        )
        parts.append(counted)
    return ibis.union(parts[0], *parts[1:])
