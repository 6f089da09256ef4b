"""Tags of many days at once: each customer as of the day that stands beside the id."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from marketing_ds._core.checks import check_columns
from marketing_ds._core.errors import InvalidInput
from marketing_ds.schema.known import date_of

from ._compile import check_day, choose, compiled
from ._sources import MartLike
from ._tag import Tag

_KEYS = ["customer_id", "as_of"]


def tags_of_keys(
    mart: MartLike, keys: pd.DataFrame | ir.Table, tags: Sequence[str | Tag] | None
) -> ir.Table:
    """The work behind `tag_table(mart, keys=…)`.

    The days are computed one by one and stacked: to add up a row once for every window and day that
    it falls into is what costs, and that is the same for one join of rows and keys.
    """
    wanted = _as_arrow(keys)
    days = sorted(set(wanted["as_of"].to_pylist()))
    for day in (days[0], days[-1]):
        check_day(mart, day)
    _check_customers(mart, wanted)
    chosen = choose(mart, days[-1], tags, "customer")
    parts = [_of_day(mart, wanted, day, chosen) for day in days]
    return ibis.union(*parts) if len(parts) > 1 else parts[0]


def _of_day(mart: MartLike, wanted: pa.Table, day: dt.date, chosen: Sequence[Tag]) -> ir.Table:
    ids = wanted.filter(pc.equal(wanted["as_of"], pa.scalar(day, pa.date32())))
    only = ibis.memtable(ids.select(["customer_id"]))
    table = compiled(mart, day, chosen, only=only)
    return table.select("customer_id", date_of(day).name("as_of"), *(tag.name for tag in chosen))


def _as_arrow(keys: object) -> pa.Table:
    """`keys` as a table of text and dates, each row once."""
    given = _given(keys)
    if not given.num_rows:
        raise InvalidInput("keys must have at least one row, got none")
    for name in _KEYS:
        if nulls := given[name].null_count:
            raise InvalidInput(f"keys must know {name} in every row, got {nulls:,} nulls")
    table = pa.table({"customer_id": _texts(given["customer_id"]), "as_of": _days(given["as_of"])})
    if twice := table.num_rows - table.group_by(_KEYS).aggregate([]).num_rows:
        raise InvalidInput(
            f"keys must name each customer once a day, got {twice:,} repeated; drop the duplicates"
        )
    return table


def _given(keys: object) -> pa.Table:
    if isinstance(keys, ir.Table):
        check_columns(keys.columns, _KEYS, "keys")
        return keys.select(*_KEYS).to_pyarrow()
    if isinstance(keys, pd.DataFrame):
        check_columns(list(keys.columns), _KEYS, "keys")
        return pa.Table.from_pandas(keys[_KEYS], preserve_index=False)
    raise InvalidInput(f"keys must be a pandas frame or an Ibis table, got {type(keys).__name__}")


def _texts(ids: pa.ChunkedArray) -> pa.ChunkedArray:
    if not (pa.types.is_string(ids.type) or pa.types.is_large_string(ids.type)):
        raise InvalidInput(f"keys must hold customer_id as text, got {ids.type}; cast it to string")
    return ids.cast(pa.string())


def _days(moments: pa.ChunkedArray) -> pa.ChunkedArray:
    """Dates, also from ISO text and from timestamps at midnight."""
    rule = "keys must hold as_of as dates such as '2026-06-30', without a time of day"
    try:
        exact = moments.cast(pa.timestamp("us"))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InvalidInput(f"{rule}: {error}") from error
    days = exact.cast(pa.date32())
    timed = exact.filter(pc.not_equal(days.cast(pa.timestamp("us")), exact))
    if len(timed):
        raise InvalidInput(f"{rule}, got {timed[0].as_py()}")
    return days


def _check_customers(mart: MartLike, wanted: pa.Table) -> None:
    """Every customer must have been there on each of their days."""
    keys, customers = ibis.memtable(wanted), mart["customers"]
    known = customers.select(_id=customers.customer_id, _opened=customers.opened_on)
    opened = keys.left_join(known, keys.customer_id == known["_id"])
    late = (opened["_opened"] > opened.as_of).fill_null(True)
    first = opened.filter(late).order_by(*_KEYS)
    total = first.count().to_pyarrow().as_py()
    if total:
        one = first.limit(1).to_pyarrow().to_pylist()[0]
        why = f"was opened on {one['_opened']}" if one["_opened"] else "is not in the mart"
        raise InvalidInput(
            f"keys must name customers who were there on their day, got {total:,} who were not, "
            f"e.g. {one['customer_id']!r} as of {one['as_of']}, who {why}; leave them out"
        )
