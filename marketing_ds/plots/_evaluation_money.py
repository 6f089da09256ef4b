"""Pictures of money: profit of every arm, and promises beside what was delivered."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from marketing_ds.evaluation.ledger import CampaignLedger
from marketing_ds.evaluation.money import Roi
from marketing_ds.evaluation.money.words import chance, set_words, yuan

from ._draw import axes_or_new, draw

_UP, _DOWN, _OPEN, _INK = "#1f5fa8", "#c8553d", "#8a8a8a", "#404040"


@draw.register
def draw_roi(result: Roi, ax: Axes | None = None, **options: Any) -> Axes:
    """Incremental profit of every arm with its interval; beside it what came back per yuan."""
    rows = list(result)[::-1]
    axes = axes_or_new(ax, width=8.2, height=0.75 * len(rows) + 1.5)
    for place, each in enumerate(rows):
        profit, low, high = each.total_profit
        colour = _UP if low > 0 else _DOWN if high < 0 else _OPEN
        axes.hlines(place, low, high, colors=colour, linewidth=2.5)
        axes.scatter([profit], [place], c=colour, s=52, zorder=3)
        text = (
            f"{yuan(each.per_cny.value)} per yuan ({set_words(each.per_cny, 'en')}), "
            f"pays: {chance(each.break_even_probability)}"
        )
        axes.annotate(
            text, (profit, place), (0, 9), textcoords="offset points", ha="center", fontsize=8.5
        )
    axes.axvline(0, color=_INK, linewidth=0.8)
    axes.set_yticks(range(len(rows)), [each.arm for each in rows])
    axes.set_ylim(-0.6, len(rows) - 0.25)
    axes.margins(x=0.25)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: yuan(value)))
    level = f"{1 - result.settings.alpha:.0%}"
    axes.set_xlabel(f"incremental profit of all its customers, with {level} interval")
    title = "No verdict, see the checks" if result.blocked else "What the campaign earned"
    axes.set_title(title, loc="left", fontsize=11, color=_DOWN if result.blocked else "black")
    _plain(axes)
    axes.grid(axis="x", color="#e5e5e5", linewidth=0.8)
    return axes


@draw.register
def draw_ledger(
    result: CampaignLedger, ax: Axes | None = None, *, what: str = "outcome", **options: Any
) -> Axes:
    """Delivered against promised, an offer a point; the diagonal is a promise kept.

    Parameters
    ----------
    what : {"outcome", "net_cny", "over_time"}
        Outcomes, or net value in yuan; or how the part of the outcomes that was kept has changed
        from plan to plan.
    """
    if what == "over_time":
        return _over_time(result, ax)
    axes = axes_or_new(ax, width=6.4, height=5.0)
    frame = result.to_frame()
    rows = frame[np.isfinite(frame[f"delivered_{what}"].to_numpy(dtype=float))]
    found = result.outcome if what == "outcome" else result.net_value
    x, y = (rows[f"{side}_{what}"].to_numpy(dtype=float) for side in ("promised", "delivered"))
    low, high = (rows[f"delivered_{what}_ci_{e}"].to_numpy(dtype=float) for e in ("lower", "upper"))
    most = float(max([1e-9, *np.abs(x)])) * 1.1
    line = np.array([min(0.0, *x, 0.0), most])
    axes.plot(line, line, color=_INK, linewidth=0.9, linestyle="--", label="promise kept")
    if found.offers:
        axes.plot(line, found.factor * line, color=_UP, linewidth=1.8, label="what was delivered")
        axes.fill_between(line, found.lower * line, found.upper * line, color=_UP, alpha=0.13)
    axes.errorbar(x, y, yerr=[y - low, high - y], fmt="o", color=_UP, ecolor=_OPEN, capsize=0)
    for name, arm, at in zip(rows["plan"], rows["arm"], zip(x, y, strict=True), strict=True):
        axes.annotate(f"{name} {arm}", at, (6, 4), textcoords="offset points", fontsize=8)
    unit = "outcomes" if what == "outcome" else "net value, yuan"
    axes.set_xlabel(f"promised by the plan, {unit}")
    axes.set_ylabel("delivered, by the effects")
    axes.set_xlim(right=1.3 * most)
    axes.set_title("Promised and delivered", loc="left", fontsize=11)
    axes.axhline(0, color=_INK, linewidth=0.6)
    axes.legend(frameon=False, fontsize=9, loc="upper left")
    _plain(axes)
    return axes


def _over_time(result: CampaignLedger, ax: Axes | None) -> Axes:
    axes = axes_or_new(ax)
    looks = result.over_time
    days = looks["as_of"].astype(str).tolist()
    low, high = (
        looks[f"outcome_factor_ci_{end}"].to_numpy(dtype=float) for end in ("lower", "upper")
    )
    axes.fill_between(days, low, high, color=_UP, alpha=0.13)
    axes.plot(days, looks["outcome_factor"], color=_UP, linewidth=2, marker="o")
    axes.axhline(1.0, color=_INK, linewidth=0.9, linestyle="--")
    # Two offers tell so little that their interval would hide all that follows.
    most = max([1.0, *np.abs(looks["outcome_factor"])])
    axes.set_ylim(max(-most, min([0.0, *low])), min(2.5 * most, max([1.2, *high])))
    axes.set_xlabel("plans made by")
    axes.set_ylabel("delivered / promised")
    axes.set_title("How much of our promises is kept", loc="left", fontsize=11)
    _plain(axes)
    return axes


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
