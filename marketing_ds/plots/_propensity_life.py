"""Pictures of next best products and of life after training: rankings, drift, decay."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from marketing_ds._core.checks import check_choice, check_count
from marketing_ds._core.stability import ALARM_PSI, WATCH_PSI
from marketing_ds.propensity import Decay, Drift, RankingEvaluation

from ._draw import axes_or_new, draw

_BLUE, _GREY, _ORANGE, _RED = "#1f5fa8", "#8a8a8a", "#d99a2b", "#b8432f"
_OF_RANKING = {
    "model": (_BLUE, "-", "o"),
    "most popular eligible": (_ORANGE, "--", "s"),
    "most popular": (_GREY, ":", "^"),
}
_OF_STATUS = {"stable": _BLUE, "watch": _ORANGE, "alarm": _RED}
_OF_MEASURE = {
    "auc": "AUC",
    "log_loss": "log loss",
    "calibration_intercept": "calibration intercept (log-odds)",
}


@draw.register
def draw_ranking(result: RankingEvaluation, ax: Axes | None = None) -> Axes:
    """Hit rate for 1, 2, … products shown: the model and the most popular, with intervals."""
    axes = axes_or_new(ax, width=6.4)
    for side, (name, (colour, line, mark)) in enumerate(_OF_RANKING.items()):
        rows = result.by_place[result.by_place["ranking"] == name]
        rate = rows["hit_rate"].to_numpy()
        ends = rows[["hit_rate_ci_lower", "hit_rate_ci_upper"]].to_numpy().T
        axes.errorbar(
            rows["shown"] + 0.08 * (side - 1),  # beside each other, so that no interval is hidden
            rate,
            yerr=np.abs(ends - rate),
            color=colour,
            linestyle=line,
            marker=mark,
            markersize=4,
            capsize=2,
            label=name,
        )
    axes.set(ylim=(0, 1.02), xlabel="products shown", ylabel="buyers reached (hit rate)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    rival = result.estimate("hit_rate", "most popular eligible")
    axes.set_title(
        f"{result.k} shown: {rival['difference']:+.1%} against the most popular eligible\n"
        f"[{rival['difference_ci_lower']:+.1%}, {rival['difference_ci_upper']:+.1%}], "
        f"{result.buyers:,} buyers, {result.level:.0%} intervals",
        fontsize=10,
    )
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower right").set_frame_on(False)
    return axes


@draw.register
def draw_drift(result: Drift, ax: Axes | None = None, *, top: int = 12) -> Axes:
    """PSI of the `top` most moved, a mark where chance alone ends, and the two usual limits."""
    check_count("top", top, low=1)
    frame = result.to_frame().head(top).iloc[::-1]
    axes = axes_or_new(ax, height=1.1 + 0.3 * len(frame))
    names = [
        name if what == "tag" else "SCORE"
        for what, name in zip(frame["what"], frame["name"], strict=True)
    ]
    place = np.arange(len(frame))
    colours = [_OF_STATUS[status] for status in frame["status"]]
    axes.barh(place, frame["psi"], color=colours, height=0.6)
    axes.plot(
        frame["psi_by_chance"], place, "|", color="#202020", markersize=11, label="chance alone"
    )
    for limit, colour, word in ((WATCH_PSI, _ORANGE, "watch"), (ALARM_PSI, _RED, "alarm")):
        axes.axvline(limit, color=colour, linewidth=1, linestyle="--", label=word)
    axes.set_yticks(place, names)
    axes.set_xlabel("population stability index against training")
    axes.set_title(f"Drift: {result.status} ({result.rows:,} customers)")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.legend(loc="lower right").set_frame_on(False)
    return axes


@draw.register
def draw_decay(result: Decay, ax: Axes | None = None, *, measure: str = "auc") -> Axes:
    """One measure by scoring date with its interval, against training; alarms in red.

    Parameters
    ----------
    result : Decay
    ax : matplotlib.axes.Axes, optional
    measure : {"auc", "log_loss", "calibration_intercept"}, default="auc"
    """
    check_choice("measure", measure, tuple(_OF_MEASURE))
    axes = axes_or_new(ax)
    frame = result.to_frame()
    rows = frame[(frame["measure"] == measure) & frame["value"].notna()]
    place = np.arange(len(rows))
    value = rows["value"].to_numpy(dtype=np.float64)
    ends = rows[["value_ci_lower", "value_ci_upper"]].to_numpy(dtype=np.float64).T
    for alarm, colour, word in ((False, _BLUE, "as at training"), (True, _RED, "worse: alarm")):
        here = rows["alarm"].to_numpy(dtype=bool) == alarm
        if here.any():
            axes.errorbar(
                place[here],
                value[here],
                yerr=np.abs(ends - value)[:, here],
                fmt="o",
                color=colour,
                capsize=3,
                label=word,
            )
    if len(rows):
        target = 0.0 if measure == "calibration_intercept" else float(rows["training"].iloc[0])
        axes.axhline(target, color=_GREY, linestyle="--", linewidth=1, label="training")
        axes.legend(loc="best").set_frame_on(False)
    axes.set_xticks(place, [str(day) for day in rows["as_of"]])
    axes.set(xlabel="date of the scores", ylabel=_OF_MEASURE[measure])
    axes.set_title(f"{_OF_MEASURE[measure]} by scoring date, {result.level:.0%} intervals")
    axes.spines[["top", "right"]].set_visible(False)
    return axes
