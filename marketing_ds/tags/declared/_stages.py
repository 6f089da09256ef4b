"""Where a customer stands: lifecycle, value tier, RFM. Every threshold is fixed and named here.

Fixed thresholds, not quantiles of the day's table, so that a stage means the same on every day and
a customer's stage never depends on who else is a customer.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from . import _formulas as f

TIERS = ("mass", "affluent", "vip", "private")
TIER_FLOORS_CNY = (50_000.0, 1_000_000.0, 6_000_000.0)
"""Assets from which the tiers above `mass` begin; the upper two are the Chinese regulator's lines
for high-net-worth and for private banking customers."""
NEW_DAYS = 180
DORMANT_DAYS = 90
LOST_DAYS = 180
LOST_AUM_CNY = 1_000.0
TREND = 0.2
"""Growing or declining: AUM moved by more than this share since 90 days ago."""

STEADY_SALARIES = 3
SALARY_GAP_DAYS = 45
"""A salary has stopped if there were so many in a year and none for more than so many days."""
LARGE_INFLOW_CNY = 50_000.0
"""What must come in within a week to be a large sum."""

RECENCY_EDGES_DAYS = (8, 31, 91, 181)
"""Days since the last transaction at which the recency score falls from 5 to 4, 3, 2, 1."""
FREQUENCY_EDGES = (4, 12, 24, 52)
"""Transactions in 365 days from which the frequency score is 2, 3, 4, 5."""
AMOUNT_EDGES_CNY = (1_000.0, 10_000.0, 50_000.0, 200_000.0)
"""Money out in 365 days from which the amount score is 2, 3, 4, 5."""
HIGH_SCORE = 4
"""Scores from here on are high: active within 30 days, twice a month, 50,000 CNY a year."""
RFM_CLASSES = {
    (True, True, True): ("important_value", "重要价值客户"),
    (True, False, True): ("important_develop", "重要发展客户"),
    (False, True, True): ("important_keep", "重要保持客户"),
    (False, False, True): ("important_win_back", "重要挽留客户"),
    (True, True, False): ("general_value", "一般价值客户"),
    (True, False, False): ("general_develop", "一般发展客户"),
    (False, True, False): ("general_keep", "一般保持客户"),
    (False, False, False): ("general_win_back", "一般挽留客户"),
}
"""The eight classes by whether recency, frequency and amount are high."""


def value_tier(aum: ir.NumericValue) -> ir.Value:
    """The tier by assets."""
    reached = [(aum >= floor, tier) for floor, tier in zip(TIER_FLOORS_CNY, TIERS[1:], strict=True)]
    return ibis.cases(*reversed(reached), else_=TIERS[0])


def known_value_tier(aum: ir.NumericValue) -> ir.Value:
    """The tier by assets; null where these are unknown."""
    return ibis.cases((aum.notnull(), value_tier(aum)))


def tier_change(now: ir.StringValue, before: ir.StringValue) -> ir.Value:
    """Whether the tier went up or down; null where the earlier one is unknown."""

    def rank(tier: ir.StringValue) -> ir.Value:
        return ibis.cases(*((tier == name, i) for i, name in enumerate(TIERS)))

    change = rank(now) - rank(before)
    return ibis.cases((change > 0, "up"), (change < 0, "down"), (change == 0, "same"))


def lifecycle(
    tenure: ir.IntegerValue,
    aum: ir.NumericValue,
    aum_before: ir.NumericValue,
    idle: ir.IntegerValue,
) -> ir.Value:
    """The stage, by the first line that fits; `idle` is null for those who never did anything."""
    idle_days = idle.fill_null(tenure)
    return ibis.cases(
        (tenure < NEW_DAYS, "new"),
        ((idle_days > LOST_DAYS) & (aum < LOST_AUM_CNY), "lost"),
        (idle_days > DORMANT_DAYS, "dormant"),
        (aum > aum_before * (1 + TREND), "growing"),
        (aum < aum_before * (1 - TREND), "declining"),
        else_="mature",
    )


def recency_score(idle: ir.IntegerValue) -> ir.Value:
    """5 (days ago) to 1 (long ago, or never)."""
    return f.banded(RECENCY_EDGES_DAYS, (5, 4, 3, 2, 1))(idle).fill_null(1)


def frequency_score(transactions: ir.IntegerValue) -> ir.Value:
    """1 (hardly ever) to 5 (weekly)."""
    return f.banded(FREQUENCY_EDGES, (1, 2, 3, 4, 5))(transactions)


def amount_score(amount: ir.NumericValue) -> ir.Value:
    """1 (little) to 5 (much)."""
    return f.banded(AMOUNT_EDGES_CNY, (1, 2, 3, 4, 5))(amount)


def rfm_class(
    recency: ir.IntegerValue, frequency: ir.IntegerValue, amount: ir.IntegerValue
) -> ir.Value:
    """One of the eight classes."""

    def holds(score: ir.IntegerValue, high: bool) -> ir.BooleanValue:
        return score >= HIGH_SCORE if high else score < HIGH_SCORE

    return ibis.cases(
        *(
            (holds(recency, r) & holds(frequency, f_) & holds(amount, m), name)
            for (r, f_, m), (name, _) in RFM_CLASSES.items()
        )
    )


def salary_stopped(ago: ir.IntegerValue, salaries: ir.IntegerValue) -> ir.Value:
    """Whether salaries came regularly and no longer do."""
    return (salaries >= STEADY_SALARIES) & (ago > SALARY_GAP_DAYS).fill_null(False)


def large_inflow(week: ir.NumericValue, quarter: ir.NumericValue) -> ir.Value:
    """Whether much came in within the week, and more than in the rest of the quarter."""
    return (week >= LARGE_INFLOW_CNY) & (week > quarter - week)


def dropped(rate: ir.NumericValue) -> ir.Value:
    """Whether a rate of growth is a fall by more than `TREND`."""
    return rate < -TREND
