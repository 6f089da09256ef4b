"""Customer tags on what they hold: balances, their trend, and products.

Amounts are in CNY and come from snapshots, month ends by default: a tag of "now" is as of the last
snapshot by `as_of`. Only balances above 0 count: what is negative against the contract is left out.
An infinite balance makes sums infinite, and changes and shares made of it NaN or 0.
"""

from __future__ import annotations

from functools import partial

from .._snapshots import SNAPSHOTS
from .._sources import ASSETS, MATURITY_DAYS, TREND_DAYS
from .._tag import Aggregate, Formula, Tag, where
from . import _formulas as f
from ._words import CATEGORIES_ZH, categories

HELD = ("deposit", "wealth", "fund", "insurance", "loan", "card")
"""Product categories that customers hold with a balance."""
_DEBTS = ("loan", "card")
_WITHIN = {7: ("7d",), 30: ("7d", "30d"), 90: ("7d", "30d", "90d")}
_NAMES = {
    "deposit": "deposits", "wealth": "wealth products", "fund": "funds",
    "insurance": "insurance", "loan": "loans", "card": "cards",
}  # fmt: skip

_balance_tag = partial(
    Tag, subject="balances", freshness="monthly", owner="retail banking", unit="CNY"
)
_held_tag = partial(Tag, subject="products held", freshness="monthly", owner="retail banking")


def held(*of: str, at: str = "at_now") -> Aggregate:
    """The balance of product categories at a snapshot."""
    return Aggregate("holdings", "sum", "balance_cny", where(**{at: True}, category=of))


def _balance(category: str, title_en: str, title_zh: str) -> Tag:
    what = "Amount owed on" if category in _DEBTS else "Balance of"
    return _balance_tag(
        f"{category}_cny",
        title_en,
        title_zh,
        "float64",
        held(category),
        f"{what} {category} products at the last snapshot; 0 if none is held.",
    )


def _aum_ago(days: int) -> Tag:
    return _balance_tag(
        f"aum_{days}d_ago",
        f"Assets {days} days ago",
        f"{days}天前AUM",
        "float64",
        held(*ASSETS, at=f"at_{days}d"),
        f"As aum, at the last snapshot {days} or more days before as_of; null if the mart has none.",
    )


AUM = _balance_tag(
    "aum",
    "Assets under management",
    "管理资产规模（AUM）",
    "float64",
    held(*ASSETS),
    f"Balance of {', '.join(ASSETS)} products at the last snapshot by as_of; 0 if none is held.",
)
BALANCES = {
    category: _balance(category, title_en, title_zh)
    for category, title_en, title_zh in (
        ("deposit", "Deposits", "存款余额"),
        ("wealth", "Wealth products", "理财余额"),
        ("fund", "Funds", "基金余额"),
        ("insurance", "Insurance", "保险余额"),
        ("loan", "Loans owed", "贷款余额"),
        ("card", "Card balance owed", "信用卡欠款"),
    )
}
_AGO = {days: _aum_ago(days) for days in (30, 60, TREND_DAYS, 180)}
AUM_BEFORE = _AGO[TREND_DAYS]


def _aum_change(days: int) -> Tag:
    return _balance_tag(
        f"aum_change_{days}d",
        f"Change of assets in {days} days",
        f"近{days}天AUM变动",
        "float64",
        Formula(f.minus, (AUM, _AGO[days])),
        f"aum less aum_{days}d_ago, negative if assets fell; null if the latter is unknown.",
    )


def _aum_rate(days: int, change: Tag) -> Tag:
    return _balance_tag(
        f"aum_change_rate_{days}d",
        f"Growth of assets in {days} days",
        f"近{days}天AUM变动率",
        "float64",
        Formula(f.share, (change, _AGO[days])),
        f"aum_change_{days}d as a share of aum_{days}d_ago; null if that was 0 or is unknown.",
        unit="share",
    )


def _category_change(category: str) -> Tag:
    at = f"at_{TREND_DAYS}d"
    return _balance_tag(
        f"{category}_change_{TREND_DAYS}d_cny",
        f"Change of {_NAMES[category]} in {TREND_DAYS} days",
        f"近{TREND_DAYS}天{CATEGORIES_ZH[category]}余额变动",
        "float64",
        Formula(f.minus, (BALANCES[category], held(category, at=at))),
        f"{category}_cny less what it was {TREND_DAYS} days ago, negative if it fell; null if the "
        f"mart has no snapshot so early.",
    )


def _category_share(category: str) -> Tag:
    return _balance_tag(
        f"{category}_share",
        f"{_NAMES[category].capitalize()} in assets",
        f"{CATEGORIES_ZH[category]}占AUM比例",
        "float64",
        Formula(f.share, (BALANCES[category], AUM)),
        f"{category}_cny as a share of aum; null without assets.",
        unit="share",
    )


_CHANGES = {days: _aum_change(days) for days in (30, TREND_DAYS, 180)}
RATES = {days: _aum_rate(days, change) for days, change in _CHANGES.items()}
_PEAK = _balance_tag(
    "aum_peak_180d",
    "Highest assets of the last 180 days",
    "近180天AUM峰值",
    "float64",
    Formula(f.greatest, (AUM, *_AGO.values())),
    "The highest aum of the snapshots now and 30, 60, 90 and 180 days ago, as far as the mart "
    "has them; never null.",
)
_DEBT = _balance_tag(
    "debt_cny",
    "Debt",
    "负债余额",
    "float64",
    held(*_DEBTS),
    "Amount owed on loans and cards at the last snapshot; 0 if none.",
)

BALANCE_TAGS = (
    AUM,
    *BALANCES.values(),
    *(_AGO[days] for days in _CHANGES),
    *_CHANGES.values(),
    *RATES.values(),
    *(_category_change(category) for category in ("deposit", "wealth", "fund")),
    _balance_tag(
        "aum_growing_steps_90d",
        "Months of growing assets, of the last three",
        "近3个月AUM增长月数",
        "int64",
        Formula(f.steps_growing, (AUM, _AGO[30], _AGO[60], _AGO[90])),
        "In how many of the last three 30-day steps aum grew, 0 to 3; null if the mart has no "
        "snapshot 90 days ago.",
        unit="months",
    ),
    _PEAK,
    _balance_tag(
        "aum_below_peak",
        "Assets below their peak",
        "AUM较峰值回落比例",
        "float64",
        Formula(f.rest_share, (AUM, _PEAK)),
        "What is missing to aum_peak_180d, as a share of it: 0 at the peak, 1 if all is gone; null "
        "if there never was any.",
        unit="share",
    ),
    *(_category_share(category) for category in ASSETS),
    _DEBT,
    _balance_tag(
        "debt_to_assets",
        "Debt to assets",
        "负债资产比",
        "float64",
        Formula(f.share, (_DEBT, AUM)),
        "debt_cny as a multiple of aum; null without assets.",
        unit="ratio",
    ),
    _balance_tag(
        "net_balance_cny",
        "Assets less debt",
        "净资产（资产减负债）",
        "float64",
        Formula(f.minus, (AUM, _DEBT)),
        "aum less debt_cny; negative for those who owe more than they hold; never null.",
    ),
)


def _holds(category: str) -> Tag:
    return _held_tag(
        f"holds_{category}",
        f"Holds {_NAMES[category]}",
        f"持有{CATEGORIES_ZH[category]}",
        "boolean",
        Formula(f.positive, (BALANCES[category],)),
        f"Has a balance of {category} products at the last snapshot; never null.",
    )


def _maturing(days: int) -> Tag:
    return _held_tag(
        f"maturing_{days}d_cny",
        f"Balance maturing within {days} days",
        f"未来{days}天到期金额",
        "float64",
        Aggregate("holdings", "sum", "balance_cny", where(at_now=True, term=_WITHIN[days])),
        f"Balance whose term ends in the {days} days after as_of; 0 if none.",
        unit="CNY",
        freshness="daily",
    )


_COUNT = _held_tag(
    "products_held",
    "Products held",
    "持有产品数",
    "int64",
    Aggregate("holdings", "count", where=where(at_now=True)),
    "Products with a balance at the last snapshot, loans and cards included; 0 if none.",
    unit="products",
)
_BEFORE = tuple(held(category, at=f"at_{TREND_DAYS}d") for category in HELD)
MATURING = {days: _maturing(days) for days in _WITHIN}
MATURED = _held_tag(
    f"matured_{MATURITY_DAYS}d_cny",
    f"Balance matured in the last {MATURITY_DAYS} days",
    f"近{MATURITY_DAYS}天已到期金额",
    "float64",
    Aggregate("holdings", "sum", "balance_cny", where(at_30d=True, term="ended_30d")),
    f"Balance at the last snapshot {SNAPSHOTS['at_30d']} or more days before as_of whose term has "
    f"ended since; null if the mart has no snapshot so early.",
    unit="CNY",
    freshness="daily",
)

HOLDING_TAGS = (
    _COUNT,
    _held_tag(
        "categories_held",
        "Product categories held",
        "持有产品类别数",
        "int64",
        Formula(f.count_positive, tuple(BALANCES.values())),
        "Product categories with a balance at the last snapshot; 0 if none.",
        unit="categories",
    ),
    *(_holds(category) for category in HELD),
    _held_tag(
        "main_asset_category",
        "Category with most assets",
        "主要资产类别",
        "string",
        Formula(f.largest(ASSETS), tuple(BALANCES[category] for category in ASSETS)),
        f"Of {', '.join(ASSETS)} (ties in this order), the one with the highest balance; null "
        f"without assets.",
        words=categories(ASSETS),
    ),
    _held_tag(
        "deposit_only",
        "Holds deposits only",
        "仅持有存款",
        "boolean",
        Formula(f.only_first, tuple(BALANCES.values())),
        "Has deposits at the last snapshot and no other product; never null.",
    ),
    _held_tag(
        "new_categories_90d",
        "Product categories new in 90 days",
        "近90天新增产品类别数",
        "int64",
        Formula(f.newly_positive, (*BALANCES.values(), *_BEFORE)),
        "Categories held now and not 90 days ago; null if the mart has no snapshot so early.",
        unit="categories",
    ),
    _held_tag(
        "dropped_categories_90d",
        "Product categories given up in 90 days",
        "近90天流失产品类别数",
        "int64",
        Formula(f.newly_positive, (*_BEFORE, *BALANCES.values())),
        "Categories held 90 days ago and not now; null if the mart has no snapshot so early.",
        unit="categories",
    ),
    _held_tag(
        "products_change_90d",
        "Change of products held in 90 days",
        "近90天持有产品数变动",
        "int64",
        Formula(f.minus, (_COUNT, Aggregate("holdings", "count", where=where(at_90d=True)))),
        "products_held less what it was 90 days ago; null if the mart has no snapshot so early.",
        unit="products",
    ),
    *MATURING.values(),
    _held_tag(
        "days_to_next_maturity",
        "Days to the next maturity",
        "距最近到期天数",
        "int64",
        Formula(
            f.negative,
            (
                Aggregate(
                    "holdings",
                    "max",
                    "days_past_maturity",
                    where(at_now=True, term=("7d", "30d", "90d", "later")),
                ),
            ),
        ),
        "Days until the first term of what is held ends; null if nothing held has a term to come.",
        unit="days",
        freshness="daily",
    ),
    MATURED,
)
