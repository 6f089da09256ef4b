"""Audiences: sets of customers chosen by rules over tags, and the algebra of such sets."""

from marketing_ds.rules import Rule

from ._audience import Audience
from ._choosing import audience, check_tag_table
from ._estimate import SizeEstimate
from ._overlap import Overlap
from ._split import Split

__all__ = ["Audience", "Overlap", "Rule", "SizeEstimate", "Split", "audience", "check_tag_table"]
