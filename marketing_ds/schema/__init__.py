"""The contract of every table: grain, columns, units, nulls, keys and order in time.

One declaration serves all: `Table.to_pandera()` gives the pandera schema of an Ibis table,
`Mart.check()` merges a table's rules into one scan, and the documentation prints the same words.
Timestamps are naive and in the bank's local time; money is in CNY; a share is between 0 and 1.
"""

from __future__ import annotations

from .contract import (
    BEHAVIOUR_CHANNELS,
    CATEGORIES,
    CONTACT_CHANNELS,
    CONTROL,
    Column,
    ColumnType,
    ForeignKey,
    Order,
    Table,
    consent_column,
)
from .inputs import (
    ASSIGNMENTS,
    BENEFIT_GRANTS,
    BENEFITS,
    CAMPAIGN_OUTCOMES,
    CAMPAIGNS,
    CONTACTS,
    CUSTOMER_ATTRIBUTES,
    CUSTOMERS,
    EVENTS,
    HOLDINGS,
    MART,
    OFFERS,
    PRODUCTS,
    TRANSACTIONS,
)
from .outputs import EFFECT_METHODS, EFFECTS, OUTPUTS, PLANS, SCORES, SEGMENTS
from .rules import Rule, row_rules

__all__ = [
    "ASSIGNMENTS",
    "BEHAVIOUR_CHANNELS",
    "BENEFITS",
    "BENEFIT_GRANTS",
    "CAMPAIGNS",
    "CAMPAIGN_OUTCOMES",
    "CATEGORIES",
    "CONTACTS",
    "CONTACT_CHANNELS",
    "CONTROL",
    "CUSTOMERS",
    "CUSTOMER_ATTRIBUTES",
    "EFFECTS",
    "EFFECT_METHODS",
    "EVENTS",
    "HOLDINGS",
    "MART",
    "OFFERS",
    "OUTPUTS",
    "PLANS",
    "PRODUCTS",
    "SCORES",
    "SEGMENTS",
    "TRANSACTIONS",
    "Column",
    "ColumnType",
    "ForeignKey",
    "Order",
    "Rule",
    "Table",
    "consent_column",
    "row_rules",
]
