"""Argument checks that say parameter, rule, value and the way out."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Collection, Iterable, Sequence

from .errors import InvalidInput, did_you_mean


def check_choice(name: str, value: object, choices: Collection[str]) -> str:
    """Return `value` if it is one of `choices`.

    Examples
    --------
    >>> check_choice("learner", "drr", ["t", "dr"])
    Traceback (most recent call last):
    ...
    marketing_ds._core.errors.InvalidInput: learner must be one of 't', 'dr', got 'drr'; did you mean 'dr'?
    """
    if isinstance(value, str) and value in choices:
        return value
    hint = did_you_mean(value, choices) if isinstance(value, str) else ""
    raise InvalidInput(
        f"{name} must be one of {', '.join(repr(c) for c in choices)}, got {value!r}{hint}"
    )


def check_number(
    name: str,
    value: object,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    inclusive: bool = True,
) -> float:
    """Return `value` as a float if it lies between `low` and `high`.

    Examples
    --------
    >>> check_number("alpha", 2, low=0, high=1)
    Traceback (most recent call last):
    ...
    marketing_ds._core.errors.InvalidInput: alpha must be between 0 and 1, got 2
    """
    if isinstance(value, bool) or (not isinstance(value, (int, float)) and not _is_numpy(value)):
        raise InvalidInput(f"{name} must be a number, got {value!r}")
    try:
        number = float(value)  # type: ignore[arg-type]
    except OverflowError:  # a whole number beyond every float
        number = math.inf if value > 0 else -math.inf  # type: ignore[operator]
    inside = low <= number <= high if inclusive else low < number < high
    if not inside:  # NaN lands here too
        raise InvalidInput(f"{name} must be {_range(low, high, inclusive)}, got {value!r}")
    return number


def check_count(name: str, value: object, *, low: int = 0, high: float = math.inf) -> int:
    """Return `value` as an int if it is a whole number between `low` and `high`."""
    number = check_number(name, value, low=low, high=high)
    if not number.is_integer():  # infinity is none either
        raise InvalidInput(f"{name} must be a whole number, got {value!r}")
    return int(value)  # type: ignore[call-overload,no-any-return]  # a float would round beyond 2**53


def check_columns(available: Iterable[str], needed: Sequence[str], what: str) -> None:
    """Raise unless every one of `needed` is among `available`, naming the nearest names."""
    have = list(available)
    missing = [column for column in needed if column not in have]
    if missing:
        hints = "".join(did_you_mean(column, have) for column in missing[:1])
        raise InvalidInput(
            f"{what} must have the column(s) {', '.join(map(repr, missing))}; "
            f"it has {', '.join(map(repr, have[:12]))}{', …' if len(have) > 12 else ''}{hints}"
        )


def check_date(name: str, value: object) -> dt.date:
    """Return `value` (a date, a timestamp or ISO text) as a date.

    Examples
    --------
    >>> check_date("as_of", "2026-06-30")
    datetime.date(2026, 6, 30)
    """
    if isinstance(value, dt.datetime) and value == value:  # pandas.Timestamp is one, and so is NaT
        return value.date()
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    if isinstance(value, str):
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            pass  # falls through to the one error below
    raise InvalidInput(f"{name} must be a date such as '2026-06-30', got {value!r}")


def _is_numpy(value: object) -> bool:
    """Whether `value` is a NumPy number; asked by protocol, so that NumPy need not be loaded."""
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    return kind in tuple("iuf") and getattr(value, "shape", None) == ()


def _range(low: float, high: float, inclusive: bool) -> str:
    if low == -math.inf and high == math.inf:
        return "a number" if inclusive else "a finite number"
    if high == math.inf:
        return f"at least {_plain(low)}" if inclusive else f"greater than {_plain(low)}"
    if low == -math.inf:
        return f"at most {_plain(high)}" if inclusive else f"less than {_plain(high)}"
    words = f"between {_plain(low)} and {_plain(high)}"
    return words if inclusive else f"{words}, both excluded"


def _plain(bound: float) -> str:
    """All digits of a bound, without a decimal point that says nothing."""
    return str(int(bound)) if float(bound).is_integer() else str(bound)
