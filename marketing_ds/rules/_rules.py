"""Rules over tags: the tree that text, JSON, Ibis and SQL are written from.

Comparisons follow SQL where a tag is null: neither the comparison nor its `not` selects the
customer, only `is null` does.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal, get_args

from marketing_ds._core.checks import check_choice, check_count, check_date, check_number
from marketing_ds._core.errors import InvalidInput

from ._values import (
    AsOf,
    Operand,
    Scalar,
    TagName,
    check_tag,
    check_text,
    check_value,
    like_pieces,
)

Operator = Literal["==", "!=", "<", "<=", ">", ">="]
Matching = Literal["contains", "starts with", "ends with", "like"]
End = Literal["top", "bottom"]

MAX_DEPTH = 50
"""How deep rules may nest."""
_MAX_DECIMALS = 6


@dataclass(frozen=True)
class Rule:
    """A condition on tags; `str(rule)` is its text, `to_dict()` its JSON form.

    `Rule.parse(str(rule))` and `Rule.from_dict(rule.to_dict())` give back an equal rule.
    """

    position: int | None = field(default=None, compare=False, repr=False, kw_only=True)
    """Where its tag stands in the text it was read from; where `and`, `or`, `not` begin."""
    places: tuple[int, ...] = field(default=(), compare=False, repr=False, kw_only=True)
    """Where its values stand in that text."""

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

    def to_sql(self, *, as_of: str | dt.date | None = None) -> str:
        """The rule as an SQL condition over a tag table.

        It belongs into a WHERE clause; with `top` or `bottom` it holds a window function and
        belongs into a QUALIFY clause (DuckDB, Snowflake, Databricks, Teradata and others have it).

        Parameters
        ----------
        as_of : date or str, optional
            The day of the tags, for days relative to it; without it they are reckoned from the
            table's column `as_of`.

        Examples
        --------
        >>> rule = Rule.parse("opened_on >= as_of - 30 days")
        >>> print(rule.to_sql(as_of="2026-06-30"))
        "opened_on" >= DATE '2026-05-31'
        >>> print(rule.to_sql())
        "opened_on" >= CAST("as_of" - INTERVAL '30' DAY AS DATE)
        >>> import duckdb
        >>> tags = "(VALUES ('c1', 5), ('c2', 9), ('c3', 9), ('c4', NULL)) AS tags(customer_id, aum)"
        >>> condition = Rule.parse("top 1 by aum").to_sql()
        >>> with duckdb.connect() as con:
        ...     con.execute(f"SELECT customer_id FROM {tags} QUALIFY {condition}").fetchall()
        [('c2',)]
        """
        from ._writing import as_sql

        return as_sql(self, None if as_of is None else check_date("as_of", as_of))

    def __str__(self) -> str:
        from ._writing import as_text

        return as_text(self)

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
            if isinstance(rule, (Compare, In, Between, IsNull, Match, Top)):
                names[rule.tag] = None
            if isinstance(rule, Compare) and isinstance(rule.value, TagName):
                names[rule.value.tag] = None
        return tuple(names)

    @property
    def is_relative(self) -> bool:
        """Whether it speaks of days relative to `as_of`."""
        return any(isinstance(value, AsOf) for rule in self.walk() for value in _values(rule))


@dataclass(frozen=True)
class Compare(Rule):
    """`tag` `op` `value`, where the value may be another tag."""

    tag: str
    op: Operator
    value: Operand

    def __post_init__(self) -> None:
        check_tag(self.tag)
        check_choice("op", self.op, get_args(Operator))
        if not isinstance(self.value, TagName):
            check_value(self.value)


@dataclass(frozen=True)
class In(Rule):
    """`tag` is one of `values`."""

    tag: str
    values: tuple[Scalar | AsOf, ...]

    def __post_init__(self) -> None:
        check_tag(self.tag)
        if not self.values:
            raise InvalidInput("in must list at least one value, got ()")
        for value in self.values:
            check_value(value)


@dataclass(frozen=True)
class Between(Rule):
    """`tag` lies between `low` and `high`, both included."""

    tag: str
    low: Scalar | AsOf
    high: Scalar | AsOf

    def __post_init__(self) -> None:
        check_tag(self.tag)
        check_value(self.low)
        check_value(self.high)


@dataclass(frozen=True)
class IsNull(Rule):
    """`tag` has no value."""

    tag: str

    def __post_init__(self) -> None:
        check_tag(self.tag)


@dataclass(frozen=True)
class Match(Rule):
    """The text of `tag` contains, starts with or ends with `text`, or is like it.

    Upper and lower case differ. Only `like` knows wildcards: ``%`` for any letters, ``_`` for one
    letter; a backslash takes their meaning away, and its own.
    """

    tag: str
    how: Matching
    text: str

    def __post_init__(self) -> None:
        check_tag(self.tag)
        check_choice("op", self.how, get_args(Matching))
        if not isinstance(self.text, str):
            raise InvalidInput(f"{self.how} must be followed by text, got {self.text!r}")
        check_text(self.text)
        if self.how == "like":
            like_pieces(self.text)
        elif not self.text:
            raise InvalidInput(f"{self.how} must be followed by at least one letter, got ''")


@dataclass(frozen=True)
class Top(Rule):
    """`tag` is among the `number` greatest (`end` "top") or smallest ("bottom") of the table.

    Of customers with the same value those with the smaller `customer_id` come first. Customers
    without a value are not ranked: like a comparison, it selects them neither with nor without
    `not`. With `percent` the number is a percentage of the ranked customers, rounded up to whole
    customers.
    """

    tag: str
    number: int | float
    end: End = "top"
    percent: bool = False

    def __post_init__(self) -> None:
        check_tag(self.tag)
        check_choice("op", self.end, get_args(End))
        number: int | float
        if self.percent:
            number = check_number("a percentage", self.number, low=0, high=100)
            if number == 0 or round(number, _MAX_DECIMALS) != number:
                raise InvalidInput(
                    f"a percentage must be greater than 0 and have at most {_MAX_DECIMALS} "
                    f"decimals, got {self.number!r}"
                )
            number = int(number) if number.is_integer() else number
        else:
            number = check_count(f"{self.end} n", self.number, low=1, high=2**53)
        object.__setattr__(self, "number", number)

    @property
    def limit(self) -> tuple[int, int]:
        """`a`, `b`: selected where (customers ahead) × a < b (× ranked customers, if a share).

        Whole numbers, so that all engines agree on the last customer.
        """
        share = Fraction(str(self.number)) / (100 if self.percent else 1)
        return share.denominator, share.numerator


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


def _values(rule: Rule) -> tuple[object, ...]:
    match rule:
        case Compare(value=value):
            return (value,)
        case In(values=values):
            return values
        case Between(low=low, high=high):
            return (low, high)
    return ()
