"""Customer tags that are days, for rules such as ``last_purchase_on < as_of - 3 months``.

A tag table has them only where they are named: models have each of them as days ago already, and what
they would learn of a calendar does not last.
"""

from __future__ import annotations

from functools import partial

from .._tag import AS_OF, Fact, Formula, Tag
from . import _formulas as f
from ._activity import MONEY_TAGS
from ._purchases import PURCHASE_TAGS
from ._visits import VISIT_TAGS

_AGO = {tag.name: tag for tag in (*MONEY_TAGS, *PURCHASE_TAGS, *VISIT_TAGS)}
_tag = partial(Tag, type="date", subject="dates")


def _day(name: str, title_en: str, title_zh: str, ago: str) -> Tag:
    """The day that lies as many days back as the tag `ago` says."""
    return _tag(
        name,
        title_en,
        title_zh,
        rule=Formula(f.days_before, (AS_OF, _AGO[ago])),
        description=_AGO[ago].description.replace("Days since", "Day of"),
        owner=_AGO[ago].owner,
    )


DATE_TAGS = (
    _tag(
        "opened_on",
        "Opened on",
        "开户日期",
        rule=Fact("opened_on"),
        description="Day on which the first account was opened; never null.",
        owner="customer management",
        freshness="static",
    ),
    _day(
        "first_transaction_on", "First transaction", "首次交易日期", "days_since_first_transaction"
    ),
    _day("last_transaction_on", "Last transaction", "上次交易日期", "days_since_transaction"),
    _day("first_purchase_on", "First purchase", "首次购买日期", "days_since_first_purchase"),
    _day("last_purchase_on", "Last purchase", "上次购买日期", "days_since_purchase"),
    _day("first_event_on", "First event", "首次访问日期", "days_since_first_event"),
    _day("last_event_on", "Last event", "上次访问日期", "days_since_event"),
)
