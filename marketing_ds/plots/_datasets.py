"""The simulated bank's picture: what each arm of each campaign really does."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from marketing_ds.datasets.simulated import Truth

from ._draw import axes_or_new, draw


@draw.register
def _truth(result: Truth, ax: Axes | None = None, **options: Any) -> Axes:
    """Expected conversion of control and of each offer, campaign by campaign."""
    axes = axes_or_new(ax, height=5.0)
    frame = result.to_frame()
    place, ticks, labels = 0.0, [], []
    for campaign, arms in frame.groupby("campaign_id"):
        control = float(arms.loc[arms["arm"] == "control", "expected_converted"].iloc[0])
        offers = arms[arms["arm"] != "control"]
        places = [place + step for step in range(len(offers))]
        axes.hlines(places, control, offers["expected_converted"], color="0.75", zorder=1)
        axes.scatter(
            [control] * len(offers), places, color="0.55", label=None if place else "control"
        )
        axes.scatter(
            offers["expected_converted"], places, color="C0", label=None if place else "offer"
        )
        ticks += places
        labels += [f"{campaign}  {arm}" for arm in offers["arm"]]
        place += len(offers) + 0.6
    axes.set_yticks(ticks, labels)
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlim(left=0)
    axes.set_xlabel("expected conversion of the participants")
    axes.set_title("What each offer really does")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower left")
    return axes
