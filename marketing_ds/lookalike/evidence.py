"""Weights of evidence that do not read chance into a level: a small Gaussian process per tag.

The evidence of a level b is the log of how much commoner it is among the seeds than in the base,
η_b = log(P(b | seed) / P(b)). With s_b seeds in it, S in all and p_b of the base, the counts are
taken as s_b ~ Poisson(S·p_b·exp(η_b)), and η a priori as a Gaussian process: levels of a number
or a date that lie near each other (in normal scores) have near evidence, with room for a straight
line; null stands apart, and so does every category. How strongly a tag speaks is averaged over
(`_STRENGTHS`, 0 among them, which alone has half of the prior), each weighed by its marginal
likelihood (Laplace). So the evidence of few seeds is smooth and cautious, that of many is what was
counted, and a tag that does not tell seeds from the base says next to nothing.

References
----------
Good (1950), *Probability and the Weighing of Evidence*; Rasmussen and Williams (2006), *Gaussian
Processes for Machine Learning*, sections 3.4 and 5.5; Hoeting et al. (1999), "Bayesian Model
Averaging: A Tutorial", Statistical Science 14.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from .encode import NULL, Codes, TagLevels, coarse_levels

Floats = NDArray[np.float64]

_STRENGTHS = (0.0, 0.01, 0.05, 0.2, 0.8)
"""Variances that the evidence of a tag may have over the base, a priori."""
_SILENT = 0.5
"""Prior probability that a tag says nothing."""
_REACH = 0.7
"""Distance, in normal scores, over which the evidence of a number may turn."""
_WAVES = 0.3
"""Variance of what turns beside the variance of the straight line."""
_JITTER = 1e-4
_LEVELS = 64
"""Levels of a number that evidence is found for, at most; finer ones share theirs."""
_STEPS = 25
_LEAST = 1e-4
"""Mean square over the base below which evidence is taken as none."""
_TOGETHER = 64
"""Tags whose evidence is found at once: bounds the memory."""


def evidence(seeds: Codes, base: Codes, levels: Sequence[TagLevels]) -> list[Floats]:
    """Evidence of each level of each tag, centred over the base; all 0 for a tag without any.

    Parameters
    ----------
    seeds, base : ndarray of int16, shape (n, tags)
        Levels of the seeds and of a sample of the base.
    levels : sequence of TagLevels
    """
    found: list[Floats] = [np.zeros(tag.n_levels) for tag in levels]
    coarse = [coarse_levels(base[:, at], tag, _LEVELS) for at, tag in enumerate(levels)]
    n_levels = [int(of_tag.max()) + 1 for of_tag in coarse]
    for category in (False, True):
        group = [at for at, tag in enumerate(levels) if (tag.kind == "category") == category]
        # Tags of about as many levels together, so that little is padded.
        group.sort(key=n_levels.__getitem__)
        for start in range(0, len(group), _TOGETHER):
            part = group[start : start + _TOGETHER]
            width = max(n_levels[at] for at in part)
            counts, known = (
                np.stack([np.bincount(coarse[at][who[:, at]], minlength=width) for at in part])
                for who in (seeds, base)
            )
            told = _of_tags(counts.astype(np.float64), known, category=category)
            for row, at in enumerate(part):
                found[at] = told[row, coarse[at]]
    return found


def normal_scores(share: Floats) -> Floats:
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


def _of_tags(counts: Floats, known: NDArray[np.intp], *, category: bool) -> Floats:
    """Evidence of tags, shape (tags, levels), from the counts of seeds and of the base."""
    n_base = int(known[0].sum())
    share = known / n_base
    # Both counts are samples: what is told apart is as little as their harmonic sum would show.
    part = n_base / (n_base + counts.sum(axis=1, keepdims=True))
    counts = np.where(share > 0, counts * part, 0)
    expected = share * counts.sum(axis=1, keepdims=True)
    alike = np.ones_like(share) if category else np.stack([_alike(row) for row in share])
    prior = _Diagonal(alike) if category else _Full(alike)
    prior = prior.scaled(1 / np.maximum((share * prior.variance()).sum(axis=1), 1e-12))
    told, likely = [np.zeros_like(share)], [np.log(_SILENT) - expected.sum(axis=1)]
    for strength in _STRENGTHS[1:]:
        eta, likelihood = _posterior(counts, expected, prior.scaled(np.full(len(share), strength)))
        told.append(eta)
        likely.append(likelihood + np.log((1 - _SILENT) / (len(_STRENGTHS) - 1)))
    weight = np.exp(np.array(likely) - np.max(likely, axis=0))
    found = np.einsum("st,stb->tb", weight / weight.sum(axis=0), np.array(told))
    found = np.where(share > 0, found - (share * found).sum(axis=1, keepdims=True), 0)
    found[(share * found**2).sum(axis=1) < _LEAST] = 0
    return np.asarray(found)


def _alike(share: Floats) -> Floats:
    """Prior covariance of the levels of a tag whose levels have an order; null stands apart."""
    z = normal_scores(share)
    far = z[:, None] - z[None, :]
    alike = np.outer(z, z) + _WAVES * np.exp(-0.5 * (far / _REACH) ** 2)
    alike[NULL, :] = alike[:, NULL] = 0
    alike[NULL, NULL] = 1
    return np.asarray(alike + _JITTER * np.eye(len(share)))


class _Full:
    """Prior covariances of tags, shape (tags, levels, levels)."""

    def __init__(self, k: Floats) -> None:
        self.k = k

    def scaled(self, factor: Floats) -> _Full:
        return _Full(self.k * factor[:, None, None])

    def variance(self) -> Floats:
        return np.asarray(np.einsum("tbb->tb", self.k))

    def times(self, vector: Floats) -> Floats:
        return np.asarray(np.einsum("tij,tj->ti", self.k, vector))

    def solve(self, root: Floats, vector: Floats) -> Floats:
        """(I + R·K·R)⁻¹·vector, with R the diagonal of `root`."""
        return np.asarray(np.linalg.solve(self._inner(root), vector[..., None])[..., 0])

    def log_determinant(self, root: Floats) -> Floats:
        """Of the same matrix."""
        return np.asarray(np.linalg.slogdet(self._inner(root))[1])

    def _inner(self, root: Floats) -> Floats:
        return np.eye(root.shape[1]) + root[:, :, None] * self.k * root[:, None, :]


class _Diagonal:
    """The same, of levels that have nothing to do with each other; shape (tags, levels)."""

    def __init__(self, k: Floats) -> None:
        self.k = k

    def scaled(self, factor: Floats) -> _Diagonal:
        return _Diagonal(self.k * factor[:, None])

    def variance(self) -> Floats:
        return self.k

    def times(self, vector: Floats) -> Floats:
        return self.k * vector

    def solve(self, root: Floats, vector: Floats) -> Floats:
        return np.asarray(vector / (1 + root**2 * self.k))

    def log_determinant(self, root: Floats) -> Floats:
        return np.asarray(np.log1p(root**2 * self.k).sum(axis=1))


def _posterior(counts: Floats, expected: Floats, prior: _Full | _Diagonal) -> tuple[Floats, Floats]:
    """Mode of the evidence, and Laplace's log marginal likelihood (Rasmussen's algorithm 3.1)."""
    eta, weights = np.zeros_like(counts), np.zeros_like(counts)
    for _ in range(_STEPS):
        mean = expected * np.exp(eta)
        root = np.sqrt(mean)
        pull = mean * eta + counts - mean
        weights = pull - root * prior.solve(root, root * prior.times(pull))
        # A full Newton step from far away can overshoot by powers of e.
        step = np.clip(prior.times(weights) - eta, -1, 1)
        eta = eta + step
        if np.abs(step).max() < 1e-6:
            break
    mean = expected * np.exp(eta)
    likelihood = (counts * eta - mean).sum(axis=1) - 0.5 * (weights * eta).sum(axis=1)
    return eta, likelihood - 0.5 * prior.log_determinant(np.sqrt(mean))
