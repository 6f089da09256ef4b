"""The section of the checks: what was looked at before the verdict, and what to look at now."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from marketing_ds._core.markup import Markup, element, joined
from marketing_ds.evaluation.checks import Check, Checks
from marketing_ds.evaluation.checks.balance import TOGETHER
from marketing_ds.evaluation.checks.words_zh import NAMES_ZH

from .parts import EffectScale, Words, effect_bar, section, table, tag_title, whole

_ROWS = 8
_ONE_LINE = "white-space:nowrap"
_WORDS: Mapping[str, Words] = {
    "en": {
        "title": "Before the verdict",
        "sound": "{made} checks were made and none forbids a verdict.",
        "blocked": "{failed} of {made} checks failed and forbid a verdict until they are explained.",
        "check": "Check",
        "finding": "What was found",
        "p": "p-value",
        "passed": "passed",
        "failed": "failed",
        "warned": "take note",
        "open": "not known",
        "alike": "How far apart the arms were before the campaign",
        "alike_note": "Distance from control in standard deviations, with 95 % interval.",
        "column": "Tag",
        "arm": "Arm",
        "distance": "Distance",
        "worst": "Groups that fit the design least",
        "group": "Group",
        "customers": "Customers",
        "expected": "Expected",
    },
    "zh": {
        "title": "下结论之前的检查",
        "sound": "共做 {made} 项检查，没有一项妨碍下结论。",
        "blocked": "共做 {made} 项检查，{failed} 项未通过；查明原因之前不能下结论。",
        "check": "检查项",
        "finding": "发现",
        "p": "p 值",
        "passed": "通过",
        "failed": "未通过",
        "warned": "请留意",
        "open": "无从判断",
        "alike": "活动之前各组相差多远",
        "alike_note": "与对照组的距离（标准差），附 95% 区间。",
        "column": "标签",
        "arm": "组",
        "distance": "距离",
        "worst": "与设计偏离最大的群体",
        "group": "群体",
        "customers": "客户数",
        "expected": "应有",
    },
}
_BY = "sample ratio by "


def checks_section(result: Checks, language: str) -> Markup:
    """Every check with its finding, and for those that failed the figures to start from."""
    words = _WORDS[language]
    failed = sum(1 for check in result if check.blocks and check.passed is False)
    note = words["blocked" if failed else "sound"].format(made=len(result.made), failed=failed)
    rows = [
        (
            element("span", name_of(check, language), style=_ONE_LINE),
            _mark(check, words),
            finding_of(check, language),
            "" if math.isnan(check.p_value) else p_text(check.p_value),
        )
        for check in result
    ]
    head = [words["check"], "", words["finding"], words["p"]]
    parts = [table(head, rows, text_columns=3)]
    for check in result:
        frame = check.to_frame()
        if "distance" in frame.columns and len(frame):
            parts.append(_distances(frame, words, language))
        elif check.passed is False and {"group", "expected"} <= set(frame.columns):
            parts.append(_groups(name_of(check, language), frame, words))
    return section(words["title"], *parts, note=note)


def name_of(check: Check, language: str) -> str:
    """The name of a check in a language; tags by their titles."""
    column = check.name.removeprefix(_BY)
    if column != check.name and check.name not in NAMES_ZH:
        title = _title(column, language)
        return (
            f"样本比例（按{title}）"
            if language == "zh"
            else f"Sample ratio by {title[:1].lower()}{title[1:]}"
        )
    name = NAMES_ZH.get(check.name, check.name) if language == "zh" else check.name
    return name[:1].upper() + name[1:]


def finding_of(check: Check, language: str) -> str:
    """What a check found, in a language, with tags by their titles."""
    facts = {"by": _title(str(check.facts["by"]), language)} if "by" in check.facts else {}
    said = check.finding_in(language, **facts)
    return said[:1].upper() + said[1:]


def _mark(check: Check, words: Words) -> Markup:
    if check.passed is None:
        return element("span", f"– {words['open']}", class_="dim", style=_ONE_LINE)
    if check.passed:
        return element("span", f"✓ {words['passed']}", class_="dim", style=_ONE_LINE)
    sign, word = ("✗", "failed") if check.blocks else ("!", "warned")
    return element("b", f"{sign} {words[word]}", class_="alarm", style=_ONE_LINE + ";padding:0")


def _distances(frame: pd.DataFrame, words: Words, language: str) -> Markup:
    """The columns that differ most, each as a dot with its interval."""
    worst = frame[frame["column"] != TOGETHER].head(_ROWS)
    scale = EffectScale.over([*worst["distance_ci_lower"], *worst["distance_ci_upper"], -0.1, 0.1])
    rows = []
    for row in worst.to_dict("records"):
        value = float(row["distance"])
        ends = (float(row["distance_ci_lower"]), float(row["distance_ci_upper"]))
        title = _title(str(row["column"]), language)
        picture = effect_bar(scale, value, ends, label=f"{title}: {value:+.3f}")
        rows.append((title, row["arm"], picture, f"{value:+.3f}", p_text(float(row["p_adjusted"]))))
    head = [words["column"], words["arm"], "", words["distance"], words["p"]]
    return joined(
        [
            element("h3", words["alike"]),
            element("p", words["alike_note"], class_="note"),
            table(head, rows, text_columns=2),
        ]
    )


def _groups(name: str, frame: pd.DataFrame, words: Words) -> Markup:
    rows = [
        (
            r["group"],
            r["arm"],
            whole(r["customers"]),
            whole(r["expected"]),
            p_text(float(r["p_adjusted"])),
        )
        for r in frame.head(_ROWS).to_dict("records")
    ]
    head = [words[key] for key in ("group", "arm", "customers", "expected", "p")]
    return joined([element("h3", f"{name}: {words['worst']}"), table(head, rows, text_columns=2)])


def _title(column: str, language: str) -> str:
    """What a tag is called, or the day of the draw."""
    if column == "day":
        return "日期" if language == "zh" else column
    return tag_title(column, language)


def p_text(value: float) -> str:
    """A p-value; below one in ten thousand its digits say nothing."""
    return "< 0.0001" if value < 1e-4 else f"{value:.3g}"
