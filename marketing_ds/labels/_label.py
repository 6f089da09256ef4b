"""How a label is declared: its names, what it says, and the rule that answers it."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import ibis.expr.types as ir

from marketing_ds._core.checks import check_date
from marketing_ds._core.errors import InvalidInput

from ._window import Window, need_tables

if TYPE_CHECKING:
    from marketing_ds.mart import Mart


class LabelRule(Protocol):
    """What a label is made of."""

    @property
    def lineage(self) -> tuple[str, ...]:
        """Columns of the mart that it reads, as `table.column`."""

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables that must be there."""

    def own_window(self, mart: Mart, known: dt.date) -> tuple[dt.date, int] | None:
        """Cut-off and horizon in days, where the label itself says which; else None."""

    def rows(self, mart: Mart, window: Window) -> ir.Table:
        """`customer_id`, `label` (boolean): one row for each customer it speaks of."""


@dataclass(frozen=True)
class Label:
    """One declared outcome of a customer: what shall be foretold.

    Parameters
    ----------
    name : str
        What files and results call it.
    title_en, title_zh : str
        The name shown to people, in English and Chinese.
    description : str
        What 1 says, and which customers it does not speak of.
    rule : LabelRule
        What it is made of; `bought`, `define` and the others make one.
    """

    name: str
    title_en: str
    title_zh: str
    description: str
    rule: LabelRule

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise InvalidInput(
                f"name must be lower case letters, digits and underscores, got {self.name!r}"
            )

    @property
    def lineage(self) -> tuple[str, ...]:
        """Columns of the mart that it reads, as `table.column`."""
        return tuple(sorted({*self.rule.lineage, "customers.customer_id", "customers.opened_on"}))

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables of the mart that must be there for it."""
        return tuple(dict.fromkeys((*self.rule.tables, "customers")))

    def title(self, language: str = "en") -> str:
        """The name shown to people, in English (`en`) or Chinese (`zh`)."""
        return self.title_zh if language == "zh" else self.title_en

    def own_window(
        self, mart: Mart, as_of: str | dt.date | None = None
    ) -> tuple[dt.date, int] | None:
        """Cut-off and horizon in days of a campaign's outcome; None for labels of any day."""
        need_tables(mart, self.name, self.tables)
        return self.rule.own_window(
            mart, mart.last_date if as_of is None else check_date("as_of", as_of)
        )

    def table(
        self,
        mart: Mart,
        cutoff: str | dt.date,
        horizon_days: int,
        *,
        as_of: str | dt.date | None = None,
    ) -> ir.Table:
        """Whom it came true for, strictly after `cutoff` and within the horizon.

        Parameters
        ----------
        mart : Mart
            Where to look.
        cutoff : date or str
            Rows count from the next day on.
        horizon_days : int
            For this many days.
        as_of : date or str, optional
            Only what the mart knew by the end of this day; by default all that it holds. A row of
            the horizon that was recorded late counts once it is known.

        Returns
        -------
        ibis.Table
            `customer_id` and `label` (0 or 1, int64): one row for each customer opened by `cutoff`
            that the label speaks of.

        Raises
        ------
        InvalidInput
            If the horizon is not over by `as_of`, or the label's product, campaign or outcome is
            not in the mart.
        MartError
            If the mart lacks a table that it needs.
        """
        need_tables(mart, self.name, self.tables)
        rows = self.rule.rows(mart, Window.of(mart, cutoff, horizon_days, as_of))
        return rows.select("customer_id", label=rows["label"].cast("int64"))
