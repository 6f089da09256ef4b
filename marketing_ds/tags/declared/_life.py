"""Customer tags on where they stand, and on what has just happened to them."""

from __future__ import annotations

from functools import partial

from .._sources import TREND_DAYS
from .._tag import Aggregate, Formula, Tag, where
from . import _formulas as f
from . import _stages as stages
from ._activity import DAYS_IDLE, INFLOW, OUTFLOW, OWN_KINDS, SALARIES, SALARY_AGO
from ._balances import AUM, AUM_BEFORE, MATURED, MATURING, RATES
from ._people import TENURE
from ._purchases import FIRST_PURCHASE, PURCHASES
from ._visits import APPLICATIONS, EVENTS

_TIERS = tuple(zip(stages.TIERS, ("大众", "富裕", "贵宾", "私人银行"), strict=True))
_STAGES = (
    ("new", "新客"), ("growing", "成长"), ("mature", "成熟"), ("declining", "衰退"),
    ("dormant", "睡眠"), ("lost", "流失"),
)  # fmt: skip

_tag = partial(Tag, subject="value and lifecycle", owner="customer management")
_score = partial(_tag, unit="1 (low) to 5")

_TIER = _tag(
    "value_tier",
    "Value tier",
    "价值分层",
    "string",
    Formula(stages.value_tier, (AUM,)),
    "By aum: mass, affluent (from 50,000 CNY), vip (from 1,000,000), private (from 6,000,000); "
    "never null.",
    freshness="monthly",
    words=_TIERS,
)
_TIER_BEFORE = _tag(
    f"value_tier_{TREND_DAYS}d_ago",
    f"Value tier {TREND_DAYS} days ago",
    f"{TREND_DAYS}天前价值分层",
    "string",
    Formula(stages.known_value_tier, (AUM_BEFORE,)),
    f"As value_tier, by aum_{TREND_DAYS}d_ago; null if that is unknown.",
    freshness="monthly",
    words=_TIERS,
)
_RECENCY = _score(
    "rfm_recency",
    "Recency score",
    "RFM近度得分",
    "int64",
    Formula(stages.recency_score, (DAYS_IDLE,)),
    "By days_since_transaction: 5 up to 7 days, 4 up to 30, 3 up to 90, 2 up to 180, 1 beyond or "
    "never; never null.",
)
_FREQUENCY = _score(
    "rfm_frequency",
    "Frequency score",
    "RFM频度得分",
    "int64",
    Formula(
        stages.frequency_score,
        (Aggregate("transactions", "count", where=where(kind=OWN_KINDS), days=365),),
    ),
    "By transactions other than interest and fees in 365 days: 1 below 4, 2 from 4, 3 from 12, 4 "
    "from 24, 5 from 52; never null.",
)
_AMOUNT = _score(
    "rfm_amount",
    "Amount score",
    "RFM金额得分",
    "int64",
    Formula(stages.amount_score, (OUTFLOW[365],)),
    "By outflow_365d_cny: 1 below 1,000 CNY, 2 from there, 3 from 10,000, 4 from 50,000, 5 from "
    "200,000; never null.",
)

STAGE_TAGS = (
    _tag(
        "lifecycle",
        "Lifecycle stage",
        "生命周期阶段",
        "string",
        Formula(stages.lifecycle, (TENURE, AUM, AUM_BEFORE, DAYS_IDLE)),
        f"The first that fits: new (opened less than {stages.NEW_DAYS} days ago); lost (idle over "
        f"{stages.LOST_DAYS} days, assets below {stages.LOST_AUM_CNY:g} CNY); dormant (idle over "
        f"{stages.DORMANT_DAYS} days); growing or declining (assets up or down by more than "
        f"{stages.TREND:.0%} in {TREND_DAYS} days); mature. Never null.",
        words=_STAGES,
    ),
    _TIER,
    _TIER_BEFORE,
    _tag(
        f"tier_change_{TREND_DAYS}d",
        f"Change of value tier in {TREND_DAYS} days",
        f"近{TREND_DAYS}天价值分层变动",
        "string",
        Formula(stages.tier_change, (_TIER, _TIER_BEFORE)),
        f"Whether value_tier went up, went down or is the same as {TREND_DAYS} days ago; null if "
        f"the earlier one is unknown.",
        freshness="monthly",
        words=(("up", "升级"), ("same", "不变"), ("down", "降级")),
    ),
    _RECENCY,
    _FREQUENCY,
    _AMOUNT,
    _tag(
        "rfm_class",
        "RFM class",
        "RFM客户分类",
        "string",
        Formula(stages.rfm_class, (_RECENCY, _FREQUENCY, _AMOUNT)),
        f"One of eight, by whether rfm_amount (important or general), rfm_recency and "
        f"rfm_frequency are {stages.HIGH_SCORE} or more: value (recent and frequent), develop "
        f"(recent only), keep (frequent only), win_back (neither); never null.",
        words=tuple(stages.RFM_CLASSES.values()),
    ),
)

_event = partial(Tag, subject="life events")


def _happening(name: str, title_en: str, title_zh: str, rule: Formula, description: str) -> Tag:
    return _event(name, title_en, title_zh, "boolean", rule, description)


LIFE_TAGS = (
    _happening(
        "salary_stopped",
        "Salary has stopped",
        "代发工资中断",
        Formula(stages.salary_stopped, (SALARY_AGO, SALARIES)),
        f"At least {stages.STEADY_SALARIES} salaries in 365 days, and the last one over "
        f"{stages.SALARY_GAP_DAYS} days ago; never null.",
    ),
    _happening(
        "large_inflow_7d",
        "Large sum just came in",
        "近7天大额资金流入",
        Formula(stages.large_inflow, (INFLOW[7], INFLOW[90])),
        f"At least {stages.LARGE_INFLOW_CNY:,.0f} CNY came in within 7 days, and more than in the "
        f"83 days before; never null.",
    ),
    _happening(
        "maturing_30d",
        "A term ends within 30 days",
        "未来30天有产品到期",
        Formula(f.positive, (MATURING[30],)),
        "A balance held matures in the 30 days after as_of; never null.",
    ),
    _happening(
        "matured_30d",
        "A term ended in the last 30 days",
        "近30天有产品到期",
        Formula(f.positive, (MATURED,)),
        "A balance matured in the last 30 days; null if the mart has no snapshot before them.",
    ),
    _happening(
        "card_activated_30d",
        "Card just activated",
        "近30天信用卡首次用卡",
        Formula(
            f.recent(30),
            (
                Aggregate(
                    "transactions", "since_first", where=where(category="card", kind="payment")
                ),
            ),
        ),
        "The first payment with a card of the bank lies within the last 30 days; never null.",
    ),
    _happening(
        "first_purchase_30d",
        "Just bought for the first time",
        "近30天首次购买",
        Formula(f.recent(30), (FIRST_PURCHASE,)),
        "The first purchase ever lies within the last 30 days; never null.",
    ),
    _happening(
        "application_open_30d",
        "Applied without buying",
        "近30天申请未成交",
        Formula(f.first_without_second, (APPLICATIONS[30], PURCHASES[30])),
        "Applied for something in the last 30 days and bought nothing in them; never null.",
    ),
    _happening(
        "returned_30d",
        "Came back after a silence",
        "近30天回访客户",
        Formula(f.returned, (EVENTS[30], EVENTS[90], EVENTS[365])),
        "Events in the last 30 days, none in the 60 before, but some in the year; never null.",
    ),
    _happening(
        "assets_dropped_30d",
        "Assets dropped",
        "近30天资产大幅流出",
        Formula(stages.dropped, (RATES[30],)),
        f"aum fell by more than {stages.TREND:.0%} in 30 days; null if it is unknown what it was, "
        f"or was 0.",
    ),
    _happening(
        "new_customer_30d",
        "New customer",
        "近30天新开户",
        Formula(f.recent(30), (TENURE,)),
        "The first account was opened within the last 30 days; never null.",
    ),
)
