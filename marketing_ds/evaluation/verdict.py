"""The verdict of an experiment in one sentence, in English and in Chinese."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from .inference import EVERYBODY, Inference
from .inference.decisions import BETTER, BROKEN, HELD, NOT_HELD, WORSE

Row = Mapping[Any, Any]

_EN = {
    "metric": "{metric}: {arms}",
    "arms": "; ",
    "list": ", ",
    "raised": "{arm} raised it by {size}{good} ({details})",
    "lowered": "{arm} lowered it by {size}{good} ({details})",
    "open": "{arm} made no difference that could be shown{after} ({size}; {details}{seen})",
    "within": "{arm} is not worse than the allowed {margin} ({size}; {details})",
    "beyond": "{arm} is not shown to be within the allowed {margin} ({size}; {details})",
    "unknown": "{arm} cannot be judged, the metric does not vary",
    "after": " after correction for all comparisons",
    "seen": "; {effect} would have been shown 8 times in 10",
    "good": ", for the better",
    "bad": ", for the worse",
    "two-sided": "{level} interval {low} to {high}",
    "greater": "{level} interval from {low} up",
    "less": "{level} interval up to {high}",
    "nothing": "no interval yet",
    "always": "always-valid ",
    "kept": ", and no guardrail is broken ({names})",
    "broken": ", and breaks the guardrail {names}",
    "uncertain": ", and {names} is not shown to be within what is allowed",
    "roll out": ": roll it out",
    "do not roll out": ": do not roll it out",
    "go on": ": not enough to roll it out",
    "blocked": "No verdict: {finding}",
}
_ZH = {
    "metric": "{metric}：{arms}",
    "arms": "；",
    "list": "、",
    "raised": "{arm} 使其提高 {size}{good}（{details}）",
    "lowered": "{arm} 使其降低 {size}{good}（{details}）",
    "open": "{arm} 未显示出差异{after}（{size}；{details}{seen}）",
    "within": "{arm} 不比允许的 {margin} 更差（{size}；{details}）",
    "beyond": "{arm} 尚未证明在允许的 {margin} 之内（{size}；{details}）",
    "unknown": "{arm} 无法判断：该指标没有变化",
    "after": "（多重比较校正后）",
    "seen": "；若效果为 {effect}，十次中有八次能被发现",
    "good": "（变好）",
    "bad": "（变差）",
    "two-sided": "{level} 区间 {low} 至 {high}",
    "greater": "{level} 区间 {low} 以上",
    "less": "{level} 区间 {high} 以下",
    "nothing": "尚无区间",
    "always": "随时有效 ",
    "kept": "，护栏指标未被突破（{names}）",
    "broken": "，突破了护栏指标 {names}",
    "uncertain": "，{names} 尚未证明在允许范围之内",
    "roll out": "：可以推广",
    "do not roll out": "：不应推广",
    "go on": "：尚不足以推广",
    "blocked": "暂无结论：{finding}",
}
WORDS = {"en": _EN, "zh": _ZH}
_SIGNS = {"two-sided": "±", "greater": "+", "less": "-"}


def verdict_words(frame: pd.DataFrame, settings: Inference, language: str) -> str:
    """One sentence on the first goal: what every arm changed, and whether guardrails held."""
    words = WORDS[language]
    everybody = frame[frame["segment"] == EVERYBODY]
    goal = first_goal(everybody)
    told = [
        _finding(row, settings, words) + _guardrails(row, everybody, goal, words)
        for row in everybody[everybody["metric"] == goal].to_dict("records")
    ]
    return words["metric"].format(metric=goal, arms=words["arms"].join(told))


def first_goal(everybody: pd.DataFrame) -> str:
    """The metric that the verdict is about: the first goal, or the first metric at all."""
    goals = everybody.loc[everybody["role"] == "goal", "metric"]
    return str((goals if len(goals) else everybody["metric"]).iloc[0])


def conclusion(decision: str, guardrails: list[str]) -> str:
    """What follows for an arm from the decision on the goal and those on its guardrails.

    To roll out asks for a goal that is better (or shown to be no worse than allowed, where that
    is what was asked), and for every guardrail to hold; then no correction is needed for their
    number, since all of them must hold.
    """
    if BROKEN in guardrails or decision == WORSE:
        return "do not roll out"
    if decision in (BETTER, HELD) and NOT_HELD not in guardrails:
        return "roll out"
    return "go on"


def _finding(row: Row, settings: Inference, words: Mapping[str, str]) -> str:
    effect, p = float(row["effect"]), float(row["p_adjusted"])
    low, high = float(row["effect_ci_lower"]), float(row["effect_ci_upper"])
    if math.isnan(p):
        return words["unknown"].format(arm=row["arm"])
    interval = interval_words(low, high, settings, words)
    rel = row["rel_effect"]
    share = f"; {100 * rel:+.3g} %" if math.isfinite(rel) else ""
    details = interval + (share if words is _EN else share.replace("; ", "；"))
    if p < settings.alpha and row["decision"] != HELD:
        good = (effect > 0) == (row["better"] == "higher")
        told = words["good" if good else "bad"] if row["better"] == "lower" else ""
        return words["raised" if effect > 0 else "lowered"].format(
            arm=row["arm"], size=number(abs(effect)), good=told, details=details
        )
    facts = {"arm": row["arm"], "size": number(effect, signed=True)}
    if row["decision"] in (HELD, NOT_HELD):
        how = "within" if row["decision"] == HELD else "beyond"
        lost = f"{'−' if row['better'] == 'higher' else '+'}{100 * row['margin_share']:.3g} %"
        return words[how].format(margin=lost, details=details, **facts)
    after = words["after"] if low > 0 or high < 0 else ""
    least = float(row["detectable_effect"])
    at = _SIGNS[settings.alternative] + number(least)
    seen = words["seen"].format(effect=at) if math.isfinite(least) else ""
    return words["open"].format(after=after, details=interval, seen=seen, **facts)


def interval_words(
    low: float, high: float, settings: Inference, words: Mapping[str, str] = _EN
) -> str:
    """The interval with its level, and what kind it is."""
    if math.isinf(low) and math.isinf(high):
        return words["nothing"]
    level = f"{1 - settings.alpha:.4%}".rstrip("%").rstrip("0").rstrip(".") + " %"
    told = words[settings.alternative].format(level=level, low=number(low), high=number(high))
    return (words["always"] if settings.looks else "") + told


def number(value: float, *, signed: bool = False) -> str:
    """Four digits, or the whole number where it has more.

    Examples
    --------
    >>> number(0.012345), number(123456.7), number(5.0, signed=True)
    ('0.01235', '123,457', '+5')
    """
    sign = "+" if signed else ""
    if abs(value) >= 1000:
        return f"{value:{sign},.0f}"
    return f"{value:{sign}.4g}"


def _guardrails(row: Row, everybody: pd.DataFrame, goal: str, words: Mapping[str, str]) -> str:
    mine = everybody[
        (everybody["arm"] == row["arm"])
        & (everybody["role"] == "guardrail")
        & (everybody["metric"] != goal)
    ]
    if mine.empty:
        return ""
    decisions = list(mine["decision"])
    named = dict(zip(mine["metric"], decisions, strict=True))
    broken, uncertain = (
        [name for name, found in named.items() if found == decision]
        for decision in (BROKEN, NOT_HELD)
    )
    state = "broken" if broken else "uncertain" if uncertain else "kept"
    told = words[state].format(names=words["list"].join(broken or uncertain or named))
    return told + words[conclusion(str(row["decision"]), decisions)]
