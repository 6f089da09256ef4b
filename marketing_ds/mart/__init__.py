"""Open, check and publish tables: the only place that knows paths."""

from __future__ import annotations

from .checking import MartCheck
from .control import UniversalControl
from .counting import BrokenRule
from .drawing import universal_control
from .engines import record_batches
from .guards import ContactCap, reachable
from .mart import Mart
from .opening import open_mart
from .workspace import Publication, verify

__all__ = [
    "BrokenRule",
    "ContactCap",
    "Mart",
    "MartCheck",
    "Publication",
    "UniversalControl",
    "open_mart",
    "reachable",
    "record_batches",
    "universal_control",
    "verify",
]
