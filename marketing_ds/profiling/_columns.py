"""The tags that are compared, how their values are grouped into cells, and what people call them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import ibis
import ibis.expr.types as ir
import pandas as pd

from marketing_ds._core.checks import check_choice, check_columns
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.hashing import is_drawn
from marketing_ds.tags import Tag, catalogue

from ._bins import GRID, Bin, make_bins
from ._sides import ID, Sides

LANGUAGES = ("en", "zh")
KEYS = (ID, "as_of")
Kind = Literal["boolean", "whole", "number", "word", "date", ""]
_NUMBERS = ("whole", "number")
_MISSING = {"en": "(missing)", "zh": "（缺失）"}
_MONEY = {"en": " (CNY)", "zh": "（元）"}
_YES_NO = {"en": ("yes", "no"), "zh": ("是", "否")}
_YES, _NO = "1", "2"
_LARGEST = 1e150
"""Beyond it a number is no amount of anything, and its square would be infinite."""
_ENOUGH = 50_000
"""Customers from whom the quantiles of all are known to a quarter of a percentage point."""


@dataclass(frozen=True)
class Column:
    """A tag, how its values are grouped, and its declaration where it has one."""

    name: str
    kind: Kind
    tag: Tag | None = field(default=None, repr=False)
    bins: tuple[Bin, ...] = ()

    @property
    def numeric(self) -> bool:
        """Whether it holds numbers."""
        return self.kind in _NUMBERS

    @property
    def coded(self) -> bool:
        """Whether its cells are numbered, and so known before they are counted."""
        return self.numeric or self.kind == "boolean"

    def code(self, value: ir.Value) -> ir.IntegerValue:
        """The number of a value's cell: 0 where it is missing, else from 1.

        Bins are asked for in order, so that one comparison each is enough.
        """
        if self.kind == "boolean":
            return ibis.cases((value, int(_YES)), (~value, int(_NO)), else_=0)
        number = finite(value)
        below = [
            (number <= b.low if b.alone else number < b.high, i)
            for i, b in enumerate(self.bins, start=1)
            if b.alone or b.high is not None
        ]
        return ibis.cases((number.isnull(), 0), *below, else_=len(self.bins))

    def word(self, value: ir.Value) -> ir.StringValue:
        """The cell of a value that is not numbered: the word itself, or the year."""
        return value.year().cast("string") if self.kind == "date" else value

    def title(self, language: str) -> str:
        """The tag's name for people, with its unit where that is money."""
        if self.tag is None:
            return self.name
        unit = _MONEY[language] if self.tag.unit == "CNY" else ""
        return f"{self.tag.title(language)}{unit}"

    def label(self, cell: str | None, language: str) -> str:
        """A cell for people."""
        if cell is None:
            return _MISSING[language]
        if self.kind == "boolean":
            return _YES_NO[language][cell != _YES]
        if not self.numeric:
            return self.tag.value_title(cell, language) if self.tag else cell
        percent = self.tag is not None and self.tag.unit == "share"
        label = self.bins[int(cell) - 1].label
        return label(whole=self.kind == "whole", percent=percent, language=language)

    def place(self, cell: str | None) -> tuple[int, str]:
        """Where a cell stands in the natural order of the tag's values; missing ones last."""
        words = [word for word, _ in self.tag.words] if self.tag else []
        if cell is None:
            return 1_000_000, ""
        if self.coded:
            return int(cell), ""
        return (words.index(cell), "") if cell in words else (len(words), cell)


def told_in(language: str, rows: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """`columns` of rows that have some of them once a language, as `title_en` and `title_zh`."""
    chosen = check_choice("language", language, LANGUAGES)
    return rows.rename(columns={f"{name}_{chosen}": name for name in columns})[list(columns)]


def finite(value: ir.NumericValue) -> ir.NumericValue:
    """The number, null where it is NaN, infinite, or larger than any amount."""
    number = value.cast("float64")
    if not value.type().is_floating():
        return number
    return (number.abs() <= _LARGEST).ifelse(number, None)


def choose_columns(base: ir.Table, tags: Sequence[str | Tag] | None) -> tuple[Column, ...]:
    """The tags to compare: those named, or all of a type that can be.

    Raises
    ------
    InvalidInput
        If a tag is unknown or of another type, or there is none.
    """
    if isinstance(tags, str):
        raise InvalidInput(f"tags must be a list of names, got the text {tags!r}")
    own = {tag.name: tag for tag in tags or () if isinstance(tag, Tag)}
    named = None if tags is None else [t.name if isinstance(t, Tag) else t for t in tags]
    if named is not None:
        check_columns(base.columns, named, "base")
    names = [n for n in base.columns if n not in KEYS] if named is None else dict.fromkeys(named)
    known: Mapping[str, Tag] = {tag.name: tag for tag in catalogue()} | own
    columns = [Column(name, kind_of(base[name]), known.get(name)) for name in names]
    odd = [column.name for column in columns if not column.kind]
    if odd and tags is not None:
        raise InvalidInput(
            f"tags must hold numbers, words, dates, or true or false; {odd[0]!r} holds "
            f"{base[odd[0]].type()}"
        )
    kept = tuple(column for column in columns if column.kind)
    if not kept:
        raise InvalidInput("base must have at least one tag to compare, it has none")
    return kept


def kind_of(column: ir.Value) -> Kind:
    """What a column holds; empty where it cannot be compared."""
    type_ = column.type()
    if type_.is_boolean():
        return "boolean"
    if type_.is_integer():
        return "whole"
    if type_.is_numeric():
        return "number"
    if type_.is_string():
        return "word"
    return "date" if type_.is_date() or type_.is_timestamp() else ""


def with_bins(sides: Sides, columns: Sequence[Column], customers: int) -> tuple[Column, ...]:
    """The columns, the numeric ones with their bins; one query.

    Whole numbers are told by their values too: pandas keeps those with nulls as floats. Of very
    many customers the quantiles are those of a random part: edges are rounded anyway, and
    what is counted into the bins is everybody.
    """
    numeric = [column for column in columns if column.numeric]
    if not numeric:
        return tuple(columns)
    table = sides.rows(
        drawn=is_drawn(sides.table[ID], min(1.0, _ENOUGH / customers), salt="quantiles"),
        **{f"v{i}": finite(sides.table[c.name]) for i, c in enumerate(numeric)},
    )
    asked: dict[str, ir.Value] = {}
    for i in range(len(numeric)):
        number = table[f"v{i}"]
        drawn = number if customers <= _ENOUGH else table["drawn"].ifelse(number, None)
        asked |= {
            f"grid_{i}": drawn.quantile(list(GRID)),
            f"part_{i}": (number != number.floor()).any(),
            f"least_{i}": number.min(),
            f"most_{i}": number.max(),
        }
    found = table.aggregate(**asked).to_pyarrow().to_pylist()[0]
    binned = {
        column.name: _binned(
            column, found[f"grid_{i}"], found[f"least_{i}"], found[f"most_{i}"], found[f"part_{i}"]
        )
        for i, column in enumerate(numeric)
    }
    return tuple(binned.get(column.name, column) for column in columns)


def _binned(
    column: Column,
    grid: Sequence[float] | None,
    least: float | None,
    most: float | None,
    part: bool | None,
) -> Column:
    if least is None or most is None:
        return column  # nobody has a value
    middle = list(grid)[1:-1] if grid else []
    whole = not part
    kind: Kind = "whole" if whole else "number"
    return replace(column, kind=kind, bins=make_bins([least, *middle, most], whole=whole))
