"""Customer tags on what they buy: products of the bank, or goods in marts that come from shops."""

from __future__ import annotations

from functools import partial

from marketing_ds import schema

from .._tag import Aggregate, Formula, Tag, where
from . import _families as fam
from . import _formulas as f
from ._words import categories

_SUBJECT, _OWNER = "purchases", "retail banking"
_WINDOWS = (30, 90, 180, 365)
_tag = partial(Tag, subject=_SUBJECT, owner=_OWNER)
_ratio = partial(fam.ratio, subject=_SUBJECT, owner=_OWNER)

PURCHASES = {
    days: fam.count(
        "purchases", "Purchases", "购买笔数", "transactions", days, "purchases", subject=_SUBJECT,
        owner=_OWNER, kind="purchase",
    )
    for days in _WINDOWS
}  # fmt: skip
_BOUGHT = {
    days: fam.amount("purchases", "Amount purchased", "购买金额", days, subject=_SUBJECT, kind="purchase")
    for days in _WINDOWS
}  # fmt: skip
_BY_CATEGORY = tuple(
    Aggregate("transactions", "count", where=where(kind="purchase", category=name), days=365)
    for name in schema.CATEGORIES
)
FIRST_PURCHASE = fam.since_first(
    "days_since_first_purchase", "Days since the first purchase", "距首次购买天数", "transactions",
    subject=_SUBJECT, owner=_OWNER, kind="purchase",
)  # fmt: skip

PURCHASE_TAGS = (
    fam.since_last(
        "days_since_purchase", "Days since the last purchase", "距上次购买天数", "transactions",
        subject=_SUBJECT, owner=_OWNER, kind="purchase",
    ),
    FIRST_PURCHASE,
    *PURCHASES.values(),
    *_BOUGHT.values(),
    _ratio(
        "average_purchase_365d_cny", *fam.windowed("Average purchase", "笔均购买金额", 365),
        _BOUGHT[365], PURCHASES[365],
        "purchases_365d_cny for each of purchases_365d; null if none.", unit="CNY",
    ),
    _tag(
        "largest_purchase_cny",
        "Largest purchase ever",
        "历史最大单笔购买金额",
        "float64",
        Aggregate("transactions", "max", "amount_cny", where(kind="purchase")),
        "Amount of the largest purchase by as_of; null if there never was one.",
        unit="CNY",
    ),
    _tag(
        "top_purchase_category_365d",
        *fam.windowed("Category bought most", "最常购买类别", 365),
        "string",
        Formula(f.largest(schema.CATEGORIES), _BY_CATEGORY),
        f"Category with most purchases in the last 365 days, of {', '.join(schema.CATEGORIES)} "
        f"(ties in this order); null if none.",
        words=categories(schema.CATEGORIES),
    ),
    _tag(
        "purchase_categories_365d",
        *fam.windowed("Categories bought", "购买类别数", 365),
        "int64",
        Formula(f.count_positive, _BY_CATEGORY),
        "Number of categories with a purchase in the last 365 days; 0 if none.",
        unit="categories",
    ),
    fam.amount(
        "redemptions", "Amount redeemed", "赎回金额", 90, subject=_SUBJECT, kind="redemption"
    ),
    _ratio(
        "weekend_purchase_share_365d", *fam.windowed("Purchases on weekends", "周末购买占比", 365),
        Aggregate(
            "transactions", "count", where=where(kind="purchase", weekend=True), days=365
        ),
        PURCHASES[365],
        "Purchases on Saturdays and Sundays as a share of purchases_365d; null if none.",
    ),
    fam.usual_hour(
        "usual_purchase_hour", "Usual hour of purchases", "惯常购买时点", "transactions", 365,
        PURCHASES[365], subject=_SUBJECT, owner=_OWNER, kind="purchase",
    ),
)  # fmt: skip
