"""How a tag is declared: a `Tag` with a rule, and what a rule may be made of.

A rule is a fact of the entity's own table (`Fact`), an aggregate of a source (`Aggregate`), a list
that somebody hands in (`Listed`), or a `Formula` over facts, aggregates, other tags and the day
(`AS_OF`). Rules say *what*, never how: the compiler sees all rules together and merges those of one
source into one scan.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import ibis.expr.types as ir

from marketing_ds import schema
from marketing_ds._core.checks import check_choice, check_columns, check_count
from marketing_ds._core.errors import InvalidInput

from ._entities import ENTITIES, EntityName
from ._listed import Listed as Listed
from ._sources import SOURCES

How = Literal["count", "sum", "days", "customers", "recency", "since_first", "latest", "max"]
Sensitivity = Literal["normal", "sensitive"]
Freshness = Literal["daily", "monthly", "static"]
Where = tuple[tuple[str, tuple[object, ...]], ...]
Lineage = tuple[str, ...]

_OF_A_COLUMN = ("sum", "latest", "max")
_WINDOWED = ("count", "sum", "days", "customers")
_DATED = ("days", "recency", "since_first", "latest")
_ENTITY_TABLES = tuple(entity.table for entity in ENTITIES.values())


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
    """A column of the entity's own table: `customers`, `products` or `campaigns`."""

    column: str
    table: str = "customers"

    def __post_init__(self) -> None:
        check_choice("table", self.table, _ENTITY_TABLES)
        check_columns(schema.MART[self.table].column_names, [self.column], self.table)

    @property
    def lineage(self) -> Lineage:
        """Columns read, as `table.column`."""
        return (f"{self.table}.{self.column}",)


@dataclass(frozen=True)
class Aggregate:
    """One number (or word) a customer, product or campaign, from the rows of one source.

    ========================  ==========================================================  ==========
    `how`                     what                                                        no rows
    ========================  ==========================================================  ==========
    ``count``                 rows                                                        0
    ``sum``                   sum of `column`                                             0
    ``days``                  days on which there was a row                               0
    ``customers``             distinct customers (of products and campaigns only)         0
    ``recency``               days from the last row to `as_of`                           null
    ``since_first``           days from the first row to `as_of`                          null
    ``latest``                the last known value of `column`                            null
    ``max``                   the greatest value of `column`                              null
    ========================  ==========================================================  ==========

    The first four may have a window: the last `days` days, `as_of` included.
    """

    source: str
    how: How
    column: str | None = None
    where: Where = ()
    days: int | None = None
    """The window; None for all time."""

    def __post_init__(self) -> None:
        check_choice("source", self.source, tuple(SOURCES))
        check_choice("how", self.how, get_args(How))
        if (self.column is None) == (self.how in _OF_A_COLUMN):
            raise InvalidInput(
                f"column must be given for 'sum', 'latest' and 'max' only, "
                f"got how={self.how!r} with column={self.column!r}"
            )
        self._check_window()
        used = [column for column, _ in self.where] + [c for c in (self.column,) if c]
        check_columns(sorted(SOURCES[self.source].columns), used, f"source {self.source!r}")

    def _check_window(self) -> None:
        if self.how == "days" and self.days is None:
            raise InvalidInput("days must be given for how='days': active days of what window?")
        if self.days is not None:
            check_count("days", self.days, low=1)
            if self.how not in _WINDOWED:
                raise InvalidInput(
                    f"days must be left out for how={self.how!r}, which looks at all time; "
                    f"a window is for {', '.join(map(repr, _WINDOWED))}"
                )
        timed = self.days is not None or self.how in _DATED
        if timed and schema.MART[self.source].dated_by is None:
            raise InvalidInput(f"source {self.source!r} has no dates, so it cannot be asked when")

    @property
    def lineage(self) -> Lineage:
        """Columns read, as `table.column`."""
        source, contract = SOURCES[self.source], schema.MART[self.source]
        columns = [column for column, _ in self.where]
        columns += [c for c in (self.column, contract.dated_by, contract.known_from) if c]
        if self.how == "customers":
            columns.append("customer_id")
        read = {raw for column in columns or contract.grain for raw in source.lineage(column)}
        return tuple(sorted(read))


@dataclass(frozen=True)
class Formula:
    """A function of Ibis columns; `inputs` are handed to it in order."""

    function: Callable[..., ir.Value]
    inputs: tuple[Fact | Aggregate | AsOf | Tag, ...]


@dataclass(frozen=True)
class Tag:
    """One named fact about a customer, a product or a campaign as of a date.

    Parameters
    ----------
    name : str
        The column's name; what rules call it.
    title_en, title_zh : str
        The name shown to people, in English and Chinese.
    type : {"string", "int64", "float64", "boolean", "date"}
        The column's type.
    rule : Fact, Aggregate, Listed or Formula
        What it is made of.
    description : str
        What it says, and what null means.
    unit : str, optional
        Unit of the values.
    sensitivity : {"normal", "sensitive"}
        ``sensitive`` tags (gender, age, …) need a reason to be used in a decision.
    entity : {"customer", "product", "campaign"}
        What it is a fact about.
    freshness : {"daily", "monthly", "static"}
        How often it can change: with each day's rows, with each snapshot of balances, or seldom.
    owner : str
        Who answers for it.
    subject : str
        The heading under which the catalogue shows it.
    words : tuple of (str, str)
        The values of a tag of words, each with its Chinese name, in their natural order.

    Raises
    ------
    InvalidInput
        If a field breaks its rule, or the rule is made of what is not there for the entity.
    """

    name: str
    title_en: str
    title_zh: str
    type: schema.ColumnType
    rule: Fact | Aggregate | Listed | Formula
    description: str
    unit: str | None = None
    sensitivity: Sensitivity = "normal"
    entity: EntityName = "customer"
    freshness: Freshness = "daily"
    owner: str = "marketing"
    subject: str = "other"
    words: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"attr_.+|[a-z][a-z0-9_]*", self.name):
            raise InvalidInput(
                f"name must be lower case letters, digits and underscores, got {self.name!r}"
            )
        check_choice("type", self.type, get_args(schema.ColumnType))
        check_choice("sensitivity", self.sensitivity, get_args(Sensitivity))
        check_choice("entity", self.entity, tuple(ENTITIES))
        check_choice("freshness", self.freshness, get_args(Freshness))
        if self.name == ENTITIES[self.entity].key or self.name == "as_of":
            raise InvalidInput(f"name must differ from the table's keys, got {self.name!r}")
        for item in self.inputs:
            self._check_input(item)

    def _check_input(self, item: Input) -> None:
        """What a rule is made of must speak of the tag's entity."""
        entity = ENTITIES[self.entity]
        if isinstance(item, Tag) and item.entity != self.entity:
            raise InvalidInput(
                f"tag {self.name!r} is about a {self.entity} and must stand on tags of the same, "
                f"got {item.name!r} about a {item.entity}"
            )
        if isinstance(item, Fact) and item.table != entity.table:
            raise InvalidInput(
                f"tag {self.name!r} is about a {self.entity} and must read facts of "
                f"{entity.table!r}, got {item.table!r}"
            )
        if isinstance(item, Aggregate):
            self._check_aggregate(item)

    def _check_aggregate(self, item: Aggregate) -> None:
        source, about = SOURCES[item.source], f"tag {self.name!r} is about a {self.entity}"
        if not source.serves(self.entity):
            raise InvalidInput(
                f"{about}; source {item.source!r} cannot serve it, as its rows have no "
                f"{ENTITIES[self.entity].key}"
            )
        if item.how == "customers" and self.entity == "customer":
            raise InvalidInput(f"{about}; how='customers' is for products and campaigns")
        for column in (item.column, *(column for column, _ in item.where)):
            if source.only_for.get(str(column), self.entity) != self.entity:
                raise InvalidInput(
                    f"{about}; column {column!r} of source {item.source!r} is made for a "
                    f"{source.only_for[str(column)]} only"
                )

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What the rule is made of."""
        return self.rule.inputs if isinstance(self.rule, Formula) else (self.rule,)

    @property
    def aggregates(self) -> tuple[Aggregate, ...]:
        """Every aggregate needed, those of the tags it stands on included."""
        return tuple(dict.fromkeys(i for i in self._all_inputs() if isinstance(i, Aggregate)))

    @property
    def facts(self) -> tuple[Fact, ...]:
        """Every fact needed, those of the tags it stands on included."""
        return tuple(dict.fromkeys(i for i in self._all_inputs() if isinstance(i, Fact)))

    def _all_inputs(self) -> Iterator[Input]:
        for item in self.inputs:
            if isinstance(item, Tag):
                yield from item._all_inputs()
            else:
                yield item

    @property
    def lineage(self) -> Lineage:
        """Columns of the mart that it reads, as `table.column`."""
        read = {column for i in self.inputs if not isinstance(i, AsOf) for column in i.lineage}
        return tuple(sorted(read))

    @property
    def sources(self) -> tuple[str, ...]:
        """Sources it scans, the entity's own table where it needs no other."""
        return tuple(dict.fromkeys(a.source for a in self.aggregates)) or (
            ENTITIES[self.entity].table,
        )

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables of the mart that must be there for it."""
        also = [name for s in self.sources if s in SOURCES for name in SOURCES[s].also]
        read = [column.split(".")[0] for a in self.aggregates for column in a.lineage]
        return tuple(dict.fromkeys((*self.sources, *also, *read)))

    @property
    def window(self) -> int | None:
        """Days it looks back, None if it looks at all time or at no events."""
        windows = [a.days for a in self.aggregates]
        return max((w for w in windows if w), default=None) if None not in windows else None

    def title(self, language: str = "en") -> str:
        """The name shown to people, in English (`en`) or Chinese (`zh`)."""
        return self.title_zh if language == "zh" else self.title_en

    def __repr__(self) -> str:
        return f"Tag({self.name}: {self.type} of a {self.entity}, {self.title_en!r})"

    def _repr_html_(self) -> str:
        from ._catalogue_html import catalogue_html

        return catalogue_html([self])

    def value_title(self, value: str, language: str = "en") -> str:
        """How `value` is shown to people: its Chinese name in `zh`, where it has one."""
        return dict(self.words).get(value, value) if language == "zh" else value


Input: TypeAlias = Fact | Aggregate | AsOf | Listed | Tag
"""What a rule may be made of."""
