"""Pictures of result objects; the only user of matplotlib."""

from ._draw import draw

__all__ = ["draw"]
