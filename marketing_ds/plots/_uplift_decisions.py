"""The picture of a decision: how many customers get each arm, and what that is worth."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from marketing_ds.uplift.decisions import Decision

from ._draw import axes_or_new, draw

_BLUE, _GREY = "#1f5fa8", "#8a8a8a"


@draw.register
def _(result: Decision, ax: Axes | None = None, **_: Any) -> Axes:
    """A bar of customers for each arm, control first, with its net value; all-or-none in the title."""
    ax = axes_or_new(ax, height=1.6 + 0.4 * (1 + len(result.arms)))
    told = result.to_frame()
    colours = [_GREY, *[_BLUE] * len(result.arms)]
    bars = ax.barh(told["arm"], told["customer_share"], color=colours, alpha=0.85, height=0.7)
    words = [
        f" {count:,} customers, net {_money(net)}"
        for count, net in zip(told["customers"], told["net_value"], strict=True)
    ]
    ax.bar_label(bars, words, fontsize=8)
    ax.invert_yaxis()
    ax.set_xlim(0, min(1.0, told["customer_share"].max()) * 1.35)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.set_xlabel("share of customers")
    best = int(told["net_value_if_all"].argmax())
    ax.set_title(
        f"Expected net value {_money(told['net_value'].sum())}; with one answer for all "
        f"({told['arm'][best]}) {_money(told['net_value_if_all'][best])}",
        loc="left",
        fontsize=10,
    )
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _money(amount: float) -> str:
    """Whole units, or four digits of what is less than a hundred."""
    return f"{amount:,.0f}" if abs(amount) >= 100 else f"{amount:.4g}"
