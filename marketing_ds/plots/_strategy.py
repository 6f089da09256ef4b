"""Pictures of plans and of what they are worth."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from marketing_ds._core.checks import check_choice
from marketing_ds.strategy import Plan, PolicyValue

from ._draw import axes_or_new, draw

_OURS, _OTHER, _COST, _INK = "#1f5fa8", "#9fb3c8", "#c8553d", "#404040"


@draw.register
def draw_plan(result: Plan, ax: Axes | None = None, **options: Any) -> Axes:
    """Net value and expected cost by offer, with the number of customers."""
    axes = axes_or_new(ax)
    table = result.summary()[::-1]
    place = np.arange(len(table))
    axes.barh(place + 0.19, table["net_value_cny"], 0.36, color=_OURS, label="net value")
    axes.barh(place - 0.19, table["expected_cost_cny"], 0.36, color=_COST, label="expected cost")
    axes.set_yticks(
        place,
        [
            f"{offer}\n{channel}, {customers:,} customers"
            for offer, channel, customers in zip(
                table["offer"], table["channel"], table["customers"], strict=True
            )
        ],
    )
    axes.axvline(0, color=_INK, linewidth=0.8)
    axes.set_xlabel("CNY")
    treated = int(table["customers"].sum())
    share = treated / result.population
    axes.set_title(
        f"Plan: {treated:,} of {result.population:,} customers ({share:.1%}), "
        f"net value {result.certificate.objective_cny:,.0f} CNY",
        loc="left",
        fontsize=11,
    )
    if len(table):
        axes.legend(frameon=False, loc="lower right")
    _bare(axes)
    return axes


@draw.register
def draw_policy_value(
    result: PolicyValue,
    ax: Axes | None = None,
    *,
    metric: str | None = None,
    **options: Any,
) -> Axes:
    """Gain over treating no one, per 1,000 customers, policy by policy with intervals.

    Parameters
    ----------
    metric : str, optional
        Which metric; the last one by default (net value where it was asked for).
    """
    frame = result.to_frame()
    known = list(dict.fromkeys(frame["metric"]))
    metric = known[-1] if metric is None else check_choice("metric", metric, known)
    rows = frame[(frame["metric"] == metric) & (frame["policy"] != "treat no one")][::-1]
    axes = axes_or_new(ax)
    place, gain = np.arange(len(rows)), rows["gain_per_1000"].to_numpy()
    reach = np.abs(rows[["gain_per_1000_ci_lower", "gain_per_1000_ci_upper"]].to_numpy().T - gain)
    colours = [_OTHER] * (len(rows) - 1) + [_OURS]  # ours is on top
    axes.barh(place, gain, 0.6, color=colours)
    axes.errorbar(gain, place, xerr=reach, fmt="none", ecolor=_INK, capsize=4, linewidth=1.4)
    axes.axvline(0, color=_INK, linewidth=0.8)
    axes.set_yticks(
        place,
        [
            f"{policy}\n({share:.0%} treated)"
            for policy, share in zip(rows["policy"], rows["treated_share"], strict=True)
        ],
    )
    unit = "CNY" if metric.endswith("_cny") else "units"
    axes.set_xlabel(
        f"{metric}: extra {unit} per 1,000 customers, with {1 - result.alpha:.0%} interval"
    )
    axes.set_title("Gain over treating no one", loc="left", fontsize=11)
    _bare(axes)
    return axes


def _bare(axes: Axes) -> None:
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#e5e5e5", linewidth=0.8)
    axes.set_axisbelow(True)
