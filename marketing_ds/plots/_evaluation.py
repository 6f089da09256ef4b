"""Pictures of experiments: effects with their intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from marketing_ds.evaluation import ExperimentResult

from ._draw import axes_or_new, draw

_UP, _DOWN, _OPEN, _INK = "#1f5fa8", "#c8553d", "#8a8a8a", "#404040"


@draw.register
def draw_experiment(
    result: ExperimentResult, ax: Axes | None = None, *, relative: bool = True, **options: Any
) -> Axes:
    """Forest plot: one line per metric and arm, its effect with the interval.

    Parameters
    ----------
    relative : bool
        Effects in percent of control's mean, so that metrics of different units share an axis;
        False draws them in their own units.
    """
    frame = result.to_frame()
    name, unit = ("rel_effect", 100.0) if relative else ("effect", 1.0)
    ends = [f"{name}_ci_lower", f"{name}_ci_upper"]
    rows = frame[np.isfinite(frame[[name, *ends]]).all(axis=1)][::-1]
    axes = axes_or_new(ax, height=max(2.2, 0.55 * len(rows) + 1.5))
    place, effect = np.arange(len(rows)), unit * rows[name].to_numpy()
    lower, upper = (unit * rows[end].to_numpy() for end in ends)
    sure = (rows["p_adjusted"] < result.alpha).to_numpy()
    colours = np.where(~sure, _OPEN, np.where(effect > 0, _UP, _DOWN))
    axes.hlines(place, lower, upper, colors=list(colours), linewidth=2)
    axes.scatter(effect, place, c=list(colours), s=42, zorder=3)
    axes.axvline(0, color=_INK, linewidth=0.8)
    sign = "%" if relative else ""
    for y, value, end in zip(place, effect, upper, strict=True):
        text = f" {value:+.3g}{sign}"
        axes.annotate(text, (end, y), (4, 0), textcoords="offset points", va="center", fontsize=9)
    axes.set_yticks(place, [f"{m}\n{a}" for m, a in zip(rows["metric"], rows["arm"], strict=True)])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.margins(x=0.15)
    what = "effect relative to control, %" if relative else "effect, in the metric's own unit"
    axes.set_xlabel(
        f"{what}, with {1 - result.alpha:.0%} interval (grey: not shown to differ from 0)"
    )
    title = "No verdict: sample-ratio mismatch" if result.blocked else "Effects against control"
    axes.set_title(title, loc="left", fontsize=11, color=_DOWN if result.blocked else "black")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#e5e5e5", linewidth=0.8)
    axes.set_axisbelow(True)
    return axes
