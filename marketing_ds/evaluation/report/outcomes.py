"""Outcomes as people read them: their names, and their values in percent, yuan or plain numbers."""

from __future__ import annotations

from collections.abc import Mapping

from marketing_ds.evaluation.verdict import number

from .parts import money, percent

NAMES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "converted": "converted",
        "amount_cny": "amount bought (CNY)",
        "clicked": "clicked",
        "redeemed": "redeemed",
        "cost_cny": "cost (CNY)",
        "purchases_cny": "purchases (CNY)",
    },
    "zh": {
        "converted": "转化",
        "amount_cny": "购买金额（元）",
        "clicked": "点击",
        "redeemed": "用券",
        "cost_cny": "成本（元）",
        "purchases_cny": "购买总额（元）",
    },
}
"""Names of the outcomes that the package itself makes."""
_RATES = ("converted", "clicked", "redeemed", "visit", "visited", "conversion", "opened")
"""Outcomes that a customer has or has not."""


def outcome_name(name: str, language: str) -> str:
    """An outcome as people read it."""
    plain = name if language == "zh" else name.replace("_", " ")
    return NAMES[language].get(name, plain)


def outcome_value(name: str, value: float, *, difference: bool = False) -> str:
    """A mean of an outcome, or a difference of two: shares in percent and points, money in yuan.

    Examples
    --------
    >>> outcome_value("converted", 0.0435), outcome_value("converted", 0.0118, difference=True)
    ('4.35 %', '+1.18 pp')
    >>> outcome_value("amount_cny", -330.61, difference=True), outcome_value("visits", 0.0435)
    ('-¥330.61', '0.0435')
    """
    if name in _RATES:
        told = percent(value, signed=difference)
        # Points, so that nobody takes them for a relative effect.
        return told.replace("%", "pp") if difference else told
    if name.endswith("_cny"):
        return money(value, signed=difference)
    return number(value, signed=difference)
