"""Every declared customer tag. To add one, add a `Tag` to the tuple of its subject."""

from __future__ import annotations

from ._activity import MONEY_TAGS, SALARY_TAGS
from ._balances import BALANCE_TAGS, HOLDING_TAGS
from ._dates import DATE_TAGS
from ._life import LIFE_TAGS, STAGE_TAGS
from ._people import CONSENT_TAGS, PROFILE_TAGS
from ._purchases import PURCHASE_TAGS
from ._responses import BENEFIT_TAGS, CAMPAIGN_TAGS
from ._visits import VISIT_TAGS

CUSTOMER_TAGS = (
    *PROFILE_TAGS,
    *CONSENT_TAGS,
    *BALANCE_TAGS,
    *HOLDING_TAGS,
    *MONEY_TAGS,
    *PURCHASE_TAGS,
    *VISIT_TAGS,
    *SALARY_TAGS,
    *LIFE_TAGS,
    *CAMPAIGN_TAGS,
    *BENEFIT_TAGS,
    *STAGE_TAGS,
    *DATE_TAGS,
)
"""In the order in which tables and catalogue show them."""
