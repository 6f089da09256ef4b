"""Post-stratification: strata that every arm has customers in, thin ones put together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .cells import Cells

THIN = 10
"""Fewest customers that an arm must have in a stratum."""
STRATUM = "stratum"


def with_strata(cells: Cells, strata: Sequence[str]) -> tuple[Cells, int]:
    """Cells by arm and one `stratum`, and how many strata were too thin to stand alone.

    Those in which an arm has fewer than `THIN` customers become one; where that is still thin, the
    smallest of the others joins it.
    """
    each = [" × ".join(key) for key in zip(*(cells.keys[name] for name in strata), strict=True)]
    names, row = np.unique(np.array(each, dtype=object), return_inverse=True)
    arms, column = np.unique(cells.keys["arm"].to_numpy(object), return_inverse=True)
    counts = np.zeros((len(names), len(arms)))
    np.add.at(counts, (row, column), cells.n)
    thin = counts.min(axis=1) < THIN
    alone = int(thin.sum())
    order = [i for i in np.argsort(counts.sum(axis=1), kind="stable") if not thin[i]]
    while thin.any() and order and counts[thin].sum(axis=0).min() < THIN:
        thin[order.pop(0)] = True
    merged = "(others)" if order else "(everybody)"
    stratum = [merged if thin[i] else names[i] for i in row]
    return cells.with_keys(cells.keys.assign(**{STRATUM: stratum})), alone
