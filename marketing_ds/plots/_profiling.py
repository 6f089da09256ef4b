"""Pictures of profiles: TGI with intervals, crossed pairs, behaviour.

Pictures of shares and of changes over time are beside it; they are loaded with this one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from marketing_ds._core.checks import check_count
from marketing_ds.profiling import Behaviour, Crossed, Profile

from . import _clv as _clv
from . import _profiling_shares as _profiling_shares
from . import _profiling_time as _profiling_time
from ._draw import axes_or_new, draw
from ._lettering import lettering

_UP, _DOWN, _OPEN, _INK, _GRID = "#1f5fa8", "#c8553d", "#8a8a8a", "#404040", "#e0e0e0"
_LEAST_TGI = 1.0
_LONGEST = 52
_TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
_WORDS = {
    "en": {
        "base": "Who they are: {n:,} of {base:,} customers",
        "audience": "Who they are: {n:,} customers against {base:,} others",
        "tgi": "TGI (base = 100, log scale); lines: {level:.0%} intervals",
        "crossed": "Two tags together",
        "joint": "TGI of both values together (bar), and expected from either alone (mark)",
        "behaviour": "Per customer: {n:,} customers against {base:,}",
        "ratio": "mean in the audience / mean in the base (log scale); lines: {level:.0%} intervals",
    },
    "zh": {
        "base": "客群画像：{base:,} 名客户中的 {n:,} 名",
        "audience": "客群画像：{n:,} 名客户，对比 {base:,} 名客户",
        "tgi": "TGI（总体 = 100，对数坐标）；横线：{level:.0%} 置信区间",
        "crossed": "标签交叉",
        "joint": "两个取值同时成立的 TGI（条形），及按各自 TGI 推算的预期（竖线）",
        "behaviour": "人均行为：{n:,} 名客户，对比 {base:,} 名客户",
        "ratio": "客群均值 / 总体均值（对数坐标）；横线：{level:.0%} 置信区间",
    },
}


@draw.register
def draw_profile(result: Profile, ax: Axes | None = None, *, top: int = 15, **options: Any) -> Axes:
    """TGI of the `top` most distinctive rows, as bars from 100 with their intervals.

    Grey bars are differences that chance may explain. A profile in Chinese is drawn in English
    where no Chinese font is installed.

    Parameters
    ----------
    top : int
        How many rows.
    """
    check_count("top", top, low=1)
    with lettering(result.language) as language:
        words = _WORDS[language]
        frame = result.to_frame(language).head(top).sort_values("tgi", kind="stable")
        axes = axes_or_new(ax, width=8.4, height=max(2.4, 0.34 * len(frame) + 1.4))
        labels = [f"{row.title}: {row.value}" for row in frame.itertuples()]
        sure = (frame["p_adjusted"] < result.alpha).to_numpy()
        values = tuple(frame[f"tgi{end}"].to_numpy() for end in ("", "_ci_lower", "_ci_upper"))
        _bars(axes, labels, values, sure)
        counts = {"n": result.audience_count, "base": result.base_count}
        axes.set_title(words[result.against].format(**counts), loc="left")
        axes.set_xlabel(words["tgi"].format(level=1 - result.alpha))
    return axes


@draw.register
def draw_crossed(result: Crossed, ax: Axes | None = None, *, top: int = 12, **options: Any) -> Axes:
    """TGI of the `top` pairs of values that interact most, with what either alone would give.

    Parameters
    ----------
    top : int
        How many rows.
    """
    check_count("top", top, low=1)
    with lettering(result.language) as language:
        words = _WORDS[language]
        frame = result.to_frame(language).head(top).sort_values("tgi", kind="stable")
        axes = axes_or_new(ax, width=9.2, height=max(2.4, 0.42 * len(frame) + 1.4))
        labels = [
            f"{row.title_a}: {row.value_a}\n{row.title_b}: {row.value_b}"
            for row in frame.itertuples()
        ]
        sure = (frame["p_interaction_adjusted"] < result.alpha).to_numpy()
        values = tuple(frame[f"tgi{end}"].to_numpy() for end in ("", "_ci_lower", "_ci_upper"))
        expected = np.maximum(frame["expected_tgi"].to_numpy(), _LEAST_TGI)
        _bars(axes, labels, values, sure, also=expected)
        axes.tick_params(axis="y", labelsize=8)
        axes.scatter(expected, np.arange(len(frame)), marker="|", s=160, color=_INK, linewidth=2)
        axes.set_title(words["crossed"], loc="left")
        axes.set_xlabel(words["joint"])
    return axes


@draw.register
def draw_behaviour(
    result: Behaviour, ax: Axes | None = None, *, top: int = 15, **options: Any
) -> Axes:
    """Ratio of the means of the `top` tags that differ most, with intervals.

    Parameters
    ----------
    top : int
        How many tags; those without a ratio (means of 0 or below) are left out.
    """
    check_count("top", top, low=1)
    with lettering(result.language) as language:
        words = _WORDS[language]
        frame = result.to_frame(language)
        frame = frame[frame["ratio"].notna()].head(top).sort_values("ratio", kind="stable")
        axes = axes_or_new(ax, width=8.4, height=max(2.4, 0.34 * len(frame) + 1.4))
        sure = (frame["p_adjusted"] < result.alpha).to_numpy()
        values = tuple(
            100 * frame[f"ratio{end}"].to_numpy() for end in ("", "_ci_lower", "_ci_upper")
        )
        _bars(axes, list(frame["title"]), values, sure, unit=100.0)
        first, second = result.counts
        axes.set_title(words["behaviour"].format(n=first, base=second), loc="left")
        axes.set_xlabel(words["ratio"].format(level=1 - result.alpha))
    return axes


def _bars(
    axes: Axes,
    labels: list[str],
    values: tuple[np.ndarray, ...],
    sure: np.ndarray,
    *,
    also: np.ndarray | None = None,
    unit: float = 1.0,
) -> None:
    """Bars from 100 to the value with its interval, on a log scale; grey where it is not sure."""
    place = np.arange(len(labels))
    value, lower, upper = (np.maximum(part, _LEAST_TGI) for part in values)
    colours = list(np.where(~sure, _OPEN, np.where(value > 100, _UP, _DOWN)))
    axes.barh(place, value - 100, left=100, height=0.62, color=colours, alpha=0.85)
    axes.hlines(place, lower, upper, colors=_INK, linewidth=1.4)
    axes.axvline(100, color=_INK, linewidth=0.8)
    axes.set_yticks(place, [_short(label) for label in labels])
    ends = [50.0, 200.0, *(lower * 0.9), *(upper * 1.1), *(also if also is not None else ())]
    _log_axis(axes, min(ends), max(ends), unit)
    axes.set_ylim(-0.7, max(len(labels), 1) - 0.3)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _short(label: str) -> str:
    lines = label.split("\n")
    return "\n".join(
        line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…" for line in lines
    )


def _log_axis(axes: Axes, low: float, high: float, unit: float) -> None:
    """TGI is a ratio: half and double lie equally far from 100."""
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_xticks([t for t in _TICKS if low <= t <= high])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / unit:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.minorticks_off()
    axes.grid(axis="x", color=_GRID, linewidth=0.6)
    axes.set_axisbelow(True)
