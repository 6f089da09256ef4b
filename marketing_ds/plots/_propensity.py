"""Pictures of propensity: calibration, gains, importance."""

from __future__ import annotations

from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from marketing_ds._core.checks import check_choice, check_count
from marketing_ds.propensity import Explanation, PropensityEvaluation

from ._draw import axes_or_new, draw

_BLUE, _GREY = "#1f5fa8", "#8a8a8a"


@draw.register
def draw_evaluation(
    result: PropensityEvaluation, ax: Axes | None = None, *, kind: str = "calibration"
) -> Axes:
    """Draw an evaluation.

    Parameters
    ----------
    result : PropensityEvaluation
    ax : matplotlib.axes.Axes, optional
    kind : {"calibration", "gains"}, default="calibration"
        Predicted against observed rates; or positives captured by the top share of customers.
    """
    check_choice("kind", kind, ("calibration", "gains"))
    axes = axes_or_new(ax, width=5.4, height=4.6)
    return _calibration(result, axes) if kind == "calibration" else _gains(result, axes)


@draw.register
def draw_explanation(result: Explanation, ax: Axes | None = None, *, top: int = 12) -> Axes:
    """Bars of the mean |SHAP| of the `top` strongest tags, with 95 % intervals."""
    check_count("top", top, low=1)
    frame = result.to_frame().head(top).iloc[::-1]
    axes = axes_or_new(ax, height=0.9 + 0.3 * len(frame))
    value = frame["mean_abs_shap"].to_numpy()
    spread = np.abs(
        frame[["mean_abs_shap_ci_lower", "mean_abs_shap_ci_upper"]].to_numpy().T - value
    )
    spread = np.nan_to_num(spread)  # a single row has no interval
    axes.barh(frame["tag"], value, xerr=spread, color=_BLUE, height=0.65, ecolor=_GREY)
    axes.set_xlabel("mean |SHAP| (log-odds), with 95 % interval")
    axes.set_title(f"What moves the score ({len(result.contributions):,} customers)")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return axes


def _calibration(result: PropensityEvaluation, axes: Axes) -> Axes:
    table = result.calibration
    observed = table["observed"].to_numpy()
    ends = table[["observed_ci_lower", "observed_ci_upper"]].to_numpy().T
    top = 1.08 * max(float(ends[1].max()), float(table["predicted"].max()))
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
    ece = result.ece
    axes.set_title(f"Calibration error {ece.value:.2%} ({ece.ci_lower:.2%} to {ece.ci_upper:.2%})")
    digits = 0 if top > 0.2 else 1
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=digits))
    return _tidy(axes, "upper left")


def _gains(result: PropensityEvaluation, axes: Axes) -> Axes:
    share = np.append(0.0, result.gains["share"].to_numpy())
    captured = np.append(0.0, result.gains["captured_share"].to_numpy())
    axes.plot(share, captured, color=_BLUE, linewidth=2, label="by score")
    axes.plot([0, 1], [0, 1], color=_GREY, linewidth=1, linestyle="--", label="at random")
    lift = result.lift_10
    axes.errorbar(
        [0.1],
        [lift.value / 10],
        yerr=[[(lift.value - lift.ci_lower) / 10], [(lift.ci_upper - lift.value) / 10]],
        fmt="o",
        color=_BLUE,
        capsize=3,
        label=f"top tenth: lift {lift.value:.1f}, {result.level:.0%} interval",
    )
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    axes.set(xlabel="share of customers, highest score first", ylabel="share of positives reached")
    auc = result.auc
    axes.set_title(f"AUC {auc.value:.3f} ({auc.ci_lower:.3f} to {auc.ci_upper:.3f})")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    return _tidy(axes, "lower right")


def _tidy(axes: Axes, legend: Literal["upper left", "lower right"]) -> Axes:
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc=legend).set_frame_on(False)
    return axes
