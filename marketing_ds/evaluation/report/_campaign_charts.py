"""The pictures of the report's section on the campaign, as inline SVG."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from marketing_ds._core.markup import Markup, drawing, element
from marketing_ds.evaluation.campaign import Funnel, Goal

from .parts import Words, percent, whole

WIDE = 760.0
ARM_COLOURS = ("#1f5fa8", "#c8553d", "#3f8f8b", "#d1a23c", "#7d6b9e", "#8aa84f", "#5d7f9e")
STATES = (("redeemed", "#1f5fa8"), ("reversed", "#c8553d"), ("expired", "#b4bdc7"), ("outstanding", "#8fb4dc"))  # fmt: skip
_LEFT, _TOP, _LOW = 58.0, 14.0, 190.0


def funnel_chart(result: Funnel, arm: str, words: Words) -> Markup:
    """One arm's funnel: a bar a step, what part of the step before it is, and who was lost."""
    frame = result.to_frame()
    rows = frame[frame["arm"] == arm].reset_index(drop=True)
    most = max(int(rows["customers"].iloc[0]), 1)
    left, width, step = 84.0, 150.0, 30.0
    shapes = []
    for i, row in enumerate(rows.to_dict("records")):
        y = step * i
        long = width * row["customers"] / most
        shapes += [
            element(
                "text", words.get(row["step"], row["step"]), x=left - 8, y=y + 15, text_anchor="end"
            ),
            element("rect", x=left, y=y + 2, width=max(long, 1.0), height=18, class_="ours"),
            element("text", _beside(row, i, words), x=left + max(long, 1.0) + 6, y=y + 15),
        ]
    label = ", ".join(f"{row.step} {row.customers}" for row in rows.itertuples())
    return drawing(380.0, step * len(rows) - 6, *shapes, label=f"{arm}: {label}", class_="chart")


def _beside(row: Mapping[Any, Any], place: int, words: Words) -> str:
    text = whole(row["customers"])
    if place == 0 or math.isnan(row["conversion_share"]):
        return text
    lost = words["lost"].format(lost=whole(row["drop_off"]))
    return f"{text}  {percent(row['conversion_share'])}  ({lost})"


def goal_chart(result: Goal, words: Words) -> Markup:
    """The total day by day against target and even pace, and where it may end."""
    daily = result.daily
    last = result.days - 1
    ends = [daily["cumulative"].max(), result.projected_ci_upper, result.target, 1.0]
    top = max(value for value in ends if math.isfinite(value)) * 1.06
    x = _across(0, max(last, 1))
    y = _up(0.0, top)
    shapes = _levels(0.0, top, y)
    if result.target > 0:
        shapes += [
            element(
                "line", x1=x(0), x2=x(last), y1=y(result.target), y2=y(result.target), class_="mark"
            ),
            element("text", words["target"], x=x(last), y=y(result.target) - 5, text_anchor="end"),
            element(
                "line",
                x1=x(0),
                x2=x(last),
                y1=y(0),
                y2=y(result.target),
                stroke="#9aa3ad",
                stroke_dasharray="4 4",
            ),
            element(
                "text", words["even"], x=x(0.72 * last), y=y(0.62 * result.target), class_="dim"
            ),
        ]
    days, values = daily["day"].tolist(), daily["cumulative"].tolist()
    if result.days_left and math.isfinite(result.projected):
        spread = [
            (x(days[-1]), y(values[-1])),
            (x(last), y(result.projected_ci_upper)),
            (x(last), y(max(result.projected_ci_lower, 0.0))),
        ]
        shapes.append(element("polygon", points=_points(spread), class_="band"))
    line = _points((x(day), y(value)) for day, value in zip(days, values, strict=True))
    shapes += [element("polyline", points=line, class_="line"), *_days(x, last, words)]
    return drawing(WIDE, _LOW + 24, *shapes, label=words["goal"], class_="chart")


def course_chart(path: pd.DataFrame, words: Words) -> Markup:
    """Effects since the start by day, a line and a band an arm."""
    finite = path[["effect", "effect_ci_lower", "effect_ci_upper"]].to_numpy(float)
    finite = finite[np.isfinite(finite)]
    low, high = min(float(finite.min()), 0.0), max(float(finite.max()), 0.0)
    room = 0.05 * (high - low) or 1.0
    last = max(int(path["day"].max()), 1)
    x, y = _across(0, last), _up(low - room, high + room)
    shapes = _levels(low - room, high + room, y)
    shapes.append(element("line", x1=x(0), x2=x(last), y1=y(0.0), y2=y(0.0), class_="zero"))
    for colour, (_, rows) in zip(_colours(), path.groupby("arm", sort=False), strict=False):
        sure = rows[np.isfinite(rows["effect_ci_lower"])]
        upper, lower = _line(sure, "effect_ci_upper", x, y), _line(sure, "effect_ci_lower", x, y)
        if upper:
            band = _points([*upper, *lower[::-1]])
            shapes.append(element("polygon", points=band, fill=colour, fill_opacity="0.13"))
        line = _points(_line(rows, "effect", x, y))
        shapes.append(
            element("polyline", points=line, fill="none", stroke=colour, stroke_width="2")
        )
    shapes += _days(x, last, words)
    return drawing(WIDE, _LOW + 24, *shapes, label=words["course"], class_="chart")


def daily_chart(counts: pd.DataFrame, arms: Sequence[str], words: Words) -> Markup:
    """How often a step was taken on each day, the arms on top of each other."""
    table = counts.pivot(index="day", columns="arm", values="count")[list(arms)]
    top = max(float(table.sum(axis=1).max()), 1.0) * 1.06
    last = max(int(table.index.max()), 1)
    x, y = _across(-0.5, last + 0.5), _up(0.0, top)
    wide = 0.72 * (x(1) - x(0))
    shapes = _levels(0.0, top, y)
    for day, row in table.iterrows():
        foot = 0.0
        for colour, value in zip(_colours(), row.tolist(), strict=False):
            if value:
                shapes.append(
                    element(
                        "rect", x=x(float(str(day))) - wide / 2, y=y(foot + value), width=wide,
                        height=y(foot) - y(foot + value), fill=colour,
                    )
                )  # fmt: skip
            foot += value
    shapes += _days(x, last, words)
    return drawing(WIDE, _LOW + 24, *shapes, label=words["daily"], class_="chart")


def states_bar(row: Mapping[Any, Any], width: float = 220.0) -> Markup:
    """What became of the pieces of a benefit, as parts of one bar."""
    at, shapes = 0.0, []
    for state, colour in STATES:
        wide = width * row[state] / row["issued"] if row["issued"] else 0.0
        shapes.append(element("rect", x=at, y=3, width=wide, height=12, fill=colour))
        at += wide
    label = ", ".join(f"{state} {row[state]}" for state, _ in STATES)
    return drawing(width, 18, *shapes, label=label, class_="bar")


def legend(names: Iterable[tuple[str, str]]) -> Markup:
    """Words beside their colours."""
    keys = [
        element("span", element("i", style=f"background:{colour}"), name, class_="key")
        for name, colour in names
    ]
    return element("p", *keys, class_="legend")


def arm_colours(arms: Sequence[str]) -> list[tuple[str, str]]:
    """Each arm with its colour."""
    return list(zip(arms, _colours(), strict=False))


def _colours() -> Iterable[str]:
    while True:
        yield from ARM_COLOURS


class _Scale:
    """From values to places, linearly."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.low, self.unit, self.start = low, (end - start) / (high - low), start

    def __call__(self, value: float) -> float:
        return float(self.start + self.unit * (value - self.low))


def _line(rows: pd.DataFrame, name: str, x: _Scale, y: _Scale) -> list[tuple[float, float]]:
    days, values = rows["day"].to_numpy(float), rows[name].to_numpy(float)
    return [(x(day), y(value)) for day, value in zip(days, values, strict=True)]


def _across(low: float, high: float) -> _Scale:
    return _Scale(low, high, _LEFT, WIDE - 10)


def _up(low: float, high: float) -> _Scale:
    return _Scale(low, high, _LOW, _TOP)


def _points(places: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _levels(low: float, high: float, y: _Scale) -> list[Markup]:
    """Lines and labels at round values."""
    rough = (high - low) / 4
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * k for k in (1, 2, 2.5, 5, 10) if unit * k >= rough)
    shapes = []
    for i in range(math.ceil(low / step), math.floor(high / step) + 1):
        at = y(i * step)
        shapes.append(element("line", x1=_LEFT, x2=WIDE - 10, y1=at, y2=at, class_="level"))
        shapes.append(element("text", f"{i * step:,.6g}", x=_LEFT - 6, y=at + 4, text_anchor="end"))
    return shapes


def _days(x: _Scale, last: int, words: Words) -> list[Markup]:
    every = max(math.ceil(last / 8), 1)
    return [
        element(
            "text", words["day"].format(day=day + 1), x=x(day), y=_LOW + 18, text_anchor="middle"
        )
        for day in range(0, last + 1, every)
    ]
