"""Pictures of the customer analysis: who they are, who moved, what changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from marketing_ds._core.checks import check_choice
from marketing_ds.evaluation.customer import CustomerAnalysis

from ._draw import axes_or_new, draw
from ._lettering import lettering

_COLOURS = ("#8a8a8a", "#1f5fa8", "#c8553d", "#3f8f8b", "#d1a23c", "#7d6b9e")
_UP, _DOWN, _OPEN, _INK, _GRID = "#1f5fa8", "#c8553d", "#9aa3ad", "#404040", "#e5e5e5"
_ROWS = 20
_TICKS = (10, 25, 50, 75, 100, 150, 200, 300, 500, 1000)
_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "changes": "Change from {before} to {after}, % of the mean before",
        "flows": "Moved, % of those who could",
        "who": "TGI against all customers (100: as all)",
        "responders": "TGI of responders against those reached (100: as all reached)",
        "title_changes": "Before and after", "title_flows": "Who moved",
        "title_who": "Who they are", "title_responders": "Who responded",
        "level": ", with {level:.0%} interval",
    },
    "zh": {
        "changes": "{before} 至 {after} 变化，占期前均值 %",
        "flows": "流动客户占可流动客户 %",
        "who": "相对全体客户的 TGI（100 为持平）",
        "responders": "响应客户相对触达客户的 TGI（100 为持平）",
        "title_changes": "活动前后对比", "title_flows": "客户迁移",
        "title_who": "客户构成", "title_responders": "谁响应了活动",
        "level": "（含{level:.0%}置信区间）",
    },
}  # fmt: skip


@draw.register
def draw_customers(
    result: CustomerAnalysis,
    ax: Axes | None = None,
    *,
    what: str = "changes",
    language: str = "en",
    **options: Any,
) -> Axes:
    """Draw one part of the analysis.

    Parameters
    ----------
    what : {"changes", "flows", "who", "responders"}
        Means before and after by arm, who moved by arm, or the most distinctive values of facts.
    language : {"en", "zh"}
        Language of the words; Chinese only where a font for it is installed.
    """
    check_choice("what", what, tuple(_PARTS))
    check_choice("language", language, tuple(_WORDS))
    with lettering(language) as written:
        axes = _PARTS[what](result, ax, written)
        words = _WORDS[written]
        level = words["level"].format(level=1 - result.alpha)
        label = words[what].format(before=result.before, after=result.after)
        axes.set_xlabel(label + level)
        axes.set_title(f"{result.subject}: {words[f'title_{what}']}", loc="left", fontsize=11)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color=_GRID, linewidth=0.8)
        axes.set_axisbelow(True)
    return axes


def _changes(result: CustomerAnalysis, ax: Axes | None, language: str) -> Axes:
    frame = result.to_frame(language)
    base = frame["mean_before"].where(frame["mean_before"] != 0).abs() / 100.0
    told = frame.assign(
        value=frame["change"] / base,
        low=frame["change_ci_lower"] / base,
        high=frame["change_ci_upper"] / base,
    )
    return _by_arm(told, "measure", ax)


def _flows(result: CustomerAnalysis, ax: Axes | None, language: str) -> Axes:
    frame = result.flows(language)
    told = frame.assign(
        value=100.0 * frame["moved_share"],
        low=100.0 * frame["moved_share_ci_lower"],
        high=100.0 * frame["moved_share_ci_upper"],
    )
    return _by_arm(told, "flow", ax)


def _by_arm(frame: pd.DataFrame, key: str, ax: Axes | None) -> Axes:
    """One line a row of the analysis, one dot an arm with its interval."""
    names = list(dict.fromkeys(frame[key]))
    arms = list(dict.fromkeys(frame["arm"]))
    axes = axes_or_new(ax, width=8.0, height=max(2.4, 0.24 * len(names) * (len(arms) + 1) + 1.2))
    step = 0.8 / max(len(arms), 1)
    for number, arm in enumerate(arms):
        rows = frame[frame["arm"] == arm].set_index(key).loc[names]
        place = -np.arange(len(names)) - step * (number - (len(arms) - 1) / 2)
        colour = _COLOURS[number % len(_COLOURS)]
        axes.hlines(place, rows["low"], rows["high"], colors=colour, linewidth=1.8)
        axes.scatter(rows["value"], place, color=colour, s=26, zorder=3, label=arm)
    axes.axvline(0, color=_INK, linewidth=0.8)
    titles = frame.drop_duplicates(key)["title"]
    axes.set_yticks(-np.arange(len(names)), list(titles))
    if len(arms) > 1:
        axes.legend(frameon=False, fontsize=9, loc="best")
    return axes


def _tgi(group: str) -> Callable[[CustomerAnalysis, Axes | None, str], Axes]:
    def drawn(result: CustomerAnalysis, ax: Axes | None, language: str) -> Axes:
        frame = result.who(language)
        frame = frame[(frame["group"] == group) & np.isfinite(frame["tgi_ci_upper"])]
        frame = frame[frame["tgi_ci_lower"] > 0]
        ends = np.log(frame[["tgi_ci_lower", "tgi_ci_upper"]].to_numpy() / 100.0)
        # The smallest difference that the interval allows: 0 where it holds 100.
        sure = np.where(np.sign(ends).sum(axis=1) != 0, np.abs(ends).min(axis=1), 0.0)
        told = frame.iloc[np.argsort(-sure, kind="stable")[:_ROWS]].sort_index(ascending=False)
        axes = axes_or_new(ax, width=8.0, height=max(2.4, 0.3 * len(told) + 1.3))
        place = np.arange(len(told))
        low, high = told["tgi_ci_lower"].to_numpy(), told["tgi_ci_upper"].to_numpy()
        colours = np.where(low > 100, _UP, np.where(high < 100, _DOWN, _OPEN))
        axes.hlines(place, low, high, colors=list(colours), linewidth=2)
        axes.scatter(told["tgi"], place, c=list(colours), s=34, zorder=3)
        axes.set_xscale("log")
        axes.axvline(100, color=_INK, linewidth=0.8)
        axes.xaxis.set_major_locator(FixedLocator(_TICKS))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
        axes.set_yticks(
            place, [f"{t}: {v}" for t, v in zip(told["title"], told["value"], strict=True)]
        )
        return axes

    return drawn


_PARTS: Mapping[str, Callable[[CustomerAnalysis, Axes | None, str], Axes]] = {
    "changes": _changes,
    "flows": _flows,
    "who": _tgi("all"),
    "responders": _tgi("responders"),
}
