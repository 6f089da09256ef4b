"""Rules meet a table: names and types are checked, then each rule becomes an Ibis condition."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

import ibis
import ibis.expr.datatypes as dtypes
import ibis.expr.types as ir

from marketing_ds._core.errors import InvalidInput, did_you_mean

from ._parser import fail
from ._rules import And, Between, Compare, In, IsNull, Not, Or, Rule, Scalar, TagName

_COMPARE: Mapping[str, Callable[[ir.Value, ir.Value], ir.BooleanValue]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def bind(rule: Rule, table: ir.Table, text: str | None = None) -> ir.BooleanValue:
    """`rule` as a condition on `table`.

    Parameters
    ----------
    rule : Rule
        The rule.
    table : ibis.Table
        The tags.
    text : str, optional
        What the rule was read from: errors then show where.

    Raises
    ------
    InvalidInput
        If the table has no such tag, or a value is not of the tag's type.
    """
    return _Binder(table, text).condition(rule)


class _Binder:
    def __init__(self, table: ir.Table, text: str | None) -> None:
        self._table = table
        self._text = text

    def condition(self, rule: Rule) -> ir.BooleanValue:
        match rule:
            case And(rules=rules):
                return _balanced([self.condition(part) for part in rules], ir.BooleanValue.__and__)
            case Or(rules=rules):
                return _balanced([self.condition(part) for part in rules], ir.BooleanValue.__or__)
            case Not(rule=inner):
                return ~self.condition(inner)
            case Compare(op=op, value=value):
                return _COMPARE[op](self._left(rule), self._right(rule, value))
            case In(values=values):
                return self._left(rule).isin([self._right(rule, value) for value in values])
            case Between(low=low, high=high):
                return self._left(rule).between(self._right(rule, low), self._right(rule, high))
            case IsNull(tag=tag):
                return self._column(tag, rule).isnull()
        raise InvalidInput(f"rule must be a rule, got {rule!r}")

    def _left(self, rule: Compare | In | Between) -> ir.Value:
        column = self._column(rule.tag, rule)
        kind = _kind(column.type())
        ordered = isinstance(rule, Between) or (
            isinstance(rule, Compare) and rule.op not in ("==", "!=")
        )
        if ordered and kind in ("text", "boolean"):
            self._fail(
                rule, f"tag {rule.tag!r} holds {_WORDS[kind]}, which have no order; use == or in"
            )
        return column

    def _column(self, tag: str, rule: Rule) -> ir.Value:
        if tag not in self._table.columns:
            hint = did_you_mean(tag, self._table.columns)
            self._fail(
                rule,
                f"rule names the unknown tag {tag!r}{hint or '; the table has no such column'}",
            )
        column = self._table[tag]
        return column.date() if column.type().is_timestamp() else column

    def _right(self, rule: Compare | In | Between, value: Scalar | TagName) -> ir.Value:
        kind = _kind(self._column(rule.tag, rule).type())
        if isinstance(value, TagName):
            other = self._column(value.tag, rule)
            if _kind(other.type()) != kind:
                self._fail(
                    rule,
                    f"tag {rule.tag!r} holds {_WORDS[kind]} but tag {value.tag!r} holds "
                    f"{_WORDS[_kind(other.type())]}",
                )
            return other
        if kind == "date" and isinstance(value, str):
            value = self._day(rule, value)
        if kind != "other" and kind != _kind_of(value):
            self._fail(
                rule, f"tag {rule.tag!r} must be compared with {_WORDS[kind]}, got {value!r}"
            )
        return ibis.date(value.isoformat()) if isinstance(value, dt.date) else ibis.literal(value)

    def _day(self, rule: Rule, text: str) -> dt.date | str:
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            return text  # refused by the caller, as no date

    def _fail(self, rule: Rule, message: str) -> NoReturn:
        if self._text is not None and rule.position is not None:
            fail(self._text, rule.position, message)
        raise InvalidInput(f"{message} in: {rule}")


_WORDS = {
    "number": "numbers",
    "text": "words",
    "boolean": "true or false",
    "date": "dates",
    "other": "other values",
}


def _kind(type_: dtypes.DataType) -> str:
    if type_.is_boolean():
        return "boolean"
    if type_.is_numeric():
        return "number"
    if type_.is_string():
        return "text"
    return "date" if type_.is_date() else "other"


def _kind_of(value: Scalar) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    return "text" if isinstance(value, str) else "date"


def _balanced(
    parts: Sequence[ir.BooleanValue], join: Callable[..., ir.BooleanValue]
) -> ir.BooleanValue:
    """Join as a balanced tree: engines and Ibis walk conditions by recursion."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return join(_balanced(parts[:middle], join), _balanced(parts[middle:], join))
