"""A large mart to measure the analyses on: sessions of events, a campaign with hold-out and benefits.

Customers, products and transactions are those of `_tags_mart`: few customers do much, rows lie in the
order in which they happened, one in a hundred was recorded late. Five events make a session in one
channel; a campaign reaches a fifth of the customers in May. Every draw is a hash of the row's number.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from . import _tags_mart as bank

AS_OF = bank.AS_OF
CAMPAIGN = "K1"
_ARMS = ("control", "coupon", "message")
_CHANNELS = {"app": 60, "wechat": 14, "web": 12, "branch": 9, "call_centre": 5}
_EVENTS = {"view": 60, "click": 22, "search": 10, "share": 4, "apply": 4}
_MONTH_ENDS = ("2026-03-31", "2026-04-30", "2026-05-31", "2026-06-30")
_SESSION = 5


def write_mart(folder: Path, customers: int, events: int, transactions: int) -> Path:
    """Write a mart of so many rows; a file a table."""
    folder.mkdir(parents=True)
    queries = {
        "customers": bank._customers(customers),
        "products": bank._products(),
        "holdings": _holdings(customers),
        "transactions": bank._transactions(customers, transactions),
        "events": _events(customers, events),
        "campaigns": _campaigns(),
        "offers": _offers(),
        "assignments": _assignments(customers),
        "contacts": _contacts(customers),
        "benefits": _benefits(customers),
        "benefit_grants": _grants(customers),
    }
    with duckdb.connect() as con:
        for name, query in queries.items():
            con.execute(f"COPY ({query}) TO '{folder / name}.parquet' (FORMAT parquet)")
    return folder


def _holdings(customers: int) -> str:
    """A deposit for everyone, a second product for six in ten, at four month ends."""
    ends = ", ".join(f"(DATE '{day}')" for day in _MONTH_ENDS)
    return f"""
        SELECT {bank._id("(i // 2)", customers)} AS customer_id,
            CASE WHEN i % 2 = 0 THEN 'P' || (hash(i) % 2) ELSE 'P' || (2 + hash(i + 3) % 21) END
                AS product_id,
            snapshot_date,
            round(exp(11 * {bank._draw(1)}) * (8 + hash(i * 64 + month(snapshot_date)) % 5), 2)
                AS balance_cny,
            NULL::DATE AS matures_on
        FROM (VALUES {ends}) s(snapshot_date), range({2 * int(0.95 * customers)}) r(i)
        WHERE i % 2 = 0 OR {bank._draw(3)} < 0.6
        ORDER BY snapshot_date"""


def _events(customers: int, rows: int) -> str:
    """Sessions in the order of time; of those in May, some belong to the campaign."""
    sessions = rows // _SESSION
    return f"""
        SELECT 'E' || (i * {_SESSION} + part) AS event_id, customer_id,
            began + to_seconds(part * 40) AS occurred_at,
            (began::DATE + CASE WHEN {bank._draw(12)} < 0.01 THEN 1 + floor(5 * {bank._draw(13)})::INTEGER
                ELSE 0 END)::DATE AS recorded_on,
            channel, 'S' || i AS session_id,
            CASE WHEN part = 0 AND channel IN ('app', 'web', 'wechat') THEN 'launch'
                WHEN part = 0 AND channel = 'branch' THEN 'visit'
                WHEN part = 0 THEN 'call' ELSE {_word(_EVENTS)} END AS event,
            page,
            CASE WHEN began::DATE BETWEEN DATE '2026-05-04' AND DATE '2026-05-24'
                AND {bank._draw(18)} < 0.1 THEN '{CAMPAIGN}' END AS campaign_id,
            round(120 * {bank._draw(17)} ** 3, 1) AS duration_s
        FROM (SELECT i, {bank._customer(customers, 11)} AS customer_id, {bank._moment(sessions)} AS began,
                {bank._one_of(_CHANNELS, 14)} AS channel, {bank._one_of(bank._PAGES, 16)} AS page
            FROM range({sessions}) r(i)), range({_SESSION}) p(part)"""


def _word(weights: dict[str, int]) -> str:
    """A word for each event of a session."""
    words = ", ".join(f"'{word}'" for word, weight in weights.items() for _ in range(weight))
    return f"([{words}])[1 + (hash(i * {_SESSION} + part) % {sum(weights.values())})::INTEGER]"


def _campaigns() -> str:
    return f"""
        SELECT '{CAMPAIGN}' AS campaign_id, 'May fund' AS name, 'P10' AS product_id,
            'converted' AS objective, DATE '2026-05-04' AS starts_on, DATE '2026-05-08' AS ends_on,
            21::BIGINT AS attribution_days, 500000.0 AS budget_cny, 5000.0 AS target,
            TRUE AS randomised"""


def _offers() -> str:
    return f"""
        SELECT '{CAMPAIGN}' AS campaign_id, offer, offer AS title, benefit_id, channel,
            cost AS contact_cost_cny, benefit AS benefit_cost_cny, rate AS redeem_rate,
            120.0 AS value_cny
        FROM (VALUES ('coupon', 'B1', 'sms', 0.05, 18.0, 0.3), ('message', NULL, 'app', 0.02, 0.0, 0.0))
            r(offer, benefit_id, channel, cost, benefit, rate)"""


def _assigned(customers: int) -> str:
    """Every fifth customer, in turns to each arm."""
    return f"""
        SELECT i, {bank._id("(i * 5)", customers)} AS customer_id,
            (['control', 'coupon', 'message'])[1 + (hash(i * 64 + 3) % 3)::INTEGER] AS arm,
            TIMESTAMP '2026-05-04 09:00:00' + to_days((i % 5)::INTEGER) AS assigned_at
        FROM range({customers // 5}) r(i)"""


def _assignments(customers: int) -> str:
    return f"""
        SELECT customer_id, '{CAMPAIGN}' AS campaign_id, arm, 1 / 3.0::DOUBLE AS probability, assigned_at
        FROM ({_assigned(customers)})"""


def _contacts(customers: int) -> str:
    return f"""
        SELECT 'N' || i AS contact_id, customer_id, '{CAMPAIGN}' AS campaign_id,
            CASE arm WHEN 'coupon' THEN 'sms' ELSE 'app' END AS channel,
            assigned_at + to_hours(1) AS sent_at,
            CASE WHEN {bank._draw(5)} < 0.35 THEN assigned_at + to_hours(3) END AS opened_at,
            CASE WHEN {bank._draw(5)} < 0.08 THEN assigned_at + to_hours(4) END AS clicked_at,
            CASE arm WHEN 'coupon' THEN 0.05 ELSE 0.02 END AS cost_cny
        FROM ({_assigned(customers)}) WHERE arm <> 'control'"""


def _benefits(customers: int) -> str:
    return f"""
        SELECT 'B1' AS benefit_id, '20 CNY coupon' AS title, 'coupon' AS kind,
            20.0 AS face_value_cny, 18.0 AS cost_cny, {customers // 10}::BIGINT AS stock,
            30::BIGINT AS valid_days"""


def _grants(customers: int) -> str:
    return f"""
        SELECT 'G' || i AS grant_id, 'B1' AS benefit_id, customer_id, '{CAMPAIGN}' AS campaign_id,
            assigned_at + to_hours(1) AS granted_at,
            CASE WHEN {bank._draw(6)} < 0.3 THEN assigned_at + to_days(2) END AS redeemed_at,
            NULL::TIMESTAMP AS reversed_at,
            CASE WHEN {bank._draw(6)} < 0.3 THEN 18.0 ELSE 0.0 END AS cost_cny
        FROM ({_assigned(customers)}) WHERE arm = 'coupon'"""
