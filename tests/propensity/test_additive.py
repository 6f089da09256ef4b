"""The additive part: a ridge regression whose step functions are trees."""

import warnings

import numpy as np
import pytest
import xgboost as xgb
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from marketing_ds.propensity._additive import with_additive_part
from marketing_ds.propensity._boosting import Rates
from marketing_ds.propensity._ridge import RidgeRows

NOT_RATED = np.array([], dtype=np.intp)


def make_rows(n=1500, seed=0):
    """Five encoded columns: plain, heavy-tailed, with nulls, few values, rates of a category."""
    rng = np.random.default_rng(seed)
    Z = rng.normal(size=(n, 5)).astype(np.float32)
    Z[:, 1] = np.exp(4 * Z[:, 1])
    Z[rng.random(n) < 0.2, 2] = np.nan
    Z[:, 3] = rng.integers(0, 4, n)
    Z[:, 4] = np.array([0.1, 0.2, 0.4], dtype=np.float32)[rng.integers(0, 3, n)]
    margin = Z[:, 0] - 1 + np.isnan(Z[:, 2]) + np.log(Z[:, 1]) / 8
    y = (rng.random(n) < expit(margin)).astype(float)
    return Z, y, np.ones(n)


def fit_one(Z, y, w, penalty=10.0, monotone=None, rated=(4,)):
    rows = RidgeRows(Z, y, w, np.array(rated, dtype=np.intp), monotone=monotone or {}, seed=0)
    return rows.fit(penalty).ridge


def terms_of(design, Z):
    return design.matrix(design.bins(Z), len(Z))[:, 1:]


@pytest.fixture(scope="module")
def grown():
    Z, y, w = make_rows()
    ridge = fit_one(Z, y, w)
    data = xgb.QuantileDMatrix(Z, y, base_margin=ridge.margin(Z))
    booster = xgb.train({"objective": "binary:logistic", "nthread": 1}, data, 8)
    return Z, ridge, booster


def test_one_booster_gives_the_regression_plus_the_boosted_trees(grown):
    Z, ridge, booster = grown
    apart = booster.predict(xgb.DMatrix(Z, base_margin=ridge.margin(Z)), output_margin=True)
    whole = with_additive_part(booster, ridge).inplace_predict(Z, predict_type="margin")
    np.testing.assert_allclose(whole, apart, atol=5e-6)


def test_without_boosted_trees_the_regression_stands_alone(grown):
    Z, ridge, _ = grown
    data = xgb.QuantileDMatrix(Z, np.zeros(len(Z)))
    none = xgb.train({"objective": "binary:logistic"}, data, 0)
    alone = with_additive_part(none, ridge).inplace_predict(Z, predict_type="margin")
    np.testing.assert_allclose(alone, ridge.margin(Z), atol=2e-6)


def test_shap_adds_up_and_is_that_of_the_shap_package(grown):
    Z, ridge, booster = grown
    whole = with_additive_part(booster, ridge)
    ours = whole.predict(xgb.DMatrix(Z), pred_contribs=True)
    margin = whole.inplace_predict(Z, predict_type="margin")
    np.testing.assert_allclose(ours.sum(axis=1), margin, atol=1e-5)
    with warnings.catch_warnings():  # its import warns of matplotlib
        warnings.simplefilter("ignore")
        import shap
    theirs = shap.TreeExplainer(whole).shap_values(Z)
    np.testing.assert_allclose(ours[:, :-1], theirs, atol=1e-4)


def test_the_regression_is_that_of_scikit_learn():
    Z, y, w = make_rows()
    ridge = fit_one(Z, y, w, penalty=3.0)
    terms = terms_of(ridge.design, Z)
    theirs = LogisticRegression(C=1 / 3.0, tol=1e-10, max_iter=5000).fit(terms, y)
    np.testing.assert_allclose(ridge.coefficients, theirs.coef_[0], atol=2e-3)
    np.testing.assert_allclose(ridge.margin(Z), theirs.decision_function(terms), atol=5e-3)


def test_scores_are_standardised_and_nulls_have_a_term_of_their_own():
    Z, y, w = make_rows()
    terms = terms_of(fit_one(Z, y, w).design, Z)
    assert terms.shape == (len(Z), 6)  # five columns, one indicator
    np.testing.assert_allclose(terms[:, [0, 1, 3, 4, 5]].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(terms[:, [0, 1, 3, 4, 5]].std(axis=0), 1, atol=1e-4)
    assert (terms[np.isnan(Z[:, 2]), 2] == 0).all()


def test_heavy_tails_weigh_no_more_than_their_rank():
    Z, y, w = make_rows()
    richer = Z.copy()
    richer[:, 1] = richer[:, 1] ** 2  # the same order, on another scale
    np.testing.assert_allclose(
        fit_one(Z, y, w).margin(Z), fit_one(richer, y, w).margin(richer), atol=1e-5
    )


def test_a_weight_is_a_number_of_rows():
    Z, y, _ = make_rows(400)
    twice = np.concatenate([Z, Z[:100]])
    weight = np.r_[np.full(100, 2.0), np.ones(300)]
    by_rows = fit_one(twice, np.r_[y, y[:100]], np.ones(500))
    by_weight = fit_one(Z, y, weight)
    np.testing.assert_allclose(by_weight.margin(Z), by_rows.margin(Z), atol=1e-5)


@pytest.mark.parametrize("direction", [1, -1])
def test_a_monotone_column_never_gets_the_other_sign(direction):
    Z, y, w = make_rows()
    ridge = fit_one(Z, y, w, monotone={0: direction, 1: direction})
    assert (direction * ridge.coefficients[:2] >= 0).all()
    free = fit_one(Z, y, w)
    assert (free.coefficients[:2] > 0).all()


def test_of_noise_little_is_kept_and_of_signal_much():
    Z, y, w = make_rows(1000)
    half = np.arange(1000) % 2 == 0
    fold = (np.flatnonzero(half), np.flatnonzero(~half))
    parts = [(fold, {}), (fold[::-1], {})]

    def penalty(label):
        rows = RidgeRows(Z, label, w, np.array([4]), monotone={}, seed=0)
        return rows.choose(parts).penalty

    noise = [np.random.default_rng(seed).random(1000) < 0.2 for seed in range(11)]
    assert np.median([penalty(label.astype(float)) for label in noise]) >= 1000
    assert penalty(y) <= 100


def test_each_fold_learns_from_its_own_rows_and_rates():
    Z, y, w = make_rows(1000)
    train, test = np.arange(500), np.arange(500, 1000)
    rates = np.where(Z[:, 4] == np.float32(0.4), np.float32(0.05), Z[:, 4])
    turned = np.r_[y[:500], 1 - y[500:]]
    first, other = (
        RidgeRows(Z, label, w, np.array([4]), monotone={}, seed=0).choose(
            [((train, test), {4: rates})]
        )
        for label in (y, turned)
    )
    again = RidgeRows(
        np.column_stack([Z[:, :4], rates]), turned, w, np.array([4]), monotone={}, seed=0
    ).choose([((train, test), {})])
    assert first.loss < other.loss
    np.testing.assert_array_equal(again.folds[0].margin, other.folds[0].margin)
    start = first.folds[0]
    np.testing.assert_array_equal(
        start.margin, start.ridge.margin(np.column_stack([Z[:, :4], rates]))
    )


@settings(max_examples=30)
@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=40))
def test_bins_are_those_that_trees_make_of_the_same_cuts(values):
    column = np.array(values, dtype=np.float32)[:, None]
    if len(np.unique(column)) < 2:
        return
    y = (column[:, 0] > np.median(column)).astype(float)
    if y.min() == y.max():
        y[0] = 1 - y[0]
    ridge = fit_one(column, y, np.ones(len(y)), rated=())
    data = xgb.QuantileDMatrix(column, y)
    none = xgb.train({"objective": "binary:logistic", "nthread": 1}, data, 0)
    whole = with_additive_part(none, ridge).inplace_predict(column, predict_type="margin")
    np.testing.assert_allclose(whole, ridge.margin(column), atol=1e-5)


def test_a_fold_rates_levels_that_it_never_saw_as_unknown():
    rates = Rates(np.float32([0.1, 0.3]), np.float32([0.2, np.nan]))
    found = rates.of(np.float32([0.3, 0.1, 0.2, np.nan]))
    np.testing.assert_array_equal(found, np.float32([np.nan, 0.2, np.nan, np.nan]))
