"""A large mart to measure tags on: skewed as a bank's data are, written by DuckDB, a file a table.

Few customers do much and many do little (a Zipf law, cut off), and one in twenty has only just come;
payments and the app make up most of the rows; noon is busier than midnight. Rows lie in the order
in which they happened, over twelve months; one in a hundred was recorded one to five days late. Every
draw is a hash of the row's number, so that the same sizes give the same mart.
"""

from __future__ import annotations

import math
from pathlib import Path

import duckdb

AS_OF = "2026-06-30"
"""The last day of the rows."""
_FROM, _DAYS = "2025-07-01", 365
_SKEW = 5.0
"""The most active customer does exp(5) times as much as the least active one."""
_ACTIVE_SHARE = 0.95
"""The others came within the twelve months and have no rows yet."""
_SPREAD = 7919
"""A prime that scatters the active customers over the ids."""

_KINDS = {
    "payment": 55, "transfer_out": 10, "transfer_in": 8, "withdrawal": 5, "repayment": 5,
    "deposit": 4, "interest": 4, "purchase": 4, "salary": 2, "fee": 2, "redemption": 1,
}  # fmt: skip
_CHANNELS = {
    "app": 60,
    "wechat": 12,
    "web": 10,
    "branch": 8,
    "phone": 5,
    "call_centre": 3,
    "email": 2,
}
_EVENTS = {
    "launch": 35, "view": 35, "click": 15, "search": 5, "visit": 5, "share": 2, "call": 2, "apply": 1,
}  # fmt: skip
_PAGES = {
    "wealth": 18, "fund": 18, "deposit": 14, "card": 10, "loan": 10, "account": 10, "insurance": 5,
    None: 15,
}  # fmt: skip
_CATEGORIES = {
    "deposit": 4, "wealth": 6, "fund": 6, "insurance": 2, "loan": 3, "card": 2, "retail": 1,
}  # fmt: skip
"""Products by category: P0 to P3 are deposits, and so on."""
_REGIONS = ("Shanghai", "Beijing", "Chengdu", "Hangzhou", "Wuhan", "Xi'an", "Suzhou", "Changsha")
_JOBS = (
    "engineer",
    "teacher",
    "clerk",
    "civil servant",
    "worker",
    "retired",
    "self-employed",
    "other",
)


def write_mart(folder: Path, customers: int, rows: int) -> Path:
    """Write a mart of so many customers, with `rows` transactions and as many events."""
    folder.mkdir(parents=True)
    queries = {
        "customers": _customers(customers),
        "products": _products(),
        "holdings": _holdings(customers),
        "transactions": _transactions(customers, rows),
        "events": _events(customers, rows),
    }
    with duckdb.connect() as con:
        for name, query in queries.items():
            con.execute(f"COPY ({query}) TO '{folder / name}.parquet' (FORMAT parquet)")
    return folder


def _draw(salt: int) -> str:
    """A number from 0 up to 1, one for each row and salt."""
    return f"((hash(i * 64 + {salt}) >> 11) / 9007199254740992.0)"


def _one_of(weights: dict[str, int] | dict[str | None, int], salt: int) -> str:
    """A word, as often as its weight says."""
    words = [word for word, weight in weights.items() for _ in range(weight)]
    listed = ", ".join("NULL" if word is None else f"'{word}'" for word in words)
    return f"([{listed}])[1 + floor({len(words)} * {_draw(salt)})::INTEGER]"


def _evenly(words: tuple[str, ...], salt: int) -> str:
    return _one_of({word.replace("'", "''"): 1 for word in words}, salt)


def _id(place: str, customers: int) -> str:
    """The id of the customer at a place in the order of activity."""
    return f"'C' || lpad(({place} * {_SPREAD} % {customers})::VARCHAR, 9, '0')"


def _customer(customers: int, salt: int) -> str:
    """The id of the one who acts: few act often."""
    share = f"(exp({_SKEW} * {_draw(salt)}) - 1) / {math.exp(_SKEW) - 1}"
    place = f"floor({_ACTIVE_SHARE * customers} * {share})::BIGINT"
    return _id(place, customers)


def _moment(rows: int) -> str:
    """When row `i` of `rows` happened: in order, and five times as dense at noon as at midnight."""
    days = f"(i * {_DAYS / rows!r})"
    part = f"({days} - floor({days}))"
    of_day = f"({part} + {0.7 / (2 * math.pi)!r} * sin({2 * math.pi!r} * {part}))"
    return f"TIMESTAMP '{_FROM}' + to_microseconds(((floor({days}) + {of_day}) * 86400e6)::BIGINT)"


def _recorded(salt: int) -> str:
    """The same day, or a few days later."""
    late = (
        f"CASE WHEN {_draw(salt)} < 0.01 THEN 1 + floor(5 * {_draw(salt + 1)})::INTEGER ELSE 0 END"
    )
    return f"occurred_at::DATE + {late}"


def _customers(customers: int) -> str:
    consents = ", ".join(
        f"{_draw(20 + n)} < {share} AS consent_{channel}"
        for n, (channel, share) in enumerate(
            {"app": 0.8, "wechat": 0.5, "sms": 0.6, "email": 0.3, "phone": 0.2}.items()
        )
    )
    return f"""
        SELECT {_id("i", customers)} AS customer_id,
            CASE WHEN i < {_ACTIVE_SHARE * customers}
                THEN DATE '2012-01-01' + floor(4900 * sqrt({_draw(1)}))::INTEGER
                ELSE DATE '{_FROM}' + floor({_DAYS} * {_draw(1)})::INTEGER END AS opened_on,
            CASE WHEN {_draw(2)} < 0.98 THEN 1940 + floor(66 * {_draw(3)})::BIGINT END AS birth_year,
            {_one_of({"F": 12, "M": 12, None: 1}, 4)} AS gender,
            {_evenly(_REGIONS, 5)} AS region,
            'B' || floor(300 * {_draw(6)})::INTEGER AS branch_id,
            CASE WHEN {_draw(7)} < 0.1 THEN 'M' || floor(2000 * {_draw(8)})::INTEGER END AS manager_id,
            {_evenly(_JOBS, 9)} AS occupation,
            CASE WHEN {_draw(10)} < 0.7 THEN 1 + floor(5 * {_draw(11)})::BIGINT END AS risk_level,
            {consents}, {_draw(12)} < 0.02 AS suppressed
        FROM range({customers}) r(i)"""


def _products() -> str:
    categories = [category for category, number in _CATEGORIES.items() for _ in range(number)]
    listed = ", ".join(f"({i}, '{category}')" for i, category in enumerate(categories))
    return f"""
        SELECT 'P' || i AS product_id, category || ' ' || i AS name, category,
            (1 + i % 5)::BIGINT AS risk_level, DATE '2015-01-01' AS launched_on, 0.01 AS margin_rate
        FROM (VALUES {listed}) r(i, category)"""


def _product(salt: int) -> str:
    return f"'P' || floor({sum(_CATEGORIES.values())} * {_draw(salt)} ** 1.3)::INTEGER"


def _holdings(customers: int) -> str:
    """A deposit for everyone, a second product for six in ten; month ends, one after another."""
    return f"""
        SELECT {_id("(i // 2)", customers)} AS customer_id,
            CASE WHEN i % 2 = 0 THEN 'P' || (hash(i) % 2) ELSE 'P' || (2 + hash(i + 3) % 21) END
                AS product_id,
            month::DATE - 1 AS snapshot_date,
            round(exp(11 * {_draw(1)}) * (8 + hash(i * 4096 + month(month) + 12 * year(month)) % 5), 2) AS balance_cny,
            CASE WHEN i % 2 = 1 THEN month::DATE + ({_draw(2)} * 200)::INTEGER END AS matures_on
        FROM generate_series(TIMESTAMP '2025-07-01', TIMESTAMP '2026-07-01', INTERVAL 1 MONTH) s(month),
            range({2 * int(_ACTIVE_SHARE * customers)}) r(i)
        WHERE i % 2 = 0 OR {_draw(3)} < 0.6
        ORDER BY snapshot_date"""


def _transactions(customers: int, rows: int) -> str:
    return f"""
        SELECT 'T' || i AS transaction_id, {_customer(customers, 1)} AS customer_id,
            CASE WHEN {_draw(2)} < 0.7 THEN {_product(3)} END AS product_id,
            {_moment(rows)} AS occurred_at, {_recorded(4)} AS recorded_on, {_one_of(_KINDS, 6)} AS kind,
            round(5 * exp(10 * {_draw(7)}), 2) AS amount_cny,
            CASE WHEN {_draw(8)} < 0.97 THEN {_one_of(_CHANNELS, 9)} END AS channel
        FROM range({rows}) r(i)"""


def _events(customers: int, rows: int) -> str:
    return f"""
        SELECT 'E' || i AS event_id, {_customer(customers, 11)} AS customer_id,
            {_moment(rows)} AS occurred_at, {_recorded(12)} AS recorded_on,
            {_one_of(_CHANNELS, 14)} AS channel, 'S' || i // 5 AS session_id,
            {_one_of(_EVENTS, 15)} AS event, {_one_of(_PAGES, 16)} AS page,
            NULL::VARCHAR AS campaign_id,
            CASE WHEN {_draw(17)} < 0.8 THEN round(300 * {_draw(18)} ** 3, 1) END AS duration_s
        FROM range({rows}) r(i)"""
