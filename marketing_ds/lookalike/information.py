"""Information value: how much a tag tells seeds from the base, and what chance alone would give.

With s_b of S seeds and the share p_b of the base in level b, and a prior of a = 20 customers,

    evidence_b = log((s_b + a·p_b) / (S + a)) − log p_b,   centred over the base,
    IV = Σ p_b·evidence_b²,   of which chance would give   noise = (levels − 1)·(S / (S + a)² + 1/n_base).

`evidence_of` takes chance off by the factor max(0, 1 − noise/IV) (James and Stein 1961, "Estimation
with Quadratic Loss"). It is for telling people; closeness is measured with the smoother `evidence`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_PRIOR = 20.0
Floats = NDArray[np.float64]


def evidence_of(
    seeds: NDArray[np.int16], base: NDArray[np.int16], n_levels: int
) -> tuple[Floats, Floats, float]:
    """Shrunk evidence and base share of each level, and the information value after shrinking."""
    share = np.bincount(base, minlength=n_levels) / len(base)
    counts = np.bincount(seeds, minlength=n_levels).astype(np.float64)
    evidence, *sums = raw_evidence(counts, share, len(base))
    value, noise = map(float, sums)
    keep = max(0.0, 1 - noise / value) if value > 1e-12 else 0.0
    return evidence * keep, share, value * keep**2


def raw_evidence(counts: Floats, share: Floats, n_base: int) -> tuple[Floats, Floats, Floats]:
    """Evidence before shrinking, its information value, and what chance alone would give.

    Parameters
    ----------
    counts, share : ndarray, shape (..., levels)
        Seeds in each level, and its share of the base; of several tags at once if need be.
    n_base : int
    """
    n_seeds = counts.sum(axis=-1)
    seen = share > 0
    commoner = np.where(seen, counts + _PRIOR * share, 1)
    expected = np.where(seen, (n_seeds[..., None] + _PRIOR) * share, 1)
    evidence = np.log(commoner / expected)
    evidence -= np.where(seen, (share * evidence).sum(axis=-1, keepdims=True), 0)
    value = (share * evidence**2).sum(axis=-1)
    noise = (seen.sum(axis=-1) - 1) * (n_seeds / (n_seeds + _PRIOR) ** 2 + 1 / n_base)
    return evidence, value, noise
