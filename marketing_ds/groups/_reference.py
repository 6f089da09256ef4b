"""Customers who differ by degree alone: tags as distributed and as correlated, no groups.

A Gaussian copula: normal scores are drawn that are correlated as those of the tags' ranks are, and
each tag's values are dealt out anew in the order of its scores. Ties make a covariance of scores
too small: it is divided by the variances of the scores' means over ties, which is exact to first
order. What then is still wrong with the covariance of the coordinates is put right by a linear map.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from ._kmeans import Points

Floats = NDArray[np.float64]
_KEPT = 0.9
"""Share of variance that groups are judged by: the rest is noise, and costs time."""
_MANY = 50
"""More values than a category has."""
_LARGEST = 0.99


def by_degree(
    points: Points,
    blocks: Sequence[slice],
    axes: Points,
    random: np.random.RandomState,
    *,
    count: int,
) -> list[Points]:
    """Draws of as many customers as `points` has.

    Parameters
    ----------
    points : ndarray, shape (n, d)
        The customers.
    blocks : sequence of slice
        The coordinates of each tag: they stay together.
    axes : ndarray, shape (d, m)
        What the draws are projected on, as the customers are.
    random : RandomState
        Where chance comes from.
    count : int
        How many draws.

    Returns
    -------
    list of ndarray, shape (n, m)
    """
    low = points @ axes
    lead = low[:, 0].astype(np.float64)
    keys = [_key(points[:, block], lead) for block in blocks]
    orders = [np.argsort(key, kind="stable") for key in keys]
    root = _root(keys)
    values, directions = _spread(low)
    mean, spread = low.mean(axis=0), (directions * np.sqrt(values)) @ directions.T
    drawn = []
    for _ in range(count):
        latent = random.standard_normal((len(points), len(keys))) @ root.T
        dealt = np.empty_like(points)
        for at, (block, order) in enumerate(zip(blocks, orders, strict=True)):
            dealt[np.argsort(latent[:, at]), block] = points[order, block]
        drawn.append(_as_spread(dealt @ axes, mean, spread))
    return drawn


def leading_axes(points: Points) -> Points:
    """Axes of the principal components that hold nine tenths of the variance, shape (d, m)."""
    centred = points - points.mean(axis=0)
    values, axes = np.linalg.eigh(centred.T @ centred)
    share = np.cumsum(values[::-1]) / values.sum()
    width = min(int(np.searchsorted(share, _KEPT)) + 1, len(share))
    return np.ascontiguousarray(axes[:, ::-1][:, :width])


def _spread(points: Points) -> tuple[Floats, Floats]:
    """Eigenvalues and axes of the covariance."""
    values, axes = np.linalg.eigh(np.cov(points, rowvar=False).reshape(points.shape[1], -1))
    return np.maximum(values, 1e-6 * max(values[-1], 1e-12)), axes


def _as_spread(other: Points, mean: Points, root: Floats) -> Points:
    """`other` with this mean and root of the covariance, moved as little as that takes."""
    values, axes = _spread(other)
    moved = (other - other.mean(axis=0)) @ ((axes / np.sqrt(values)) @ axes.T @ root)
    return np.asarray(moved + mean, dtype=np.float32)


def _key(block: Points, lead: Floats) -> Floats:
    """By what a tag's values are ordered: the number itself, else the mean of `lead` there."""
    if block.shape[1] == 1:
        return block[:, 0].astype(np.float64)
    values, row = np.unique(block, axis=0, return_inverse=True)
    if len(values) > _MANY:
        return np.where(block[:, 1] > 0, -np.inf, block[:, 0])  # many numbers, and nulls
    row = row.ravel()
    return np.asarray((np.bincount(row, lead) / np.bincount(row))[row])


def _root(keys: Sequence[Floats]) -> Floats:
    """A root of the correlations of the normal scores behind the tags."""
    scores = np.array([_scores(key) for key in keys])
    spread = np.maximum(scores.var(axis=1), 1e-6)
    found = scores @ scores.T / scores.shape[1] / np.outer(spread, spread)
    correlation = np.clip(found, -_LARGEST, _LARGEST)
    np.fill_diagonal(correlation, 1.0)
    # They need not fit together, being found in pairs.
    values, axes = np.linalg.eigh(correlation)
    root = axes * np.sqrt(np.maximum(values, 1e-3))
    return np.asarray(root / np.sqrt((root**2).sum(axis=1, keepdims=True)))


def _scores(key: Floats) -> Floats:
    """Normal scores of the ranks, the mean of them where values are tied; their mean is 0."""
    scores = ndtri((rankdata(key, method="ordinal") - 0.5) / len(key))
    _, row = np.unique(key, return_inverse=True)
    return np.asarray((np.bincount(row, scores) / np.bincount(row))[row])
