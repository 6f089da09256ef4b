"""What a campaign really changed: effects with their intervals, from sums per arm.

`analyze_experiment` compares every arm of a randomised campaign with control; metrics declare the
columns they need and one aggregate query serves them all. Evaluation knows assignments and
outcomes, never the models or plans that led to them.
"""

from .experiment import ExperimentResult, analyze_experiment
from .metrics import Mean, Ratio
from .srm import SrmCheck, check_sample_ratio

__all__ = [
    "ExperimentResult",
    "Mean",
    "Ratio",
    "SrmCheck",
    "analyze_experiment",
    "check_sample_ratio",
]
