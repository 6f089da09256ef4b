"""Tags and their levels in words, English and Chinese.

The levels that a look-alike measures with are finer than what a person wants to read: neighbouring
levels are shown together, in about six groups a tag.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marketing_ds._core.checks import check_choice
from marketing_ds.tags import Tag, catalogue

from ..encode import NULL, TagLevels

LANGUAGES = ("en", "zh")
_GROUPS = 6
_MISSING = {"en": "(missing)", "zh": "（缺失）"}
_RARE = {"en": "(rare or unseen)", "zh": "（罕见或未见）"}
_ANY = {"en": "(any)", "zh": "（任意）"}
_YES_NO = {"en": ("no", "yes"), "zh": ("否", "是")}
_MONEY = {"en": " (CNY)", "zh": "（元）"}
_BEFORE = {"en": "before {}", "zh": "{} 以前"}
_SINCE = {"en": "since {}", "zh": "{} 起"}
_BETWEEN = {"en": "{} to {}", "zh": "{} 至 {}"}


@dataclass(frozen=True)
class Span:
    """Neighbouring levels that are shown together, `first` to `last`."""

    first: int
    last: int

    @property
    def levels(self) -> slice:
        """Their place among the tag's levels."""
        return slice(self.first, self.last + 1)


def spans(tag: TagLevels, share: NDArray[np.float64]) -> tuple[Span, ...]:
    """The levels of a tag in groups to be shown, nulls and every category by themselves.

    Neighbouring levels of a number or date are joined until they hold a sixth of the base that has
    a value; a level that holds so much alone stays alone.

    Parameters
    ----------
    share : ndarray of shape (levels,)
        Share of the base in each level.

    Examples
    --------
    >>> tag = TagLevels("aum", "number", edges=(1.0, 10.0, 100.0))
    >>> [(span.first, span.last) for span in spans(tag, np.array([0.1, 0.6, 0.1, 0.1, 0.1]))]
    [(0, 0), (1, 1), (2, 3), (4, 4)]
    """
    if tag.kind in ("category", "boolean"):
        return tuple(Span(level, level) for level in range(tag.n_levels))
    enough = (1 - share[NULL]) / _GROUPS
    found, first, held = [Span(NULL, NULL)], 1, 0.0
    for level in range(1, tag.n_levels):
        if share[level] >= enough and level > first:
            found.append(Span(first, level - 1))
            first, held = level, 0.0
        held += share[level]
        if held >= enough:
            found.append(Span(first, level))
            first, held = level + 1, 0.0
    if first < tag.n_levels:
        found.append(Span(first, tag.n_levels - 1))
    return tuple(found)


@dataclass(frozen=True)
class Words:
    """What people call a tag and its levels; the catalogue's words where it knows the tag."""

    levels: TagLevels
    tag: Tag | None

    def title(self, language: str = "en") -> str:
        """The tag's name, with its unit where that is money."""
        if self.tag is None:
            return self.levels.name
        return self.tag.title(language) + (_MONEY[language] if self.tag.unit == "CNY" else "")

    def span(self, span: Span, language: str = "en") -> str:
        """What a group of levels holds: ``50,000 to <80,100``, ``0``, ``≥7``, ``since 2024-03-01``.

        Examples
        --------
        >>> visits = Words(TagLevels("visits", "number", edges=(0.5, 1.5, 4.5)), None)
        >>> [visits.span(Span(*ends)) for ends in ((0, 0), (1, 1), (2, 3), (4, 4))]
        ['(missing)', '≤0', '1 to 4', '≥5']
        """
        tag = self.levels
        if span.first == NULL:
            return _MISSING[language]
        if tag.kind == "category":
            if span.first > len(tag.categories):
                return _RARE[language]
            word = tag.categories[span.first - 1]
            return self.tag.value_title(word, language) if self.tag else word
        low = tag.edges[span.first - 2] if span.first >= 2 else None
        high = tag.edges[span.last - 1] if span.last <= len(tag.edges) else None
        if low is None and high is None:
            return _ANY[language]
        if tag.kind == "boolean":
            return _YES_NO[language][low is not None]
        if tag.kind == "date":
            return _dates(low, high, language)
        return self._numbers(low, high, language)

    def natural(self, levels: Sequence[int]) -> list[int]:
        """Levels in the order that people expect: that of the catalogue's words, or of the values.

        Examples
        --------
        >>> (tag,) = words_of([TagLevels("age_band", "category", categories=("35 to 44", "25 to 34"))])
        >>> tag.natural([0, 1, 2])
        [2, 1, 0]
        """
        if self.levels.kind != "category" or self.tag is None:
            return sorted(levels)
        known = [word for word, _ in self.tag.words]
        place = {
            level: known.index(word)
            for level, word in enumerate(self.levels.categories, start=1)
            if word in known
        }
        return sorted(levels, key=lambda level: (place.get(level, len(known)), level))

    def _numbers(self, low: float | None, high: float | None, language: str) -> str:
        """Values from `low`, without `high`."""
        if self._whole:
            first = None if low is None else int(np.ceil(low))
            last = None if high is None else int(np.ceil(high)) - 1
            if first is None or last is None:
                return f"≤{last:,}" if last is not None else f"≥{first:,}"
            if first == last:
                return f"{first:,}"
            return _BETWEEN[language].format(f"{first:,}", f"{last:,}")
        above, until = _just_below(low), _just_below(high)
        if until is not None and until == low:
            return self._shown(until)
        start = f">{self._shown(above)}" if above is not None else f"≥{self._shown(low)}"
        end = f"≤{self._shown(until)}" if until is not None else f"<{self._shown(high)}"
        if low is None or high is None:
            return end if low is None else start
        return _BETWEEN[language].format(start.removeprefix("≥"), end.removeprefix("≤"))

    @property
    def _whole(self) -> bool:
        """Whether it holds whole numbers: declared so, or cut half-way between such."""
        if self.tag is not None:
            return self.tag.type == "int64"
        return all(edge % 1 == 0.5 for edge in self.levels.edges)

    def _shown(self, value: float | None) -> str:
        if value is None:
            return ""
        if self.tag is not None and self.tag.unit == "share":
            return f"{value:.1%}"
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def words_of(levels: Sequence[TagLevels]) -> tuple[Words, ...]:
    """The words of each tag."""
    known: Mapping[str, Tag] = {tag.name: tag for tag in catalogue(entity="customer")}
    return tuple(Words(tag, known.get(tag.name)) for tag in levels)


def check_language(language: str) -> str:
    """Return `language` if it is English or Chinese."""
    return check_choice("language", language, LANGUAGES)


def _just_below(edge: float | None) -> float | None:
    """The value that an edge lies just above, where it was set apart as a heavy one (`encode`)."""
    if edge is None:
        return None
    below = float(np.nextafter(edge, -np.inf))
    return below if len(repr(below)) < len(repr(edge)) else None


def _dates(low: float | None, high: float | None, language: str) -> str:
    first, after = (
        None if edge is None else np.datetime64(int(np.ceil(edge)), "D") for edge in (low, high)
    )
    if first is None:
        return _BEFORE[language].format(after)
    if after is None:
        return _SINCE[language].format(first)
    return _BETWEEN[language].format(first, after - 1)
