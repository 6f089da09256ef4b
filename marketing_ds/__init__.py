"""marketing_ds: the marketing loop of a bank as one package.

The data's path, in the order of the modules, of the notebooks and of the README's picture::

    open_mart      the bank's tables under one contract            schema, mart
      → tag_table     named facts per customer, as of a date       tags, outcomes
      → audience      whom to reach, by rule                       audiences
      → profile       how they differ from the rest                profiling, groups
      → Lookalike     more customers like them                     lookalike
      → training_set  what was known, and what came after          labels, training
      → PropensityModel   who will act                             propensity
      → UpliftModel   who acts because of us                       uplift
      → allocate      who gets which offer within the limits       strategy
      → export_bundle  the hand-over to decision services          export
      → evaluate_campaign   what it really changed                 evaluation

Models return one **scores** table, plans are made from scores alone, and a campaign is judged
without the code that planned it. Results give ``.to_frame()``, show themselves in a notebook and
draw themselves with ``.plot()``. Heavy parts load when they are used.

Examples
--------
>>> import marketing_ds as mds
>>> mds.UpliftModel(learner="dr").learner
'dr'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from . import datasets as datasets
    from . import evaluation as evaluation
    from . import labels as labels
    from . import outcomes as outcomes
    from . import plots as plots
    from . import profiling as profiling
    from . import propensity as propensity
    from . import schema as schema
    from . import tags as tags
    from . import tracking as tracking
    from . import training as training
    from . import uplift as uplift
    from ._core.hashing import hash_share as hash_share
    from .audiences import Audience as Audience
    from .audiences import audience as audience
    from .evaluation import CampaignEvaluation as CampaignEvaluation
    from .evaluation import ExperimentResult as ExperimentResult
    from .evaluation import FunnelStep as FunnelStep
    from .evaluation import Mean as Mean
    from .evaluation import NormalPrior as NormalPrior
    from .evaluation import ObservationalResult as ObservationalResult
    from .evaluation import Proportion as Proportion
    from .evaluation import Quantile as Quantile
    from .evaluation import Ratio as Ratio
    from .evaluation import Sequential as Sequential
    from .evaluation import analyze_campaign as analyze_campaign
    from .evaluation import analyze_channels as analyze_channels
    from .evaluation import analyze_customers as analyze_customers
    from .evaluation import analyze_experiment as analyze_experiment
    from .evaluation import analyze_observational as analyze_observational
    from .evaluation import analyze_products as analyze_products
    from .evaluation import branch_panel as branch_panel
    from .evaluation import campaign_data as campaign_data
    from .evaluation import campaign_interactions as campaign_interactions
    from .evaluation import campaign_ledger as campaign_ledger
    from .evaluation import campaign_roi as campaign_roi
    from .evaluation import check_campaign as check_campaign
    from .evaluation import difference_in_differences as difference_in_differences
    from .evaluation import effect_tags as effect_tags
    from .evaluation import evaluate_campaign as evaluate_campaign
    from .evaluation import interaction_matrix as interaction_matrix
    from .evaluation import plan_experiment as plan_experiment
    from .evaluation import replay as replay
    from .evaluation import roi_of_campaign as roi_of_campaign
    from .evaluation import sequential_path as sequential_path
    from .evaluation import synthetic_control as synthetic_control
    from .evaluation import universal_effect as universal_effect
    from .export import Bundle as Bundle
    from .export import bundle_path as bundle_path
    from .export import export_bundle as export_bundle
    from .export import load_bundle as load_bundle
    from .export import newest_bundle as newest_bundle
    from .export import verify_bundle as verify_bundle
    from .groups import natural_groups as natural_groups
    from .labels import product_labels as product_labels
    from .labels import products_held as products_held
    from .lookalike import Lookalike as Lookalike
    from .mart import ContactCap as ContactCap
    from .mart import Mart as Mart
    from .mart import open_mart as open_mart
    from .mart import universal_control as universal_control
    from .outcomes import campaign_outcomes as campaign_outcomes
    from .profiling import BetaGeo as BetaGeo
    from .profiling import GammaGamma as GammaGamma
    from .profiling import behaviour as behaviour
    from .profiling import lifetime_value as lifetime_value
    from .profiling import migration as migration
    from .profiling import profile as profile
    from .profiling import purchase_summary as purchase_summary
    from .profiling import trend as trend
    from .propensity import NextBest as NextBest
    from .propensity import PropensityModel as PropensityModel
    from .runs import conclude as conclude
    from .runs import run_notebook as run_notebook
    from .strategy import Limits as Limits
    from .strategy import Plan as Plan
    from .strategy import allocate as allocate
    from .strategy import assumed_uplift as assumed_uplift
    from .strategy import eligible as eligible
    from .strategy import eligible_scores as eligible_scores
    from .strategy import expected_costs as expected_costs
    from .strategy import policy_value as policy_value
    from .tags import tag_table as tag_table
    from .training import training_set as training_set
    from .uplift import UpliftModel as UpliftModel
    from .uplift import best_linear_projection as best_linear_projection
    from .uplift import budget_curve as budget_curve
    from .uplift import check_assignment as check_assignment
    from .uplift import check_overlap as check_overlap
    from .uplift import classic_groups as classic_groups
    from .uplift import compare_curves as compare_curves
    from .uplift import group_effects as group_effects
    from .uplift import net_value_curve as net_value_curve
    from .uplift import policy_tree as policy_tree
    from .uplift import uplift_calibration as uplift_calibration
    from .uplift import uplift_curve as uplift_curve
    from .uplift import uplift_metric as uplift_metric

_HOME = {
    "CampaignEvaluation": "evaluation",
    "ExperimentResult": "evaluation",
    "FunnelStep": "evaluation",
    "Mean": "evaluation",
    "NormalPrior": "evaluation",
    "ObservationalResult": "evaluation",
    "Proportion": "evaluation",
    "Quantile": "evaluation",
    "Ratio": "evaluation",
    "Sequential": "evaluation",
    "analyze_campaign": "evaluation",
    "analyze_channels": "evaluation",
    "analyze_customers": "evaluation",
    "analyze_experiment": "evaluation",
    "analyze_observational": "evaluation",
    "analyze_products": "evaluation",
    "branch_panel": "evaluation",
    "campaign_data": "evaluation",
    "campaign_interactions": "evaluation",
    "campaign_ledger": "evaluation",
    "campaign_roi": "evaluation",
    "check_campaign": "evaluation",
    "difference_in_differences": "evaluation",
    "effect_tags": "evaluation",
    "evaluate_campaign": "evaluation",
    "interaction_matrix": "evaluation",
    "plan_experiment": "evaluation",
    "replay": "evaluation",
    "roi_of_campaign": "evaluation",
    "sequential_path": "evaluation",
    "synthetic_control": "evaluation",
    "universal_effect": "evaluation",
    "natural_groups": "groups",
    "ContactCap": "mart",
    "universal_control": "mart",
    "BetaGeo": "profiling",
    "GammaGamma": "profiling",
    "behaviour": "profiling",
    "lifetime_value": "profiling",
    "migration": "profiling",
    "purchase_summary": "profiling",
    "trend": "profiling",
    "Audience": "audiences",
    "Bundle": "export",
    "Limits": "strategy",
    "Lookalike": "lookalike",
    "Mart": "mart",
    "Plan": "strategy",
    "NextBest": "propensity",
    "PropensityModel": "propensity",
    "UpliftModel": "uplift",
    "allocate": "strategy",
    "assumed_uplift": "strategy",
    "audience": "audiences",
    "campaign_outcomes": "outcomes",
    "compare_curves": "uplift",
    "conclude": "runs",
    "eligible": "strategy",
    "export_bundle": "export",
    "load_bundle": "export",
    "open_mart": "mart",
    "policy_value": "strategy",
    "profile": "profiling",
    "run_notebook": "runs",
    "tag_table": "tags",
    "bundle_path": "export",
    "newest_bundle": "export",
    "expected_costs": "strategy",
    "eligible_scores": "strategy",
    "product_labels": "labels",
    "products_held": "labels",
    "training_set": "training",
    "hash_share": "_core.hashing",
    "uplift_curve": "uplift",
    "best_linear_projection": "uplift",
    "budget_curve": "uplift",
    "check_assignment": "uplift",
    "check_overlap": "uplift",
    "classic_groups": "uplift",
    "group_effects": "uplift",
    "net_value_curve": "uplift",
    "policy_tree": "uplift",
    "uplift_calibration": "uplift",
    "uplift_metric": "uplift",
    "verify_bundle": "export",
}
_MODULES = (
    "datasets",
    "evaluation",
    "labels",
    "outcomes",
    "plots",
    "profiling",
    "propensity",
    "schema",
    "tags",
    "tracking",
    "training",
    "uplift",
)

__all__ = [*_HOME, *_MODULES]


def __getattr__(name: str) -> object:
    """Load a public name from its home when it is first asked for (PEP 562)."""
    if name in _HOME:
        value = getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    elif name in _MODULES:
        value = importlib.import_module(f".{name}", __name__)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
