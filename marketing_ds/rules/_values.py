"""What a rule compares tags with: scalars, other tags, days relative to `as_of`, patterns."""

from __future__ import annotations

import datetime as dt
import math
from calendar import monthrange
from dataclasses import dataclass
from typing import Literal, get_args

from marketing_ds._core.checks import check_choice, check_count
from marketing_ds._core.errors import InvalidInput

Scalar = bool | int | float | str | dt.date
Unit = Literal["days", "weeks", "months", "years"]
UNITS: tuple[Unit, ...] = get_args(Unit)

ESCAPE = "\\"
"""Takes the meaning from a following ``%``, ``_`` or itself in the pattern of `like`."""
_MAX_INTEGER = 2**63 - 1
_LONGEST_NAME = 200
_LONGEST_SHOWN = 60
_FARTHEST = {"days": 36_525, "weeks": 5_218, "months": 1_200, "years": 100}
_DAYS = {"days": 1, "weeks": 7}
_MONTHS = {"months": 1, "years": 12}


@dataclass(frozen=True)
class TagName:
    """A tag on the right of a comparison, as in ``aum > aum_90d_ago``."""

    tag: str

    def __post_init__(self) -> None:
        check_tag(self.tag)


@dataclass(frozen=True)
class AsOf:
    """A day relative to the day of the tags, as in ``opened_on >= as_of - 3 months``.

    Months and years keep the day of the month, or take the month's last day where there is no such
    day: 31 May − 3 months is 28 (or 29) February.
    """

    amount: int = 0
    unit: Unit = "days"

    def __post_init__(self) -> None:
        check_choice("unit", self.unit, UNITS)
        most = _FARTHEST[self.unit]
        amount = check_count("a number of " + self.unit, self.amount, low=-most, high=most)
        object.__setattr__(self, "amount", amount)
        if amount == 0:
            object.__setattr__(self, "unit", "days")

    def on(self, as_of: dt.date) -> dt.date:
        """The day it means for the tags of `as_of`.

        Examples
        --------
        >>> import datetime as dt
        >>> AsOf(-3, "months").on(dt.date(2026, 5, 31))
        datetime.date(2026, 2, 28)
        """
        try:
            if self.unit in _DAYS:
                return as_of + dt.timedelta(days=self.amount * _DAYS[self.unit])
            months = as_of.year * 12 + as_of.month - 1 + self.amount * _MONTHS[self.unit]
            first = dt.date(months // 12, months % 12 + 1, 1)
        except (OverflowError, ValueError) as error:
            raise InvalidInput(f"{self} must be a day of the years 1 to 9999") from error
        return first.replace(day=min(as_of.day, monthrange(first.year, first.month)[1]))

    def __str__(self) -> str:
        if self.amount == 0:
            return "as_of"
        size = abs(self.amount)
        unit = self.unit if size > 1 else self.unit.removesuffix("s")
        return f"as_of {'-' if self.amount < 0 else '+'} {size} {unit}"


Operand = Scalar | TagName | AsOf


def brief(value: object) -> str:
    """A value for messages: shortened, and days relative to `as_of` as the rule spells them."""
    text = str(value) if isinstance(value, AsOf) else repr(value)
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"


def check_scalar(value: object) -> Scalar:
    """Return `value` if a rule may hold it: a finite number, text, true, false or a date."""
    if isinstance(value, dt.datetime) or not isinstance(value, (bool, int, float, str, dt.date)):
        raise InvalidInput(f"a value must be a number, text, true, false or a date, got {value!r}")
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidInput(f"a number must be finite, got {value!r}")
    if isinstance(value, int) and abs(value) > _MAX_INTEGER:
        raise InvalidInput("a whole number must fit into 64 bits; write it with an exponent")
    if isinstance(value, str):
        check_text(value)
    return value


def check_value(value: object) -> Scalar | AsOf:
    """Return `value` if it is a scalar or a day relative to `as_of`."""
    return value if isinstance(value, AsOf) else check_scalar(value)


def check_text(text: str) -> None:
    """Refuse text that engines cannot hold."""
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise InvalidInput(f"text must be valid Unicode without NUL, got {brief(text)}")


def check_tag(name: object) -> None:
    """Refuse what cannot be a tag's name."""
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME:
        raise InvalidInput(f"tag must be a name of 1 to {_LONGEST_NAME} letters, got {brief(name)}")
    check_text(name)


def like_pieces(pattern: str) -> list[tuple[str, bool]]:
    """The letters of a `like` pattern, each with whether it is a wildcard.

    Examples
    --------
    >>> like_pieces("a\\\\%_")
    [('a', False), ('%', False), ('_', True)]
    """
    pieces = []
    letters = iter(pattern)
    for letter in letters:
        if letter == ESCAPE:
            letter = next(letters, "")
            if letter not in ("%", "_", ESCAPE):
                raise InvalidInput(
                    f"like must have '%', '_' or '{ESCAPE}' after '{ESCAPE}', which takes away "
                    f"their meaning, got {letter or 'the end'!r}"
                )
            pieces.append((letter, False))
        else:
            pieces.append((letter, letter in "%_"))
    return pieces


def like_literal(text: str) -> str:
    """The `like` pattern that only `text` itself fits.

    Examples
    --------
    >>> like_literal("5 %")
    '5 \\\\%'
    """
    return "".join(ESCAPE + letter if letter in ("%", "_", ESCAPE) else letter for letter in text)
