"""Daily, weekly and monthly active customers, and how sticky a channel is.

Active within W days on day d is who used the channel on one of the days d − W + 1 … d.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import ibis
import numpy as np
import pandas as pd

from marketing_ds._core.display import Result
from marketing_ds._core.estimate import wilson

from .customers import DAY_BITS, MONTH_BITS, WEEK_BITS, seen
from .moments import Pair, ratios, sums
from .use import in_order, put
from .window import MONTH, WEEK, Window

_COLUMNS = (DAY_BITS, WEEK_BITS, MONTH_BITS)
_NAMES = ["channel", "date", "dau", "wau", "mau"]
_STICKY: dict[str, Pair] = {
    "stickiness_share": ("settled_days", "month_days"),
    "week_stickiness_share": ("settled_days", "week_days"),
}


@dataclass(frozen=True)
class ChannelActivity(Result):
    """Daily (DAU), weekly (WAU) and monthly (MAU) active customers by channel and day.

    Attributes
    ----------
    alpha : float
        1 − confidence of the intervals.
    """

    alpha: float
    _frame: pd.DataFrame = field(repr=False)
    _summary: pd.DataFrame = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row per channel and day: dau, wau (7 days), mau (30 days), stickiness_share.

        Stickiness is dau / mau with Wilson's interval: the share of the month's customers who
        came today. wau and mau are missing on days whose 7 or 30 days begin before the mart's
        first event.
        """
        return self._frame.copy()

    def summary(self) -> pd.DataFrame:
        """One row a channel: mean dau, wau and mau of the window's days, and stickiness.

        Stickiness is Σ dau / Σ mau (`week_stickiness_share`: Σ dau / Σ wau) over the days on which
        mau is known; its interval has customers as the unit (delta method).
        """
        return self._summary.copy()


def channel_activity(customers: ibis.Table, window: Window, alpha: float) -> ChannelActivity:
    """From bits to distinct customers by channel and day: two small queries."""
    days = seen(window)
    numbers = {
        f"{bits}_{day}": days.on(customers, bits, day).sum()
        for bits in _COLUMNS
        for day in range(window.length)
    }
    asked = customers.group_by("channel").aggregate(**numbers)
    found: pd.DataFrame = in_order(asked.to_pyarrow().to_pandas())
    parts = [_days(row, window, alpha) for _, row in found.iterrows()]
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=_NAMES)
    return ChannelActivity(alpha, frame, _summary(customers, frame, alpha))


def _days(row: pd.Series[float], window: Window, alpha: float) -> pd.DataFrame:
    day = np.arange(window.length)
    begins = (window.history_from - window.start).days
    dau, wau, mau = (np.array([row[f"{bits}_{d}"] for d in day], float) for bits in _COLUMNS)
    frame = pd.DataFrame(
        {
            "channel": row["channel"],
            "date": [window.date(int(d)) for d in day],
            "dau": dau.astype(int),
            "wau": np.where(day - WEEK + 1 >= begins, wau, np.nan),
            "mau": np.where(day - MONTH + 1 >= begins, mau, np.nan),
        }
    )
    known = frame["mau"].to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        share = dau / known
    put(frame, "stickiness_share", share, *wilson(dau, known, alpha=alpha))
    return frame


def _summary(customers: ibis.Table, frame: pd.DataFrame, alpha: float) -> pd.DataFrame:
    means = frame.groupby("channel")[["dau", "wau", "mau"]].mean().reset_index()
    asked = customers.group_by("channel").aggregate(
        **sums(customers, _STICKY, customers.month_days > 0)
    )
    found: pd.DataFrame = asked.to_pyarrow().to_pandas()
    table = in_order(means.merge(found, on="channel"))
    summary = table[["channel", "dau", "wau", "mau"]].copy()
    summary.columns = pd.Index(["channel", "mean_dau", "mean_wau", "mean_mau"])
    for name in _STICKY:
        put(summary, name, *ratios(table, name, alpha))
    return summary
