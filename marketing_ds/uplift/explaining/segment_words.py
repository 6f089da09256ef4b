"""Segments in words: the answers that lead to a leaf, and what to do there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from marketing_ds._core.estimate import Estimate

from .bands import BandedTag

AND = {"en": " and ", "zh": "且"}
_OR = {"en": " or ", "zh": "或"}
_EVERYONE = {"en": "Everyone", "zh": "所有客户"}


@dataclass(frozen=True)
class Condition:
    """The bands of one tag that lead somewhere."""

    tag: BandedTag
    bands: tuple[int, ...]
    """Those let through, rising; bands of a number are neighbours, those of nulls the last."""

    def words(self, language: str) -> str:
        """``age below 35``, ``channel is app or web``, ``age at least 50 or unknown``."""
        tag = self.tag
        known = [band for band in self.bands if band < tag.known]
        open_ = tag.unknown and tag.known in self.bands
        if not known:
            return _joined(tag.title(language), "is unknown", "未知", language)
        if tag.kind == "category":
            return self._levels(language)
        whole = len(known) == tag.known
        if whole:  # parted only from those who are unknown
            return _joined(tag.title(language), "is known", "已知", language)
        said = self._range(known[0], known[-1], language)
        return f"{said}{' or unknown' if language == 'en' else '或未知'}" if open_ else said

    def _levels(self, language: str) -> str:
        tag = self.tag
        rest = [band for band in range(tag.size) if band not in self.bands]
        few = len(rest) < len(self.bands)
        names = _OR[language].join(
            tag.label(band, language) for band in (rest if few else self.bands)
        )
        title = tag.title(language)
        if language == "zh":
            return f"{title}{'不' if few else ''}为{names}"
        return f"{_inner(title)} is {'not ' if few else ''}{names}"

    def _range(self, first: int, last: int, language: str) -> str:
        tag = self.tag
        title, label = tag.title(language), tag.label
        low, high = tag.bounds(first, last)
        if tag.kind == "boolean":
            return _joined(title, f"is {label(first)}", f"为{label(first, 'zh')}", language)
        said = tag.range_label(first, last, language)
        if tag.kind == "number" and said == tag.shown(tag.least):
            return _joined(title, f"is {said}", f"为{said}", language)
        if tag.kind == "date" or (low is not None and high is not None):
            return _joined(title, said, f"为{said}", language)
        if high is not None:
            words = ("at most", "不高于") if high.above else ("below", "低于")
            value = high.value
        else:
            words = ("above", "高于") if low is not None and low.above else ("at least", "不低于")
            value = low.value if low is not None else tag.least
        return _joined(
            title, f"{words[0]} {tag.shown(value)}", f"{words[1]}{tag.shown(value)}", language
        )


def conditions_in_words(conditions: Sequence[Condition], language: str) -> str:
    """``Age below 35 and channel is app``; ``Everyone`` where there are none."""
    if not conditions:
        return _EVERYONE[language]
    said = AND[language].join(condition.words(language) for condition in conditions)
    return said[:1].upper() + said[1:] if language == "en" else said


def effect_in_words(effect: Estimate, *, binary: bool, language: str) -> str:
    """``+2.1 points [1.2, 3.0]``: of a 0/1 outcome in percentage points, else by customer.

    Examples
    --------
    >>> effect = Estimate.normal(0.021, 0.005, alpha=0.05)
    >>> effect_in_words(effect, binary=True, language="en")
    '+2.1 points [1.1, 3.1]'
    >>> effect_in_words(effect, binary=True, language="zh")
    '+2.1 个百分点 [1.1, 3.1]'
    """
    if effect.se != effect.se:
        return "effect not measured" if language == "en" else "效果未测得"
    times = 100.0 if binary else 1.0
    value, low, high = (times * end for end in (effect.value, effect.ci_lower, effect.ci_upper))
    digits = _digits(times * effect.se)
    ends = f"[{low:.{digits}f}, {high:.{digits}f}]"
    if language == "zh":
        told = (
            f"{value:+.{digits}f} 个百分点 {ends}"
            if binary
            else f"每名客户 {value:+.{digits}f} {ends}"
        )
    else:
        told = f"{value:+.{digits}f} {'points' if binary else 'per customer'} {ends}"
    if effect.ci_lower <= 0 <= effect.ci_upper:
        told += ", not distinguishable from zero" if language == "en" else "，与零无显著差异"
    return told


def _digits(error: float) -> int:
    """As many as the standard error has something to say about; one at least."""
    digits = 1
    while digits < 6 and error < 0.5 * 10.0**-digits:
        digits += 1
    return digits


def _joined(title: str, en: str, zh: str, language: str) -> str:
    return f"{title}{zh}" if language == "zh" else f"{_inner(title)} {en}"


def _inner(title: str) -> str:
    """A title inside a sentence: small, unless it starts with an abbreviation."""
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]
