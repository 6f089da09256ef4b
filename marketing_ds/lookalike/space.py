"""The space in which closeness is measured: levels -> coordinates.

``contrast`` places a level by its weight of evidence: with s_b the seeds and p_b the share of the
base in level b of a tag, S seeds in all and a prior of a = 20 customers,

    evidence_b = log((s_b + a·p_b) / (S + a)) − log p_b,   centred over the base.

Two customers are close when their tags speak equally for being a seed. What chance alone would
give is taken off: with IV = Σ p_b·evidence_b² and its expectation for seeds drawn at random,
noise = (levels − 1)·(S / (S + a)² + 1/n_base), the whole tag is multiplied by max(0, 1 − noise/IV)
(a positive-part James–Stein factor), so that tags that do not tell seeds from base vanish.
Without weighting, a number is its normal score and a category one-hot, each tag with variance 1.

References
----------
Good (1950), *Probability and the Weighing of Evidence*; James and Stein (1961), *Estimation with
Quadratic Loss*.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from .encode import NULL, Codes, TagLevels

_PRIOR = 20.0
Coordinates = NDArray[np.float32]


@dataclass(frozen=True)
class Space:
    """A table of coordinates per tag; a tag without columns carries nothing."""

    tables: tuple[Coordinates, ...]
    """Of shape (levels, columns), one a tag."""
    spread: tuple[float, ...]
    """Standard deviation of each tag over the base, in this space: its say in the distance."""

    def coordinates(self, codes: Codes) -> Coordinates:
        """Levels of shape (n, tags) as points of shape (n, d)."""
        width = sum(table.shape[1] for table in self.tables)
        points = np.empty((len(codes), width), dtype=np.float32)
        at = 0
        for position, table in enumerate(self.tables):
            step = table.shape[1]
            if step:
                points[:, at : at + step] = table[codes[:, position]]
            at += step
        return points


def contrast_space(seeds: Codes, base: Codes, levels: Sequence[TagLevels]) -> Space:
    """The space of shrunk weights of evidence."""
    tables, spread = [], []
    for position, tag in enumerate(levels):
        evidence, share, _ = evidence_of(seeds[:, position], base[:, position], tag.n_levels)
        size = float(np.sqrt((share * evidence**2).sum()))
        spread.append(size)
        tables.append(evidence[:, None][:, : size > 0].astype(np.float32))
    return Space(tuple(tables), tuple(spread))


def evidence_of(
    seeds: NDArray[np.int16], base: NDArray[np.int16], n_levels: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Shrunk evidence and base share of each level, and the information value after shrinking."""
    share = np.bincount(base, minlength=n_levels) / len(base)
    counts = np.bincount(seeds, minlength=n_levels)
    return shrunk_evidence(counts.astype(np.float64), share, len(base))


def shrunk_evidence(
    counts: NDArray[np.float64], share: NDArray[np.float64], n_base: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """`evidence_of` from the counts themselves."""
    evidence, value, noise = raw_evidence(counts, share, n_base)
    keep = max(0.0, 1 - noise / value) if value > 1e-12 else 0.0
    return evidence * keep, share, value * keep**2


def raw_evidence(
    counts: NDArray[np.float64], share: NDArray[np.float64], n_base: int
) -> tuple[NDArray[np.float64], float, float]:
    """Evidence before shrinking, its information value, and what chance alone would give."""
    n_seeds = counts.sum()
    seen = share > 0
    evidence = np.zeros(len(share))
    evidence[seen] = np.log(
        (counts[seen] + _PRIOR * share[seen]) / ((n_seeds + _PRIOR) * share[seen])
    )
    evidence[seen] -= (share * evidence).sum()
    value = float((share * evidence**2).sum())
    noise = float((seen.sum() - 1) * (n_seeds / (n_seeds + _PRIOR) ** 2 + 1 / n_base))
    return evidence, value, noise


def plain_space(base: Codes, levels: Sequence[TagLevels]) -> Space:
    """The unweighted space: every tag that varies has variance 1."""
    tables = []
    for position, tag in enumerate(levels):
        share = np.bincount(base[:, position], minlength=tag.n_levels) / len(base)
        table = _one_hot(share) if tag.kind == "category" else _normal_scores(share)
        variance = (share[:, None] * (table - share @ table) ** 2).sum()
        scale = 1 / np.sqrt(variance) if variance > 1e-12 else 0.0
        kept = table[:, np.ptp(table[share > 0], axis=0) > 0] * scale
        tables.append(kept.astype(np.float32))
    return Space(tuple(tables), tuple(float(table.shape[1] > 0) for table in tables))


def _one_hot(share: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.eye(len(share))[:, share > 0]


def normal_scores(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normal score of each level's middle rank among customers that are not null; null is 0."""
    known = share.copy()
    known[NULL] = 0
    total = known.sum()
    if total == 0:
        return np.zeros(len(share))
    middle = (np.cumsum(known) - known / 2) / total
    scores = ndtri(np.clip(middle, 1e-3, 1 - 1e-3))
    scores[NULL] = 0
    return np.asarray(scores)


def _normal_scores(share: NDArray[np.float64]) -> NDArray[np.float64]:
    null = np.zeros(len(share))
    null[NULL] = 1
    return np.column_stack([normal_scores(share), null])
