"""Which customers, as of which cut-off, with which label: decided in the engine, counted once."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import pandas as pd

from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.hashing import salted_digest
from marketing_ds.labels._window import Window
from marketing_ds.schema.known import date_of, known_by

from ._plan import Plan, Population

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

KEPT, NOT_OPENED, CLOSED, OUTSIDE, SILENT = "kept", "not_opened", "closed", "population", "label"
LEFT_OUT = (NOT_OPENED, CLOSED, OUTSIDE, SILENT)
"""Why a customer is left out at a cut-off, in the order in which it is asked."""
_CLOSED_ON = "closed_on"


@dataclass(frozen=True)
class Counts:
    """Customers at one cut-off."""

    window: Window
    customers: int
    positives: int
    left_out: dict[str, int]

    @property
    def negatives(self) -> int:
        """Customers whom it did not come true for."""
        return self.customers - self.positives


def everybody(mart: Mart, plan: Plan, population: Population) -> ir.Table:
    """`customer_id`, `as_of`, `status` (kept, or why not), `label`: a row a customer and cut-off."""
    parts = [
        _of_cutoff(mart, plan, window, population.members(mart, window.cutoff))
        for window in plan.windows
    ]
    return ibis.union(*parts) if len(parts) > 1 else parts[0]


def _of_cutoff(mart: Mart, plan: Plan, window: Window, members: ir.Table | None) -> ir.Table:
    day = date_of(window.cutoff)
    customers = known_by(mart["customers"], "customers", window.known)
    closed = ibis.literal(False)
    if _CLOSED_ON in customers.columns:  # beyond the contract, where a bank has it
        closed = (customers[_CLOSED_ON].cast("date") <= day).fill_null(False)
    rows = customers.select("customer_id", late=customers.opened_on > day, closed=closed)
    outside: ir.BooleanValue = ibis.literal(False)
    if members is not None:
        meant = members.select(_member="customer_id")
        rows = rows.left_join(meant, rows.customer_id == meant["_member"])
        outside = rows["_member"].isnull()
    rows = rows.select("customer_id", "late", "closed", outside=outside)
    told = plan.label.table(mart, window.cutoff, plan.horizon_days, as_of=window.known)
    told = told.select(_told="customer_id", _label="label")
    joined = rows.left_join(told, rows.customer_id == told["_told"])
    status = ibis.cases(
        (joined.late, NOT_OPENED), (joined.closed, CLOSED), (joined.outside, OUTSIDE),
        (joined["_label"].isnull(), SILENT), else_=KEPT,
    )  # fmt: skip
    return joined.select("customer_id", as_of=day, status=status, label=joined["_label"])


def counted(rows: ir.Table, plan: Plan) -> tuple[Counts, ...]:
    """How many are kept and left out at each cut-off.

    Raises
    ------
    InvalidInput
        If nobody is kept, or only one class.
    """
    found = (
        rows.group_by("as_of", "status")
        .aggregate(customers=rows.count(), positives=rows.label.sum().fill_null(0))
        .to_pyarrow()
        .to_pylist()
    )
    by_key: dict[tuple[dt.date, str], dict[str, int]] = {
        (row["as_of"], row["status"]): row for row in found
    }
    nothing = {"customers": 0, "positives": 0}
    counts = []
    for window in plan.windows:
        kept = by_key.get((window.cutoff, KEPT), nothing)
        left = {why: by_key.get((window.cutoff, why), nothing)["customers"] for why in LEFT_OUT}
        counts.append(Counts(window, int(kept["customers"]), int(kept["positives"]), left))
    _check_classes(plan, counts)
    return tuple(counts)


def _check_classes(plan: Plan, counts: list[Counts]) -> None:
    customers, positives = (sum(getattr(c, n) for c in counts) for n in ("customers", "positives"))
    if 0 < positives < customers:
        return
    left = pd.DataFrame([c.left_out for c in counts]).sum().to_dict()
    raise InvalidInput(
        f"label {plan.label.name!r} must have come true for some customers and not for others, got "
        f"{positives:,} of {customers:,} at {len(counts)} cut-off(s) (left out: "
        f"{', '.join(f'{why} {int(n):,}' for why, n in left.items())}); use other cutoffs, a "
        f"longer horizon or a wider population"
    )


def drawn(
    rows: ir.Table, counts: tuple[Counts, ...], negatives: float | None, random_state: int
) -> ir.Table:
    """The rows to learn from: `customer_id`, `as_of`, `label`.

    With `negatives` so many customers for whom it did not come true are drawn by lot for each for
    whom it did, anew at each cut-off: a salted hash of the customer, the same on every engine.
    """
    kept = rows.filter(rows.status == KEPT).select("customer_id", "as_of", "label")
    if negatives is None:
        return kept
    parts = [kept.filter(kept.label == 1)]
    for one in counts:
        limit = wanted(one, negatives)
        if limit:
            others = kept.filter(kept.as_of == date_of(one.window.cutoff), kept.label == 0)
            salt = f"negatives:{random_state}:{one.window.cutoff}"
            lot = salted_digest(others.customer_id, salt=salt)
            parts.append(others.order_by(lot, others.customer_id).limit(limit))
    return ibis.union(*parts) if len(parts) > 1 else parts[0]


def wanted(counts: Counts, negatives: float | None) -> int:
    """Negatives to keep at a cut-off; at least one of them stands for all, if there are any."""
    if negatives is None:
        return counts.negatives
    return min(counts.negatives, max(1, round(negatives * counts.positives)))
