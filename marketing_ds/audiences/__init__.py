"""Audiences: sets of customers chosen by rules over tags, and the algebra of such sets."""

from ._audience import Audience, audience
from ._rules import Rule

__all__ = ["Audience", "Rule", "audience"]
