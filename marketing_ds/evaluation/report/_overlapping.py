"""The sections of campaigns that run at once: interactions, and all campaigns together."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import pandas as pd

from marketing_ds._core.markup import Markup, element, joined
from marketing_ds.evaluation.overlapping import InteractionMatrix, Interactions, UniversalEffect

from ._checks import finding_of, p_text
from .parts import EffectScale, Words, between, effect_bar, money, percent, section, table, whole

_WORDS: Mapping[str, Words] = {
    "en": {
        "interactions": "Campaigns that met",
        "interactions_note": (
            "Interaction: what customers in both campaigns did beyond the sum of both effects, per "
            "customer. Blue: the campaigns strengthen each other; red: they weaken each other; grey: "
            "the interval holds 0. The p-value is corrected for all rows."
        ),
        "pair": "Campaigns",
        "metric": "Outcome",
        "arms": "Arms",
        "customers": "Smallest group",
        "interaction": "Interaction",
        "p": "Adjusted p",
        "none": "No two campaigns share enough customers to tell.",
        "blocked": "No verdict on {pair}: {finding}",
        "universal": "What all campaigns together changed",
        "universal_note": (
            "From {start} to {end}: customers whom campaigns may reach ({arm}) against the universal "
            "control group ({control}), whom none may."
        ),
        "each": "Per customer",
        "rel": "Relative",
        "total": "In all",
        "claims": "Against the sum of single campaigns",
        "claims_note": (
            "A positive gap is claimed more than once, taken from other products, or brought "
            "forward from later."
        ),
        "claimed": "Campaigns add up to",
        "gap": "Gap",
        "campaigns": "Campaigns",
    },
    "zh": {
        "interactions": "同时进行的活动",
        "interactions_note": (
            "交互作用：同时处于两个活动的客户，人均超出两个活动效果之和的部分。蓝色：互相增强；"
            "红色：互相削弱；灰色：区间包含 0。p 值已按所有行校正。"
        ),
        "pair": "活动",
        "metric": "结果",
        "arms": "组",
        "customers": "最小组人数",
        "interaction": "交互作用",
        "p": "校正后 p",
        "none": "没有两个活动共有足够的客户，无从判断。",
        "blocked": "{pair} 不能下结论：{finding}",
        "universal": "所有活动合计带来的变化",
        "universal_note": (
            "{start} 至 {end}：活动可以触达的客户（{arm} 人）与任何活动都不触达的全局对照组（{control} 人）相比。"
        ),
        "each": "人均",
        "rel": "相对",
        "total": "合计",
        "claims": "与各活动效果之和相比",
        "claims_note": "差额为正：同一笔被重复计算、来自其他产品，或只是提前发生。",
        "claimed": "各活动之和",
        "gap": "差额",
        "campaigns": "活动数",
    },
}
METRICS: Mapping[str, tuple[str, str]] = {
    "purchases_cny": ("Purchases, CNY", "购买金额（元）"),
    "purchases": ("Purchases", "购买笔数"),
    "converted": ("Customers who bought", "有购买的客户"),
    "assets_change_cny": ("Change of assets, CNY", "资产变动（元）"),
    "cost_cny": ("Cost, CNY", "成本（元）"),
}
"""Metrics of a period in both languages."""


def interactions_section(result: Interactions | InteractionMatrix, language: str) -> Markup:
    """Interactions with their intervals; pairs whose draw does not hold are said so."""
    words = _WORDS[language]
    frame = _one_frame(result)
    if frame.empty:
        return section(words["interactions"], element("p", words["none"]))
    note = words["interactions_note"]
    parts = [_blocked(result, words, language), _interaction_table(frame, words)]
    return section(words["interactions"], *parts, note=note)


def _one_frame(result: Interactions | InteractionMatrix) -> pd.DataFrame:
    frame = result.to_frame()
    if isinstance(result, Interactions):
        sizes = frame[["n_neither", "n_first", "n_second", "n_both"]].min(axis=1)
        frame = frame.assign(first=result.first, second=result.second, n_smallest=sizes)
    return frame


def _blocked(result: Interactions | InteractionMatrix, words: Words, language: str) -> Markup:
    if isinstance(result, InteractionMatrix) or not result.blocked:
        return joined([])
    finding = finding_of(result.checks.failed[0], language)
    pair = f"{result.first} × {result.second}"
    return element("p", words["blocked"].format(pair=pair, finding=finding), class_="alarm")


def _interaction_table(frame: pd.DataFrame, words: Words) -> Markup:
    rows = []
    for metric, part in frame.groupby("metric", sort=False):
        ends = part[["interaction_ci_lower", "interaction_ci_upper"]].to_numpy(float)
        scale = EffectScale.over(ends.ravel().tolist(), width=150)
        for row in part.to_dict("records"):
            value = float(row["interaction"])
            low, high = float(row["interaction_ci_lower"]), float(row["interaction_ci_upper"])
            rows.append(
                (
                    f"{row['first']} × {row['second']}",
                    str(metric),
                    f"{row['first_arm']} × {row['second_arm']}",
                    whole(float(row["n_smallest"])),
                    effect_bar(scale, value, (low, high), label=f"{value:+.3g}"),
                    joined([f"{value:+.3g} ", between(f"{low:.3g}", f"{high:.3g}")]),
                    p_text(float(row["p_adjusted"])),
                )
            )
    head = [words[key] for key in ("pair", "metric", "arms", "customers")]
    return table([*head, "", words["interaction"], words["p"]], rows, text_columns=3)


def universal_section(result: UniversalEffect, language: str) -> Markup:
    """All campaigns of a period against the universal control group, and against their sum."""
    words, frame = _WORDS[language], result.to_frame()
    first = frame.iloc[0]
    note = words["universal_note"].format(
        start=result.start,
        end=result.end,
        arm=whole(float(first["n_arm"])),
        control=whole(float(first["n_control"])),
    )
    rows = []
    for row in frame.to_dict("records"):
        name = str(row["metric"])
        scale = EffectScale.over([row["effect_ci_lower"], row["effect_ci_upper"]], width=160)
        ends = (float(row["effect_ci_lower"]), float(row["effect_ci_upper"]))
        rows.append(
            (
                _metric(name, language),
                effect_bar(scale, float(row["effect"]), ends, label=name),
                _with_ends(row, "effect", name),
                percent(float(row["rel_effect"]), signed=True),
                _with_ends(row, "total", name),
                p_text(float(row["p_adjusted"])),
            )
        )
    head = [words["metric"], "", words["each"], words["rel"], words["total"], words["p"]]
    parts = [table(head, rows)]
    if result.blocked:
        finding = finding_of(result.checks.failed[0], language)
        sentence = words["blocked"].format(pair=words["universal"], finding=finding)
        parts.insert(0, element("p", sentence, class_="alarm"))
    if len(result.claims):
        parts.append(_claims(result.claims, words, language))
    return section(words["universal"], *parts, note=note)


def _claims(claims: pd.DataFrame, words: Words, language: str) -> Markup:
    rows = [
        (
            _metric(str(row["metric"]), language),
            whole(float(row["campaigns"])),
            *(_with_ends(row, name, str(row["metric"])) for name in ("total", "claimed", "gap")),
        )
        for row in claims.to_dict("records")
    ]
    head = [words[key] for key in ("metric", "campaigns", "universal", "claimed", "gap")]
    return joined(
        [
            element("h3", words["claims"]),
            element("p", words["claims_note"], class_="note"),
            table(head, rows),
        ]
    )


def _metric(name: str, language: str) -> str:
    titles = METRICS.get(name, (name, name))
    return titles[language == "zh"]


def _with_ends(row: Mapping[Hashable, object], name: str, metric: str) -> Markup:
    """A number with its interval: money where the metric is, else three digits."""
    value, low, high = (float(str(row[f"{name}{end}"])) for end in ("", "_ci_lower", "_ci_upper"))
    value = 0.0 if abs(value) < 1e-9 else value  # what rounding left of a zero has no sign
    if metric.endswith("_cny"):
        return joined([money(value, signed=True), " ", between(money(low), money(high))])
    if name == "effect":
        return joined([f"{value:+.3g} ", between(f"{low:.3g}", f"{high:.3g}")])
    return joined([f"{value:+,.0f} ", between(whole(low), whole(high))])
