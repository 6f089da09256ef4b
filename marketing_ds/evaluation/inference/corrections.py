"""Many comparisons: p-values adjusted for their number."""

from __future__ import annotations

import numpy as np

from marketing_ds.evaluation.engine import FloatArray


def adjust(p_values: FloatArray, method: str | None) -> FloatArray:
    """p-values adjusted for their number: `holm`, `bh` (false discovery rate) or None.

    References
    ----------
    Holm (1979), Scandinavian Journal of Statistics 6. Benjamini, Hochberg (1995), JRSS B 57.
    """
    adjusted = p_values.copy()
    known = np.flatnonzero(~np.isnan(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    m = len(order)
    if method == "holm":
        steps = p_values[order] * np.arange(m, 0, -1)
        adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    elif method == "bh":
        steps = p_values[order] * m / np.arange(1, m + 1)
        adjusted[order] = np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0)
    return adjusted
