"""The functions of campaign tags over their dates."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

PHASES = (
    ("planned", "未开始"), ("running", "进行中"), ("attribution", "归因期"), ("over", "已结束"),
)  # fmt: skip


def phase(
    as_of: ir.DateValue, starts: ir.DateValue, ends: ir.DateValue, open_for: ir.IntegerValue
) -> ir.Value:
    """Where a campaign stands, by the first that fits."""
    return ibis.cases(
        (starts > as_of, "planned"),
        (ends >= as_of, "running"),
        (as_of.delta(ends, unit="day") < open_for, "attribution"),
        else_="over",
    )


def days_to(as_of: ir.DateValue, day: ir.DateValue) -> ir.Value:
    """Days from `as_of` to `day`; null once it has passed."""
    return ibis.cases((day >= as_of, day.delta(as_of, unit="day")))


def days_run(as_of: ir.DateValue, starts: ir.DateValue, ends: ir.DateValue) -> ir.Value:
    """Days of a campaign up to `as_of`, both included."""
    return ibis.cases(
        (starts > as_of, 0),
        (ends >= as_of, as_of.delta(starts, unit="day") + 1),
        else_=duration(starts, ends),
    )


def duration(starts: ir.DateValue, ends: ir.DateValue) -> ir.Value:
    """Days from the first to the last, both included."""
    return ends.delta(starts, unit="day") + 1
