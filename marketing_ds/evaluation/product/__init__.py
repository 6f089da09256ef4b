"""The product analysis: sales, cross-holding, cannibalisation, new against moved money."""

from .analysis import ProductAnalysis, analyze_products
from .books import OTHERS

__all__ = ["OTHERS", "ProductAnalysis", "analyze_products"]
