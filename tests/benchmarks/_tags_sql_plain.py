"""The same query in the plain way: one GROUP BY a table, windows and conditions as ``FILTER``.

For reference; on DuckDB this costs several times what `_tags_sql` takes.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb

from ._tags_sql import HOLDINGS, WINDOWS, joined, words_of

_IN = "kind IN ('salary', 'deposit', 'interest', 'transfer_in', 'redemption')"
_OUT = "kind IN ('payment', 'withdrawal', 'transfer_out', 'purchase', 'repayment', 'fee')"
_7, _30, _90, _180, _365 = (f"occurred_at >= TIMESTAMP '{{since_{n}}}'" for n in WINDOWS)
_AGO = "(DATE '{day}' - occurred_at::DATE)"
_ANGLE = "(hour(occurred_at) * 60 + minute(occurred_at)) * (2 * pi() / 1440)"
_BIT = f"1::UBIGINT << ({_AGO} % 64)"
_BOUGHT = f"{_365} AND kind = 'purchase'"

_TRANSACTIONS = f"""
SELECT customer_id,
    max(occurred_at) FILTER (kind NOT IN ('interest', 'fee')) AS last_own,
    max(occurred_at) FILTER (kind = 'purchase') AS last_purchase,
    max(occurred_at) FILTER (kind = 'salary') AS last_salary,
    max(amount_cny) FILTER (kind = 'purchase') AS largest_purchase,
    count(*) FILTER ({_7}) AS t_7,
    count(*) FILTER ({_30}) AS t_30,
    count(*) FILTER ({_90}) AS t_90,
    count(*) FILTER ({_180}) AS t_180,
    count(*) FILTER ({_365}) AS t_365,
    count(*) FILTER ({_365} AND kind NOT IN ('interest', 'fee'))
        AS own_365,
    sum(amount_cny) FILTER ({_7} AND {_IN}) AS inflow_7,
    sum(amount_cny) FILTER ({_30} AND {_IN}) AS inflow_30,
    sum(amount_cny) FILTER ({_90} AND {_IN}) AS inflow_90,
    sum(amount_cny) FILTER ({_180} AND {_IN}) AS inflow_180,
    sum(amount_cny) FILTER ({_365} AND {_IN}) AS inflow_365,
    sum(amount_cny) FILTER ({_30} AND {_OUT}) AS outflow_30,
    sum(amount_cny) FILTER ({_90} AND {_OUT}) AS outflow_90,
    sum(amount_cny) FILTER ({_180} AND {_OUT}) AS outflow_180,
    sum(amount_cny) FILTER ({_365} AND {_OUT}) AS outflow_365,
    sum(amount_cny) FILTER ({_365} AND kind = 'interest')
        AS interest_365,
    sum(amount_cny) FILTER ({_365} AND kind = 'fee') AS fee_365,
    count(*) FILTER ({_365} AND kind = 'salary') AS salaries_365,
    sum(amount_cny) FILTER ({_90} AND kind = 'salary') AS salary_90,
    count(*) FILTER ({_90} AND kind = 'payment') AS payments,
    sum(amount_cny) FILTER ({_90} AND kind = 'payment') AS paid,
    sum(amount_cny) FILTER (
        {_90} AND kind = 'payment' AND category = 'card'
    ) AS paid_by_card,
    sum(amount_cny) FILTER ({_90} AND kind = 'deposit') AS deposits,
    sum(amount_cny) FILTER ({_90} AND kind = 'withdrawal')
        AS withdrawals,
    sum(amount_cny) FILTER ({_90} AND kind = 'transfer_in')
        AS transfers_in,
    sum(amount_cny) FILTER ({_90} AND kind = 'transfer_out')
        AS transfers_out,
    sum(amount_cny) FILTER ({_90} AND kind = 'repayment')
        AS repayments,
    count(*) FILTER ({_30} AND kind = 'purchase') AS purchases_30,
    count(*) FILTER ({_90} AND kind = 'purchase') AS purchases_90,
    count(*) FILTER ({_BOUGHT}) AS purchases_365,
    sum(amount_cny) FILTER ({_90} AND kind = 'purchase') AS bought_90,
    sum(amount_cny) FILTER ({_BOUGHT}) AS bought_365,
    count(*) FILTER ({_BOUGHT} AND isodow(occurred_at) >= 6) AS weekend_365,
    count(*) FILTER ({_BOUGHT} AND category = 'deposit') AS deposit_365,
    count(*) FILTER ({_BOUGHT} AND category = 'wealth') AS wealth_365,
    count(*) FILTER ({_BOUGHT} AND category = 'fund') AS fund_365,
    count(*) FILTER ({_BOUGHT} AND category = 'insurance') AS insurance_365,
    count(*) FILTER ({_BOUGHT} AND category = 'loan') AS loan_365,
    count(*) FILTER ({_BOUGHT} AND category = 'card') AS card_365,
    count(*) FILTER ({_BOUGHT} AND category = 'retail') AS retail_365,
    count(*) FILTER ({_90} AND channel = 'app') AS t_app,
    count(*) FILTER ({_90} AND channel = 'web') AS t_web,
    count(*) FILTER ({_90} AND channel = 'wechat') AS t_wechat,
    count(*) FILTER ({_90} AND channel = 'branch') AS t_branch,
    count(*) FILTER ({_90} AND channel = 'call_centre')
        AS t_call_centre,
    count(*) FILTER ({_90} AND channel = 'email') AS t_email,
    count(*) FILTER ({_90} AND channel = 'phone') AS t_phone,
    bit_or({_BIT}) FILTER ({_AGO} < 64) AS t_days_0,
    bit_or({_BIT}) FILTER ({_AGO} BETWEEN 64 AND 127) AS t_days_1,
    bit_or({_BIT}) FILTER ({_AGO} BETWEEN 128 AND 191) AS t_days_2,
    bit_or({_BIT}) FILTER ({_AGO} BETWEEN 192 AND 255) AS t_days_3,
    bit_or({_BIT}) FILTER ({_AGO} BETWEEN 256 AND 319) AS t_days_4,
    bit_or({_BIT}) FILTER ({_AGO} BETWEEN 320 AND 364) AS t_days_5
FROM '{{mart}}/transactions.parquet' LEFT JOIN '{{mart}}/products.parquet' USING (product_id)
WHERE {{known}}
GROUP BY customer_id
"""

_EVENTS = f"""
SELECT customer_id,
    max(occurred_at) AS last_event,
    max(occurred_at) FILTER (channel = 'app' AND event = 'launch') AS last_launch,
    count(*) FILTER ({_7}) AS e_7,
    count(*) FILTER ({_30}) AS e_30,
    count(*) FILTER ({_90}) AS e_90,
    count(*) FILTER ({_180}) AS e_180,
    count(*) FILTER ({_365}) AS e_365,
    count(*) FILTER ({_365} AND event = 'visit') AS visits_365,
    count(*) FILTER ({_30} AND channel = 'app' AND event = 'launch') AS launches_30,
    count(*) FILTER ({_30} AND event = 'search') AS searches_30,
    count(*) FILTER ({_30} AND event = 'apply') AS applications_30,
    count(*) FILTER ({_90} AND event = 'apply') AS applications_90,
    count(*) FILTER ({_90} AND event = 'click') AS clicks_90,
    count(*) FILTER ({_90} AND event = 'call') AS calls_90,
    sum(duration_s) FILTER ({_30}) AS spent_30,
    count(*) FILTER ({_90} AND page = 'deposit') AS page_deposit,
    count(*) FILTER ({_90} AND page = 'wealth') AS page_wealth,
    count(*) FILTER ({_90} AND page = 'fund') AS page_fund,
    count(*) FILTER ({_90} AND page = 'insurance') AS page_insurance,
    count(*) FILTER ({_90} AND page = 'loan') AS page_loan,
    count(*) FILTER ({_90} AND page = 'card') AS page_card,
    count(*) FILTER ({_90} AND channel = 'app') AS e_app,
    count(*) FILTER ({_90} AND channel = 'web') AS e_web,
    count(*) FILTER ({_90} AND channel = 'wechat') AS e_wechat,
    count(*) FILTER ({_90} AND channel = 'branch') AS e_branch,
    count(*) FILTER ({_90} AND channel = 'call_centre') AS e_call_centre,
    count(*) FILTER ({_90} AND channel = 'email') AS e_email,
    count(*) FILTER ({_90} AND channel = 'phone') AS e_phone,
    count(*) FILTER ({_90} AND isodow(occurred_at) >= 6) AS weekend,
    count(*) FILTER ({_90} AND (hour(occurred_at) >= 22 OR hour(occurred_at) < 6)) AS night,
    sum(cos({_ANGLE})) FILTER ({_90}) AS hour_cos,
    sum(sin({_ANGLE})) FILTER ({_90}) AS hour_sin,
    bit_or({_BIT}) FILTER ({_AGO} < 64) AS e_days_0,
    bit_or({_BIT}) FILTER ({_AGO} BETWEEN 64 AND 127) AS e_days_1,
    bit_or({_BIT}) FILTER ({_AGO} BETWEEN 128 AND 191) AS e_days_2,
    bit_or({_BIT}) FILTER ({_AGO} BETWEEN 192 AND 255) AS e_days_3,
    bit_or({_BIT}) FILTER ({_AGO} BETWEEN 256 AND 319) AS e_days_4,
    bit_or({_BIT}) FILTER ({_AGO} BETWEEN 320 AND 364) AS e_days_5
FROM '{{mart}}/events.parquet'
WHERE {{known}}
GROUP BY customer_id
"""


def plain(con: duckdb.DuckDBPyConnection, mart: Path, day: dt.date) -> str:
    """The query as of `day`."""
    parts = {"h": HOLDINGS, "t": _TRANSACTIONS, "e": _EVENTS}
    return joined(parts, words_of(con, mart, day))
