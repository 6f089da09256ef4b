"""Count the rows that break the rules of one table: one scan for all of its rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from marketing_ds.schema import Table, row_rules

_EXAMPLES = 5


@dataclass(frozen=True)
class BrokenRule:
    """One rule that some rows break."""

    table: str
    rule: str
    column: str
    count: int
    examples: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        """One line: the table, the rule in words, how many rows break it, and which."""
        which = f", e.g. {', '.join(self.examples)}" if self.examples else ""
        return f"{self.table}: '{self.text}' is broken by {self.count:,} row(s){which}"


@dataclass(frozen=True)
class Test:
    """A rule bound to the columns of one table: where it is broken."""

    rule: str
    columns: tuple[str, ...]
    text: str
    broken: ir.BooleanValue


def fault_column(name: str) -> str:
    """Where a table says that the value of column `name` could not be read."""
    return f"_fault_{name}"


def row_tests(rows: ibis.Table, table: Table) -> list[Test]:
    """The contract's rules on single rows, for the columns that are there."""
    tests: list[Test] = []
    for rule in row_rules(table):
        if not set(rule.columns) <= set(rows.columns):
            continue
        where = rule.broken(rows)
        fault = fault_column(rule.columns[0])
        if rule.kind == "null" and fault in rows.columns:
            where = where & ~rows[fault]  # a value that cannot be read is there nonetheless
        tests.append(Test(rule.kind, rule.columns, rule.text, where))
    return tests


def count_broken(
    rows: ibis.Table, table: Table, tests: Sequence[Test], *, unique: bool = False
) -> tuple[list[BrokenRule], int]:
    """The broken ones among `tests`, with example keys; and the number of rows.

    `unique` asks in the same scan whether a key may be repeated, and looks for it only if so: a
    query less on Spark, where each has its price.
    """
    grain = tuple(name for name in table.grain if name in rows.columns)
    asked = unique and grain == tuple(table.grain)
    totals = rows.aggregate(
        _rows=rows.count(),
        **{f"_{n}": rows.count(where=test.broken) for n, test in enumerate(tests)},
        **({"_keys": _hash(rows, table).nunique()} if asked else {}),
    )
    counts = totals.to_pyarrow().to_pylist()[0]
    count = int(counts["_rows"])
    broken = [
        BrokenRule(
            table.name,
            test.rule,
            ", ".join(test.columns),
            int(counts[f"_{n}"]),
            _examples(rows.filter(test.broken), grain),
            test.text,
        )
        for n, test in enumerate(tests)
        if counts[f"_{n}"]
    ]
    if asked and counts["_keys"] < count:
        broken += repeated(rows, table)
    return broken, count


def repeated(rows: ibis.Table, table: Table) -> list[BrokenRule]:
    """Rows beyond the first of their grain.

    Grouping 64-bit hashes costs a fraction of grouping texts; only rows whose hash is met twice
    are then grouped by the grain itself, so two keys that share a hash do no harm.
    """
    if not set(table.grain) <= set(rows.columns):
        return []
    hashed = rows.select(*table.grain, _hash=_hash(rows, table))
    met = hashed.group_by("_hash").aggregate(_n=hashed.count())
    suspects = hashed.filter(hashed["_hash"].isin(met.filter(met["_n"] > 1)["_hash"]))
    groups = suspects.group_by(*table.grain).aggregate(_n=suspects.count())
    twice = groups.filter(groups["_n"] > 1)
    surplus = (twice["_n"] - 1).sum().to_pyarrow().as_py()
    if not surplus:
        return []
    columns = ", ".join(table.grain)
    examples = _examples(twice, table.grain)
    return [
        BrokenRule(table.name, "grain", columns, int(surplus), examples, f"{columns} is unique")
    ]


def _hash(rows: ibis.Table, table: Table) -> ir.IntegerValue:
    """64 bits of the key, never null."""
    if len(table.grain) == 1:
        return rows[table.grain[0]].hash()
    return ibis.struct({name: rows[name] for name in table.grain}).hash()


def _examples(rows: ibis.Table, grain: tuple[str, ...]) -> tuple[str, ...]:
    """The least keys among `rows`, as text."""
    if not grain:
        return ()
    keys = rows.select(*grain).order_by(*grain).limit(_EXAMPLES).to_pyarrow().to_pylist()
    return tuple(" / ".join(str(key[name]) for name in grain) for key in keys)
