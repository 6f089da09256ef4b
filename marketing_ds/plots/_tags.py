"""Pictures of tags: which ones moved, and which are half empty."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, PercentFormatter

from marketing_ds._core.checks import check_count
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.stability import ALARM_PSI, WATCH_PSI
from marketing_ds.tags import TagQuality

from ._draw import axes_or_new, draw

_COLOURS = {"alarm": "#c8553d", "watch": "#d9a441", "ok": "#1f5fa8"}
_INK = "#404040"
_LEAST_PSI = 1e-3


@draw.register
def draw_quality(
    result: TagQuality, ax: Axes | None = None, *, top: int = 20, **options: Any
) -> Axes:
    """Against an earlier table, the tags that moved most; else the tags with least coverage.

    Parameters
    ----------
    top : int
        How many tags.
    """
    check_count("top", top, low=1)
    if result.previous_count is None:
        return _draw_coverage(result, ax, top)
    return _draw_drift(result, ax, top)


def _draw_drift(result: TagQuality, ax: Axes | None, top: int) -> Axes:
    """PSI as bars, the thresholds as lines, what chance alone may give as ticks."""
    frame = result.to_frame().dropna(subset=["psi"])
    if frame.empty:
        raise InvalidInput("there is no tag with a PSI to draw; use .to_frame()")
    frame = frame.nlargest(top, "psi").iloc[::-1]
    axes = axes_or_new(ax, width=8.0, height=max(2.4, 0.3 * len(frame) + 1.5))
    place = np.arange(len(frame))
    # From a thousandth to tens: on a straight axis the thresholds would melt into the frame.
    psi = frame["psi"].clip(lower=_LEAST_PSI)
    axes.set_xscale("log")
    axes.set_xlim(_LEAST_PSI, max(2.0, float(psi.max()) * 1.3))
    axes.barh(
        place, psi - _LEAST_PSI, left=_LEAST_PSI, height=0.62, color=frame["status"].map(_COLOURS)
    )
    axes.plot(frame["psi_by_chance"].clip(lower=_LEAST_PSI), place, "|", color=_INK, markersize=9)
    for line, words in ((WATCH_PSI, "watch"), (ALARM_PSI, "alarm")):
        axes.axvline(line, color=_INK, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.text(
            line, 1.0, words, color=_INK, fontsize=8, va="bottom", ha="center",
            transform=axes.get_xaxis_transform(),
        )  # fmt: skip
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.minorticks_off()
    moved = f"{result.previous_count:,} → {result.count:,} rows"
    axes.set_title(f"What moved since the last table ({moved})", loc="left", pad=18)
    axes.set_xlabel(
        "PSI, log scale: below 0.1 stable, from 0.25 another distribution\n"
        "black marks: what chance alone exceeds once in 1,000"
    )
    return _named(axes, place, list(frame["tag"]))


def _draw_coverage(result: TagQuality, ax: Axes | None, top: int) -> Axes:
    """Share of rows with a value as bars."""
    frame = result.to_frame().nsmallest(top, "coverage_share").iloc[::-1]
    axes = axes_or_new(ax, width=8.0, height=max(2.4, 0.3 * len(frame) + 1.2))
    place = np.arange(len(frame))
    axes.barh(place, frame["coverage_share"], height=0.62, color=frame["status"].map(_COLOURS))
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_title(f"Tags with least coverage, of {result.count:,} rows", loc="left")
    axes.set_xlabel("Share of rows with a value")
    return _named(axes, place, list(frame["tag"]))


def _named(axes: Axes, place: np.ndarray, names: list[str]) -> Axes:
    axes.set_yticks(place, names)
    axes.set_ylim(-0.7, len(names) - 0.3)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#e0e0e0", linewidth=0.6)
    axes.set_axisbelow(True)
    return axes
