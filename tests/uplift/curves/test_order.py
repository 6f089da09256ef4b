import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from marketing_ds.uplift.curves.order import falling

finite = st.floats(allow_nan=False, allow_infinity=False, width=64)


@settings(max_examples=200)
@given(st.lists(finite, min_size=1, max_size=60))
@example([0.0, -0.0, 0.0])
@example([1e308, -1e308, 1.0])
@example([1e300, 1.0, np.nextafter(1.0, 2), 1.0, -1e-300])
def test_law_rows_come_by_falling_score_and_ties_begin_where_the_score_changes(scores):
    scores = np.array(scores)
    order, start = falling(scores)
    assert sorted(order) == list(range(len(scores)))
    ordered = scores[order]
    assert (np.diff(ordered) <= 0).all()
    begins = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    if len(begins) == len(scores):
        assert start is None
    else:
        assert start.tolist() == begins.tolist()


def test_scores_that_differ_in_the_last_digit_beside_an_outlier_are_told_apart():
    rng = np.random.default_rng(0)
    scores = np.append(1 + np.arange(5000) * np.finfo(float).eps, 1e12)[rng.permutation(5001)]
    order, start = falling(scores)
    assert start is None
    assert (np.diff(scores[order]) < 0).all()


@pytest.mark.parametrize("n", [2, 40_000])
def test_equal_scores_are_one_tie(n):
    order, start = falling(np.full(n, 0.1))
    assert len(np.unique(order)) == n
    assert start.tolist() == [0]


def test_some_ties_among_many_scores():
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 5000, 70_000) / 5000
    order, start = falling(scores)
    ordered = scores[order]
    assert (np.diff(ordered) <= 0).all()
    assert start.tolist() == [0, *(np.flatnonzero(np.diff(ordered)) + 1)]
