"""What the sections of a campaign's report are built from: tables, bars of effects, numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from marketing_ds._core.markup import Markup, drawing, element
from marketing_ds.tags import Tag, catalogue

LANGUAGES = ("en", "zh")
Words = Mapping[str, str]
"""The words of one language by their key."""


def whole(value: float) -> str:
    """A count, or a dash where it is not known.

    Examples
    --------
    >>> whole(12345), whole(float("nan"))
    ('12,345', '—')
    """
    return "—" if math.isnan(value) else f"{value:,.0f}"


def percent(value: float, *, signed: bool = False) -> str:
    """A share with three digits, never more than two behind the point.

    Examples
    --------
    >>> percent(0.1234), percent(0.00456), percent(-0.02, signed=True)
    ('12.3 %', '0.46 %', '-2.00 %')
    """
    if math.isnan(value):
        return "—"
    digits = 1 if abs(value) >= 0.1 else 2
    return f"{100 * value:{'+' if signed else ''}.{digits}f} %"


def money(value: float, *, signed: bool = False) -> str:
    """An amount in yuan; cents only where the amount is small.

    Examples
    --------
    >>> money(123456.7), money(3.456), money(-20, signed=True)
    ('¥123,457', '¥3.46', '-¥20.00')
    """
    if math.isnan(value):
        return "—"
    sign = "-" if value < 0 else "+" if signed else ""
    return f"{sign}¥{abs(value):,.{0 if abs(value) >= 1000 else 2}f}"


def between(low: str, high: str) -> Markup:
    """An interval behind its estimate."""
    return element("small", f"[{low}, {high}]", class_="dim")


def tag_title(column: str, language: str) -> str:
    """What a tag is called; other columns keep their name."""
    tags = _tags()
    return tags[column].title(language) if column in tags else column


def tag_value(column: str, value: str, language: str) -> str:
    """What a value of a tag is called; values of other columns stay as they are."""
    tags = _tags()
    return tags[column].value_title(value, language) if column in tags else value


@cache
def _tags() -> Mapping[str, Tag]:
    return {tag.name: tag for tag in catalogue()}


def section(title: str, *content: object, note: str | None = None) -> Markup:
    """A section of the page under its heading; the note says how to read it."""
    notes = [element("p", note, class_="note")] if note else []
    return element("section", element("h2", title), *notes, *content)


def card(title: str, *content: object) -> Markup:
    """A smaller part with its own heading; several stand side by side in `cards`."""
    return element("div", element("h3", title), *content, class_="card")


def cards(*parts: Markup) -> Markup:
    """Parts that stand side by side where the page is wide enough."""
    return element("div", *parts, class_="cards")


def table(
    head: Sequence[str], rows: Iterable[Sequence[object]], *, text_columns: int = 1
) -> Markup:
    """A table; the first `text_columns` columns are words, the others numbers set right."""
    names = [
        element("th", name, class_=None if i < text_columns else "number")
        for i, name in enumerate(head)
    ]
    body = [
        element(
            "tr",
            *(
                element("td", cell, class_=None if i < text_columns else "number")
                for i, cell in enumerate(row)
            ),
        )
        for row in rows
    ]
    whole_table = element(
        "table", element("thead", element("tr", *names)), element("tbody", *body), class_="full"
    )
    return element("div", whole_table, class_="wide")


@dataclass(frozen=True)
class EffectScale:
    """Where effects lie across a column of small pictures; 0 is always inside."""

    low: float
    high: float
    width: float = 220.0

    @classmethod
    def over(cls, values: Iterable[float], width: float = 220.0) -> EffectScale:
        """A scale with room for every finite value, and for 0."""
        there = [0.0, *(value for value in values if math.isfinite(value))]
        low, high = min(there), max(there)
        room = 0.04 * (high - low) or 1.0
        return cls(low - room, high + room, width)

    def at(self, value: float) -> float:
        """The place of a value; what lies outside stands at the edge."""
        inside = min(max(value, self.low), self.high)
        return self.width * (inside - self.low) / (self.high - self.low)


def effect_bar(
    scale: EffectScale, value: float, ends: tuple[float, float], *, label: str
) -> Markup:
    """An effect as a dot with its interval against the line of no effect."""
    low, high = (scale.at(end) for end in ends)
    side = "up" if ends[0] > 0 else "down" if ends[1] < 0 else "open"
    shapes = [
        element("line", x1=scale.at(0), x2=scale.at(0), y1=0, y2=18, class_="zero"),
        element("line", x1=low, x2=high, y1=9, y2=9, class_="range"),
    ]
    if scale.low <= value <= scale.high:  # a dot at the edge would be taken for the effect
        shapes.append(element("circle", cx=scale.at(value), cy=9, r=5, class_=side))
    return drawing(scale.width, 18, *shapes, label=label, class_="bar")


def share_bar(value: float, most: float, *, label: str, width: float = 220.0) -> Markup:
    """One bar from 0, as long as the value's part of the greatest."""
    wide = width * value / most if most > 0 and math.isfinite(value) else 0.0
    shape = element("rect", x=0, y=3, width=wide, height=12, class_="ours")
    return drawing(width, 18, shape, label=label, class_="bar")


def shade(value: float, most: float) -> str | None:
    """The background of a cell: the deeper the blue, the larger the value."""
    if not math.isfinite(value) or most <= 0:
        return None
    return f"background:rgba(31,95,168,{0.04 + 0.46 * min(value / most, 1.0):.2f})"
