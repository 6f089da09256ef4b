"""How results show themselves: one frame, one HTML table, one picture.

A result is a frozen dataclass that derives from `Result` and gives `to_frame()`. The names of the
frame's columns drive the formats, so that no result formats itself: ``rel_*`` and ``*_share`` are
percentages, ``*_cny`` is money, ``*_ci_lower`` and ``*_ci_upper`` are the ends of an interval.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_SHOWN_ROWS = 50


class Result:
    """Base of result objects: gives `_repr_html_` and `.plot(ax=None)` on top of `to_frame()`."""

    def to_frame(self) -> pd.DataFrame:
        """The result as a small pandas frame."""
        raise TypeError(f"{type(self).__name__} has no frame")

    def _repr_html_(self) -> str:
        return frame_html(self.to_frame(), title=type(self).__name__)

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the result; returns the matplotlib axes.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure by default.
        """
        # By name, since no stage may import `plots`: drawing lies downstream of every stage.
        axes: Axes = importlib.import_module("marketing_ds.plots").draw(self, ax=ax, **options)
        return axes


def frame_html(frame: pd.DataFrame, *, title: str | None = None) -> str:
    """One HTML table, its columns formatted by their names."""
    from great_tables import GT

    table = GT(frame.head(_SHOWN_ROWS).reset_index(drop=True))
    if title:
        table = table.tab_header(title=title)
    if len(frame) > _SHOWN_ROWS:
        table = table.tab_source_note(f"{_SHOWN_ROWS} of {len(frame):,} rows shown")
    numeric = frame.select_dtypes("number").columns
    percent = [c for c in numeric if c.startswith("rel_") or c.endswith("_share")]
    money = [c for c in numeric if "_cny" in c and c not in percent]
    whole = [c for c in numeric if frame[c].dtype.kind in "iu" and c not in money]
    rest = [c for c in numeric if c not in {*percent, *money, *whole}]
    if percent:
        table = table.fmt_percent(columns=percent, decimals=2)
    if money:
        table = table.fmt_number(columns=money, decimals=2)
    if whole:
        table = table.fmt_integer(columns=whole)
    if rest:
        table = table.fmt_number(columns=rest, n_sigfig=4)
    return str(table.sub_missing().as_raw_html())
