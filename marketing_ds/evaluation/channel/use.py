"""How much each channel is used, by whom, and how often they come back."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import ibis
import numpy as np
import pandas as pd
from scipy.stats import binom

from marketing_ds._core.display import Result
from marketing_ds._core.estimate import wilson

from .customers import ALL
from .moments import Pair, ratios, sums
from .window import Window

_PER_USER: dict[str, Pair] = {
    "active_days_per_customer": ("active_days", None),
    "launches_per_customer": ("launches", None),
    "pages_per_customer": ("pages", None),
    "minutes_per_customer": ("minutes", None),
    "days_between_uses": ("gap_days", "gaps"),
}


@dataclass(frozen=True)
class ChannelUse(Result):
    """Use by channel within the window; `all` is use of any channel.

    Attributes
    ----------
    start, end : datetime.date
        The window, both days included.
    history_from : datetime.date
        The first day with an event: who is new, is new since then.
    alpha : float
        1 − confidence of the intervals.
    """

    start: dt.date
    end: dt.date
    history_from: dt.date
    alpha: float
    _frame: pd.DataFrame = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row a channel.

        - customers, new_customers (first use ever within the window) and new_share of customers;
        - before_customers (used it in as many days before the window), kept_customers (of them,
          used it within the window) and kept_share: retained customers;
        - launches, pages (views) and hours, and per customer active days, launches, pages, minutes;
        - days_between_uses: mean days from a customer's active day to the next, both within the
          window, with customers as the unit of its interval; median_days_between_uses: half of
          those who came back did so, on average, within so many days (the lower median, its
          interval from order statistics). Gaps that the window cuts off are not seen, so both are
          too short where gaps are long against it.
        """
        return self._frame.copy()


def channel_use(customers: ibis.Table, window: Window, alpha: float) -> ChannelUse:
    """From one row per customer and channel to one row a channel: two small queries."""
    rows = customers.mutate(minutes=customers.seconds / 60)
    active = rows.active_days > 0
    came_before = (rows.last_before >= -window.length).fill_null(False)
    asked = rows.group_by("channel").aggregate(
        customers=active.sum(),
        new_customers=(active & (rows.first_day >= 0)).sum(),
        before_customers=came_before.sum(),
        kept_customers=(active & came_before).sum(),
        launches=rows.launches.sum(),
        pages=rows.pages.sum(),
        hours=rows.seconds.sum() / 3600,
        **sums(rows, _PER_USER, active),
    )
    found: pd.DataFrame = asked.to_pyarrow().to_pandas()
    found = in_order(found[found["customers"] + found["before_customers"] > 0])
    table = _table(found, _gaps(customers), alpha)
    return ChannelUse(window.start, window.end, window.history_from, alpha, table)


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """`all` first, then the channels by name."""
    return frame.sort_values(
        "channel", key=lambda names: names.where(names != ALL, "")
    ).reset_index(drop=True)


def _gaps(customers: ibis.Table) -> pd.DataFrame:
    """How many customers have each mean gap, by channel, the shortest first."""
    back = customers.filter(customers.gaps > 0)
    asked = back.group_by("channel", "gap_days", "gaps").aggregate(number=back.count())
    found: pd.DataFrame = asked.to_pyarrow().to_pandas()
    return found.assign(gap=found["gap_days"] / found["gaps"]).sort_values("gap")


def _table(found: pd.DataFrame, histogram: pd.DataFrame, alpha: float) -> pd.DataFrame:
    frame = found[["channel", "customers", "new_customers"]].copy()
    _share(frame, "new_share", found["new_customers"], found["customers"], alpha)
    frame[["before_customers", "kept_customers"]] = found[["before_customers", "kept_customers"]]
    _share(frame, "kept_share", found["kept_customers"], found["before_customers"], alpha)
    frame[["launches", "pages", "hours"]] = found[["launches", "pages", "hours"]]
    for name in _PER_USER:
        put(frame, name, *ratios(found, name, alpha))
    by_channel = dict(tuple(histogram.groupby("channel")))
    medians = [_median(by_channel.get(channel), alpha) for channel in found["channel"]]
    name = "median_days_between_uses"
    frame[[name, f"{name}_ci_lower", f"{name}_ci_upper"]] = np.array(medians).reshape(-1, 3)
    return frame


def put(
    frame: pd.DataFrame, name: str, value: np.ndarray, low: np.ndarray, high: np.ndarray
) -> None:
    """A column and the ends of its interval behind the others."""
    frame[name], frame[f"{name}_ci_lower"], frame[f"{name}_ci_upper"] = value, low, high


def _share(
    frame: pd.DataFrame, name: str, part: pd.Series[int], whole: pd.Series[int], alpha: float
) -> None:
    put(frame, name, (part / whole).to_numpy(float), *wilson(part, whole, alpha=alpha))


def _median(histogram: pd.DataFrame | None, alpha: float) -> tuple[float, float, float]:
    """Median of the customers' mean gaps, and its interval by order statistics."""
    if histogram is None:
        return np.nan, np.nan, np.nan
    lengths = histogram["gap"].to_numpy(float)
    last = histogram["number"].cumsum().to_numpy(int)
    n = int(last[-1])
    below = int(binom.ppf(alpha / 2, n, 0.5))
    places = np.searchsorted(last, [(n + 1) // 2, max(below, 1), n + 1 - max(below, 1)])
    median, low, high = lengths[places]
    return float(median), float(low), float(high)
