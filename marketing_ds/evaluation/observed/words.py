"""The sentences about effects without randomisation, in English and Chinese."""

from __future__ import annotations

import math
from collections.abc import Mapping

LANGUAGES = ("en", "zh")

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "space": " ",
        "comma": ", ",
        "and": "; ",
        "weaker": "Not randomised: weaker evidence.",
        "found": "{metric}: {found}, adjusted {method} for {n} covariates.",
        "naive": "The plain difference is {values}.",
        "e_value": "A hidden factor would have to go with both arm and outcome by a risk ratio of "
        "{value} to bring the interval to 0 (E-value).",
        "doubly_robust": "by doubly robust estimation",
        "weighting": "by weighting",
        "matching": "by matching",
        "ate": "",
        "att": " (for customers like those of the arm)",
        "raised": "{arm} raised it by {size} ({level} % interval {low} to {high}{rel})",
        "lowered": "{arm} lowered it by {size} ({level} % interval {low} to {high}{rel})",
        "nothing": "{arm} made no difference that could be shown ({size}; {level} % interval "
        "{low} to {high})",
        "constant": "{arm} cannot be judged, the metric does not vary",
        "rel": "; {rel} %",
        "outside": "Caution: {share} % of the customers hardly could have been on the other side.",
        "unbalanced": "Caution: {covariate} still differs after adjustment ({smd} standard "
        "deviations).",
        "did": "{outcome}: {found}, by difference in differences over {units} units.",
        "trend": "Caution: the units differed in trend before the start (p = {p}).",
        "no_trend": "Before the start their trends did not differ noticeably (p = {p}).",
        "untested": "With one period before the start, trends cannot be compared.",
        "synthetic": "{outcome}: {found}, against a synthetic control from {units} units.",
        "placebo": "Among {units} units where nothing happened, as large a gap came up with "
        "p = {p}.",
        "poor_fit": "Caution: before the start {share} % of those units are fitted better.",
    },
    "zh": {
        "space": "",
        "comma": "、",
        "and": "；",
        "weaker": "非随机分组，证据较弱。",
        "found": "{metric}：{found}；已用{method}对 {n} 个协变量进行调整。",
        "naive": "未调整的差异为 {values}。",
        "e_value": "隐藏因素与分组、与结果的关联（风险比）都须达到 {value}，才能使区间触及 0（E 值）。",
        "doubly_robust": "双重稳健估计",
        "weighting": "加权法",
        "matching": "匹配法",
        "ate": "",
        "att": "（针对与该实验组相似的客户）",
        "raised": "{arm} 使其提高 {size}（{level}% 置信区间 {low} 至 {high}{rel}）",
        "lowered": "{arm} 使其降低 {size}（{level}% 置信区间 {low} 至 {high}{rel}）",
        "nothing": "{arm} 未显示出可确认的差异（{size}；{level}% 置信区间 {low} 至 {high}）",
        "constant": "{arm} 无法判断，该指标没有变化",
        "rel": "；{rel}%",
        "outside": "注意：{share}% 的客户几乎不可能被分到另一侧。",
        "unbalanced": "注意：调整后 {covariate} 仍有差异（{smd} 个标准差）。",
        "did": "{outcome}：{found}；基于 {units} 个单元的双重差分。",
        "trend": "注意：开始之前各单元的趋势已有差异（p = {p}）。",
        "no_trend": "开始之前两组趋势没有明显差异（p = {p}）。",
        "untested": "开始之前只有一个时期，无法比较趋势。",
        "synthetic": "{outcome}：{found}；对照为由 {units} 个单元合成的控制组。",
        "placebo": "在 {units} 个未参与的单元中，出现同样大差距的概率 p = {p}。",
        "poor_fit": "注意：开始之前有 {share}% 的未参与单元拟合得更好。",
    },
}


def sentence(row: Mapping[str, object], alpha: float, language: str) -> str:
    """What one row says: the effect with its interval, or that nothing could be shown."""
    words = WORDS[language]
    effect, low, high, rel, p = (
        float(str(row[name]))
        for name in ("effect", "effect_ci_lower", "effect_ci_upper", "rel_effect", "p_adjusted")
    )
    if math.isnan(p):
        return words["constant"].format(arm=row["arm"])
    sure = p < alpha
    key = "nothing" if not sure else "raised" if effect > 0 else "lowered"
    relative = words["rel"].format(rel=f"{100 * rel:+.3g}") if math.isfinite(rel) else ""
    return words[key].format(
        arm=row["arm"],
        size=number(abs(effect) if sure else effect, signed=not sure),
        level=f"{100 * (1 - alpha):.4g}",
        low=number(low),
        high=number(high),
        rel=relative,
    )


def number(value: float, *, signed: bool = False) -> str:
    """Four digits, large numbers whole."""
    sign = "+" if signed else ""
    return f"{value:{sign},.0f}" if 1e4 <= abs(value) < math.inf else f"{value:{sign}.4g}"
