"""Splits and folds: no customer on both sides, the last cut-off judged, always the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketing_ds._core.errors import InvalidInput

DAYS = ["2026-01-31", "2026-03-02", "2026-04-01", "2026-05-01"]
quiet = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _pairs(part):
    return set(zip(part.groups, part.X["as_of"], strict=True))


@quiet
@given(customers=st.integers(60, 300), share=st.floats(0.2, 0.8), salt=st.text(max_size=5))
@pytest.mark.parametrize("by", ["time", "customer"])
def test_no_customer_is_on_both_sides(make_set, by, customers, share, salt):
    sets = make_set(customers, DAYS, rate=0.5)
    train, test = sets.split(share, by=by, salt=salt)
    assert not set(train.groups) & set(test.groups)
    assert _pairs(train) | _pairs(test) <= _pairs(sets)
    if by == "customer":
        assert len(train) + len(test) == len(sets)


def test_by_time_the_last_cutoff_is_judged_by_what_was_over_then(make_set):
    sets = make_set(300, [*DAYS, "2026-05-20"])
    train, test = sets.split(0.3)
    assert [str(day) for day in test.cutoffs] == ["2026-05-20"]
    # 1 May + 30 days is after 20 May: that outcome was not yet known.
    assert [str(day) for day in train.cutoffs] == DAYS[:3]
    assert len(test) == pytest.approx(90, abs=20)
    assert test.y.index.tolist() == list(range(len(test)))
    assert test.left_out is None
    assert list(test.to_frame()["rows"]) == [len(test)]


def test_a_customer_stays_where_it_is_when_others_come(make_set):
    small, large = make_set(100, DAYS), make_set(200, DAYS)
    known = set(small.groups)
    for by in ("time", "customer"):
        one, other = small.split(by=by)[1], large.split(by=by)[1]
        assert set(one.groups) == set(other.groups) & known


def test_another_salt_draws_others(make_set):
    sets = make_set(100, DAYS)
    first, second = (set(sets.split(salt=salt)[1].groups) for salt in "ab")
    assert first != second


@quiet
@given(customers=st.integers(40, 200), n=st.integers(2, 6))
def test_folds_deal_each_customer_to_one_and_positives_evenly(make_set, customers, n):
    sets = make_set(customers, DAYS[:3], rate=0.2)
    folds = sets.folds(n)
    assert len(folds) == n
    tested = np.concatenate([test for _, test in folds])
    assert sorted(tested) == list(range(len(sets)))
    groups = sets.groups.to_numpy()
    ever = set(groups[sets.y == 1])
    dealt = []
    for train, test in folds:
        assert not set(groups[train]) & set(groups[test])
        assert len(train) + len(test) == len(sets)
        dealt.append(len(ever & set(groups[test])))
    assert max(dealt) - min(dealt) <= 1


def test_folds_serve_as_cv(make_set):
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score

    sets = make_set(60, DAYS[:2])
    scores = cross_val_score(LogisticRegression(), sets.X[["age"]], sets.y, cv=sets.folds(3))
    assert len(scores) == 3


@pytest.mark.parametrize(
    ("days", "options", "message"),
    [
        (DAYS[:1], {}, "needs a cut-off whose horizon of 30 days is over.*use by='customer'"),
        (["2026-04-20", "2026-05-01"], {}, "add one on 2026-04-01 or before"),
        (DAYS, {"by": "weeks"}, "by must be one of 'time', 'customer'"),
        (DAYS, {"test_share": 1.0}, "test_share must be between 0 and 1, both excluded"),
        (DAYS, {"test_share": 0.0001}, "must leave both classes in each part"),
    ],
)
def test_a_split_that_cannot_be_is_refused(make_set, days, options, message):
    with pytest.raises(InvalidInput, match=message):
        make_set(50, days).split(**options)


@pytest.mark.parametrize(("n", "message"), [(1, "n must be at least 2"), (50, "at most the cust")])
def test_folds_that_cannot_be_are_refused(make_set, n, message):
    with pytest.raises(InvalidInput, match=message):
        make_set(50, DAYS[:1], rate=0.2).folds(n)


def test_it_shows_itself(make_set):
    sets = make_set(50, DAYS[:2])
    assert "bought within 30 days: 100 rows" in repr(sets)
    assert "cut-offs 2026-01-31, 2026-03-02" in repr(sets)
    assert "2026-01-31" in sets._repr_html_()
