"""The regressions of many products: one design, codes scored for each label."""

import numpy as np
import pytest
import xgboost as xgb
from scipy.special import expit, logit

from marketing_ds.propensity import _ridge
from marketing_ds.propensity._additive import with_additive_part
from marketing_ds.propensity._next_ridge import SharedDesign
from marketing_ds.propensity._ridge import PENALTIES, RidgeRows
from marketing_ds.propensity._shared import SharedMatrix, shared_folds

KINDS = ["float", "c", "float"]
EFFECTS = np.array([-1.0, 0.0, 1.5, 0.5])


def make_rows(n=3000, seed=0):
    """A number with nulls, four codes whose order says nothing, a number; a label; weights."""
    rng = np.random.default_rng(seed)
    Z = rng.normal(size=(n, 3)).astype(np.float32)
    Z[:, 1] = rng.integers(0, 4, n)
    margin = Z[:, 0] + EFFECTS[Z[:, 1].astype(int)] - 1.5
    Z[rng.random(n) < 0.2, 0] = np.nan
    y = (rng.random(n) < expit(np.nan_to_num(margin))).astype(float)
    return Z, y, rng.integers(1, 3, n).astype(float)


def design_of(Z, w):
    return SharedDesign(Z, w, KINDS, seed=0)


def test_without_categories_it_is_the_regression_of_one_product():
    Z, y, w = make_rows()
    Z = Z[:, [0, 2]]
    start = SharedDesign(Z, w, ["float"] * 2, seed=0).fit(y, w, 30.0)
    none = np.array([], dtype=np.intp)
    alone = RidgeRows(Z, y, w, none, monotone={}, seed=0).fit(30.0).ridge
    np.testing.assert_allclose(start.ridge.coefficients, alone.coefficients, atol=1e-6)
    np.testing.assert_allclose(start.margin, alone.margin(Z), atol=1e-5)


def test_its_margin_is_that_of_its_ridge_and_of_its_trees():
    Z, y, w = make_rows()
    start = design_of(Z, w).fit(y, w, 10.0)
    np.testing.assert_allclose(start.ridge.margin(Z), start.margin, atol=1e-5)
    data = xgb.QuantileDMatrix(Z, y, feature_types=KINDS, enable_categorical=True)
    none = xgb.train({"objective": "binary:logistic", "nthread": 1}, data, 0)
    whole = with_additive_part(none, start.ridge)
    np.testing.assert_allclose(
        whole.inplace_predict(Z, predict_type="margin"), start.margin, atol=1e-5
    )


def test_codes_are_scored_by_their_log_odds_whatever_their_order():
    Z, y, w = make_rows(20_000)
    ridge = design_of(Z, w).fit(y, w, 3.0).ridge
    place = [steps.column for steps in ridge.design.steps].index(1)
    added = ridge.design.values(ridge.coefficients)[place][:4]
    np.testing.assert_allclose(added - added[1], EFFECTS, atol=0.15)


def test_a_code_without_a_row_is_scored_as_the_average_and_keeps_some_cover():
    Z, y, w = make_rows()
    at_risk = np.where(Z[:, 1] == 3, 0.0, w)
    ridge = design_of(Z, w).fit(y, at_risk, 10.0).ridge
    steps = next(steps for steps in ridge.design.steps if steps.column == 1)
    rates = [np.average(y[Z[:, 1] == k], weights=w[Z[:, 1] == k]) for k in range(3)]
    assert logit(rates[0]) < logit(np.average(y, weights=at_risk)) < logit(rates[2])
    assert steps.scores[0] < steps.scores[3] < steps.scores[2]
    assert steps.weights[3] == pytest.approx(0.001 * at_risk.sum())


def test_rows_without_weight_and_test_rows_teach_nothing():
    Z, y, w = make_rows()
    folds = shared_folds(y[:, None], np.arange(len(y)), 3, 0)
    _, starts = design_of(Z, w).choose(y, w, folds)
    turned = y.copy()
    turned[folds[0][1]] = 1 - turned[folds[0][1]]
    changed = design_of(Z, w)
    penalty, _ = changed.choose(y, w, folds)
    assert penalty in PENALTIES
    again = design_of(Z, w)._path(turned, w, folds[0][0], [PENALTIES[0], penalty])[-1]
    np.testing.assert_allclose(again.margin(Z), starts[0].margin, atol=2e-3)
    held = np.where(np.arange(len(y)) < 1500, w, 0.0)
    first, second = (
        design_of(Z, w).fit(label, held, 10.0) for label in (y, np.r_[y[:1500], turned[1500:]])
    )
    np.testing.assert_array_equal(first.margin, second.margin)


def test_of_very_many_rows_some_are_drawn(monkeypatch):
    Z, y, w = make_rows()
    everyone = design_of(Z, w).fit(y, w, 10.0)
    monkeypatch.setattr(_ridge, "ENOUGH", 1500)
    drawn, again = (design_of(Z, w).fit(y, w, 10.0) for _ in range(2))
    np.testing.assert_array_equal(drawn.margin, again.margin)
    assert not np.array_equal(drawn.margin, everyone.margin)
    assert np.corrcoef(drawn.margin, everyone.margin)[0, 1] > 0.97


def test_the_matrix_forgets_the_regression_of_the_label_before():
    Z, first, w = make_rows(1200)
    second = np.random.default_rng(3).permutation(first)
    parameters = {"objective": "binary:logistic", "max_bin": 32, "nthread": 1, "seed": 0}
    folds = shared_folds(first[:, None], np.arange(len(Z)), 3, 0)
    shared, alone = (SharedMatrix(Z, folds, parameters, KINDS, design_of(Z, w)) for _ in range(2))
    shared.grow(first, w, max_trees=4, patience=4)
    again = shared.grow(second, w, max_trees=4, patience=4)
    anew = alone.grow(second, w, max_trees=4, patience=4)
    np.testing.assert_array_equal(again.margin, anew.margin)
    np.testing.assert_array_equal(again.booster.inplace_predict(Z), anew.booster.inplace_predict(Z))
