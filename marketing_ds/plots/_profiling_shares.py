"""Pictures of shares in audience and base: bars by value, the grid of RFM classes, distributions."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter

from marketing_ds.profiling import Distribution, Mix
from marketing_ds.profiling._mix import RFM_COLUMNS, RFM_ROWS

from ._draw import axes_or_new, draw
from ._lettering import lettering

_OURS, _BASE, _INK, _GRID = "#1f5fa8", "#aab4bf", "#404040", "#e0e0e0"
_MOST_LABELS = 12
_WORDS = {
    "en": {
        "ours": "audience ({n:,})", "base": "base ({n:,})", "audience": "second audience ({n:,})",
        "share": "share of customers", "tgi": "TGI {tgi:.0f}",
        "cell": "{share:.1%} of the audience\n{base:.1%} of the base", "hidden": "not shown",
        "grid": "{title}: colour by TGI",
        "important": "important\n(high amount)", "general": "general\n(low amount)",
        "value": "value\nrecent, frequent", "develop": "develop\nrecent, rare",
        "keep": "keep\nlong ago, frequent", "win_back": "win back\nlong ago, rare",
        "median": "median {value}",
    },
    "zh": {
        "ours": "客群（{n:,}）", "base": "总体（{n:,}）", "audience": "对比客群（{n:,}）",
        "share": "客户占比", "tgi": "TGI {tgi:.0f}",
        "cell": "客群 {share:.1%}\n总体 {base:.1%}", "hidden": "未显示",
        "grid": "{title}（颜色为 TGI）",
        "important": "重要\n（金额高）", "general": "一般\n（金额低）",
        "value": "价值\n近期活跃、高频", "develop": "发展\n近期活跃、低频",
        "keep": "保持\n久未活跃、高频", "win_back": "挽留\n久未活跃、低频",
        "median": "中位数 {value}",
    },
}  # fmt: skip


@draw.register
def draw_mix(result: Mix, ax: Axes | None = None, **options: Any) -> Axes:
    """Shares of the values in audience and base, with their TGI; RFM classes as a grid."""
    with lettering(result.language) as language:
        return (_grid if result.is_rfm else _mix_bars)(result, ax, language)


@draw.register
def draw_distribution(result: Distribution, ax: Axes | None = None, **options: Any) -> Axes:
    """The shares of the ranges in the audience, laid over those in the base, with both medians."""
    with lettering(result.language) as language:
        words = _WORDS[language]
        frame = result.to_frame(language)
        axes = axes_or_new(ax, width=8.0, height=4.2)
        place = np.arange(len(frame))
        sides = zip(
            (words[result.against], words["ours"]), result.known[::-1], result.medians[::-1],
            ("base_share", "audience_share"), (_BASE, _OURS), strict=True,
        )  # fmt: skip
        for word, known, median, share, colour in sides:
            middle = words["median"].format(value=_plain(median))
            label = f"{word.format(n=known)}, {middle}"
            height = frame[share].to_numpy()
            filled = {"alpha": 0.55, "linewidth": 0} if colour == _BASE else {"fill": False}
            axes.bar(
                place, height, width=1.0, color=colour, edgecolor=colour, label=label, **filled
            )
            if colour == _OURS:
                axes.bar(place, height, width=1.0, color=colour, alpha=0.22, linewidth=0)
        step = -(-len(frame) // _MOST_LABELS)
        shown = place[::step]
        axes.set_xticks(shown, frame["value"].iloc[shown], rotation=35, ha="right")
        axes.tick_params(axis="x", labelsize=8)
        axes.set_xlim(-0.6, len(frame) - 0.4)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.set_ylabel(words["share"])
        axes.set_title(result.title(language), loc="left", pad=24)
        axes.legend(
            frameon=False, fontsize=9, ncols=2, loc="lower left", bbox_to_anchor=(0, 1),
            borderaxespad=0.1,
        )  # fmt: skip
        axes.spines[["top", "right"]].set_visible(False)
    return axes


def _mix_bars(result: Mix, ax: Axes | None, language: str) -> Axes:
    words = _WORDS[language]
    frame = result.to_frame(language)[::-1]
    axes = axes_or_new(ax, width=7.6, height=max(2.2, 0.52 * len(frame) + 1.3))
    place = np.arange(len(frame))
    ours, base = frame["audience_share"].to_numpy(), frame["base_share"].to_numpy()
    first, second = result.counts
    axes.barh(place + 0.19, ours, 0.36, color=_OURS, label=words["ours"].format(n=first))
    axes.barh(place - 0.19, base, 0.36, color=_BASE, label=words[result.against].format(n=second))
    for y, end, tgi in zip(place, np.maximum(ours, base), frame["tgi"], strict=True):
        if not np.isnan(tgi):
            axes.annotate(
                words["tgi"].format(tgi=tgi), (end, y), (5, 0), textcoords="offset points",
                va="center", fontsize=9, color=_INK,
            )  # fmt: skip
    axes.set_yticks(place, list(frame["value"]))
    axes.set_xlim(0, max([0.01, *ours, *base]) * 1.16)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlabel(words["share"])
    axes.set_title(result.title(language), loc="left")
    axes.legend(
        frameon=False, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, borderaxespad=0.0
    )
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=_GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    return axes


def _grid(result: Mix, ax: Axes | None, language: str) -> Axes:
    """The eight classes: amount downwards, recency and frequency across, coloured by TGI."""
    words = _WORDS[language]
    axes = axes_or_new(ax, width=8.4, height=3.8)
    by_cell = result.by_cell()
    scale = LogNorm(25, 400)
    palette = LinearSegmentedColormap.from_list("tgi", ["#e2a191", "#f7f4f2", "#8fb4dc"])
    for i, row in enumerate(RFM_ROWS):
        for j, column in enumerate(RFM_COLUMNS):
            shown = by_cell.get(f"{row}_{column}")
            colour = palette(scale(shown.tgi)) if shown is not None else "#f4f4f4"
            axes.add_patch(Rectangle((j, 1 - i), 1, 1, facecolor=colour, edgecolor="white", lw=3))
            _write_cell(axes, words, shown, j + 0.5, 1.5 - i)
    axes.set_xlim(0, 4)
    axes.set_ylim(0, 2)
    axes.set_xticks(np.arange(4) + 0.5, [words[column] for column in RFM_COLUMNS])
    axes.set_yticks([1.5, 0.5], [words[row] for row in RFM_ROWS])
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(words["grid"].format(title=result.title(language)), loc="left", pad=14)
    return axes


def _write_cell(axes: Axes, words: dict[str, str], shown: Any, x: float, y: float) -> None:
    if shown is None:
        axes.text(x, y, words["hidden"], ha="center", va="center", fontsize=9, color="#8a8a8a")
        return
    tgi = words["tgi"].format(tgi=shown.tgi)
    axes.text(x, y + 0.16, tgi, ha="center", va="center", fontsize=13, color=_INK)
    shares = words["cell"].format(share=shown.audience_share, base=shown.base_share)
    axes.text(x, y - 0.18, shares, ha="center", va="center", fontsize=8.5, color=_INK)


def _plain(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
