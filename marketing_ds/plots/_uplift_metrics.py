"""Pictures of metrics by other libraries' definitions: the curve or the groups they come from."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from marketing_ds.uplift.metrics.metric import UpliftMetric

from ._draw import axes_or_new, draw

_BLUE, _GREY = "#1f5fa8", "#6b6b6b"
_POINTS = 501
_ACROSS = {
    "customers": "customers in view, best score first",
    "targeted_share": "share of customers treated, best score first",
    "group": "group of the ranking, best first",
}


@draw.register
def _(result: UpliftMetric, ax: Axes | None = None, **_: Any) -> Axes:
    """The library's own curve with the straight line to its end, or bars by group."""
    ax = axes_or_new(ax)
    points = result.points
    x = str(points.columns[0])
    if x == "group":
        ax.bar(points[x], points["uplift"], color=_BLUE, alpha=0.7)
        ax.set_xticks(points[x])
        ax.set_ylabel("mean of the arm − mean of control")
    else:
        shown = points.iloc[np.unique(np.linspace(0, len(points) - 1, _POINTS).astype(int))]
        ax.plot(shown[x], shown["value"], color=_BLUE, linewidth=1.8, label="by score")
        if x == "customers":
            last = points.iloc[-1]
            ends = [0, last[x]], [0, last["value"]]
            ax.plot(*ends, color=_GREY, linestyle="--", linewidth=1.2, label="at random")
            ax.legend(frameon=False, fontsize=8, loc="best")
        ax.set_ylabel(f"as {result.definition.library} has it")
    ax.axhline(0, color=_GREY, linewidth=0.6)
    ax.set_xlabel(_ACROSS[x])
    ax.set_title(
        f"{result.definition.name} of {result.arm} against {result.control}\n{result.value:.4g}, "
        f"{result.definition.unit}",
        loc="left",
        fontsize=10,
    )
    ax.spines[["top", "right"]].set_visible(False)
    return ax
