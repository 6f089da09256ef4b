"""Pictures of audiences: what they have in common, and how alike the arms of a split are."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from marketing_ds._core.checks import check_count
from marketing_ds.audiences import Overlap, Split

from ._draw import axes_or_new, draw

_INK, _BLUE, _GREY = "#404040", "#1f5fa8", "#ececec"
_LIMIT = 0.1
"""Differences above it are commonly called an imbalance (Austin 2009)."""
_LONGEST_LABEL = 40


@draw.register
def draw_overlap(result: Overlap, ax: Axes | None = None, **options: Any) -> Axes:
    """The Jaccard share of every pair, with the customers shared; sizes on the diagonal."""
    names, sizes = result.names, result.sizes.to_numpy()
    k = len(names)
    axes = axes_or_new(ax, width=3.4 + 1.05 * max(k, 3), height=1.6 + 0.72 * k)
    share = result.jaccard.to_numpy().copy()
    np.fill_diagonal(share, np.nan)
    pairs = share[np.isfinite(share)]
    most = max(float(pairs.max(initial=0.0)), 0.5)
    axes.set_facecolor(_GREY)
    axes.imshow(share, cmap="Blues", vmin=0.0, vmax=most * 1.15, aspect="auto")
    shared = result.shared.to_numpy()
    for row, column in np.ndindex(k, k):
        value = share[row, column]
        dark = np.isfinite(value) and value > 0.6 * most
        text = f"{sizes[row]:,}" if row == column else f"{value:.1%}\n{shared[row, column]:,}"
        if row != column and not np.isfinite(value):
            text = "–"
        colour = "white" if dark else _INK
        axes.text(column, row, text, ha="center", va="center", fontsize=9, color=colour)
    axes.set_yticks(range(k), [f"{name}  ({n})" for n, name in enumerate(map(_short, names), 1)])
    axes.set_xticks(range(k), [f"({n})" for n in range(1, k + 1)])
    axes.set_xticks(np.arange(k + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(k + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    axes.set_title("Overlap of audiences", loc="left")
    axes.set_xlabel(
        "in both, of those in either (Jaccard);\nbelow it customers in both, grey: in all"
    )
    return axes


@draw.register
def draw_split(result: Split, ax: Axes | None = None, *, top: int = 20, **options: Any) -> Axes:
    """The largest difference between two arms, for each tag (or value of it), largest first.

    Parameters
    ----------
    top : int
        How many rows.
    """
    check_count("top", top, low=1)
    frame = result.balance.sort_values("smd", ascending=False, kind="stable").head(top).iloc[::-1]
    axes = axes_or_new(ax, width=7.5, height=max(2.2, 0.3 * len(frame) + 1.5))
    place = np.arange(len(frame))
    smd = frame["smd"].to_numpy()
    colours = ["#c8553d" if value > _LIMIT else _BLUE for value in smd]
    axes.hlines(place, 0, smd, colors=colours, linewidth=1.6, alpha=0.7)
    axes.scatter(smd, place, c=colours, s=34, zorder=3)
    axes.axvline(_LIMIT, color=_INK, linewidth=0.8, linestyle="--")
    axes.annotate(
        "customary limit", (_LIMIT, 1.0), (-4, 3), xycoords=("data", "axes fraction"),
        textcoords="offset points", fontsize=8, color=_INK, ha="right",
    )  # fmt: skip
    rows = zip(frame["tag"], frame["value"], frame["value"].notna(), strict=True)
    labels = [_short(f"{tag}: {value}" if valued else tag) for tag, value, valued in rows]
    axes.set_yticks(place, labels)
    axes.set_ylim(-0.7, max(len(frame), 1) - 0.3)
    axes.set_xlim(0, max(1.2 * _LIMIT, 1.1 * float(smd.max(initial=0.0))))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.grid(axis="x", color="#e0e0e0", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    arms = ", ".join(f"{row.arm} {row.customers:,}" for row in result.counts.itertuples())
    axes.set_title(f"Balance of the arms: {arms}", loc="left", pad=16)
    axes.set_xlabel("largest difference of two arms' means, in standard deviations")
    return axes


def _short(text: object) -> str:
    label = str(text)
    return label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1] + "…"
