"""Whether every customer is in one arm, once."""

from __future__ import annotations

from itertools import takewhile

import ibis
import pandas as pd

from marketing_ds._core.errors import InvalidInput

from .check import Check, found

_ROOM, _MOST_BITS = 8, 2**30
"""Bits a customer, and in all."""


def _joined(number: int, low: int, high: int) -> str:
    return f"{number} of {low} to {high}"


def _set(bits: str) -> int:
    return len(bits)


# DuckDB has them under these names; only the signatures are used, and Ibis knows no bit strings.
_bits = ibis.udf.agg.builtin(
    _joined, name="bitstring_agg", signature=(("int64", "int64", "int64"), "string")
)
_ones = ibis.udf.scalar.builtin(_set, name="bit_count", signature=(("string",), "int64"))


def units_check(table: ibis.Table, arm: str, unit: str) -> Check:
    """Count customers that come more than once, and those in more than one arm."""
    again, mixed = units_found(table, arm, unit)
    facts = {"again": again, "mixed": mixed}
    frame = pd.DataFrame([facts])
    said = "units_mixed" if again else "units_once"
    return found("mixed assignment", said, facts, frame, passed=again == 0)


def units_found(table: ibis.Table, arm: str, unit: str) -> tuple[int, int]:
    """How many customers come more than once (or are null), and how many in more than one arm."""
    if _all_once(table, table[unit]):
        return 0, 0
    each = table.group_by(unit).aggregate(rows=table.count(), arms=table[arm].nunique())
    again = each.filter(each[unit].isnull() | (each.rows > 1))
    asked = again.aggregate(customers=again.count(), mixed=(again.arms > 1).sum())
    numbers = asked.to_pyarrow().to_pylist()[0]
    return int(numbers["customers"]), int(numbers["mixed"])


def check_units(table: ibis.Table, arm: str, unit: str) -> None:
    """Raise where a customer comes more than once."""
    again, mixed = units_found(table, arm, unit)
    if again:
        raise InvalidInput(
            f"data must have one row per {unit}, got {again:,} customers more than once (or "
            f"null), {mixed:,} of them in more than one arm; look at the assignment, or sum up to "
            "one row a customer"
        )


def _all_once(table: ibis.Table, ids: ibis.Value) -> bool:
    """Whether as many different ids are there as rows.

    Whatever is made of ids, as many different results prove as many different ids; so the cheapest
    that tells them apart will do, and where it does not, the next one is tried.
    """
    ends = {}
    if ids.type().is_integer() or ids.type().is_string():
        ends = {"low": ids.min(), "high": ids.max()}
    found = table.aggregate(rows=table.count(), known=ids.count(), **ends).to_pyarrow()
    facts = found.to_pylist()[0]
    rows = int(facts["rows"])
    if facts["known"] < rows:
        return False
    marked = _marked(table, ids, facts["low"], facts["high"], rows) if ends and rows else None
    for different in (marked, ids.hash().nunique(), ids.nunique()):
        if different is not None:
            asked = table.aggregate(different=different).to_pyarrow()
            if asked["different"][0].as_py() == rows:
                return True
    return False


def _marked(
    table: ibis.Table, ids: ibis.Value, low: int | str, high: int | str, rows: int
) -> ibis.Value | None:
    """How many bits are set when every id sets that of its number: a third of a hash's work.

    The number is what follows the letters that the least and the greatest id begin with, so all
    between them do. Numbers too large, and what is none, set no bit. DuckDB only.
    """
    if ibis.get_backend(table).name != "duckdb":
        return None
    size = min(_ROOM * rows, _MOST_BITS)
    if isinstance(low, str) and isinstance(high, str):
        same = takewhile(lambda pair: pair[0] == pair[1], zip(low, high, strict=False))
        start = sum(1 for _ in same)
        while start and low[start - 1].isdigit():
            start -= 1
        if not (low[start:].isdigit() and high[start:].isdigit()):
            return None
        number = ids.substr(start).try_cast("int64")
    elif int(high) - int(low) < size:
        number = ids.cast("int64") - ibis.literal(int(low), "int64")
    else:
        return None
    inside = ibis.ifelse((number >= 0) & (number < size), number, ibis.null("int64"))
    return _ones(_bits(inside, ibis.literal(0, "int64"), ibis.literal(size - 1, "int64")))
