"""Pictures of natural groups: what sets them apart, and how many there are."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.ticker import FuncFormatter, NullFormatter

from marketing_ds._core.checks import check_choice, check_count
from marketing_ds.groups import Group, GroupStability, NaturalGroups

from ._draw import axes_or_new, draw
from ._lettering import lettering

_OURS, _OTHER, _INK = "#1f5fa8", "#9aa5b1", "#404040"
_WORDS = {
    "en": ("{k} natural groups of {n:,} customers", "TGI (everybody = 100)"),
    "zh": ("{n:,} 名客户的 {k} 个自然群组", "TGI（总体 = 100）"),
}
_SPAN = 8.0
"""TGI above 800 and below 12.5 have the colour of these."""
_VERDICTS = {
    "clear groups": (_OURS, True),
    "stable, but a matter of degree": (_OURS, False),
    "stable, but a group is too small": ("#c8553d", False),
    "not stable": (_OTHER, True),
}


@draw.register
def draw_natural_groups(
    result: NaturalGroups,
    ax: Axes | None = None,
    *,
    language: str = "en",
    rows: int = 4,
    **options: Any,
) -> Axes:
    """TGI of what tells the groups best, by group; without clear groups, their stability.

    In Chinese it is drawn in English where no Chinese font is installed. Suppressed cells stay
    white.

    Parameters
    ----------
    language : {"en", "zh"}
        Language of names and tags.
    rows : int
        How many values of each group.
    """
    check_choice("language", language, ("en", "zh"))
    check_count("rows", rows, low=1)
    if result.telling.empty:
        return draw_stability(result.stability, ax)
    with lettering(language) as words:
        return _draw_grid(result, ax, words, rows)


@draw.register
def draw_stability(result: GroupStability, ax: Axes | None = None, **options: Any) -> Axes:
    """How well two halves of the customers agree on each number of groups, and which was chosen."""
    axes = axes_or_new(ax)
    frame = result.to_frame()
    axes.plot(frame["k"], frame["agreement"], color="0.8", lw=1.2, zorder=1)
    verdict = _verdicts(frame)
    for words, (colour, filled) in _VERDICTS.items():
        some = frame[verdict == words]
        if len(some):
            axes.errorbar(
                some["k"], some["agreement"], yerr=some["agreement_se"], fmt="o", color=colour, capsize=3,
                mfc=colour if filled else "white", label=words,
            )  # fmt: skip
    axes.axhline(result.enough, color="0.6", ls="--", lw=1)
    axes.annotate(
        "stable from here", (frame["k"].max() + 0.4, result.enough), xytext=(0, 4), ha="right",
        textcoords="offset points", fontsize=9, color="0.4",
    )  # fmt: skip
    chosen = f"{result.chosen} groups" if result.chosen > 1 else "no clear groups"
    axes.set_title(f"How many groups? {chosen}", loc="left")
    axes.set_xlabel("number of groups")
    axes.set_ylabel("agreement of two halves on the worst group\n(bars: one standard error)")
    axes.set(ylim=(0, 1.05), xlim=(frame["k"].min() - 0.5, frame["k"].max() + 0.5))
    axes.set_xticks(frame["k"])
    axes.legend(frameon=False, loc="lower left", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e5e5e5", linewidth=0.8)
    axes.set_axisbelow(True)
    return axes


def _draw_grid(result: NaturalGroups, ax: Axes | None, language: str, rows: int) -> Axes:
    told = result.telling.groupby("group", sort=True).head(rows)
    told = told.drop_duplicates(["tag", "value_en"])
    grid = _grid(result, told)
    axes = axes_or_new(ax, width=3.6 + 1.7 * result.k, height=1.7 + 0.33 * len(grid))
    image = axes.pcolormesh(
        np.clip(grid, 100 / _SPAN, 100 * _SPAN),
        cmap="RdBu_r",
        edgecolors="white",
        linewidth=1.5,
        norm=LogNorm(100 / _SPAN, 100 * _SPAN),
    )
    for (row, column), tgi in np.ndenumerate(grid):
        if np.isfinite(tgi):
            far = abs(np.log(max(tgi, 1.0) / 100)) > np.log(_SPAN) * 0.62
            colour = "white" if far else _INK
            axes.text(
                column + 0.5, row + 0.5, f"{tgi:.0f}", ha="center", va="center", fontsize=8.5, color=colour
            )  # fmt: skip
    colon = "：" if language == "zh" else ": "
    pairs = zip(told[f"title_{language}"], told[f"value_{language}"], strict=True)
    axes.set_yticks(np.arange(len(grid)) + 0.5, [colon.join(pair) for pair in pairs], fontsize=9)
    axes.set_ylim(len(grid), 0)
    names = [_column_label(group, language) for group in result.groups]
    axes.set_xticks(np.arange(result.k) + 0.5, names, fontsize=9)
    axes.tick_params(length=0)
    axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
    title, unit = _WORDS[language]
    bar = axes.figure.colorbar(image, ax=axes, pad=0.02, ticks=[12.5, 25, 50, 100, 200, 400, 800])
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    bar.ax.yaxis.set_minor_formatter(NullFormatter())
    bar.outline.set_visible(False)
    bar.set_label(unit)
    count = sum(group.customers for group in result.groups)
    axes.set_title(title.format(k=result.k, n=count), loc="left")
    return axes


def _column_label(group: Group, language: str) -> str:
    """A group's name in lines that fit its column, and its share."""
    width = 21 if language == "en" else 11
    parts = group.name(language).split(" · ")
    lines = [line for part in parts for line in textwrap.wrap(part, width)]
    return "\n".join([*lines, f"{group.share:.0%}"])


def _verdicts(frame: pd.DataFrame) -> np.ndarray:
    """Of each number of groups, what speaks against it."""
    clear, degree, small, unstable = _VERDICTS
    conditions = [~frame["stable"], ~frame["tighter"], ~frame["large_enough"]]
    return np.select(conditions, [unstable, degree, small], clear)


def _grid(result: NaturalGroups, told: pd.DataFrame) -> np.ndarray:
    """TGI by value and group, NaN where suppressed."""
    table = result.contrasts.pivot_table(
        index=["tag", "value_en"], columns="group", values="tgi", aggfunc="first"
    )
    wanted = pd.MultiIndex.from_frame(told[["tag", "value_en"]])
    groups = [g.group for g in result.groups]
    return table.reindex(index=wanted, columns=groups).to_numpy(dtype=np.float64)
