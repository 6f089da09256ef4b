"""The one function that draws any result."""

from __future__ import annotations

import importlib
import importlib.util
from functools import singledispatch
from pathlib import Path
from typing import Any, Literal, cast

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from marketing_ds._core.errors import InvalidInput


@singledispatch
def draw(result: object, ax: Axes | None = None, **options: Any) -> Axes:
    """Draw a result object; each room registers how in ``plots/_<room>.py``.

    Parameters
    ----------
    result : Result
        What a stage returned.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Raises
    ------
    InvalidInput
        If nobody has taught `draw` this type.
    """
    kind = type(result)
    # The pictures of a room are loaded when its first result is drawn: they import their stage.
    room = [*kind.__module__.split("."), ""][1]
    picture = f"{__package__}._{room}"
    if room and importlib.util.find_spec(picture):
        importlib.import_module(picture)
    taught = draw.dispatch(kind)
    if taught is draw.dispatch(object):
        raise InvalidInput(f"there is no picture of a {kind.__name__}; use .to_frame()")
    axes: Axes = taught(result, ax=ax, **options)
    return axes


def save(result: object, path: str | Path, **options: Any) -> Path:
    """Draw a result into a file and close the figure; the ending of the name says the format.

    Parameters
    ----------
    result : Result
        What a stage returned.
    path : str or Path
        ``….png``, ``….svg`` or ``….pdf``; one that is there is replaced.

    Raises
    ------
    InvalidInput
        If there is no picture of it.
    """
    # matplotlib's types allow for axes that were removed from their figure.
    figure = cast("Figure", draw(result, **options).get_figure(root=True))
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return Path(path)


def axes_or_new(ax: Axes | None, *, width: float = 7.0, height: float = 4.2) -> Axes:
    """`ax`, or the axes of a new figure."""
    if ax is not None:
        return ax
    _, new = plt.subplots(figsize=(width, height), layout="constrained")
    return new


def tidy(axes: Axes, grid: Literal["x", "y", "both"] = "x") -> Axes:
    """The house's axes: no frame above and to the right, a light grid behind what is drawn."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis=grid, color="#e5e5e5", linewidth=0.8)
    axes.set_axisbelow(True)
    return axes
