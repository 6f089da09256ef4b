"""Before the verdict: whether the experiment may be believed."""

from .campaign_checks import check_campaign
from .check import Check, Checks
from .experiment_checks import check_experiment

__all__ = ["Check", "Checks", "check_campaign", "check_experiment"]
