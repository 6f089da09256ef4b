"""The draw of arms: salted, stratified, and the best balanced of many."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_U64 = NDArray[np.uint64]
_Floats = NDArray[np.float64]
_GOLDEN = 0x9E3779B97F4A7C15
_ROUNDING = 1e-9
_BLOCK = 3


@dataclass(frozen=True)
class Draw:
    """One draw: the arm of each customer, which draw it was, and its worst imbalance."""

    arm: NDArray[np.uint8]
    number: int
    worst: float


def best_draw(
    hashes: _U64,
    strata: NDArray[np.int64],
    shares: _Floats,
    columns: NDArray[np.float32],
    *,
    salt: str,
    salts: int,
) -> Draw:
    """The best balanced of `salts` draws; the first of equals.

    Parameters
    ----------
    hashes : ndarray of uint64, shape (n,)
        A hash of each customer's id. The customers stand in the order of their ids.
    strata : ndarray of int64, shape (n,)
        Number of each customer's stratum, from 0.
    shares : ndarray, shape (k,)
        Of the arms; they sum to 1.
    columns : ndarray of float32, shape (p, n)
        What to balance; each sums to 0, and its unit is a standard deviation.
    salt : str
    salts : int

    Notes
    -----
    The base hash is mixed with the number of the draw by the finaliser of splitmix64 (Steele, Lea
    and Flood 2014), a permutation of 64 bits that passes for random; so a draw costs a sort of
    whole numbers, and no text is hashed twice.
    """
    if not len(columns):
        salts = 1
    seed = int.from_bytes(hashlib.sha256(salt.encode()).digest()[:8], "big")
    sizes = np.bincount(strata)
    queue = _Queue(strata)
    best: Draw | None = None
    for number in range(salts):
        mixer = np.uint64((seed + number * _GOLDEN) % 2**64)
        start = float(_mixed(mixer + np.zeros(1, dtype=np.uint64))[0]) / 2.0**64
        seats = seats_of(sizes, shares, start)
        arm = queue.seated(_mixed(hashes ^ mixer), seats)
        enough = best.worst if best else float("inf")
        worst = _imbalance(arm, seats.sum(axis=0), columns, enough)
        if best is None or worst < best.worst - _ROUNDING:
            best = Draw(arm, number, worst)
    assert best is not None  # there is at least one salt
    return best


def seats_of(sizes: NDArray[np.int64], shares: _Floats, start: float) -> NDArray[np.int64]:
    """How many customers of each stratum get each arm, shape (strata, arms).

    Every arm gets the whole part of its quota. The seats left over in a stratum are drawn, the
    fractions left over being the arms' chances (systematic sampling, Madow 1949): so each customer
    has exactly the probability `shares` of each arm, however small the stratum. The largest
    fractions taken outright would never give a customer alone in a stratum a small arm. `start`, in
    [0, 1), is the lot; it moves on by the golden ratio, which spreads the seats over the strata.

    Examples
    --------
    >>> import numpy as np
    >>> seats_of(np.array([10, 1, 1, 1, 1, 1]), np.array([0.2, 0.8]), start=0.5).tolist()
    [[2, 8], [1, 0], [0, 1], [0, 1], [0, 1], [0, 1]]
    """
    quotas = sizes[:, None] * shares
    whole = np.floor(quotas + _ROUNDING)
    left = sizes - whole.sum(axis=1)
    fractions = np.maximum(quotas - whole, 0.0)
    ends = np.cumsum(fractions, axis=1)
    lots = (start + np.arange(len(sizes)) * (_GOLDEN / 2.0**64)) % 1.0
    # Seat j of a stratum goes to the arm whose stretch of [0, left) holds lot + j.
    taken = np.clip(np.ceil(ends - lots[:, None]), 0.0, left[:, None])
    taken[:, -1] = left  # exactly, whatever rounding says
    return np.asarray(whole + np.diff(taken, axis=1, prepend=0.0), dtype=np.int64)


class _Queue:
    """Customers waiting for seats, stratum by stratum.

    Stratum, hash and place of a customer share one 64-bit key: one plain sort orders all strata, and
    of equal hashes the smaller id comes first.
    """

    def __init__(self, strata: NDArray[np.int64]) -> None:
        n = len(strata)
        self._place_bits = np.uint64(max(n - 1, 1).bit_length())
        stratum_bits = np.uint64(int(max(strata.max(), 1)).bit_length())
        self._hash_shift = self._place_bits + stratum_bits
        stratum = strata.astype(np.uint64) << (np.uint64(64) - stratum_bits)
        self._fixed = stratum | np.arange(n, dtype=np.uint64)
        self._place = (np.uint64(1) << self._place_bits) - np.uint64(1)

    def seated(self, hashes: _U64, seats: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The arm of each customer: by their hashes they take a stratum's seats, arm after arm."""
        key = hashes
        key >>= self._hash_shift
        key <<= self._place_bits
        key |= self._fixed
        key.sort()
        key &= self._place
        arms = np.tile(np.arange(seats.shape[1], dtype=np.uint8), len(seats))
        arm = np.empty(len(key), dtype=np.uint8)
        arm[key.view(np.int64)] = np.repeat(arms, seats.ravel())
        return arm


def _mixed(x: _U64) -> _U64:
    """The finaliser of splitmix64."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = x ^ (x >> np.uint64(shift))
        x *= np.uint64(factor)
    x ^= x >> np.uint64(31)
    return x


def _imbalance(
    arm: NDArray[np.uint8],
    counts: NDArray[np.int64],
    columns: NDArray[np.float32],
    enough: float,
) -> float:
    """The largest absolute standardised difference of any two arms' means.

    Infinite if an arm is empty, 0 if there is nothing to compare. What exceeds `enough` has lost:
    the columns behind are not looked at.
    """
    if not counts.all():
        return float("inf")
    members = [(arm == a).astype(np.float32) for a in range(len(counts) - 1)]
    worst = 0.0
    for start in range(0, len(columns), _BLOCK):
        some = columns[start : start + _BLOCK]
        sums = [some @ member for member in members]
        # Each column sums to 0: what the other arms have, the last one lacks.
        totals = np.stack([*sums, -np.sum(sums, axis=0)]).astype(np.float64)
        worst = max(worst, float(np.ptp(totals / counts[:, None], axis=0).max()))
        if worst > enough:
            break
    return worst
