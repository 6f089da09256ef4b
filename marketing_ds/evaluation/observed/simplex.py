"""Least squares with weights that are not negative and add up to 1."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from .sample import Floats

_FIRM = 1e4


def simplex_weights(columns: Floats, target: Floats, *, ridge: float = 0.0) -> Floats:
    """The weights w that minimise |columns @ w − target|² + ridge·|w|² on the simplex.

    Columns beyond the rows have many solutions; a small ridge takes the one that spreads weight.

    Examples
    --------
    >>> columns = np.array([[1.0, 3.0], [2.0, 0.0]])
    >>> simplex_weights(columns, np.array([2.0, 1.0]))
    array([0.5, 0.5])
    """
    k = columns.shape[1]
    if k == 1:
        return np.ones(1)
    scale = float(np.sqrt(np.mean(columns**2))) or 1.0
    firm = _FIRM * np.sqrt(len(columns))
    matrix = np.vstack([columns / scale, np.sqrt(ridge) / scale * np.eye(k), np.full((1, k), firm)])
    wanted = np.concatenate([target / scale, np.zeros(k), [firm]])
    weights: Floats = nnls(matrix, wanted, maxiter=50 * k)[0]
    chosen = np.flatnonzero(weights > 0)
    exact = _on_face(columns[:, chosen], target, ridge)
    if (exact >= 0).all():  # the firm row was nearly, now it is exactly kept
        weights[chosen] = exact
    weights /= weights.sum()
    return weights


def _on_face(columns: Floats, target: Floats, ridge: float) -> Floats:
    """Least squares with weights that add up to 1, of any sign."""
    k = columns.shape[1]
    system = np.ones((k + 1, k + 1))
    system[:k, :k] = columns.T @ columns + ridge * np.eye(k)
    system[k, k] = 0.0
    solved: Floats = np.linalg.lstsq(system, np.append(columns.T @ target, 1.0), rcond=None)[0]
    return solved[:k]
