"""Product tags: what it is, who holds it, how it sells. One row a product launched by `as_of`.

Facts of a product are as the mart has them: the contract keeps no history of them.
"""

from __future__ import annotations

from functools import partial

from marketing_ds import schema

from .._sources import MATURITY_DAYS, TREND_DAYS
from .._tag import AS_OF, Aggregate, Fact, Formula, Tag, where
from . import _families as fam
from . import _formulas as f
from ._words import categories

_tag = partial(Tag, entity="product", owner="product management")
_fact = partial(_tag, subject="what it is", freshness="static")
_held = partial(_tag, subject="holders and balance", freshness="monthly")
_sold = partial(_tag, subject="sales")
_NOW, _BEFORE = where(at_now=True), where(at_90d=True)
_AGO_EN, _AGO_ZH = f"{TREND_DAYS} days ago", f"{TREND_DAYS}天前"
_UNKNOWN = "null if the mart has no snapshot so early"

_MARGIN = _fact(
    "margin_rate",
    "Yearly margin",
    "年化利润率",
    "float64",
    Fact("margin_rate", "products"),
    "Margin a year as a share of the balance; null if unknown.",
    unit="share",
)

FACT_TAGS = (
    _fact(
        "product_name",
        "Name",
        "产品名称",
        "string",
        Fact("name", "products"),
        "Name shown to customers; never null.",
    ),
    _fact(
        "category",
        "Category",
        "产品类别",
        "string",
        Fact("category", "products"),
        "Product category; never null.",
        words=categories(schema.CATEGORIES),
    ),
    _fact(
        "risk_level",
        "Risk class",
        "产品风险等级",
        "int64",
        Fact("risk_level", "products"),
        "Risk class of the product; null if it has none.",
        unit="1 (low) to 5",
    ),
    _MARGIN,
    _fact(
        "days_on_sale",
        "Days on sale",
        "上架天数",
        "int64",
        Formula(f.days_since, (AS_OF, Fact("launched_on", "products"))),
        "Days since the first day on sale; never null.",
        unit="days",
        freshness="daily",
    ),
)

_HOLDERS = _held(
    "holders",
    "Holders",
    "持有客户数",
    "int64",
    Aggregate("holdings", "customers", where=_NOW),
    "Customers with a balance at the last snapshot; 0 if none.",
    unit="customers",
)
_HOLDERS_BEFORE = _held(
    "holders_90d_ago",
    f"Holders {_AGO_EN}",
    f"{_AGO_ZH}持有客户数",
    "int64",
    Aggregate("holdings", "customers", where=_BEFORE),
    f"As holders, at the last snapshot {TREND_DAYS} or more days before as_of; {_UNKNOWN}.",
    unit="customers",
)
_NEW_HOLDERS = _held(
    "new_holders_90d",
    "Holders new in 90 days",
    "近90天新增持有客户数",
    "int64",
    Aggregate("holdings", "customers", where=where(at_now=True, held_90d=False)),
    f"Customers who hold it now and did not at the snapshot {TREND_DAYS} days ago; {_UNKNOWN}.",
    unit="customers",
)
_KEPT = Aggregate("holdings", "customers", where=where(at_90d=True, held_now=True))
_BALANCE = _held(
    "balance_cny",
    "Balance",
    "余额",
    "float64",
    Aggregate("holdings", "sum", "balance_cny", _NOW),
    "Balance of all customers at the last snapshot, for loans and cards the amount owed; 0 if "
    "none.",
    unit="CNY",
)
_BALANCE_BEFORE = _held(
    "balance_90d_ago_cny",
    f"Balance {_AGO_EN}",
    f"{_AGO_ZH}余额",
    "float64",
    Aggregate("holdings", "sum", "balance_cny", _BEFORE),
    f"As balance_cny, at the last snapshot {TREND_DAYS} or more days before as_of; {_UNKNOWN}.",
    unit="CNY",
)


def _held_ratio(
    name: str,
    title_en: str,
    title_zh: str,
    rule: Formula,
    description: str,
    unit: str = "share",
) -> Tag:
    return _held(name, title_en, title_zh, "float64", rule, description, unit=unit)


HOLDER_TAGS = (
    _HOLDERS,
    _HOLDERS_BEFORE,
    _held_ratio(
        "holders_growth_90d",
        "Growth of holders in 90 days",
        "近90天持有客户数增长率",
        Formula(f.change_rate, (_HOLDERS, _HOLDERS_BEFORE)),
        "Change of holders as a share of holders_90d_ago; null if that was 0 or is unknown.",
    ),
    _NEW_HOLDERS,
    _held_ratio(
        "kept_share_90d",
        "Share of holders kept for 90 days",
        "近90天客户留存率",
        Formula(f.share, (_KEPT, _HOLDERS_BEFORE)),
        "Of the holders 90 days ago, the share who hold it still; null if there were none or "
        "they are unknown.",
    ),
    _BALANCE,
    _BALANCE_BEFORE,
    _held_ratio(
        "balance_growth_90d",
        "Growth of the balance in 90 days",
        "近90天余额增长率",
        Formula(f.change_rate, (_BALANCE, _BALANCE_BEFORE)),
        "Change of the balance as a share of balance_90d_ago_cny; null if that was 0 or is unknown.",
    ),
    _held_ratio(
        "average_balance_cny",
        "Balance of a holder",
        "户均余额",
        Formula(f.share, (_BALANCE, _HOLDERS)),
        "balance_cny for each of holders; null without holders.",
        unit="CNY",
    ),
    _held_ratio(
        "yearly_margin_cny",
        "Margin a year at today's balance",
        "按当前余额的年利润",
        Formula(f.product, (_BALANCE, _MARGIN)),
        "balance_cny times margin_rate; null if that is unknown.",
        unit="CNY",
    ),
    _held_ratio(
        "cross_held_share",
        "Holders who hold something else too",
        "同时持有其他产品的客户占比",
        Formula(
            f.share,
            (
                Aggregate("holdings", "customers", where=where(at_now=True, has_other=True)),
                _HOLDERS,
            ),
        ),
        "Share of the holders who hold another product at the last snapshot; null without holders.",
    ),
    _held(
        "maturing_30d_cny",
        f"Balance maturing within {MATURITY_DAYS} days",
        f"未来{MATURITY_DAYS}天到期金额",
        "float64",
        Aggregate("holdings", "sum", "balance_cny", where(at_now=True, term=("7d", "30d"))),
        f"Balance whose term ends in the {MATURITY_DAYS} days after as_of; 0 if none.",
        unit="CNY",
        freshness="daily",
    ),
)


def _buyers(days: int) -> Tag:
    return _sold(
        f"buyers_{days}d",
        *fam.windowed("Buyers", "购买客户数", days),
        "int64",
        Aggregate("transactions", "customers", where=where(kind="purchase"), days=days),
        f"Customers who bought it in the last {days} days; 0 if none.",
        unit="customers",
    )


def _purchases(days: int) -> Tag:
    return _sold(
        f"purchases_{days}d",
        *fam.windowed("Purchases", "购买笔数", days),
        "int64",
        Aggregate("transactions", "count", where=where(kind="purchase"), days=days),
        f"Purchases in the last {days} days; 0 if none.",
        unit="purchases",
    )


def _moved(name: str, title_en: str, title_zh: str, kind: str, days: int) -> Tag:
    return _sold(
        f"{name}_{days}d_cny",
        *fam.windowed(title_en, title_zh, days),
        "float64",
        Aggregate("transactions", "sum", "amount_cny", where(kind=kind), days),
        f"{title_en} in the last {days} days; 0 if none.",
        unit="CNY",
    )


_WINDOWS = (30, 90, 365)
_COUNTS = {days: _purchases(days) for days in _WINDOWS}
_SALES = {
    days: _moved("purchases", "Amount purchased", "购买金额", "purchase", days) for days in _WINDOWS
}
_REDEEMED = _moved("redemptions", "Amount redeemed", "赎回金额", "redemption", 90)
_DIGITAL = Aggregate(
    "transactions",
    "count",
    where=where(kind="purchase", channel=("app", "web", "wechat")),
    days=90,
)

SALES_TAGS = (
    *(_buyers(days) for days in _WINDOWS),
    *_COUNTS.values(),
    *_SALES.values(),
    _sold(
        "average_purchase_365d_cny",
        *fam.windowed("Average purchase", "笔均购买金额", 365),
        "float64",
        Formula(f.share, (_SALES[365], _COUNTS[365])),
        "purchases_365d_cny for each of purchases_365d; null if none.",
        unit="CNY",
    ),
    _REDEEMED,
    _sold(
        "net_sales_90d_cny",
        *fam.windowed("Purchases less redemptions", "净销售金额", 90),
        "float64",
        Formula(f.minus, (_SALES[90], _REDEEMED)),
        "purchases_90d_cny less redemptions_90d_cny; negative if more was redeemed; never null.",
        unit="CNY",
    ),
    _sold(
        "sales_trend_30d",
        "Purchases against the two months before",
        "近30天购买趋势",
        "float64",
        Formula(f.trend, (_COUNTS[30], _COUNTS[90])),
        "purchases_30d as a multiple of the monthly mean of the 60 days before; null if there was "
        "none.",
        unit="ratio",
    ),
    _sold(
        "digital_share_90d",
        *fam.windowed("Share of purchases online", "线上购买占比", 90),
        "float64",
        Formula(f.share, (_DIGITAL, _COUNTS[90])),
        "Purchases in app, web or WeChat as a share of purchases_90d; null if none.",
        unit="share",
    ),
    _sold(
        "days_since_purchase",
        "Days since the last purchase",
        "距上次购买天数",
        "int64",
        Aggregate("transactions", "recency", where=where(kind="purchase")),
        "Days since somebody last bought it; null if nobody ever did.",
        unit="days",
    ),
    _sold(
        "campaigns_365d",
        *fam.windowed("Campaigns for it", "营销活动数", 365),
        "int64",
        Aggregate("campaigns", "count", days=365),
        "Campaigns that sell it and began in the last 365 days; 0 if none.",
        unit="campaigns",
        owner="marketing",
    ),
    _sold(
        "campaigns_running",
        "Campaigns running for it",
        "进行中营销活动数",
        "int64",
        Aggregate("campaigns", "count", where=where(running=True)),
        "Campaigns that sell it and have begun and not ended; 0 if none.",
        unit="campaigns",
        owner="marketing",
    ),
)

PRODUCT_TAGS = (*FACT_TAGS, *HOLDER_TAGS, *SALES_TAGS)
"""Every declared product tag, in the order in which tables and catalogue show them."""
