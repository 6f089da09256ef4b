"""Return on investment and incremental profit, with their intervals."""

from .calibration import Calibration
from .from_mart import roi_of_campaign
from .plan_effects import effects_of_plan
from .ratios import RatioSet
from .result import ALL_ARMS, Return, Roi
from .roi import campaign_roi

__all__ = [
    "ALL_ARMS",
    "Calibration",
    "RatioSet",
    "Return",
    "Roi",
    "campaign_roi",
    "effects_of_plan",
    "roi_of_campaign",
]
