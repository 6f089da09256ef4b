"""Purchase histories from the mart: one row a customer, as known on a day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from marketing_ds._core.checks import check_columns, check_date
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput, did_you_mean
from marketing_ds.schema import TRANSACTIONS

from ._clv_data import ID, UNITS, check_unit

_NEEDED = (ID, "occurred_at", "amount_cny")
_KINDS = next(c.allowed for c in TRANSACTIONS.columns if c.name == "kind") or ()


class MartLike(Protocol):
    """What a summary needs of a mart: `marketing_ds.open_mart` gives one."""

    def __getitem__(self, name: str) -> ir.Table:
        """The table of that name."""


@dataclass(frozen=True, eq=False)
class PurchaseSummary(Result):
    """Each customer's purchases in four numbers; made by `purchase_summary`.

    Attributes
    ----------
    as_of : datetime.date
        The day that observation ends with.
    unit : {"week", "day"}
        The unit of `recency` and `T`.
    table : ibis.Table
        One row a customer: `customer_id`, `frequency`, `recency`, `T`, `monetary_value`.
    """

    as_of: dt.date
    unit: str
    table: ir.Table

    def to_frame(self) -> pd.DataFrame:
        """The table as a pandas frame, by `customer_id`."""
        frame: pd.DataFrame = self.table.order_by(ID).to_pyarrow().to_pandas()
        return frame


def purchase_summary(
    source: MartLike | ir.Table | pd.DataFrame,
    as_of: str | dt.date,
    *,
    kinds: Sequence[str] = ("purchase",),
    unit: str = "week",
    first_from: str | dt.date | None = None,
) -> PurchaseSummary:
    """Sum up each customer's purchases as they were known at the end of a day.

    As in Fader, Hardie and Lee (2005), purchases of one day count as one, and everything runs from
    a customer's first purchase: `frequency` counts the days with a purchase after the first one,
    `recency` is the time from the first to the last of them (0 if there is none), `T` the time from
    the first to `as_of`, and `monetary_value` the mean value of the days after the first (null if
    there is none). Customers who have not bought are not listed.

    Parameters
    ----------
    source : Mart, ibis.Table or pandas.DataFrame
        The mart; or a table of purchases with the columns `customer_id`, `occurred_at` and
        `amount_cny`, and if it has them `kind` and `recorded_on`.
    as_of : date or str
        The last day of observation. Rows that happened or became known later are not read.
    kinds : sequence of str, default ("purchase",)
        Kinds of transaction that are purchases, where the source tells kinds.
    unit : {"week", "day"}, default "week"
        The unit of `recency` and `T`.
    first_from : date or str, optional
        Only customers whose first purchase was on this day or later: a cohort. Where the source
        does not reach back to the beginning, it keeps out those whose first purchase is not known.

    Returns
    -------
    PurchaseSummary
        A lazy table, computed by one query on the source's engine.

    Raises
    ------
    InvalidInput
        If an argument breaks a rule, or columns are missing.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.to_datetime(["2026-01-01", "2026-01-15", "2026-01-15", "2026-01-22"])
    >>> bought = pd.DataFrame({"customer_id": ["a", "a", "a", "b"], "occurred_at": days,
    ...                        "amount_cny": [9.0, 20.0, 10.0, 5.0]})
    >>> purchase_summary(bought, "2026-01-29").to_frame()
      customer_id  frequency  recency    T  monetary_value
    0           a          1      2.0  4.0            30.0
    1           b          0      0.0  1.0             NaN
    """
    day = check_date("as_of", as_of)
    check_unit(unit)
    since = None if first_from is None else check_date("first_from", first_from)
    if since is not None and since > day:
        raise InvalidInput(f"first_from must not be after as_of, got {since} and {day}")
    days = purchase_days(source, day, kinds)
    found = days.group_by(ID).aggregate(
        first=days.day.min(),
        last=days.day.max(),
        days=days.count(),
        total=days.amount.sum(),
        first_amount=days.amount.argmin(days.day),
    )
    if since is not None:
        found = found.filter(found["first"] >= ibis.date(since.isoformat()))
    repeats = found.days - 1
    # What is left of the first amount after rounding is no value: amounts have two decimals.
    later = (found.total - found.first_amount).round(6)
    table = found.select(
        ID,
        frequency=repeats.cast("int64"),
        recency=_units(found["last"], found["first"], unit),
        T=_units(ibis.date(day.isoformat()), found["first"], unit),
        monetary_value=(repeats > 0).ifelse(later / repeats, ibis.null("float64")),
    )
    return PurchaseSummary(day, unit, table)


def purchase_days(source: object, as_of: dt.date, kinds: Sequence[str]) -> ir.Table:
    """Days with purchases, as known at the end of `as_of`: customer_id, day, amount."""
    # Compared as stored, so that the engine skips files by their least and greatest moments.
    rows, last = _rows(source), ibis.date(as_of.isoformat())
    moment = rows.occurred_at
    timed = moment.type().is_timestamp()
    rows = rows.filter(moment < _end_of(as_of) if timed else moment <= last)
    if "recorded_on" in rows.columns:
        rows = rows.filter(rows.recorded_on <= last)
    if "kind" in rows.columns:
        rows = rows.filter(rows.kind.isin(_kinds(kinds)))
    day = rows.occurred_at.date() if timed else rows.occurred_at
    return rows.group_by(rows[ID], day=day).aggregate(amount=rows.amount_cny.cast("float64").sum())


def _end_of(day: dt.date) -> ir.TimestampScalar:
    """The first moment after `day`."""
    return ibis.timestamp(f"{(day + dt.timedelta(days=1)).isoformat()} 00:00:00")


def _rows(source: object) -> ir.Table:
    if isinstance(source, pd.DataFrame):
        check_columns(list(source.columns), list(_NEEDED), "source")
        return ibis.memtable(pa.Table.from_pandas(source, preserve_index=False))
    table = source if isinstance(source, ir.Table) else _transactions(source)
    check_columns(table.columns, list(_NEEDED), "source")
    return table


def _transactions(source: object) -> ir.Table:
    if not hasattr(source, "__getitem__") or isinstance(source, (str, Sequence, dict)):
        raise InvalidInput(
            f"source must be a mart, an Ibis table or a pandas frame, got {type(source).__name__}"
        )
    table: ir.Table = source["transactions"]
    return table


def _kinds(kinds: Sequence[str]) -> list[str]:
    if isinstance(kinds, str):
        raise InvalidInput(
            f"kinds must be a list of kinds, got the text {kinds!r}; use [{kinds!r}]"
        )
    unknown = [kind for kind in kinds if kind not in _KINDS]
    if unknown or not kinds:
        raise InvalidInput(
            f"kinds must be among {', '.join(map(repr, _KINDS))}, got {list(kinds)!r}"
            f"{did_you_mean(str(unknown[0]), _KINDS) if unknown else ''}"
        )
    return list(kinds)


def _units(end: ir.DateValue, start: ir.DateValue, unit: str) -> ir.FloatingValue:
    """Days from start to end, in the unit."""
    days: ir.IntegerValue = end.delta(start, unit="day")
    return days.cast("float64") / int(UNITS[unit])
