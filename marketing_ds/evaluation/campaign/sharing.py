"""Sharing: who passed a campaign on, whom that brought, and how long the chains are."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import pandas as pd

from marketing_ds._core.display import Result

from .reach import with_share
from .rows import CampaignRows

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

MAX_DEPTH = 20
"""Chains are followed this far."""


@dataclass(frozen=True)
class Sharing(Result):
    """Shares of a campaign and the depth of their chains.

    A customer's depth is the number of shares between them and somebody whom the campaign itself
    reached: 1 for who came by a share of such a customer, 2 for who came by a share of those. Of
    several shares that led a customer here, the first counts.

    Attributes
    ----------
    shares, sharers : int
        Shares, and customers who shared, in the attribution window or not, assigned or not.
    brought : int or None
        Customers whom a share led to the campaign; None where the mart does not say whose share
        led to an event (column `shared_by` of events).
    depth : int or None
        The longest chain; None where that is not known.
    unrooted : int
        Customers brought in circles, or deeper than 20: their depth is not known.
    brought_per_sharer : float
        Customers brought by one who shared; above 1 a campaign grows by itself. NaN if unknown.
    """

    shares: int
    sharers: int
    brought: int | None
    depth: int | None
    unrooted: int
    _frame: pd.DataFrame = field(repr=False)

    @property
    def brought_per_sharer(self) -> float:
        """Customers brought by one who shared; NaN where that is not known."""
        known = self.brought is not None and self.sharers > 0
        return float(self.brought or 0) / self.sharers if known else float("nan")

    def to_frame(self) -> pd.DataFrame:
        """One row a depth, 0 first: customers, those of them who shared, and their share.

        Depth 0 are the customers assigned or seen whom no share brought. Empty where the depth is
        not known.
        """
        return self._frame.copy()


def sharing_of(mart: Mart, rows: CampaignRows, *, alpha: float) -> Sharing:
    """Count shares and follow their chains, a join a level."""
    if rows.events is None:
        return Sharing(0, 0, None, None, 0, _levels([], alpha))
    shares = rows.events.filter(rows.events.event == "share")
    found = shares.aggregate(shares=shares.count(), sharers=shares.customer_id.nunique())
    counts = found.to_pyarrow().to_pylist()[0]
    if not rows.shared_by_known:
        return Sharing(counts["shares"], counts["sharers"], None, None, 0, _levels([], alpha))
    with ExitStack() as stack:
        sharers = stack.enter_context(
            mart.connection.held(shares.select(_sharer="customer_id").distinct())
        )
        links = stack.enter_context(mart.connection.held(_links(rows.events)))
        levels, unrooted = followed(mart, links, sharers)
        own = _counted(_own_audience(rows, links), sharers)
        brought = unrooted + sum(customers for customers, _ in levels)
    return Sharing(
        counts["shares"],
        counts["sharers"],
        brought,
        len(levels),
        unrooted,
        _levels([own, *levels], alpha),
    )


def followed(mart: Mart, links: ir.Table, sharers: ir.Table) -> tuple[list[tuple[int, int]], int]:
    """Customers, and sharers among them, at depth 1, 2, …; and how many have no depth.

    `links` has one row a customer brought, with `shared_by`. A circle is never entered: its
    customers are not below anybody whom nobody brought.
    """
    left_over = int(links.count().to_pyarrow().as_py())
    levels: list[tuple[int, int]] = []
    level = _led_by_nobody(links)
    with ExitStack() as stack:
        while left_over and len(levels) < MAX_DEPTH:
            level = stack.enter_context(mart.connection.held(level))
            customers, shared = _counted(level, sharers)
            if not customers:
                break
            levels.append((customers, shared))
            left_over -= customers
            level = _led_by(links, level)
    return levels, left_over


def _links(events: ir.Table) -> ir.Table:
    """Each customer who was brought, with who brought them first; nobody brings themselves."""
    led = events.filter(
        events.shared_by.notnull(), (events.shared_by != events.customer_id).fill_null(False)
    )
    order = ibis.row_number().over(
        group_by=led.customer_id, order_by=[led.occurred_at, led.event_id]
    )
    return led.mutate(_n=order).filter(lambda t: t["_n"] == 0).select("customer_id", "shared_by")


def _own_audience(rows: CampaignRows, links: ir.Table) -> ir.Table:
    """Everybody assigned, seen or named as a sharer whom no share brought."""
    assert rows.events is not None
    everybody = ibis.union(
        rows.assigned.select("customer_id"),
        rows.events.select("customer_id"),
        links.select(customer_id="shared_by"),
    ).distinct()
    return everybody.anti_join(links, "customer_id")


def _led_by_nobody(links: ir.Table) -> ir.Table:
    """Customers brought by somebody whom nobody brought."""
    brought = links.select(_brought="customer_id")
    return links.anti_join(brought, links.shared_by == brought["_brought"])


def _led_by(links: ir.Table, level: ir.Table) -> ir.Table:
    """Customers brought by those of a level."""
    above = level.select(_above="customer_id")
    return links.semi_join(above, links.shared_by == above["_above"])


def _counted(level: ir.Table, sharers: ir.Table) -> tuple[int, int]:
    """Customers of a level, and how many of them shared."""
    beside = level.left_join(sharers, level.customer_id == sharers["_sharer"])
    found = beside.aggregate(customers=beside.count(), shared=beside["_sharer"].count())
    row = found.to_pyarrow().to_pylist()[0]
    return int(row["customers"]), int(row["shared"])


def _levels(levels: list[tuple[int, int]], alpha: float) -> pd.DataFrame:
    columns = ["depth", "customers", "sharers"]
    found = [(depth, *counts) for depth, counts in enumerate(levels)]
    frame = pd.DataFrame(found, columns=columns).astype("int64")
    return with_share(frame, "sharing_share", "sharers", "customers", alpha)
