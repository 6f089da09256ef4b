"""Pictures of checks: which of them hold, how alike the arms were, which groups fit the design."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.checks import Check, Checks
from marketing_ds.evaluation.checks.balance import TOGETHER

from ._draw import axes_or_new, draw

_GOOD, _BAD, _NOTE, _OPEN, _INK = "#1f5fa8", "#b3261e", "#c98a1b", "#8a8a8a", "#404040"
_ROWS = 15


@draw.register
def draw_checks(result: Checks, ax: Axes | None = None, **options: Any) -> Axes:
    """One line a check: a mark whether it holds, and its p-value."""
    made = list(result)[::-1]
    axes = axes_or_new(ax, height=max(2.2, 0.3 * len(made) + 1.1))
    for y, check in enumerate(made):
        colour, marker = _mark(check)
        axes.scatter([0], [y], c=colour, marker=marker, s=70)
        p = "" if np.isnan(check.p_value) else f"p = {check.p_value:.2g}"
        axes.text(0.35, y, p, va="center", fontsize=9, color=_INK)
    axes.set_yticks(range(len(made)), [check.name for check in made])
    axes.set_ylim(-0.7, len(made) - 0.3)
    axes.set_xlim(-0.5, 4)
    axes.set_xticks([])
    failed = len([check for check in made if check.passed is False and check.blocks])
    title = f"{failed} failed: no verdict" if failed else "Nothing forbids a verdict"
    axes.set_title(title, loc="left", fontsize=11, color=_BAD if failed else "black")
    axes.spines[:].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(
        "● holds   ✕ forbids a verdict   ▲ take note   ○ not known", fontsize=9, loc="left"
    )
    return axes


@draw.register
def draw_check(result: Check, ax: Axes | None = None, **options: Any) -> Axes:
    """The figures of one check, where there is something to be seen.

    Raises
    ------
    InvalidInput
        If its figures are no comparison of arms.
    """
    frame = result.to_frame()
    if "distance" in frame.columns and len(frame):
        axes = _distances(frame, ax)
    elif {"group", "expected"} <= set(frame.columns) and len(frame):
        axes = _groups(frame, ax)
    elif {"arm", "expected"} <= set(frame.columns):
        axes = _sizes(frame, ax)
    else:
        raise InvalidInput(f"there is no picture of the check {result.name!r}; use .to_frame()")
    colour = _BAD if result.passed is False else "black"
    name = result.name[:1].upper() + result.name[1:]
    verdict = "does not hold" if result.passed is False else "holds"
    axes.set_title(f"{name}: {verdict}", loc="left", fontsize=11, color=colour)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#e5e5e5", linewidth=0.8)
    axes.set_axisbelow(True)
    return axes


def _mark(check: Check) -> tuple[str, str]:
    if check.passed is None:
        return _OPEN, "$\\circ$"
    if check.passed:
        return _GOOD, "o"
    return (_BAD, "X") if check.blocks else (_NOTE, "^")


def _distances(frame: pd.DataFrame, ax: Axes | None) -> Axes:
    """The columns that are furthest apart, in standard deviations, with their intervals."""
    rows = frame[frame["column"] != TOGETHER].head(_ROWS)[::-1]
    axes = axes_or_new(ax, height=max(2.2, 0.32 * len(rows) + 1.3))
    place = np.arange(len(rows))
    sure = (rows["p_adjusted"] < 0.001).to_numpy()
    colours = list(np.where(sure, _BAD, _GOOD))
    axes.hlines(place, rows["distance_ci_lower"], rows["distance_ci_upper"], colors=colours)
    axes.scatter(rows["distance"], place, c=colours, s=36, zorder=3)
    axes.axvline(0, color=_INK, linewidth=0.8)
    axes.set_yticks(place, [f"{r.column}, {r.arm}" for r in rows.itertuples()])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlabel("distance from control before the campaign, standard deviations (95% interval)")
    return axes


def _groups(frame: pd.DataFrame, ax: Axes | None) -> Axes:
    """In the groups that fit least, each arm's customers over what the design expects."""
    names = list(frame["group"].unique()[:_ROWS])[::-1]
    rows = frame[frame["group"].isin(names)]
    size = rows.groupby("group")["customers"].transform("sum")
    # Of chance as the design has it, not as it was found.
    share = (rows["expected"] / size).clip(upper=1)
    rows = rows.assign(reach=200 * np.sqrt((1 - share) / rows["expected"]))
    axes = axes_or_new(ax, height=max(2.4, 0.4 * len(names) + 1.4))
    arms = sorted(rows["arm"].unique())
    for number, arm in enumerate(arms):
        part = rows[rows["arm"] == arm]
        place = np.array([names.index(group) for group in part["group"]])
        place = place + 0.5 * (number / max(len(arms) - 1, 1) - 0.5)
        apart = 100 * (part["customers"] / part["expected"] - 1)
        dots = axes.scatter(apart, place, s=34, zorder=3, label=arm)
        axes.hlines(
            place,
            -part["reach"],
            part["reach"],
            color=dots.get_facecolor()[0],
            alpha=0.35,
            linewidth=4,
        )
    axes.axvline(0, color=_INK, linewidth=0.8)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.set_xlabel("customers against the design, % (bars: two standard errors of chance)")
    axes.legend(frameon=False, fontsize=9)
    return axes


def _sizes(frame: pd.DataFrame, ax: Axes | None) -> Axes:
    """Customers found and expected in each arm."""
    axes = axes_or_new(ax, height=max(2.2, 0.5 * len(frame) + 1.3))
    place = np.arange(len(frame))
    axes.barh(place, frame["customers"], height=0.55, color="#b7cbe3", label="found")
    axes.vlines(
        frame["expected"], place - 0.38, place + 0.38, color=_INK, linewidth=2, label="expected"
    )
    axes.set_yticks(place, list(frame["arm"]))
    axes.invert_yaxis()
    axes.set_xlabel("customers")
    axes.legend(frameon=False, fontsize=9, loc="lower right")
    return axes
