"""The days that a label looks at, and the customers that it speaks of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis.expr.types as ir

from marketing_ds._core.checks import check_count, check_date
from marketing_ds._core.errors import InvalidInput, MartError
from marketing_ds.schema.known import date_of, end_of, known_by

if TYPE_CHECKING:
    from marketing_ds.mart import Mart


@dataclass(frozen=True)
class Window:
    """From the day after `cutoff` to the end of `end`, as it was known at the end of `known`."""

    cutoff: dt.date
    end: dt.date
    known: dt.date

    @classmethod
    def of(
        cls,
        mart: Mart,
        cutoff: str | dt.date,
        horizon_days: int,
        as_of: str | dt.date | None = None,
    ) -> Window:
        """The window of a horizon that is over by `as_of`, the mart's last day by default.

        Raises
        ------
        InvalidInput
            If it is not over by then; the message names the latest cut-off that would be.
        """
        day = check_date("cutoff", cutoff)
        days = check_count("horizon_days", horizon_days, low=1)
        known = mart.last_date if as_of is None else check_date("as_of", as_of)
        if known > mart.last_date:
            raise InvalidInput(
                f"as_of must not lie after the mart's last date, {mart.last_date}, got {known}"
            )
        end = day + dt.timedelta(days=days)
        if end > known:
            what = "the mart's last date" if known == mart.last_date else "as_of,"
            raise InvalidInput(
                f"cutoff {day} with a horizon of {days} days ends on {end}, after {what} {known}: "
                f"nobody can say yet what happened; use a cutoff of "
                f"{known - dt.timedelta(days=days)} or earlier, or a shorter horizon"
            )
        return cls(day, end, known)

    def holds(self, moment: ir.Value) -> ir.BooleanValue:
        """Whether a moment or day lies in the window."""
        if moment.type().is_date():
            return (moment > date_of(self.cutoff)) & (moment <= date_of(self.end))
        return (moment >= end_of(self.cutoff)) & (moment < end_of(self.end))


def open_customers(mart: Mart, day: dt.date) -> ir.Table:
    """`customer_id` of the customers opened by the end of `day`."""
    return known_by(mart["customers"], "customers", day).select("customer_id")


def need_tables(mart: Mart, name: str, tables: Sequence[str]) -> None:
    """Raise unless the mart has the tables that label `name` reads."""
    missing = [table for table in tables if table not in mart.tables]
    if missing:
        raise MartError(
            f"label {name!r} needs the table(s) {', '.join(map(repr, missing))}, which "
            f"'{mart.source}' does not have; supply them, or choose another label"
        )
