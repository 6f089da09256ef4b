"""Training sets: tags as of cut-offs, labels strictly after them, and a check that nothing leaks."""

from ._build import training_set
from ._leaks import MAX_AUC, Leak, LeakFound, Leaks, find_leaks
from ._set import TrainingSet

__all__ = [
    "MAX_AUC",
    "Leak",
    "LeakFound",
    "Leaks",
    "TrainingSet",
    "find_leaks",
    "training_set",
]
