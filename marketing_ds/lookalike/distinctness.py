"""Could the seeds be a random draw from the base? A permutation test over all tags at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

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
    tests = _Tests.of(base, coarse, levels)
    found = tests.largest(_drawn_together(seeds, coarse))
    drawn = [
        tests.largest(base[random_state.choice(len(base), n, replace=False)])
        for _ in range(_PERMUTATIONS)
    ]
    return float((1 + np.sum(np.array(drawn) >= found)) / (1 + _PERMUTATIONS))


def _drawn_together(codes: Codes, coarse: Sequence[NDArray[np.int16]]) -> Codes:
    return np.column_stack([of_tag[codes[:, at]] for at, of_tag in enumerate(coarse)])


@dataclass(frozen=True)
class _Tests:
    """What every tag is tested by, all tags at once."""

    share: Floats
    """Of the base in each level, shape (tags, levels)."""
    order: Floats
    """Normal score of each level, centred over the base; 0 where levels have no order."""
    n_base: int

    @classmethod
    def of(
        cls, base: Codes, coarse: Sequence[NDArray[np.int16]], levels: Sequence[TagLevels]
    ) -> Self:
        width = 1 + max(int(of_tag.max()) for of_tag in coarse)
        share, order = np.zeros((len(levels), width)), np.zeros((len(levels), width))
        for at, tag in enumerate(levels):
            n_levels = int(coarse[at].max()) + 1
            of_tag = np.bincount(base[:, at], minlength=n_levels) / len(base)
            share[at, :n_levels] = of_tag
            if tag.kind != "category":
                scores = normal_scores(of_tag)
                order[at, :n_levels] = scores - of_tag @ scores
        return cls(share, order, len(base))

    def largest(self, codes: Codes) -> float:
        """The largest statistic of customers of these levels; 0 if none is above."""
        n_tags, width = self.share.shape
        flat = codes + width * np.arange(n_tags)
        counts = np.bincount(flat.ravel(), minlength=n_tags * width).reshape(n_tags, width)
        _, value, noise = raw_evidence(counts.astype(np.float64), self.share, self.n_base)
        freedom = (self.share > 0).sum(axis=1) - 1
        varies = freedom > 0
        by_levels = (value[varies] / noise[varies] - 1) * np.sqrt(freedom[varies] / 2)
        variance = (self.share * self.order**2).sum(axis=1)
        ordered = variance > 0
        squared = (counts * self.order).sum(axis=1)[ordered] ** 2
        by_order = (squared / (len(codes) * variance[ordered]) - 1) * np.sqrt(0.5)
        return float(np.max(np.concatenate([by_levels, by_order]), initial=0.0))
