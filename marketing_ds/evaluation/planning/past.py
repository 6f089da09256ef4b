"""Metrics and their covariates read from a table of the past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ibis

from marketing_ds._core.checks import check_columns
from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.engine import Cells, Frame, as_table, columns_of, read_cells
from marketing_ds.evaluation.engine.derived import with_derived
from marketing_ds.evaluation.metrics import Metric, Quantile, as_metrics

EVERYBODY = "everybody"
_ARM = "_arm"


@dataclass(frozen=True)
class Past:
    """A table of the past, and what is wanted of it."""

    table: ibis.Table
    metrics: tuple[Metric, ...]
    sides: dict[str, tuple[str, ...]]
    """Covariates by the label of the metric."""
    columns: list[str]

    def cells(self, table: ibis.Table, keys: Sequence[str]) -> Cells:
        """The sums of everybody by `keys`, in one query."""
        cells, _ = read_cells(
            table.mutate(**{_ARM: ibis.literal(EVERYBODY)}),
            self.columns,
            [frozenset((*m.columns, *self.sides[m.label])) for m in self.metrics],
            arm=_ARM,
            keys=keys,
            fill=frozenset(column for side in self.sides.values() for column in side),
            binary=frozenset(column for m in self.metrics for column in m.binary),
        )
        return cells


def read_past(
    past: Frame,
    metrics: Sequence[str | Metric] | None,
    covariates: Sequence[str] | None,
    further: Sequence[str] = (),
) -> Past:
    """Check the columns; by default every ``x`` is a metric that has an ``x_before`` beside it."""
    names = columns_of(past)
    if isinstance(covariates, str):
        raise InvalidInput(f"covariates must be a list of columns, got {covariates!r}")
    if metrics is None:
        metrics = [name for name in names if f"{name}_before" in names]
        if not metrics:
            raise InvalidInput(
                "metrics must be given where no column has one of its name with _before beside it"
            )
    wanted = as_metrics(metrics)
    for metric in wanted:
        if isinstance(metric, Quantile):
            raise InvalidInput(f"metrics must follow from means, got the quantile {metric.label!r}")
    sides = {m.label: _covariates(m, covariates, names) for m in wanted}
    sources = [source for m in wanted for column in m.inputs for source in column.sources]
    side = [column for chosen in sides.values() for column in chosen]
    check_columns(names, [*sources, *side, *further], "past")
    table, _ = with_derived(as_table(past, [*sources, *side, *further]), wanted)
    columns = list(dict.fromkeys([*(c for m in wanted for c in m.columns), *side]))
    return Past(table, wanted, sides, columns)


def _covariates(
    metric: Metric, shared: Sequence[str] | None, names: Sequence[str]
) -> tuple[str, ...]:
    sources = [source for column in metric.inputs for source in column.sources]
    if metric.covariates is not None:
        return metric.covariates
    if shared is not None:
        return tuple(column for column in dict.fromkeys(shared) if column not in sources)
    return tuple(f"{source}_before" for source in sources if f"{source}_before" in names)
