"""Columns that metrics need and the data does not have: capped ones, and two steps at once."""

from __future__ import annotations

from collections.abc import Sequence

import ibis

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.metric_fields import Derived, Metric


def with_derived(
    table: ibis.Table, metrics: Sequence[Metric]
) -> tuple[ibis.Table, dict[str, float]]:
    """The table with the derived columns of `metrics`, and at what value each was cut off.

    One query finds the quantiles of all capped columns, over all arms together: a cut by arm would
    itself depend on the effect.
    """
    inputs = [column for metric in metrics for column in metric.inputs]
    new = {column.name: column for column in inputs if column.name not in column.sources}
    if not new:
        return table, {}
    taken = [name for name in new if name in table.columns]
    if taken:
        raise InvalidInput(f"data must not have a column {taken[0]!r}, a metric makes its own")
    limits = _limits(table, [column for column in new.values() if column.cap is not None])
    columns = {}
    for name, column in new.items():
        value = _number(table, column.source)
        if column.both is not None:
            columns[name] = value * _number(table, column.both)
        else:
            top = ibis.literal(limits[name], "float64")
            columns[name] = ibis.ifelse(value > top, top, value)
    return table.mutate(**columns), limits


def _limits(table: ibis.Table, capped: Sequence[Derived]) -> dict[str, float]:
    if not capped:
        return {}
    asked = {
        f"q{i}": _number(table, column.source).quantile(column.cap)
        for i, column in enumerate(capped)
    }
    found = table.aggregate(**asked).to_pyarrow().to_pylist()[0]
    # Without any value there is nothing to cut; the main query says what is missing.
    tops = (found[f"q{i}"] for i in range(len(capped)))
    return {
        column.name: float("inf") if top is None else float(top)
        for column, top in zip(capped, tops, strict=True)
    }


def _number(table: ibis.Table, column: str) -> ibis.Value:
    kind = table[column].type()
    if not (kind.is_numeric() or kind.is_boolean()):
        raise InvalidInput(f"{column!r} must hold numbers or booleans, got {kind}")
    return table[column].cast("float64")
