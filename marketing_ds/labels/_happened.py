"""Labels of rows: something happened within the horizon, often enough, or not at all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis.expr.types as ir

from marketing_ds import schema
from marketing_ds._core.errors import InvalidInput, did_you_mean
from marketing_ds.tags._sources import SOURCES
from marketing_ds.tags._tag import Where

from ._window import Window, open_customers

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

_SHOWN_IDS = 20
_LOOKED_UP = {"product_id": "products", "campaign_id": "campaigns"}


@dataclass(frozen=True)
class Measured:
    """A number or condition of each row: numbers are added up, true conditions counted."""

    function: Callable[..., ir.Value]
    columns: tuple[str, ...]

    def total(self, rows: ir.Table) -> ir.Scalar:
        """The sum over rows."""
        value = self.function(*(rows[name] for name in self.columns))
        return value.cast("float64").sum()


@dataclass(frozen=True)
class Happened:
    """Rows of a source within the horizon, counted or added up by customer.

    Parameters
    ----------
    source : str
        A table with one row an event.
    where : tuple
        Conditions on its columns, made by `marketing_ds.tags.where`.
    moment : str, optional
        The column that says when; that which dates the table by default.
    measured : Measured, optional
        What is added up; rows are counted by default.
    at_least : float
        From this total on the label is 1.
    absent : bool
        Whether it is the other way round: 1 below `at_least`.
    active_within : int, optional
        Speak only of customers who had a row within so many days up to the cut-off.
    """

    source: str
    where: Where = ()
    moment: str | None = None
    measured: Measured | None = None
    at_least: float = 1
    absent: bool = False
    active_within: int | None = None

    @property
    def lineage(self) -> tuple[str, ...]:
        """Columns of the mart that it reads."""
        contract, source = schema.MART[self.source], SOURCES[self.source]
        columns = [column for column, _ in self.where]
        columns += [*(self.measured.columns if self.measured else ()), "customer_id", self._when]
        columns += [c for c in (contract.dated_by, contract.known_from) if c]
        looked_up = {
            f"{_LOOKED_UP[column]}.{column}" for column, _ in self.where if column in _LOOKED_UP
        }
        return tuple(sorted({raw for c in columns for raw in source.lineage(c)} | looked_up))

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables that must be there."""
        return tuple(dict.fromkeys((self.source, *(raw.split(".")[0] for raw in self.lineage))))

    @property
    def _when(self) -> str:
        return self.moment or str(schema.MART[self.source].dated_by)

    def own_window(self, mart: Mart, known: dt.date) -> None:
        """It may be asked of any day."""

    def rows(self, mart: Mart, window: Window) -> ir.Table:
        """`customer_id`, `label` of the customers it speaks of."""
        check_ids(mart, self.where)
        inside = self._kept(mart, window)
        total = inside.count() if self.measured is None else self.measured.total(inside)
        found = inside.group_by(_customer=inside.customer_id).aggregate(_total=total)
        customers = self._asked(mart, window.cutoff)
        joined = customers.left_join(found, customers.customer_id == found["_customer"])
        enough = joined["_total"].fill_null(0) >= self.at_least
        return joined.select("customer_id", label=~enough if self.absent else enough)

    def _kept(self, mart: Mart, window: Window) -> ir.Table:
        """Rows of the window.

        Steps such as a redemption are as they stood at the window's end. Rows that reach the mart
        late are taken as far as they are known, since they tell what did happen.
        """
        late = schema.MART[self.source].known_from is not None
        rows = SOURCES[self.source].prepare(mart, window.known if late else window.end).rows
        rows = rows.filter(window.holds(rows[self._when]))
        for column, values in self.where:
            rows = rows.filter(rows[column].isin(values))
        return rows

    def _asked(self, mart: Mart, cutoff: dt.date) -> ir.Table:
        customers = open_customers(mart, cutoff)
        if self.active_within is None:
            return customers
        rows = SOURCES[self.source].prepare(mart, cutoff).rows
        since = Window(cutoff - dt.timedelta(days=self.active_within), cutoff, cutoff)
        return customers.semi_join(rows.filter(since.holds(rows[self._when])), "customer_id")


def check_ids(mart: Mart, conditions: Where) -> None:
    """Raise unless the products and campaigns that a label names are the mart's."""
    for column, values in conditions:
        if column not in _LOOKED_UP:
            continue
        table = _LOOKED_UP[column]
        ids = mart[table].select(column).order_by(column).to_pyarrow()[column].to_pylist()
        for value in values:
            if value not in ids:
                shown = ", ".join(ids[:_SHOWN_IDS]) or "it has none"
                raise InvalidInput(
                    f"{column} must be one of the mart's ({shown}"
                    f"{', …' if len(ids) > _SHOWN_IDS else ''}), got "
                    f"{value!r}{did_you_mean(str(value), ids)}"
                )
