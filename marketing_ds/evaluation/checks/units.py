"""Whether every customer is in one arm, once."""

from __future__ import annotations

import ibis
import pandas as pd

from .check import Check, found


def units_check(table: ibis.Table, arm: str, unit: str) -> Check:
    """Count customers that come more than once, and those in more than one arm."""
    again, mixed = units_found(table, arm, unit)
    facts = {"again": again, "mixed": mixed}
    frame = pd.DataFrame([facts])
    said = "units_mixed" if again else "units_once"
    return found("mixed assignment", said, facts, frame, passed=again == 0)


def units_found(table: ibis.Table, arm: str, unit: str) -> tuple[int, int]:
    """How many customers come more than once (or are null), and how many in more than one arm."""
    ids = table[unit]
    # Counting hashes is several times cheaper; a collision only leads to the exact count.
    if _one_row_each(table, ids, ids.hash()) or _one_row_each(table, ids, ids):
        return 0, 0
    each = table.group_by(unit).aggregate(rows=table.count(), arms=table[arm].nunique())
    again = each.filter(each[unit].isnull() | (each.rows > 1))
    asked = again.aggregate(customers=again.count(), mixed=(again.arms > 1).sum())
    numbers = asked.to_pyarrow().to_pylist()[0]
    return int(numbers["customers"]), int(numbers["mixed"])


def _one_row_each(table: ibis.Table, ids: ibis.Value, key: ibis.Value) -> bool:
    asked = table.aggregate(rows=table.count(), known=ids.count(), keys=key.nunique())
    numbers = asked.to_pyarrow().to_pylist()[0]
    return bool(numbers["rows"] == numbers["known"] == numbers["keys"])
