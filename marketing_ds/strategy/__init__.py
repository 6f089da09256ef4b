"""Who gets which offer: from scores to a plan, and what a plan is worth.

The path of a decision: `eligible` (who may be contacted) → `allocate` (the most net value within
the limits, with a certificate) → `policy_value` (what following it would have brought in data that
were randomised). Where uplift was never measured, `assumed_uplift` makes propensity into what
`allocate` takes, by an assumption that it names. Strategy knows scores, never the models that made them.
"""

from .allocate import allocate
from .assumed import assumed_uplift
from .baselines import treat_all, treat_random
from .eligibility import eligible, eligible_scores
from .limits import Limits
from .plan import Certificate, Plan
from .policy_value import PolicyValue, policy_value
from .value import expected_costs

__all__ = [
    "Certificate",
    "Limits",
    "Plan",
    "PolicyValue",
    "allocate",
    "assumed_uplift",
    "eligible",
    "eligible_scores",
    "expected_costs",
    "policy_value",
    "treat_all",
    "treat_random",
]
