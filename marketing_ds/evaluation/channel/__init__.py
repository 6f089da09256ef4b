"""The channel analysis: who uses which channel, who comes back, what it is worth, what it added."""

from .activity import ChannelActivity
from .analysis import ChannelAnalysis, analyze_channels
from .holdout import ArmRetention, HoldoutAttribution
from .multi_touch import TouchAttribution
from .retention import ChannelRetention
from .use import ChannelUse
from .worth import ChannelWorth, ProductsHeld

__all__ = [
    "ArmRetention",
    "ChannelActivity",
    "ChannelAnalysis",
    "ChannelRetention",
    "ChannelUse",
    "ChannelWorth",
    "HoldoutAttribution",
    "ProductsHeld",
    "TouchAttribution",
    "analyze_channels",
]
