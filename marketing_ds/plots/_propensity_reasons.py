"""Pictures of what moves a score: importance, and a beeswarm of every customer's reasons."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from numpy.typing import NDArray

from marketing_ds._core.checks import check_choice, check_count
from marketing_ds.propensity import Explanation

from ._draw import axes_or_new, draw

_BLUE, _GREY, _UNKNOWN = "#1f5fa8", "#8a8a8a", "#b8b8b8"
_COLOURS = LinearSegmentedColormap.from_list("low to high", ["#3b7dd8", "#8d5fb0", "#d8433b"])
_MOST_DOTS = 2000
_BINS = 80


@draw.register
def draw_explanation(
    result: Explanation, ax: Axes | None = None, *, kind: str = "importance", top: int = 12
) -> Axes:
    """Draw an explanation.

    Parameters
    ----------
    result : Explanation
    ax : matplotlib.axes.Axes, optional
    kind : {"importance", "beeswarm"}, default="importance"
        Bars of the mean |SHAP| with 95 % intervals; or a dot a customer and tag, at its SHAP value,
        coloured by the tag's value from low (blue) to high (red), grey where unknown.
    top : int, default=12
        How many of the strongest tags.
    """
    check_choice("kind", kind, ("importance", "beeswarm"))
    check_count("top", top, low=1)
    return _importance(result, ax, top) if kind == "importance" else _beeswarm(result, ax, top)


def _importance(result: Explanation, ax: Axes | None, top: int) -> Axes:
    frame = _strongest(result, top).iloc[::-1]
    axes = axes_or_new(ax, height=1.1 + 0.3 * len(frame))
    value = frame["mean_abs_shap"].to_numpy()
    spread = np.abs(
        frame[["mean_abs_shap_ci_lower", "mean_abs_shap_ci_upper"]].to_numpy().T - value
    )
    spread = np.nan_to_num(spread)  # a single row has no interval
    axes.barh(frame["tag"], value, xerr=spread, color=_BLUE, height=0.65, ecolor=_GREY)
    axes.set_xlabel("mean |SHAP| (log-odds), with 95 % interval")
    first = frame.iloc[-1]
    axes.set_title(
        f"{first['tag']} moves the score most: {first['importance_share']:.0%} of all "
        f"({len(result.contributions):,} customers)",
        loc="left",
        fontsize=11,
    )
    return _bare(axes)


def _beeswarm(result: Explanation, ax: Axes | None, top: int) -> Axes:
    names = _strongest(result, top)["tag"].tolist()[::-1]
    axes = axes_or_new(ax, width=7.6, height=1.4 + 0.42 * len(names))
    rows = np.arange(len(result.contributions))
    if len(rows) > _MOST_DOTS:
        rows = np.sort(np.random.default_rng(0).choice(rows, _MOST_DOTS, replace=False))
    axes.axvline(0, color=_GREY, linewidth=0.8)
    for place, name in enumerate(names):
        column = result.tags.index(name)
        shap = result.contributions[rows, column]
        level = _ranks(result.values[rows, column].astype(np.float64))
        known = ~np.isnan(level)
        where = place + _spread(shap)
        style: dict[str, Any] = {
            "s": 9,
            "linewidths": 0,
            "alpha": 0.85,
            "rasterized": True,
            "zorder": 3,
        }
        axes.scatter(shap[~known], where[~known], color=_UNKNOWN, **style)
        axes.scatter(
            shap[known], where[known], c=level[known], cmap=_COLOURS, vmin=0, vmax=1, **style
        )
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.set_xlabel("SHAP value (log-odds): right raises the score; grey: value unknown")
    axes.set_title(_direction(result, names[-1]), loc="left", fontsize=11)
    bar = axes.get_figure().colorbar(  # type: ignore[union-attr]
        ScalarMappable(Normalize(0, 1), _COLOURS), ax=axes, aspect=35, pad=0.01
    )
    bar.set_ticks([0, 1], labels=["low", "high"])
    bar.set_label("tag's value", labelpad=-12)
    bar.outline.set_visible(False)
    return _bare(axes)


def _strongest(result: Explanation, top: int) -> pd.DataFrame:
    """The strongest tags, without those that never move a score (unless none does)."""
    frame = result.to_frame()
    return frame[(frame["mean_abs_shap"] > 0) | (frame.index == 0)].head(top)


def _direction(result: Explanation, name: str) -> str:
    """Which way the strongest tag works, by the rank correlation of value and contribution."""
    column = result.tags.index(name)
    level = _ranks(result.values[:, column].astype(np.float64))
    known = ~np.isnan(level)
    share = result.to_frame()["importance_share"].iloc[0]
    told = f"{name} moves the score most ({share:.0%} of all)"
    if known.sum() > 2 and np.ptp(level[known]) > 0:
        together = np.corrcoef(level[known], _ranks(result.contributions[known, column]))[0, 1]
        if abs(together) > 0.5:
            return f"{told}: {'high' if together > 0 else 'low'} values raise it"
    return told


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Place of each value among the distinct ones' shares, 0 to 1; NaN stays NaN.

    Ranks rather than values, so that a few very rich customers do not leave all others one colour.
    """
    out = np.full(len(values), np.nan)
    known = ~np.isnan(values)
    if known.any():
        _, code, count = np.unique(values[known], return_inverse=True, return_counts=True)
        middle = np.cumsum(count) - (count + 1) / 2
        out[known] = (middle / max(known.sum() - 1, 1))[code]
    return out


def _spread(shap: NDArray[np.float64]) -> NDArray[np.float64]:
    """Heights that keep dots of about the same SHAP value apart, within ± 0.4."""
    width = max(float(np.ptp(shap)), 1e-12)
    place = np.minimum(((shap - shap.min()) / width * _BINS).astype(np.intp), _BINS - 1)
    order = np.argsort(place, kind="stable")
    count = np.bincount(place, minlength=_BINS)
    nth = np.empty(len(shap))
    nth[order] = np.arange(len(shap)) - np.repeat(np.cumsum(count) - count, count)
    # 0, 1, −1, 2, −2, …: from the middle line outwards.
    height = np.ceil(nth / 2) * np.where(nth % 2, 1, -1)
    return np.asarray(0.4 * height / max(float(count.max()) / 2, 8.0))


def _bare(axes: Axes) -> Axes:
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return axes
