"""Rows by falling score, and which of them are tied: the one costly step of every curve."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..arms import Floats

Rows = npt.NDArray[np.intp]


def falling(score: Floats) -> tuple[Rows, Rows | None]:
    """Rows by falling score, and where in that order each group of equal scores begins.

    Parameters
    ----------
    score : ndarray of shape (n,)
        Finite.

    Returns
    -------
    order : ndarray of shape (n,)
        Rows, highest score first; the order within equal scores means nothing.
    start : ndarray of shape (groups,) or None
        Positions in `order`; None where no two scores are equal.

    Notes
    -----
    Sorting numbers is some ten times faster than sorting rows by a number. So score and row
    travel in one 64-bit integer: the row in as many low bits as rows need, the score's place
    between the extremes in the rest. The few scores that this rounds to one place are sorted
    again by themselves.

    Examples
    --------
    >>> order, start = falling(np.array([0.1, 0.7, 0.1, 0.3]))
    >>> order.tolist(), start.tolist()
    ([1, 3, 0, 2], [0, 1, 2])
    """
    n = len(score)
    bits = max(1, int(n - 1).bit_length())
    high, low = float(score.max()), float(score.min())
    with np.errstate(over="ignore"):
        width = np.float64(high) - np.float64(low)
    if width == 0:
        return np.arange(n), np.zeros(1, dtype=np.intp) if n > 1 else None
    if not np.isfinite(width):  # further apart than the largest float: halves are not
        return falling(score / 2)
    # Rounding is monotone: a higher score never gets a later place. Places leave a bit unused, as
    # a quotient may round up to 1.
    places = (high - score) / width
    places *= float(1 << min(52, 63 - bits))
    key = places.astype(np.uint64)
    key <<= np.uint64(bits)
    key |= np.arange(n, dtype=np.uint64)
    key.sort()
    order = (key & np.uint64((1 << bits) - 1)).astype(np.intp)
    key >>= np.uint64(bits)
    new = np.empty(n, dtype=bool)
    new[0] = True
    np.not_equal(key[1:], key[:-1], out=new[1:])
    if not new.all():
        _settle(order, new, score)
    return order, None if new.all() else np.flatnonzero(new)


def _settle(order: Rows, new: npt.NDArray[np.bool_], score: Floats) -> None:
    """Put right, in place, the rows that share a place though their scores may differ."""
    shared = ~new
    shared[:-1] |= shared[1:]
    rows = order[shared]
    found = score[rows]
    if (found[1:] > found[:-1]).any():
        by_score = np.argsort(-found, kind="stable")
        rows, found = rows[by_score], found[by_score]
        order[shared] = rows
    begins = np.empty(len(found), dtype=bool)
    begins[0] = True
    np.not_equal(found[1:], found[:-1], out=begins[1:])
    # The first of a place is new as before, even if the place above ends with an equal score:
    # it cannot, since equal scores share a place.
    new[shared] = begins
