"""Size against similarity."""

from __future__ import annotations

import ibis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketing_ds._core.errors import InvalidInput
from marketing_ds.lookalike import ReachCurve
from marketing_ds.lookalike.reach import reach_of


@pytest.fixture(scope="module")
def evaluation(near):
    return near.evaluate()


@pytest.fixture(scope="module")
def reach(near, evaluation):
    return near.reach_curve(evaluation=evaluation)


def test_a_size_and_its_closeness_are_those_of_an_expansion(near, reach):
    found = near.expand(size=120)
    assert reach.n_candidates == found.n_candidates
    assert reach.min_score_at(120) == found.min_score
    assert reach.size_at(0.7) == near.expand(min_score=0.7).size


@given(st.lists(st.sampled_from([0.1, 0.4, 0.4000001, 0.9, 1.0]), min_size=1, max_size=40))
def test_at_least_that_close_takes_in_equals(scores):
    curve = reach_of(np.array(scores), None)
    for limit in (0.0, 0.4, 0.9, 1.0):
        assert curve.size_at(limit) == sum(score >= limit for score in scores)


def test_recall_and_lift_are_those_of_the_evaluation(evaluation, reach):
    rows = reach.to_frame()
    n = reach.n_candidates
    assert rows["size"].tolist() == [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, n]
    assert rows["recall"].tolist() == [evaluation.recall_at(s / n) for s in rows["size"]]
    assert reach.recall_at(500) == evaluation.recall_at(500 / n)
    assert rows["recall"].iloc[-1] == rows["lift"].iloc[-1] == 1
    assert (rows["recall_ci_lower"] <= rows["recall"]).all()
    assert (rows["recall_ci_upper"] >= rows["recall"]).all()
    assert rows["min_score"].is_monotonic_decreasing


def test_without_an_evaluation_there_is_no_recall(look):
    curve = look.reach_curve()
    assert list(curve.to_frame().columns) == ["size", "candidate_share", "min_score"]
    with pytest.raises(InvalidInput, match="evaluation="):
        curve.recall_at(5)


def test_limits_narrow_the_candidates(look, frame, seeds):
    ids = frame["customer_id"].tolist()
    curve = look.reach_curve(ibis.memtable(frame), within=ids[:500], suppress=ids[:100])
    assert curve.n_candidates == len(set(ids[100:500]) - set(seeds))
    with pytest.raises(InvalidInput, match="besides the seeds"):
        look.reach_curve(within=seeds)


def test_a_single_candidate_has_a_curve():
    assert ReachCurve(np.array([0.3])).to_frame()["size"].tolist() == [1]


def test_sizes_out_of_range_are_refused(reach):
    with pytest.raises(InvalidInput, match="size must be"):
        reach.min_score_at(0)
    with pytest.raises(InvalidInput, match="size must be"):
        reach.recall_at(reach.n_candidates + 1)
    with pytest.raises(InvalidInput, match="min_score must be"):
        reach.size_at(1.5)
