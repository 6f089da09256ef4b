"""Campaigns that run at once: what they do to each other, and what all of them together change."""

from .interactions import Interactions, campaign_interactions
from .matrix import InteractionMatrix, interaction_matrix
from .universal import UniversalEffect, universal_effect

__all__ = [
    "InteractionMatrix",
    "Interactions",
    "UniversalEffect",
    "campaign_interactions",
    "interaction_matrix",
    "universal_effect",
]
