"""From metrics to a matrix of outcomes, and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.metrics import Metric

from .nuisances import is_binary
from .sample import Floats, Sample


def sources_of(metrics: Sequence[Metric]) -> list[str]:
    """Columns of the data that the metrics use."""
    return list(dict.fromkeys(s for m in metrics for d in m.inputs for s in d.sources))


def columns_of(metrics: Sequence[Metric]) -> list[str]:
    """Names of the columns that are averaged."""
    return list(dict.fromkeys(d.name for m in metrics for d in m.inputs))


def outcome_matrix(sample: Sample, metrics: Sequence[Metric]) -> Floats:
    """The columns that are averaged (n, q): capped and joined as the metrics say."""
    formed: dict[str, Floats] = {}
    for derived in (d for m in metrics for d in m.inputs):
        values = sample.outcome(derived.source)
        if derived.both is not None:
            values = values * sample.outcome(derived.both)
        elif derived.cap is not None:
            values = np.minimum(values, np.quantile(values, derived.cap))
        formed[derived.name] = values
    for metric in metrics:
        for name in metric.binary:
            if not is_binary(formed[name]):
                raise InvalidInput(
                    f"{name!r} of {metric.label!r} must hold nothing but 0 and 1; "
                    "use Mean for amounts and counts"
                )
    return np.column_stack(list(formed.values()))


def linear_outcome(metric: Metric, y: Floats, treated: Floats, names: Sequence[str]) -> Floats:
    """Each customer's part in the metric of the own side (its linearisation), (n,)."""
    result = np.zeros(len(y))
    columns = [list(names).index(column) for column in metric.columns]
    for side in (0, 1):
        who = treated == side
        means = {c: float(y[who, k].mean()) for c, k in zip(metric.columns, columns, strict=True)}
        result[who] = y[who][:, columns] @ np.array(metric.gradient(means))
    return result
