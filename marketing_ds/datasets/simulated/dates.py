"""The months that are simulated and how busy each of their days and hours is."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from .draws import Array, choice_table

_EPOCH = dt.date(1970, 1, 1).toordinal()
PAY_DAYS = (5, 10, 15, 25)
"""Days of the month on which employers pay."""
SECONDS = 86_400


@dataclass(frozen=True)
class Calendar:
    """The months of a simulation; days are counted from 1970-01-01 as in Arrow.

    Examples
    --------
    >>> calendar = Calendar.ending(dt.date(2026, 6, 30), 12)
    >>> calendar.date(calendar.starts[0]), calendar.length(11)
    (datetime.date(2025, 7, 1), 30)
    """

    starts: tuple[int, ...]
    """First day of each month, and of the month after the last."""

    @classmethod
    def ending(cls, last_date: dt.date, months: int) -> Calendar:
        """The `months` calendar months that end on `last_date`."""
        count = last_date.year * 12 + last_date.month  # months since year 0, of the month after
        firsts = (divmod(count - back, 12) for back in range(months, -1, -1))
        return cls(tuple(dt.date(y, m + 1, 1).toordinal() - _EPOCH for y, m in firsts))

    @property
    def months(self) -> int:
        """Number of months."""
        return len(self.starts) - 1

    @property
    def last_day(self) -> int:
        """The last day simulated."""
        return self.starts[-1] - 1

    def length(self, month: int) -> int:
        """Days in the month."""
        return self.starts[month + 1] - self.starts[month]

    def end(self, month: int) -> int:
        """Last day of the month."""
        return self.starts[month + 1] - 1

    def date(self, day: int) -> dt.date:
        """The date of a day number."""
        return dt.date.fromordinal(int(day) + _EPOCH)

    def busy_days(self, month: int, *, weekend: float) -> Array:
        """Choice table of the days of a month: weekends, pay days and the month's end differ."""
        days = np.arange(self.length(month))
        weekday = (self.starts[month] + days + 3) % 7  # 1970-01-01 was a Thursday
        weight = np.where(weekday >= 5, weekend, 1.0)
        weight = weight * np.where(np.isin(days + 1, PAY_DAYS), 1.35, 1.0)
        return choice_table(weight * np.where(days >= len(days) - 2, 1.4, 1.0))


def _hours(*weights: float) -> list[float]:
    """Weights of the 24 hours from weights of eight three-hour blocks."""
    return [weight for weight in weights for _ in range(3)]


HOURS = choice_table(
    np.array(
        [
            _hours(0.2, 0.1, 1.0, 1.6, 1.8, 1.5, 2.2, 1.8),  # app
            _hours(0.1, 0.1, 0.8, 2.5, 2.4, 2.0, 1.2, 0.8),  # web
            _hours(0.3, 0.1, 1.0, 1.4, 1.8, 1.4, 2.6, 2.2),  # wechat
            _hours(0, 0, 0, 2.6, 2.0, 1.4, 0, 0),  # branch
            _hours(0.1, 0.1, 0.6, 2.4, 2.0, 2.0, 1.2, 0.5),  # call centre
        ]
    )
)
"""When each behaviour channel is used; the rows follow `BEHAVIOUR_CHANNELS`."""
