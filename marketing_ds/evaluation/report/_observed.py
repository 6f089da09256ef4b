"""The section of campaigns that were not randomised: weaker evidence, and how weak."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from marketing_ds._core.checks import check_choice
from marketing_ds._core.markup import Markup, drawing, element, joined
from marketing_ds.evaluation.observed import (
    DifferenceInDifferences,
    ObservationalResult,
    SyntheticControl,
)
from marketing_ds.evaluation.observed.balance import NOTICEABLE
from marketing_ds.evaluation.observed.encoding import IS_NULL
from marketing_ds.evaluation.observed.words import number

from .outcomes import outcome_name, outcome_value
from .parts import (
    LANGUAGES,
    EffectScale,
    Words,
    between,
    card,
    cards,
    effect_bar,
    percent,
    section,
    table,
    tag_title,
    tag_value,
    whole,
)

_WIDE, _HIGH, _EDGE = 820.0, 220.0, 50.0
_ONE_LINE = "white-space:nowrap"
_MOST = 10
_WORDS: Mapping[str, Words] = {
    "en": {
        "title": "Not randomised: weaker evidence",
        "note": "Who got what was chosen, not drawn. The figures hold only if nothing outside the "
        "{n} covariates drove both that choice and the outcome.",
        "note_panel": "Who got what was chosen, not drawn. The figures hold only if treated units "
        "would have gone as the others did.",
        "metric": "Metric",
        "arm": "Arm",
        "customers": "Size (control / arm)",
        "effect": "Adjusted effect",
        "rel": "Relative",
        "naive": "Plain difference",
        "e_value": "E-value (interval)",
        "balance": "Balance of covariates",
        "balance_note": "Distance from control in standard deviations; beyond 0.1 it matters.",
        "covariate": "Covariate",
        "before": "Before",
        "after": "After",
        "hidden": "What a hidden factor would need",
        "hidden_note": "To explain the effect away (or only to bring its interval to 0), it would have "
        "to be so many times as strong as one that is known.",
        "times": "Times as strong",
        "times_limit": "For the interval",
        "never": "adds nothing itself",
        "null": "not known",
        "events": "Effect by period from the start",
        "event_label": "Effects by period from the start, with intervals",
        "series": "Treated units and their synthetic control",
        "made_of": "What the synthetic control is made of",
        "unit": "Unit",
        "weight": "Weight",
    },
    "zh": {
        "title": "非随机分组：证据较弱",
        "note": "谁得到什么是挑选的，不是抽签的。只有当这 {n} 个协变量之外没有因素同时影响挑选和结果时，"
        "以下数字才成立。",
        "note_panel": "谁得到什么是挑选的，不是抽签的。只有当参与单元本来会与其他单元走势一致时，以下数字才成立。",
        "metric": "指标",
        "arm": "实验组",
        "customers": "规模（对照组 / 实验组）",
        "effect": "调整后效果",
        "rel": "相对效果",
        "naive": "未调整差异",
        "e_value": "E 值（区间端）",
        "balance": "协变量是否平衡",
        "balance_note": "与对照组的距离（标准差）；超过 0.1 即值得注意。",
        "covariate": "协变量",
        "before": "调整前",
        "after": "调整后",
        "hidden": "隐藏因素须有多强",
        "hidden_note": "要完全解释掉效果（或仅使区间触及 0），隐藏因素须是已知因素的多少倍。",
        "times": "倍数",
        "times_limit": "触及区间",
        "never": "自身没有贡献",
        "null": "未知",
        "events": "自开始起各期的效果",
        "event_label": "自开始起各期的效果及区间",
        "series": "参与单元与合成控制组",
        "made_of": "合成控制组的构成",
        "unit": "单元",
        "weight": "权重",
    },
}


def observed_section(
    result: ObservationalResult | DifferenceInDifferences | SyntheticControl, language: str
) -> Markup:
    """The verdict as weaker evidence, effects beside the plain differences, and the doubts.

    Parameters
    ----------
    result : ObservationalResult, DifferenceInDifferences or SyntheticControl
    language : {"en", "zh"}
    """
    words = _WORDS[check_choice("language", language, LANGUAGES)]
    verdict = element("p", element("b", result.verdict_in(language)))
    effects = _effects(result.to_frame(), words, language)
    if isinstance(result, ObservationalResult):
        note = words["note"].format(n=len(result.covariates))
        doubts = cards(_balance(result, words, language), _hidden(result, words, language))
        return section(words["title"], verdict, effects, doubts, note=note)
    picture = (
        _events(result, words)
        if isinstance(result, DifferenceInDifferences)
        else _synthetic(result, words)
    )
    return section(words["title"], verdict, effects, picture, note=words["note_panel"])


def _effects(frame: pd.DataFrame, words: Words, language: str) -> Markup:
    known = "naive_effect" in frame.columns
    head = [
        "metric",
        "arm",
        "customers",
        "effect",
        "rel",
        *(["naive", "e_value"] if known else []),
        "",
    ]
    rows = []
    for row in frame.to_dict("records"):
        ends = row["effect_ci_lower"], row["effect_ci_upper"]
        scale = EffectScale.over([row["effect"], *ends], 110.0)
        value, low, high = (
            outcome_value(row["metric"], each, difference=True) for each in (row["effect"], *ends)
        )
        bar = effect_bar(scale, row["effect"], ends, label=value)
        more = (
            [
                outcome_value(row["metric"], row["naive_effect"], difference=True),
                f"{number(row['e_value'])} ({number(row['e_value_limit'])})",
            ]
            if known
            else []
        )
        rows.append(
            [
                element("span", outcome_name(row["metric"], language), style=_ONE_LINE),
                element("span", row["arm"], style=_ONE_LINE),
                f"{whole(row['n_control'])} / {whole(row['n_arm'])}",
                element("span", value, " ", between(low, high)),
                percent(row["rel_effect"], signed=True),
                *more,
                bar,
            ]
        )
    return table([words.get(name, "") for name in head], rows, text_columns=2)


def _balance(result: ObservationalResult, words: Words, language: str) -> Markup:
    frame = result.balance.to_frame()
    ordered = frame.iloc[(-frame["smd"].abs()).argsort(kind="stable")]
    worst = ordered.drop_duplicates(["covariate", "level"]).head(_MOST)  # its worst arm
    most = max(0.2, float(worst[["smd", "smd_adjusted"]].abs().to_numpy().max()))
    scale = EffectScale(-most, most, 130.0)
    rows = []
    for row in worst.to_dict("records"):
        title, level = str(row["covariate"]), str(row["level"])
        if level:
            level = words["null"] if level == IS_NULL else tag_value(title, level, language)
        name = f"{tag_title(title, language)} {level}".strip()
        marks = [
            element("line", x1=scale.at(0), x2=scale.at(0), y1=0, y2=18, class_="zero"),
            *(
                element("line", x1=scale.at(end), x2=scale.at(end), y1=0, y2=18, class_="level")
                for end in (-NOTICEABLE, NOTICEABLE)
            ),
            element("circle", cx=scale.at(row["smd"]), cy=9, r=4, class_="open"),
            element("circle", cx=scale.at(row["smd_adjusted"]), cy=9, r=4, class_="dot"),
        ]
        label = f"{name}: {row['smd']:+.2f} → {row['smd_adjusted']:+.2f}"
        rows.append(
            [
                name,
                f"{row['smd']:+.2f}",
                f"{row['smd_adjusted']:+.2f}",
                drawing(scale.width, 18, *marks, label=label, class_="bar"),
            ]
        )
    head = [words["covariate"], words["before"], words["after"], ""]
    return card(
        words["balance"], element("p", words["balance_note"], class_="note"), table(head, rows)
    )


def _hidden(result: ObservationalResult, words: Words, language: str) -> Markup:
    marks = result.sensitivity.benchmarks
    rows = [
        [
            f"{tag_title(row['covariate'], language)} "
            f"({outcome_name(row['metric'], language)}, {row['arm']})",
            *(
                words["never"] if math.isinf(row[k]) else f"{row[k]:.3g}"
                for k in ("times", "times_limit")
            ),
        ]
        for row in marks.head(_MOST).to_dict("records")
    ]
    head = [words["covariate"], words["times"], words["times_limit"]]
    return card(
        words["hidden"], element("p", words["hidden_note"], class_="note"), table(head, rows)
    )


def _events(result: DifferenceInDifferences, words: Words) -> Markup:
    frame = result.event_study
    across = _Scale(frame["event_time"], _EDGE, _WIDE - 12)
    values = [0.0, *frame["effect_ci_lower"], *frame["effect_ci_upper"]]
    up = _Scale(values, _HIGH - 24, 10)
    shapes = [element("line", x1=_EDGE, x2=_WIDE, y1=up(0), y2=up(0), class_="zero")]
    for row in frame.to_dict("records"):
        x, side = across(row["event_time"]), "dot" if row["event_time"] >= 0 else "open"
        ends = up(row["effect_ci_lower"]), up(row["effect_ci_upper"])
        shapes.append(element("line", x1=x, x2=x, y1=ends[0], y2=ends[1], class_="range"))
        shapes.append(element("circle", cx=x, cy=up(row["effect"]), r=4, class_=side))
        label = f"{row['event_time']:+d}"
        shapes.append(element("text", label, x=x, y=_HIGH - 6, text_anchor="middle"))
    shapes += _levels(values, up)
    chart = drawing(_WIDE, _HIGH, *shapes, label=words["event_label"], class_="chart axis")
    return card(words["events"], chart)


def _synthetic(result: SyntheticControl, words: Words) -> Markup:
    frame = result.gaps
    values = [*frame["observed"], *frame["synthetic"]]
    across = _Scale(range(len(frame)), _EDGE, _WIDE - 12)
    up = _Scale(values, _HIGH - 24, 10)
    begin = across(float(frame["after"].to_numpy().argmax()) - 0.5)
    shapes = [element("line", x1=begin, x2=begin, y1=8, y2=_HIGH - 22, class_="level")]
    for column, look in (("synthetic", "mark"), ("observed", "line")):
        points = " ".join(f"{across(k):.1f},{up(v):.1f}" for k, v in enumerate(frame[column]))
        shapes.append(element("polyline", points=points, class_=look, fill="none"))
    for k in (0, len(frame) - 1):
        anchor = "end" if k else "start"
        day = str(frame["period"].iloc[k])[:10]
        shapes.append(element("text", day, x=across(k), y=_HIGH - 6, text_anchor=anchor))
    shapes += _levels(values, up)
    chart = drawing(_WIDE, _HIGH, *shapes, label=words["series"], class_="chart axis")
    heavy = result.weights.head(_MOST)
    heavy = heavy[heavy["weight"] > 0.005]
    made = [[str(u), percent(w)] for u, w in zip(heavy["unit"], heavy["weight"], strict=True)]
    mixture = table([words["unit"], words["weight"]], made)
    return joined([card(words["series"], chart), card(words["made_of"], mixture)])


class _Scale:
    """From values to places between two ends."""

    def __init__(
        self, values: Sequence[float] | range | pd.Series, first: float, last: float
    ) -> None:
        there = [float(v) for v in values if math.isfinite(v)]
        self._low, self._high, self._first = min(there), max(there), first
        self._step = (last - first) / ((self._high - self._low) or 1.0)

    def __call__(self, value: float) -> float:
        inside = min(max(value, self._low), self._high)  # the end of an interval may be infinite
        return self._first + (inside - self._low) * self._step


def _levels(values: Sequence[float], up: _Scale) -> list[Markup]:
    """The lowest and the highest value, written at the left edge."""
    return [
        element("text", number(value), x=_EDGE - 6, y=up(value) + 4, text_anchor="end")
        for value in (min(filter(math.isfinite, values)), max(filter(math.isfinite, values)))
    ]
