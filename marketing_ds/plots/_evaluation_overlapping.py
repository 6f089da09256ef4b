"""Pictures of campaigns at once: alone and together, all pairs, and all of them at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.overlapping import InteractionMatrix, Interactions, UniversalEffect

from ._draw import axes_or_new, draw

_UP, _DOWN, _OPEN, _INK = "#1f5fa8", "#c8553d", "#8a8a8a", "#404040"
_STEPS = (
    ("effect_first", "first alone"),
    ("effect_second", "second alone"),
    ("effect_both", "both"),
    ("interaction", "beyond the sum"),
)


@draw.register
def draw_interactions(
    result: Interactions, ax: Axes | None = None, *, metric: str | None = None, **options: Any
) -> Axes:
    """Of one outcome, the effects of each campaign alone, of both, and what is beyond the sum.

    Parameters
    ----------
    metric : str, optional
        The first by default.
    """
    frame = result.to_frame()
    chosen = frame["metric"].iloc[0] if metric is None else metric
    rows = frame[frame["metric"] == chosen]
    if rows.empty:
        raise InvalidInput(
            f"metric must be one of {list(frame['metric'].unique())}, got {metric!r}"
        )
    axes = axes_or_new(ax, height=max(2.6, 1.25 * len(rows) + 1.3))
    labels = []
    place = 0.0
    for row in rows.to_dict("records"):
        for name, words in _STEPS:
            low, high = row[f"{name}_ci_lower"], row[f"{name}_ci_upper"]
            colour = _UP if low > 0 else _DOWN if high < 0 else _OPEN
            thick = 3.0 if name == "interaction" else 1.8
            axes.hlines(place, low, high, color=colour, linewidth=thick)
            axes.scatter([row[name]], [place], c=colour, s=40, zorder=3)
            arms = {"effect_first": row["first_arm"], "effect_second": row["second_arm"]}
            labels.append((place, f"{arms[name]} ({words})" if name in arms else words))
            place -= 1
        place -= 0.6
    axes.axvline(0, color=_INK, linewidth=0.8)
    axes.set_yticks([at for at, _ in labels], [words for _, words in labels])
    axes.set_xlabel(f"{chosen} a customer, against neither ({1 - result.alpha:.0%} interval)")
    title = f"{result.first} and {result.second}"
    colour = _DOWN if result.blocked else "black"
    axes.set_title(
        f"No verdict: {title}" if result.blocked else title, loc="left", fontsize=11, color=colour
    )
    _quiet(axes)
    return axes


@draw.register
def draw_matrix(result: InteractionMatrix, ax: Axes | None = None, **options: Any) -> Axes:
    """Every pair of campaigns: its strongest interaction in standard errors, a dot if it is sure."""
    names = list(result.campaigns)
    axes = axes_or_new(ax, width=1.6 + 0.8 * len(names), height=1.2 + 0.7 * len(names))
    grid = np.full((len(names), len(names)), np.nan)
    frame = result.to_frame()
    half = (frame["interaction_ci_upper"] - frame["interaction_ci_lower"]).to_numpy(float) / 3.92
    frame["z"] = np.divide(frame["interaction"], half, out=np.zeros(len(frame)), where=half > 0)
    for (first, second), part in frame.groupby(["first", "second"], sort=False):
        z = part["z"].to_numpy(float)
        i, j = names.index(str(second)), names.index(str(first))
        grid[i, j] = z[np.abs(z).argmax()]
        if (part["p_adjusted"] < result.alpha).any():
            axes.scatter([j], [i], c=_INK, s=30, zorder=3)
    image = axes.imshow(grid, cmap="RdBu", vmin=-4, vmax=4)
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    axes.spines[:].set_visible(False)
    figure = axes.get_figure(root=True)
    if figure is not None:
        figure.colorbar(image, ax=axes, shrink=0.7, label="interaction, standard errors")
    axes.set_title("Interactions (dot: sure after correction)", loc="left", fontsize=11)
    return axes


@draw.register
def draw_universal(result: UniversalEffect, ax: Axes | None = None, **options: Any) -> Axes:
    """What single campaigns add up to beside what they changed together; else relative effects."""
    blocked = "No verdict: " if result.blocked else ""
    if len(result.claims):
        axes = _claims(result, ax)
        title = "Campaigns one by one, and all together"
    else:
        axes = _relative(result, ax)
        title = "All campaigns together, against the universal control group"
    axes.set_title(blocked + title, loc="left", fontsize=11, color=_DOWN if blocked else "black")
    _quiet(axes)
    return axes


def _claims(result: UniversalEffect, ax: Axes | None) -> Axes:
    rows = result.claims.to_dict("records")
    axes = axes_or_new(ax, height=max(2.4, 1.1 * len(rows) + 1.2))
    labels = []
    for number, row in enumerate(rows):
        for step, (name, words, colour) in enumerate(
            (("claimed", "campaigns add up to", _OPEN), ("total", "all together", _UP))
        ):
            place = -(2.6 * number + step)
            axes.barh(place, row[name], height=0.7, color=colour, alpha=0.45)
            axes.hlines(place, row[f"{name}_ci_lower"], row[f"{name}_ci_upper"], color=_INK)
            labels.append((place, f"{row['metric']}: {words}"))
    axes.axvline(0, color=_INK, linewidth=0.8)
    axes.set_yticks([at for at, _ in labels], [words for _, words in labels])
    axes.set_xlabel(
        f"change in all, {result.start} to {result.end} ({1 - result.alpha:.0%} interval)"
    )
    return axes


def _relative(result: UniversalEffect, ax: Axes | None) -> Axes:
    frame = result.to_frame()
    ends = ["rel_effect_ci_lower", "rel_effect_ci_upper"]
    rows = frame[np.isfinite(frame[["rel_effect", *ends]]).all(axis=1)][::-1]
    axes = axes_or_new(ax, height=max(2.2, 0.45 * len(rows) + 1.4))
    place = np.arange(len(rows))
    low, high = (100 * rows[end].to_numpy() for end in ends)
    colours = list(np.where(low > 0, _UP, np.where(high < 0, _DOWN, _OPEN)))
    axes.hlines(place, low, high, colors=colours, linewidth=2)
    axes.scatter(100 * rows["rel_effect"], place, c=colours, s=42, zorder=3)
    axes.axvline(0, color=_INK, linewidth=0.8)
    axes.set_yticks(place, list(rows["metric"]))
    axes.set_xlabel(f"effect relative to the group, % ({1 - result.alpha:.0%} interval)")
    return axes


def _quiet(axes: Axes) -> None:
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#e5e5e5", linewidth=0.8)
    axes.set_axisbelow(True)
