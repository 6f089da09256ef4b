"""How a measure is taken from rows, and what columns are called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import ibis.expr.types as ir

from marketing_ds._core.errors import MartError
from marketing_ds.tags import Tag

from .measures import SOURCES, Measure

if TYPE_CHECKING:
    from marketing_ds.mart import Mart


def check_sources(mart: Mart, measures: Sequence[Measure]) -> None:
    """Raise unless the mart has the table of every measure."""
    for measure in measures:
        if measure.source not in mart.tables:
            raise MartError(
                f"the measure {measure.name!r} needs the table {measure.source!r}, which "
                f"'{mart.source}' does not have"
            )


def value_of(rows: ir.Table, measure: Measure, inside: ir.BooleanValue) -> ir.Value:
    """The measure over the rows `inside` its span of days; 0 where there is none."""
    for column, values in measure.where:
        inside = inside & rows[column].isin(list(values))
    if measure.how == "count":
        value: ir.Value = inside.sum()
    elif measure.how == "sum":
        value = rows[str(measure.column)].cast("float64").sum(where=inside)
    elif measure.how == "days":
        value = rows[SOURCES[measure.source]].date().nunique(where=inside)
    else:
        value = inside.any().cast("int64")
    return value.fill_null(0).cast("float64")


def before_name(measure: Measure) -> str:
    """The column of the same measure before the first day."""
    return f"{measure.name}_before"


def tag_name(tag: str | Tag) -> str:
    """The column of a tag."""
    return tag if isinstance(tag, str) else tag.name
