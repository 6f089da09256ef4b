"""How a measure is taken from rows, and put beside the customers it is of."""

from __future__ import annotations

import datetime as dt

import ibis.expr.types as ir

from .measures import SOURCES, Measure


def value_of(rows: ir.Table, measure: Measure, inside: ir.BooleanValue) -> ir.Value:
    """The measure over the rows `inside` its span of days; 0 where there is none."""
    for column, values in measure.where:
        inside = inside & rows[column].isin(list(values))
    if measure.how == "count":
        value: ir.Value = inside.sum()
    elif measure.how == "sum":
        value = rows[str(measure.column)].cast("float64").sum(where=inside)
    elif measure.how == "days":
        value = rows[SOURCES[measure.source]].date().nunique(where=inside)
    else:
        value = inside.any().cast("int64")
    return value.fill_null(0).cast("float64")


def before_name(measure: Measure) -> str:
    """The column of the same measure before the first day."""
    return f"{measure.name}_before"


def beside(rows: ir.Table, part: ir.Table, *, zero: bool) -> ir.Table:
    """`rows` with the columns of `part`; 0 (or null) where a customer is not in it."""
    right = part.rename(_customer="customer_id")
    joined = rows.left_join(right, rows.customer_id == right["_customer"])
    names = [name for name in part.columns if name != "customer_id"]
    added = {name: joined[name].fill_null(0.0) if zero else joined[name] for name in names}
    return joined.select(*(joined[name] for name in rows.columns), **added)


def midnight_after(day: dt.date) -> dt.datetime:
    """The first moment after a day."""
    return dt.datetime.combine(day, dt.time()) + dt.timedelta(days=1)
