"""How a tag is declared: a `Tag` with a rule, and what a rule may be made of.

A rule is a fact of the customers table (`Fact`), an aggregate of a source (`Aggregate`), or a
`Formula` over these, other tags and the day (`AS_OF`). Rules say *what*, never how: the compiler
sees all rules together and merges those of one source into one scan.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import ibis.expr.types as ir

from marketing_ds import schema
from marketing_ds._core.checks import check_choice, check_columns, check_count
from marketing_ds._core.errors import InvalidInput

from ._sources import SOURCES

How = Literal["count", "sum", "recency", "days", "latest"]
Sensitivity = Literal["normal", "sensitive"]
Where = tuple[tuple[str, tuple[object, ...]], ...]
Lineage = tuple[str, ...]

_CUSTOMER_COLUMNS = schema.CUSTOMERS.column_names


def where(**conditions: object) -> Where:
    """Conditions that must all hold: column is the value, or is one of a tuple of values.

    Examples
    --------
    >>> where(kind=("salary", "deposit"), channel="app")
    (('channel', ('app',)), ('kind', ('salary', 'deposit')))
    """
    return tuple(
        (column, value if isinstance(value, tuple) else (value,))
        for column, value in sorted(conditions.items())
    )


@dataclass(frozen=True)
class AsOf:
    """The day that the tags are made for."""


AS_OF = AsOf()


@dataclass(frozen=True)
class Fact:
    """A column of the customers table."""

    column: str

    def __post_init__(self) -> None:
        check_columns(_CUSTOMER_COLUMNS, [self.column], "customers")

    @property
    def lineage(self) -> Lineage:
        """Columns read, as `table.column`."""
        return (f"customers.{self.column}",)


@dataclass(frozen=True)
class Aggregate:
    """One number (or word) a customer, from the rows of one source.

    `how`: ``count`` of rows and ``sum`` of `column` (0 without rows), ``recency`` in days from the
    last row to `as_of` (null without rows), ``days`` on which there was a row (0 without), and the
    ``latest`` known value of `column` (null without).
    """

    source: str
    how: How
    column: str | None = None
    where: Where = ()
    days: int | None = None
    """The window: the last `days` days, `as_of` included; None for all time."""

    def __post_init__(self) -> None:
        check_choice("source", self.source, tuple(SOURCES))
        check_choice("how", self.how, get_args(How))
        if (self.column is None) == (self.how in ("sum", "latest")):
            raise InvalidInput(
                f"column must be given for 'sum' and 'latest' only, "
                f"got how={self.how!r} with column={self.column!r}"
            )
        if self.how == "days" and self.days is None:
            raise InvalidInput("days must be given for how='days': active days of what window?")
        if self.days is not None:
            check_count("days", self.days, low=1)
        used = [column for column, _ in self.where] + [c for c in (self.column,) if c]
        check_columns(sorted(SOURCES[self.source].columns), used, f"source {self.source!r}")

    @property
    def lineage(self) -> Lineage:
        """Columns read, as `table.column`."""
        source, contract = SOURCES[self.source], schema.MART[self.source]
        columns = [column for column, _ in self.where]
        columns += [c for c in (self.column, contract.dated_by, contract.known_from) if c]
        read = {raw for column in columns for raw in source.lineage(column)}
        return tuple(sorted(read))


@dataclass(frozen=True)
class Formula:
    """A function of Ibis columns; `inputs` are handed to it in order."""

    function: Callable[..., ir.Value]
    inputs: tuple[Fact | Aggregate | AsOf | Tag, ...]


@dataclass(frozen=True)
class Tag:
    """One named fact about a customer as of a date.

    Parameters
    ----------
    name : str
        The column's name; what rules call it.
    title_en, title_zh : str
        The name shown to people, in English and Chinese.
    type : {"string", "int64", "float64", "boolean", "date"}
        The column's type.
    rule : Fact, Aggregate or Formula
        What it is made of.
    unit : str, optional
        Unit of the values.
    description : str
        What it says, and what null means.
    sensitivity : {"normal", "sensitive"}
        ``sensitive`` tags (gender, age, …) need a reason to be used in a decision.
    """

    name: str
    title_en: str
    title_zh: str
    type: schema.ColumnType
    rule: Fact | Aggregate | Formula
    description: str
    unit: str | None = None
    sensitivity: Sensitivity = "normal"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"attr_.+|[a-z][a-z0-9_]*", self.name):
            raise InvalidInput(
                f"name must be lower case letters, digits and underscores, got {self.name!r}"
            )
        check_choice("type", self.type, get_args(schema.ColumnType))
        check_choice("sensitivity", self.sensitivity, get_args(Sensitivity))

    @property
    def inputs(self) -> tuple[Fact | Aggregate | AsOf | Tag, ...]:
        """What the rule is made of."""
        return self.rule.inputs if isinstance(self.rule, Formula) else (self.rule,)

    @property
    def aggregates(self) -> tuple[Aggregate, ...]:
        """Every aggregate needed, those of the tags it stands on included."""
        found: dict[Aggregate, None] = {}
        for item in self.inputs:
            if isinstance(item, Aggregate):
                found[item] = None
            elif isinstance(item, Tag):
                found.update(dict.fromkeys(item.aggregates))
        return tuple(found)

    @property
    def lineage(self) -> Lineage:
        """Columns of the mart that it reads, as `table.column`."""
        read = {column for i in self.inputs if not isinstance(i, AsOf) for column in i.lineage}
        return tuple(sorted(read))

    @property
    def sources(self) -> tuple[str, ...]:
        """Sources it scans, `customers` where it needs no other."""
        return tuple(dict.fromkeys(a.source for a in self.aggregates)) or ("customers",)

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables of the mart that must be there for it."""
        also = [name for s in self.sources if s in SOURCES for name in SOURCES[s].also]
        return tuple(dict.fromkeys((*self.sources, *also)))

    @property
    def window(self) -> int | None:
        """Days it looks back, None if it looks at all time or at no events."""
        windows = [a.days for a in self.aggregates]
        return max((w for w in windows if w), default=None) if None not in windows else None

    def title(self, language: str = "en") -> str:
        """The name shown to people, in English (`en`) or Chinese (`zh`)."""
        return self.title_zh if language == "zh" else self.title_en
