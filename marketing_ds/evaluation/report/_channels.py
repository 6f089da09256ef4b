"""The report's section on channels: use, who came back, activity, worth, what each added."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from marketing_ds._core.markup import Markup, drawing, element, joined
from marketing_ds.evaluation.channel import (
    ArmRetention,
    ChannelActivity,
    ChannelAnalysis,
    ChannelRetention,
    HoldoutAttribution,
    TouchAttribution,
)

from ._channels_words import METHODS, NAMES, WORDS
from .parts import (
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
    share_bar,
    table,
    whole,
)

_COHORTS, _PERIODS = 14, 12
_WIDE = 760.0
_LINES = (("mau", "#b4bdc7"), ("wau", "#5d8fc4"), ("dau", "#1f5fa8"))


def channels_section(result: ChannelAnalysis, language: str) -> Markup:
    """Use by channel, activity, retention with its triangle, worth and attribution.

    Parameters
    ----------
    result : ChannelAnalysis
    language : {"en", "zh"}
    """
    words = WORDS[language]
    level = f"{100 * (1 - result.alpha):g} %"
    note = words["note"].format(
        start=result.start, end=result.end, history=result.use.history_from, level=level
    )
    parts = [
        _use(result, words, language),
        card(words["activity"], _lines(result.activity, words), _activity(result, words, language)),
        card(words["retention"], _retention(result.retention, words, language)),
        card(
            words["triangle_" + result.retention.cohort],
            _triangle(result.retention, words),
            element("p", words["triangle_note"], class_="note"),
        ),
    ]
    if result.worth is not None:
        parts.append(card(words["worth"], *_worth(result, words, language)))
    if result.attribution is not None:
        parts.append(_attribution(result.attribution, words, language))
    if result.arm_retention is not None:
        parts.append(_arms(result.arm_retention, words))
    return section(words["title"], *parts, note=note)


def _name(channel: str, language: str) -> str:
    return NAMES[language].get(channel, channel)


def _with_ends(row: pd.Series[float], name: str, written: str = "{:.2f}") -> Markup:
    """An estimate with its interval, or a dash."""
    values = [float(row[key]) for key in (name, f"{name}_ci_lower", f"{name}_ci_upper")]
    if math.isnan(values[0]):
        return joined(["—"])
    share = name.endswith("_share")
    shown = [percent(v) if share else "—" if math.isnan(v) else written.format(v) for v in values]
    return joined([shown[0], " ", between(shown[1], shown[2])])


def _use(result: ChannelAnalysis, words: Words, language: str) -> Markup:
    frame = result.use.to_frame()
    products = {}
    if result.products is not None:
        products = {row["channel"]: row for _, row in result.products.to_frame().iterrows()}
    heads = ("channel", "customers", "new", "kept", "launches", "pages", "minutes", "between")
    head = [words[key] for key in heads] + ([words["products"]] if products else [])
    rows = []
    for _, row in frame.iterrows():
        cells: list[object] = [
            _name(row["channel"], language),
            whole(row["customers"]),
            joined([whole(row["new_customers"]), " ", element("small", percent(row["new_share"]))]),
            _with_ends(row, "kept_share"),
            whole(row["launches"]),
            whole(row["pages"]),
            _with_ends(row, "minutes_per_customer", "{:.1f}"),
            _with_ends(row, "days_between_uses", "{:.1f}"),
        ]
        if products:
            held = products.get(row["channel"])
            cells.append("—" if held is None else _with_ends(held, "products_per_customer"))
        rows.append(cells)
    return table(head, rows)


def _activity(result: ChannelAnalysis, words: Words, language: str) -> Markup:
    head = [words[key] for key in ("channel", "mean_dau", "mean_wau", "mean_mau", "stickiness")]
    rows = [
        [
            _name(row["channel"], language),
            *(whole(row[f"mean_{key}"]) for key in ("dau", "wau", "mau")),
            _with_ends(row, "stickiness_share"),
        ]
        for _, row in result.activity.summary().iterrows()
    ]
    return table(head, rows)


def _lines(activity: ChannelActivity, words: Words) -> Markup:
    """DAU, WAU and MAU of all channels as lines over the window."""
    frame = activity.to_frame()
    mine = frame[frame["channel"] == "all"]
    if mine.empty:
        return joined([])
    top, low, left = 10.0, 170.0, 64.0
    most = max(float(np.nanmax(mine[["dau", "wau", "mau"]].to_numpy(float))), 1.0)
    step = (_WIDE - left - 50) / max(len(mine) - 1, 1)
    shapes = []
    for part in (0.0, 0.5, 1.0):
        y = low - (low - top) * part
        shapes.append(element("line", x1=left, x2=_WIDE - 50, y1=y, y2=y, class_="level"))
        shapes.append(element("text", whole(most * part), x=left - 6, y=y + 4, text_anchor="end"))
    for name, colour in _LINES:
        values = mine[name].to_numpy(float)
        points = [
            f"{left + i * step:.1f},{low - (low - top) * value / most:.1f}"
            for i, value in enumerate(values)
            if math.isfinite(value)
        ]
        if points:
            style = f"stroke:{colour}"
            shapes.append(element("polyline", points=" ".join(points), class_="line", style=style))
            y = float(points[-1].split(",")[1])
            shapes.append(element("text", name.upper(), x=_WIDE - 46, y=y + 4))
    for place, anchor in ((0, "start"), (len(mine) - 1, "end")):
        x = left + place * step
        date = str(mine["date"].iloc[place])
        shapes.append(element("text", date, x=x, y=low + 18, text_anchor=anchor))
    return drawing(_WIDE, low + 24, *shapes, label=words["activity"], class_="chart")


def _retention(result: ChannelRetention, words: Words, language: str) -> Markup:
    """Pooled shares by channel and day."""
    frame = result.to_frame()
    pooled = frame[frame["cohort"] == "all"]
    head = [words["channel"], *(words["day"].format(day=day) for day in result.days)]
    rows = []
    for channel, mine in pooled.groupby("channel", sort=False):
        by_day = {int(row["day"]): row for _, row in mine.iterrows()}
        rows.append(
            [
                _name(str(channel), language),
                *(
                    _with_ends(by_day[day], "retained_share") if day in by_day else "—"
                    for day in result.days
                ),
            ]
        )
    return table(head, rows)


def _triangle(result: ChannelRetention, words: Words) -> Markup:
    """Cohorts of all channels by period, the deeper the blue the more came back."""
    frame = result.triangle()
    mine = frame[frame["channel"] == "all"]
    periods = sorted({int(p) for p in mine["period"]})[:_PERIODS]
    cohorts = [c for c in mine["cohort"].unique() if c != "all"][-_COHORTS:]
    cells = {(row["cohort"], int(row["period"])): row for _, row in mine.iterrows()}
    most = float(mine["retained_share"].max()) if cells else 0.0
    sizes = _sizes(result)
    lines = []
    for cohort in ["all", *cohorts]:
        named = words["pooled"] if cohort == "all" else str(cohort)
        line = [element("td", named), element("td", whole(sizes[cohort]), class_="number")]
        line += [_cell(cells.get((cohort, period)), most) for period in periods]
        lines.append(element("tr", *line))
    heads = [words["cohort"], words["new"], *(str(period) for period in periods)]
    top = [
        element("th", head, class_="number" if place else None) for place, head in enumerate(heads)
    ]
    body = element("table", element("tr", *top), *lines, class_="full")
    return element("div", body, class_="wide")


def _sizes(result: ChannelRetention) -> dict[object, float]:
    """New customers whose next day is over, by cohort of all channels; NaN where none is."""
    frame = result.to_frame()
    first = frame[(frame["channel"] == "all") & (frame["day"] == min(result.days))]
    known = dict(zip(first["cohort"], first["customers"].astype(float), strict=True))
    everyone = ["all", *result.triangle()["cohort"].unique()]
    return {cohort: known.get(cohort, math.nan) for cohort in everyone}


def _cell(row: pd.Series[float] | None, most: float) -> Markup:
    if row is None:
        return element("td", "")
    share = float(row["retained_share"])
    ends = [percent(float(row[f"retained_share_ci_{end}"])) for end in ("lower", "upper")]
    title = f"{whole(row['retained'])} / {whole(row['customers'])} [{ends[0]}, {ends[1]}]"
    return element("td", percent(share), class_="number", style=shade(share, most), title=title)


def _worth(result: ChannelAnalysis, words: Words, language: str) -> Sequence[Markup]:
    if result.worth is None:
        return []
    heads = ("channel", "buyers", "amount", "revenue", "per_buyer", "contact_cost", "contribution")
    rows = [
        [
            _name(row["channel"], language),
            whole(row["buyers"]),
            money(row["amount_cny"]),
            money(row["revenue_cny"]),
            _with_ends(row, "revenue_per_buyer_cny", "¥{:,.0f}"),
            money(row["contact_cost_cny"]),
            money(row["contribution_cny"]),
        ]
        for _, row in result.worth.to_frame().iterrows()
    ]
    notes = [words["worth_note"]]
    if result.worth.unpriced_purchases:
        notes.append(words["unpriced"].format(n=whole(result.worth.unpriced_purchases)))
    return [
        table([words[key] for key in heads], rows),
        *(element("p", note, class_="note") for note in notes),
    ]


def _attribution(
    result: HoldoutAttribution | TouchAttribution, words: Words, language: str
) -> Markup:
    if isinstance(result, HoldoutAttribution):
        return _added(result, words, language)
    frame = result.to_frame()
    most = float(frame["credit_share"].max())
    parts = []
    for method in ("shapley", "markov", "last"):
        rows = [
            [
                _name(row["channel"], language),
                share_bar(
                    max(float(row["credit_share"]), 0.0),
                    most,
                    label=percent(row["credit_share"]),
                    width=110.0,
                ),
                _with_ends(row, "credit_share"),
            ]
            for _, row in frame[frame["method"] == method].iterrows()
        ]
        head = [words["channel"], "", words["credit_share"]]
        parts.append(card(METHODS[language][method], table(head, rows)))
    note = words["touch_note"].format(
        buyers=whole(result.buyers),
        touched=whole(result.touched_buyers),
        days=result.lookback_days,
        baseline=whole(result.baseline),
    )
    return joined(
        [
            element("h3", words["touches"]),
            element("p", words["descriptive"], class_="note"),
            cards(*parts),
            element("p", note, class_="note"),
        ]
    )


def _added(result: HoldoutAttribution, words: Words, language: str) -> Markup:
    parts = []
    for metric, frame in result.to_frame().groupby("metric", sort=False):
        written = money if str(metric).endswith("_cny") else _signed
        scale = EffectScale.over(
            frame[["incremental_ci_lower", "incremental_ci_upper"]].to_numpy(float).ravel()
        )
        rows = []
        for _, row in frame.iterrows():
            value, low, high = (
                float(row[key])
                for key in ("incremental", "incremental_ci_lower", "incremental_ci_upper")
            )
            name = _name(row["channel"], language)
            if row["arm"] != "all":
                name = f"{name} · {row['arm']}"
            rows.append(
                [
                    name,
                    whole(row["n_arm"]),
                    joined([written(value), " ", between(written(low), written(high))]),
                    effect_bar(scale, value, (low, high), label=written(value)),
                ]
            )
        head = [words["channel"], words["customers"], words[str(metric)], ""]
        parts.append(table(head, rows))
    warning = [element("p", words["blocked"], class_="alarm")] if result.blocked else []
    open_ = [] if result.complete else [element("p", words["open"], class_="alarm")]
    note = element("p", words["added_note"], class_="note")
    return card(words["added"], *warning, *open_, *parts, note)


def _signed(value: float) -> str:
    return "—" if math.isnan(value) else f"{value:+,.1f}"


def _arms(result: ArmRetention, words: Words) -> Markup:
    frame = result.to_frame()
    scale = EffectScale.over(frame[["effect_ci_lower", "effect_ci_upper"]].to_numpy(float).ravel())
    rows = []
    for _, row in frame.iterrows():
        value, low, high = (float(row[k]) for k in ("effect", "effect_ci_lower", "effect_ci_upper"))
        p = float(row["p_adjusted"])
        rows.append(
            [
                words["day"].format(day=int(row["day"])),
                str(row["arm"]),
                percent(row["control_share"]),
                percent(row["arm_share"]),
                joined([_points(value), " ", between(_points(low), _points(high))]),
                effect_bar(scale, value, (low, high), label=_points(value)),
                "—" if math.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}",
            ]
        )
    head = [words[k] for k in ("after", "arm", "control", "active", "difference")]
    body = table([*head, "", words["p"]], rows, text_columns=2)
    return card(words["arms"], body, element("p", words["arms_note"], class_="note"))


def _points(value: float) -> str:
    """A difference of shares, in percentage points."""
    return "—" if math.isnan(value) else f"{100 * value:+.2f}"
