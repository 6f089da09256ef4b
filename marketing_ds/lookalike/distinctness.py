"""Could the seeds be a random draw from the base? A permutation test over all tags at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .encode import Codes, TagLevels, coarse_levels
from .evidence import normal_scores
from .information import raw_evidence

_PERMUTATIONS = 499
_TESTED = 5_000
_LEVELS = 16
Floats = NDArray[np.float64]


def distinctness(
    seeds: Codes, base: Codes, levels: Sequence[TagLevels], random_state: np.random.RandomState
) -> float:
    """P-value that the seeds are a random draw from the base.

    Each tag is tested twice: by its levels, those with an order drawn together to about 16, by
    (IV / noise − 1)·√(f / 2) with IV and noise as in `information` and f degrees of freedom, and, where levels have an order, by the seeds' mean normal
    score, (z² − 1)·√(1 / 2). The largest over all is compared with that of 499 random draws of as
    many customers (max-T, Westfall and Young 1993), which holds however tags depend on each
    other. At most 5,000 seeds are used.
    """
    n = min(len(seeds), _TESTED, len(base) - 1)
    seeds = seeds[random_state.choice(len(seeds), n, replace=False)]
    coarse = [coarse_levels(base[:, at], tag, _LEVELS) for at, tag in enumerate(levels)]
    base = _drawn_together(base, coarse)
    tests = []
    for at, tag in enumerate(levels):
        share = np.bincount(base[:, at], minlength=int(coarse[at].max()) + 1) / len(base)
        order = np.zeros(len(share)) if tag.kind == "category" else normal_scores(share)
        tests.append((share, order - share @ order))
    found = _largest(_drawn_together(seeds, coarse), tests, len(base))
    drawn = [
        _largest(base[random_state.choice(len(base), n, replace=False)], tests, len(base))
        for _ in range(_PERMUTATIONS)
    ]
    return float((1 + np.sum(np.array(drawn) >= found)) / (1 + _PERMUTATIONS))


def _drawn_together(codes: Codes, coarse: Sequence[NDArray[np.int16]]) -> Codes:
    return np.column_stack([of_tag[codes[:, at]] for at, of_tag in enumerate(coarse)])


def _largest(codes: Codes, tests: Sequence[tuple[Floats, Floats]], n_base: int) -> float:
    largest = 0.0
    for at, (share, order) in enumerate(tests):
        counts = np.bincount(codes[:, at], minlength=len(share)).astype(np.float64)
        _, value, noise = raw_evidence(counts, share, n_base)
        freedom = int((share > 0).sum()) - 1
        variance = float(share @ order**2)
        if freedom > 0:
            largest = max(largest, (value / noise - 1) * float(np.sqrt(freedom / 2)))
        if variance > 0:
            squared = float(counts @ order) ** 2 / (len(codes) * variance)
            largest = max(largest, (squared - 1) * float(np.sqrt(0.5)))
    return largest
