"""Uplift metrics by other libraries' definitions."""
