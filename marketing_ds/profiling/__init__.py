"""Profiles: how an audience differs from its base, tag by tag, and how it changes; what its customers will be worth."""

from ._alarms import Alarm
from ._behaviour import Behaviour, behaviour
from ._clv_fit import NotConverged
from ._clv_goodness import FrequencyFit, PurchaseTracking, frequency_fit, track_purchases
from ._clv_purchases import BetaGeo
from ._clv_spend import GammaGamma
from ._clv_summary import PurchaseSummary, purchase_summary
from ._clv_value import LifetimeValue, lifetime_value
from ._columns import told_in
from ._crossed import Crossed
from ._distribution import Distribution, distribution
from ._interval import tgi_interval
from ._migration import Migration, migration
from ._mix import Mix
from ._profile import Profile, profile
from ._trend import Trend, trend

__all__ = [
    "Alarm",
    "Behaviour",
    "BetaGeo",
    "Crossed",
    "Distribution",
    "FrequencyFit",
    "GammaGamma",
    "LifetimeValue",
    "Migration",
    "Mix",
    "NotConverged",
    "Profile",
    "PurchaseSummary",
    "PurchaseTracking",
    "Trend",
    "behaviour",
    "distribution",
    "frequency_fit",
    "lifetime_value",
    "migration",
    "profile",
    "purchase_summary",
    "tgi_interval",
    "told_in",
    "track_purchases",
    "trend",
]
