"""The contract of a table as a pandera schema of an Ibis table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandera.ibis as pandera

from .rules import Rule, row_rules
from .types import TYPES

if TYPE_CHECKING:
    import ibis
    import ibis.expr.types as ir

    from .contract import Column, ForeignKey, Table


def pandera_schema(table: Table, parents: Mapping[str, ibis.Table]) -> pandera.DataFrameSchema:
    """The schema behind `Table.to_pandera`; each check is named by its rule's text."""
    rules = row_rules(table)
    columns = {
        column.name: _column(column, [rule for rule in rules if rule.columns == (column.name,)])
        for column in table.columns
    }
    checks = [_check(rule) for rule in rules if len(rule.columns) > 1]
    checks += [
        _reference(key, parents[key.table]) for key in table.foreign_keys if key.table in parents
    ]
    return pandera.DataFrameSchema(
        columns, checks=checks, unique=list(table.grain), name=table.name, title=table.description
    )


def _column(column: Column, rules: list[Rule]) -> Any:
    # pandera tests nulls by itself; a nullable column may be absent, as in a mart.
    return pandera.Column(
        TYPES[column.type],
        checks=[_check(rule) for rule in rules if rule.kind != "null"],
        nullable=column.nullable,
        required=not column.nullable,
        description=column.description + (f" Unit: {column.unit}." if column.unit else ""),
    )


def _check(rule: Rule) -> Any:
    def kept(data: Any) -> ir.BooleanValue:
        return ~rule.broken(data.table)

    return pandera.Check(kept, name=rule.text, error=rule.text)


def _reference(key: ForeignKey, parent: ibis.Table) -> Any:
    (column,) = key.columns

    def kept(data: Any) -> ir.BooleanValue:
        found = data.table[column].isin(parent[column])
        return data.table[column].isnull() | found.fill_null(False)

    text = f"{column} is found in {key.table}"
    return pandera.Check(kept, name=text, error=text)
