"""How large an experiment must be, and how long it must run."""

from .baseline import Baseline
from .design import Design
from .duration import RunTime, run_time
from .experiment_plan import ExperimentPlan, plan_experiment
from .history import past_behaviour, weekly_arrivals
from .replays import Replay, replay
from .strength import minimum_detectable_effect, power, sample_size

__all__ = [
    "Baseline",
    "Design",
    "ExperimentPlan",
    "Replay",
    "RunTime",
    "minimum_detectable_effect",
    "past_behaviour",
    "plan_experiment",
    "power",
    "replay",
    "run_time",
    "sample_size",
    "weekly_arrivals",
]
