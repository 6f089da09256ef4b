"""The language of rules over tags: text, JSON, Ibis and SQL of one condition, and nothing that evaluates."""

from ._binding import bind
from ._rules import And, Between, Compare, In, IsNull, Not, Or, Rule, TagName

__all__ = ["And", "Between", "Compare", "In", "IsNull", "Not", "Or", "Rule", "TagName", "bind"]
