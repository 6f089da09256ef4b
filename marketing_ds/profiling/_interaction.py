"""The interaction of two tags in a profile: TGI of a cell against the product of its margins' TGIs.

With shares a of the audience and b of the base, interaction = [a_ij/(a_i a_j)] / [b_ij/(b_i b_j)].
Its logarithm is a sum of logarithms of counts, so by the delta method each customer moves it by the
sum, over the counts it is in, of ±1/count. Customers of the audience only, of both sides, and of
the base only are three independent samples, each with its own mean taken out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from marketing_ds._core.estimate import normal_quantile

_Array = NDArray[np.float64]


def interaction_interval(
    audience: NDArray[np.int64],
    base: NDArray[np.int64],
    shared: NDArray[np.int64],
    *,
    alpha: float = 0.05,
) -> tuple[_Array, _Array, _Array, _Array]:
    """Interaction of every cell, with interval and p-value.

    Parameters
    ----------
    audience, base, shared : ndarray of int, shape (rows, columns)
        Customers of the audience, of the base, and of both, by cell of two crossed tags.
    alpha : float
        1 − level of the interval.

    Returns
    -------
    interaction, lower, upper, p_value : ndarray, each of shape (rows, columns)
        100 is "no more than either tag explains"; NaN where a cell or a margin is empty.

    Examples
    --------
    >>> audience = np.array([[80, 10], [10, 10]])
    >>> base = np.array([[200, 200], [200, 400]])
    >>> interaction, lower, upper, p = interaction_interval(audience, base, audience)
    >>> print(f"{interaction[1, 1]:.0f} ({lower[1, 1]:.0f} to {upper[1, 1]:.0f})")
    248 (168 to 364)
    """
    groups = [
        np.asarray(counts, dtype=float) for counts in (audience - shared, shared, base - shared)
    ]
    first, second = groups[0] + groups[1], groups[1] + groups[2]
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.log(_joint(first) / _joint(second))
        weights = (_inverses(first), _inverses(second))
        variance = sum(
            _variance(group, weights, in_first, in_second)
            for group, (in_first, in_second) in zip(groups, ((1, 0), (1, 1), (0, 1)), strict=True)
        )
        se = np.sqrt(variance)
        half = normal_quantile(alpha) * se
        p = np.where(se > 0, 2 * ndtr(-np.abs(value) / se), np.where(np.isnan(value), np.nan, 1.0))
    return 100 * np.exp(value), 100 * np.exp(value - half), 100 * np.exp(value + half), p


def _margins(counts: _Array) -> tuple[_Array, _Array, _Array, _Array]:
    """Customers of the cell, of its row, of its column, and of all; each as a table."""
    row = np.broadcast_to(counts.sum(axis=1, keepdims=True), counts.shape)
    column = np.broadcast_to(counts.sum(axis=0, keepdims=True), counts.shape)
    return counts, row, column, np.full_like(counts, counts.sum())


def _joint(counts: _Array) -> _Array:
    """Share of the cell over the product of the shares of its margins."""
    cell, row, column, total = _margins(counts)
    value: _Array = cell * total / (row * column)
    return value


def _inverses(counts: _Array) -> tuple[_Array, ...]:
    """What one more customer of the cell, of its row, of its column, or of all adds to the log."""
    cell, row, column, total = _margins(counts)
    return 1 / cell, -1 / row, -1 / column, 1 / total


def _variance(
    group: _Array, weights: tuple[tuple[_Array, ...], ...], in_first: int, in_second: int
) -> _Array:
    """Sum of squared influences of a group's customers, around their mean."""
    one, two = weights
    cell, row, column, everywhere = (
        in_first * f - in_second * s for f, s in zip(one, two, strict=True)
    )
    n_cell, n_row, n_column, n = _margins(group)
    kinds = (
        (n_cell, cell + row + column + everywhere),
        (n_row - n_cell, row + everywhere),
        (n_column - n_cell, column + everywhere),
        (n - n_row - n_column + n_cell, everywhere),
    )
    total = sum(number * influence**2 for number, influence in kinds)
    mean = sum(number * influence for number, influence in kinds)
    value: _Array = total - np.where(n > 0, mean**2 / np.maximum(n, 1), 0.0)
    return np.maximum(value, 0.0)
