"""The picture of profit by cut."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, PercentFormatter

from marketing_ds.propensity import ProfitCurve

from ._draw import axes_or_new, draw

_BLUE, _GREY, _RED = "#1f5fa8", "#6b6b6b", "#c8553d"


@draw.register
def draw_profit(result: ProfitCurve, ax: Axes | None = None, **_: Any) -> Axes:
    """Profit against the share contacted, with the model's own cut and the best in hindsight.

    The grey span holds the cuts that are not shown to bring less than the best.
    """
    axes = axes_or_new(ax, width=7.2)
    curve, best = result.curve, result.best_share
    share = curve["share"].to_numpy()
    axes.axvspan(
        best.ci_lower, best.ci_upper, color="#eceff3", linewidth=0, label="as good as the best"
    )
    axes.fill_between(
        share,
        curve["profit_cny_ci_lower"],
        curve["profit_cny_ci_upper"],
        color=_BLUE,
        alpha=0.18,
        linewidth=0,
        label=f"{result.level:.0%} interval",
    )
    axes.plot(share, curve["profit_cny"], color=_BLUE, linewidth=1.8)
    axes.axhline(0, color=_GREY, linewidth=0.7)
    if result.capacity is not None and result.capacity < result.customers:
        at = result.capacity / result.customers
        axes.axvline(at, color=_GREY, linestyle=":", linewidth=1.2, label="capacity")
    ring: dict[str, Any] = {
        "markersize": 12,
        "markerfacecolor": "none",
        "markeredgewidth": 1.6,
        "color": _RED,
    }
    dot: dict[str, Any] = {"markersize": 6, "color": _BLUE}
    for name, style, place, profit, least in (
        ("best in hindsight", ring, best, result.best, result.best_least),
        ("the model's own cut", dot, result.own_share, result.own, result.own_least),
    ):
        score = "" if least != least else f", score ≥ {least:.1%}"
        label = f"{name}: {place.value:.0%}{score}"
        axes.plot([place.value], [profit.value], "o", label=label, **style)
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_xlabel("share of customers contacted, most expected profit first")
    axes.set_ylabel("profit, CNY")
    axes.set_title(_title(result), loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="best", fontsize=9).set_frame_on(False)
    return axes


def _title(result: ProfitCurve) -> str:
    own, share = result.own, result.own_share.value
    if share == 0:
        return "By the model's probabilities no contact pays"
    each = own.value / (share * result.customers)
    return (
        f"Contacting the top {share:.0%} brings {own.value:,.0f} CNY\n"
        f"({own.ci_lower:,.0f} to {own.ci_upper:,.0f}; {each:,.2f} a contact); "
        f"everyone {result.everyone.value:,.0f}"
    )
