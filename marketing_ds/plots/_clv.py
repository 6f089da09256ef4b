"""Pictures of customer lifetime value: who is there, whether it fits, where the value is."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from marketing_ds._core.checks import check_choice, check_count, check_number
from marketing_ds.profiling import (
    BetaGeo,
    FrequencyFit,
    GammaGamma,
    LifetimeValue,
    PurchaseTracking,
)

from ._draw import axes_or_new, draw

_ACTUAL, _EXPECTED, _INK, _GRID = "#404040", "#1f5fa8", "#404040", "#e5e5e5"
_YEAR = {"week": 52.0, "day": 365.0}


@draw.register
def draw_beta_geo(
    result: BetaGeo,
    ax: Axes | None = None,
    *,
    value: str = "p_alive",
    T: float | None = None,
    horizon: float | None = None,
    most: int = 20,
    **options: Any,
) -> Axes:
    """P(alive), or the purchases expected, by number and date of the last repeat purchase.

    Parameters
    ----------
    value : {"p_alive", "expected_purchases"}
        What the colour shows.
    T : float, optional
        How long ago the first purchase was; a year by default.
    horizon : float, optional
        How far ahead purchases are expected; as far as `T` by default.
    most : int
        The greatest number of repeat purchases shown.
    """
    check_choice("value", value, ("p_alive", "expected_purchases"))
    check_count("most", most, low=1, high=1000)
    age = check_number(
        "T", _YEAR[result.unit] if T is None else T, low=0, high=1e6, inclusive=False
    )
    ahead = age if horizon is None else horizon
    axes = axes_or_new(ax, width=7.4)
    edges = np.linspace(0, age, 105)
    middle, counts = (edges[1:] + edges[:-1]) / 2, np.arange(1, most + 1)
    recency, frequency = (grid.ravel() for grid in np.meshgrid(middle, counts))
    if value == "p_alive":
        shown = result.p_alive(frequency, recency, age)
        title, words = "Who is still a customer", "P(alive)"
    else:
        shown = result.expected_purchases(frequency, recency, age, horizon=ahead)
        title, words = "Who will buy how often", f"purchases expected in {ahead:g} {result.unit}s"
    image = axes.pcolormesh(
        edges, np.arange(most + 1) + 0.5, shown.reshape(most, -1), cmap="YlGnBu", vmin=0,
        vmax=1 if value == "p_alive" else None, rasterized=True,
    )  # fmt: skip
    bar = axes.figure.colorbar(image, ax=axes, pad=0.02)
    bar.set_label(words)
    bar.outline.set_visible(False)
    axes.set_title(f"{title}, {age:g} {result.unit}s after the first purchase", loc="left")
    axes.set_xlabel(f"{result.unit}s from the first purchase to the last")
    axes.set_ylabel("repeat purchases")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
    return axes


@draw.register
def draw_gamma_gamma(result: GammaGamma, ax: Axes | None = None, **options: Any) -> Axes:
    """What is expected against what was seen, by number of purchases."""
    axes = axes_or_new(ax)
    mean = float(result.expected_value(0, 0)[0])
    seen = np.linspace(0.02, 3, 100) * mean
    for count, shade in ((20, 1.0), (5, 0.7), (2, 0.5), (1, 0.3)):
        expected = result.expected_value(count, seen)
        label = f"{count} repeat purchase{'s' if count > 1 else ''}"
        axes.plot(seen, expected, color=_EXPECTED, alpha=shade, lw=2, label=label)
    axes.axhline(mean, color="0.6", ls="--", lw=1)
    axes.annotate(
        f"mean of all customers: {mean:,.2f}", (seen[-1], mean), xytext=(0, -4),
        textcoords="offset points", va="top", ha="right", fontsize=9, color="0.4",
    )  # fmt: skip
    axes.set(xlim=(0, seen[-1]), ylim=(0, None))
    axes.legend(frameon=False, loc="upper left")
    axes.set_title("What a customer's next purchase will be worth", loc="left")
    axes.set_xlabel("mean value of the customer's purchases so far")
    axes.set_ylabel("expected value of the next")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    _bare(axes)
    return axes


@draw.register
def draw_frequency_fit(result: FrequencyFit, ax: Axes | None = None, **options: Any) -> Axes:
    """Customers by number of repeat purchases: actual beside expected."""
    axes = axes_or_new(ax)
    frame = result.to_frame()
    place = np.arange(len(frame))
    axes.bar(place - 0.2, frame["actual"], 0.38, color="#9aa5b1", label="actual")
    axes.bar(place + 0.2, frame["expected"], 0.38, color=_EXPECTED, label="expected by the model")
    axes.set_xticks(place, frame["repeat_purchases"])
    p = f", p = {result.p_value:.2g}" if result.degrees else ""
    axes.set_title(f"Does the model fit? χ² = {result.chi2:,.2f}{p}", loc="left")
    axes.set_xlabel("repeat purchases")
    axes.set_ylabel("customers")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    axes.legend(frameon=False)
    _bare(axes)
    return axes


@draw.register
def draw_tracking(
    result: PurchaseTracking, ax: Axes | None = None, *, total: bool = False, **options: Any
) -> Axes:
    """Repeat purchases a week, actual and expected; behind the line nothing was known to the model.

    Parameters
    ----------
    total : bool
        Whether purchases are summed up from the start.
    """
    axes = axes_or_new(ax, width=8.0)
    frame = result.to_frame()
    end = "_total" if total else ""
    axes.plot(frame["week"], frame[f"actual{end}"], color=_ACTUAL, lw=1.4, label="actual")
    axes.plot(
        frame["week"],
        frame[f"expected{end}"],
        color=_EXPECTED,
        lw=2.2,
        label="expected by the model",
    )
    fitted = int((~frame["holdout"]).sum())
    axes.axvspan(fitted + 0.5, frame["week"].max() + 0.5, color="#f3f3f3", zorder=0)
    axes.annotate(
        f"hold-out, off by {result.holdout_error:+.1%}", (fitted + 0.5, 1), xycoords=("data", "axes fraction"),
        xytext=(6, -6), textcoords="offset points", va="top", fontsize=9, color="0.35",
    )  # fmt: skip
    axes.set(xlim=(frame["week"].min() - 0.5, frame["week"].max() + 0.5), ylim=(0, None))
    axes.set_title(f"Repeat purchases of {result.customers:,} customers", loc="left")
    axes.set_xlabel("week since the first of them came")
    axes.set_ylabel("purchases up to the week" if total else "purchases in the week")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    axes.legend(frameon=False, loc="lower right")
    _bare(axes)
    return axes


@draw.register
def draw_lifetime_value(result: LifetimeValue, ax: Axes | None = None, **options: Any) -> Axes:
    """Which share of the value lies with which share of the customers, the most valuable first."""
    axes = axes_or_new(ax)
    value = np.sort(result.to_frame()["clv_cny"].to_numpy())[::-1]
    held = np.concatenate([[0.0], value.cumsum()]) / max(value.sum(), np.finfo(float).tiny)
    share = np.linspace(0, 1, len(held))
    shown = np.unique(np.linspace(0, len(held) - 1, 500).astype(int))
    axes.plot(share[shown], held[shown], color=_EXPECTED, lw=2.2)
    axes.plot([0, 1], [0, 1], color="0.6", ls="--", lw=1)
    fifth = float(np.interp(0.2, share, held))
    axes.plot([0.2], [fifth], "o", color=_EXPECTED)
    axes.annotate(
        f"the top 20% hold {fifth:.0%}", (0.2, fifth), xytext=(10, -4), textcoords="offset points",
        va="top", color=_INK,
    )  # fmt: skip
    total = result.total_cny
    interval = "" if np.isnan(total.se) else f" ({total.ci_lower:,.0f} to {total.ci_upper:,.0f})"
    axes.set_title(
        f"Lifetime value over {result.months} months: {total.value:,.0f} CNY{interval}",
        loc="left",
        fontsize=11,
    )
    axes.set_xlabel(f"share of the {len(value):,} customers, the most valuable first")
    axes.set_ylabel("share of the value")
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))
    _bare(axes)
    return axes


def _bare(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
