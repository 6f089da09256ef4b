"""The page's pictures as inline SVG: their text stays text, in the page's own fonts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from marketing_ds._core.markup import Markup, drawing, element

from .._distribution import Distribution
from .._migration import ENTERED, LEFT, Migration
from .._trend import Trend
from .words import WORDS, percent, readable, whole

_TICKS = (1, 2, 5, 10, 25, 50, 100, 200, 400, 1000, 2500, 5000, 10000)
_COLOURS = (
    "#1f5fa8", "#3f8f8b", "#8aa84f", "#d1a23c", "#c8553d", "#7d6b9e", "#a56a43", "#5d7f9e",
)  # fmt: skip
_OUTSIDE = "#9a9a9a"
_WIDE = 760.0


@dataclass(frozen=True)
class LogScale:
    """Where ratios in percent lie across a picture: half and double are equally far from 100."""

    low: float
    high: float
    width: float

    @classmethod
    def over(cls, values: Sequence[float], width: float) -> LogScale:
        """A scale that has room for `values`, and for half and double."""
        there = [value for value in values if math.isfinite(value) and value > 0]
        low = max(min([45.0, *(0.95 * value for value in there)]), 1.0)
        return cls(low, max([222.0, *(1.05 * value for value in there)]), width)

    def at(self, value: float) -> float:
        """The place of a value; what lies outside stands at the edge."""
        inside = min(max(value, self.low), self.high)
        return self.width * math.log(inside / self.low) / math.log(self.high / self.low)

    @property
    def ticks(self) -> list[int]:
        """Round values that are far enough apart to be written."""
        shown: list[int] = []
        for tick in _TICKS:
            if self.low <= tick <= self.high and (
                not shown or self.at(tick) - self.at(shown[-1]) > 26
            ):
                shown.append(tick)
        return shown


def ratio_bar(
    scale: LogScale,
    value: float,
    ends: tuple[float, float],
    *,
    sure: bool,
    mark: float | None = None,
) -> Markup:
    """A bar from 100 to the value with its interval, and a mark where it was expected."""
    middle, end = scale.at(100.0), scale.at(value)
    side = "open" if not sure else "up" if value > 100 else "down"
    shapes = [
        element("rect", x=min(middle, end), y=4, width=abs(end - middle), height=10, class_=side),
        element("line", x1=middle, x2=middle, y1=0, y2=18, class_="zero"),
        element("line", x1=scale.at(ends[0]), x2=scale.at(ends[1]), y1=9, y2=9, class_="range"),
    ]
    if mark is not None:
        at = scale.at(mark)
        shapes.append(element("line", x1=at, x2=at, y1=2, y2=16, class_="mark"))
    label = f"{value:.0f} ({ends[0]:.0f}–{ends[1]:.0f})"
    return drawing(scale.width, 18, *shapes, label=label, class_="bar")


def ratio_axis(scale: LogScale, unit: float = 1.0) -> Markup:
    """The ticks above a column of bars; `unit` is what 100 is written as, over 100."""
    texts = [
        element("text", f"{tick / unit:g}", x=scale.at(tick), y=11, text_anchor="middle")
        for tick in scale.ticks
    ]
    return drawing(scale.width, 14, *texts, label="100", class_="bar axis")


def share_bars(ours: float, base: float, most: float, width: float = 140.0) -> Markup:
    """Two thin bars, the audience's above the base's."""
    shapes = [
        element("rect", x=0, y=y, width=width * value / most, height=8, class_=side)
        for y, value, side in ((1, ours, "ours"), (10, base, "base"))
    ]
    return drawing(width, 19, *shapes, label=f"{percent(ours)} / {percent(base)}", class_="bar")


def distribution_chart(result: Distribution, language: str) -> Markup:
    """The audience's shares by range as an outline over the base's."""
    frame = result.to_frame(language)
    height, low, left = 190.0, 150.0, 40.0
    shares = frame[["audience_share", "base_share"]].fillna(0.0).to_numpy()
    most = max(float(shares.max()), 0.01)
    step = (_WIDE - left - 8) / len(frame)
    shapes: list[Markup] = _levels(most, left, low)
    for column, side in ((1, "base"), (0, "outline")):
        for i, share in enumerate(shares[:, column]):
            tall = (low - 8) * share / most
            x = left + i * step
            shapes.append(element("rect", x=x, y=low - tall, width=step, height=tall, class_=side))
    every = math.ceil(1.1 * max(_text_width(value) for value in frame["value"]) / step)
    shapes += [
        element("text", value, x=left + (i + 0.5) * step, y=low + 16, text_anchor="middle")
        for i, value in enumerate(frame["value"])
        if i % every == 0
    ]
    return drawing(_WIDE, height - 16, *shapes, label=result.title(language), class_="chart")


def _text_width(text: str) -> float:
    """About how wide the page's letters are: Chinese ones twice the others."""
    return sum(12.0 if ord(letter) > 0x2E7F else 6.7 for letter in text)


def _levels(most: float, left: float, low: float) -> list[Markup]:
    """Lines and labels at round shares."""
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if most / s <= 5)
    shapes = []
    for i in range(int(most / step) + 1):
        y = low - (low - 8) * i * step / most
        shapes.append(element("line", x1=left, x2=_WIDE, y1=y, y2=y, class_="level"))
        shapes.append(element("text", f"{i * step:.0%}", x=left - 6, y=y + 4, text_anchor="end"))
    return shapes


def trend_chart(result: Trend, language: str) -> Markup:
    """Size with its interval, comings and goings as bars, and rings on the days with alarms."""
    rows = result.rows
    left, low, high = 60.0, 200.0, 14.0
    n = rows["n"].to_numpy(dtype=float)
    base = rows["n_base"].to_numpy(dtype=float)
    lower, upper = (base * rows[f"audience_share_ci_{e}"].to_numpy() for e in ("lower", "upper"))
    entered, gone = (rows[w].astype("float64").fillna(0.0).to_numpy() for w in ("entered", "left"))
    top, bottom = max(float(np.nanmax(upper)), 1.0), float(gone.max())
    step = (_WIDE - left - 60) / (len(n) - 1)
    x = [left + 30 + step * i for i in range(len(n))]

    def y(value: float) -> float:
        return float(high + (low - high) * (top - value) / (top + bottom))

    band = [*zip(x, upper.tolist(), strict=True), *zip(x[::-1], lower[::-1].tolist(), strict=True)]
    shapes = [
        element("text", 0, x=left - 6, y=y(0) + 4, text_anchor="end"),
        element("line", x1=left, x2=_WIDE, y1=y(0), y2=y(0), class_="zero"),
        element("polygon", points=_points((a, y(b)) for a, b in band), class_="band"),
    ]
    for at, came, went in zip(x, entered.tolist(), gone.tolist(), strict=True):
        for y0, tall, side in ((y(came), y(0) - y(came), "came"), (y(0), y(-went) - y(0), "went")):
            shapes.append(element("rect", x=at - 9, y=y0, width=18, height=tall, class_=side))
    line = _points((a, y(b)) for a, b in zip(x, n.tolist(), strict=True))
    shapes.append(element("polyline", points=line, class_="line"))
    alarmed = {alarm.as_of for alarm in result.alarms}
    every = -(-len(n) // 8)
    for i, (at, size, day) in enumerate(zip(x, n.tolist(), rows["as_of"], strict=True)):
        where = {"cx": at, "cy": y(size)}
        shapes.append(element("circle", r=3, class_="dot", **where))
        if day in alarmed:
            shapes.append(element("circle", r=8, class_="ring", **where))
        shapes.append(element("text", whole(size), x=at, y=y(size) - 12, text_anchor="middle"))
        if i % every == 0:
            shapes.append(element("text", day, x=at, y=low + 18, text_anchor="middle"))
    return drawing(_WIDE, low + 24, *shapes, label=WORDS[language]["trend_title"], class_="chart")


def migration_chart(result: Migration, language: str) -> Markup:
    """Flows from the values before (left) to those after (right)."""
    names = [readable(value) for value in result.values(language)]
    left, right = _nodes(result)
    total, gap, top = max(left.sum(), right.sum(), 1.0), 9.0, 6.0
    tall = 44.0 * len(left)
    x0, x1, node = 150.0, _WIDE - 200.0, 12.0
    scale = tall / total
    starts, ends = (
        top + np.append(0.0, np.cumsum(sizes * scale + gap)[:-1]) for sizes in (left, right)
    )
    colours = [_COLOURS[i % len(_COLOURS)] for i in range(len(names))] + [_OUTSIDE]
    shapes = _ribbons(result.counts * scale, (x0 + node, starts), (x1 - node, ends), colours)
    for x, tops, sizes in ((x0, starts, left), (x1 - node, ends, right)):
        shapes += [
            element("rect", x=x, y=float(y), width=node, height=size * scale, fill=colour)
            for y, size, colour in zip(tops, sizes, colours, strict=True)
        ]
    before = [
        f"{name}  {whole(n)}" for name, n in zip([*names, ENTERED[language]], left, strict=True)
    ]
    change = [f" ({net:+,.0f})" for net in (right - left)[:-1]] + [""]
    after = [
        f"{name}  {whole(n)}{net}"
        for name, n, net in zip([*names, LEFT[language]], right, change, strict=True)
    ]
    shapes += _beside(before, starts + left * scale / 2, left, x0 - 8, "end")
    shapes += _beside(after, ends + right * scale / 2, right, x1 + 8, "start")
    deepest = max(float((starts + left * scale)[-1]), float((ends + right * scale)[-1]))
    return drawing(_WIDE, deepest + 14, *shapes, label=result.title(language), class_="chart")


def _nodes(result: Migration) -> tuple[np.ndarray, np.ndarray]:
    """Customers of the values before and entered, and of the values after and left."""
    shown = np.nan_to_num(result.counts)
    left = np.append(result.margins[0], result.after_count - result.both_count)
    right = np.append(result.margins[1], result.before_count - result.both_count)
    return (
        np.where(np.isnan(left), shown.sum(axis=1), left),
        np.where(np.isnan(right), shown.sum(axis=0), right),
    )


def _ribbons(
    flows: np.ndarray,
    start: tuple[float, np.ndarray],
    end: tuple[float, np.ndarray],
    colours: Sequence[str],
) -> list[Markup]:
    (x0, left), (x1, right) = (start[0], start[1].copy()), (end[0], end[1].copy())
    middle, shapes = (x0 + x1) / 2, []
    for i, j in np.argwhere(~np.isnan(flows)):
        wide, a, b = flows[i, j], left[i], right[j]
        left[i] += wide
        right[j] += wide
        path = (
            f"M{x0:.1f},{a:.1f} C{middle:.1f},{a:.1f} {middle:.1f},{b:.1f} {x1:.1f},{b:.1f} "
            f"L{x1:.1f},{b + wide:.1f} C{middle:.1f},{b + wide:.1f} {middle:.1f},{a + wide:.1f} "
            f"{x0:.1f},{a + wide:.1f} Z"
        )
        shapes.append(element("path", d=path, fill=colours[i], fill_opacity=0.3))
    return shapes


def _beside(
    texts: Sequence[str], places: np.ndarray, sizes: np.ndarray, x: float, anchor: str
) -> list[Markup]:
    """Names beside the nodes, moved apart where they would overlap; empty nodes have none."""
    lowest, shapes = -math.inf, []
    for text, place, size in zip(texts, places, sizes, strict=True):
        if size:
            lowest = max(float(place) + 4, lowest + 15)
            shapes.append(element("text", text, x=x, y=lowest, text_anchor=anchor))
    return shapes


def _points(pairs: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in pairs)


def shade(value: float, most: float) -> str | None:
    """The background of a cell: the deeper the blue, the larger the value."""
    if pd.isna(value) or most <= 0:
        return None
    return f"background:rgba(31,95,168,{0.04 + 0.46 * min(value / most, 1.0):.2f})"


def tgi_shade(tgi: float) -> str | None:
    """The background of a TGI: blue above 100, red below."""
    if pd.isna(tgi):
        return None
    far = min(abs(math.log(max(tgi, 1.0) / 100)) / math.log(4), 1.0)
    colour = "31,95,168" if tgi >= 100 else "200,85,61"
    return f"background:rgba({colour},{0.06 + 0.4 * far:.2f})"
