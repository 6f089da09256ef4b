"""The rules of a table that a row keeps or breaks by itself, drawn from its declaration.

`Mart.check()` merges them into one scan and the pandera schemas carry the same expressions, so
the two cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from .contract import Column, Order, Table

if TYPE_CHECKING:
    import ibis
    import ibis.expr.types as ir

RuleKind = Literal["null", "allowed", "range", "order", "known"]


@dataclass(frozen=True)
class Rule:
    """One rule on the rows of a table in the contract's types.

    `broken` gives, for such a table, where the rule is broken (never null).
    """

    kind: RuleKind
    columns: tuple[str, ...]
    text: str
    broken: Callable[[ibis.Table], ir.BooleanValue]


def row_rules(table: Table) -> tuple[Rule, ...]:
    """Every rule on single rows of `table`.

    Examples
    --------
    >>> from marketing_ds.schema import HOLDINGS
    >>> [rule.text for rule in row_rules(HOLDINGS) if "balance_cny" in rule.columns]
    ['balance_cny is never null', 'balance_cny is at least 0']
    """
    rules: list[Rule] = []
    for column in table.columns:
        rules += _column_rules(column)
    rules += [_order_rule(order) for order in table.order]
    if table.dated_by and table.known_from:
        rules.append(_known_rule(table.dated_by, table.known_from))
    return tuple(rules)


def _column_rules(column: Column) -> list[Rule]:
    name = column.name
    rules: list[Rule] = []
    if not column.nullable:
        rules.append(Rule("null", (name,), f"{name} is never null", lambda t: t[name].isnull()))
    if column.allowed is not None:
        words = ", ".join(column.allowed)
        broken = partial(_not_allowed, name, column.allowed)
        rules.append(Rule("allowed", (name,), f"{name} is one of {words}", broken))
    if column.type == "float64" or column.minimum is not None or column.maximum is not None:
        rules.append(Rule("range", (name,), _range_text(column), partial(_outside, column)))
    return rules


def _not_allowed(name: str, allowed: tuple[str, ...], table: ibis.Table) -> ir.BooleanValue:
    return table[name].notnull() & table[name].notin(list(allowed))


def _outside(column: Column, table: ibis.Table) -> ir.BooleanValue:
    value = table[column.name]
    tests = []
    if column.type == "float64":
        tests += [value.isnan(), value.isinf()]
    if column.minimum is not None:
        tests.append(value <= column.minimum if column.exclusive else value < column.minimum)
    if column.maximum is not None:
        tests.append(value >= column.maximum if column.exclusive else value > column.maximum)
    broken = tests[0]
    for test in tests[1:]:
        broken = broken | test
    return value.notnull() & broken


def _range_text(column: Column) -> str:
    low, high = column.minimum, column.maximum
    excluded = ", both excluded" if column.exclusive else ""
    if low is None and high is None:
        return f"{column.name} is finite"
    if high is None:
        return f"{column.name} is at least {low:g}"
    return f"{column.name} is between {low:g} and {high:g}{excluded}"


def _order_rule(order: Order) -> Rule:
    return Rule(
        "order",
        (order.earlier, order.later),
        f"{order.earlier} is not after {order.later}",
        lambda t: (t[order.earlier] > t[order.later]).fill_null(False),
    )


def _known_rule(dated_by: str, known_from: str) -> Rule:
    """A row cannot reach the mart before it came true."""
    return Rule(
        "known",
        (dated_by, known_from),
        f"{dated_by} is not after {known_from}",
        lambda t: (t[dated_by].cast("date") > t[known_from]).fill_null(False),
    )
