"""A bootstrap over customers whose cost does not grow with them.

Customers are gathered at random into at most 1,000 lots, and the lots are drawn: sums of
independent customers are independent, so that nothing is lost but degrees of freedom. Rows are
gathered by score into cells, of which a draw needs the sums only. With fewer customers every one is
a lot, and with fewer scores every one is a cell.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ._sample import Floats, Sample

REPLICATES = 200
_LOTS = 1000


def cells_by_score(ordered: Sample, most: int) -> NDArray[np.intp]:
    """Rows by falling probability in at most `most` cells of about equal weight; ties share one."""
    start = np.append(0, np.flatnonzero(ordered.p[1:] != ordered.p[:-1]) + 1)
    sizes = np.diff(np.append(start, len(ordered.p)))
    if len(start) <= most:
        return np.repeat(np.arange(len(start)), sizes)
    before = np.cumsum(ordered.w)[start] - ordered.w[start]
    _, cell = np.unique((before / ordered.weight * most).astype(np.intp), return_inverse=True)
    return np.repeat(cell, sizes)


def draw_sums(
    sample: Sample,
    cell: NDArray[np.intp],
    values: Sequence[Floats],
    *,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> list[Floats]:
    """For each of `values` its sums by cell in every draw, shape (replicates, cells)."""
    rng = np.random.default_rng(seed)
    lots = min(sample.units, _LOTS)
    of_unit = rng.permutation(sample.units) % lots  # lots of equal size
    lot = of_unit if sample.unit is None else of_unit[sample.unit]
    cells = int(cell.max()) + 1
    place = lot * cells + cell
    # Exponential weights rather than Poisson counts (the Bayesian bootstrap): no draw loses a class.
    drawn = rng.exponential(size=(replicates, lots))
    drawn /= drawn.mean(axis=1, keepdims=True)
    return [
        drawn @ np.bincount(place, value, minlength=lots * cells).reshape(lots, cells)
        for value in values
    ]
