"""The customer analysis: who they are, tiers, groups, lifecycle, before and after."""

from .analysis import analyze_customers
from .result import CustomerAnalysis

__all__ = ["CustomerAnalysis", "analyze_customers"]
