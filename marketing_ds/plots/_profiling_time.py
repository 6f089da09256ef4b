"""Pictures of how customers change: the flows of a migration, the trend of an audience."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.ticker import FuncFormatter, MaxNLocator

from marketing_ds.profiling import Alarm, Migration, Trend

from ._draw import axes_or_new, draw
from ._lettering import lettering

_COLOURS = (
    "#1f5fa8", "#3f8f8b", "#8aa84f", "#d1a23c", "#c8553d", "#7d6b9e", "#a56a43", "#5d7f9e",
)  # fmt: skip
_OUTSIDE, _INK, _GRID, _ALARM = "#9a9a9a", "#404040", "#e5e5e5", "#b3261e"
_NODE, _GAP, _LEAST_LABEL = 0.03, 0.025, 0.045
_WORDS = {
    "en": {
        "title": "{title}: from {before:,} to {after:,} customers",
        "node": "{value}  {n:,.0f}", "net": "{value}  {n:,.0f} ({net:+,.0f})",
        "before": "before", "after": "after (net change)",
        "size": "Size of the audience: {rule}", "customers": "customers",
        "n": "customers, {level:.0%} interval", "entered": "entered", "left": "left",
        "alarm": "alarm", "change": "size {value:+.0%}", "empty": "empty",
        "psi": "{tag} PSI {value:.2f}",
    },
    "zh": {
        "title": "{title}：{before:,} 名客户 → {after:,} 名客户",
        "node": "{value}  {n:,.0f}", "net": "{value}  {n:,.0f}（{net:+,.0f}）",
        "before": "期初", "after": "期末（净变动）",
        "size": "客群规模：{rule}", "customers": "客户数",
        "n": "客户数及 {level:.0%} 置信区间", "entered": "新进入", "left": "离开",
        "alarm": "预警", "change": "规模 {value:+.0%}", "empty": "无客户",
        "psi": "{tag} PSI {value:.2f}",
    },
}  # fmt: skip


@draw.register
def draw_migration(result: Migration, ax: Axes | None = None, **options: Any) -> Axes:
    """Flows from the values before (left) to those after (right), as wide as they have customers.

    Flows with too few customers are left out; a node is as high as all its customers.
    """
    with lettering(result.language) as language:
        words, flows = _WORDS[language], result.flows(language)
        axes = axes_or_new(ax, width=8.8, height=max(4.0, 0.62 * len(result.cells) + 1.6))
        left, right = _nodes(result)
        total = max(left.sum(), right.sum(), 1.0)
        starts, ends = _stacked(left, total), _stacked(right, total)
        colours = [_COLOURS[i % len(_COLOURS)] for i in range(len(result.cells))] + [_OUTSIDE]
        _ribbons(axes, result.counts / total, starts, ends, colours)
        for x, tops, heights in ((0.0, starts, left), (1.0 - _NODE, ends, right)):
            for top, height, colour in zip(tops, heights / total, colours, strict=True):
                axes.add_patch(Rectangle((x, top - height), _NODE, height, color=colour, lw=0))
        outside = _outside(language)
        values = list(flows["value"])
        before = [words["node"].format(value=v, n=n) for v, n in _named(values, outside[0], left)]
        net = [*(right - left)[:-1], None]
        after = [
            words["node" if change is None else "net"].format(value=v, n=n, net=change)
            for (v, n), change in zip(_named(values, outside[1], right), net, strict=True)
        ]
        _label(axes, before, starts - left / total / 2, left, x=-0.015, align="right")
        _label(axes, after, ends - right / total / 2, right, x=1.015, align="left")
        low = min(starts[-1] - left[-1] / total, ends[-1] - right[-1] / total)
        axes.set_xlim(-0.34, 1.42)
        axes.set_ylim(low - 0.02, 1.09)
        for x, word, align in ((0.0, "before", "left"), (1.0, "after", "right")):
            axes.text(x, 1.03, words[word], ha=align, va="bottom", fontsize=9, color=_OUTSIDE)
        axes.set_title(
            words["title"].format(
                title=result.title(language), before=result.before_count, after=result.after_count
            ),
            loc="left",
        )
        axes.set_axis_off()
    return axes


@draw.register
def draw_trend(result: Trend, ax: Axes | None = None, **options: Any) -> Axes:
    """Size with its interval, customers who entered and left as bars, and the alarms in red."""
    with lettering(result.language) as language:
        words, rows = _WORDS[language], result.rows
        axes = axes_or_new(ax, width=8.8, height=4.6)
        place = np.arange(len(rows))
        n, base = rows["n"].to_numpy(), rows["n_base"].to_numpy()
        ends = [base * rows[f"audience_share_ci_{end}"].to_numpy() for end in ("lower", "upper")]
        axes.fill_between(place, *ends, color=_COLOURS[0], alpha=0.18, linewidth=0)
        level = words["n"].format(level=1 - result.alpha)
        axes.plot(place, n, color=_COLOURS[0], marker="o", markersize=4, label=level)
        for word, sign, colour in (("entered", 1, "#8fb4dc"), ("left", -1, "#e2a191")):
            height = sign * rows[word].astype("float64").to_numpy()
            axes.bar(place, np.nan_to_num(height), width=0.42, color=colour, label=words[word])
        axes.axhline(0, color=_INK, linewidth=0.8)
        top, bottom = max(ends[1].max(), 1), -float(rows["left"].fillna(0).max())
        axes.set_ylim(1.18 * bottom - 0.02 * top, 1.3 * top)
        _mark_alarms(axes, result, language, top)
        axes.set_xticks(place, [f"{day:%Y-%m-%d}" for day in rows["as_of"]])
        if len(rows) > 8:
            axes.tick_params(axis="x", rotation=40)
        axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{abs(value):,.0f}"))
        axes.set_ylabel(words["customers"])
        rule = result.rule if len(result.rule) <= 70 else f"{result.rule[:69]}…"
        axes.set_title(words["size"].format(rule=rule), loc="left", pad=24)
        axes.legend(
            frameon=False, fontsize=9, ncols=4, loc="lower left", bbox_to_anchor=(0, 1),
            borderaxespad=0.1,
        )  # fmt: skip
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color=_GRID, linewidth=0.6)
        axes.set_axisbelow(True)
    return axes


def _nodes(result: Migration) -> tuple[np.ndarray, np.ndarray]:
    """Customers of the nodes: values before and entered; values after and left."""
    known = np.nan_to_num(result.counts)
    left = np.append(result.margins[0], result.after_count - result.both_count)
    right = np.append(result.margins[1], result.before_count - result.both_count)
    # Of a value whose total is not shown only the flows that are shown can be drawn.
    return (
        np.where(np.isnan(left), known.sum(axis=1), left),
        np.where(np.isnan(right), known.sum(axis=0), right),
    )


def _stacked(sizes: np.ndarray, total: float) -> np.ndarray:
    """Upper ends of the nodes, from 1 downwards with gaps between them."""
    before = np.append(0.0, np.cumsum(sizes / total + _GAP)[:-1])
    return 1.0 - before


def _ribbons(
    axes: Axes, flows: np.ndarray, starts: np.ndarray, ends: np.ndarray, colours: Sequence[str]
) -> None:
    """A band for each flow, coloured by where it comes from."""
    used_left, used_right = np.zeros(len(starts)), np.zeros(len(ends))
    for i, j in np.argwhere(~np.isnan(flows)):
        height = flows[i, j]
        y0, y1 = starts[i] - used_left[i], ends[j] - used_right[j]
        used_left[i] += height
        used_right[j] += height
        x0, x1, middle = _NODE, 1.0 - _NODE, 0.5
        points = [
            (x0, y0), (middle, y0), (middle, y1), (x1, y1),
            (x1, y1 - height), (middle, y1 - height), (middle, y0 - height), (x0, y0 - height),
        ]  # fmt: skip
        codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3]
        axes.add_patch(PathPatch(Path(points, codes), color=colours[i], alpha=0.32, lw=0))


def _outside(language: str) -> tuple[str, str]:
    from marketing_ds.profiling._migration import ENTERED, LEFT

    return ENTERED[language], LEFT[language]


def _named(values: Sequence[str], last: str, sizes: np.ndarray) -> list[tuple[str, float]]:
    return list(zip([*values, last], sizes, strict=True))


def _label(
    axes: Axes,
    texts: Sequence[str],
    places: np.ndarray,
    sizes: np.ndarray,
    *,
    x: float,
    align: str,
) -> None:
    """Names beside the nodes, moved apart where they would overlap; empty nodes have none."""
    lowest = np.inf
    for text, place, size in zip(texts, places, sizes, strict=True):
        if size:
            lowest = min(place, lowest - _LEAST_LABEL)
            axes.text(x, lowest, text, ha=align, va="center", fontsize=9, color=_INK)


def _mark_alarms(axes: Axes, result: Trend, language: str, top: float) -> None:
    """Red rings on the days with alarms, and above them in a few words why."""
    days = list(result.rows["as_of"])
    by_day: dict[int, list[Alarm]] = {}
    for alarm in result.alarms:
        by_day.setdefault(days.index(alarm.as_of), []).append(alarm)
    for i, (place, alarms) in enumerate(sorted(by_day.items())):
        n = result.rows["n"].iloc[place]
        label = _WORDS[language]["alarm"] if i == 0 else None
        axes.scatter([place], [n], s=110, facecolor="none", edgecolor=_ALARM, lw=1.8, label=label)
        text = "\n".join(_brief(alarm, language) for alarm in alarms)
        height = top * (1.06 + 0.1 * (i % 2))
        axes.text(place, height, text, ha="center", va="bottom", fontsize=8, color=_ALARM)


def _brief(alarm: Alarm, language: str) -> str:
    words = _WORDS[language]
    if alarm.kind == "empty":
        return words["empty"]
    if alarm.kind == "size":
        return words["change"].format(value=alarm.value)
    title = alarm.titles[1 if language == "zh" else 0]
    return words["psi"].format(tag=title, value=alarm.value)
