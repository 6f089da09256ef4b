"""What a campaign really changed: effects with their intervals, from sums per arm.

`evaluate_campaign` judges a campaign of the mart as a whole: checks, effects, money, the four
analyses, a report. Its parts stand alone too. `analyze_experiment` compares every arm of a
randomised campaign with control; metrics declare the columns they need and one aggregate query
serves them all. `analyze_observational`, `difference_in_differences` and `synthetic_control` are for
campaigns that nobody drew, and say that they are weaker evidence. Evaluation knows assignments and
outcomes, never the models or plans that led to them.
"""

from .analysis_table import campaign_data
from .campaign import CampaignAnalysis, analyze_campaign
from .campaign_evaluation import CampaignEvaluation
from .channel import ChannelAnalysis, analyze_channels
from .checks import Check, Checks, check_campaign, check_experiment
from .customer import CustomerAnalysis, analyze_customers
from .evaluate import evaluate_campaign
from .experiment import analyze_experiment
from .feedback import effect_tags
from .inference import Inference, NormalPrior, Sequential
from .ledger import CampaignLedger, campaign_ledger
from .looks import SequentialPath, sequential_path
from .measures import Measure, active_days, count, did, retained, total
from .metrics import FunnelStep, Mean, Proportion, Quantile, Ratio
from .money import Roi, campaign_roi, effects_of_plan, roi_of_campaign
from .observed import (
    DifferenceInDifferences,
    ObservationalResult,
    SyntheticControl,
    analyze_observational,
    branch_panel,
    difference_in_differences,
    synthetic_control,
)
from .overlapping import (
    InteractionMatrix,
    Interactions,
    UniversalEffect,
    campaign_interactions,
    interaction_matrix,
    universal_effect,
)
from .planning import (
    Baseline,
    Design,
    ExperimentPlan,
    Replay,
    RunTime,
    minimum_detectable_effect,
    past_behaviour,
    plan_experiment,
    power,
    replay,
    run_time,
    sample_size,
    weekly_arrivals,
)
from .product import ProductAnalysis, analyze_products
from .result import ExperimentResult
from .srm import SrmCheck, check_sample_ratio

__all__ = [
    "Baseline",
    "CampaignAnalysis",
    "CampaignEvaluation",
    "CampaignLedger",
    "ChannelAnalysis",
    "Check",
    "Checks",
    "CustomerAnalysis",
    "Design",
    "DifferenceInDifferences",
    "ExperimentPlan",
    "ExperimentResult",
    "FunnelStep",
    "Inference",
    "InteractionMatrix",
    "Interactions",
    "Mean",
    "Measure",
    "NormalPrior",
    "ObservationalResult",
    "ProductAnalysis",
    "Proportion",
    "Quantile",
    "Ratio",
    "Replay",
    "Roi",
    "RunTime",
    "Sequential",
    "SequentialPath",
    "SrmCheck",
    "SyntheticControl",
    "UniversalEffect",
    "active_days",
    "analyze_campaign",
    "analyze_channels",
    "analyze_customers",
    "analyze_experiment",
    "analyze_observational",
    "analyze_products",
    "branch_panel",
    "campaign_data",
    "campaign_interactions",
    "campaign_ledger",
    "campaign_roi",
    "check_campaign",
    "check_experiment",
    "check_sample_ratio",
    "count",
    "did",
    "difference_in_differences",
    "effect_tags",
    "effects_of_plan",
    "evaluate_campaign",
    "interaction_matrix",
    "minimum_detectable_effect",
    "past_behaviour",
    "plan_experiment",
    "power",
    "replay",
    "retained",
    "roi_of_campaign",
    "run_time",
    "sample_size",
    "sequential_path",
    "synthetic_control",
    "total",
    "universal_effect",
    "weekly_arrivals",
]
