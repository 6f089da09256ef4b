"""Check a mart against its contract: one scan a table finds every broken rule."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir

from marketing_ds._core.display import Result, frame_html
from marketing_ds.schema import CONTROL, MART, Table
from marketing_ds.schema.types import TYPES, ibis_schema

from .conversion import readings
from .counting import BrokenRule, Test, count_broken, fault_column, repeated, row_tests

if TYPE_CHECKING:
    import pandas as pd

    from .mart import Mart

_FACTS = {"customers": "opened_on", "campaigns": "randomised"}
"""What rules need to know of the row that a foreign key points to."""


@dataclass(frozen=True)
class MartCheck(Result):
    """The verdict on a mart, with every broken rule."""

    broken: tuple[BrokenRule, ...]
    rows: Mapping[str, int] = field(repr=False)
    """Rows of each table that is there."""

    @property
    def passed(self) -> bool:
        """Whether no rule is broken."""
        return not self.broken

    def to_frame(self) -> pd.DataFrame:
        """One row a broken rule: table, rule, column, count, examples (keys) and text."""
        import pandas as pd

        rows = [
            (b.table, b.rule, b.column, b.count, ", ".join(b.examples), b.text) for b in self.broken
        ]
        columns = ["table", "rule", "column", "count", "examples", "text"]
        return pd.DataFrame(rows, columns=columns).astype({"count": "int64"})

    def _repr_html_(self) -> str:
        total = f"{sum(self.rows.values()):,} rows in {len(self.rows)} tables"
        if self.passed:
            return f"<p>The mart keeps its contract: {total}.</p>"
        return frame_html(self.to_frame(), title=f"{len(self.broken)} broken rules; {total}")


def check(mart: Mart, today: dt.date) -> MartCheck:
    """Check every table of `mart`; the work behind `Mart.check`."""
    broken: list[BrokenRule] = []
    rows: dict[str, int] = {}
    with contextlib.closing(_Keys(mart)) as keys:
        for name in mart.tables:
            try:
                found, rows[name] = _check_table(mart, MART[name], keys, today)
            except mart.connection.errors as error:
                raise mart.unreadable(name, error) from error
            broken += found
    return MartCheck(tuple(broken), rows)


class _Keys:
    """The keys that foreign keys point to, distinct even in a mart that repeats them."""

    def __init__(self, mart: Mart) -> None:
        self._mart = mart
        self._made: dict[tuple[str, tuple[str, ...]], ibis.Table | None] = {}
        self._held = contextlib.ExitStack()

    def of(self, name: str, columns: tuple[str, ...]) -> ibis.Table | None:
        """The distinct `columns` of a table under `_key` names, and its `_FACTS` beside them.

        None if the table lacks one of the columns.
        """
        if (name, columns) not in self._made:
            self._made[name, columns] = self._make(name, columns)
        return self._made[name, columns]

    def _make(self, name: str, columns: tuple[str, ...]) -> ibis.Table | None:
        rows = _readable(self._mart, MART[name])
        if not set(columns) <= set(rows.columns):
            return None
        fact = _FACTS.get(name)
        facts = {f"_{fact}": rows[fact].min()} if fact in rows.columns else {}
        named = {_key(name, columns, column): rows[column] for column in columns}
        distinct = rows.group_by(**named).aggregate(**facts)
        return self._held.enter_context(self._mart.connection.held(distinct))

    def close(self) -> None:
        """Drop the temporary tables."""
        self._held.close()


def _key(table: str, columns: tuple[str, ...], column: str) -> str:
    """A name that collides with no column in a join."""
    return f"_{table}({','.join(columns)}).{column}"


def _readable(mart: Mart, table: Table) -> ibis.Table:
    """The columns of a table in the contract's types; `_fault_<column>` where that fails."""
    raw = mart.raw(table.name)
    if raw is None:
        return ibis.memtable([], schema=ibis_schema(table))
    known = readings(raw, table)
    columns: dict[str, ir.Value] = {name: found.value for name, found in known.items()}
    for column in table.columns:
        if column.nullable and column.name not in known:
            columns[column.name] = ibis.null().cast(TYPES[column.type])
    faults = {
        fault_column(name): found.fault for name, found in known.items() if found.fault is not None
    }
    return raw.select(**columns, **faults)


def _check_table(
    mart: Mart, table: Table, keys: _Keys, today: dt.date
) -> tuple[list[BrokenRule], int]:
    own = _readable(mart, table)
    rows = _with_parents(own, table, keys)
    tests = [
        *_type_tests(rows, table),
        *row_tests(rows, table),
        *_future_tests(rows, table, today),
        *_parent_tests(rows, table),
    ]
    broken, count = count_broken(rows, table, tests)
    absent = [
        BrokenRule(table.name, "column", name, max(count, 1), (), f"{name} is there")
        for name in table.column_names
        if name not in rows.columns
    ]
    return absent + broken + repeated(own, table), count


def _type_tests(rows: ibis.Table, table: Table) -> list[Test]:
    return [
        Test("type", (c.name,), f"{c.name} can be read as {c.type}", rows[fault_column(c.name)])
        for c in table.columns
        if fault_column(c.name) in rows.columns
    ]


def _future_tests(rows: ibis.Table, table: Table, today: dt.date) -> list[Test]:
    tests: list[Test] = []
    for name in () if table.planned else (table.dated_by, table.known_from):
        if name is not None and name in rows.columns:
            where = (rows[name].cast("date") > today).fill_null(False)
            tests.append(Test("future", (name,), f"{name} is not after {today}", where))
    return tests


def _joins(table: Table) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """What is joined to a table's rows: parent, its columns, the columns that point to it."""
    joins = [(key.table, key.columns, key.columns) for key in table.foreign_keys]
    if table.name == "assignments":
        joins += [_OFFERED, _OFFER]
    return joins


_OFFERED = ("offers", ("campaign_id",), ("campaign_id",))
_OFFER = ("offers", ("campaign_id", "offer"), ("campaign_id", "arm"))


def _with_parents(rows: ibis.Table, table: Table, keys: _Keys) -> ibis.Table:
    """Join what the rules on other tables need: at most one row a parent, so none is repeated."""
    for parent, theirs, ours in _joins(table):
        key = keys.of(parent, theirs)
        if key is not None and set(ours) <= set(rows.columns):
            pairs = zip(ours, theirs, strict=True)
            on = [rows[mine] == key[_key(parent, theirs, their)] for mine, their in pairs]
            rows = rows.left_join(key, on)
    return rows


def _parent_tests(rows: ibis.Table, table: Table) -> list[Test]:
    """What a row shows beside the rows that it points to."""
    tests: list[Test] = []
    for key in table.foreign_keys:
        column = _key(key.table, key.columns, key.columns[0])
        if column in rows.columns:
            given = rows[key.columns[0]].notnull()
            text = f"{', '.join(key.columns)} is found in {key.table}"
            tests.append(Test("reference", key.columns, text, given & rows[column].isnull()))
    if (
        table.needs_account
        and table.dated_by
        and {"_opened_on", table.dated_by} <= set(rows.columns)
    ):
        early = (rows[table.dated_by].cast("date") < rows["_opened_on"]).fill_null(False)
        text = f"{table.dated_by} is not before the customer's opened_on"
        tests.append(Test("opened", (table.dated_by,), text, early))
    if table.name == "assignments":
        tests += _assignment_tests(rows)
    return tests


def _assignment_tests(rows: ibis.Table) -> list[Test]:
    tests: list[Test] = []
    if {"arm", _key(*_OFFER[:2], "offer")} <= set(rows.columns):
        has_offers = rows[_key(*_OFFERED[:2], "campaign_id")].notnull()
        unknown = rows[_key(*_OFFER[:2], "offer")].isnull()
        broken = (rows["arm"] != CONTROL).fill_null(False) & has_offers & unknown
        text = "arm is control or an offer of the campaign (where its offers are known)"
        tests.append(Test("arm", ("arm",), text, broken))
    if {"probability", "_randomised"} <= set(rows.columns):
        broken = rows["probability"].isnull() & rows["_randomised"].fill_null(False)
        text = "probability is known in a randomised campaign"
        tests.append(Test("probability", ("probability",), text, broken))
    return tests
