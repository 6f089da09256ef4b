"""How results show themselves: one frame, one HTML table, one picture.

A result is a frozen dataclass that derives from `Result` and gives `to_frame()`. The names of the
frame's columns drive the formats, so that no result formats itself: ``rel_*`` and ``*_share`` are
percentages, ``*_cny`` is money, ``p_*`` is a p-value; ``*_ci_lower`` and ``*_ci_upper`` are the ends of
an interval and are shown behind their estimate.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_SHOWN_ROWS = 20
_LARGE = 10_000
_TINY = 1e-12


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

    shown = frame.head(_SHOWN_ROWS).reset_index(drop=True)
    shown.columns = shown.columns.map(str)
    # What rounding left of a zero is shown as zero; great_tables fails on the smallest floats.
    floats = [name for name in shown.columns if shown[name].dtype.kind == "f"]
    shown[floats] = shown[floats].where(shown[floats].abs() > _TINY, shown[floats] * 0)
    table = GT(shown)
    if title:
        table = table.tab_header(title=title)
    if len(frame) > _SHOWN_ROWS:
        table = table.tab_source_note(f"{_SHOWN_ROWS} of {len(frame):,} rows shown")
    columns: dict[str, list[str]] = {}
    for name in shown.columns:
        columns.setdefault(_format(name, shown[name]), []).append(name)
    if "percent" in columns:
        table = table.fmt_percent(columns=columns["percent"], decimals=2)
    if "cents" in columns:
        table = table.fmt_number(columns=columns["cents"], decimals=2)
    if "whole" in columns:
        table = table.fmt_integer(columns=columns["whole"])
    if "p" in columns:
        table = table.fmt(p_text, columns=columns["p"])
    if "digits" in columns:
        table = table.fmt_number(columns=columns["digits"], n_sigfig=4)
    table = table.sub_missing()
    for name in shown.columns:
        ends = [f"{name}_ci_lower", f"{name}_ci_upper"]
        if set(ends) <= set(shown.columns):
            table = table.cols_merge(columns=[name, *ends], pattern="{0} [{1}, {2}]")
    return str(table.as_raw_html())


def p_text(p: float) -> str:
    """A p-value; below one in ten thousand its digits say nothing."""
    return "—" if p != p else "< 0.0001" if p < 1e-4 else f"{p:.4f}"


def _format(name: str, values: pd.Series) -> str:
    """How a column is shown; an interval's ends like what they are the ends of."""
    if values.dtype.kind not in "iuf":
        return "as it is"
    estimate = name.removesuffix("_ci_lower").removesuffix("_ci_upper")
    if estimate.startswith("rel_") or estimate.endswith("_share"):
        return "percent"
    if "_cny" in estimate:
        return "cents"
    if values.dtype.kind in "iu":
        return "whole"
    if name.startswith("p_"):
        return "p"
    # Four digits of a large number would round away what a reader may want to add up.
    sizes = values.fillna(0).abs()
    large = (sizes >= _LARGE) & (sizes != float("inf"))
    return "cents" if large.any() else "digits"
