"""Uplift: who acts because of us. Learners of effects, and the curves that judge them."""

from marketing_ds._core.estimate import Estimate

from .curves import CurveComparison, UpliftCurve, UpliftGroups, compare_curves, uplift_curve
from .explain import EffectExplanation
from .model import UpliftModel

__all__ = [
    "CurveComparison",
    "EffectExplanation",
    "Estimate",
    "UpliftCurve",
    "UpliftGroups",
    "UpliftModel",
    "compare_curves",
    "uplift_curve",
]
