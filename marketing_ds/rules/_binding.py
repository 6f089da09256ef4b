"""Rules meet a table: names and types are checked, then each rule becomes an Ibis condition."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

import ibis
import ibis.expr.datatypes as dtypes
import ibis.expr.types as ir

from marketing_ds._core.errors import InvalidInput, did_you_mean

from ._rules import And, Between, Compare, In, IsNull, Match, Not, Or, Rule, Top
from ._tokens import fail
from ._values import ESCAPE, AsOf, Operand, Scalar, TagName, brief, like_pieces

_COMPARE: Mapping[str, Callable[[ir.Value, ir.Value], ir.BooleanValue]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_AS_OF = "as_of"
_NULLS = ("none", "nan", "na")
_LONGEST_RULE = 200


def bind(
    rule: Rule,
    table: ir.Table,
    text: str | None = None,
    *,
    as_of: dt.date | None = None,
    key: str = "customer_id",
) -> ir.BooleanValue:
    """`rule` as a condition on `table`: true, false, or null where it cannot be told.

    Parameters
    ----------
    rule : Rule
        The rule.
    table : ibis.Table
        The tags.
    text : str, optional
        What the rule was read from: errors then show where.
    as_of : date, optional
        The day of the tags, for days relative to it; a column `as_of` of the table goes first.
    key : str
        The column that names a row: it settles ties of `top` and `bottom`.

    Raises
    ------
    InvalidInput
        If the table has no such tag, a value is not of the tag's type, or the rule speaks of
        `as_of` and nobody says which day that is.

    Notes
    -----
    `top` and `bottom` ask for the ids of the first in a query of their own, over the key and the
    tag. A window function in the condition would be cheaper but wrong: a filter takes its plain
    parts first, and would rank only what they leave.
    """
    return _Binder(table, text, as_of, key).condition(rule)


class _Binder:
    def __init__(self, table: ir.Table, text: str | None, as_of: dt.date | None, key: str) -> None:
        self._table = table
        self._text = text
        self._as_of = as_of
        self._key = key

    def condition(self, rule: Rule) -> ir.BooleanValue:
        match rule:
            case And(rules=rules):
                return _balanced([self.condition(part) for part in rules], ir.BooleanValue.__and__)
            case Or(rules=rules):
                return _balanced([self.condition(part) for part in rules], ir.BooleanValue.__or__)
            case Not(rule=inner):
                return ~self.condition(inner)
            case Compare(op=op, value=value):
                return _COMPARE[op](self._left(rule), self._right(rule, value, 0))
            case In(values=values):
                listed = [self._right(rule, value, n) for n, value in enumerate(values)]
                return self._left(rule).isin(listed)
            case Between(low=low, high=high):
                ends = self._right(rule, low, 0), self._right(rule, high, 1)
                return self._left(rule).between(*ends)
            case IsNull(tag=tag):
                return self._column(tag, rule).isnull()
            case Match():
                return self._match(rule)
            case Top():
                return self._top(rule)
        raise InvalidInput(f"rule must be a rule, got {rule!r}")

    def _left(self, rule: Compare | In | Between) -> ir.Value:
        column = self._column(rule.tag, rule)
        ordered = isinstance(rule, Between) or (
            isinstance(rule, Compare) and rule.op not in ("==", "!=")
        )
        if ordered:
            self._check_ordered(rule, column, "use == or in")
        return column

    def _check_ordered(
        self, rule: Compare | In | Between | Top, column: ir.Value, way: str
    ) -> None:
        kind = _kind(column.type())
        if kind in ("text", "boolean"):
            self._fail(rule, f"tag {rule.tag!r} holds {_WORDS[kind]}, which have no order; {way}")

    def _column(self, tag: str, rule: Rule) -> ir.Value:
        if tag not in self._table.columns:
            hint = did_you_mean(tag, self._table.columns) or "; the table has no such column"
            self._fail(rule, f"rule names the unknown tag {tag!r}{hint}")
        column = self._table[tag]
        return column.date() if column.type().is_timestamp() else column

    def _other(self, tag: str, rule: Rule, kind: str, place: int | None) -> ir.Value:
        """The tag on the right of a comparison; a value is easily taken for one."""
        if tag not in self._table.columns:
            hint = did_you_mean(tag, self._table.columns)
            if tag.lower() in _NULLS:
                hint = "; test for null with is null or is not null"
            elif kind == "text":
                hint += f"; a value stands in quotes: {tag!r}"
            unknown = hint or "; the table has no such column"
            self._fail(rule, f"rule names the unknown tag {tag!r}{unknown}", place)
        return self._column(tag, rule)

    def _right(self, rule: Compare | In | Between, value: Operand, number: int) -> ir.Value:
        """Value `number` of the rule, checked against the tag's type."""
        place = rule.places[number] if rule.places else None
        kind = _kind(self._column(rule.tag, rule).type())
        if isinstance(value, TagName):
            other = self._other(value.tag, rule, kind, place)
            if _kind(other.type()) != kind:
                self._fail(
                    rule,
                    f"tag {rule.tag!r} holds {_WORDS[kind]} but tag {value.tag!r} holds "
                    f"{_WORDS[_kind(other.type())]}",
                    place,
                )
            return other
        if kind == "date" and isinstance(value, str):
            value = _day(value)
        if kind not in ("other", _kind_of(value)):
            if value is True and self._text is not None and place is None:  # the tag stood alone
                self._fail(
                    rule,
                    f"tag {rule.tag!r} holds {_WORDS[kind]}, so it must be compared with something",
                )
            self._fail(
                rule,
                f"tag {rule.tag!r} must be compared with {_WORDS[kind]}, got {brief(value)}",
                place,
            )
        if isinstance(value, AsOf):
            return self._relative_day(rule, value, place)
        return _literal(value)

    def _relative_day(self, rule: Rule, day: AsOf, place: int | None) -> ir.Value:
        if _AS_OF in self._table.columns:
            column = self._column(_AS_OF, rule)
            if _kind(column.type()) != "date":
                self._fail(rule, f"column 'as_of' must hold dates, got {column.type()}", place)
            step = ibis.interval(**{day.unit: abs(day.amount)})
            moved = column - step if day.amount < 0 else column + step
            return moved.cast("date") if day.amount else column
        if self._as_of is None:
            self._fail(
                rule,
                "rule speaks of as_of, a column that the table does not have; name the day: "
                "audience(tags, rule, as_of='2026-06-30')",
                place,
            )
        return _literal(day.on(self._as_of))

    def _match(self, rule: Match) -> ir.BooleanValue:
        column = self._column(rule.tag, rule)
        kind = _kind(column.type())
        if kind != "text":
            place = rule.places[0] if rule.places else None
            self._fail(
                rule, f"tag {rule.tag!r} holds {_WORDS[kind]}; only words can be {rule.how}", place
            )
        if rule.how == "contains":
            return column.contains(rule.text)
        if rule.how == "starts with":
            return column.startswith(rule.text)
        if rule.how == "ends with":
            return column.endswith(rule.text)
        # Engines differ in what a backslash means in LIKE, not in regular expressions.
        if ESCAPE in rule.text:
            return column.re_search(_regular_expression(rule.text))
        return column.like(rule.text)

    def _top(self, rule: Top) -> ir.BooleanValue:
        column = self._column(rule.tag, rule)
        self._check_ordered(rule, column, f"{rule.end} needs numbers or dates")
        key = self._column(self._key, rule)
        ranked = self._table.select(_key=key, _value=column).filter(column.notnull())
        value, keys = ranked["_value"], ranked["_key"]
        order = [value.desc() if rule.end == "top" else value.asc(), keys.asc()]
        times, most = rule.limit
        if rule.percent:
            ahead = ibis.row_number().over(ibis.window(order_by=order))
            first = ranked.filter(ahead * times < keys.count().over(ibis.window()) * most)
        else:
            first = ranked.order_by(order).limit(most)
        return ibis.cases((column.notnull(), key.isin(first["_key"])))

    def _fail(self, rule: Rule, message: str, place: int | None = None) -> NoReturn:
        place = rule.position if place is None else place
        if self._text is not None and place is not None:
            fail(self._text, place, message)
        raise InvalidInput(f"{message} in: {_short(rule)}")


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


def _kind_of(value: Scalar | AsOf) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    return "text" if isinstance(value, str) else "date"


def _day(text: str) -> dt.date | str:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return text  # refused by the caller, as no date


def _literal(value: Scalar) -> ir.Scalar:
    return ibis.date(value.isoformat()) if isinstance(value, dt.date) else ibis.literal(value)


def _regular_expression(pattern: str) -> str:
    """A `like` pattern as a regular expression of RE2 and of Java."""
    wild = {"%": ".*", "_": "."}
    letters = (wild[c] if is_wild else _literally(c) for c, is_wild in like_pieces(pattern))
    return r"(?s)\A" + "".join(letters) + r"\z"


def _literally(letter: str) -> str:
    return letter if letter.isalnum() else rf"\x{{{ord(letter):x}}}"


def _balanced(
    parts: Sequence[ir.BooleanValue], join: Callable[..., ir.BooleanValue]
) -> ir.BooleanValue:
    """Join as a balanced tree: engines and Ibis walk conditions by recursion."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return join(_balanced(parts[:middle], join), _balanced(parts[middle:], join))


def _short(rule: Rule) -> str:
    text = str(rule)
    return text if len(text) <= _LONGEST_RULE else text[: _LONGEST_RULE - 1] + "…"
