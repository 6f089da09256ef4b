"""Pictures of experiments: effects with their intervals, and the interval from look to look."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from marketing_ds.evaluation import ExperimentResult
from marketing_ds.evaluation.inference import EVERYBODY
from marketing_ds.evaluation.looks import SequentialPath

from . import _evaluation_campaign as _evaluation_campaign
from . import _evaluation_channel as _evaluation_channel
from . import _evaluation_checks as _evaluation_checks
from . import _evaluation_customer as _evaluation_customer
from . import _evaluation_money as _evaluation_money
from . import _evaluation_observed as _evaluation_observed
from . import _evaluation_overlapping as _evaluation_overlapping
from . import _evaluation_planning as _evaluation_planning
from . import _evaluation_product as _evaluation_product
from ._draw import axes_or_new, draw

_UP, _DOWN, _OPEN, _INK = "#1f5fa8", "#c8553d", "#8a8a8a", "#404040"
_ARMS = ("#1f5fa8", "#c8553d", "#3f8f5f", "#8a63a8", "#b08a2e")


@draw.register
def draw_experiment(
    result: ExperimentResult,
    ax: Axes | None = None,
    *,
    relative: bool = True,
    segment: str | None = None,
    metrics: list[str] | None = None,
    **options: Any,
) -> Axes:
    """Forest plot: one line per metric and arm, its effect with the interval.

    An end at infinity is drawn as an arrow to the edge; blue is better, red is worse, grey is not
    shown to differ from control.

    Parameters
    ----------
    relative : bool
        Effects in percent of control's mean, so that metrics of different units share an axis;
        False draws them in their own units.
    segment : str, optional
        Column whose values make the lines, instead of all customers; the overall effect stands
        above them.
    metrics : list of str, optional
        Only these.
    """
    frame = result.to_frame()
    rows = frame[frame["segment"] == EVERYBODY]
    if segment is not None:
        rows = pd.concat([rows, result.segments(segment).drop(columns="value")])
    if metrics is not None:
        rows = rows[rows["metric"].isin(metrics)]
    name, unit = ("rel_effect", 100.0) if relative else ("effect", 1.0)
    rows = rows[np.isfinite(rows[name])]
    if segment is not None:
        rows = rows.sort_values(["metric", "arm"], kind="stable")
    rows = rows[::-1]
    axes = axes_or_new(ax, height=max(2.2, (0.55 if segment is None else 0.4) * len(rows) + 1.5))
    _intervals(axes, rows, name, unit)
    _signs(axes, rows, name, unit, "%" if relative else "")
    labels = [
        f"{m}\n{a}" if s == EVERYBODY else f"{s.split('=', 1)[1]}"
        for m, a, s in zip(rows["metric"], rows["arm"], rows["segment"], strict=True)
    ]
    axes.set_yticks(np.arange(len(rows)), labels)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    what = "effect relative to control, %" if relative else "effect, in the metric's own unit"
    kind = "always-valid interval" if result.settings.looks else "interval"
    axes.set_xlabel(
        f"{what}, with {1 - result.alpha:.0%} {kind} (grey: not shown to differ from 0)"
    )
    axes.set_title(
        _title(result), loc="left", fontsize=11, color=_DOWN if result.blocked else "black"
    )
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#e5e5e5", linewidth=0.8)
    axes.set_axisbelow(True)
    return axes


def _title(result: ExperimentResult) -> str:
    if not result.blocked:
        return "Effects against control"
    failed = [check.name for check in result.checks.failed if check.blocks]
    return f"No verdict: {', '.join(failed)}"


def _colours(rows: pd.DataFrame) -> list[str]:
    shown = {"better": _UP, "worse": _DOWN, "guardrail broken": _DOWN}
    return [shown.get(decision, _OPEN) for decision in rows["decision"]]


def _intervals(axes: Axes, rows: pd.DataFrame, name: str, unit: float) -> None:
    effect, lower, upper = (
        unit * rows[f"{name}{end}"].to_numpy(float) for end in ("", "_ci_lower", "_ci_upper")
    )
    colours, place = _colours(rows), np.arange(len(rows))
    ends = np.concatenate([effect, lower[np.isfinite(lower)], upper[np.isfinite(upper)], [0.0]])
    room = 0.15 * (ends.max() - ends.min() or 1.0)
    low, high = ends.min() - room, ends.max() + 1.6 * room
    axes.set_xlim(low, high)
    axes.hlines(place, np.maximum(lower, low), np.minimum(upper, high), colors=colours, linewidth=2)
    axes.scatter(effect, place, c=colours, s=42, zorder=3)
    for open_end, at, marker in ((np.isinf(lower), low, "<"), (np.isinf(upper), high, ">")):
        for y in place[open_end]:
            axes.plot([at], [y], marker=marker, color=colours[y], markersize=7, clip_on=False)
    axes.axvline(0, color=_INK, linewidth=0.8)


def _signs(axes: Axes, rows: pd.DataFrame, name: str, unit: float, sign: str) -> None:
    """The effect as a number above its point."""
    for y, value in enumerate(unit * rows[name].to_numpy(float)):
        axes.annotate(
            f"{value:+.3g}{sign}",
            (value, y),
            (0, 6),
            textcoords="offset points",
            ha="center",
            fontsize=9,
        )


@draw.register
def draw_path(path: SequentialPath, ax: Axes | None = None, **options: Any) -> Axes:
    """The effect of every arm from look to look, within its always-valid interval.

    A dot marks the look at which a difference was first shown.
    """
    axes = axes_or_new(ax)
    frame, decided = path.to_frame(), path.decided_at
    looks = list(dict.fromkeys(frame["look"]))
    place = {look: number for number, look in enumerate(looks)}
    for colour, (arm, part) in zip(
        _ARMS * len(frame), frame.groupby("arm", sort=False), strict=False
    ):
        at = part["look"].map(place).to_numpy()
        ends = part[["effect_ci_lower", "effect_ci_upper"]].to_numpy(float)
        known = np.isfinite(ends).any(axis=1)
        shown = part["effect"].to_numpy(float)
        axes.plot(at, shown, color=colour, linewidth=1.6, label=str(arm))
        reach = np.abs(ends[np.isfinite(ends)]).max() if known.any() else 1.0
        ends = np.clip(ends[known], -reach, reach)
        axes.fill_between(at[known], ends[:, 0], ends[:, 1], color=colour, alpha=0.15, linewidth=0)
        when = decided[str(arm)]
        if when is not None:
            first = place[when]
            axes.scatter([first], shown[at == first], color=colour, s=50, zorder=3)
    axes.axhline(0, color=_INK, linewidth=0.8)
    step = max(1, len(looks) // 8)
    axes.set_xticks(range(0, len(looks), step), [str(look) for look in looks[::step]])
    axes.set_xlabel("look (dot: first look at which a difference was shown)")
    axes.set_ylabel(f"effect on {path.metric}")
    axes.set_title(f"Always-valid {1 - path.settings.alpha:.0%} interval", loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e5e5e5", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.legend(frameon=False, loc="best")
    return axes
