"""Rules written out: as their own text, and as SQL."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Protocol, cast

from ._rules import And, Between, Compare, In, IsNull, Match, Not, Or, Rule, Top
from ._values import ESCAPE, AsOf, Operand, Scalar, TagName, like_literal

KEYWORDS = frozenset(
    (
        "and", "or", "not", "in", "between", "is", "null", "true", "false", "date", "as_of",
        "contains", "starts", "ends", "with", "like", "top", "bottom", "by",
    )
)  # fmt: skip
"""Words that name no tag unless they stand in backticks."""
_PLAIN_NAME = re.compile(r"[^\W\d]\w*")
_SQL_OPERATORS = {"==": "=", "!=": "<>"}
_LEAVES = (In, Between, IsNull, Match)
"""Rules that hold their `not` inside."""


def as_text(rule: Rule) -> str:
    """The rule in its own language; `Rule.parse` reads it back."""
    return _write(rule, _Text())


def as_sql(rule: Rule, as_of: dt.date | None) -> str:
    """The rule as an SQL condition; see `Rule.to_sql`."""
    return _write(rule, _Sql(as_of))


class _Spelling(Protocol):
    def word(self, word: str) -> str: ...
    def operator(self, op: str) -> str: ...
    def name(self, name: str) -> str: ...
    def day(self, day: AsOf) -> str: ...
    def match(self, rule: Match, no: str) -> str: ...
    def top(self, rule: Top) -> str: ...


class _Text:
    """How rule text spells names, values and words."""

    def word(self, word: str) -> str:
        return word

    def operator(self, op: str) -> str:
        return op

    def name(self, name: str) -> str:
        if _PLAIN_NAME.fullmatch(name) and name.lower() not in KEYWORDS:
            return name
        return "`" + name.replace("`", "``") + "`"

    def day(self, day: AsOf) -> str:
        return str(day)

    def match(self, rule: Match, no: str) -> str:
        return f"{self.name(rule.tag)} {no}{rule.how} {_quoted(rule.text)}"

    def top(self, rule: Top) -> str:
        sign = " %" if rule.percent else ""
        return f"{rule.end} {rule.number}{sign} by {self.name(rule.tag)}"


@dataclass(frozen=True)
class _Sql:
    """How SQL spells them; days relative to `as_of` need its column where it is not given."""

    as_of: dt.date | None

    def word(self, word: str) -> str:
        return word.upper()

    def operator(self, op: str) -> str:
        return _SQL_OPERATORS.get(op, op)

    def name(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def day(self, day: AsOf) -> str:
        if self.as_of is not None:
            return _value(day.on(self.as_of), self)
        if day.amount == 0:
            return '"as_of"'
        sign, unit = "-" if day.amount < 0 else "+", day.unit.removesuffix("s").upper()
        return f"CAST(\"as_of\" {sign} INTERVAL '{abs(day.amount)}' {unit} AS DATE)"

    def match(self, rule: Match, no: str) -> str:
        before = "%" if rule.how in ("contains", "ends with") else ""
        after = "%" if rule.how in ("contains", "starts with") else ""
        pattern = rule.text if rule.how == "like" else before + like_literal(rule.text) + after
        escape = f" ESCAPE {_quoted(ESCAPE)}" if ESCAPE in pattern else ""
        return f"{self.name(rule.tag)} {no}LIKE {_quoted(pattern)}{escape}"

    def top(self, rule: Top) -> str:
        tag, way = self.name(rule.tag), "DESC" if rule.end == "top" else "ASC"
        place = f'ROW_NUMBER() OVER (ORDER BY {tag} {way} NULLS LAST, "customer_id")'
        times, most = rule.limit
        limit = f"{most} * COUNT({tag}) OVER ()" if rule.percent else str(most)
        ahead = f"({place} - 1) * {times}" if times > 1 else f"{place} - 1"
        return f"CASE WHEN {tag} IS NOT NULL THEN {ahead} < {limit} END"


def _write(rule: Rule, spell: _Spelling) -> str:
    """The rule in text; brackets only where they are needed."""
    match rule:
        case Not(rule=inner) if isinstance(inner, _LEAVES):
            return _write_leaf(inner, spell, negated=True)
        case Not(rule=inner):
            return f"{spell.word('not')} {_bracket(inner, spell, (And, Or))}"
        case And(rules=rules):
            joint = f" {spell.word('and')} "
            return joint.join(_bracket(part, spell, (And, Or)) for part in rules)
        case Or(rules=rules):
            joint = f" {spell.word('or')} "
            return joint.join(_bracket(part, spell, (Or,)) for part in rules)
        case _:
            return _write_leaf(rule, spell, negated=False)


def _bracket(rule: Rule, spell: _Spelling, kinds: tuple[type[Rule], ...]) -> str:
    text = _write(rule, spell)
    return f"({text})" if isinstance(rule, kinds) else text


def _write_leaf(rule: Rule, spell: _Spelling, *, negated: bool) -> str:
    word, no = spell.word, spell.word("not ") if negated else ""
    match rule:
        case Compare(tag=tag, op=op, value=value):
            return f"{spell.name(tag)} {spell.operator(op)} {_value(value, spell)}"
        case In(tag=tag, values=values):
            listed = ", ".join(_value(value, spell) for value in values)
            return f"{spell.name(tag)} {no}{word('in')} ({listed})"
        case Between(tag=tag, low=low, high=high):
            ends = f"{_value(low, spell)} {word('and')} {_value(high, spell)}"
            return f"{spell.name(tag)} {no}{word('between')} {ends}"
        case Match():
            return spell.match(rule, no)
        case Top():
            return spell.top(rule)
        case _:
            return f"{spell.name(cast(IsNull, rule).tag)} {word('is')} {no}{word('null')}"


def _value(value: Operand, spell: _Spelling) -> str:
    if isinstance(value, TagName):
        return spell.name(value.tag)
    if isinstance(value, AsOf):
        return spell.day(value)
    return _scalar(value, spell)


def _scalar(value: Scalar, spell: _Spelling) -> str:
    if isinstance(value, bool):
        return spell.word(str(value).lower())
    if isinstance(value, dt.date):
        return f"{spell.word('date')} '{value.isoformat()}'"
    if isinstance(value, str):
        return _quoted(value)
    return repr(value)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
