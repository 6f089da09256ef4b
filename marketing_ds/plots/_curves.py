"""The curve of a score with the band of its intervals: what pictures of uplift and of money share."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from marketing_ds._core.estimate import Floats

BLUE = "#1f5fa8"
_POINTS = 501
"""As many as a picture can show; a curve has one a customer."""


def curve_with_band(
    axes: Axes, at: Floats, value: Floats, ends: tuple[Floats, Floats], alpha: float
) -> None:
    """Draw `value` against `at`, with the area between the lower and the upper ends."""
    shown = np.unique(np.linspace(0, len(at) - 1, _POINTS).astype(int))
    axes.fill_between(
        at[shown],
        *(end[shown] for end in ends),
        color=BLUE,
        alpha=0.18,
        linewidth=0,
        label=f"{1 - alpha:.0%} interval, point by point",
    )
    axes.plot(at[shown], value[shown], color=BLUE, linewidth=1.8, label="by score")
