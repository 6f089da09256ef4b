"""Uplift: who acts because of us.

Check the assignment (`check_assignment`, `check_overlap`), learn effects (`UpliftModel`), judge the
ranking (`uplift_curve`, `compare_curves`, `net_value_curve`, `budget_curve`; `uplift_metric` has other
libraries' definitions) and the effects themselves (`uplift_calibration`), say for whom they are what (`group_effects`,
`best_linear_projection`, `policy_tree`, `classic_groups`), decide (`UpliftModel.best_arm`).
"""

from marketing_ds._core.estimate import Estimate

from .assignment import AssignmentCheck, check_assignment
from .auto import Heterogeneity, Selection
from .balance import Balance
from .budget import BudgetComparison, BudgetCurve, budget_curve, compare_budgets
from .by_group import UpliftGroups
from .calibration import EffectCalibration
from .comparison import CurveComparison, compare_curves
from .crossfit import CrossFit
from .curves import UpliftCurve, uplift_curve
from .decisions import Decision
from .definitions import MetricDefinitions, metric_definitions
from .distillation import Distilled, distil_effects
from .effects_by_group import GroupEffects, group_effects
from .explain import EffectExplanation
from .four_groups import ClassicGroups, classic_groups
from .metric import UpliftMetric, uplift_metric
from .model import UpliftModel
from .net_value import BestShare, NetValueCurve, net_value_curve
from .overlap import Overlap, check_overlap
from .policy import PolicyTree, Segment, policy_tree
from .projection import LinearProjection, best_linear_projection
from .reliability import UpliftCalibration, uplift_calibration
from .scoring import (
    UpliftScorer,
    autoc_scorer,
    auuc_scorer,
    qini_scorer,
    uplift_at_20_scorer,
)
from .toc import TocCurve
from .values import pseudo_outcomes

__all__ = [
    "AssignmentCheck",
    "Balance",
    "BestShare",
    "BudgetComparison",
    "BudgetCurve",
    "ClassicGroups",
    "CrossFit",
    "CurveComparison",
    "Decision",
    "Distilled",
    "EffectCalibration",
    "EffectExplanation",
    "Estimate",
    "GroupEffects",
    "Heterogeneity",
    "LinearProjection",
    "MetricDefinitions",
    "NetValueCurve",
    "Overlap",
    "PolicyTree",
    "Segment",
    "Selection",
    "TocCurve",
    "UpliftCalibration",
    "UpliftCurve",
    "UpliftGroups",
    "UpliftMetric",
    "UpliftModel",
    "UpliftScorer",
    "autoc_scorer",
    "auuc_scorer",
    "best_linear_projection",
    "budget_curve",
    "check_assignment",
    "check_overlap",
    "classic_groups",
    "compare_budgets",
    "compare_curves",
    "distil_effects",
    "group_effects",
    "metric_definitions",
    "net_value_curve",
    "policy_tree",
    "pseudo_outcomes",
    "qini_scorer",
    "uplift_at_20_scorer",
    "uplift_calibration",
    "uplift_curve",
    "uplift_metric",
]
