"""The 120 customer tags that the benchmark computes, and whether two tables of them are equal."""

from __future__ import annotations

import numpy as np
import pandas as pd

_TEXT = """
    age age_band gender region occupation risk_level tenure_days has_manager consent_channels
    reachable

    aum deposit_cny wealth_cny fund_cny insurance_cny loan_cny card_cny aum_30d_ago aum_90d_ago
    aum_change_30d aum_change_90d aum_change_rate_90d deposit_share debt_cny debt_to_assets
    products_held categories_held holds_fund main_asset_category maturing_30d_cny

    days_since_transaction transactions_7d transactions_30d transactions_90d transactions_180d
    transactions_365d inflow_7d_cny inflow_30d_cny inflow_90d_cny inflow_180d_cny inflow_365d_cny
    outflow_30d_cny outflow_90d_cny outflow_180d_cny outflow_365d_cny net_flow_30d_cny
    net_flow_90d_cny transaction_days_30d transaction_days_90d transaction_days_365d payments_90d
    payments_90d_cny average_payment_90d_cny card_payments_90d_cny deposits_90d_cny
    withdrawals_90d_cny transfers_in_90d_cny transfers_out_90d_cny repayments_90d_cny
    interest_365d_cny fees_365d_cny top_transaction_channel_90d transaction_channels_90d
    mobile_share_90d branch_share_90d

    days_since_purchase purchases_30d purchases_90d purchases_365d purchases_90d_cny
    purchases_365d_cny average_purchase_365d_cny largest_purchase_cny top_purchase_category_365d
    purchase_categories_365d weekend_purchase_share_365d days_since_salary salaries_365d
    salary_90d_cny

    days_since_event days_since_app_launch events_7d events_30d events_90d events_180d events_365d
    active_days_7d active_days_30d active_days_90d active_days_180d active_days_365d
    visit_trend_30d app_launches_30d searches_30d clicks_90d applications_90d branch_visits_365d
    calls_90d wealth_pages_90d fund_pages_90d card_pages_90d favourite_page_90d time_spent_30d
    time_per_active_day_30d top_event_channel_90d event_channels_90d app_share_90d
    weekend_share_90d night_share_90d usual_hour_90d

    lifecycle value_tier tier_change_90d rfm_recency rfm_frequency rfm_amount rfm_class
    large_inflow_7d application_open_30d salary_stopped
"""
NAMES = tuple(_TEXT.split())
"""Names of the catalogue; 88 of them stand on transactions and events."""


def differences(found: pd.DataFrame, wanted: pd.DataFrame) -> dict[str, int]:
    """Tags that differ, with the number of customers: numbers by over 1e-9, all else at all.

    Both frames have `customer_id` and the tags of `NAMES`. Differences of large sums may cancel out
    to almost nothing; they may differ by a ten-millionth.
    """
    found, wanted = (
        frame.sort_values("customer_id").set_index("customer_id") for frame in (found, wanted)
    )
    if not found.index.equals(wanted.index):
        raise ValueError("the tables must have the same customers")
    counts = {name: int((~_equal(found[name], wanted[name])).sum()) for name in NAMES}
    return {name: count for name, count in counts.items() if count}


def _equal(found: pd.Series, wanted: pd.Series) -> np.ndarray:
    """Where both are the same, or both are null; counts and days may be kept as floats."""
    unknown = (found.isna() & wanted.isna()).to_numpy()
    if wanted.dtype.kind == "f":
        one, other = (column.to_numpy(float) for column in (found, wanted))
        same = np.isclose(one, other, rtol=1e-9, atol=1e-7)
    else:
        same = (found.astype(object) == wanted.astype(object)).to_numpy()
    equal: np.ndarray = same | unknown
    return equal
