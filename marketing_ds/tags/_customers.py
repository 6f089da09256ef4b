"""Customer tags on who they are and what they hold. To add one, add a `Tag` to its tuple.

Amounts are in CNY. Static facts are as the mart has them: the contract keeps no history of them.
"""

from __future__ import annotations

from marketing_ds import schema

from . import _formulas as f
from ._activity import CONTACT_TAGS, DAYS_IDLE, EVENT_TAGS, TRANSACTION_TAGS
from ._sources import ASSETS, MATURITY_DAYS, TREND_DAYS
from ._tag import AS_OF, Aggregate, Fact, Formula, Tag, where

_CHANNELS_ZH = {
    "app": "手机银行",
    "wechat": "微信",
    "sms": "短信",
    "email": "邮件",
    "phone": "电话",
}


def _consent(channel: str) -> Tag:
    return Tag(
        schema.consent_column(channel),
        f"May be contacted by {channel}",
        f"可通过{_CHANNELS_ZH[channel]}触达",
        "boolean",
        Fact(schema.consent_column(channel)),
        f"The customer agreed to be contacted through {channel}.",
    )


_TENURE = Tag(
    "tenure_days",
    "Days with the bank",
    "客户在行天数",
    "int64",
    Formula(f.days_since, (AS_OF, Fact("opened_on"))),
    "Days since the first account was opened.",
    unit="days",
)

FACT_TAGS = (
    Tag(
        "age",
        "Age",
        "年龄",
        "int64",
        Formula(f.years, (AS_OF, Fact("birth_year"))),
        "Age reached in the year of as_of; null if the year of birth is unknown.",
        unit="years",
        sensitivity="sensitive",
    ),
    Tag(
        "gender",
        "Gender",
        "性别",
        "string",
        Fact("gender"),
        "F or M, as in the files; null if unknown.",
        sensitivity="sensitive",
    ),
    Tag("region", "Region", "地区", "string", Fact("region"), "Region of residence."),
    Tag(
        "occupation",
        "Occupation",
        "职业",
        "string",
        Fact("occupation"),
        "Occupation class; null if unknown.",
        sensitivity="sensitive",
    ),
    Tag(
        "risk_level",
        "Risk appetite",
        "风险承受等级",
        "int64",
        Fact("risk_level"),
        "Risk appetite found by the bank's questionnaire; null if not asked yet.",
        unit="1 (low) to 5",
    ),
    _TENURE,
    Tag(
        "has_manager",
        "Has a relationship manager",
        "有客户经理",
        "boolean",
        Formula(f.known, (Fact("manager_id"),)),
        "A relationship manager is assigned.",
    ),
    *(_consent(channel) for channel in schema.CONTACT_CHANNELS),
    Tag(
        "consent_channels",
        "Channels open for contact",
        "可触达渠道数",
        "int64",
        Formula(
            f.count_true, tuple(Fact(schema.consent_column(c)) for c in schema.CONTACT_CHANNELS)
        ),
        "Number of channels that the customer agreed to.",
        unit="channels",
    ),
    Tag(
        "suppressed",
        "On a do-not-contact list",
        "在免打扰名单",
        "boolean",
        Fact("suppressed"),
        "Never contact, whatever the consent.",
    ),
)


def _held(*categories: str, snapshot: str = "now") -> Aggregate:
    conditions = where(snapshot=snapshot, category=categories)
    return Aggregate("holdings", "sum", "balance_cny", conditions)


def _balance(category: str, title_en: str, title_zh: str) -> Tag:
    owed = category in ("loan", "card")
    return Tag(
        f"{category}_cny",
        title_en,
        title_zh,
        "float64",
        _held(category),
        f"{'Amount owed on' if owed else 'Balance of'} {category} products at the last snapshot.",
        unit="CNY",
    )


_AUM = Tag(
    "aum",
    "Assets under management",
    "管理资产规模（AUM）",
    "float64",
    _held(*ASSETS),
    f"Balance of {', '.join(ASSETS)} products at the last snapshot by as_of.",
    unit="CNY",
)
_AUM_BEFORE = Tag(
    f"aum_{TREND_DAYS}d_ago",
    f"Assets {TREND_DAYS} days ago",
    f"{TREND_DAYS}天前AUM",
    "float64",
    _held(*ASSETS, snapshot="before"),
    f"As aum, at the last snapshot {TREND_DAYS} or more days before as_of; null if the mart has none.",
    unit="CNY",
)
_AUM_CHANGE = Tag(
    f"aum_change_{TREND_DAYS}d",
    f"Change of assets in {TREND_DAYS} days",
    f"近{TREND_DAYS}天AUM变动",
    "float64",
    Formula(f.minus, (_AUM, _AUM_BEFORE)),
    f"aum less aum_{TREND_DAYS}d_ago.",
    unit="CNY",
)
_BALANCES = tuple(
    _balance(category, title_en, title_zh)
    for category, title_en, title_zh in (
        ("deposit", "Deposits", "存款余额"),
        ("wealth", "Wealth products", "理财余额"),
        ("fund", "Funds", "基金余额"),
        ("insurance", "Insurance", "保险余额"),
        ("loan", "Loans owed", "贷款余额"),
        ("card", "Card balance owed", "信用卡欠款"),
    )
)

BALANCE_TAGS = (
    _AUM,
    *_BALANCES,
    _AUM_BEFORE,
    _AUM_CHANGE,
    Tag(
        f"aum_change_rate_{TREND_DAYS}d",
        f"Growth of assets in {TREND_DAYS} days",
        f"近{TREND_DAYS}天AUM变动率",
        "float64",
        Formula(f.share, (_AUM_CHANGE, _AUM_BEFORE)),
        f"aum_change_{TREND_DAYS}d as a share of aum_{TREND_DAYS}d_ago; null if that was 0.",
        unit="share",
    ),
    Tag(
        "deposit_share",
        "Deposits in assets",
        "存款占比",
        "float64",
        Formula(f.share, (_BALANCES[0], _AUM)),
        "Deposits as a share of aum; null without assets.",
        unit="share",
    ),
    Tag(
        "products_held",
        "Products held",
        "持有产品数",
        "int64",
        Aggregate("holdings", "count", where=where(snapshot="now")),
        "Products with a balance at the last snapshot, loans and cards included.",
        unit="products",
    ),
    Tag(
        "categories_held",
        "Product categories held",
        "持有产品类别数",
        "int64",
        Formula(f.count_positive, _BALANCES),
        "Product categories with a balance at the last snapshot.",
        unit="categories",
    ),
    Tag(
        f"maturing_{MATURITY_DAYS}d_cny",
        f"Balance maturing within {MATURITY_DAYS} days",
        f"未来{MATURITY_DAYS}天到期金额",
        "float64",
        Aggregate("holdings", "sum", "balance_cny", where(snapshot="now", matures_soon=True)),
        f"Balance whose term ends in the {MATURITY_DAYS} days after as_of.",
        unit="CNY",
    ),
)

LIFE_TAGS = (
    Tag(
        "lifecycle",
        "Lifecycle stage",
        "生命周期阶段",
        "string",
        Formula(f.lifecycle, (_TENURE, _AUM, _AUM_BEFORE, DAYS_IDLE)),
        f"The first that fits: new (opened less than {f.NEW_DAYS} days ago); lost (idle over "
        f"{f.LOST_DAYS} days, assets below {f.LOST_AUM_CNY:g} CNY); dormant (idle over "
        f"{f.DORMANT_DAYS} days); growing or declining (assets up or down by more than "
        f"{f.TREND:.0%} in {TREND_DAYS} days); mature.",
    ),
    Tag(
        "value_tier",
        "Value tier",
        "价值分层",
        "string",
        Formula(f.value_tier, (_AUM,)),
        "By aum: mass, affluent (from 50,000 CNY), vip (from 1,000,000), private (from 6,000,000).",
    ),
)

CUSTOMER_TAGS = (
    *FACT_TAGS,
    *BALANCE_TAGS,
    *TRANSACTION_TAGS,
    *EVENT_TAGS,
    *CONTACT_TAGS,
    *LIFE_TAGS,
)
"""Every declared customer tag, in the order in which tables and catalogue show them."""
