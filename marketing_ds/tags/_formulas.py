"""The functions that customer tags share: Ibis columns in, one Ibis column out."""

from __future__ import annotations

from collections.abc import Callable

import ibis
import ibis.expr.types as ir

TIERS = ("mass", "affluent", "vip", "private")
TIER_FLOORS_CNY = (50_000.0, 1_000_000.0, 6_000_000.0)
"""Assets from which the tiers above `mass` begin; the upper two are the Chinese regulator's lines
for high-net-worth and for private banking customers."""
NEW_DAYS = 180
DORMANT_DAYS = 90
LOST_DAYS = 180
LOST_AUM_CNY = 1_000.0
TREND = 0.2
"""Growing or declining: AUM moved by more than this share since 90 days ago."""


def share(part: ir.NumericValue, whole: ir.NumericValue) -> ir.Value:
    """`part` of `whole`; null where `whole` is 0."""
    return part / whole.nullif(0)


def minus(a: ir.NumericValue, b: ir.NumericValue) -> ir.Value:
    """The difference."""
    return a - b


def total(*numbers: ir.NumericValue) -> ir.Value:
    """The sum of columns."""
    return sum(numbers[1:], start=numbers[0])


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


def years(as_of: ir.DateValue, birth_year: ir.IntegerValue) -> ir.Value:
    """Age reached in the year of `as_of`."""
    return as_of.year() - birth_year


def days_since(as_of: ir.DateValue, day: ir.DateValue) -> ir.Value:
    """Days from `day` to `as_of`."""
    return as_of.delta(day, unit="day")


def largest(names: tuple[str, ...]) -> Callable[..., ir.Value]:
    """A function that names the largest of its columns: ties to the first name, all 0 to null."""

    def name_of_largest(*counts: ir.IntegerValue) -> ir.Value:
        most = ibis.greatest(*counts)
        named = [(count == most, name) for count, name in zip(counts, names, strict=True)]
        return ibis.cases((most == 0, None), *named)

    return name_of_largest


def value_tier(aum: ir.NumericValue) -> ir.Value:
    """The tier by assets."""
    reached = [(aum >= floor, tier) for floor, tier in zip(TIER_FLOORS_CNY, TIERS[1:], strict=True)]
    return ibis.cases(*reversed(reached), else_=TIERS[0])


def lifecycle(
    tenure: ir.IntegerValue,
    aum: ir.NumericValue,
    aum_before: ir.NumericValue,
    idle: ir.IntegerValue,
) -> ir.Value:
    """The stage, by the first line that fits; `idle` is null for those who never did anything."""
    idle_days = idle.fill_null(tenure)
    return ibis.cases(
        (tenure < NEW_DAYS, "new"),
        ((idle_days > LOST_DAYS) & (aum < LOST_AUM_CNY), "lost"),
        (idle_days > DORMANT_DAYS, "dormant"),
        (aum > aum_before * (1 + TREND), "growing"),
        (aum < aum_before * (1 - TREND), "declining"),
        else_="mature",
    )
