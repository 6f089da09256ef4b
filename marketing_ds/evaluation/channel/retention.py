"""Who came back: by day after the first use, and by period of each cohort (the triangle).

A cohort is who used the channel for the first time ever in a calendar week or month. Day n is the
n-th calendar day after that of the first use. A cell counts only customers whose day n, or whole
period, was over by the last observed day; where a cohort has none, the cell is absent.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from marketing_ds._core.display import Result
from marketing_ds._core.estimate import wilson

from .customers import ALL, DAY_BITS, MONTH_BITS, WEEK_BITS, seen
from .use import in_order, put
from .window import Window

Cohort = Literal["week", "month"]
PERIOD_DAYS = {"week": 7, "month": 30}
"""Days of a period of the triangle, counted from each customer's own first use."""


@dataclass(frozen=True)
class ChannelRetention(Result):
    """Retention of customers who used a channel for the first time within the window.

    Attributes
    ----------
    days : tuple of int
        The days after the first use.
    cohort : {"week", "month"}
        What the cohorts are of, and the length of a period: 7 or 30 days.
    alpha : float
        1 − confidence of the (Wilson) intervals.
    """

    days: tuple[int, ...]
    cohort: Cohort
    alpha: float
    _days: pd.DataFrame = field(repr=False)
    _triangle: pd.DataFrame = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row per channel, cohort (`all`, pooled, or its first date) and day.

        customers (whose day is over), retained (active on exactly that day) and retained_share;
        stayed (active on that day or later, by the last observed day) and stayed_share. Of later
        cohorts less is observed, so `stayed` compares days, not cohorts.
        """
        return self._days.copy()

    def triangle(self) -> pd.DataFrame:
        """One row per channel, cohort (`all`, pooled, or its first date) and period.

        Period 0 begins with the first use itself. customers (whose period is over), retained
        (active on any day of it) and retained_share. Period 0 is 100 % by definition and left out.
        """
        return self._triangle.copy()

    def _repr_html_(self) -> str:
        from marketing_ds._core.display import frame_html

        pooled = self._days[self._days["cohort"] == ALL]
        return frame_html(pooled, title="Retention after the first use, all cohorts")


def channel_retention(
    customers: ibis.Table, window: Window, days: Sequence[int], cohort: Cohort, alpha: float
) -> ChannelRetention:
    """From bits: one query, one row per channel and day of first use."""
    length, bits = PERIOD_DAYS[cohort], seen(window)
    periods = range(1, (window.observed + 1) // length)
    new = customers.filter(customers.first_day >= 0, customers.first_day < window.length)
    wanted: dict[str, ir.Value] = {"customers": new.count()}
    for day in days:
        wanted[f"retained_{day}"] = bits.at(new, DAY_BITS, new.first_day + day).sum()
        wanted[f"stayed_{day}"] = (new.last_day - new.first_day >= day).sum()
    within = WEEK_BITS if cohort == "week" else MONTH_BITS
    for period in periods:
        end = new.first_day + (period + 1) * length - 1
        wanted[f"period_{period}"] = bits.at(new, within, end).sum()
    asked = new.group_by("channel", "first_day").aggregate(**wanted)
    found: pd.DataFrame = asked.to_pyarrow().to_pandas()
    by_day, triangle = [], []
    for channel in in_order(found[["channel"]].drop_duplicates())["channel"]:
        grid = _Grid(found[found["channel"] == channel].sort_values("first_day"), window, cohort)
        counts = {name: [f"{name}_{day}" for day in days] for name in ("retained", "stayed")}
        by_day.append(grid.cells("day", days, days, counts).assign(channel=channel))
        over = [(period + 1) * length - 1 for period in periods]
        back = {"retained": [f"period_{period}" for period in periods]}
        triangle.append(grid.cells("period", periods, over, back).assign(channel=channel))
    return ChannelRetention(
        tuple(days),
        cohort,
        alpha,
        _shared(by_day, "day", alpha),
        _shared(triangle, "period", alpha),
    )


class _Grid:
    """A channel's new customers by day of first use, to be summed by cohort."""

    def __init__(self, rows: pd.DataFrame, window: Window, cohort: Cohort) -> None:
        self._rows, self._observed = rows, window.observed
        named = np.array([_cohort(window.date(day), cohort) for day in rows["first_day"]])
        cohorts = np.unique(named)
        self._members = np.vstack([np.ones(len(named)), cohorts[:, None] == named])
        self._cohorts = np.array([ALL, *cohorts], dtype=object)

    def cells(
        self,
        name: str,
        columns: Sequence[int],
        over: Sequence[int],
        counts: Mapping[str, list[str]],
    ) -> pd.DataFrame:
        """One row per cohort and column, of customers whose day `over` after the first is past."""
        first = self._rows["first_day"].to_numpy()[:, None]
        past = (first + np.array(over, dtype=int)[None, :] <= self._observed).astype(float)
        customers = self._members @ (self._rows[["customers"]].to_numpy(float) * past)
        found = {
            key: (self._members @ (self._rows[names].to_numpy(float) * past)).ravel().astype(int)
            for key, names in counts.items()
        }
        frame = pd.DataFrame(
            {
                "cohort": np.repeat(self._cohorts, len(columns)),
                name: np.tile(np.array(columns, dtype=int), len(self._cohorts)),
                "customers": customers.ravel().astype(int),
                **found,
            }
        )
        return frame[frame["customers"] > 0]


def _cohort(date: dt.date, cohort: Cohort) -> dt.date:
    """First day of the calendar week (Monday) or month."""
    return date.replace(day=1) if cohort == "month" else date - dt.timedelta(days=date.weekday())


def _shared(parts: list[pd.DataFrame], by: str, alpha: float) -> pd.DataFrame:
    """The cells of all channels, each count with its share of the customers behind it."""
    names = ("retained", "stayed") if by == "day" else ("retained",)
    columns = ["channel", "cohort", by, "customers", *names]
    counts = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    frame = counts[columns[:4]].copy()
    whole = counts["customers"].to_numpy(float)
    for name in names:
        count = counts[name].to_numpy(float)
        frame[name] = counts[name]
        put(frame, f"{name}_share", count / whole, *wilson(count, whole, alpha=alpha))
    return frame
