"""Where held-out seeds end up among the candidates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Floats = NDArray[np.float64]


def place(seeds: Floats, candidates: Floats) -> tuple[Floats, Floats]:
    """Placement of each seed among the candidates, and of each candidate below the seeds."""
    both = rankdata(np.concatenate([seeds, candidates]))
    n, m = len(seeds), len(candidates)
    of_seeds = (both[:n] - rankdata(seeds)) / m
    of_candidates = 1 - (both[n:] - rankdata(candidates)) / n
    return of_seeds, of_candidates
