"""Random draws by the million: streams that do not depend on threads, tables, ragged rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
_SLOTS = 1024


def stream(seed: int, chunk: int, purpose: int) -> np.random.Generator:
    """The generator of one purpose in one chunk: a function of its arguments alone.

    Every chunk of customers and every purpose has its own stream, so that neither the number of
    threads nor an added draw elsewhere changes what a customer does.
    """
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence([seed, chunk, purpose])))


def choice_table(weights: Array) -> Array:
    """Turn rows of weights into a table that `choose` reads, one row of 1,024 slots a group.

    Probabilities are thereby whole multiples of 1/1024: a draw is then one look-up.

    Examples
    --------
    >>> choice_table(np.array([[3.0, 1.0]])).mean()
    np.float64(0.25)
    """
    weights = np.atleast_2d(weights).astype(float)
    edges = np.round(np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True) * _SLOTS)
    slots = np.arange(_SLOTS)
    table: Array = np.concatenate(
        [np.searchsorted(row, slots, side="right") for row in edges]
    ).astype(np.uint8)
    return table


def choose(rng: np.random.Generator, table: Array, group: Array | int, size: int) -> Array:
    """Draw one option for each of `size` rows from the row of `table` that `group` names."""
    slot = rng.integers(0, _SLOTS, size=size, dtype=np.uint16)
    chosen: Array = table[np.asarray(group, dtype=np.int32) * _SLOTS + slot]
    return chosen


def spread(lengths: Array) -> tuple[Array, Array]:
    """Owner and position of every row when owner `i` has ``lengths[i]`` rows.

    Examples
    --------
    >>> owner, position = spread(np.array([2, 0, 1]))
    >>> owner.tolist(), position.tolist()
    ([0, 0, 2], [0, 1, 0])
    """
    lengths = np.asarray(lengths)
    owner = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    ends = np.cumsum(lengths, dtype=np.int64)
    position = np.arange(len(owner), dtype=np.int32) - np.repeat(
        (ends - lengths).astype(np.int32), lengths
    )
    return owner, position


def sigmoid(x: Array) -> Array:
    """The logistic function."""
    out: Array = 1.0 / (1.0 + np.exp(-x))
    return out


def late_days(rng: np.random.Generator, size: int, share: float = 0.03) -> Array:
    """Days until a row reaches the mart: mostly 0, sometimes 1 to 3."""
    draw = rng.integers(0, 65536, size=size, dtype=np.uint16)
    limit = int(share * 65536)
    return np.where(draw < limit, 1 + draw % 3, 0).astype(np.int8)
