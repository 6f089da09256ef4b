"""Who used which channel when: all events reduced to one row per customer and channel, once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir

from marketing_ds.tags._measures import bit_or

from .days import Days
from .window import MONTH, WEEK, Window

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

ALL = "all"
"""The channel of what was done in any channel."""
DAY_BITS, WEEK_BITS, MONTH_BITS = "on", "week", "month"
"""Columns of bits: active on the day; on it or the 6 days before; on it or the 29 before."""


def seen(window: Window) -> Days:
    """The days that are looked at one by one: those of the window's months, to the last observed."""
    return Days(1 - MONTH, window.observed)


@contextmanager
def customer_use(mart: Mart, window: Window) -> Iterator[ibis.Table]:
    """One row per customer and channel (and `all` of them), kept while it is used.

    Days are counted from the window's start. Columns: customer_id, channel; first_day and last_day
    of all that is known, last_before (the window); in the window active_days, launches, pages,
    seconds, gaps and gap_days (from an active day to the next); on the days of the window whose 30
    days are known settled_days, week_days and month_days: of use, and active within 7 and 30 days;
    and the bits. Who came neither in the window nor shortly before it is left out.
    """
    held = mart.connection.held
    # Held, for it is used twice, and an engine may well compute it twice.
    with (
        held(_by_channel(mart, window)) as by_channel,
        held(_with_overall(by_channel, window)) as reduced,
    ):
        days, named = seen(window), reduced
        for prefix, shorter, have, want in (
            (WEEK_BITS, DAY_BITS, 1, WEEK),
            (MONTH_BITS, WEEK_BITS, WEEK, MONTH),
        ):
            copies = {f"{prefix}{i}": named[f"{shorter}{i}"] for i in range(days.words)}
            named = days.within(named.mutate(**copies), prefix, have=have, want=want)
        last, settled = window.length - 1, window.settled
        counted = named.mutate(
            active_days=days.number(named, DAY_BITS, 0, last),
            settled_days=days.number(named, DAY_BITS, settled, last),
            week_days=days.number(named, WEEK_BITS, settled, last),
            month_days=days.number(named, MONTH_BITS, settled, last),
            gap_days=(named.last_in - named.first_in).fill_null(0),
        )
        counted = counted.mutate(gaps=ibis.greatest(counted.active_days - 1, 0))
        with held(counted.drop("first_in", "last_in")) as table:
            yield table


def _by_channel(mart: Mart, window: Window) -> ir.Table:
    """The events reduced: sums, first and last days, and the days as bits."""
    events = window.known(mart["events"], "occurred_at")
    rows = events.select(
        "customer_id", "channel", "event", "duration_s", day=window.day(events.occurred_at)
    )
    days = seen(window)
    # Of older days only the first and last are asked: their rows, most often the most, cost little.
    older, lately = rows.filter(rows.day < days.first), rows.filter(rows.day >= days.first)
    both = ibis.union(_lately(lately, window, days), _older(older, days))
    return _joined(both, ["customer_id", "channel"], days)


def _with_overall(by_channel: ir.Table, window: Window) -> ir.Table:
    """The channels and `all` of them, without who has not come for long."""
    # From all of them, for who is new to a channel may long have used another.
    overall = _joined(by_channel, ["customer_id"], seen(window)).mutate(channel=ibis.literal(ALL))
    both = ibis.union(by_channel, overall.select(by_channel.columns))
    back = -max(window.length, MONTH - 1)
    return both.filter((both.last_day >= 0) | (both.last_before >= back))


def _lately(rows: ir.Table, window: Window, days: Days) -> ir.Table:
    inside = (rows.day >= 0) & (rows.day < window.length)
    return rows.group_by("customer_id", "channel").aggregate(
        first_day=rows.day.min(),
        last_day=rows.day.max(),
        last_before=rows.day.max(where=rows.day < 0),
        first_in=rows.day.min(where=inside),
        last_in=rows.day.max(where=inside),
        launches=(inside & (rows.event == "launch")).sum(),
        pages=(inside & (rows.event == "view")).sum(),
        seconds=rows.duration_s.sum(where=inside).fill_null(0.0),
        **days.gathered(rows.day, DAY_BITS),
    )


def _older(rows: ir.Table, days: Days) -> ir.Table:
    """In the columns of `_lately`."""
    found = rows.group_by("customer_id", "channel").aggregate(
        first_day=rows.day.min(), last_day=rows.day.max()
    )
    nothing, none = ibis.null().cast("int64"), ibis.literal(0, "int64")
    return found.mutate(
        last_before=found.last_day,
        first_in=nothing,
        last_in=nothing,
        launches=none,
        pages=none,
        seconds=ibis.literal(0, "float64"),
        **dict.fromkeys(days.names(DAY_BITS), none),
    )


def _joined(rows: ir.Table, keys: list[str], days: Days) -> ir.Table:
    """Rows of the same keys as one."""
    return rows.group_by(keys).aggregate(
        **{name: rows[name].min() for name in ("first_day", "first_in")},
        **{name: rows[name].max() for name in ("last_day", "last_before", "last_in")},
        **{name: rows[name].sum() for name in ("launches", "pages", "seconds")},
        **{name: bit_or(rows[name]) for name in days.names(DAY_BITS)},
    )
