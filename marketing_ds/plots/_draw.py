"""The one function that draws any result."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

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
    raise InvalidInput(f"there is no picture of a {type(result).__name__}; use .to_frame()")


def axes_or_new(ax: Axes | None, *, width: float = 7.0, height: float = 4.2) -> Axes:
    """`ax`, or the axes of a new figure."""
    if ax is not None:
        return ax
    _, new = plt.subplots(figsize=(width, height), layout="constrained")
    return new
