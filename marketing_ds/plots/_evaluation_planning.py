"""Pictures of planning: power, the smallest effect by week, A/A replays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, PercentFormatter

from marketing_ds.evaluation.planning import ExperimentPlan, Replay, RunTime, power

from ._draw import axes_or_new, draw, tidy

_OURS, _DOWN, _OPEN, _INK = "#1f5fa8", "#c8553d", "#8a8a8a", "#404040"


@draw.register
def draw_plan(
    result: ExperimentPlan, ax: Axes | None = None, *, metric: str | None = None, **options: Any
) -> Axes:
    """Power of the effect planned for over the number of customers, with and without covariates.

    Parameters
    ----------
    metric : str, optional
        The first by default.
    """
    frame = result.to_frame()
    names = [each.name for each in result.baselines]
    at = names.index(metric) if metric is not None else 0
    row, baseline = frame.iloc[at], result.baselines[at]
    effect = result.rel_effect or float(row["rel_minimum_detectable_effect"])
    needed = row.get("customers_needed", row["customers"])
    sizes = np.unique(np.geomspace(max(needed / 20, 8), needed * 3, 60).round().astype(int))
    axes = axes_or_new(ax)
    lines = [("as planned", baseline, _OURS)]
    if baseline.explained_share > 0.01:
        plain = replace(baseline, explained_share=0.0)
        lines.append(("without covariates", plain, _OPEN))
    for label, each, colour in lines:
        chances = [
            min(power(each, int(n), rel_effect=effect, design=result.design).values())
            for n in sizes
        ]
        axes.plot(sizes, chances, color=colour, linewidth=2, label=label)
    axes.axhline(result.target, color=_INK, linewidth=0.8, linestyle="--")
    axes.axvline(result.customers, color=_DOWN, linewidth=1, label="customers there are")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_formatter(FuncFormatter(lambda value, _: ""))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("customers, all arms together")
    axes.set_title(f"Power to find {effect:+.1%} of {baseline.name}", loc="left", fontsize=11)
    axes.legend(frameon=False, fontsize=9, loc="lower right")
    return tidy(axes, "both")


@draw.register
def draw_run_time(result: RunTime, ax: Axes | None = None, **options: Any) -> Axes:
    """The smallest detectable effect by week; marked: enough customers, and when weeks stop paying."""
    frame = result.to_frame()
    axes = axes_or_new(ax)
    axes.plot(
        frame["week"],
        frame["rel_minimum_detectable_effect"].abs(),
        color=_OURS,
        linewidth=2,
        marker="o",
        markersize=4,
    )
    if result.weeks is not None:
        axes.axvline(result.weeks, color=_INK, linewidth=1, label=f"enough: week {result.weeks}")
    axes.axvspan(
        result.worth_weeks,
        float(frame["week"].max()),
        color=_OPEN,
        alpha=0.15,
        linewidth=0,
        label=f"a week brings less than {result.worth_share:.0%}",
    )
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_ylim(bottom=0)
    axes.set_xlabel("weeks of taking in customers")
    axes.set_ylabel("share of the mean")
    chance = f"{result.target:.0%}"
    title = f"Smallest effect on {result.baseline.name} found with {chance} power"
    axes.set_title(title, loc="left", fontsize=11)
    axes.legend(frameon=False, fontsize=9)
    return tidy(axes, "both")


@draw.register
def draw_replay(result: Replay, ax: Axes | None = None, **options: Any) -> Axes:
    """False alarms of every metric and arm with their interval, against the level promised."""
    frame = result.to_frame()[::-1]
    axes = axes_or_new(ax, height=0.6 * len(frame) + 1.5)
    place = np.arange(len(frame))
    colours = np.where(frame["as_promised"], _OURS, _DOWN)
    low, high = (frame[f"false_alarm_share_ci_{end}"] for end in ("lower", "upper"))
    axes.hlines(place, low, high, colors=list(colours), linewidth=2)
    axes.scatter(frame["false_alarm_share"], place, c=list(colours), s=42, zorder=3)
    axes.axvline(result.alpha, color=_INK, linewidth=0.9, linestyle="--")
    for y, ratio, end in zip(place, frame["error_ratio"], high, strict=True):
        text = f" error {ratio:.2f} × the formula's"
        axes.annotate(text, (end, y), (4, 0), textcoords="offset points", va="center", fontsize=8.5)
    axes.set_yticks(
        place, [f"{m}\n{a}" for m, a in zip(frame["metric"], frame["arm"], strict=True)]
    )
    axes.set_ylim(-0.6, len(frame) - 0.4)
    axes.set_xlim(left=0)
    axes.margins(x=0.35)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel(f"false alarms of {result.replays} A/A replays (promised: {result.alpha:.0%})")
    axes.set_title("Does the past keep what the formulas promise?", loc="left", fontsize=11)
    return tidy(axes, "both")
