"""The product analysis: sales, cross-holding, cannibalisation, new against moved money."""

from .analysis import MOST_PRODUCTS, ProductAnalysis, analyze_products

__all__ = ["MOST_PRODUCTS", "ProductAnalysis", "analyze_products"]
