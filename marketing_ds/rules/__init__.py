"""The language of rules over tags: text, JSON, Ibis and SQL of one condition, and nothing that evaluates."""

from ._binding import bind
from ._removals import Removals, removals
from ._rules import And, Between, Compare, In, IsNull, Match, Not, Or, Rule, Top
from ._tokens import fail
from ._values import AsOf, TagName

__all__ = [
    "And",
    "AsOf",
    "Between",
    "Compare",
    "In",
    "IsNull",
    "Match",
    "Not",
    "Or",
    "Removals",
    "Rule",
    "TagName",
    "Top",
    "bind",
    "fail",
    "removals",
]
