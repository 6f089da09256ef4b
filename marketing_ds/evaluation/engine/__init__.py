"""From a table to estimates per arm: one aggregate query, no customer leaves the engine."""

from .cells import Cells, read_cells
from .estimates import Estimate, estimate
from .frames import Frame, as_table, columns_of
from .moments import Chances, FloatArray, Moments, arm_moments

__all__ = [
    "Cells",
    "Chances",
    "Estimate",
    "FloatArray",
    "Frame",
    "Moments",
    "arm_moments",
    "as_table",
    "columns_of",
    "estimate",
    "read_cells",
]
