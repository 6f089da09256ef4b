"""Customer tags on what they do: transactions, events, and responses to past campaigns.

Windows end with `as_of` and include it. A count or sum is 0 for customers without rows; a recency
or a share is null for them.
"""

from __future__ import annotations

from marketing_ds import schema

from . import _formulas as f
from ._tag import Aggregate, Formula, Tag, where

INFLOWS = ("salary", "deposit", "interest", "transfer_in", "redemption")
"""Kinds of transaction that bring money in."""
OUTFLOWS = ("payment", "withdrawal", "transfer_out", "purchase", "repayment", "fee")
"""Kinds of transaction that take money out."""
OWN_KINDS = tuple(k for k in (*INFLOWS, *OUTFLOWS) if k not in ("interest", "fee"))
"""Kinds that the customer, not the bank, sets off; only these count as activity."""
_PAGES = tuple(name for name in schema.CATEGORIES if name != "retail")


def _count(
    name: str, title_en: str, title_zh: str, source: str, days: int, unit: str, **conditions: object
) -> Tag:
    """A number of rows in the last `days` days."""
    return Tag(
        f"{name}_{days}d",
        f"{title_en}, last {days} days",
        f"近{days}天{title_zh}",
        "int64",
        Aggregate(source, "count", where=where(**conditions), days=days),
        f"{title_en} in the last {days} days.",
        unit=unit,
    )


def _amount(name: str, title_en: str, title_zh: str, days: int, **conditions: object) -> Tag:
    """An amount of transactions in the last `days` days."""
    return Tag(
        f"{name}_{days}d_cny",
        f"{title_en}, last {days} days",
        f"近{days}天{title_zh}",
        "float64",
        Aggregate("transactions", "sum", "amount_cny", where(**conditions), days),
        f"{title_en} in the last {days} days.",
        unit="CNY",
    )


def _active_days(name: str, title_en: str, title_zh: str, source: str, days: int) -> Tag:
    return Tag(
        f"{name}_{days}d",
        f"{title_en}, last {days} days",
        f"近{days}天{title_zh}",
        "int64",
        Aggregate(source, "days", days=days),
        f"{title_en} in the last {days} days: distinct days with a row in {source}.",
        unit="days",
    )


def _idle(name: str, title_en: str, title_zh: str, source: str, **conditions: object) -> Tag:
    return Tag(
        name,
        title_en,
        title_zh,
        "int64",
        Aggregate(source, "recency", where=where(**conditions)),
        f"{title_en}; null if there never was one.",
        unit="days",
    )


def _top_channel(name: str, title_en: str, title_zh: str, source: str, days: int) -> Tag:
    counts = tuple(
        Aggregate(source, "count", where=where(channel=channel), days=days)
        for channel in schema.BEHAVIOUR_CHANNELS
    )
    return Tag(
        f"{name}_{days}d",
        f"{title_en}, last {days} days",
        f"近{days}天{title_zh}",
        "string",
        Formula(f.largest(schema.BEHAVIOUR_CHANNELS), counts),
        f"{title_en} in the last {days} days, of {', '.join(schema.BEHAVIOUR_CHANNELS)} (ties in "
        f"this order); null if none.",
    )


DAYS_IDLE = Tag(
    "days_since_transaction",
    "Days since the last transaction",
    "距上次交易天数",
    "int64",
    Aggregate("transactions", "recency", where=where(kind=OWN_KINDS)),
    "Days since the last transaction other than interest and fees; null if there never was one.",
    unit="days",
)
_SALARIES_60D = Aggregate("transactions", "count", where=where(kind="salary"), days=60)

TRANSACTION_TAGS = (
    DAYS_IDLE,
    *(
        _count("transactions", "Transactions", "交易笔数", "transactions", days, "transactions")
        for days in (30, 90, 180)
    ),
    *(_amount("inflow", "Money in", "流入金额", days, kind=INFLOWS) for days in (30, 90, 180)),
    *(_amount("outflow", "Money out", "流出金额", days, kind=OUTFLOWS) for days in (30, 90, 180)),
    _active_days("transaction_days", "Days with a transaction", "有交易天数", "transactions", 90),
    Tag(
        "salary_found",
        "Salary is paid here",
        "代发工资客户",
        "boolean",
        Formula(f.positive, (_SALARIES_60D,)),
        "A salary arrived in the last 60 days.",
    ),
    _amount("salary", "Salary received", "工资入账金额", 90, kind="salary"),
    _count(
        "purchases", "Purchases", "购买笔数", "transactions", 180, "purchases", kind="purchase"
    ),
    _amount("purchases", "Amount purchased", "购买金额", 180, kind="purchase"),
    _top_channel(
        "top_transaction_channel", "Channel used most to transact", "最常用交易渠道",
        "transactions", 90,
    ),
)  # fmt: skip

_EVENTS_90D = _count("events", "Events", "行为次数", "events", 90, "events")
_APP_EVENTS_90D = Aggregate("events", "count", where=where(channel="app"), days=90)

EVENT_TAGS = (
    _idle("days_since_event", "Days since the last event", "距上次访问天数", "events"),
    *(_count("events", "Events", "行为次数", "events", days, "events") for days in (7, 30)),
    _EVENTS_90D,
    _active_days("active_days", "Active days", "活跃天数", "events", 30),
    _active_days("active_days", "Active days", "活跃天数", "events", 90),
    Tag(
        "app_share_90d",
        "Share of events in the app, last 90 days",
        "近90天手机银行行为占比",
        "float64",
        Formula(f.share, (_APP_EVENTS_90D, _EVENTS_90D)),
        "Events in the app as a share of all events in the last 90 days; null if none.",
        unit="share",
    ),
    Tag(
        "favourite_page_90d",
        "Product page seen most, last 90 days",
        "近90天最常浏览产品页",
        "string",
        Formula(
            f.largest(_PAGES),
            tuple(Aggregate("events", "count", where=where(page=p), days=90) for p in _PAGES),
        ),
        f"Of the pages {', '.join(_PAGES)} (ties in this order), the one with most events in the "
        f"last 90 days; null if none.",
    ),
    _count("clicks", "Clicks", "点击次数", "events", 90, "clicks", event="click"),
    _count("applications", "Applications", "申请次数", "events", 90, "applications", event="apply"),
    Tag(
        "time_spent_30d",
        "Time spent, last 30 days",
        "近30天使用时长",
        "float64",
        Aggregate("events", "sum", "duration_s", days=30),
        "Time spent in events of the last 30 days.",
        unit="seconds",
    ),
    _top_channel("top_event_channel", "Channel visited most", "最常访问渠道", "events", 90),
)

_CONTACTS_90D = _count("contacts", "Contacts", "触达次数", "contacts", 90, "contacts")
_OPENS_90D = _count("contact_opens", "Contacts opened", "触达打开次数", "contacts", 90, "contacts", opened=True)  # fmt: skip

CONTACT_TAGS = (
    _idle("days_since_contact", "Days since the last contact", "距上次触达天数", "contacts"),
    _CONTACTS_90D,
    _OPENS_90D,
    _count(
        "contact_clicks", "Contacts clicked", "触达点击次数", "contacts", 90, "contacts",
        clicked=True,
    ),
    Tag(
        "contact_open_rate_90d",
        "Share of contacts opened, last 90 days",
        "近90天触达打开率",
        "float64",
        Formula(f.share, (_OPENS_90D, _CONTACTS_90D)),
        "Contacts of the last 90 days that were opened by as_of, as a share; null if none.",
        unit="share",
    ),
    _count("campaigns", "Campaigns taken part in", "参与活动数", "assignments", 365, "campaigns"),
    _count(
        "held_out", "Campaigns held out of", "作为对照组的活动数", "assignments", 365, "campaigns",
        held_out=True,
    ),
    _count(
        "conversions", "Campaigns converted in", "活动转化数", "campaign_outcomes", 365,
        "campaigns", met=True,
    ),
    _count("benefits_granted", "Benefits received", "获得权益数", "benefit_grants", 365, "benefits"),
    _count(
        "benefits_redeemed", "Benefits redeemed", "核销权益数", "benefit_grants", 365, "benefits",
        redeemed=True,
    ),
)  # fmt: skip
