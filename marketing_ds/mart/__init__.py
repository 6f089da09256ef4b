"""Open, check and publish tables: the only place that knows paths."""

from __future__ import annotations

from .checking import MartCheck
from .counting import BrokenRule
from .mart import Mart
from .opening import open_mart
from .workspace import Publication, verify

__all__ = ["BrokenRule", "Mart", "MartCheck", "Publication", "open_mart", "verify"]
