"""Panels: branches (or any group of customers) by week or month, summed in the engine."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from marketing_ds._core.checks import check_choice, check_columns, check_date
from marketing_ds._core.errors import InvalidInput, MartError
from marketing_ds.schema import CATEGORIES
from marketing_ds.tags._sources import ASSETS

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

FREQUENCIES = {"week": "W", "month": "M"}
PANEL_METRICS = (
    *("purchases", "purchase_amount_cny", "buyers", "balance_cny"),
    *("events", "active_customers"),
)


def branch_panel(
    mart: Mart,
    metric: str,
    *,
    by: str = "branch_id",
    freq: str = "month",
    since: str | dt.date,
    as_of: str | dt.date | None = None,
    category: str | None = None,
) -> pd.DataFrame:
    """What the customers of every branch did, period by period: for `difference_in_differences`.

    One query; only sums per branch and period leave the engine.

    Parameters
    ----------
    mart : Mart
        Where to look.
    metric : {"purchases", "purchase_amount_cny", "buyers", "balance_cny", "events", "active_customers"}
        Counts, amounts or distinct customers; balances are those of the last snapshot in a period,
        of all assets (no loans, no cards) unless a category is given.
    by : str
        Column of `customers` that makes the units: ``branch_id``, ``region``, ``manager_id`` …
    freq : {"week", "month"}
        Periods; weeks begin on Monday.
    since : date
        The first period is the one that begins on or after it.
    as_of : date, optional
        Only what the bank knew by the end of that day, by default all that the mart holds; a
        period that is not over by then is left out.
    category : str, optional
        Only purchases or balances in this product category.

    Returns
    -------
    pandas.DataFrame
        One row a unit and period, 0 where nothing happened: unit, period (its first day),
        customers (opened by its last day), total, and value = total per customer. Customers
        without a unit are left out, and so are units before their first customer.

    Raises
    ------
    InvalidInput
        If a choice is unknown, no period lies between the dates, or one has no snapshot of balances.
    MartError
        If the mart has not the table.

    Examples
    --------
    >>> from marketing_ds import open_mart
    >>> with open_mart("data_samples") as mart:
    ...     panel = branch_panel(mart, "purchases", by="region", since="2026-01-01")
    >>> list(panel.columns), panel["period"].nunique()
    (['unit', 'period', 'customers', 'total', 'value'], 6)
    """
    check_choice("metric", metric, PANEL_METRICS)
    check_choice("freq", freq, tuple(FREQUENCIES))
    name = _TABLES.get(metric, "transactions")
    if category is not None:
        check_choice("category", category, CATEGORIES)
        if name == "events":
            raise InvalidInput(f"category must be None for {metric!r}, got {category!r}")
    if name not in mart.tables:
        raise MartError(f"{metric!r} needs the table {name!r}, which '{mart.source}' does not have")
    check_columns(mart["customers"].columns, [by], "customers")
    last = mart.last_date if as_of is None else check_date("as_of", as_of)
    periods = _periods(check_date("since", since), last, freq)
    if metric == "balance_cny":
        rows = _held(mart, by, freq, periods, category)
    else:
        rows = _happened(mart, metric, name, by, freq, periods, last, category)
    opened = _opened(mart, by, freq, last)
    found = ibis.union(rows, opened).to_pyarrow().to_pandas()
    return _filled(found, periods)


_TABLES = {"events": "events", "active_customers": "events", "balance_cny": "holdings"}


def _periods(since: dt.date, last: dt.date, freq: str) -> pd.PeriodIndex:
    """The whole periods between two days."""
    unit = FREQUENCIES[freq]
    first, final = pd.Period(since, unit), pd.Period(last, unit)
    first = first if first.start_time.date() >= since else first + 1
    final = final if final.end_time.date() <= last else final - 1
    if final < first:
        raise InvalidInput(f"since must leave at least one whole {freq} until {last}, got {since}")
    return pd.period_range(first, final, freq=unit)


def _happened(
    mart: Mart, metric: str, name: str, by: str, freq: str, periods: pd.PeriodIndex,
    last: dt.date, category: str | None,
) -> ibis.Table:  # fmt: skip
    rows = mart[name]
    start = periods[0].start_time.to_pydatetime()
    end = dt.datetime.combine(periods[-1].end_time.date() + dt.timedelta(days=1), dt.time())
    conditions = [rows.occurred_at >= start, rows.occurred_at < end, rows.recorded_on <= last]
    if name == "transactions":
        conditions.append(rows.kind == "purchase")
    if category is not None:
        products = mart["products"]
        conditions.append(
            rows.product_id.isin(products.filter(products.category == category).product_id)
        )
    amount = {"amount": rows.amount_cny.cast("float64")} if metric == "purchase_amount_cny" else {}
    rows = rows.filter(*conditions).select(
        "customer_id", period=_truncated(rows.occurred_at.date(), freq), **amount
    )
    customers = mart["customers"]
    units = customers.select(_customer="customer_id", unit=customers[by].cast("string"))
    joined = rows.inner_join(units, rows.customer_id == units["_customer"])
    joined = joined.filter(joined.unit.notnull())
    if metric in ("buyers", "active_customers"):
        value: ir.NumericScalar = joined.customer_id.nunique()
    elif metric == "purchase_amount_cny":
        value = joined.amount.sum()
    else:
        value = joined.count()
    sums = joined.group_by("unit", "period").aggregate(total=value.cast("float64"))
    return sums.mutate(opened=ibis.literal(0, "float64"))


def _held(
    mart: Mart, by: str, freq: str, periods: pd.PeriodIndex, category: str | None
) -> ibis.Table:
    """Balances by unit at the last snapshot of every period."""
    rows, products, customers = mart["holdings"], mart["products"], mart["customers"]
    known = rows.select("snapshot_date").distinct().to_pyarrow()["snapshot_date"].to_pylist()
    days = []
    for period in periods:
        inside = [d for d in known if period.start_time.date() <= d <= period.end_time.date()]
        if not inside:
            raise InvalidInput(
                f"every {freq} must have a snapshot of balances, got none in {period}; "
                "take longer periods, or a later start"
            )
        days.append(max(inside))
    wanted = list(ASSETS) if category is None else [category]
    sold = products.filter(products.category.isin(wanted)).select(_product="product_id")
    rows = rows.filter(rows.snapshot_date.isin(days))
    rows = rows.semi_join(sold, rows.product_id == sold["_product"])
    units = customers.select(_customer="customer_id", unit=customers[by].cast("string"))
    joined = rows.inner_join(units, rows.customer_id == units["_customer"])
    joined = joined.filter(joined.unit.notnull())
    joined = joined.mutate(period=_truncated(joined.snapshot_date, freq))
    sums = joined.group_by("unit", "period").aggregate(
        total=joined.balance_cny.cast("float64").sum()
    )
    return sums.mutate(opened=ibis.literal(0, "float64"))


def _opened(mart: Mart, by: str, freq: str, last: dt.date) -> ibis.Table:
    """Customers by unit and the period in which they came."""
    customers = mart["customers"]
    known = customers.filter(customers.opened_on <= last, customers[by].notnull())
    known = known.select(unit=known[by].cast("string"), period=_truncated(known.opened_on, freq))
    counts = known.group_by("unit", "period").aggregate(opened=known.count().cast("float64"))
    return counts.select("unit", "period", "opened", total=ibis.literal(0, "float64")).select(
        "unit", "period", "total", "opened"
    )


def _truncated(day: ir.DateValue, freq: str) -> ir.DateValue:
    return day.truncate("W" if freq == "week" else "M")


def _filled(found: pd.DataFrame, periods: pd.PeriodIndex) -> pd.DataFrame:
    """Every unit in every period, customers added up."""
    starts = [period.start_time.date() for period in periods]
    found["period"] = pd.to_datetime(found["period"]).dt.date
    wide = found.groupby(["unit", "period"])[["total", "opened"]].sum()
    units = sorted(found["unit"].unique())
    all_days = sorted({*found["period"], *starts})
    index = pd.MultiIndex.from_product([units, all_days], names=["unit", "period"])
    full = wide.reindex(index, fill_value=0.0).reset_index()
    full["customers"] = full.groupby("unit")["opened"].cumsum().astype(np.int64)
    shown = full[full["period"].isin(starts) & (full["customers"] > 0)].copy()
    shown["value"] = shown["total"] / shown["customers"]
    return shown[["unit", "period", "customers", "total", "value"]].reset_index(drop=True)
