"""Pictures of what an uplift rests on: balance (love plot), overlap, calibration of effects."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from matplotlib.transforms import ScaledTranslation

from marketing_ds._core.checks import check_choice, check_count
from marketing_ds._core.errors import InvalidInput
from marketing_ds.uplift.checks.assignment import AssignmentCheck
from marketing_ds.uplift.checks.balance import NOTICEABLE, Balance, label_of
from marketing_ds.uplift.checks.overlap import BINS, Overlap
from marketing_ds.uplift.checks.reliability import UpliftCalibration

from ._draw import axes_or_new, draw

_BLUE, _GREY, _ORANGE, _RED = "#1f5fa8", "#8a8a8a", "#d99a2b", "#b8432f"
_COLOURS = (_BLUE, _ORANGE, _RED, "#4f8a4b", "#7a5ea8", _GREY)
_MARKS = ("o", "s", "^", "D", "v", "P")
_LONGEST = 34


@draw.register
def draw_balance(
    result: Balance, ax: Axes | None = None, *, most: int = 20, title: str | None = None, **_: Any
) -> Axes:
    """Love plot: standardised mean differences of the tags that differ most, by arm.

    Hollow marks are before weighting, full ones after it; without weights all are full.
    """
    check_count("most", most, low=1)
    frame = result.frame.copy()
    arms = sorted(frame["arm"].unique())
    frame["label"] = [
        _short(label_of(tag, level)) for tag, level in frame[["tag", "level"]].to_numpy()
    ]
    order = frame["smd"].abs().groupby(frame["label"]).max().sort_values(ascending=False).index
    labels = list(order[:most])[::-1]
    axes = axes_or_new(ax, height=max(2.4, 1.4 + 0.24 * len(labels)))
    place = {label: at for at, label in enumerate(labels)}
    shown = frame[frame["label"].isin(labels) & np.isfinite(frame["smd"])]
    step = 0.5 / max(len(arms), 1)
    for number, arm in enumerate(arms):
        rows = shown[shown["arm"] == arm]
        y = np.array([place[label] for label in rows["label"]], dtype=float)
        y -= (number - (len(arms) - 1) / 2) * step
        mark = _MARKS[number % len(_MARKS)]
        name = f"{arm}, " if len(arms) > 1 else ""
        before = rows["smd"].to_numpy(dtype=float)
        if result.weighted:
            after = rows["smd_weighted"].to_numpy(dtype=float)
            axes.hlines(y, before, after, color=_GREY, linewidth=0.8, alpha=0.6)
            axes.plot(
                before,
                y,
                mark,
                markerfacecolor="white",
                markeredgecolor=_ORANGE,
                markersize=5.5,
                label=f"{name}as they are",
            )
            axes.plot(after, y, mark, color=_BLUE, markersize=5.5, label=f"{name}weighted by 1/P")
        else:
            colour = _COLOURS[number % len(_COLOURS)]
            axes.plot(before, y, mark, color=colour, markersize=5.5, label=arm)
    axes.axvspan(-NOTICEABLE, NOTICEABLE, color=_GREY, alpha=0.12, linewidth=0)
    axes.axvline(0, color=_GREY, linewidth=0.8)
    axes.set_yticks(np.arange(len(labels)), labels=labels, fontsize=8)
    axes.set_ylim(-0.7, len(labels) - 0.3)
    reach = 1.08 * max(2 * NOTICEABLE, float(np.abs(axes.get_xlim()).max()))
    axes.set_xlim(-reach, reach)
    axes.set_xlabel(f"standardised mean difference from control (grey: within ±{NOTICEABLE:g})")
    axes.set_title(title or "Balance of tags between arms", loc="left", fontsize=10)
    if result.weighted or len(arms) > 1:
        _legend_below(axes, 2 if result.weighted else min(len(arms), 4))
    return _clean(axes)


@draw.register
def draw_assignment(
    result: AssignmentCheck, ax: Axes | None = None, *, most: int = 20, **_: Any
) -> Axes:
    """The love plot, under what the tests say of each arm."""
    found = [
        f"{one.arm}: AUC {one.auc.value:.3f} [{one.auc.ci_lower:.3f}, {one.auc.ci_upper:.3f}]"
        for one in result.arms
    ]
    verdict = "Nothing speaks against the experiment" if result.passed else "Not as claimed"
    title = "\n".join([f"{verdict}; how well tags tell the arm:", *found[:4]])
    return draw_balance(result.balance, ax, most=most, title=title)


@draw.register
def draw_overlap(
    result: Overlap, ax: Axes | None = None, *, arm: str | None = None, **_: Any
) -> Axes:
    """P(arm) among the arm's customers, upwards, and among control's, downwards.

    Parameters
    ----------
    arm : str, optional
        Needed where there are several.
    """
    names = tuple(one.arm for one in result.arms)
    if arm is None and len(names) > 1:
        raise InvalidInput(
            f"arm must say whose overlap to draw: one of {', '.join(map(repr, names))}"
        )
    one = result.arms[0 if arm is None else names.index(check_choice("arm", arm, names))]
    axes = axes_or_new(ax)
    edge = np.arange(BINS) / BINS
    control, treated = one.histogram
    style: dict[str, Any] = {
        "width": 1 / BINS,
        "align": "edge",
        "linewidth": 0.4,
        "edgecolor": "white",
    }
    axes.bar(edge, treated, color=_BLUE, label=f"{one.arm} ({one.customers:,})", **style)
    axes.bar(edge, -control, color=_ORANGE, label=f"{result.control} ({one.control:,})", **style)
    for low, high in ((0.0, one.low), (one.high, 1.0)):
        axes.axvspan(low, high, color=_RED, alpha=0.12, linewidth=0)
    for end in (one.trim_low, one.trim_high):
        if 0 < end < 1:
            axes.axvline(end, color="#333333", linestyle="--", linewidth=1)
    axes.plot([], [], color=_RED, alpha=0.25, linewidth=7, label="hardly any overlap")
    if one.trimmed_share:
        axes.plot([], [], "--", color="#333333", linewidth=1, label="Crump's bounds")
    axes.axhline(0, color="#333333", linewidth=0.8)
    axes.set_xlim(0, 1)
    reach = 1.15 * float(one.histogram.max())
    axes.set_ylim(-reach, reach)
    axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):.0%}")
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel(f"P({one.arm}) between {one.arm} and {result.control}, given the tags")
    axes.set_ylabel("share of the arm's customers")
    lines = [f"Overlap of {one.arm} and {result.control}: {one.outside_share:.1%} outside"]
    if one.regions:
        lines.append(_short(f"most where {one.regions[0]}", 84))
    axes.set_title("\n".join(lines), loc="left", fontsize=10)
    _legend_below(axes, 4)
    return _clean(axes)


@draw.register
def draw_calibration(
    result: UpliftCalibration,
    ax: Axes | None = None,
    *,
    arm: str | None = None,
    per: float = 1000.0,
    **_: Any,
) -> Axes:
    """Doubly-robust effect of each group against its prediction, per `per` customers.

    Parameters
    ----------
    arm : str, optional
        Only this arm.
    per : float
        Customers that effects are counted on.
    """
    names = tuple(one.arm for one in result.arms)
    shown = result.arms
    if arm is not None:
        shown = (result.arms[names.index(check_choice("arm", arm, names))],)
    axes = axes_or_new(ax, width=5.6, height=5.0)
    spread: list[float] = []
    for number, one in enumerate(shown):
        colour = _COLOURS[number % len(_COLOURS)]
        x, y, low, high = (
            per * one.groups[name].to_numpy(dtype=float)
            for name in ("predicted", "effect", "effect_ci_lower", "effect_ci_upper")
        )
        axes.errorbar(
            x,
            y,
            yerr=np.nan_to_num(np.stack([y - low, high - y])),
            fmt=_MARKS[number % len(_MARKS)],
            color=colour,
            markersize=5,
            elinewidth=1,
            capsize=2,
            label=f"{one.arm}, {1 - result.alpha:.0%} interval",
        )
        spread += [float(x.min()), float(x.max())]
        if not np.isnan(one.slope.value):
            ends = np.array([x.min(), x.max()])
            line = one.slope.value * ends + per * one.intercept.value
            label = (
                f"slope {one.slope.value:.2f} [{one.slope.ci_lower:.2f}, {one.slope.ci_upper:.2f}]"
            )
            axes.plot(ends, line, color=colour, linewidth=1.6, label=label)
    pad = 0.08 * (max(spread) - min(spread)) or 1.0
    ends = np.array([min(spread) - pad, max(spread) + pad])
    axes.plot(ends, ends, "--", color=_GREY, linewidth=1.2, label="as predicted", zorder=1)
    axes.axhline(0, color=_GREY, linewidth=0.6)
    axes.set_xlim(*ends)
    axes.set_xlabel(f"predicted effect per {per:g} customers")
    axes.set_ylabel(f"doubly-robust effect per {per:g} customers")
    axes.set_title(
        _calibration_title(result, shown[0].finding, len(shown)), loc="left", fontsize=10
    )
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    return _clean(axes)


def _calibration_title(result: UpliftCalibration, finding: str, arms: int) -> str:
    head = f"Calibration of effects against {result.control}"
    return f"{head}\n{finding}" if arms == 1 else head


def _legend_below(axes: Axes, columns: int) -> None:
    """A legend half an inch under the axes, below their label."""
    figure = cast("Figure", axes.get_figure(root=True))
    down = ScaledTranslation(0, -0.45, figure.dpi_scale_trans)
    axes.legend(
        frameon=False,
        fontsize=8,
        ncols=columns,
        loc="upper center",
        borderaxespad=0,
        bbox_to_anchor=(0.5, 0),
        bbox_transform=axes.transAxes + down,
    )


def _short(text: str, most: int = _LONGEST) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _clean(axes: Axes) -> Axes:
    axes.spines[["top", "right"]].set_visible(False)
    return axes
