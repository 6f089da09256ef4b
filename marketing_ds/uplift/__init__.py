"""Uplift: who acts because of us.

Check the assignment (`check_assignment`, `check_overlap`), learn effects (`UpliftModel`), judge the
ranking (`uplift_curve`, `compare_curves`, `net_value_curve`, `budget_curve`; `uplift_metric` has other
libraries' definitions) and the effects themselves (`uplift_calibration`), say for whom they are what (`group_effects`,
`best_linear_projection`, `policy_tree`, `classic_groups`), decide (`UpliftModel.best_arm`).
"""

from marketing_ds._core.estimate import Estimate

from .checks.assignment import AssignmentCheck, check_assignment
from .checks.balance import Balance
from .checks.overlap import Overlap, check_overlap
from .checks.reliability import UpliftCalibration, uplift_calibration
from .crossfit import CrossFit
from .curves.budget import BudgetComparison, BudgetCurve, budget_curve, compare_budgets
from .curves.by_group import UpliftGroups
from .curves.comparison import CurveComparison, compare_curves
from .curves.curve import UpliftCurve, uplift_curve
from .curves.net_value import BestShare, NetValueCurve, net_value_curve
from .curves.toc import TocCurve
from .curves.values import pseudo_outcomes
from .decisions import Decision
from .explaining.distillation import Distilled, distil_effects
from .explaining.effects_by_group import GroupEffects, group_effects
from .explaining.explain import EffectExplanation
from .explaining.four_groups import ClassicGroups, classic_groups
from .explaining.policy import policy_tree
from .explaining.projection import LinearProjection, best_linear_projection
from .explaining.segments import PolicyTree, Segment
from .learning.auto import Heterogeneity, Selection
from .learning.calibration import EffectCalibration
from .metrics.definitions import MetricDefinitions, metric_definitions
from .metrics.metric import UpliftMetric, uplift_metric
from .model import UpliftModel
from .scoring import (
    UpliftScorer,
    autoc_scorer,
    auuc_scorer,
    qini_scorer,
    uplift_at_20_scorer,
)

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
