"""Rankings of products against values counted by hand, and laws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from marketing_ds._core.errors import InvalidInput
from marketing_ds.propensity import evaluate_ranking

NAN = np.nan


def _value(result, measure, ranking="model"):
    return float(result.estimate(measure, ranking)["value"])


@pytest.fixture
def four():
    """Four customers and three products; popularity is card, fund, loan."""
    Y = pd.DataFrame(
        {"card": [1, 0, NAN, 0], "fund": [0, 1, 1, 0], "loan": [1, 0, 0, 0]}, dtype=float
    )
    scores = np.array([[0.9, 0.5, 0.1], [0.9, 0.5, 0.1], [0.9, 0.5, 0.1], [0.9, 0.5, 0.1]])
    return Y, scores


def test_by_hand(four):
    Y, scores = four
    one = evaluate_ranking(Y, scores, k=1, popularity=[3, 2, 1])
    # Buyers are the first three. The model shows card, card, and (card held) fund.
    assert (one.rows, one.buyers) == (4, 3)
    assert _value(one, "hit_rate") == pytest.approx(2 / 3)
    assert _value(one, "hit_rate", "most popular") == pytest.approx(1 / 3)
    assert _value(one, "hit_rate", "most popular eligible") == pytest.approx(2 / 3)
    assert _value(one, "coverage") == pytest.approx(2 / 3)
    assert _value(one, "coverage", "most popular") == pytest.approx(1 / 3)
    two = evaluate_ranking(Y, scores, k=2, popularity=[3, 2, 1])
    second = 1 / np.log2(3)
    assert _value(two, "hit_rate") == 1.0
    assert _value(two, "ndcg") == pytest.approx((1 / (1 + second) + second + 1) / 3)
    assert _value(two, "map") == pytest.approx((1 / 2 + 1 / 2 + 1) / 3)
    shown = two.products.set_index("product")
    assert shown.loc["card"].tolist() == [1, 3, 3, 1]
    assert shown.loc["loan"].tolist() == [1, 1, 1, 0]


def test_ndcg_is_scikit_learns():
    rng = np.random.default_rng(0)
    Y = (rng.random((200, 6)) < 0.3).astype(float)
    Y = Y[Y.any(axis=1)]
    scores = rng.random(Y.shape)
    ours = _value(evaluate_ranking(Y, scores, k=3), "ndcg")
    assert ours == pytest.approx(ndcg_score(Y, scores, k=3), abs=1e-12)


def test_the_difference_is_paired_by_customer():
    rng = np.random.default_rng(0)
    Y = np.eye(4)[rng.integers(0, 4, 400)]
    scores = Y + rng.normal(0, 0.6, Y.shape)
    result = evaluate_ranking(Y, scores, k=1, popularity=[4, 3, 2, 1])
    hit = Y[np.arange(400), scores.argmax(axis=1)]
    ahead = hit - Y[:, 0]
    row = result.estimate("hit_rate", "most popular")
    error = ahead.std(ddof=1) / 20
    assert row["difference"] == pytest.approx(ahead.mean())
    assert row["difference_ci_upper"] - row["difference"] == pytest.approx(
        1.959964 * error, rel=1e-5
    )
    assert row["p_value"] < 1e-6
    assert row["value_ci_lower"] < row["value"] < row["value_ci_upper"]


def test_popularity_itself_is_no_better_than_popularity():
    rng = np.random.default_rng(1)
    Y = np.eye(4)[rng.integers(0, 4, 300)]
    popularity = np.array([5.0, 4.0, 3.0, 2.0])
    same = evaluate_ranking(Y, np.tile(popularity, (300, 1)), k=2, popularity=popularity)
    row = same.estimate("hit_rate", "most popular eligible")
    assert (row["difference"], row["p_value"]) == (0.0, 1.0)


def test_rows_of_one_customer_count_as_one():
    rng = np.random.default_rng(2)
    Y = np.eye(3)[rng.integers(0, 3, 100)]
    scores = rng.random(Y.shape)
    alone = evaluate_ranking(Y, scores, k=1)
    ids = np.arange(100)
    thrice = evaluate_ranking(
        np.tile(Y, (3, 1)), np.tile(scores, (3, 1)), k=1, groups=np.tile(ids, 3)
    )
    a, b = (r.estimate("hit_rate", "most popular") for r in (alone, thrice))
    assert b["difference_ci_upper"] == pytest.approx(a["difference_ci_upper"])
    unknown = evaluate_ranking(np.tile(Y, (3, 1)), np.tile(scores, (3, 1)), k=1)
    assert unknown.estimate("hit_rate", "most popular")["p_value"] < b["p_value"]


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 5))
def test_laws(seed, k):
    rng = np.random.default_rng(seed)
    Y = np.where(rng.random((30, 5)) < 0.2, NAN, (rng.random((30, 5)) < 0.3).astype(float))
    Y[:2] = [[1, 0, 0, 0, 0], [0, 1, 0, 0, 0]]
    scores = rng.random(Y.shape)
    result = evaluate_ranking(Y, scores, k=k)
    # Only the order counts; knowing what was bought is perfect; more places never reach fewer.
    assert evaluate_ranking(Y, 3 * scores + 1, k=k).measures.equals(result.measures)
    perfect = evaluate_ranking(Y, np.nan_to_num(Y) + scores / 10, k=k)
    for measure in ("hit_rate", "ndcg", "map"):
        assert _value(perfect, measure) == pytest.approx(1.0)
        assert 0 <= _value(result, measure) <= 1
    for _, rows in result.by_place.groupby("ranking"):
        assert rows["hit_rate"].is_monotonic_increasing
    if k == 5:
        assert _value(result, "hit_rate") == 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"score": np.zeros((4, 2))}, "shape of Y"),
        ({"score": np.full((4, 3), NAN)}, "finite everywhere"),
        ({"k": 0}, "k must be at least 1"),
        ({"popularity": [1, 2]}, "one finite number per product"),
        ({"groups": [1, 2]}, "one customer per row of Y"),
        ({"groups": [1, 1, 1, 1]}, "at least two customers"),
        ({"level": 1}, "level must be between 0 and 1"),
    ],
)
def test_bad_input(four, change, message):
    Y, scores = four
    with pytest.raises(InvalidInput, match=message):
        evaluate_ranking(Y, **{"score": scores, **change})


def test_an_unknown_measure_is_said(four):
    with pytest.raises(InvalidInput, match="hit_rate, ndcg, map, coverage"):
        evaluate_ranking(*four).estimate("auc")
