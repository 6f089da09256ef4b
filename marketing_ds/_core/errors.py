"""The errors of marketing_ds: each message names parameter, rule, value and the way out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class MarketingError(Exception):
    """Base of every error that marketing_ds raises on purpose."""


class InvalidInput(MarketingError, ValueError):
    """An argument, a rule text or a frame breaks a documented rule."""


class MartError(MarketingError):
    """A mart cannot be opened, or breaks its contract."""


class DatasetError(MarketingError):
    """A public data set cannot be had, or is not what was published."""


class NotPublished(MarketingError, LookupError):
    """The workspace holds no complete publication of what was asked for."""


class PublicationError(MarketingError):
    """A publication was refused; the last good one is untouched."""


class RunError(MarketingError):
    """A run unit was refused or failed."""


class MissingExtra(MarketingError, ImportError):
    """A part needs packages of an extra that is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"{package} is not installed; install it with: pip install 'marketing-ds[{extra}]' (in a "
            f"clone: pip install '.[{extra}]')"
        )


def did_you_mean(word: str, options: Iterable[object]) -> str:
    """Name the nearest of `options`, ready to be put behind an error message.

    Examples
    --------
    >>> did_you_mean("lifecicle", ["lifecycle", "age"])
    "; did you mean 'lifecycle'?"
    >>> did_you_mean("AUM", ["age", "aum"])
    "; did you mean 'aum'?"
    >>> did_you_mean("zzz", ["lifecycle", "age"])
    ''
    """
    words = {o.lower(): o for o in options if isinstance(o, str)}  # columns may be numbers
    near = [words[n] for n in difflib.get_close_matches(word.lower(), words, n=3, cutoff=0.6)]
    return f"; did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
