"""The JSON form of rules."""

from __future__ import annotations

import datetime as dt
import reprlib
from collections.abc import Mapping
from typing import Any, cast, get_args

from marketing_ds._core.checks import check_date
from marketing_ds._core.errors import InvalidInput

from ._rules import (
    MAX_DEPTH,
    And,
    Between,
    Compare,
    End,
    In,
    IsNull,
    Match,
    Matching,
    Not,
    Operator,
    Or,
    Rule,
    Top,
)
from ._values import AsOf, Operand, Scalar, TagName, Unit, check_scalar

_MAX_ITEMS = 1_000_000
_FORMS: Mapping[frozenset[str], str] = {
    frozenset({"and"}): "and",
    frozenset({"or"}): "or",
    frozenset({"not"}): "not",
    frozenset({"tag", "op", "value"}): "compare",
    frozenset({"tag", "op", "values"}): "in",
    frozenset({"tag", "op", "low", "high"}): "between",
    frozenset({"tag", "op"}): "is null",
    frozenset({"tag", "op", "number"}): "count",
    frozenset({"tag", "op", "percent"}): "percent",
}
_MATCHING: tuple[Matching, ...] = get_args(Matching)
_HELP = (
    "a rule as a dict must be {'and': [...]}, {'or': [...]}, {'not': {...}}, "
    "{'tag', 'op', 'value'}, {'tag', 'op': 'in', 'values'}, "
    "{'tag', 'op': 'between', 'low', 'high'}, {'tag', 'op': 'is null'}, "
    "{'tag', 'op': 'top' or 'bottom', 'number' or 'percent'}"
)


def rule_to(rule: Rule) -> dict[str, Any]:
    """A rule as dicts, lists and scalars of JSON."""
    match rule:
        case And(rules=rules):
            return {"and": [rule_to(part) for part in rules]}
        case Or(rules=rules):
            return {"or": [rule_to(part) for part in rules]}
        case Not(rule=inner):
            return {"not": rule_to(inner)}
        case Compare(tag=tag, op=op, value=value):
            return {"tag": tag, "op": op, "value": _plain(value)}
        case Match(tag=tag, how=how, text=text):
            return {"tag": tag, "op": how, "value": text}
        case Top(tag=tag, number=number, end=end, percent=percent):
            return {"tag": tag, "op": end, "percent" if percent else "number": number}
        case In(tag=tag, values=values):
            return {"tag": tag, "op": "in", "values": [_plain(value) for value in values]}
        case Between(tag=tag, low=low, high=high):
            return {"tag": tag, "op": "between", "low": _plain(low), "high": _plain(high)}
        case _:
            return {"tag": cast(IsNull, rule).tag, "op": "is null"}


def rule_from(data: object, depth: int = 0) -> Rule:
    """The rule that `rule_to` made `data` of; anything else is refused."""
    if depth == 0:
        _check_size(data)
    if not isinstance(data, Mapping) or not all(isinstance(key, str) for key in data):
        raise InvalidInput(f"{_HELP}, got {_short(data)}")
    form = _FORMS.get(frozenset(data))
    if form in ("and", "or"):
        return _joined(form, data[form], depth)
    if form == "not":
        return Not(rule_from(data["not"], depth + 1))
    if form in ("count", "percent"):
        return _top(data, percent=form == "percent")
    if form is None or (form != "compare" and data["op"] != form):
        raise InvalidInput(f"{_HELP}, got {_short(data)}")
    tag, op = data["tag"], data["op"]
    if form == "compare":
        if op in _MATCHING:
            return Match(tag, cast(Matching, op), data["value"])
        return Compare(tag, cast(Operator, op), _operand(data["value"]))
    if form == "in":
        if not isinstance(data["values"], (list, tuple)):
            raise InvalidInput(f"values must be a list, got {_short(data['values'])}")
        return In(tag, tuple(_value(value) for value in data["values"]))
    if form == "between":
        return Between(tag, _value(data["low"]), _value(data["high"]))
    return IsNull(tag)


def _joined(word: str, parts: object, depth: int) -> Rule:
    if not isinstance(parts, (list, tuple)):
        raise InvalidInput(f"{word!r} must hold a list of rules, got {_short(parts)}")
    rules = tuple(rule_from(part, depth + 1) for part in parts)
    return And(rules) if word == "and" else Or(rules)


def _top(data: Mapping[str, Any], *, percent: bool) -> Rule:
    number = data["percent" if percent else "number"]
    return Top(data["tag"], number, cast(End, data["op"]), percent)


def _operand(value: object) -> Operand:
    if isinstance(value, Mapping) and set(value) == {"tag"}:
        return TagName(value["tag"])
    return _value(value)


def _value(value: object) -> Scalar | AsOf:
    if isinstance(value, Mapping) and set(value) == {"date"}:
        return check_date("date", value["date"])
    if isinstance(value, Mapping) and set(value) == {"as_of", "unit"}:
        return AsOf(value["as_of"], cast(Unit, value["unit"]))
    return check_scalar(value)


def _plain(value: Operand) -> object:
    match value:
        case TagName(tag=tag):
            return {"tag": tag}
        case AsOf(amount=amount, unit=unit):
            return {"as_of": amount, "unit": unit}
        case dt.date():
            return {"date": value.isoformat()}
    return value


def _check_size(data: object) -> None:
    """Refuse what is too deep or too large to read (or even to be shown in an error)."""
    left, seen = [(data, 0)], 0
    while left:
        item, depth = left.pop()
        seen += 1
        if depth > 2 * MAX_DEPTH or seen > _MAX_ITEMS:
            raise InvalidInput(
                f"a rule must not nest deeper than {MAX_DEPTH} nor hold over {_MAX_ITEMS:,} items"
            )
        if isinstance(item, int):
            check_scalar(item)
        if isinstance(item, Mapping):
            left += [(value, depth + 1) for value in item.values()]
        elif isinstance(item, (list, tuple)):
            left += [(value, depth + 1) for value in item]


def _short(value: object) -> str:
    return reprlib.repr(value)
