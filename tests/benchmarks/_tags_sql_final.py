"""The last step of the SQL written by hand: 120 tags from what was added up for each customer."""

from __future__ import annotations

FINAL = """
SELECT customer_id, age, age_band, gender, region, occupation, risk_level, tenure_days, has_manager,
    consent_channels, consent_channels > 0 AND NOT suppressed AS reachable,
    aum, deposit_cny, wealth_cny, fund_cny, insurance_cny, loan_cny, card_cny, aum_30d_ago,
    aum_90d_ago, aum - aum_30d_ago AS aum_change_30d, aum - aum_90d_ago AS aum_change_90d,
    (aum - aum_90d_ago) / nullif(aum_90d_ago, 0) AS aum_change_rate_90d,
    deposit_cny / nullif(aum, 0) AS deposit_share,
    loan_cny + card_cny AS debt_cny, (loan_cny + card_cny) / nullif(aum, 0) AS debt_to_assets,
    coalesce(products, 0) AS products_held,
    (deposit_cny > 0)::BIGINT + (wealth_cny > 0)::BIGINT + (fund_cny > 0)::BIGINT
        + (insurance_cny > 0)::BIGINT + (loan_cny > 0)::BIGINT + (card_cny > 0)::BIGINT
        AS categories_held,
    fund_cny > 0 AS holds_fund,
    CASE greatest(nullif(deposit_cny, 0), nullif(wealth_cny, 0), nullif(fund_cny, 0),
            nullif(insurance_cny, 0))
        WHEN deposit_cny THEN 'deposit' WHEN wealth_cny THEN 'wealth' WHEN fund_cny THEN 'fund'
        WHEN insurance_cny THEN 'insurance' END AS main_asset_category,
    coalesce(maturing, 0) AS maturing_30d_cny,

    days_since_transaction, transactions_7d, transactions_30d, transactions_90d,
    coalesce(t_180, 0) AS transactions_180d, coalesce(t_365, 0) AS transactions_365d,
    inflow_7d_cny, inflow_30d_cny, inflow_90d_cny,
    coalesce(inflow_180, 0) AS inflow_180d_cny, coalesce(inflow_365, 0) AS inflow_365d_cny,
    outflow_30d_cny, outflow_90d_cny, coalesce(outflow_180, 0) AS outflow_180d_cny, outflow_365d_cny,
    inflow_30d_cny - outflow_30d_cny AS net_flow_30d_cny,
    inflow_90d_cny - outflow_90d_cny AS net_flow_90d_cny,
    coalesce(bit_count(t_days_0 & 1073741823), 0)::BIGINT AS transaction_days_30d,
    coalesce(bit_count(t_days_0), 0)::BIGINT + coalesce(bit_count(t_days_1 & 67108863), 0)
        AS transaction_days_90d,
    coalesce(bit_count(t_days_0), 0)::BIGINT + coalesce(bit_count(t_days_1), 0)
        + coalesce(bit_count(t_days_2), 0) + coalesce(bit_count(t_days_3), 0)
        + coalesce(bit_count(t_days_4), 0) + coalesce(bit_count(t_days_5), 0)
        AS transaction_days_365d,
    coalesce(payments, 0) AS payments_90d, coalesce(paid, 0) AS payments_90d_cny,
    paid / nullif(payments, 0) AS average_payment_90d_cny,
    coalesce(paid_by_card, 0) AS card_payments_90d_cny, coalesce(deposits, 0) AS deposits_90d_cny,
    coalesce(withdrawals, 0) AS withdrawals_90d_cny,
    coalesce(transfers_in, 0) AS transfers_in_90d_cny,
    coalesce(transfers_out, 0) AS transfers_out_90d_cny,
    coalesce(repayments, 0) AS repayments_90d_cny,
    coalesce(interest_365, 0) AS interest_365d_cny, coalesce(fee_365, 0) AS fees_365d_cny,
    CASE greatest(nullif(t_app, 0), nullif(t_web, 0), nullif(t_wechat, 0), nullif(t_branch, 0),
            nullif(t_call_centre, 0), nullif(t_email, 0), nullif(t_phone, 0))
        WHEN t_app THEN 'app' WHEN t_web THEN 'web' WHEN t_wechat THEN 'wechat'
        WHEN t_branch THEN 'branch' WHEN t_call_centre THEN 'call_centre' WHEN t_email THEN 'email'
        WHEN t_phone THEN 'phone' END AS top_transaction_channel_90d,
    coalesce((t_app > 0)::BIGINT + (t_web > 0)::BIGINT + (t_wechat > 0)::BIGINT
        + (t_branch > 0)::BIGINT + (t_call_centre > 0)::BIGINT + (t_email > 0)::BIGINT
        + (t_phone > 0)::BIGINT, 0) AS transaction_channels_90d,
    (t_app + t_wechat) / nullif(t_90, 0) AS mobile_share_90d, t_branch / nullif(t_90, 0)
        AS branch_share_90d,

    DATE '{day}' - last_purchase::DATE AS days_since_purchase,
    purchases_30d, coalesce(purchases_90, 0) AS purchases_90d,
    coalesce(purchases_365, 0) AS purchases_365d, coalesce(bought_90, 0) AS purchases_90d_cny,
    coalesce(bought_365, 0) AS purchases_365d_cny,
    bought_365 / nullif(purchases_365, 0) AS average_purchase_365d_cny,
    largest_purchase AS largest_purchase_cny,
    CASE greatest(nullif(deposit_365, 0), nullif(wealth_365, 0), nullif(fund_365, 0),
            nullif(insurance_365, 0), nullif(loan_365, 0), nullif(card_365, 0),
            nullif(retail_365, 0))
        WHEN deposit_365 THEN 'deposit' WHEN wealth_365 THEN 'wealth' WHEN fund_365 THEN 'fund'
        WHEN insurance_365 THEN 'insurance' WHEN loan_365 THEN 'loan' WHEN card_365 THEN 'card'
        WHEN retail_365 THEN 'retail' END AS top_purchase_category_365d,
    coalesce((deposit_365 > 0)::BIGINT + (wealth_365 > 0)::BIGINT + (fund_365 > 0)::BIGINT
        + (insurance_365 > 0)::BIGINT + (loan_365 > 0)::BIGINT + (card_365 > 0)::BIGINT
        + (retail_365 > 0)::BIGINT, 0) AS purchase_categories_365d,
    weekend_365 / nullif(purchases_365, 0) AS weekend_purchase_share_365d,
    days_since_salary, salaries_365d, coalesce(salary_90, 0) AS salary_90d_cny,

    DATE '{day}' - last_event::DATE AS days_since_event,
    DATE '{day}' - last_launch::DATE AS days_since_app_launch,
    coalesce(e_7, 0) AS events_7d, coalesce(e_30, 0) AS events_30d, coalesce(e_90, 0) AS events_90d,
    coalesce(e_180, 0) AS events_180d, coalesce(e_365, 0) AS events_365d,
    coalesce(bit_count(e_days_0 & 127), 0)::BIGINT AS active_days_7d, active_days_30d,
    active_days_90d,
    active_days_128d + coalesce(bit_count(e_days_2 & 4503599627370495), 0) AS active_days_180d,
    active_days_128d + coalesce(bit_count(e_days_2), 0) + coalesce(bit_count(e_days_3), 0)
        + coalesce(bit_count(e_days_4), 0) + coalesce(bit_count(e_days_5), 0) AS active_days_365d,
    active_days_30d * 2.0 / nullif(active_days_90d - active_days_30d, 0) AS visit_trend_30d,
    coalesce(launches_30, 0) AS app_launches_30d, coalesce(searches_30, 0) AS searches_30d,
    coalesce(clicks_90, 0) AS clicks_90d, coalesce(applications_90, 0) AS applications_90d,
    coalesce(visits_365, 0) AS branch_visits_365d, coalesce(calls_90, 0) AS calls_90d,
    coalesce(page_wealth, 0) AS wealth_pages_90d, coalesce(page_fund, 0) AS fund_pages_90d,
    coalesce(page_card, 0) AS card_pages_90d,
    CASE greatest(nullif(page_deposit, 0), nullif(page_wealth, 0), nullif(page_fund, 0),
            nullif(page_insurance, 0), nullif(page_loan, 0), nullif(page_card, 0))
        WHEN page_deposit THEN 'deposit' WHEN page_wealth THEN 'wealth' WHEN page_fund THEN 'fund'
        WHEN page_insurance THEN 'insurance' WHEN page_loan THEN 'loan' WHEN page_card THEN 'card'
        END AS favourite_page_90d,
    coalesce(spent_30, 0) AS time_spent_30d,
    coalesce(spent_30, 0) / nullif(active_days_30d, 0) AS time_per_active_day_30d,
    CASE greatest(nullif(e_app, 0), nullif(e_web, 0), nullif(e_wechat, 0), nullif(e_branch, 0),
            nullif(e_call_centre, 0), nullif(e_email, 0), nullif(e_phone, 0))
        WHEN e_app THEN 'app' WHEN e_web THEN 'web' WHEN e_wechat THEN 'wechat'
        WHEN e_branch THEN 'branch' WHEN e_call_centre THEN 'call_centre' WHEN e_email THEN 'email'
        WHEN e_phone THEN 'phone' END AS top_event_channel_90d,
    coalesce((e_app > 0)::BIGINT + (e_web > 0)::BIGINT + (e_wechat > 0)::BIGINT
        + (e_branch > 0)::BIGINT + (e_call_centre > 0)::BIGINT + (e_email > 0)::BIGINT
        + (e_phone > 0)::BIGINT, 0) AS event_channels_90d,
    e_app / nullif(e_90, 0) AS app_share_90d, weekend / nullif(e_90, 0) AS weekend_share_90d,
    night / nullif(e_90, 0) AS night_share_90d,
    CASE WHEN sqrt(hour_cos * hour_cos + hour_sin * hour_sin) / e_90 >= 0.1
        THEN CASE WHEN hour < -1e-9 THEN hour + 24 WHEN hour < 0 THEN 0 ELSE hour END
        END AS usual_hour_90d,

    CASE WHEN tenure_days < 180 THEN 'new'
        WHEN idle > 180 AND aum < 1000 THEN 'lost'
        WHEN idle > 90 THEN 'dormant'
        WHEN aum > aum_90d_ago * 1.2 THEN 'growing'
        WHEN aum < aum_90d_ago * 0.8 THEN 'declining' ELSE 'mature' END AS lifecycle,
    ['mass', 'affluent', 'vip', 'private'][tier] AS value_tier,
    CASE sign(tier - tier_90d_ago) WHEN 1 THEN 'up' WHEN -1 THEN 'down' WHEN 0 THEN 'same' END
        AS tier_change_90d,
    rfm_recency, rfm_frequency, rfm_amount,
    CASE WHEN rfm_amount >= 4 THEN 'important_' ELSE 'general_' END
        || CASE WHEN rfm_recency >= 4 AND rfm_frequency >= 4 THEN 'value'
            WHEN rfm_recency >= 4 THEN 'develop' WHEN rfm_frequency >= 4 THEN 'keep'
            ELSE 'win_back' END AS rfm_class,
    inflow_7d_cny >= 50000 AND inflow_7d_cny > inflow_90d_cny - inflow_7d_cny AS large_inflow_7d,
    coalesce(applications_30, 0) > 0 AND purchases_30d = 0 AS application_open_30d,
    salaries_365d >= 3 AND coalesce(days_since_salary > 45, false) AS salary_stopped
FROM (
    SELECT *,
        CASE WHEN age < 25 THEN 'under 25' WHEN age < 35 THEN '25 to 34' WHEN age < 45 THEN '35 to 44'
            WHEN age < 55 THEN '45 to 54' WHEN age < 65 THEN '55 to 64' WHEN age >= 65
            THEN '65 or more' END AS age_band,
        coalesce(days_since_transaction, tenure_days) AS idle,
        1 + (aum >= 50000)::INTEGER + (aum >= 1000000)::INTEGER + (aum >= 6000000)::INTEGER AS tier,
        1 + (aum_90d_ago >= 50000)::INTEGER + (aum_90d_ago >= 1000000)::INTEGER
            + (aum_90d_ago >= 6000000)::INTEGER AS tier_90d_ago,
        CASE WHEN days_since_transaction < 8 THEN 5 WHEN days_since_transaction < 31 THEN 4
            WHEN days_since_transaction < 91 THEN 3 WHEN days_since_transaction < 181 THEN 2
            ELSE 1 END AS rfm_recency,
        1 + (own_year >= 4)::INTEGER + (own_year >= 12)::INTEGER + (own_year >= 24)::INTEGER
            + (own_year >= 52)::INTEGER AS rfm_frequency,
        1 + (outflow_365d_cny >= 1000)::INTEGER + (outflow_365d_cny >= 10000)::INTEGER
            + (outflow_365d_cny >= 50000)::INTEGER + (outflow_365d_cny >= 200000)::INTEGER
            AS rfm_amount
    FROM (
        SELECT *,
            year(DATE '{day}') - birth_year AS age,
            DATE '{day}' - opened_on AS tenure_days,
            manager_id IS NOT NULL AS has_manager,
            consent_app::BIGINT + consent_wechat::BIGINT + consent_sms::BIGINT
                + consent_email::BIGINT + consent_phone::BIGINT AS consent_channels,
            coalesce(assets, 0) AS aum, coalesce(assets_30, 0) AS aum_30d_ago,
            coalesce(assets_90, 0) AS aum_90d_ago,
            coalesce(deposit, 0) AS deposit_cny, coalesce(wealth, 0) AS wealth_cny,
            coalesce(fund, 0) AS fund_cny, coalesce(insurance, 0) AS insurance_cny,
            coalesce(loan, 0) AS loan_cny, coalesce(card, 0) AS card_cny,
            DATE '{day}' - last_own::DATE AS days_since_transaction,
            DATE '{day}' - last_salary::DATE AS days_since_salary,
            coalesce(t_7, 0) AS transactions_7d, coalesce(t_30, 0) AS transactions_30d,
            coalesce(t_90, 0) AS transactions_90d,
            coalesce(inflow_7, 0) AS inflow_7d_cny, coalesce(inflow_30, 0) AS inflow_30d_cny,
            coalesce(inflow_90, 0) AS inflow_90d_cny,
            coalesce(outflow_30, 0) AS outflow_30d_cny, coalesce(outflow_90, 0) AS outflow_90d_cny,
            coalesce(outflow_365, 0) AS outflow_365d_cny,
            coalesce(own_365, 0) AS own_year, coalesce(salaries_365, 0) AS salaries_365d,
            coalesce(purchases_30, 0) AS purchases_30d,
            coalesce(bit_count(e_days_0 & 1073741823), 0)::BIGINT AS active_days_30d,
            coalesce(bit_count(e_days_0), 0)::BIGINT + coalesce(bit_count(e_days_1 & 67108863), 0)
                AS active_days_90d,
            coalesce(bit_count(e_days_0), 0)::BIGINT + coalesce(bit_count(e_days_1), 0)
                AS active_days_128d,
            atan2(hour_sin, hour_cos) * (24 / (2 * pi())) AS hour
        FROM '{mart}/customers.parquet' {joins}
        WHERE opened_on <= DATE '{day}'
    )
)
"""
