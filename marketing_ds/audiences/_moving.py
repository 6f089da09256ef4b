"""A condition taken from its tag table to another one with the same tags."""

from __future__ import annotations

import ibis.expr.operations as ops
import ibis.expr.types as ir


def is_row_wise(condition: ir.BooleanValue, base: ir.Table) -> bool:
    """Whether a customer's own tags, and lists of ids in memory, decide a condition."""
    for node in _within(condition, base, (ops.WindowFunction, ops.Reduction, ops.Subquery)):
        if not isinstance(node, ops.Subquery) or not _is_list(node, base):
            return False
    return True


def matching(condition: ir.BooleanValue, base: ir.Table, table: ir.Table) -> ir.Table:
    """The rows of `table` that a row-wise condition on `base` selects, with the tags it reads.

    Only these tags are handed on: a query over hundreds of columns takes long to be written.
    """
    read = dict.fromkeys(
        field.name for field in _within(condition, base, ops.Field) if field.rel == base.op()
    )
    narrow = table.select(*read) if read else table
    moved = condition.op().replace({base.op(): narrow.op()}).to_expr()
    return narrow.filter(moved)


def _within(
    condition: ir.BooleanValue, base: ir.Table, kinds: type[ops.Node] | tuple[type[ops.Node], ...]
) -> list[ops.Node]:
    """The nodes of a condition, without those that make the tag table itself."""
    root = base.op()
    found: list[ops.Node] = condition.op().find(kinds, filter=lambda node: node != root)
    return found


def _is_list(query: ops.Subquery, base: ir.Table) -> bool:
    tables = query.rel.find(ops.PhysicalTable)
    return base.op() not in tables and all(isinstance(t, ops.InMemoryTable) for t in tables)
