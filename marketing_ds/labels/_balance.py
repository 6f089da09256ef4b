"""The label of a balance that grew: two snapshots compared."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis.expr.types as ir

from marketing_ds._core.errors import InvalidInput
from marketing_ds.schema.known import date_of
from marketing_ds.tags._snapshots import prepare_holdings
from marketing_ds.tags._tag import Where

from ._happened import check_ids
from ._window import Window, open_customers

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

_HALF_A_CENT = 0.005


@dataclass(frozen=True)
class Grown:
    """The balance at the horizon's last snapshot, against the last one by the cut-off."""

    by: float
    where: Where

    @property
    def lineage(self) -> tuple[str, ...]:
        """Columns of the mart that it reads."""
        columns = ("balance_cny", "customer_id", "product_id", "snapshot_date")
        return (*(f"holdings.{column}" for column in columns), "products.category")

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables that must be there."""
        return ("holdings", "products")

    def own_window(self, mart: Mart, known: dt.date) -> None:
        """It may be asked of any day."""

    def rows(self, mart: Mart, window: Window) -> ir.Table:
        """`customer_id`, `label` of customers with a balance at the cut-off."""
        check_ids(mart, self.where)
        first, last = _snapshots(mart, window)
        # Prepared as of the last of the two, as tags are: products that a snapshot lacks are gone.
        before = self._balances(mart, first).rename(_before="balance")
        after = self._balances(mart, last).rename(_owner="customer_id", _after="balance")
        customers = open_customers(mart, window.cutoff).inner_join(before, "customer_id")
        joined = customers.left_join(after, customers.customer_id == after["_owner"])
        wanted = joined["_before"] * (1.0 + self.by)
        # To half a cent: 1,000 × 1.1 is a little over 1,100 in binary.
        grown = joined["_after"].fill_null(0.0) >= wanted - _HALF_A_CENT
        return joined.select("customer_id", label=grown)

    def _balances(self, mart: Mart, day: dt.date) -> ir.Table:
        rows = prepare_holdings(mart, day).rows
        rows = rows.filter(rows.at_now)
        for column, values in self.where:
            rows = rows.filter(rows[column].isin(values))
        return rows.group_by("customer_id").aggregate(balance=rows.balance_cny.sum())


def _snapshots(mart: Mart, window: Window) -> tuple[dt.date, dt.date]:
    """The last snapshots by the cut-off and by the end of the horizon."""
    day = mart["holdings"].snapshot_date
    by_cutoff = day.max(where=day <= date_of(window.cutoff))
    by_end = day.max(where=day <= date_of(window.end))
    found = mart["holdings"].aggregate(first=by_cutoff, last=by_end).to_pyarrow().to_pylist()[0]
    first, last = found["first"], found["last"]
    if first is None:
        raise InvalidInput(
            f"cutoff must not lie before the first snapshot of holdings, got {window.cutoff}; "
            f"use a later cutoff"
        )
    if last <= window.cutoff:
        raise InvalidInput(
            f"horizon must hold a snapshot of holdings, got none from {window.cutoff} (excluded) "
            f"to {window.end}; use a longer horizon, or cutoffs at the days of snapshots"
        )
    return first, last
