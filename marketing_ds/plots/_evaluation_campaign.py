"""Pictures of a campaign: reach, funnel, goal, benefits, shares and time course."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from marketing_ds._core.checks import check_choice
from marketing_ds.evaluation.campaign import (
    Benefits,
    CampaignAnalysis,
    Funnel,
    Goal,
    Reach,
    Sharing,
    TimeCourse,
)

from ._draw import axes_or_new, draw, tidy

_ARMS = ("#1f5fa8", "#c8553d", "#3f8f8b", "#d1a23c", "#7d6b9e", "#8aa84f", "#5d7f9e")
_BASE, _INK = "#b4bdc7", "#404040"
_STATES = {"redeemed": "#1f5fa8", "reversed": "#c8553d", "expired": "#b4bdc7", "outstanding": "#8fb4dc"}  # fmt: skip


@draw.register
def draw_campaign(result: CampaignAnalysis, ax: Axes | None = None, **options: Any) -> Axes:
    """The campaign's funnel."""
    axes = draw(result.funnel, ax=ax, **options)
    axes.set_title(f"{result.campaign.name}, {result.as_of}", loc="left", fontsize=11)
    return axes


@draw.register
def draw_reach(result: Reach, ax: Axes | None = None, **options: Any) -> Axes:
    """Share of customers in every stage, arm by arm, with intervals."""
    frame = result.to_frame()
    frame = frame[(frame["channel"] == "all") & (frame["arm"] != "all")]
    frame = frame[frame["stage"] != "assigned"]
    stages, arms = list(frame["stage"].unique()), list(frame["arm"].unique())
    axes = axes_or_new(ax, height=max(2.6, 0.26 * len(stages) * len(arms) + 1.4))
    tall = 0.8 / max(len(arms), 1)
    for i, arm in enumerate(arms):
        rows = frame[frame["arm"] == arm].set_index("stage").reindex(stages)
        share = 100 * rows["reach_share"].to_numpy(float)
        ends = 100 * rows[["reach_share_ci_lower", "reach_share_ci_upper"]].to_numpy(float).T
        place = np.arange(len(stages)) + (i - (len(arms) - 1) / 2) * tall
        axes.barh(place, share, 0.9 * tall, color=_colour(i), label=arm)
        axes.errorbar(share, place, xerr=np.abs(ends - share), fmt="none", ecolor=_INK, capsize=2)
    axes.set_yticks(np.arange(len(stages)), stages)
    axes.invert_yaxis()
    axes.set_xlabel("share of assigned customers, %, with interval")
    axes.set_title("Reach", loc="left", fontsize=11)
    if stages:
        axes.legend(frameon=False, loc="lower right")
    return tidy(axes)


@draw.register
def draw_funnel(result: Funnel, ax: Axes | None = None, **options: Any) -> Axes:
    """Customers who came through each step, arm by arm, with what part of the step before it is."""
    frame = result.to_frame()
    frame = frame[frame["arm"] != "all"]
    steps, arms = ["assigned", *result.steps], list(frame["arm"].unique())
    axes = axes_or_new(ax, height=max(2.6, 0.24 * len(steps) * len(arms) + 1.4))
    tall = 0.84 / len(arms)
    for i, arm in enumerate(arms):
        rows = frame[frame["arm"] == arm].set_index("step").loc[steps]
        place = np.arange(len(steps)) + (i - (len(arms) - 1) / 2) * tall
        axes.barh(place, rows["customers"], 0.9 * tall, color=_colour(i), label=arm)
        written = zip(place, rows["customers"], rows["conversion_share"], strict=True)
        for at, customers, share in written:
            of_before = "" if np.isnan(share) or at < 0.5 else f"  {share:.1%}"
            text = f" {customers:,}{of_before}"
            axes.annotate(
                text, (customers, at), (2, 0), textcoords="offset points", va="center", fontsize=8
            )
    axes.set_yticks(np.arange(len(steps)), steps)
    axes.invert_yaxis()
    axes.margins(x=0.18)
    axes.set_xlabel("customers, and % of those of the step before")
    axes.set_title("Funnel: each step after the one before", loc="left", fontsize=11)
    axes.legend(frameon=False, loc="lower right")
    return tidy(axes)


@draw.register
def draw_goal(result: Goal, ax: Axes | None = None, **options: Any) -> Axes:
    """The total day by day against target and even pace, with the projection."""
    axes = axes_or_new(ax)
    daily, last = result.daily, result.days - 1
    if result.target > 0:
        axes.axhline(result.target, color=_INK, linestyle=":", label="target")
        axes.plot([0, last], [0, result.target], color=_BASE, linestyle="--", label="even pace")
    axes.plot(daily["day"], daily["cumulative"], color=_ARMS[0], linewidth=2, label="so far")
    if result.days_left and np.isfinite(result.projected):
        span = [daily["day"].iloc[-1], last]
        start = daily["cumulative"].iloc[-1]
        ends = [result.projected_ci_lower, result.projected_ci_upper]
        axes.fill_between(span, [start, ends[0]], [start, ends[1]], color=_ARMS[0], alpha=0.16)
        axes.plot(
            span, [start, result.projected], color=_ARMS[0], linestyle="--", label="projected"
        )
    axes.set_xlabel("days since the start")
    axes.set_ylabel(result.objective)
    attained = (
        "" if np.isnan(result.attained_share) else f": {result.attained_share:.1%} of the target"
    )
    axes.set_title(f"Goal{attained}", loc="left", fontsize=11)
    axes.legend(frameon=False, loc="lower right")
    return tidy(axes, "y")


@draw.register
def draw_benefits(result: Benefits, ax: Axes | None = None, **options: Any) -> Axes:
    """What became of every benefit issued."""
    frame = result.to_frame()
    frame = frame[frame["benefit_id"] != "all"][::-1]
    axes = axes_or_new(ax, height=max(2.2, 0.6 * len(frame) + 1.5))
    place, foot = np.arange(len(frame)), np.zeros(len(frame))
    for state, colour in _STATES.items():
        wide = frame[state].to_numpy(float)
        axes.barh(place, wide, 0.6, left=foot, color=colour, label=state)
        foot = foot + wide
    axes.set_yticks(place, frame["benefit_id"].tolist())
    axes.set_xlabel("benefits issued")
    axes.set_title("Benefits", loc="left", fontsize=11, pad=22)
    axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=4, fontsize=8)
    return tidy(axes)


@draw.register
def draw_sharing(result: Sharing, ax: Axes | None = None, **options: Any) -> Axes:
    """Customers by depth of the chain of shares that brought them; who shared again in blue."""
    frame = result.to_frame()
    frame = frame[frame["depth"] > 0]
    axes = axes_or_new(ax)
    axes.bar(frame["depth"], frame["customers"], 0.7, color=_BASE, label="brought")
    axes.bar(frame["depth"], frame["sharers"], 0.7, color=_ARMS[0], label="shared again")
    axes.set_xticks(frame["depth"].tolist())
    axes.set_xlabel("shares between the campaign and the customer")
    axes.set_ylabel("customers")
    axes.set_title(
        "Shares" if len(frame) else "Shares: nobody known to be brought", loc="left", fontsize=11
    )
    if len(frame):
        axes.legend(frameon=False)
    return tidy(axes, "y")


@draw.register
def draw_time_course(
    result: TimeCourse,
    ax: Axes | None = None,
    *,
    since: str = "start",
    step: str | None = None,
    **options: Any,
) -> Axes:
    """The effect up to each day with its always-valid interval, or how often a step was taken.

    Parameters
    ----------
    since : {"start", "assignment"}
        Which clock the effect runs by.
    step : str, optional
        Draw this step's cumulative counts instead of the effect.
    """
    check_choice("since", since, ("start", "assignment"))
    axes = axes_or_new(ax)
    if step is not None or result.path.empty:
        return _draw_counts(result, axes, step)
    path = result.path[result.path["since"] == since]
    for i, (arm, rows) in enumerate(path.groupby("arm", sort=False)):
        known = rows[np.isfinite(rows["effect_ci_lower"])]
        lower, upper = known["effect_ci_lower"], known["effect_ci_upper"]
        axes.fill_between(known["day"], lower, upper, color=_colour(i), alpha=0.15, linewidth=0)
        axes.plot(rows["day"], rows["effect"], color=_colour(i), linewidth=2, label=str(arm))
    axes.axhline(0, color=_INK, linewidth=0.8)
    axes.set_xlabel(f"days since the {since}")
    axes.set_ylabel(f"effect on {result.objective}")
    level = f"{1 - result.alpha:.0%}"
    axes.set_title(f"Effect up to each day, always-valid {level} interval", loc="left", fontsize=11)
    axes.legend(frameon=False, loc="upper left")
    return tidy(axes, "y")


def _draw_counts(result: TimeCourse, axes: Axes, step: str | None) -> Axes:
    frame = result.to_frame()
    steps = list(frame["step"].unique())
    if step is not None:
        check_choice("step", step, steps)
    for name in [step] if step else steps:
        rows = frame[(frame["step"] == name) & (frame["arm"] == "all")]
        axes.plot(rows["day"], rows["cumulative"], linewidth=2, label=name)
    axes.set_xlabel("days since the start")
    axes.set_ylabel("times so far")
    axes.set_title("Time course", loc="left", fontsize=11)
    if steps:
        axes.legend(frameon=False, loc="upper left")
    return tidy(axes, "y")


def _colour(number: int) -> str:
    return _ARMS[number % len(_ARMS)]
