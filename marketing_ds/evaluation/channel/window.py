"""The days of a channel analysis: the window, what was known, and how far back must be looked."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir

from marketing_ds._core.checks import check_count, check_date
from marketing_ds._core.errors import InvalidInput, MartError
from marketing_ds.schema.known import midnight_after

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

WEEK, MONTH = 7, 30
"""Days of a weekly and of a monthly active customer."""
LONGEST = 366
"""Days of the longest window, and how long after it customers are followed."""


@dataclass(frozen=True)
class Window:
    """The days from `start` to `end`, both included; days are counted from `start` = 0."""

    start: dt.date
    end: dt.date
    last: dt.date
    """The last day that was observed."""
    recorded_by: dt.date | None
    """Rows that reached the mart after this day are unknown; None takes all."""
    lookback: int
    """Days before a purchase in which a touch counts."""
    history_from: dt.date
    """The first day with an event."""

    @property
    def length(self) -> int:
        """Days of the window."""
        return (self.end - self.start).days + 1

    @property
    def observed(self) -> int:
        """The number of the last day that was observed."""
        return (self.last - self.start).days

    @property
    def settled(self) -> int:
        """The first day of the window whose 30 days all lie in what the mart has seen."""
        return max((self.history_from - self.start).days + MONTH - 1, 0)

    def known(self, rows: ir.Table, moment: str, *, before: dt.date | None = None) -> ir.Table:
        """Rows that had happened, and were recorded, by the end of what was observed."""
        last = self.last if before is None else min(self.last, before)
        rows = rows.filter(rows[moment] < midnight_after(last))
        if self.recorded_by is not None and "recorded_on" in rows.columns:
            rows = rows.filter(rows.recorded_on <= self.recorded_by)
        return rows

    def within(self, rows: ir.Table, moment: str) -> ir.Table:
        """Those of `known` that happened in the window."""
        rows = self.known(rows, moment, before=self.end)
        return rows.filter(rows[moment] >= dt.datetime.combine(self.start, dt.time()))

    def day(self, moment: ir.TimestampValue) -> ir.IntegerValue:
        """The number of the day on which something happened."""
        start = ibis.date(self.start.year, self.start.month, self.start.day)
        return moment.date().delta(start, unit="day").cast("int64")

    def date(self, day: int) -> dt.date:
        """The date of a day's number."""
        return self.start + dt.timedelta(days=int(day))


def window(
    mart: Mart,
    start: str | dt.date,
    end: str | dt.date,
    as_of: str | dt.date | None,
    lookback: int,
) -> Window:
    """The checked window of an analysis."""
    if "events" not in mart.tables:
        raise MartError(
            f"a channel analysis needs the table 'events', which '{mart.source}' does not have"
        )
    first, last = check_date("start", start), check_date("end", end)
    if last < first:
        raise InvalidInput(f"end must not lie before start ({first}), got {last}")
    known = None if as_of is None else check_date("as_of", as_of)
    observed = mart.last_date if known is None else known
    if last > observed:
        way_out = "the mart's last date" if known is None else "as_of"
        raise InvalidInput(
            f"end must not lie after {way_out} ({observed}), got {last}; a day that is not over "
            "cannot be counted"
        )
    if (last - first).days >= LONGEST:
        raise InvalidInput(
            f"the window must have at most {LONGEST} days, got {(last - first).days + 1}; analyse "
            "it year by year"
        )
    days = check_count("lookback_days", lookback, low=1)
    observed = min(observed, last + dt.timedelta(days=LONGEST))
    found = Window(first, last, observed, known, days, first)
    moments = found.known(mart["events"], "occurred_at").occurred_at
    earliest = moments.min().to_pyarrow().as_py()
    return found if earliest is None else replace(found, history_from=earliest.date())
