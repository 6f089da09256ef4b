"""Labels of many products at once: who bought what after a cut-off, and who held it already."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir

from marketing_ds._core.checks import check_choice, check_date
from marketing_ds._core.errors import InvalidInput, MartError
from marketing_ds.schema.known import end_of, known_by

from ._window import Window, need_tables, open_customers

if TYPE_CHECKING:
    from marketing_ds.mart import Mart


def product_labels(
    mart: Mart,
    cutoff: str | dt.date,
    *,
    horizon_days: int = 30,
    products: Sequence[str] | None = None,
    as_of: str | dt.date | None = None,
) -> ibis.Table:
    """Who bought which product within `horizon_days` after `cutoff`, in one pass.

    Parameters
    ----------
    mart : Mart
        Where to look.
    cutoff : date
        The day whose end divides features from labels: purchases count from the next day on.
    horizon_days : int, default=30
        For this many days.
    products : sequence of str, optional
        Product ids; by default, by id, every product that somebody bought within as many days up
        to the cut-off.
    as_of : date, optional
        Labels are as known at the end of this day; by default the mart's last.

    Returns
    -------
    ibis.Table
        One row per customer opened by `cutoff`: ``customer_id``, then a column per product: 1 who
        bought it, 0 who did not, null who held it at the cut-off already (a balance in the last
        snapshot, or a purchase since) and so cannot take it up.

    Raises
    ------
    InvalidInput
        If a product is unknown or not yet on sale at the cut-off, or the horizon ends after
        `as_of`, when nobody can yet say who bought.
    MartError
        If the mart has no transactions, or nobody bought a product in the days before.

    Examples
    --------
    >>> from marketing_ds.mart import open_mart
    >>> with open_mart("data_samples") as mart:
    ...     labels = product_labels(mart, "2026-03-31", products=["FUND-BOND", "INS-LIFE"])
    ...     frame = labels.to_pyarrow().to_pandas()
    >>> frame.columns.tolist()
    ['customer_id', 'FUND-BOND', 'INS-LIFE']
    >>> sorted(frame["INS-LIFE"].dropna().unique().tolist())
    [0.0, 1.0]
    """
    window = Window.of(mart, cutoff, horizon_days, as_of)
    need_tables(mart, "product_labels", ("transactions", "products"))
    names = _sold(mart, window) if products is None else _on_sale(mart, window.cutoff, products)
    rows = _beside(
        open_customers(mart, window.cutoff),
        [_bought(mart, window, names), *_holding(mart, window.cutoff, names)],
        names,
    )
    return rows.select("customer_id", **{name: _label(rows, name) for name in names})


def products_held(mart: Mart, as_of: str | dt.date, products: Sequence[str]) -> ibis.Table:
    """Who holds which product at the end of `as_of`, as the bank knew it that day.

    Parameters
    ----------
    mart : Mart
        Where to look.
    as_of : date
        Nothing after this day is looked at.
    products : sequence of str
        Product ids.

    Returns
    -------
    ibis.Table
        One row per customer opened by then: ``customer_id``, then true or false per product.
        Whoever holds a product is not eligible to take it up: see `NextBest.rank`.

    Raises
    ------
    InvalidInput
        If a product is unknown or not yet on sale.

    Examples
    --------
    >>> from marketing_ds.mart import open_mart
    >>> with open_mart("data_samples") as mart:
    ...     held = products_held(mart, "2026-06-30", ["FUND-BOND"]).to_pyarrow().to_pandas()
    >>> held.dtypes.astype(str).to_dict()
    {'customer_id': 'str', 'FUND-BOND': 'bool'}
    """
    day = check_date("as_of", as_of)
    need_tables(mart, "products_held", ("transactions", "products"))
    names = _on_sale(mart, day, products)
    rows = _beside(open_customers(mart, day), [None, *_holding(mart, day, names)], names)
    return rows.select("customer_id", **{name: _holds(rows, name) for name in names})


def _beside(rows: ir.Table, parts: Sequence[ir.Table | None], names: Sequence[str]) -> ir.Table:
    """Customers with the columns of each part, `_<part> <product>`."""
    for n, part in enumerate(parts):
        if part is not None:
            own = part.rename({f"_{n}": "customer_id"} | {f"_{n} {name}": name for name in names})
            rows = rows.left_join(own, rows.customer_id == own[f"_{n}"])
    return rows


def _holds(rows: ir.Table, name: str) -> ir.BooleanValue:
    held = [rows[f"_{n} {name}"] for n in (1, 2) if f"_{n} {name}" in rows.columns]
    return ibis.or_(*(each.fill_null(False) for each in held))


def _label(rows: ir.Table, name: str) -> ir.Value:
    """1, 0, or null for who holds it."""
    buys = rows[f"_0 {name}"].fill_null(False).cast("int8")
    return ibis.cases((_holds(rows, name), None), else_=buys)


def _bought(mart: Mart, window: Window, names: Sequence[str]) -> ir.Table:
    """Who bought what in the window, late rows included: they tell what did happen."""
    rows = _purchases(mart, window.known)
    return _by_customer(rows.filter(window.holds(rows.occurred_at)), names)


def _holding(mart: Mart, day: dt.date, names: Sequence[str]) -> list[ir.Table]:
    """Who had a balance in the last snapshot, and who bought since, as the bank knew it that day."""
    since = _purchases(mart, day)
    if "holdings" not in mart.tables:
        return [_by_customer(since, names)]
    held = known_by(mart["holdings"], "holdings", day)
    last = held.aggregate(last=held.snapshot_date.max()).to_pyarrow()["last"][0].as_py()
    if last is None:
        return [_by_customer(since, names)]
    held = held.filter(held.snapshot_date == last, held.balance_cny != 0)
    since = since.filter(since.occurred_at >= end_of(last))
    return [_by_customer(held, names), _by_customer(since, names)]


def _purchases(mart: Mart, known: dt.date) -> ir.Table:
    rows = known_by(mart["transactions"], "transactions", known)
    return rows.filter(rows.kind == "purchase", rows.product_id.notnull())


def _by_customer(rows: ir.Table, names: Sequence[str]) -> ir.Table:
    """Per customer and product whether there is a row: all products from one pass."""
    return rows.group_by("customer_id").aggregate(
        **{name: (rows.product_id == name).any() for name in names}
    )


def _sold(mart: Mart, window: Window) -> list[str]:
    days = window.end - window.cutoff
    rows = _purchases(mart, window.cutoff)
    rows = rows.filter(rows.occurred_at >= end_of(window.cutoff - days))
    names: list[str] = rows.select("product_id").distinct().to_pyarrow()["product_id"].to_pylist()
    if not names:
        raise MartError(
            f"'{mart.source}' holds no purchase of a product in the {days.days} days up to "
            f"{window.cutoff}; use another cutoff, or name the products"
        )
    return sorted(names)


def _on_sale(mart: Mart, day: dt.date, products: Sequence[str]) -> list[str]:
    table = mart["products"].select("product_id", "launched_on").to_pyarrow().to_pylist()
    launched = {row["product_id"]: row["launched_on"] for row in table}
    names = list(products)
    if not names or len(set(names)) < len(names):
        raise InvalidInput(f"products must name at least one product, each once, got {names}")
    for name in names:
        check_choice("products", name, list(launched))
        if launched[name] is not None and launched[name] > day:
            raise InvalidInput(
                f"products must be on sale at the cutoff {day}, but {name!r} was launched on "
                f"{launched[name]}; leave it out or use a later cutoff"
            )
    return names
