"""The customers' part of a campaign's report: who they are, who responded, who moved, what changed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from marketing_ds._core.checks import check_choice
from marketing_ds._core.markup import Markup, element
from marketing_ds.evaluation.customer import CustomerAnalysis
from marketing_ds.profiling import Migration
from marketing_ds.schema import CONTROL

from .parts import (
    LANGUAGES,
    EffectScale,
    Words,
    between,
    card,
    cards,
    effect_bar,
    money,
    percent,
    section,
    shade,
    table,
    whole,
)

_MONEY = ("aum", "deposit_cny", "inflow_cny", "outflow_cny")
_DISTINCT = 12
_BAR = 130.0
WORDS: Mapping[str, Words] = {
    "en": {
        "title": "Customers",
        "facts": "{n} customers of {base} on {before}; compared with {after}.",
        "responded": "{n} of {reached} customers reached responded ({rate}).",
        "randomised": (
            "Arms were drawn at random: effects are differences of mean changes against control, "
            "adjusted by what was before, with {level} intervals. Bold: shown to differ from 0, "
            "corrected for the number of rows of its table."
        ),
        "difference_in_differences": (
            "Arms were not drawn at random: effects are differences in differences, weaker "
            "evidence. They hold only if the arms would have changed alike. Bold: shown to differ "
            "from 0, corrected for the number of rows of its table."
        ),
        "descriptive": "There is no control: all figures describe, none says what the cause was.",
        "blocked": "No verdict: a check of the arms failed; look at the checks first.",
        "changes": "Before and after", "measure": "Per customer", "arm": "Arm",
        "mean_before": "Before", "mean_after": "After", "change": "Change",
        "effect": "Effect against control", "n": "Customers",
        "flows": "Who moved", "flow": "Move", "moved": "Moved", "share": "Share",
        "who": "Who they are", "who_note": "Against all customers; TGI 100 is as all of them.",
        "responders": "Who responded",
        "responders_note": "Against those reached, by response rate and TGI.",
        "fact": "Fact", "value": "Value", "base": "All", "tgi": "TGI", "rate": "Response rate",
        "migration": "Migration: {title}", "before_after": "Before ↓ / after →",
        "hidden": "Dots: fewer than {n} customers, or what these would follow from.",
    },
    "zh": {
        "title": "客户分析",
        "facts": "{before} 全体 {base} 名客户中的 {n} 名，与 {after} 对比。",
        "responded": "触达 {reached} 名客户，其中 {n} 名响应（{rate}）。",
        "randomised": (
            "各组随机分配：效果为相对对照组的平均变化之差，并按期前水平校正，附 {level} 置信区间；粗体为按本表行数校正后仍显著。"
        ),
        "difference_in_differences": (
            "各组并非随机分配：效果为双重差分，证据较弱，仅在各组本会同样变化时成立；粗体为按本表行数校正后仍显著。"
        ),
        "descriptive": "没有对照组：所有数字仅作描述，不说明因果。",
        "blocked": "不作结论：分组检查未通过，请先查看检查结果。",
        "changes": "活动前后对比", "measure": "户均指标", "arm": "组别",
        "mean_before": "之前", "mean_after": "之后", "change": "变化",
        "effect": "相对对照组的效果", "n": "客户数",
        "flows": "客户迁移", "flow": "迁移方向", "moved": "迁移客户", "share": "占比",
        "who": "客户构成", "who_note": "与全体客户相比；TGI 100 表示与全体持平。",
        "responders": "谁响应了活动",
        "responders_note": "与触达客户相比：响应率与 TGI。",
        "fact": "特征", "value": "取值", "base": "全体", "tgi": "TGI", "rate": "响应率",
        "migration": "{title}迁移", "before_after": "之前 ↓ / 之后 →",
        "hidden": "“·”：客户数不足 {n}，或可由此推算出的数字。",
    },
}  # fmt: skip


def customers_section(result: CustomerAnalysis, language: str = "en") -> Markup:
    """The section of the page, in English or Chinese."""
    check_choice("language", language, LANGUAGES)
    words = WORDS[language]
    level = f"{1 - result.alpha:.0%}".replace("%", " %")
    parts: list[object] = [element("p", _facts(result, words))]
    parts.append(element("p", words[result.evidence].format(level=level), class_="note"))
    if result.blocked:
        parts.append(element("p", words["blocked"], class_="alarm"))
    if len(result.to_frame()):
        parts += [element("h3", words["changes"]), _changes(result, words, language)]
    if len(result.flows()):
        parts += [element("h3", words["flows"]), _flows(result, words, language)]
    migrations = [result.migration(tag) for tag in result.migrating]
    if migrations:
        matrices = [_matrix(moved, words, language) for moved in migrations]
        hidden = words["hidden"].format(n=migrations[0].min_count)
        parts += [cards(*matrices), element("p", hidden, class_="note")]
    parts += _people(result, words, language)
    return section(words["title"], *parts)


def _facts(result: CustomerAnalysis, words: Words) -> str:
    n = sum(result.sizes.values())
    told = words["facts"].format(
        n=whole(n), base=whole(result.base_count), before=result.before, after=result.after
    )
    if not result.reached_count:
        return told
    rate = percent(result.responder_count / result.reached_count)
    reached = whole(result.reached_count)
    return f"{told} " + words["responded"].format(
        n=whole(result.responder_count), reached=reached, rate=rate
    )


def _changes(result: CustomerAnalysis, words: Words, language: str) -> Markup:
    frame = result.to_frame(language)
    compared = bool(frame["effect"].notna().any())
    rows = []
    for name, group in frame.groupby("measure", sort=False):
        scale = EffectScale.over([*group["effect_ci_lower"], *group["effect_ci_upper"]], _BAR)
        for place, row in enumerate(group.to_dict("records")):
            told = money if name in _MONEY else _number
            cells: list[object] = [
                row["title"] if place == 0 else "",
                row["arm"],
                told(row["mean_before"]),
                told(row["mean_after"]),
                _with_ends(row, "change", told),
            ]
            shown = _effect(scale, row, "effect", told, result.alpha) if compared else []
            rows.append(cells + shown)
    head = [words[key] for key in ("measure", "arm", "mean_before", "mean_after", "change")]
    return table(head + ([words["effect"], ""] if compared else []), rows, text_columns=2)


def _flows(result: CustomerAnalysis, words: Words, language: str) -> Markup:
    frame = result.flows(language)
    compared = bool(frame["effect_share"].notna().any())
    ends = frame[["effect_share_ci_lower", "effect_share_ci_upper"]].to_numpy().ravel()
    scale = EffectScale.over(ends, _BAR)
    rows = []
    for _, group in frame.groupby("flow", sort=False):
        for place, row in enumerate(group.to_dict("records")):
            cells: list[object] = [
                row["title"] if place == 0 else "",
                row["arm"],
                f"{whole(row['n_moved'])} / {whole(row['n_among'])}",
                _with_ends(row, "moved_share", _percent),
            ]
            shown = _effect(scale, row, "effect_share", _percent, result.alpha) if compared else []
            rows.append(cells + shown)
    head = [words[key] for key in ("flow", "arm", "moved", "share")]
    return table(head + ([words["effect"], ""] if compared else []), rows, text_columns=2)


def _effect(
    scale: EffectScale, row: Mapping[Any, Any], name: str, told: Any, alpha: float
) -> list[object]:
    """The picture of an effect and its words, bold where it is shown after correction."""
    if row["arm"] == CONTROL or math.isnan(row[name]):
        return ["", ""]
    ends = (row[f"{name}_ci_lower"], row[f"{name}_ci_upper"])
    text = _with_ends(row, name, told)
    sure = row["p_adjusted"] < alpha
    picture = effect_bar(scale, row[name], ends, label=f"{row[name]:.4g}")
    return [picture, element("b", text) if sure else text]


def _with_ends(row: Mapping[Any, Any], name: str, told: Any) -> Markup:
    value, low, high = (
        told(row[key], signed=name != "moved_share")
        for key in (name, f"{name}_ci_lower", f"{name}_ci_upper")
    )
    return element("span", value, " ", between(low, high))


def _number(value: float, *, signed: bool = False) -> str:
    return "—" if math.isnan(value) else f"{value:{'+' if signed else ''}.3f}"


def _percent(value: float, *, signed: bool = False) -> str:
    return percent(value, signed=signed)


def _matrix(moved: Migration, words: Words, language: str) -> Markup:
    """Customers by value before and after; the deeper the blue, the more of the row."""
    names, counts, size = moved.values(language), moved.counts[:-1, :-1], moved.margins[0]
    rows = []
    for i, name in enumerate(names):
        cells: list[object] = [name]
        for n in counts[i]:
            share = n / size[i] if size[i] > 0 else math.nan
            text = "·" if math.isnan(n) else whole(float(n))
            cells.append(element("span", text, style=shade(float(share), 1.0)))
        rows.append(cells)
    title = words["migration"].format(title=moved.title(language))
    return card(title, table([words["before_after"], *names], rows))


def _people(result: CustomerAnalysis, words: Words, language: str) -> list[Markup]:
    frame = result.who(language)
    parts = []
    for group, heading in (("all", "who"), ("responders", "responders")):
        rows = _distinct(frame[frame["group"] == group])
        if rows.empty:
            continue
        rate = group == "responders"
        shown = [
            [
                row["title"],
                row["value"],
                whole(row["n"]),
                _with_ends(row, "rate_share", _plain) if rate else percent(row["customer_share"]),
                "" if rate else percent(row["base_share"]),
                element("b", whole(row["tgi"])),
                between(whole(row["tgi_ci_lower"]), whole(row["tgi_ci_upper"])),
            ]
            for row in rows.to_dict("records")
        ]
        kept = [0, 1, 2, 3, 5, 6] if rate else list(range(7))
        head = [words["fact"], words["value"], words["n"], words["rate" if rate else "share"]]
        head += [words["base"], words["tgi"], ""]
        body = table(
            [head[i] for i in kept], [[row[i] for i in kept] for row in shown], text_columns=2
        )
        note = element("p", words[f"{heading}_note"], class_="note")
        parts += [element("h3", words[heading]), note, body]
    return parts


def _plain(value: float, *, signed: bool = False) -> str:
    return percent(value)


def _distinct(frame: pd.DataFrame) -> pd.DataFrame:
    """The values that differ most for sure, in their natural order."""
    with np.errstate(divide="ignore"):
        ends = np.abs(np.log(frame[["tgi_ci_lower", "tgi_ci_upper"]].to_numpy() / 100.0))
    holds = (frame["tgi_ci_lower"] <= 100) & (frame["tgi_ci_upper"] >= 100)
    sure = np.where(holds, 0.0, ends.min(axis=1, initial=np.inf))
    return frame.iloc[np.sort(np.argsort(-sure, kind="stable")[:_DISTINCT])]
