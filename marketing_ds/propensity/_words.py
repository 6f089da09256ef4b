"""What a tag says of a customer, as a phrase in English or Chinese.

A tag's shape, read off its English title, its unit and its type, decides how a value is put:

===========  =======================================  ===========================================
shape        title and value                          phrase
===========  =======================================  ===========================================
growth       Growth of assets in 30 days, -0.4        Assets fell by 40 % in 30 days
change       Change of deposits in 90 days, 1200 CNY  Deposits rose by 1,200 CNY in 90 days
since        Days since the last purchase, 12         12 days since the last purchase
count        Searches, last 30 days, 3                3 searches over the last 30 days
amount       Amount paid, last 90 days, 500 CNY       Amount paid over the last 90 days: 500 CNY
truth        Holds funds, true                        Holds funds
word         Lifecycle stage, growing                 Lifecycle stage: growing
date         Opened on, 2021-03-04                    Opened on: 2021-03-04
===========  =======================================  ===========================================

Values are put into words tag by tag, not customer by customer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from marketing_ds.features import InputColumn, Kind
from marketing_ds.tags import Tag, catalogue

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
Shape = Literal["growth", "change", "since", "count", "amount", "truth", "word", "date"]

_MOVED = re.compile(r"(Growth|Change) of (.+) in (\d+) days")
_WINDOWED = re.compile(r"(.+), last (\d+) days")
_MOVED_ZH = re.compile(r"近(\d+)天(.+?)变动率?")
_SINCE_ZH = re.compile(r"距(.+)天数")
_NEVER = (
    (re.compile(r"the (?:last|first) (\w+)"), r"No \1 recorded"),
    (re.compile(r"the last (\w+) was (\w+)"), r"No \1 was \2"),
    (re.compile(r"(.+) was last (.+)"), r"\1 was never \2"),
    (re.compile(r"last (.+)"), r"Never \1"),
)
_NEVER_ZH = re.compile(r"距(?:上次|首次)(.+)天数")
_UNIT_ZH = {"years": "岁", "seconds": "秒", "seconds a day": "秒", "CNY": "元"}
_NOT_SAID = ("ratio", "day of the month")  # units that only repeat the title
_SCALE = re.compile(r"1 \(low\) to (\d+)")


@dataclass(frozen=True)
class TagWords:
    """How one column of a model's input is put into words.

    Attributes
    ----------
    name : str
    kind : {"number", "boolean", "category", "date"}
    title_en, title_zh : str
    unit : str or None
    whole : bool
        Whether its values are whole numbers.
    words : mapping of str to str
        Chinese names of its values.
    """

    name: str
    kind: Kind
    title_en: str
    title_zh: str
    unit: str | None
    whole: bool
    words: Mapping[str, str]

    @cached_property
    def shape(self) -> Shape:
        """Which of the phrases above its values make."""
        plain: dict[Kind, Shape] = {"boolean": "truth", "category": "word", "date": "date"}
        if self.kind != "number":
            return plain[self.kind]
        moved = _MOVED.fullmatch(self.title_en)
        if moved:
            return "growth" if moved[1] == "Growth" and self.unit == "share" else "change"
        if self.title_en.startswith("Days since ") and self.unit == "days":
            return "since"
        head = _windowed(self.title_en)[0].lower()
        return "count" if self.whole and self.unit and self.unit in head.split() else "amount"

    def phrases(self, values: NDArray[np.float64], language: Language) -> list[str]:
        """One phrase a value; NaN is null. Booleans are 1 and 0, dates days since 1970-01-01."""
        distinct, at = np.unique(values, return_inverse=True)
        said = [self._say(value, language) for value in distinct.tolist()]
        return [said[i] for i in at.tolist()]

    def phrase_of_word(self, word: str | None, language: Language) -> str:
        """The phrase of one category; None is null."""
        if word is None:
            return self._null(language)
        if language == "zh":
            return f"{self.title_zh}：{self.words.get(word, word)}"
        return f"{_over(self.title_en)}: {word}"

    def _say(self, value: float, language: Language) -> str:
        if value != value:
            return self._null(language)
        # What is left of a zero by rounding is not said to have moved.
        value = round(value, 2) if self.unit == "CNY" else value
        return self._say_zh(value) if language == "zh" else self._say_en(value)

    def _say_en(self, value: float) -> str:
        title = self.title_en
        if self.shape in ("growth", "change"):
            _, what, days = _MOVED.fullmatch(title).groups()  # type: ignore[union-attr]
            what = _capital(what)
            if value == 0:
                return f"{what} did not change in {days} days"
            way = "rose" if value > 0 else "fell"
            return f"{what} {way} by {self._number(abs(value), 'en')} in {days} days"
        if self.shape == "since":
            return f"{value:,.0f} {_one('days', value)}{title[4:]}"
        if self.shape == "count":
            return self._count(value)
        if self.shape == "truth":
            return title if value else f"{title}: no"
        if self.shape == "date":
            return f"{title}: {_day(value)}"
        return f"{_over(title)}: {self._number(value, 'en')}"

    def _say_zh(self, value: float) -> str:
        title = self.title_zh
        moved, since = _MOVED_ZH.fullmatch(title), _SINCE_ZH.fullmatch(title)
        if self.shape in ("growth", "change") and moved:
            days, what = moved.groups()
            if value == 0:
                return f"近{days}天{what}没有变化"
            ways = ("上升", "下降") if self.shape == "growth" else ("增加", "减少")
            return f"近{days}天{what}{ways[value < 0]}{self._number(abs(value), 'zh')}"
        if self.shape == "since" and since:
            return f"距{since[1]}{value:,.0f}天"
        if self.shape == "truth":
            return title if value else f"{title}：否"
        if self.shape == "date":
            return f"{title}：{_day(value)}"
        return f"{title}为{self._number(value, 'zh')}"

    def _count(self, value: float) -> str:
        """A number in front of what it counts."""
        head, window = _windowed(self.title_en)
        counted = head[0].lower() + head[1:]
        if value == 1:
            unit = str(self.unit)
            counted = re.sub(rf"\b{unit}\b", _one(unit, 1), counted)
        none = value == 0 and self.unit != "days"
        return f"{'No' if none else f'{value:,.0f}'} {counted}{window}"

    def _number(self, value: float, language: Language) -> str:
        """A number with its unit."""
        gap = " " if language == "en" else ""
        unit = self.unit
        if unit == "share":
            percent = value * 100
            return f"{percent:,.0f}{gap}%" if abs(percent) >= 100 else f"{percent:.3g}{gap}%"
        if unit == "hour of the day":
            minutes = round(value * 60) % (24 * 60)
            return f"{minutes // 60:02d}:{minutes % 60:02d}"
        scale = _SCALE.fullmatch(unit or "")
        if scale:
            return (
                f"{value:.0f} of {scale[1]}"
                if language == "en"
                else f"{value:.0f}（满分{scale[1]}）"
            )
        text = f"{value:,.0f}" if self.whole or abs(value) >= 1000 else f"{value:.4g}"
        if language == "zh":
            return text + _UNIT_ZH.get(unit or "", "")
        return text if unit is None or unit in _NOT_SAID else f"{text} {_one(unit, value)}"

    def _null(self, language: Language) -> str:
        if language == "zh":
            never = _NEVER_ZH.fullmatch(self.title_zh) if self.shape == "since" else None
            return f"没有{never[1]}记录" if never else f"{self.title_zh}：未知"
        if self.shape == "since":
            rest = self.title_en.removeprefix("Days since ")
            for pattern, said in _NEVER:
                if pattern.fullmatch(rest):
                    return _capital(pattern.sub(said, rest))
        return f"{_over(self.title_en)}: not known"


def words_of(columns: Iterable[InputColumn], tags: Iterable[Tag] = ()) -> tuple[TagWords, ...]:
    """The words of a model's columns: those of `tags`, of the catalogue, or made of their names.

    Examples
    --------
    >>> searches, own = words_of([InputColumn("searches_30d", "number"),
    ...                           InputColumn("gifts_cny_90d", "number")])
    >>> searches.phrases(np.array([1.0, 7.0]), "en")
    ['1 search over the last 30 days', '7 searches over the last 30 days']
    >>> own.phrases(np.array([1500.0]), "en") + own.phrases(np.array([1500.0]), "zh")
    ['Gifts over the last 90 days: 1,500 CNY', '近90天gifts为1,500元']
    """
    known = {tag.name: tag for tag in catalogue(entity="customer")} | {t.name: t for t in tags}
    return tuple(
        _of_tag(column, known[column.name]) if column.name in known else _of_name(column)
        for column in columns
    )


def _of_tag(column: InputColumn, tag: Tag) -> TagWords:
    return TagWords(
        column.name,
        # A tag may come in a form of its own, e.g. a boolean as 0 and 1 where a file knows no booleans.
        "boolean" if tag.type == "boolean" and column.kind == "number" else column.kind,
        tag.title_en,
        tag.title_zh,
        tag.unit,
        tag.type == "int64",
        dict(tag.words),
    )


def _of_name(column: InputColumn) -> TagWords:
    """Words for a column that nobody has declared: its name, taken apart as the catalogue's are."""
    parts = column.name.split("_")
    days = next((part[:-1] for part in parts if re.fullmatch(r"\d+d", part)), None)
    unit = {"cny": "CNY", "share": "share"}
    found = next((unit[part] for part in parts if part in unit), None)
    said = [part for part in parts if part and part != "cny" and part != f"{days}d"]
    plain = " ".join(said) or column.name
    return TagWords(
        column.name,
        column.kind,
        _capital(plain) + (f", last {days} days" if days else ""),
        (f"近{days}天" if days else "") + plain,
        "days" if plain.startswith("days since ") else found,
        False,
        {},
    )


def _windowed(title: str) -> tuple[str, str]:
    """A title's head, and its window as it is said."""
    found = _WINDOWED.fullmatch(title)
    return (found[1], f" over the last {found[2]} days") if found else (title, "")


def _over(title: str) -> str:
    return "".join(_windowed(title))


def _one(unit: str, value: float) -> str:
    """A unit's singular where there is one."""
    if value != 1 or not unit.endswith("s"):
        return unit
    if unit.endswith("ies"):
        return f"{unit[:-3]}y"
    return unit[:-2] if unit.endswith("ches") else unit[:-1]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _day(days: float) -> str:
    return str(np.datetime64(int(days), "D"))
