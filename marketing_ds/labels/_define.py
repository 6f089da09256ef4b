"""A data scientist's own label; a bad one fails here and not in a query."""

from __future__ import annotations

from collections.abc import Callable

import ibis
import ibis.expr.types as ir
from ibis.common.deferred import Deferred

from marketing_ds import schema
from marketing_ds._core.checks import check_choice, check_count, check_number
from marketing_ds._core.errors import InvalidInput
from marketing_ds.tags.own._on_tags import row_wise, value_of
from marketing_ds.tags.own._sql import read_sql

from ._happened import Happened, Measured
from ._label import Label

_TABLES = ("transactions", "events", "contacts", "benefit_grants")
"""Tables with one row an event; balances are snapshots, compared by `balance_up`."""
_CATEGORY = {"transactions": {"category": "string"}}
_MOMENTS = {
    "contacts": ("sent_at", "opened_at", "clicked_at"),
    "benefit_grants": ("granted_at", "redeemed_at", "reversed_at"),
}


def define(
    name: str,
    *,
    table: str,
    expression: Deferred | Callable[[ir.Table], ir.Value] | None = None,
    sql: str | None = None,
    at_least: float = 1,
    absent: bool = False,
    moment: str | None = None,
    active_within: int | None = None,
    title_en: str | None = None,
    title_zh: str | None = None,
    description: str | None = None,
) -> Label:
    """A label of one's own: rows of a table within the horizon, counted or added up by customer.

    Exactly one of `expression` and `sql` says which rows, or how much of each. It is checked here:
    what is accepted can be computed on every engine.

    Parameters
    ----------
    name : str
        Lower case letters, digits and underscores.
    table : {"transactions", "events", "contacts", "benefit_grants"}
        Where to look.
    expression : Ibis expression
        Made of the table's columns row by row: a condition (rows for which it is true are counted)
        or a number (added up). Purchases have the `category` of their product, too.
    sql : str
        The same as a scalar SQL expression, as `marketing_ds.tags.define` takes it.
    at_least : float
        From this count or sum on the label is 1.
    absent : bool
        The other way round: 1 where count or sum stay below `at_least`.
    moment : str, optional
        The column that says when: for contacts and grants also their later steps (`clicked_at`,
        `redeemed_at`, …). By default the one that dates the table.
    active_within : int, optional
        Speak only of customers with a row of the table in so many days up to the cut-off.
    title_en, title_zh, description : str, optional
        Made of the others by default.

    Raises
    ------
    InvalidInput
        If a column is unknown, types do not fit, or what is given breaks a rule above; the message
        says which, and where in a text.

    Examples
    --------
    >>> import ibis
    >>> big = define("big_salary", table="transactions",
    ...              sql="kind = 'salary' and amount_cny >= 30000", title_zh="大额工资")
    >>> big.lineage[:3]
    ('customers.customer_id', 'customers.opened_on', 'transactions.amount_cny')
    >>> define("spends", table="transactions", at_least=5000,
    ...        expression=ibis.cases((ibis._.kind == "payment", ibis._.amount_cny), else_=0)).title()
    'Spends'
    >>> define("big", table="transactions", sql="amount_cnt >= 30000")
    Traceback (most recent call last):
    ...
    marketing_ds._core.errors.InvalidInput: sql names the unknown column 'amount_cnt'; did you mean 'amount_cny'? at position 0
      amount_cnt >= 30000
      ^
    """
    check_choice("table", table, _TABLES)
    check_number("at_least", at_least, low=0, inclusive=False)
    if (expression is None) == (sql is None):
        raise InvalidInput(
            f"label {name!r} must be given by exactly one of expression and sql, got "
            f"{'none' if sql is None else 'both'}"
        )
    if moment is not None:
        check_choice("moment", moment, _MOMENTS.get(table, (str(schema.MART[table].dated_by),)))
    columns = _columns(table)
    if sql is not None:
        value = read_sql(sql, columns, "column")
    else:
        value = value_of(
            name,
            expression,
            columns,
            what="label",
            noun="column",
            example="ibis._.amount_cny > 100",
        )
    type_ = value.type()
    if not type_.is_boolean() and not type_.is_numeric():
        raise InvalidInput(
            f"label {name!r} must be true or false of each row, or a number to be added up, got "
            f"values of type {type_}"
        )
    made = row_wise(f"label {name!r}", value)
    if not made.names:
        raise InvalidInput(f"label {name!r} must read at least one column of {table}")
    days = None if active_within is None else check_count("active_within", active_within, low=1)
    title = title_en or str(name).replace("_", " ").capitalize()
    what = "rows" if type_.is_boolean() else "sum"
    shown = sql or (str(expression) if isinstance(expression, Deferred) else "by a function")
    return Label(
        name,
        title,
        title_zh or title,
        description
        or f"1: {what} of {table} within the horizon, {shown}: {'below' if absent else 'at least'} "
        f"{at_least:g}.",
        Happened(
            table, (), moment, Measured(made, made.names), float(at_least), bool(absent), days
        ),
    )


def _columns(table: str) -> ir.Table:
    """A table without rows that has the columns a label may read."""
    known = {column.name: column.type for column in schema.MART[table].columns}
    return ibis.table(known | _CATEGORY.get(table, {}), name=table)
