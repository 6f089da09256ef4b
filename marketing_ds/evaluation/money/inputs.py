"""Before the sums: one row a customer, costs that can be costs, and how skewed profit is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import ibis

from marketing_ds._core.checks import check_columns
from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.checks.units import units_found
from marketing_ds.evaluation.engine import Frame, as_table, columns_of

_CUSTOMER = "customer_id"


def customer_rows(data: Frame, needed: Sequence[str], arm: str) -> ibis.Table:
    """The needed columns as a table, in which no customer comes twice."""
    check_columns(columns_of(data), needed, "data")
    ids = [_CUSTOMER] if _CUSTOMER in columns_of(data) else []
    table = as_table(data, [*ids, *needed])
    again, mixed = units_found(table, arm, _CUSTOMER) if ids else (0, 0)
    if again:
        raise InvalidInput(
            f"data must have one row per customer_id, got {again:,} customers more than once (or "
            f"null), {mixed:,} of them in more than one arm; look at the assignment, or sum up to "
            "one row a customer"
        )
    return table


def profit_skews(table: ibis.Table, arm: str, margin: str, cost: str) -> dict[str, float]:
    """Third central moment of each arm's profit over n², from one query; costs are checked in it.

    It is what an arm adds to the third moment of its mean: how far that is from normal.
    """
    for column in (margin, cost):
        kind = table[column].type()
        if not (kind.is_numeric() or kind.is_boolean()):
            raise InvalidInput(f"{column!r} must hold numbers, got {kind}")
    costs = table[cost].cast("float64")
    profit = table[margin].cast("float64") - costs
    rows = table.select(arm=table[arm].cast("string"), cost=costs, profit=profit)
    asked = rows.group_by("arm").aggregate(
        n=rows.count(),
        negative=(rows.cost < 0).sum(),
        least=rows.cost.min(),
        one=rows.profit.sum(),
        two=(rows.profit * rows.profit).sum(),
        three=(rows.profit * rows.profit * rows.profit).sum(),
    )
    found = asked.to_pyarrow().to_pylist()
    if not found:
        raise InvalidInput("data must have at least one row, got none")
    negative = sum(row["negative"] or 0 for row in found)
    if negative:
        raise InvalidInput(
            f"{cost!r} must not be negative, got {negative:,} rows below 0 (least "
            f"{min(row['least'] for row in found):,.2f}); a reversed benefit costs 0, and what "
            "flows back is margin"
        )
    return {str(row["arm"]): _third(row) for row in found}


def _third(row: Mapping[str, Any]) -> float:
    if row["three"] is None:
        return math.nan
    n = row["n"]
    mean = row["one"] / n
    third = row["three"] / n - 3 * mean * row["two"] / n + 2 * mean**3
    return float(third / n**2)
