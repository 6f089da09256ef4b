"""Pictures of what rules remove."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from marketing_ds.rules import Removals

from ._draw import axes_or_new, draw

_LONGEST_LABEL = 48


@draw.register
def draw_removals(result: Removals, ax: Axes | None = None, **options: Any) -> Axes:
    """For each rule how many it removes, and of these how many no other rule would."""
    frame = result.to_frame().iloc[::-1]
    axes = axes_or_new(ax, width=8.0, height=max(2.2, 0.42 * len(frame) + 1.5))
    place = np.arange(len(frame))
    removed, only = frame["removed"].to_numpy(), frame["removed_only"].to_numpy()
    axes.barh(place, removed, height=0.62, color="#c9d8ec", label="removed by the rule")
    axes.barh(place, only, height=0.62, color="#1f5fa8", label="of these, by no other rule")
    for y, (all_, alone) in enumerate(zip(removed, only, strict=True)):
        text = f"{all_:,}" if all_ == alone else f"{all_:,}, of these {alone:,} by no other"
        axes.annotate(text, (all_, y), (5, 0), textcoords="offset points", va="center", fontsize=9)
    labels = [r if len(r) <= _LONGEST_LABEL else r[: _LONGEST_LABEL - 1] + "…" for r in frame.rule]
    axes.set_yticks(place, labels)
    axes.set_ylim(-0.7, max(len(frame), 1) - 0.3)
    axes.set_xlim(0, max(1.0, 1.7 * float(removed.max(initial=0))))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.locator_params(axis="x", nbins=5, integer=True)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="x", color="#e0e0e0", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel("customers removed (light: by the rule; dark: by no other rule)")
    left, candidates = result.left, result.candidates
    axes.set_title(f"{left:,} of {candidates:,} customers are left", loc="left")
    return axes
