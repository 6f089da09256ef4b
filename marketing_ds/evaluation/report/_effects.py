"""The section of the effects: what every arm changed, of everybody and of segments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from marketing_ds._core.display import p_text
from marketing_ds._core.markup import Markup, element, joined
from marketing_ds.evaluation.inference import EVERYBODY
from marketing_ds.evaluation.result import ExperimentResult

from .outcomes import outcome_name, outcome_value
from .parts import (
    EffectScale,
    Words,
    between,
    effect_bar,
    percent,
    section,
    table,
    tag_title,
    tag_value,
    whole,
)

_WORDS: Mapping[str, Words] = {
    "en": {
        "title": "What each arm changed",
        "note": "Differences from control per customer, with {level} interval; p-values are corrected for "
        "all comparisons shown. Blue: more than control; red: less; grey: not shown to differ.",
        "metric": "Outcome",
        "arm": "Arm",
        "customers": "Customers",
        "control": "Control",
        "treated": "Arm's mean",
        "effect": "Difference",
        "relative": "Relative",
        "p": "p",
        "segments": "By {column}",
        "value": "Value",
        "gain": "What was known before the campaign explained up to {share} of the variance.",
        "colon": ": ",
    },
    "zh": {
        "title": "各组带来的变化",
        "note": "与对照组相比的人均差异，附 {level} 区间；p 值已按所列全部比较校正。蓝色：高于对照组；红色：低于对照组；灰色：未显示出差异。",
        "metric": "结果",
        "arm": "组",
        "customers": "客户数",
        "control": "对照组",
        "treated": "本组均值",
        "effect": "差异",
        "relative": "相对差异",
        "p": "p 值",
        "segments": "按{column}",
        "value": "取值",
        "gain": "活动之前的已知信息最多解释了 {share} 的方差。",
        "colon": "：",
    },
}
_HANDFUL = 30


def effects_section(result: ExperimentResult, language: str) -> Markup:
    """Every metric and arm against control, then the same by segment."""
    words, frame = _WORDS[language], result.to_frame()
    level = f"{1 - result.alpha:.0%}".replace("%", " %")
    everybody = frame[frame["segment"] == EVERYBODY]
    content: list[Markup] = [_rows(everybody, words, language)]
    gain = everybody["variance_reduction_share"].max()
    if gain > 0.005:
        content.append(element("p", words["gain"].format(share=percent(gain)), class_="note"))
    parts = frame.loc[frame["segment"] != EVERYBODY, "segment"].str.split("=", n=1)
    for column in dict.fromkeys(part[0] for part in parts):
        content += [
            element("h3", words["segments"].format(column=tag_title(column, language))),
            _segments(result.segments(column), column, words, language),
        ]
    return section(words["title"], *content, note=words["note"].format(level=level))


def segment_name(segment: str, language: str) -> str:
    """``column=value`` as people read it."""
    column, value = segment.split("=", 1)
    between_them = "：" if language == "zh" else ": "
    return f"{tag_title(column, language)}{between_them}{tag_value(column, value, language)}"


def _rows(frame: pd.DataFrame, words: Words, language: str) -> Markup:
    head = ("metric", "arm", "customers", "control", "treated", "effect", "relative", "p")
    scales = {name: _scale(rows) for name, rows in frame.groupby("metric")}
    body = [
        (
            _whole_word(outcome_name(row["metric"], language)),
            _whole_word(row["arm"]),
            whole(row["n_arm"]),
            outcome_value(row["metric"], row["mean_control"]),
            outcome_value(row["metric"], row["mean_arm"]),
            *_effect(row, scales[row["metric"]]),
        )
        for row in _records(frame)
    ]
    return table([*(words[name] for name in head), ""], body, text_columns=2)


def _segments(frame: pd.DataFrame, column: str, words: Words, language: str) -> Markup:
    """The first metric by the segment's values: more would be read as more than it says."""
    first = frame[frame["metric"] == frame["metric"].iloc[0]]
    head = ("value", "arm", "customers", "control", "treated", "effect", "relative", "p")
    scale = _scale(first)
    body = [
        (
            _whole_word(tag_value(column, str(row["value"]), language)),
            _whole_word(row["arm"]),
            whole(row["n_arm"]),
            outcome_value(row["metric"], row["mean_control"]),
            outcome_value(row["metric"], row["mean_arm"]),
            *_effect(row, scale),
        )
        for row in _records(first)
    ]
    return table([*(words[name] for name in head), ""], body, text_columns=2)


def _whole_word(text: str) -> Markup:
    """Names stay on one line, whatever the figures beside them need."""
    return element("span", text, style="white-space:nowrap")


def _effect(row: Mapping[str, Any], scale: EffectScale) -> tuple[object, ...]:
    ends = (float(row["effect_ci_lower"]), float(row["effect_ci_upper"]))
    value, low, high = (
        outcome_value(row["metric"], float(each), difference=True)
        for each in (row["effect"], *ends)
    )
    return (
        joined([value, element("div", between(low, high))]),
        percent(float(row["rel_effect"]), signed=True),
        p_text(float(row["p_adjusted"])),
        effect_bar(scale, float(row["effect"]), ends, label=f"{value} [{low}, {high}]"),
    )


def _scale(frame: pd.DataFrame) -> EffectScale:
    """Room for all intervals but those of a handful of customers, which would squeeze the others."""
    many = frame[frame[["n_control", "n_arm"]].min(axis=1) >= _HANDFUL]
    shown = many if len(many) else frame
    return EffectScale.over(shown[["effect_ci_lower", "effect_ci_upper"]].to_numpy().ravel(), 110.0)


def _records(frame: pd.DataFrame) -> Iterable[dict[str, Any]]:
    return ({str(k): v for k, v in row.items()} for row in frame.to_dict("records"))
