"""The algebra of audiences: what is in both, in either, in one but not the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import ibis.expr.types as ir

from marketing_ds._core.errors import InvalidInput
from marketing_ds.rules import And, Or

if TYPE_CHECKING:
    from ._audience import Audience

Word = Literal["and", "or", "minus"]

_CONDITIONS: Mapping[Word, Callable[[Audience, Audience], ir.BooleanValue]] = {
    "and": lambda a, b: a.condition & b.condition,
    "or": lambda a, b: a.condition | b.condition,
    "minus": lambda a, b: a.condition & ~b.chosen,
}
_RULES: Mapping[Word, type[And] | type[Or]] = {"and": And, "or": Or}
"""Where a rule says the same; that of `minus` would lose customers with nulls."""


def joined(first: Audience, second: object, word: Word) -> Audience:
    """The audience that `word` makes of two of the same tag table."""
    other = of_one_table(first, second)
    same_day = first.as_of == other.as_of
    rule = None
    if word in _RULES and same_day and first.rule and other.rule:
        rule = _RULES[word]((first.rule, other.rule))
    return replace(
        first,
        rule=rule,
        how={word: [first.how, other.how]},
        condition=_CONDITIONS[word](first, other),
        as_of=first.as_of if same_day else None,
    )


def of_one_table(first: Audience, other: object) -> Audience:
    """`other`, if it is an audience chosen from the table of `first`."""
    if not isinstance(other, type(first)):
        raise InvalidInput(
            f"an audience combines with an audience, got {type(other).__name__}; "
            f"make one with audience(tags, ...)"
        )
    if not first.base.equals(other.base):
        raise InvalidInput(
            "audiences must be chosen from the same tag table to be combined; choose the "
            "second one from the first one's: audience(first.base, ...)"
        )
    return other
