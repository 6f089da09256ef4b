"""No small count is shown, and none follows from what is shown."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketing_ds.profiling._suppress import hidden_in_table, kept_of_list

LEAST = 10


def test_alone_a_small_value_takes_the_next_larger_with_it() -> None:
    shown = np.array([[60], [25], [12]])  # three customers have a fourth value
    assert kept_of_list(shown, np.array([100]), LEAST).tolist() == [True, True, False]


def test_small_values_that_add_up_to_enough_hide_each_other() -> None:
    shown = np.array([[60], [25]])  # fifteen customers have values of fewer than ten each
    assert kept_of_list(shown, np.array([100]), LEAST).all()


def test_nothing_small_nothing_hidden() -> None:
    assert kept_of_list(np.array([[60], [40]]), np.array([100]), LEAST).all()


def test_that_there_is_nobody_is_no_secret() -> None:
    shown = np.array([[60, 300], [40, 200]])
    assert kept_of_list(shown, np.array([100, 900]), LEAST).all()


def test_the_second_side_is_protected_too() -> None:
    shown = np.array([[60, 300], [40, 200]])  # three of the second side have another value
    assert kept_of_list(shown, np.array([100, 503]), LEAST).tolist() == [True, False]


def test_cells_that_cannot_help_stay() -> None:
    shown = np.array([[60, 300], [0, 200]])  # three of the audience are hidden; the last has none
    assert kept_of_list(shown, np.array([63, 800]), LEAST).tolist() == [False, True]


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=9),
)
def test_what_is_not_shown_is_nobody_or_enough(cells: list[tuple[int, int]]) -> None:
    counts = np.array(cells)
    large = counts[(counts >= LEAST).all(axis=1)]
    kept = kept_of_list(large, counts.sum(axis=0), LEAST)
    rest = counts.sum(axis=0) - large[kept].sum(axis=0)
    assert all(r == 0 or r >= LEAST or not kept.any() for r in rest)


def _solutions(table: np.ndarray, hidden: np.ndarray, cell: tuple[int, int]) -> set[int]:
    """Every value that a cell may have for all that a reader can tell, by trying them all."""
    places = [tuple(at) for at in np.argwhere(hidden & (table > 0))]
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    seen = np.where(hidden, 0, table)
    found: set[int] = set()
    for values in itertools.product(range(16), repeat=len(places)):
        tried = seen.copy()
        for at, value in zip(places, values, strict=True):
            tried[at] = value
        if (tried.sum(axis=1) == rows).all() and (tried.sum(axis=0) == columns).all():
            found.add(int(tried[cell]))
    return found


def _free(table: np.ndarray, hidden: np.ndarray, cell: tuple[int, int]) -> np.ndarray:
    """Directions in which a hidden cell may move while rows and columns keep their totals."""
    places = [tuple(at) for at in np.argwhere(hidden & (table > 0))]
    equations = np.zeros((sum(table.shape), len(places)))
    for k, (i, j) in enumerate(places):
        equations[i, k] = equations[len(table) + j, k] = 1
    _, sizes, directions = np.linalg.svd(equations)
    free = directions[int((sizes > 1e-9).sum()) :, places.index(cell)]
    return free[np.abs(free) > 1e-9]


def test_a_crossed_cell_does_not_follow_from_rows_and_columns() -> None:
    table = np.array([[3, 12, 40], [12, 12, 50], [60, 70, 80]])
    hidden = hidden_in_table([table], LEAST)
    assert hidden.tolist() == [[True, True, False], [True, True, False], [False] * 3]
    assert len(_solutions(table, hidden, (0, 0))) > 1


def test_nothing_is_hidden_needlessly() -> None:
    table = np.array([[3, 40, 41], [42, 4, 43], [44, 45, 46]])
    hidden = hidden_in_table([table], LEAST)
    spare = np.argwhere(hidden & (table >= LEAST))
    assert len(spare) <= 4
    for at in map(tuple, spare):
        less = hidden.copy()
        less[at] = False
        assert min(len(_free(table, less, cell)) for cell in [(0, 0), (1, 1)]) == 0


def test_whole_lines_can_be_hidden() -> None:
    table = np.full((3, 3), 50)
    hidden = hidden_in_table(
        [table], LEAST, rows=np.array([True, False, False]), columns=np.array([False, False, True])
    )
    assert hidden.sum() == 5
    assert not hidden[1:, :2].any()


@pytest.mark.parametrize("sides", [1, 2])
def test_small_cells_of_every_side_are_hidden(sides: int) -> None:
    tables = [np.array([[40, 40], [40, 40]]), np.array([[40, 40], [40, 7]])][:sides]
    assert hidden_in_table(tables, LEAST).any() == (sides == 2)


@settings(max_examples=150)
@given(
    st.integers(2, 5).flatmap(
        lambda rows: st.integers(2, 5).flatmap(
            lambda columns: st.lists(
                st.lists(
                    st.sampled_from([0, 2, 5, 9, 11, 30, 80]), min_size=columns, max_size=columns
                ),
                min_size=rows,
                max_size=rows,
            )
        )
    )
)
def test_no_small_crossed_cell_is_determined(rows: list[list[int]]) -> None:
    table = np.array(rows)
    hidden = hidden_in_table([table], LEAST)
    assert hidden[table < LEAST].all()
    for i, j in np.argwhere((table > 0) & (table < LEAST)):
        # Nothing can hide a cell that no other cell with customers stands beside.
        others = (table > 0) & (table[i] > 0) & (table[:, [j]] > 0)
        others[i] = others[:, j] = False
        if others.any():
            assert len(_free(table, hidden, (i, j)))
