"""Campaigns whose arms were not drawn at random: weaker evidence, said so."""

from .analysis import analyze_observational
from .balance import CovariateBalance, PropensityOverlap
from .panel import branch_panel
from .result import ObservationalResult
from .sensitivity import Sensitivity
from .synthetic import SyntheticControl, synthetic_control
from .timing import DifferenceInDifferences, difference_in_differences

__all__ = [
    "CovariateBalance",
    "DifferenceInDifferences",
    "ObservationalResult",
    "PropensityOverlap",
    "Sensitivity",
    "SyntheticControl",
    "analyze_observational",
    "branch_panel",
    "difference_in_differences",
    "synthetic_control",
]
