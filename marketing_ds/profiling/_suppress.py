"""Suppression of small cells, so that no small count is shown nor follows from what is shown.

A count below the least is hidden (primary suppression). It could still be found by subtraction
from a total, so larger counts are hidden with it (complementary suppression). Of one tag, until
what is hidden adds up to nobody or at least the least; of two crossed tags, until no small count
follows from the totals of rows and columns together. That there is nobody in a cell is not
protected: the shares of the other cells say it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_Counts = NDArray[np.int64]
_Mask = NDArray[np.bool_]
_TINY = 1e-6


def kept_of_list(counts: _Counts, totals: _Counts, least: int) -> _Mask:
    """Which cells of one tag may be shown.

    Parameters
    ----------
    counts : ndarray of int, shape (cells, sides)
        Customers of cells that are no smaller than `least`; the first side decides which cell is
        the smallest.
    totals : ndarray of int, shape (sides,)
        Customers of all cells, the small ones included.

    Examples
    --------
    >>> kept_of_list(np.array([[60], [25], [12]]), np.array([100]), 10)
    array([ True,  True, False])
    """
    kept = np.ones(len(counts), dtype=bool)
    smallest_first = np.lexsort(tuple(counts.T[::-1]))
    while True:
        hidden = totals - counts[kept].sum(axis=0)
        short = (hidden > 0) & (hidden < least)
        helpful = kept & (counts[:, short] > 0).any(axis=1)
        if not helpful.any():
            return kept
        kept[smallest_first[helpful[smallest_first]][0]] = False


def hidden_in_table(
    tables: Sequence[_Counts],
    least: int,
    *,
    rows: _Mask | None = None,
    columns: _Mask | None = None,
) -> _Mask:
    """Which cells of crossed tags must be hidden, where every row's and column's total is known.

    Parameters
    ----------
    tables : sequence of ndarray of int, each of shape (rows, columns)
        Customers by cell, one table a side; all have the same cells hidden.
    least : int
        The least count to be shown.
    rows, columns : ndarray of bool, optional
        Lines that are hidden as a whole.

    References
    ----------
    D. Gusfield (1988), "A graph theoretic approach to statistical data security", SIAM Journal on
    Computing 17, 552-571.
    """
    small = np.any([table < least for table in tables], axis=0)
    closed = np.zeros_like(small)
    if rows is not None:
        closed[rows, :] = True
    if columns is not None:
        closed[:, columns] = True
    hidden = small | closed
    while _hide_around_known(tables, least, hidden):
        pass
    return _without_excess(tables, least, hidden, hidden & ~small & ~closed)


def _hide_around_known(tables: Sequence[_Counts], least: int, hidden: _Mask) -> bool:
    """Hide the cheapest rectangle through a small count that still follows from the totals."""
    for table in tables:
        for row, column in np.argwhere(_given_away(table, least, hidden)):
            there = (table > 0) & (table[row, :] > 0) & (table[:, [column]] > 0)
            there[row, :] = there[:, column] = False
            if not there.any():
                continue  # nothing in other rows and columns could hide it
            seen = np.where(hidden, 0, tables[0])
            price = seen + seen[row, :] + seen[:, [column]]
            other = np.unravel_index(np.argmin(np.where(there, price, np.inf)), table.shape)
            hidden[[row, other[0], other[0]], [other[1], column, other[1]]] = True
            return True
    return False


def _without_excess(tables: Sequence[_Counts], least: int, hidden: _Mask, spare: _Mask) -> _Mask:
    """Show again what one rectangle hid and another made needless, the largest counts first."""

    def given_away() -> int:
        return sum(int(_given_away(table, least, hidden).sum()) for table in tables)

    unavoidable = given_away()
    for row, column in sorted(np.argwhere(spare), key=lambda at: -tables[0][tuple(at)]):
        hidden[row, column] = False
        if given_away() > unavoidable:
            hidden[row, column] = True
    return hidden


def _given_away(table: _Counts, least: int, hidden: _Mask) -> _Mask:
    """Hidden small counts that follow from the totals of rows and columns.

    The hidden counts solve linear equations Ax = totals, one a line. A count is determined where
    its leverage, on the diagonal of A⁺A, is 1. Empty cells are taken to be known.
    """
    known = np.zeros_like(hidden)
    rows, columns = np.nonzero(hidden & (table > 0))
    equations = np.zeros((sum(table.shape), len(rows)))
    equations[rows, np.arange(len(rows))] = 1.0
    equations[len(table) + columns, np.arange(len(rows))] = 1.0
    inverse = np.linalg.pinv(equations @ equations.T, hermitian=True)
    leverage = np.einsum("ij,ik,kj->j", equations, inverse, equations)
    known[rows, columns] = leverage > 1.0 - _TINY
    return known & (table < least)
