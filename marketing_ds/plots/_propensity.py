"""Pictures of how good probabilities are: calibration, gains, lift, scores, segments, comparison.

Those of reasons and of money are beside it; they are loaded with this one.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from marketing_ds._core.checks import check_choice
from marketing_ds.propensity import PropensityComparison, PropensityEvaluation, PropensitySegments

from . import _propensity_life as _propensity_life
from . import _propensity_money as _propensity_money
from . import _propensity_reasons as _propensity_reasons
from ._draw import axes_or_new, draw

_BLUE, _GREY, _RED, _LIGHT = "#1f5fa8", "#8a8a8a", "#c8553d", "#dbe4ef"
_KINDS = ("calibration", "gains", "lift", "scores")
_NAMES = {
    "auc": "AUC",
    "average_precision": "average precision",
    "log_loss": "log loss",
    "brier": "Brier score",
    "brier_skill": "Brier skill",
    "ece": "calibration error",
    "ece_debiased": "calibration error less chance",
    "calibration_slope": "calibration slope",
    "calibration_intercept": "calibration intercept",
    "ks": "KS",
    "lift_10": "lift, top tenth",
    "lift_20": "lift, top fifth",
    "captured_20": "captured by the top fifth",
    "rate": "rate",
    "mean_probability": "mean probability",
}
_SHARES = ("rate", "mean_probability", "captured_20", "ece", "ece_debiased")
_LOWER_IS_BETTER = ("log_loss", "brier")


@draw.register
def draw_evaluation(
    result: PropensityEvaluation, ax: Axes | None = None, *, kind: str = "calibration"
) -> Axes:
    """Draw an evaluation.

    Parameters
    ----------
    result : PropensityEvaluation
    ax : matplotlib.axes.Axes, optional
    kind : {"calibration", "gains", "lift", "scores"}, default="calibration"
        Predicted against observed rates, over the histogram of the scores; positives captured by
        the top share of customers; how much more often the top share acts than the average; the
        scores of positives and of negatives.
    """
    check_choice("kind", kind, _KINDS)
    axes = axes_or_new(ax, width=5.8, height=4.8)
    painter = {"calibration": _calibration, "gains": _gains, "lift": _lift, "scores": _scores}
    painter[kind](result, axes)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


@draw.register
def draw_segments(
    result: PropensitySegments,
    ax: Axes | None = None,
    *,
    measure: str = "auc",
    by: str | None = None,
    **_: Any,
) -> Axes:
    """One dot a segment with its interval, beside the overall value.

    Hollow dots have fewer than 30 positives or negatives.

    Parameters
    ----------
    measure : str, default="auc"
        A measure of `PropensityEvaluation`.
    by : str, optional
        One column of segments only.
    """
    frame = result.to_frame(measure)
    if by is not None:
        frame = frame[frame["by"] == check_choice("by", by, tuple(frame["by"].unique()))]
    frame = frame[frame["value"].notna()].iloc[::-1]
    axes = axes_or_new(ax, width=7.2, height=1.5 + 0.3 * len(frame))
    overall = getattr(result.overall, measure)
    axes.axvspan(overall.ci_lower, overall.ci_upper, color=_LIGHT, linewidth=0)
    axes.axvline(overall.value, color=_GREY, linewidth=1)
    value = frame["value"].to_numpy()
    ends = frame[["value_ci_lower", "value_ci_upper"]].to_numpy().T
    apart = (ends[0] > overall.value) | (ends[1] < overall.value)
    place = np.arange(len(frame))
    for rows, colour in ((apart, _RED), (~apart, _BLUE)):
        axes.hlines(place[rows], *ends[:, rows], color=colour, linewidth=1.6)
        axes.scatter(
            value[rows],
            place[rows],
            s=34,
            zorder=3,
            edgecolors=colour,
            facecolors=["white" if few else colour for few in frame["few"].to_numpy()[rows]],
        )
    one = frame["by"].nunique() == 1
    names = zip(frame["by"], frame["segment"], frame["positives"], strict=True)
    labels = [f"{name if one else f'{of}: {name}'}  ({n:,})" for of, name, n in names]
    axes.set_yticks(place, labels)
    axes.set_ylim(-0.7, len(frame) - 0.3)
    axes.set_xlabel(
        f"{_NAMES[measure]}, {result.level:.0%} interval; band: overall; "
        "in brackets: positives; hollow: fewer than 30"
    )
    far = int(apart.sum())
    name = _NAMES[measure]
    head = name if name.isupper() else name.capitalize()
    shown = f"{overall.value:.1%}" if measure in _SHARES else f"{overall.value:.3f}"
    chance = (1 - result.level) * len(frame)
    verb = "lies" if far == 1 else "lie"
    told = f"{far} of {len(frame)} segments {verb} apart (by chance alone about {chance:.1f})"
    axes.set_title(f"{head} {shown} overall; {told}", loc="left", fontsize=11)
    if measure in _SHARES:
        axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    return _bare(axes)


@draw.register
def draw_comparison(result: PropensityComparison, ax: Axes | None = None, **_: Any) -> Axes:
    """How much better the second model is, measure by measure, in percent of the first's value."""
    frame = result.to_frame().iloc[::-1]
    axes = axes_or_new(ax, width=7.2, height=1.6 + 0.42 * len(frame))
    # To the right is better, whichever way the measure runs.
    sign = np.where(frame["measure"].isin(_LOWER_IS_BETTER), -1.0, 1.0)
    columns = ["difference", "difference_ci_lower", "difference_ci_upper"]
    gain = frame[columns].to_numpy() * (sign / frame["a"].to_numpy())[:, None]
    low, high = gain[:, 1:].min(axis=1), gain[:, 1:].max(axis=1)
    colours = [_BLUE if a > 0 else _RED if b < 0 else _GREY for a, b in zip(low, high, strict=True)]
    place = np.arange(len(frame))
    axes.axvline(0, color="#404040", linewidth=0.8)
    axes.hlines(place, low, high, color=colours, linewidth=1.8)
    axes.scatter(gain[:, 0], place, color=colours, s=36, zorder=3)
    names = zip(frame["measure"], frame["a"], frame["b"], strict=True)
    axes.set_yticks(place, [f"{_NAMES[name]}\n{a:.4g} → {b:.4g}" for name, a, b in names])
    axes.set_ylim(-0.6, len(frame) - 0.4)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    a, b = result.names
    axes.set_xlabel(
        f"← {a} better      {b} better →\n(paired differences, {result.level:.0%} intervals)"
    )
    won = {"a": f"{a} is better than {b}", "b": f"{b} is better than {a}"}
    title = won.get(result.winner or "", f"Neither {a} nor {b} is shown to be better")
    axes.set_title(f"{title} ({result.positives:,} positives)", loc="left", fontsize=11)
    return _bare(axes)


def _calibration(result: PropensityEvaluation, axes: Axes) -> None:
    table = result.calibration
    observed = table["observed"].to_numpy()
    ends = table[["observed_ci_lower", "observed_ci_upper"]].to_numpy().T
    top = min(1.08 * max(float(ends[1].max()), float(table["predicted"].max())), 1.02)
    scores = result.scores
    share = (
        scores["positives_share"] * result.rate.value
        + scores["negatives_share"] * (1 - result.rate.value)
    ).to_numpy()
    axes.bar(
        scores["from"],
        share / share.max() * top / 5,
        width=scores["to"] - scores["from"],
        align="edge",
        color=_LIGHT,
        label="customers by score",
    )
    axes.plot([0, top], [0, top], color=_GREY, linewidth=1, linestyle="--", label="perfect")
    axes.errorbar(
        table["predicted"],
        observed,
        yerr=np.abs(ends - observed),
        fmt="o",
        color=_BLUE,
        markersize=5,
        capsize=2,
        label=f"tenths of customers, {result.level:.0%} interval",
    )
    axes.set(xlim=(0, top), ylim=(0, top), xlabel="predicted rate", ylabel="observed rate")
    axes.set_title(_calibration_title(result), loc="left", fontsize=11)
    digits = 0 if top > 0.2 else 1
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=digits))
    _legend(axes, "upper left")


def _calibration_title(result: PropensityEvaluation) -> str:
    ece, shift, slope = result.ece, result.calibration_intercept, result.calibration_slope
    error = f"calibration error {ece.value:.2%}"
    if ece.ci_lower == 0:
        return f"The probabilities hold:\n{error}, no more than chance gives"
    if not shift.ci_lower <= 0 <= shift.ci_upper:
        what = f"too {'high' if shift.value < 0 else 'low'} on the whole"
    elif not slope.ci_lower <= 1 <= slope.ci_upper:
        what = f"too {'far apart' if slope.value < 1 else 'close together'}"
    else:
        what = "off in places"
    return f"The probabilities are {what}:\n{error} ({ece.ci_lower:.2%} to {ece.ci_upper:.2%})"


def _gains(result: PropensityEvaluation, axes: Axes) -> None:
    share = np.append(0.0, result.gains["share"].to_numpy())
    ends = [f"captured_share{end}" for end in ("", "_ci_lower", "_ci_upper")]
    value, low, high = np.vstack([np.zeros((1, 3)), result.gains[ends].to_numpy()]).T
    label = f"by score, {result.level:.0%} interval"
    axes.fill_between(share, low, high, color=_BLUE, alpha=0.18, linewidth=0)
    axes.plot(share, value, color=_BLUE, linewidth=2, label=label)
    axes.plot([0, 1], [0, 1], color=_GREY, linewidth=1, linestyle="--", label="at random")
    fifth = result.captured_20
    axes.plot([0.2, 0.2, 0], [0, fifth.value, fifth.value], color=_GREY, linewidth=0.8)
    axes.plot([0.2], [fifth.value], "o", color=_BLUE)
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    axes.set(xlabel="share of customers, highest score first", ylabel="share of positives reached")
    auc = result.auc
    axes.set_title(
        f"The top fifth holds {fifth.value:.0%} of the positives\n"
        f"({fifth.ci_lower:.0%} to {fifth.ci_upper:.0%}; "
        f"AUC {auc.value:.3f}, {auc.ci_lower:.3f} to {auc.ci_upper:.3f})",
        loc="left",
        fontsize=11,
    )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    _legend(axes, "lower right")


def _lift(result: PropensityEvaluation, axes: Axes) -> None:
    gains = result.gains[result.gains["share"] >= 0.05]
    share = gains["share"].to_numpy()
    axes.fill_between(
        share,
        gains["lift_ci_lower"],
        gains["lift_ci_upper"],
        color=_BLUE,
        alpha=0.18,
        linewidth=0,
    )
    label = f"top share, {result.level:.0%} interval"
    axes.plot(share, gains["lift"], color=_BLUE, linewidth=2, label=label)
    axes.axhline(1, color=_GREY, linewidth=1, linestyle="--", label="at random")
    tenth = result.lift_10
    axes.plot([0.1], [tenth.value], "o", color=_BLUE)
    axes.set(xlim=(0, 1), ylim=(0, 1.05 * float(gains["lift_ci_upper"].max())))
    axes.set(xlabel="share of customers, highest score first", ylabel="lift")
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_title(
        f"The top tenth acts {tenth.value:.1f} times as often as the average\n"
        f"({tenth.ci_lower:.1f} to {tenth.ci_upper:.1f} times)",
        loc="left",
        fontsize=11,
    )
    _legend(axes, "upper right")


def _scores(result: PropensityEvaluation, axes: Axes) -> None:
    scores = result.scores
    edges = np.append(scores["from"].to_numpy(), scores["to"].iloc[-1])
    counts = (result.rows - result.positives, result.positives)
    for name, colour, count in zip(("negatives", "positives"), (_GREY, _BLUE), counts, strict=True):
        share = scores[f"{name}_share"].to_numpy()
        axes.stairs(share, edges, fill=True, color=colour, alpha=0.3)
        axes.stairs(share, edges, color=colour, linewidth=1.4, label=f"{name} ({count:,})")
    axes.set_xlim(0, edges[-1])
    axes.set_ylim(bottom=0)
    axes.set(xlabel="score (predicted probability)", ylabel="share of the class in the bin")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0))
    ks = result.ks
    axes.set_title(
        f"One cut parts positives from negatives by {100 * ks.value:.0f} points\n"
        f"(KS {ks.value:.2f}, {ks.ci_lower:.2f} to {ks.ci_upper:.2f})",
        loc="left",
        fontsize=11,
    )
    _legend(axes, "upper right")


def _legend(axes: Axes, loc: Literal["upper left", "lower right", "upper right"]) -> None:
    axes.legend(loc=loc, fontsize=9).set_frame_on(False)


def _bare(axes: Axes) -> Axes:
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return axes
