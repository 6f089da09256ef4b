"""Audiences: sets of customers chosen by rules over tags, and the algebra of such sets."""

from marketing_ds.rules import Rule

from ._audience import Audience, audience

__all__ = ["Audience", "Rule", "audience"]
