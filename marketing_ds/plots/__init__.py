"""Pictures of result objects; the only user of matplotlib."""

from ._draw import draw, save

__all__ = ["draw", "save"]
