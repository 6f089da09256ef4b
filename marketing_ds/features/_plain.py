"""Arrays that are what an encoder writes already: float32, row after row, nothing to leave out.

Such an array need not be copied to be trained on or scored, which halves the memory that either takes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._read import finite_in_float32

_AT_ONCE = 65_536  # rows looked at together


@dataclass(frozen=True)
class Ranges:
    """Least and greatest value and share of nulls of each column, shape (d,); NaN without values."""

    low: NDArray[np.float32]
    high: NDArray[np.float32]
    null_share: NDArray[np.float64]


def as_plain(X: object) -> NDArray[np.float32] | None:
    """`X` if it is such an array, as one that cannot be written to; None if it is anything else."""
    if not (type(X) is np.ndarray and X.dtype == np.float32 and X.ndim == 2 and X.size):
        return None
    if not X.flags.c_contiguous:
        return None
    view = X.view()
    view.flags.writeable = False
    return view


def refuse_infinite(X: NDArray[np.float32]) -> None:
    """Raise as reading the columns one by one would."""
    for start in range(0, len(X), _AT_ONCE):
        if np.isinf(X[start : start + _AT_ONCE]).any():
            column = int(np.isinf(X).any(axis=0).argmax())
            finite_in_float32(X[:, column], f"x{column}")


def ranges(X: NDArray[np.float32]) -> Ranges:
    """What an encoder learns of numbers."""
    low, high = X[0], X[0]
    nulls = np.zeros(X.shape[1], dtype=np.int64)
    for start in range(0, len(X), _AT_ONCE):
        block = X[start : start + _AT_ONCE]
        low, high = np.fmin(low, _over(np.fmin, block)), np.fmax(high, _over(np.fmax, block))
        missing = np.isnan(block)
        if missing.any():
            nulls += missing.sum(axis=0)
    return Ranges(low, high, nulls / len(X))


def _over(extreme: np.ufunc, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """The least or greatest of each column: halves against each other, so that rows are long."""
    while len(rows) > 1:
        half = len(rows) // 2
        merged = extreme(rows[:half], rows[half : 2 * half])
        if len(rows) % 2:
            merged[0] = extreme(merged[0], rows[-1])
        rows = merged
    one: NDArray[np.float32] = rows[0]
    return one
