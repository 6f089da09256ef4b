"""The campaign analysis: reach, funnel, benefits, goal, time course."""

from .analysis import CampaignAnalysis, analyze_campaign
from .benefits import Benefits
from .funnel import Funnel
from .goal import Goal
from .reach import Reach
from .sharing import Sharing
from .time_course import TimeCourse

__all__ = [
    "Benefits",
    "CampaignAnalysis",
    "Funnel",
    "Goal",
    "Reach",
    "Sharing",
    "TimeCourse",
    "analyze_campaign",
]
