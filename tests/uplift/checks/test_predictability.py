import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from marketing_ds._core.estimate import Estimate
from marketing_ds.uplift.arms import Arms
from marketing_ds.uplift.checks.predictability import (
    Directions,
    Pair,
    area_within_folds,
    column_p_values,
    mid_ranks,
    p_above_half,
    pairs,
    score_test,
    warn_if_predictable,
)


def features(rng, n):
    """Numbers with nulls, a heavy tail, zeros, rare levels."""
    tail = np.exp(2 * rng.normal(size=n))
    nulls = np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n))
    zeros = np.where(rng.random(n) < 0.9, 0, tail)
    levels = rng.random((n, 3)) < (0.004, 0.05, 0.4)
    return np.column_stack([tail, nulls, zeros, levels]).astype(np.float32)


def arms_of(codes, names=("a",)):
    return Arms(np.asarray(codes, dtype=np.int16), names, "control")


def one_pair(X, treated, chance=None):
    probability = None if chance is None else np.column_stack([1 - chance, chance])
    return next(pairs(arms_of(treated), probability))


@pytest.mark.parametrize("share", [0.5, 0.05])
def test_false_alarms_keep_their_rate(share):
    rng = np.random.default_rng(3)
    X = features(rng, 800)
    p_values = []
    for _ in range(400):
        treated = rng.random(800) < share
        p_values.append(score_test(X, one_pair(X, treated)).p_value)
    found = np.array(p_values)
    assert (found < 0.05).mean() < 0.085
    assert (found < 0.001).sum() <= 2


def test_false_alarms_keep_their_rate_with_probabilities_that_differ():
    rng = np.random.default_rng(4)
    X = features(rng, 800)
    chance = np.clip(0.3 + 0.1 * X[:, 5] + 0.05 * np.nan_to_num(X[:, 1]), 0.05, 0.95)
    p_values = []
    for _ in range(400):
        treated = rng.random(800) < chance
        p_values.append(score_test(X, one_pair(X, treated, chance.astype(float))).p_value)
    assert (np.array(p_values) < 0.05).mean() < 0.085
    stated_wrongly = one_pair(X, rng.random(800) < chance)
    assert score_test(X, stated_wrongly).p_value < 0.01


def test_p_values_of_a_number_without_ties_are_those_of_a_permutation():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 1)).astype(np.float32)
    treated = rng.permutation(60) < 20
    treated = treated ^ ((X[:, 0] > 1) & ~treated)
    found = column_p_values(X, one_pair(X, treated))[0][0]
    ranks, _, _ = mid_ranks(X[:, 0])
    observed = abs(ranks[treated].sum() - ranks.mean() * treated.sum())
    draws = np.array(
        [abs(ranks[rng.permutation(60)[: treated.sum()]].sum()) for _ in range(20_000)]
    )
    assert found == pytest.approx((draws >= observed).mean(), rel=0.15)


def test_it_sees_what_is_high_at_both_ends():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 1)).astype(np.float32)
    treated = rng.random(4000) < np.where(np.abs(X[:, 0]) > 1, 0.6, 0.45)
    assert score_test(X, one_pair(X, treated)).p_value < 1e-6
    assert column_p_values(X, one_pair(X, treated))[0][0] > 0.01


def test_it_sees_nulls():
    rng = np.random.default_rng(0)
    X = features(rng, 4000)
    treated = rng.random(4000) < np.where(np.isnan(X[:, 1]), 0.65, 0.5)
    assert score_test(X, one_pair(X, treated)).p_value < 1e-6
    values, nulls = column_p_values(X, one_pair(X, treated))
    assert nulls[1] < 1e-6 < values[1]
    assert np.isnan(nulls[0])


def test_equal_columns_count_once():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 1)).astype(np.float32)
    treated = rng.random(1000) < 0.5
    once = score_test(X, one_pair(X, treated))
    thrice = score_test(np.hstack([X, X, 5 * X]), one_pair(X, treated))
    assert thrice.directions == once.directions == 2
    assert thrice.p_value == pytest.approx(once.p_value)


@pytest.mark.parametrize("width", [0, 1])
def test_columns_that_say_nothing_pass(width):
    X = np.ones((100, width), dtype=np.float32)
    found = score_test(X, one_pair(X, np.arange(100) % 2))
    assert (found.directions, found.p_value) == (0, 1.0)


def test_all_null_columns_pass():
    X = np.full((100, 1), np.nan, dtype=np.float32)
    assert score_test(X, one_pair(X, np.arange(100) % 2)).p_value == 1.0


def test_area_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    treated = rng.random(500) < 0.4
    score = np.round(rng.normal(size=500) + treated, 1)
    pair = Pair("a", np.arange(500), treated, np.full(500, 0.5))
    found = area_within_folds(pair, score, np.zeros(500, dtype=np.int8))
    assert found.value == pytest.approx(roc_auc_score(treated, score))
    weighted = Pair("a", np.arange(500), treated, np.where(score > 0, 0.7, 0.3))
    found = area_within_folds(weighted, score, np.zeros(500, dtype=np.int8))
    expected = roc_auc_score(treated, score, sample_weight=weighted.weight)
    assert found.value == pytest.approx(expected)


def test_the_error_of_the_area_is_that_of_many_draws():
    rng = np.random.default_rng(1)
    found = []
    for _ in range(600):
        treated = rng.random(300) < 0.3
        score = rng.normal(size=300) + 0.5 * treated
        pair = Pair("a", np.arange(300), treated, np.full(300, 0.3))
        found.append(area_within_folds(pair, score, (np.arange(300) % 2).astype(np.int8)))
    values, errors = (np.array([getattr(f, n) for f in found]) for n in ("value", "se"))
    assert values.std() == pytest.approx(errors.mean(), rel=0.1)


def test_folds_without_one_side_are_left_out():
    treated = np.array([True, True, False, True])
    pair = Pair("a", np.arange(4), treated, np.full(4, 0.5))
    folds = np.array([0, 0, 1, 1], dtype=np.int8)
    assert area_within_folds(pair, np.array([0.0, 1.0, 0.0, 1.0]), folds).value == 1
    nobody = area_within_folds(pair, np.zeros(4), np.array([0, 0, 1, 2], dtype=np.int8))
    assert np.isnan(nobody.value)
    assert p_above_half(nobody) == 1


def test_the_p_value_of_an_area_is_one_sided():
    assert p_above_half(Estimate(0.52, 0.01, 0.5, 0.54)) == pytest.approx(stats.norm.sf(2))
    assert p_above_half(Estimate(0.48, 0.01, 0.46, 0.5)) == pytest.approx(stats.norm.cdf(2))


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=40))
def test_mid_ranks_are_those_of_scipy(values):
    rank, distinct, commonest = mid_ranks(np.array(values, dtype=np.float32))
    np.testing.assert_allclose(rank, (stats.rankdata(values) - 0.5) / len(values) - 0.5)
    assert distinct == len(set(values))
    assert commonest == max(values.count(value) for value in values)


def test_pairs_are_drawn_at_random_and_bounded():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 3, 6000)
    found = list(pairs(arms_of(codes, ("a", "b")), None, max_rows=1000))
    assert [pair.arm for pair in found] == ["a", "b"]
    for code, pair in enumerate(found, start=1):
        assert len(pair.rows) == 1000
        assert set(codes[pair.rows]) == {0, code}
        assert abs(pair.treated.mean() - 0.5) < 0.06
        np.testing.assert_array_equal(pair.treated, codes[pair.rows] == code)


def test_sizes_are_no_matter_of_the_pair():
    rng = np.random.default_rng(0)
    stated = rng.uniform(0.2, 0.4, 5000)
    treated = rng.random(5000) < 1.5 * stated
    pair = one_pair(None, treated, stated)
    assert pair.chance.sum() == pytest.approx(treated.sum())


def test_the_warning_names_arm_area_and_way_out():
    rng = np.random.default_rng(0)
    X = features(rng, 3000)
    chosen = rng.random(3000) < np.where(X[:, 5] > 0, 0.65, 0.4)
    folds = (np.arange(3000) % 5).astype(np.int8)
    message = (
        r"X tells 'a' from 'control' beyond the arms' shares with AUC 0\.\d+ \[.*\], "
        r"p < 0.0001.*probability='estimate'"
    )
    with pytest.warns(UserWarning, match=message):
        warn_if_predictable(X, arms_of(chosen), None, folds)
    stated = np.where(X[:, 5] > 0, 0.65, 0.4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_predictable(X, arms_of(chosen), np.column_stack([1 - stated, stated]), folds)


def test_a_few_customers_are_not_judged():
    X = np.arange(190, dtype=np.float32)[:, None]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_predictable(X, arms_of(np.arange(190) < 95), None, np.zeros(190, dtype=np.int8))


def test_the_score_of_the_warning_is_honest():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(400, 10)).astype(np.float32)
    folds = (np.arange(400) % 4).astype(np.int8)
    found = [
        Directions(X, one_pair(X, rng.permutation(400) < 200)).auc(folds).value for _ in range(100)
    ]
    assert np.mean(found) == pytest.approx(0.5, abs=0.012)
