"""The sections of the card, one function each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from marketing_ds._core.estimate import Estimate
from marketing_ds._core.markup import Markup, element
from marketing_ds.features import InputColumn
from marketing_ds.tags import Tag

from .._evaluation import PropensityEvaluation
from .._fairness import PropensityFairness
from .._reasons import Explanation
from .._segments import MISSING, PropensitySegments
from .charts import calibration_chart, dot_chart, gains_chart, span_of
from .words import MEASURES, Words, number, percent, shown

_MOST_FEATURES = 60


def section(title: str, *parts: object, note: str | None = None) -> Markup:
    """A heading, what it says, and what is below it."""
    below = element("p", note, class_="note") if note else ""
    return element("section", element("h2", title), *parts, below)


def table(head: Sequence[object], rows: Sequence[Sequence[object]], *, words: int = 1) -> Markup:
    """A table whose first `words` columns hold words and whose others hold numbers."""

    def row(cells: Sequence[object], kind: str) -> Markup:
        cells_ = (
            element(kind, cell, class_=None if i < words else "number")
            for i, cell in enumerate(cells)
        )
        return element("tr", *cells_)

    body = element("tbody", *(row(cells, "td") for cells in rows))
    whole = element("table", element("thead", row(head, "th")), body, class_="full")
    return element("div", whole, class_="wide")


def facts_table(facts: Mapping[str, object]) -> Markup:
    """Names and what they are."""
    rows = (
        element("tr", element("td", name, class_="dim"), element("td", value))
        for name, value in facts.items()
    )
    return element("table", element("tbody", *rows), class_="full")


def measures_section(result: PropensityEvaluation, where: str, words: Words, lang: str) -> Markup:
    """Every measure with its interval and what it says."""
    rows = []
    for name, (title, meaning) in MEASURES[lang].items():
        estimate: Estimate = getattr(result, name)
        value, low, high = estimate.value, estimate.ci_lower, estimate.ci_upper
        ends = f"{shown(name, low)} – {shown(name, high)}" if value == value else "–"
        rows.append([title, element("span", meaning, class_="dim"), shown(name, value), ends])
    head = [
        words["measure"],
        words["means"],
        words["value"],
        words["interval"].format(level=f"{result.level:.0%}"),
    ]
    return section(words["measures"], table(head, rows, words=2), note=where)


def pictures_section(result: PropensityEvaluation, words: Words) -> Markup:
    """Calibration and gains, side by side."""
    level = f"{result.level:.0%}"
    cards = [
        element(
            "div",
            element("h2", words[name]),
            chart(result, words),
            element("p", words[f"{name}_note"].format(level=level), class_="note"),
            class_="card",
        )
        for name, chart in (("calibration", calibration_chart), ("gains", gains_chart))
    ]
    return element("section", element("div", *cards, class_="cards"))


def segments_section(
    result: PropensitySegments, tags: Mapping[str, Tag], words: Words, lang: str
) -> Markup:
    """The AUC of every segment, as dots with intervals."""
    frame = result.to_frame("auc")
    overall = result.overall.auc.value
    span = span_of(frame, "value", overall)
    rows = []
    for by, segment, n, positives, few, value, low, high in frame[
        ["by", "segment", "rows", "positives", "few", "value", "value_ci_lower", "value_ci_upper"]
    ].itertuples(index=False):
        known = value == value
        dot = dot_chart(value, (low, high), span, overall, few=few) if known else ""
        ends = f"{number(low)} – {number(high)}" if known else "–"
        rows.append(
            [
                group_title(by, tags, words, lang),
                f"{segment_name(segment, words)}{' ○' if few else ''}",
                f"{n:,}",
                f"{positives:,}",
                dot,
                number(value),
                ends,
            ]
        )
    level = f"{result.level:.0%}"
    head = ["", words["segment"], words["rows"], words["positives"], "", "AUC", words["interval"].format(level=level)]  # fmt: skip
    note = words["segments_note"].format(level=level)
    return section(words["segments"], table(head, rows, words=2), note=note)


def features_section(
    columns: Sequence[InputColumn],
    tags: Mapping[str, Tag],
    explanation: Explanation | None,
    words: Words,
    lang: str,
) -> Markup:
    """What the model looks at: title, type, sensitivity, importance."""
    parts = {} if explanation is None else _importance(explanation)
    order = sorted(columns, key=lambda column: -parts.get(column.name, 0.0))
    rows: list[list[object]] = []
    for column in order[:_MOST_FEATURES]:
        tag = tags.get(column.name)
        kind = "undeclared" if tag is None else tag.sensitivity
        mark = element("b", words[kind]) if kind == "sensitive" else words[kind]
        title = column.name if tag is None else tag.title(lang)
        row: list[object] = [
            title,
            element("code", column.name),
            words.get(column.kind, column.kind),
            mark,
        ]
        rows.append([*row, percent(parts[column.name])] if column.name in parts else row)
    head = [words["title"], words["name"], words["type"], words["sensitivity"]]
    if parts:
        head.append(words["importance"])
    left = len(order) - len(rows)
    rest = element("p", words["rest"].format(n=left), class_="note") if left else ""
    told = [element("p", line) for line in sensitive_lines(columns, tags, words, lang)]
    shown_table = table(head, rows, words=4)
    return section(words["used"], *told, shown_table, rest, note=words["features_note"])


def sensitive_lines(
    columns: Sequence[InputColumn], tags: Mapping[str, Tag], words: Words, lang: str
) -> list[str]:
    """Which sensitive tags are used, and which features nobody declared."""
    named = [tags[c.name] for c in columns if c.name in tags]
    found = [tag.title(lang) for tag in named if tag.sensitivity == "sensitive"]
    lines = [
        words["sensitive_used"].format(names=words["comma"].join(found))
        if found
        else words["sensitive_none"]
    ]
    unknown = [c.name for c in columns if c.name not in tags]
    if unknown:
        names = words["comma"].join(unknown[:12]) + (" …" if len(unknown) > 12 else "")
        lines.append(words["undeclared_used"].format(n=len(unknown), names=names))
    return lines


def fairness_section(
    result: PropensityFairness, tags: Mapping[str, Tag], words: Words, lang: str
) -> Markup:
    """One table a way of grouping."""
    level = f"{result.level:.0%}"
    tables = []
    for by, frame in result.to_frame().groupby("by", sort=False):
        rows = [_fairness_row(row, words) for _, row in frame.iterrows()]
        head = [
            group_title(str(by), tags, words, lang), words["rows"], words["positives"], words["rate"],
            words["mean"], words["gap"], "AUC", words["selected"], words["disparity"],
        ]  # fmt: skip
        tables.append(table(head, rows))
    note = words["fairness_note"].format(level=level, top=f"{result.top:.0%}")
    return section(words["fairness"], *tables, note=note)


def _fairness_row(row: pd.Series, words: Words) -> list[object]:
    def cell(name: str, *, share: bool = True) -> Markup:
        write = percent if share else (lambda value: "–" if value != value else f"{value:.2f}")
        value, low, high = (float(row[f"{name}{end}"]) for end in ("", "_ci_lower", "_ci_upper"))
        ends = "" if low != low or low == high else f"{write(low)} – {write(high)}"
        below = element("small", ends, class_="dim", style="display:block")
        return element("span", write(value), below)

    name = f"{segment_name(str(row['group']), words)}{' ○' if row['few'] else ''}"
    return [
        name,
        f"{row['rows']:,}",
        f"{row['positives']:,}",
        cell("rate_share"),
        cell("mean_probability_share"),
        cell("gap_share"),
        cell("auc", share=False),
        cell("selected_share"),
        cell("disparity", share=False),
    ]


def group_title(by: str, tags: Mapping[str, Tag], words: Words, lang: str) -> str:
    """What groups are made of, as words."""
    if by in tags:
        return tags[by].title(lang)
    return words.get(f"by_{by}", by)


def segment_name(segment: str, words: Words) -> str:
    """A segment's name; that of nulls in the card's language."""
    return words["missing"] if segment == MISSING else segment


def _importance(explanation: Explanation) -> dict[str, float]:
    frame = explanation.to_frame()
    return dict(zip(frame["tag"], frame["importance_share"], strict=True))
