"""The words in which a table's contract is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import ibis
    import pandera.ibis as pandera

ColumnType = Literal["string", "int64", "float64", "boolean", "date", "timestamp"]

CONTACT_CHANNELS = ("app", "wechat", "sms", "email", "phone")
"""Channels through which the bank may contact a customer; each has a consent flag."""
BEHAVIOUR_CHANNELS = ("app", "web", "wechat", "branch", "call_centre", "email", "phone")
"""Channels in which a customer may be seen to act."""
CATEGORIES = ("deposit", "wealth", "fund", "insurance", "loan", "card", "retail")
"""Product categories; `retail` is for goods in marts that come from shops."""
CONTROL = "control"
"""The arm of customers who were held out."""


def consent_column(channel: str) -> str:
    """The column of `customers` that says whether `channel` may be used.

    Examples
    --------
    >>> consent_column("sms")
    'consent_sms'
    """
    return f"consent_{channel}"


@dataclass(frozen=True)
class Column:
    """One column: type, meaning, unit and the values it may hold."""

    name: str
    type: ColumnType
    description: str
    unit: str | None = None
    nullable: bool = False
    allowed: tuple[str, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    exclusive: bool = False
    """Whether `minimum` and `maximum` themselves are excluded."""


@dataclass(frozen=True)
class ForeignKey:
    """`columns` of this table must be found in `columns` of `table` (same names)."""

    columns: tuple[str, ...]
    table: str


@dataclass(frozen=True)
class Order:
    """`earlier` must not lie after `later` (where both are known)."""

    earlier: str
    later: str


@dataclass(frozen=True)
class Table:
    """The contract of one table."""

    name: str
    description: str
    grain: tuple[str, ...]
    columns: tuple[Column, ...]
    foreign_keys: tuple[ForeignKey, ...] = ()
    order: tuple[Order, ...] = ()
    dated_by: str | None = None
    """The column that says when a row came true; `as_of` cuts here."""
    known_from: str | None = None
    """The column that says when the bank knew; late rows count from this date on."""
    required: bool = False
    """Whether a mart without this table is refused; any other absent table counts as empty."""
    planned: bool = False
    """Whether rows may be dated ahead of today: a campaign, a product to come."""
    needs_account: bool = False
    """Whether no row may be dated before its customer's `opened_on`."""

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The declaration of one column."""
        return self.columns[self.column_names.index(name)]

    def to_pandera(
        self, parents: Mapping[str, ibis.Table] | None = None
    ) -> pandera.DataFrameSchema:
        """The contract as a pandera schema of an Ibis table.

        Parameters
        ----------
        parents : mapping of str to ibis.Table, optional
            The tables that foreign keys point to, on the same connection; without them, foreign
            keys are not checked.

        Examples
        --------
        >>> from marketing_ds.schema import PRODUCTS
        >>> PRODUCTS.to_pandera().unique
        ['product_id']
        """
        from .as_pandera import pandera_schema

        return pandera_schema(self, parents or {})


def id_column(name: str, description: str, *, nullable: bool = False) -> Column:
    """A column of ids."""
    return Column(name, "string", description, nullable=nullable)


def money_column(
    name: str, description: str, *, nullable: bool = False, minimum: float | None = 0.0
) -> Column:
    """A column of amounts in CNY."""
    return Column(name, "float64", description, unit="CNY", nullable=nullable, minimum=minimum)
