"""Pictures of the product analysis: sales, cross-holding, and where the money came from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.ticker import FuncFormatter, PercentFormatter

from marketing_ds._core.checks import check_choice
from marketing_ds.evaluation.product import ProductAnalysis

from ._draw import axes_or_new, draw
from ._lettering import lettering

_NEW, _MOVED, _OPEN, _INK, _GRID = "#1f5fa8", "#aab4bf", "#9aa3ad", "#404040", "#e5e5e5"
_FARTHEST = 2.0
_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "sales": "bought, million CNY (label: buyers, part of them new)",
        "cross_holding": "Held by the same customers: lift (1: as chance would have it), log scale",
        "moved": "part of the amount that is new to the bank, with {level:.0%} interval",
        "buyers": "{n:,} buyers, {share:.0%} new", "title": "{start} to {end}: {part}",
        "title_sales": "sales", "title_cross_holding": "cross-holding",
        "title_moved": "new and moved money",
    },
    "zh": {
        "sales": "购买金额，百万元（标注：购买客户数及其中新客占比）",
        "cross_holding": "同时持有：提升度（1 为独立），对数色阶",
        "moved": "购买金额中新增资金占比（含{level:.0%}置信区间）",
        "buyers": "{n:,} 人购买，新客 {share:.0%}", "title": "{start} 至 {end}：{part}",
        "title_sales": "产品销售", "title_cross_holding": "交叉持有",
        "title_moved": "新增与转移资金",
    },
}  # fmt: skip


@draw.register
def draw_products(
    result: ProductAnalysis,
    ax: Axes | None = None,
    *,
    what: str = "sales",
    level: str = "product",
    language: str = "en",
    **options: Any,
) -> Axes:
    """Draw one part of the analysis.

    Parameters
    ----------
    what : {"sales", "cross_holding", "moved"}
        Amounts bought, lifts of pairs, or the part of the money that is new to the bank.
    level : {"product", "category"}
        Rows of the picture.
    language : {"en", "zh"}
        Language of the words; Chinese only where a font for it is installed.
    """
    check_choice("what", what, tuple(_PARTS))
    check_choice("level", level, ("product", "category"))
    check_choice("language", language, tuple(_WORDS))
    with lettering(language) as written:
        words = _WORDS[written]
        axes = _PARTS[what](result, ax, level, words)
        axes.set_xlabel(words[what].format(level=1 - result.alpha))
        part = words[f"title_{what}"]
        title = words["title"].format(start=result.start, end=result.end, part=part)
        axes.set_title(title, loc="left", fontsize=11)
        axes.spines[["top", "right"]].set_visible(False)
    return axes


def _sales(result: ProductAnalysis, ax: Axes | None, level: str, words: Mapping[str, str]) -> Axes:
    frame = result.sales[(result.sales["level"] == level) & (result.sales["buyers"] > 0)]
    frame = frame.sort_values("amount_cny")
    axes = axes_or_new(ax, width=8.6, height=max(2.4, 0.34 * len(frame) + 1.2))
    place, amount = np.arange(len(frame)), frame["amount_cny"].to_numpy() / 1e6
    axes.barh(place, amount, color=_NEW, height=0.62)
    for y, x, n, share in zip(
        place, amount, frame["buyers"], frame["new_buyer_share"], strict=True
    ):
        text = " " + words["buyers"].format(n=n, share=share)
        axes.annotate(text, (x, y), va="center", fontsize=8, color=_INK)
    axes.set_yticks(place, list(frame["title"]))
    axes.margins(x=0.28)
    axes.set_xlim(left=0)
    axes.tick_params(axis="y", length=0)
    return axes


def _crossing(
    result: ProductAnalysis, ax: Axes | None, level: str, words: Mapping[str, str]
) -> Axes:
    frame = result.cross_holding[result.cross_holding["level"] == level]
    names = list(dict.fromkeys([*frame["item"], *frame["with_item"]]))
    size = max(len(names), 1)
    grid = np.full((size, size), np.nan)
    for a, b, lift in zip(frame["item"], frame["with_item"], frame["lift"], strict=True):
        i, j = names.index(a), names.index(b)
        grid[i, j] = grid[j, i] = lift
    axes = axes_or_new(ax, width=1.8 + 0.42 * size + 1.6, height=1.8 + 0.38 * size)
    with np.errstate(divide="ignore"):
        shade = np.clip(np.log2(grid), -_FARTHEST, _FARTHEST)
    norm = TwoSlopeNorm(0.0, -_FARTHEST, _FARTHEST)
    picture = axes.imshow(shade, cmap="RdBu", norm=norm, aspect="auto")
    if size <= 30:
        for i, j in np.argwhere(~np.isnan(grid)):
            dark = abs(shade[i, j]) > 1.2
            colour = "white" if dark else _INK
            axes.text(j, i, f"{grid[i, j]:.1f}", ha="center", va="center", fontsize=7, color=colour)
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.tick_params(length=0)
    figure = axes.get_figure(root=True)
    assert figure is not None
    bar = figure.colorbar(picture, ax=axes, shrink=0.7, ticks=[-2, -1, 0, 1, 2])
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{2.0**value:g}"))
    return axes


def _moved(result: ProductAnalysis, ax: Axes | None, level: str, words: Mapping[str, str]) -> Axes:
    frame = result.moved[(result.moved["level"] == level) & (result.moved["buyers"] > 0)]
    frame = frame.sort_values("new_share")
    axes = axes_or_new(ax, width=8.0, height=max(2.4, 0.34 * len(frame) + 1.2))
    place = np.arange(len(frame))
    axes.barh(place, np.ones(len(frame)), color=_MOVED, height=0.62, alpha=0.45)
    axes.barh(place, frame["new_share"], color=_NEW, height=0.62)
    ends = frame[["new_share_ci_lower", "new_share_ci_upper"]].clip(0.0, 1.0)
    axes.hlines(place, ends.iloc[:, 0], ends.iloc[:, 1], colors=_INK, linewidth=1.6)
    axes.set_yticks(place, list(frame["title"]))
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.tick_params(axis="y", length=0)
    return axes


_PARTS: Mapping[str, Callable[[ProductAnalysis, Axes | None, str, Mapping[str, str]], Axes]] = {
    "sales": _sales,
    "cross_holding": _crossing,
    "moved": _moved,
}
