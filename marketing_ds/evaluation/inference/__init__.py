"""From estimates to conclusions: intervals, p-values, decisions, corrections for many comparisons."""

from .corrections import adjust
from .differences import Difference, compare
from .relative import fieller
from .rows import EVERYBODY, infer
from .settings import Inference, NormalPrior, Sequential

__all__ = [
    "EVERYBODY",
    "Difference",
    "Inference",
    "NormalPrior",
    "Sequential",
    "adjust",
    "compare",
    "fieller",
    "infer",
]
