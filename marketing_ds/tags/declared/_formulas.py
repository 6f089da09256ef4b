"""The functions that tags share: Ibis columns in, one Ibis column out.

Divisions are null where the divisor is 0, on every engine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import ibis
import ibis.expr.types as ir

_DAY_HOURS = 24
_TINY = 1e-9
_LEAST_LENGTH = 0.1


def share(part: ir.NumericValue, whole: ir.NumericValue) -> ir.Value:
    """`part` of `whole`; null where `whole` is 0."""
    return part / whole.nullif(0)


def minus(a: ir.NumericValue, b: ir.NumericValue) -> ir.Value:
    """The difference."""
    return a - b


def negative(number: ir.NumericValue) -> ir.Value:
    """The number with its sign changed."""
    return -number


def change_rate(now: ir.NumericValue, before: ir.NumericValue) -> ir.Value:
    """Growth as a share of what was before; null where that was 0."""
    return share(now - before, before)


def total(*numbers: ir.NumericValue) -> ir.Value:
    """The sum of columns."""
    return sum(numbers[1:], start=numbers[0])


def product(a: ir.NumericValue, b: ir.NumericValue) -> ir.Value:
    """The product of two columns."""
    return a * b


def share_of_sum(*parts: ir.NumericValue) -> ir.Value:
    """The sum of all columns but the last, as a share of the last."""
    return share(total(*parts[:-1]), parts[-1])


def rest_share(part: ir.NumericValue, whole: ir.NumericValue) -> ir.Value:
    """What `part` leaves of `whole`, as a share; null where `whole` is 0."""
    return share(whole - part, whole)


def positive(number: ir.NumericValue) -> ir.Value:
    """Whether the number is above 0."""
    return number > 0


def count_positive(*numbers: ir.NumericValue) -> ir.Value:
    """How many of the columns are above 0."""
    return count_true(*(number > 0 for number in numbers))


def count_true(*flags: ir.BooleanValue) -> ir.Value:
    """How many of the columns are true."""
    return total(*(flag.ifelse(1, 0) for flag in flags))


def known(value: ir.Value) -> ir.Value:
    """Whether there is a value."""
    return value.notnull()


def days_before(as_of: ir.DateValue, days: ir.IntegerValue) -> ir.Value:
    """The day that lies so many days before `as_of`."""
    return as_of - days.as_interval("D")


def years(as_of: ir.DateValue, birth_year: ir.IntegerValue) -> ir.Value:
    """Age reached in the year of `as_of`."""
    return as_of.year() - birth_year


def days_since(as_of: ir.DateValue, day: ir.DateValue) -> ir.Value:
    """Days from `day` to `as_of`."""
    return as_of.delta(day, unit="day")


def days_since_moment(as_of: ir.DateValue, moment: ir.TimestampValue) -> ir.Value:
    """Days from the day of `moment` to `as_of`."""
    return as_of.delta(moment.date(), unit="day")


def day_of_month(moment: ir.TimestampValue) -> ir.Value:
    """The day of the month, 1 to 31."""
    return moment.day()


def recent(days: int) -> Callable[[ir.IntegerValue], ir.Value]:
    """A function: whether something began less than `days` days ago; false if it never did."""

    def is_recent(ago: ir.IntegerValue) -> ir.Value:
        return (ago < days).fill_null(False)

    return is_recent


def largest(names: tuple[str, ...]) -> Callable[..., ir.Value]:
    """A function that names the largest of its columns: ties to the first name, all 0 to null."""

    def name_of_largest(*counts: ir.IntegerValue) -> ir.Value:
        most = ibis.greatest(*counts)
        named = [(count == most, name) for count, name in zip(counts, names, strict=True)]
        return ibis.cases((most == 0, None), *named)

    return name_of_largest


def banded(edges: Sequence[float], labels: Sequence[str | int]) -> Callable[[ir.Value], ir.Value]:
    """A function that gives the label of the band a value lies in; null stays null.

    Bands begin at their edge: the first label is for values below the first edge.
    """

    def band(value: ir.NumericValue) -> ir.Value:
        below = zip(edges, labels[:-1], strict=True)
        return ibis.cases(
            (value.isnull(), None), *((value < edge, label) for edge, label in below),
            else_=labels[-1],
        )  # fmt: skip

    return band


def mean_hour(cos: ir.NumericValue, sin: ir.NumericValue, count: ir.IntegerValue) -> ir.Value:
    """The circular mean of hours, from the sums of their points on the circle.

    Null without rows, and where the hours lie so evenly around the clock that they have no middle.
    """
    length = (cos * cos + sin * sin).sqrt() / count.nullif(0)
    hour = sin.atan2(cos) * (_DAY_HOURS / (2 * math.pi))
    forward = ibis.cases((hour < -_TINY, hour + _DAY_HOURS), (hour < 0, 0.0), else_=hour)
    return ibis.cases((length >= _LEAST_LENGTH, forward), else_=None)


def steps_growing(*balances: ir.NumericValue) -> ir.Value:
    """How many steps to the next newer column grew; newest first, null if the oldest is unknown."""
    grew = [newer > older for newer, older in pairwise(balances)]
    return ibis.cases((balances[-1].notnull(), count_true(*grew)))


def newly_positive(*numbers: ir.NumericValue) -> ir.Value:
    """How many of the first half of the columns are above 0 while their twin in the second is not.

    Null where the twins are unknown.
    """
    half = len(numbers) // 2
    first, second = numbers[:half], numbers[half:]
    began = [(one > 0) & (other <= 0) for one, other in zip(first, second, strict=True)]
    return ibis.cases((first[0].notnull() & second[0].notnull(), count_true(*began)))


def only_first(first: ir.NumericValue, *others: ir.NumericValue) -> ir.Value:
    """Whether the first column is above 0 and no other is."""
    return (first > 0) & (total(*others) <= 0)


def reachable(channels: ir.IntegerValue, suppressed: ir.BooleanValue) -> ir.Value:
    """Whether a channel is open and nothing forbids it."""
    return (channels > 0) & ~suppressed


def greatest(*numbers: ir.NumericValue) -> ir.Value:
    """The greatest known value."""
    return ibis.greatest(*numbers)


def share_of_days(window: int) -> Callable[[ir.IntegerValue, ir.IntegerValue], ir.Value]:
    """A function: days as a share of `window`, or of the customer's own days if these are fewer."""

    def of_days(days: ir.IntegerValue, tenure: ir.IntegerValue) -> ir.Value:
        return days / ibis.least(tenure + 1, window)

    return of_days


def periods_with_rows(*counts: ir.IntegerValue) -> ir.Value:
    """In how many periods there were rows, from counts over windows that grow by a period each."""
    return count_true(counts[0] > 0, *(wide > near for near, wide in pairwise(counts)))


def trend(recent_days: ir.IntegerValue, all_days: ir.IntegerValue) -> ir.Value:
    """The last third of a window as a multiple of the mean of the two thirds before."""
    return share(recent_days * 2.0, all_days - recent_days)


def first_without_second(first: ir.IntegerValue, second: ir.IntegerValue) -> ir.Value:
    """Whether there is some of the first and none of the second."""
    return (first > 0) & (second == 0)


def returned(near: ir.IntegerValue, middle: ir.IntegerValue, far: ir.IntegerValue) -> ir.Value:
    """Whether there are rows in the near window, none more in the middle one, more in the far."""
    return (near > 0) & (middle == near) & (far > middle)
