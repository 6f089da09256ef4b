"""Pictures of analyses without randomisation: effects, balance, overlap, trends, synthetic controls."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from marketing_ds._core.checks import check_choice, check_count
from marketing_ds.evaluation.observed import (
    CovariateBalance,
    DifferenceInDifferences,
    ObservationalResult,
    PropensityOverlap,
    Sensitivity,
    SyntheticControl,
)
from marketing_ds.evaluation.observed.balance import NOTICEABLE

from ._draw import axes_or_new, draw, tidy

_BLUE, _RED, _GREY, _ORANGE, _INK = "#1f5fa8", "#c8553d", "#8a8a8a", "#d99a2b", "#404040"
_LONGEST = 30


@draw.register
def draw_observational(result: ObservationalResult, ax: Axes | None = None, **_: Any) -> Axes:
    """Effects relative to control: adjusted with interval, and the plain difference hollow."""
    frame = result.to_frame()[::-1]
    axes = axes_or_new(ax, height=max(2.4, 0.7 * len(frame) + 1.6))
    base = (frame["effect"] / frame["rel_effect"]).to_numpy()
    place = np.arange(len(frame))
    relative = {
        name: 100 * frame[name].to_numpy() / base
        for name in ("effect", "effect_ci_lower", "effect_ci_upper", "naive_effect")
    }
    shown = [f"{m}\n{a}" for m, a in zip(frame["metric"], frame["arm"], strict=True)]
    axes.hlines(place, relative["effect_ci_lower"], relative["effect_ci_upper"], _BLUE, linewidth=2)
    axes.plot(relative["effect"], place, "o", color=_BLUE, label="adjusted, with interval")
    axes.plot(
        relative["naive_effect"],
        place - 0.18,
        "o",
        markerfacecolor="white",
        markeredgecolor=_ORANGE,
        label="plain difference",
    )
    axes.axvline(0, color=_INK, linewidth=0.8)
    axes.set_yticks(place, shown)
    axes.set_ylim(-0.7, len(frame) - 0.4)
    axes.set_xlabel("difference relative to control's adjusted mean, %")
    axes.legend(frameon=False, fontsize=8, loc="best")
    return _finished(axes, "Not randomised: weaker evidence")


@draw.register
def draw_covariate_balance(
    result: CovariateBalance, ax: Axes | None = None, *, most: int = 20, **_: Any
) -> Axes:
    """Love plot: standardised mean differences before (hollow) and after adjustment.

    Parameters
    ----------
    most : int
        How many covariates, those that differed most.
    """
    check_count("most", most, low=1)
    frame = result.to_frame()
    several = frame["arm"].nunique() > 1
    names = [
        (f"{arm}: " if several else "") + covariate + (f" {level}" if level else "")
        for arm, covariate, level in frame[["arm", "covariate", "level"]].to_numpy()
    ]
    order = np.argsort(-frame["smd"].abs().to_numpy(), kind="stable")[:most][::-1]
    before = frame["smd"].to_numpy()[order]
    after = frame["smd_adjusted"].to_numpy()[order]
    place = np.arange(len(order))
    axes = axes_or_new(ax, height=max(2.4, 1.3 + 0.24 * len(order)))
    axes.axvspan(-NOTICEABLE, NOTICEABLE, color=_GREY, alpha=0.13, linewidth=0)
    axes.axvline(0, color=_INK, linewidth=0.8)
    axes.hlines(place, before, after, color=_GREY, linewidth=0.8, alpha=0.6)
    axes.plot(
        before,
        place,
        "o",
        markerfacecolor="white",
        markeredgecolor=_ORANGE,
        markersize=5.5,
        label="as they were chosen",
    )
    axes.plot(after, place, "o", color=_BLUE, markersize=5.5, label="after adjustment")
    axes.set_yticks(place, [_short(names[k]) for k in order], fontsize=8)
    axes.set_ylim(-0.7, len(order) - 0.3)
    axes.set_xlabel(f"standardised mean difference from control (grey: within ±{NOTICEABLE:g})")
    axes.legend(frameon=False, fontsize=8, loc="best")
    return _finished(axes, "Balance of covariates")


@draw.register
def draw_propensity_overlap(
    result: PropensityOverlap, ax: Axes | None = None, *, arm: str | None = None, **_: Any
) -> Axes:
    """Histograms of the propensity: the arm upwards, control downwards.

    Parameters
    ----------
    arm : str, optional
        Which arm; the first by default.
    """
    bins = result.bins
    arms = [str(name) for name in bins["arm"].unique()]
    chosen = arms[0] if arm is None else check_choice("arm", arm, arms)
    rows = bins[bins["arm"] == chosen]
    axes = axes_or_new(ax, height=3.4)
    width = (rows["high"] - rows["low"]).to_numpy()
    shares = [rows[side].to_numpy() / rows[side].sum() for side in ("n_arm", "n_control")]
    left = rows["low"].to_numpy()
    axes.bar(left, shares[0], width, align="edge", color=_BLUE, label=chosen)
    axes.bar(left, -shares[1], width, align="edge", color=_GREY, label="control")
    for edge in (result.clip, 1 - result.clip):
        axes.axvline(edge, color=_RED, linewidth=0.8, linestyle="--")
    axes.axhline(0, color=_INK, linewidth=0.8)
    axes.set_xlim(0, 1)
    axes.yaxis.set_major_formatter(lambda value, _: f"{abs(100 * value):.3g}%")
    axes.set_xlabel("propensity: P(arm | covariates), out of fold (red: clip)")
    axes.set_ylabel("share of the side")
    axes.legend(frameon=False, fontsize=8, loc="best")
    return _finished(axes, "Overlap" if result.passed else "Overlap is poor")


@draw.register
def draw_sensitivity(
    result: Sensitivity, ax: Axes | None = None, *, metric: str | None = None, **_: Any
) -> Axes:
    """What hidden factors would explain the first effect away, and where known ones stand.

    Parameters
    ----------
    metric : str, optional
        Which metric; the first by default. Its first arm is drawn.
    """
    frame = result.to_frame()
    names = [str(name) for name in frame["metric"].unique()]
    chosen = names[0] if metric is None else check_choice("metric", metric, names)
    row = frame[frame["metric"] == chosen].iloc[0]
    marks = result.benchmarks
    marks = marks[(marks["metric"] == chosen) & (marks["arm"] == row["arm"])]
    axes = axes_or_new(ax, height=4.0)
    reach = 1.5 * max(
        row["robustness_value"],
        *marks["explains_arm"],
        *marks["explains_outcome"],
        0.01,
    )
    arm = np.linspace(1e-6, min(reach, 0.99), 300)
    for value, colour, label in (
        (row["robustness_value"], _BLUE, "the effect becomes 0"),
        (row["robustness_value_limit"], _ORANGE, "the interval reaches 0"),
    ):
        if value > 0:  # outcome · arm / (1 − arm) is the same all along the line
            height = value**2 / (1 - min(value, 1 - 1e-9)) * (1 - arm) / arm
            axes.plot(100 * arm, 100 * height, color=colour, label=label)
    axes.plot(100 * marks["explains_arm"], 100 * marks["explains_outcome"], "D", color=_RED)
    for name, x, y in marks[["covariate", "explains_arm", "explains_outcome"]].to_numpy():
        axes.annotate(
            f" as strong as {name}",
            (100 * x, 100 * y),
            (4, 3),
            textcoords="offset points",
            fontsize=8,
        )
    axes.set_xlim(0, 100 * min(reach, 1.0))
    axes.set_ylim(0, 100 * min(reach, 1.0))
    axes.set_xlabel("a hidden factor explains, of what is left of the arm, %")
    axes.set_ylabel("of what is left of the outcome, %")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=8, loc="upper right")
    return _finished(axes, f"{chosen}, {row['arm']}: beyond the line it would be explained away")


@draw.register
def draw_event_study(result: DifferenceInDifferences, ax: Axes | None = None, **_: Any) -> Axes:
    """Effects by period from the start, with intervals; before it they should be near 0."""
    frame = result.event_study.replace([np.inf, -np.inf], np.nan)  # no line where all is possible
    axes = axes_or_new(ax, height=3.6)
    after = (frame["event_time"] >= 0).to_numpy()
    axes.axhline(0, color=_INK, linewidth=0.8)
    axes.axvline(-0.5, color=_GREY, linewidth=0.8, linestyle="--")
    for who, colour, label in ((~after, _GREY, "before"), (after, _BLUE, "after the start")):
        some = frame[who]
        axes.vlines(
            some["event_time"],
            some["effect_ci_lower"],
            some["effect_ci_upper"],
            colour,
            linewidth=2,
        )
        axes.plot(some["event_time"], some["effect"], "o", color=colour, label=label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(f"periods since the start, with {1 - result.alpha:.0%} intervals")
    axes.set_ylabel("effect")
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    p = result.pre_trend_p
    tail = "" if np.isnan(p) else f" (trends before: p = {p:.2g})"
    return _finished(axes, f"Difference in differences: weaker evidence{tail}")


@draw.register
def draw_synthetic(
    result: SyntheticControl, ax: Axes | None = None, *, what: str = "series", **_: Any
) -> Axes:
    """The treated units beside their synthetic control, or the gap among the placebos' gaps.

    Parameters
    ----------
    what : {"series", "gaps"}
    """
    check_choice("what", what, ("series", "gaps"))
    frame = result.gaps
    place = np.arange(len(frame))
    axes = axes_or_new(ax, height=3.6)
    begin = int(np.argmax(frame["after"].to_numpy()))
    axes.axvline(begin - 0.5, color=_GREY, linewidth=0.8, linestyle="--")
    if what == "series":
        axes.plot(place, frame["observed"], color=_BLUE, linewidth=2, label="treated")
        axes.plot(place, frame["synthetic"], "--", color=_ORANGE, linewidth=2, label="synthetic")
        axes.set_ylabel(str(result.to_frame()["metric"].iloc[0]))
    else:
        columns = [str(period) for period in frame["period"]]
        for number, line in enumerate(result.placebos[columns].to_numpy()):
            axes.plot(
                place, line, color=_GREY, linewidth=0.6, alpha=0.5,
                label="units where nothing happened" if number == 0 else None,
            )  # fmt: skip
        axes.plot(place, frame["gap"], color=_BLUE, linewidth=2, label="treated")
        axes.axhline(0, color=_INK, linewidth=0.8)
        axes.set_ylabel("gap to the synthetic control")
    step = max(1, len(frame) // 5)
    axes.set_xticks(place[::step], [str(p)[:10] for p in frame["period"]][::step], fontsize=8)
    axes.legend(frameon=False, fontsize=8, loc="best")
    return _finished(
        axes, f"Synthetic control: weaker evidence (placebo p = {result.p_placebo:.2g})"
    )


def _finished(axes: Axes, title: str) -> Axes:
    axes.set_title(title, loc="left", fontsize=11)
    return tidy(axes)


def _short(label: str) -> str:
    return label if len(label) <= _LONGEST else label[: _LONGEST - 1] + "…"
