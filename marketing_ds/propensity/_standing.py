"""Where a customer stands among those learnt from, put behind a phrase: ", more than 92 % of customers".

What is said is true of the customers learnt from: a percentage is rounded down.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ._reference import TagReference
from ._words import Language, Shape

_HALF = 50
_MOST = 99  # nobody says "more than 100 %"
_SURE = 0.01  # nulls rarer than that need no mention
_WHO = {"en": "customers", "zh": "客户"}
_KNOWN = {"en": "customers with a value", "zh": "有值客户"}
_MORE = {
    "en": {
        "plain": "more than",
        "moved": "higher than",
        "since": "longer than",
        "date": "later than",
    },
    "zh": {"plain": "高于", "moved": "高于", "since": "长于", "date": "晚于"},
}
_LESS = {
    "en": {"plain": "less than", "moved": "lower than", "since": "shorter than", "date": "earlier than"},
    "zh": {"plain": "低于", "moved": "低于", "since": "短于", "date": "早于"},
}  # fmt: skip
_KIND: dict[Shape, str] = {
    "growth": "moved", "change": "moved", "since": "since", "date": "date",
}  # fmt: skip


def standings(
    reference: TagReference, shape: Shape, values: NDArray[np.float64], language: Language
) -> list[str]:
    """One clause a value of a number, a date or a boolean; NaN is null.

    Examples
    --------
    >>> visits = TagReference("visits", "number", 0.0, tuple(float(i // 10) for i in range(101)))
    >>> standings(visits, "count", np.array([0.0, 5.0, 9.5]), "en")
    [', less than 90 % of customers', ', near the middle of customers', ', more than 99 % of customers']
    """
    if reference.kind == "boolean":
        share = dict(reference.shares)
        said = {
            value: _share(share.get(f"{value:.0f}", 0.0), language) for value in np.unique(values)
        }
        return [said.get(value) or _null(reference, language) for value in values.tolist()]
    knots = np.asarray(reference.quantiles)
    below = np.searchsorted(knots, values, side="left")
    until = np.searchsorted(knots, values, side="right")
    null = np.isnan(values)
    # Few different places are put into words, however many customers there are.
    place = np.where(null, -1, below * (len(knots) + 1) + until)
    distinct, at = np.unique(place, return_inverse=True)
    clauses = []
    for code in distinct.tolist():
        if code < 0:
            clauses.append(_null(reference, language))
            continue
        below_it, until_it = divmod(code, len(knots) + 1)
        clauses.append(_place(reference, shape, below_it, until_it, language))
    return [clauses[i] for i in at.tolist()]


def word_standings(
    reference: TagReference, words: Sequence[str | None], language: Language
) -> list[str]:
    """One clause a category; None is null.

    Examples
    --------
    >>> tier = TagReference("tier", "category", 0.1, shares=(("gold", 0.204), ("basic", 0.5)))
    >>> word_standings(tier, ["gold", "new", None], "en")
    [', like 20 % of customers', ', like few customers', ', like 10 % of customers']
    """
    share = dict(reference.shares)
    return [
        _null(reference, language) if word is None else _share(share.get(word, 0.0), language)
        for word in words
    ]


def _place(
    reference: TagReference, shape: Shape, below: int, until: int, language: Language
) -> str:
    """The clause of a value with so many of the 101 quantiles below it, and not above it."""
    last = len(reference.quantiles) - 1
    less, more, same = below - 1, last - until, until - below - 1
    kind = _KIND.get(shape, "plain")
    who = (_WHO if reference.null_share < _SURE else _KNOWN)[language]
    if last < 0:
        return ""
    if same >= _HALF:
        return _like(min(same, _MOST), who, language)
    if max(less, more) < _HALF:
        return ", near the middle of customers" if language == "en" else "，处于客户中间水平"
    word, percent = (_MORE, less) if less >= more else (_LESS, more)
    percent = min(percent, _MOST)
    if language == "en":
        return f", {word['en'][kind]} {percent} % of {who}"
    return f"，{word['zh'][kind]}{percent}%的{who}"


def _share(share: float, language: Language) -> str:
    percent = int(share * 100)
    if percent == 0:
        return ", like few customers" if language == "en" else "，与少数客户相同"
    return _like(percent, _WHO[language], language)


def _null(reference: TagReference, language: Language) -> str:
    return _share(reference.null_share, language)


def _like(percent: int, who: str, language: Language) -> str:
    return f", like {percent} % of {who}" if language == "en" else f"，与{percent}%的{who}相同"
