"""Rules over tags: the tree that text, JSON, Ibis and SQL are written from.

Comparisons follow SQL where a tag is null: neither the comparison nor its `not` selects the
customer, only `is null` does.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

from marketing_ds._core.checks import check_choice
from marketing_ds._core.errors import InvalidInput

Scalar = bool | int | float | str | dt.date
Operator = Literal["==", "!=", "<", "<=", ">", ">="]

KEYWORDS = frozenset(
    ("and", "or", "not", "in", "between", "is", "null", "true", "false", "date", "like")
)
MAX_DEPTH = 50
"""How deep rules may nest."""
_PLAIN_NAME = re.compile(r"[^\W\d]\w*")
_SQL_OPERATORS = {"==": "=", "!=": "<>"}
_MAX_INTEGER = 2**63 - 1


@dataclass(frozen=True)
class TagName:
    """A tag on the right of a comparison, as in ``aum > aum_90d_ago``."""

    tag: str

    def __post_init__(self) -> None:
        _check_tag(self.tag)


@dataclass(frozen=True)
class Rule:
    """A condition on tags; `str(rule)` is its text, `to_dict()` its JSON form.

    `Rule.parse(str(rule))` and `Rule.from_dict(rule.to_dict())` give back an equal rule.
    """

    position: int | None = field(default=None, compare=False, repr=False, kw_only=True)
    """Where it stands in the text it was read from."""

    @staticmethod
    def parse(text: str) -> Rule:
        """Read a rule from its text.

        Raises
        ------
        InvalidInput
            If the text is not a rule; the message shows where.

        Examples
        --------
        >>> rule = Rule.parse("aum >= 50000 AND NOT (lifecycle in ('lost', 'dormant'))")
        >>> print(rule)
        aum >= 50000 and lifecycle not in ('lost', 'dormant')
        >>> rule.to_sql()
        '"aum" >= 50000 AND "lifecycle" NOT IN (\\'lost\\', \\'dormant\\')'
        """
        from ._parser import parse

        return parse(text)

    @staticmethod
    def from_dict(data: object) -> Rule:
        """Read a rule from its JSON form.

        Examples
        --------
        >>> print(Rule.from_dict({"and": [{"tag": "aum", "op": ">=", "value": 50000},
        ...                               {"not": {"tag": "region", "op": "is null"}}]}))
        aum >= 50000 and region is not null
        """
        from ._json import rule_from

        return rule_from(data)

    def to_dict(self) -> dict[str, Any]:
        """The rule as JSON: dicts, lists, numbers, text; dates as ``{"date": "2026-06-30"}``."""
        from ._json import rule_to

        return rule_to(self)

    def to_sql(self) -> str:
        """The rule as an SQL condition, for a WHERE clause over a tag table."""
        return _write(self, _Sql())

    def __str__(self) -> str:
        return _write(self, _Text())

    def _parts(self) -> tuple[Rule, ...]:
        return ()

    def walk(self) -> Iterator[Rule]:
        """This rule and every rule in it."""
        yield self
        for part in self._parts():
            yield from part.walk()

    @property
    def tags(self) -> tuple[str, ...]:
        """Names of the tags it reads, in order of first use."""
        names: dict[str, None] = {}
        for rule in self.walk():
            if isinstance(rule, (Compare, In, Between, IsNull)):
                names[rule.tag] = None
            if isinstance(rule, Compare) and isinstance(rule.value, TagName):
                names[rule.value.tag] = None
        return tuple(names)


@dataclass(frozen=True)
class Compare(Rule):
    """`tag` `op` `value`, where the value may be another tag."""

    tag: str
    op: Operator
    value: Scalar | TagName

    def __post_init__(self) -> None:
        _check_tag(self.tag)
        check_choice("op", self.op, get_args(Operator))
        if not isinstance(self.value, TagName):
            check_scalar(self.value)


@dataclass(frozen=True)
class In(Rule):
    """`tag` is one of `values`."""

    tag: str
    values: tuple[Scalar, ...]

    def __post_init__(self) -> None:
        _check_tag(self.tag)
        if not self.values:
            raise InvalidInput("in must list at least one value, got ()")
        for value in self.values:
            check_scalar(value)


@dataclass(frozen=True)
class Between(Rule):
    """`tag` lies between `low` and `high`, both included."""

    tag: str
    low: Scalar
    high: Scalar

    def __post_init__(self) -> None:
        _check_tag(self.tag)
        check_scalar(self.low)
        check_scalar(self.high)


@dataclass(frozen=True)
class IsNull(Rule):
    """`tag` has no value."""

    tag: str

    def __post_init__(self) -> None:
        _check_tag(self.tag)


@dataclass(frozen=True)
class Not(Rule):
    """The rule inside is false (which it is not where its tags are null)."""

    rule: Rule

    def __post_init__(self) -> None:
        _check_depth(self)

    def _parts(self) -> tuple[Rule, ...]:
        return (self.rule,)


@dataclass(frozen=True)
class And(Rule):
    """All of `rules` hold."""

    rules: tuple[Rule, ...]

    def __post_init__(self) -> None:
        _check_several(self.rules, "and")
        _check_depth(self)

    def _parts(self) -> tuple[Rule, ...]:
        return self.rules


@dataclass(frozen=True)
class Or(Rule):
    """At least one of `rules` holds."""

    rules: tuple[Rule, ...]

    def __post_init__(self) -> None:
        _check_several(self.rules, "or")
        _check_depth(self)

    def _parts(self) -> tuple[Rule, ...]:
        return self.rules


def check_scalar(value: object) -> Scalar:
    """Return `value` if a rule may hold it: a finite number, text, true, false or a date."""
    if isinstance(value, dt.datetime) or not isinstance(value, (bool, int, float, str, dt.date)):
        raise InvalidInput(f"a value must be a number, text, true, false or a date, got {value!r}")
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidInput(f"a number must be finite, got {value!r}")
    if isinstance(value, int) and abs(value) > _MAX_INTEGER:
        raise InvalidInput("a whole number must fit into 64 bits; write it with an exponent")
    if isinstance(value, str):
        _check_text(value)
    return value


def _check_text(text: str) -> None:
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise InvalidInput(f"text must be valid Unicode without NUL, got {text!r}")


def _check_tag(name: object) -> None:
    if not isinstance(name, str) or not name:
        raise InvalidInput(f"tag must be a name, got {name!r}")
    _check_text(name)


def _check_several(rules: tuple[Rule, ...], word: str) -> None:
    if len(rules) < 2:
        raise InvalidInput(f"{word} must join at least two rules, got {len(rules)}")


def _check_depth(rule: Rule) -> None:
    """Refuse rules too deep for engines (and for Python), where they are made."""
    level, depth = list(rule._parts()), 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise InvalidInput(f"a rule must not nest deeper than {MAX_DEPTH}; list values with in")
        level = [part for outer in level for part in outer._parts()]


class _Text:
    """How rule text spells names, values and words."""

    word = staticmethod(str.lower)

    @staticmethod
    def operator(op: str) -> str:
        return op

    @staticmethod
    def name(name: str) -> str:
        if _PLAIN_NAME.fullmatch(name) and name.lower() not in KEYWORDS:
            return name
        return "`" + name.replace("`", "``") + "`"


class _Sql:
    """How SQL spells them."""

    word = staticmethod(str.upper)

    @staticmethod
    def operator(op: str) -> str:
        return _SQL_OPERATORS.get(op, op)

    @staticmethod
    def name(name: str) -> str:
        return '"' + name.replace('"', '""') + '"'


def _write(rule: Rule, spell: _Text | _Sql) -> str:
    """The rule in text; brackets only where they are needed."""
    match rule:
        case Not(rule=In() | Between() | IsNull() as inner):
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


def _bracket(rule: Rule, spell: _Text | _Sql, kinds: tuple[type[Rule], ...]) -> str:
    text = _write(rule, spell)
    return f"({text})" if isinstance(rule, kinds) else text


def _write_leaf(rule: Rule, spell: _Text | _Sql, *, negated: bool) -> str:
    word, no = spell.word, spell.word("not ") if negated else ""
    match rule:
        case Compare(tag=tag, op=op, value=value):
            right = spell.name(value.tag) if isinstance(value, TagName) else _value(value, spell)
            return f"{spell.name(tag)} {spell.operator(op)} {right}"
        case In(tag=tag, values=values):
            listed = ", ".join(_value(value, spell) for value in values)
            return f"{spell.name(tag)} {no}{word('in')} ({listed})"
        case Between(tag=tag, low=low, high=high):
            ends = f"{_value(low, spell)} {word('and')} {_value(high, spell)}"
            return f"{spell.name(tag)} {no}{word('between')} {ends}"
        case _:
            return f"{spell.name(cast(IsNull, rule).tag)} {word('is')} {no}{word('null')}"


def _value(value: Scalar, spell: _Text | _Sql) -> str:
    if isinstance(value, bool):
        return spell.word(str(value))
    if isinstance(value, dt.date):
        return f"{spell.word('date')} '{value.isoformat()}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value)
