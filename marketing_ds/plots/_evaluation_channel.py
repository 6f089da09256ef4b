"""Pictures of channels: activity, retention triangle, use, worth, attribution."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, PercentFormatter

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.channel import (
    ArmRetention,
    ChannelActivity,
    ChannelAnalysis,
    ChannelRetention,
    ChannelUse,
    ChannelWorth,
    HoldoutAttribution,
    ProductsHeld,
    TouchAttribution,
)

from ._draw import axes_or_new, draw, tidy

_UP, _DOWN, _OPEN, _INK, _GRID = "#1f5fa8", "#c8553d", "#8a8a8a", "#404040", "#e5e5e5"
_LINES = {"mau": "#b4bdc7", "wau": "#5d8fc4", "dau": "#1f5fa8"}
_METHODS = {
    "shapley": "#1f5fa8", "markov": "#3f8f8b", "linear": "#8aa84f", "first": "#d1a23c",
    "last": "#c8553d",
}  # fmt: skip


@draw.register
def draw_channels(result: ChannelAnalysis, ax: Axes | None = None, **options: Any) -> Axes:
    """Active customers of all channels; the other parts have pictures of their own."""
    return draw_activity(result.activity, ax=ax, **options)


@draw.register
def draw_activity(
    result: ChannelActivity, ax: Axes | None = None, *, channel: str = "all", **options: Any
) -> Axes:
    """Daily, weekly and monthly active customers as lines.

    Parameters
    ----------
    channel : str
        Which channel; all together by default.
    """
    rows = _of_channel(result.to_frame(), channel)
    axes = axes_or_new(ax, width=8.0)
    for name, colour in _LINES.items():
        axes.plot(rows["date"], rows[name], color=colour, linewidth=2)
        known = rows.dropna(subset=name)
        if len(known):
            last = known.iloc[-1]
            axes.annotate(
                name.upper(), (last["date"], last[name]), (5, 0),
                textcoords="offset points", va="center", color=colour, fontsize=9,
            )  # fmt: skip
    axes.set_ylim(bottom=0)
    axes.margins(x=0.02)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.tick_params(axis="x", labelrotation=30)
    axes.set_title(f"Active customers, {_named(channel)}", loc="left", fontsize=11)
    return tidy(axes, "y")


@draw.register
def draw_retention(
    result: ChannelRetention, ax: Axes | None = None, *, channel: str = "all", **options: Any
) -> Axes:
    """The cohort triangle: the deeper the blue, the more of the cohort came back.

    Parameters
    ----------
    channel : str
        Which channel; all together by default.
    """
    rows = _of_channel(result.triangle(), channel)
    cohorts = list(rows["cohort"].unique())
    periods = sorted(rows["period"].unique())
    grid = rows.pivot(index="cohort", columns="period", values="retained_share").loc[cohorts]
    axes = axes_or_new(
        ax, width=1.8 + 0.55 * max(len(periods), 5), height=1.4 + 0.34 * max(len(cohorts), 3)
    )
    shares = grid.to_numpy(float)
    most = float(np.nanmax(shares, initial=0.01))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.5 * most, aspect="auto")
    for y, x in zip(*np.nonzero(np.isfinite(shares)), strict=True):
        axes.text(x, y, f"{100 * shares[y, x]:.0f}", ha="center", va="center", fontsize=8)
    axes.set_yticks(range(len(cohorts)), [_named(str(c), "all cohorts") for c in cohorts])
    axes.set_xticks(range(len(periods)), [str(p) for p in periods])
    unit = "weeks" if result.cohort == "week" else "months (30 days)"
    axes.set_xlabel(f"{unit} after the first use")
    axes.set_title(f"Came back, % of cohort, {_named(channel)}", loc="left", fontsize=11)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return axes


@draw.register
def draw_use(result: ChannelUse, ax: Axes | None = None, **options: Any) -> Axes:
    """Customers by channel, the new ones apart."""
    rows = result.to_frame()[::-1]
    axes = axes_or_new(ax, height=1.3 + 0.42 * len(rows))
    place = np.arange(len(rows))
    old = rows["customers"] - rows["new_customers"]
    axes.barh(place, old, color=_OPEN, label="used it before", height=0.62)
    axes.barh(place, rows["new_customers"], left=old, color=_UP, label="new", height=0.62)
    axes.set_yticks(place, [_named(channel) for channel in rows["channel"]])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_xlabel("customers")
    axes.set_title(f"Use from {result.start} to {result.end}", loc="left", fontsize=11)
    axes.legend(frameon=False, fontsize=9)
    return tidy(axes, "x")


@draw.register
def draw_products(result: ProductsHeld, ax: Axes | None = None, **options: Any) -> Axes:
    """Products per customer by channels used, with intervals."""
    rows = result.to_frame()[::-1]
    axes = axes_or_new(ax, height=1.3 + 0.42 * len(rows))
    _points(axes, rows, "products_per_customer", np.full(len(rows), _UP))
    axes.set_yticks(range(len(rows)), [_named(channel) for channel in rows["channel"]])
    axes.set_xlabel("products per customer")
    axes.set_title(f"Products held on {result.snapshot}, by channel used", loc="left", fontsize=11)
    return tidy(axes, "x")


@draw.register
def draw_worth(result: ChannelWorth, ax: Axes | None = None, **options: Any) -> Axes:
    """Contribution by channel."""
    frame = result.to_frame()
    rows = frame[frame["channel"] != "all"][::-1]
    axes = axes_or_new(ax, height=1.3 + 0.42 * len(rows))
    worth = rows["contribution_cny"].to_numpy(float)
    axes.barh(np.arange(len(rows)), worth, color=list(np.where(worth < 0, _DOWN, _UP)), height=0.62)
    axes.set_yticks(range(len(rows)), list(rows["channel"]))
    axes.axvline(0, color=_INK, linewidth=0.8)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"¥{value:,.0f}"))
    axes.set_title("Revenue less contact cost, by channel", loc="left", fontsize=11)
    return tidy(axes, "x")


@draw.register
def draw_touches(result: TouchAttribution, ax: Axes | None = None, **options: Any) -> Axes:
    """Shares of credit by channel, a bar a method; descriptive."""
    frame = result.to_frame()
    channels = list(frame["channel"].unique())[::-1]
    axes = axes_or_new(ax, width=8.0, height=1.6 + 0.75 * len(channels))
    wide = 0.8 / len(_METHODS)
    for number, (method, colour) in enumerate(_METHODS.items()):
        rows = frame[frame["method"] == method].set_index("channel").loc[channels]
        place = np.arange(len(channels)) + 0.4 - wide * (number + 0.5)
        axes.barh(place, rows["credit_share"], height=wide, color=colour, label=method)
        low, high = (rows[f"credit_share_ci_{end}"].to_numpy(float) for end in ("lower", "upper"))
        axes.hlines(place, low, high, colors=_INK, linewidth=0.9)
    axes.set_yticks(range(len(channels)), channels)
    axes.axvline(0, color=_INK, linewidth=0.8)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlabel(f"share of credit, with {1 - result.alpha:.0%} interval")
    axes.set_title(
        "Descriptive, no hold-out: channels that touched buyers", loc="left", fontsize=11
    )
    axes.legend(frameon=False, fontsize=9, loc="lower right")
    return tidy(axes, "x")


@draw.register
def draw_holdout(
    result: HoldoutAttribution, ax: Axes | None = None, *, metric: str | None = None, **options: Any
) -> Axes:
    """What each channel added against the hold-out, with intervals.

    Parameters
    ----------
    metric : str, optional
        ``converted`` or ``amount_cny``; by default the first that there is.
    """
    frame = result.to_frame()
    chosen = str(frame["metric"].iloc[0]) if metric is None else metric
    rows = frame[frame["metric"] == chosen][::-1]
    if rows.empty:
        known = ", ".join(map(repr, frame["metric"].unique()))
        raise InvalidInput(f"metric must be one of {known}, got {chosen!r}")
    axes = axes_or_new(ax, height=1.5 + 0.5 * len(rows))
    _points(axes, rows, "incremental", _colours(rows, result.alpha))
    pairs = zip(rows["channel"], rows["arm"], strict=True)
    names = [str(c) if arm == "all" else f"{c} · {arm}" for c, arm in pairs]
    axes.set_yticks(range(len(rows)), names)
    axes.axvline(0, color=_INK, linewidth=0.8)
    unit = "CNY" if chosen.endswith("_cny") else "customers"
    axes.set_xlabel(f"added {chosen} ({unit}), with {1 - result.alpha:.0%} interval")
    title = "Sample-ratio mismatch: do not believe" if result.blocked else "Added, against hold-out"
    axes.set_title(title, loc="left", fontsize=11, color=_DOWN if result.blocked else "black")
    return tidy(axes, "x")


@draw.register
def draw_arm_retention(result: ArmRetention, ax: Axes | None = None, **options: Any) -> Axes:
    """Difference in retention of every arm by day, with intervals."""
    rows = result.to_frame()[::-1]
    axes = axes_or_new(ax, height=1.5 + 0.4 * len(rows))
    _points(axes, rows, "effect", _colours(rows, result.alpha))
    axes.set_yticks(range(len(rows)), [f"day {r.day} · {r.arm}" for r in rows.itertuples()])
    axes.axvline(0, color=_INK, linewidth=0.8)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel(
        f"active again, difference to control, {1 - result.alpha:.0%} interval "
        "(grey: not shown after Holm)"
    )
    axes.set_title("Retention after the assignment", loc="left", fontsize=11)
    return tidy(axes, "x")


def _of_channel(frame: pd.DataFrame, channel: str) -> pd.DataFrame:
    rows = frame[frame["channel"] == channel]
    if rows.empty:
        known = ", ".join(map(repr, frame["channel"].unique())) or "none"
        raise InvalidInput(f"channel must be one with rows ({known}), got {channel!r}")
    return rows


def _named(name: str, everything: str = "all channels") -> str:
    return everything if name == "all" else name


def _points(axes: Axes, rows: pd.DataFrame, name: str, colours: Any) -> None:
    """Estimates with their intervals, one a line."""
    place = np.arange(len(rows))
    axes.hlines(
        place,
        rows[f"{name}_ci_lower"].to_numpy(float),
        rows[f"{name}_ci_upper"].to_numpy(float),
        colors=list(colours),
        linewidth=2,
    )
    axes.scatter(rows[name].to_numpy(float), place, c=list(colours), s=40, zorder=3)
    axes.set_ylim(-0.6, len(rows) - 0.4)


def _colours(rows: pd.DataFrame, alpha: float) -> Any:
    sure = (rows["p_adjusted"] < alpha).to_numpy()
    return np.where(~sure, _OPEN, np.where(rows["effect"] > 0, _UP, _DOWN))
