"""The verdict in money, in English and in Chinese."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from marketing_ds.evaluation.srm import SrmCheck

if TYPE_CHECKING:
    from .ratios import RatioSet
    from .result import Return

LANGUAGES = ("en", "zh")
_CNY = "¥"


def yuan(value: float) -> str:
    """An amount of money; cents only where it is small.

    Examples
    --------
    >>> yuan(-1234.5), yuan(3.456), yuan(float("inf"))
    ('-¥1,234', '¥3.46', '∞')
    """
    if math.isnan(value):
        return "—"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    sign = "-" if value < 0 else ""
    return f"{sign}{_CNY}{abs(value):,.{0 if abs(value) >= 1000 else 2}f}"


def chance(value: float) -> str:
    """A probability that is never rounded to certainty.

    Examples
    --------
    >>> chance(0.934), chance(0.99996), chance(0.0001)
    ('93 %', '> 99.9 %', '< 0.1 %')
    """
    if math.isnan(value):
        return "—"
    if value > 0.999:
        return "> 99.9 %"
    if value < 0.001:
        return "< 0.1 %"
    return f"{100 * value:.{0 if 0.01 <= value <= 0.99 else 1}f} %"


def set_words(found: RatioSet, language: str) -> str:
    """A set of ratios in yuan, whatever its shape."""
    low, high = yuan(found.lower), yuan(found.upper)
    if found.shape == "interval":
        return f"{low} to {high}" if language == "en" else f"{low} 至 {high}"
    if found.shape == "outside":
        return f"below {low} or above {high}" if language == "en" else f"低于 {low} 或高于 {high}"
    return "not bounded by the data" if language == "en" else "数据无法界定"


def verdict_words(each: Return, confidence: float, language: str) -> str:
    """What the campaign brought back, its profit with the interval, and whether it pays."""
    level = f"{100 * confidence:g} %"
    profit, low, high = (yuan(value) for value in each.total_profit)
    n, odds = f"{each.n_arm:,}", chance(each.break_even_probability)
    per, held = yuan(each.per_cny.value), set_words(each.per_cny, language)
    if language == "zh":
        name = "整个活动" if each.arm == "all arms" else each.arm
        first = (
            f"{name}每花 1 元带回 {per}（{level} 区间：{held}）"
            if _known(each.per_cny)
            else f"{name}没有比对照组多花钱，投资回报率无从谈起"
        )
        rough = "区间仅供参考：少数客户左右了结果。" if each.rough else ""
        money = f"{n} 名客户的增量利润合计 {profit}（{low} 至 {high}），回本概率 {odds}。"
        return f"{first}；{money}{rough}"
    name = "The campaign" if each.arm == "all arms" else each.arm
    first = (
        f"{name} brought back {per} per yuan spent ({level} interval {held})"
        if _known(each.per_cny)
        else f"{name} did not cost more than control, so there is no return on investment"
    )
    rough = " The interval is rough: few customers decide it." if each.rough else ""
    return (
        f"{first}: an incremental profit of {profit} ({low} to {high}) from {n} customers; it "
        f"pays for itself with a probability of {odds}.{rough}"
    )


def not_random_words(language: str) -> str:
    """Why there is no verdict where nobody drew the arms."""
    if language == "zh":
        return (
            "没有结论：各组并非随机分配，与对照组的差别不能归因于活动；请使用非随机活动的分析方法。"
        )
    return (
        "No verdict: the arms were not drawn at random, so the difference from control is not what "
        "the campaign changed. Use the methods for campaigns that were not randomised."
    )


def blocked_words(srm: SrmCheck, language: str) -> str:
    """Why there is no verdict where the arms' sizes do not fit the design."""
    worst = max(srm.counts, key=lambda arm: abs(srm.counts[arm] - srm.expected[arm]))
    found, expected = f"{srm.counts[worst]:,}", f"{srm.expected[worst]:,.0f}"
    if language == "zh":
        return (
            f"没有结论：各组人数与设计不符（样本比例检验 p = {srm.p_value:.1g}；{worst} 组有 {found} 人，"
            f"应为 {expected} 人）。请先检查分组、分组后的筛选和丢失的记录。"
        )
    return (
        f"No verdict: the arms' sizes do not fit the design (sample-ratio p = {srm.p_value:.1g}; "
        f"{worst!r} has {found} customers where {expected} are expected). Look at the assignment, "
        "at filters applied after it and at lost records; if arms were not meant to be equal, give "
        "shares or probability."
    )


def _known(found: RatioSet) -> bool:
    return found.shape != "undefined" and not math.isnan(found.value)
