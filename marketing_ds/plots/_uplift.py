"""Pictures of uplift: the curve with its band, TOC, and the effect by group of the ranking."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from marketing_ds._core.estimate import Floats
from marketing_ds.uplift import UpliftCurve, UpliftGroups
from marketing_ds.uplift.curves.toc import TocCurve

from . import _uplift_checks as _uplift_checks
from . import _uplift_decisions as _uplift_decisions
from . import _uplift_explain as _uplift_explain
from . import _uplift_metrics as _uplift_metrics
from . import _uplift_money as _uplift_money
from . import _uplift_segments as _uplift_segments
from ._curves import BLUE, curve_with_band
from ._draw import axes_or_new, draw

_GREY = "#6b6b6b"


@draw.register
def _(result: UpliftCurve, ax: Axes | None = None, *, per: float = 1000.0, **_: Any) -> Axes:
    """V against the share treated, per `per` people, with its band and the random line."""
    ax = axes_or_new(ax)
    _banded(ax, result, per)
    end = per * result.average.value
    ax.plot([0, 1], [0, end], color=_GREY, linestyle="--", linewidth=1.2, label="at random")
    ax.axhline(0, color=_GREY, linewidth=0.6)
    ax.set_ylabel(f"extra outcome per {per:g} customers")
    qini = result.qini
    ax.set_title(
        f"Uplift of {result.arm} against {result.control}\n"
        f"Qini {per * qini.value:.2f} [{per * qini.ci_lower:.2f}, {per * qini.ci_upper:.2f}] "
        f"per {per:g} customers",
        loc="left",
        fontsize=10,
    )
    ax.legend(frameon=False, fontsize=8, loc="best")
    return _clean(ax)


@draw.register
def _(result: TocCurve, ax: Axes | None = None, *, per: float = 1000.0, **_: Any) -> Axes:
    """TOC against the share treated: how far the top does better than everyone.

    The first shares hold few customers, whose noise would be all there is to see: the axis follows
    the curve from the top 2 % on.
    """
    ax = axes_or_new(ax)
    low, high = _banded(ax, result, per)
    ax.axhline(0, color=_GREY, linestyle="--", linewidth=1.2, label="at random")
    calm = result.share >= min(0.02, result.share[-1])
    bottom = per * float(np.nanmin(np.append(low[calm], 0.0)))
    top = per * float(np.nanmax(np.append(high[calm], 0.0)))
    margin = 0.05 * (top - bottom) or 1.0
    ax.set_ylim(bottom - margin, top + margin)
    ax.set_ylabel(f"effect beyond the average,\nper {per:g} treated")
    autoc = result.autoc
    ax.set_title(
        f"Effect of {result.arm} at the top against everyone's (TOC)\n"
        f"AUTOC {per * autoc.value:.2f} [{per * autoc.ci_lower:.2f}, {per * autoc.ci_upper:.2f}] "
        f"per {per:g} treated",
        loc="left",
        fontsize=10,
    )
    ax.legend(frameon=False, fontsize=8, loc="best")
    return _clean(ax)


@draw.register
def _(result: UpliftGroups, ax: Axes | None = None, *, per: float = 1000.0, **_: Any) -> Axes:
    """Bars of the effect by group, with intervals, and the average as a line."""
    ax = axes_or_new(ax)
    frame = result.frame
    uplift = per * frame["uplift"].to_numpy()
    below = uplift - per * frame["uplift_ci_lower"].to_numpy()
    ax.bar(frame["group"], uplift, width=0.72, color=BLUE, alpha=0.75)
    ax.errorbar(
        frame["group"],
        uplift,
        yerr=np.nan_to_num(below),
        fmt="none",
        ecolor="#222222",
        elinewidth=1,
        capsize=3,
        label=f"{1 - result.alpha:.0%} interval",
    )
    average = per * result.average.value
    ax.axhline(average, color=_GREY, linestyle="--", linewidth=1.2, label=f"average {average:.1f}")
    ax.axhline(0, color=_GREY, linewidth=0.6)
    ax.set_xticks(frame["group"])
    ax.set_xlabel(f"{len(frame)} equal groups of customers, best score first")
    ax.set_ylabel(f"effect per {per:g} treated")
    ax.set_title(
        f"Effect of {result.arm} against {result.control}, by score", loc="left", fontsize=10
    )
    ax.legend(frameon=False, fontsize=8, loc="best")
    return _clean(ax)


def _banded(ax: Axes, result: UpliftCurve | TocCurve, per: float) -> tuple[Floats, Floats]:
    """The curve with its band against the share treated; the ends of its intervals, unscaled."""
    low, high = result.band()
    curve_with_band(ax, result.share, per * result.value, (per * low, per * high), result.alpha)
    ax.set_xlim(0, 1)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set_xlabel("share of customers treated, best score first")
    return low, high


def _clean(ax: Axes) -> Axes:
    ax.spines[["top", "right"]].set_visible(False)
    return ax
