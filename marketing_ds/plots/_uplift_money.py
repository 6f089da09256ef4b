"""Pictures of uplift in money: net value by the share treated, and outcome by budget."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from marketing_ds._core.estimate import interval
from marketing_ds.uplift.curves.budget import BudgetCurve
from marketing_ds.uplift.curves.net_value import NetValueCurve

from ._curves import BLUE, curve_with_band
from ._draw import axes_or_new, draw

_GREY, _RED = "#6b6b6b", "#c8553d"
_ARMS = ("#c8553d", "#2f7d5b", "#8a5aa8", "#b98a1f", "#4a8fb0")


@draw.register
def draw_net_value(
    result: NetValueCurve, ax: Axes | None = None, *, per: float = 1000.0, **_: Any
) -> Axes:
    """Net value against the share treated, with the best share and the shares as good as it."""
    axes = axes_or_new(ax, width=7.2)
    best = result.best
    low, high = result.band()
    axes.axvspan(
        best.share_ci_lower,
        best.share_ci_upper,
        facecolor="#eceff3",
        edgecolor="#b3bcc8",
        linewidth=0.8,
        label="not shown to be worse than the best",
    )
    curve_with_band(axes, result.share, per * result.value, (per * low, per * high), result.alpha)
    axes.plot(
        [0, 1],
        [0, per * result.everyone.value],
        color=_GREY,
        linestyle="--",
        linewidth=1.2,
        label="at random",
    )
    axes.axhline(0, color=_GREY, linewidth=0.6)
    top = best.net_value
    axes.plot(
        [best.share],
        [per * top.value],
        "o",
        markersize=11,
        markerfacecolor="none",
        markeredgewidth=1.6,
        color=_RED,
        label=f"best in hindsight: {best.share:.0%}",
    )
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlabel("share of customers treated, best score first")
    axes.set_ylabel(f"net value per {per:,.0f} customers")
    axes.set_title(
        f"Net value of {result.arm} against {result.control}\n"
        f"best share {best.share:.0%}: {per * top.value:,.0f} "
        f"[{per * top.ci_lower:,.0f}, {per * top.ci_upper:,.0f}], "
        f"flattered by about {per * best.optimism:,.0f}",
        loc="left",
        fontsize=10,
    )
    axes.legend(frameon=False, fontsize=8, loc="best")
    axes.spines[["top", "right"]].set_visible(False)
    return axes


@draw.register
def draw_budget(
    result: BudgetCurve, ax: Axes | None = None, *, per: float = 1000.0, **_: Any
) -> Axes:
    """Incremental outcome against budget; crosses are each arm given to everyone.

    Budgets beyond the last that the scores find worth spending go on as a dotted line.
    """
    axes = axes_or_new(ax, width=7.2)
    low, high = interval(result.value, result.se, result.alpha)
    band = (per * low, per * high)
    curve_with_band(axes, per * result.budget, per * result.value, band, result.alpha)
    last = float(result.budget[-1])
    dearest = max(last, float(result.everyone["cost"].max()))
    if dearest > last:
        end = per * result.value[-1]
        axes.plot([per * last, per * dearest], [end, end], color=BLUE, linestyle=":", linewidth=1.4)
    for k, row in enumerate(result.everyone.to_dict("records")):
        color, cost, value = _ARMS[k % len(_ARMS)], per * row["cost"], per * row["value"]
        ends = [[value - per * row["value_ci_lower"]], [per * row["value_ci_upper"] - value]]
        axes.plot([0, cost], [0, value], color=color, linestyle="--", linewidth=0.9)
        axes.errorbar(
            cost,
            value,
            yerr=np.array(ends),
            fmt="x",
            color=color,
            capsize=3,
            elinewidth=1,
            label=f"{row['arm']} for everyone; below, at random",
        )
    axes.axhline(0, color=_GREY, linewidth=0.6)
    axes.set_xlim(0, 1.03 * per * dearest or 1.0)
    axes.set_xlabel(f"budget per {per:,.0f} customers")
    axes.set_ylabel(f"extra outcome per {per:,.0f} customers")
    axes.set_title(
        f"Outcome by budget: {', '.join(result.arms)} against {result.control}",
        loc="left",
        fontsize=10,
    )
    axes.legend(frameon=False, fontsize=8, loc="best")
    axes.spines[["top", "right"]].set_visible(False)
    return axes
