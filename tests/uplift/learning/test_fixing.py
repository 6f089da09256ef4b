import numpy as np
import pytest
import xgboost as xgb

from marketing_ds.uplift.learning.fixing import fix_columns


@pytest.fixture(scope="module")
def trained():
    rng = np.random.default_rng(0)
    X = rng.random((2000, 5)).astype(np.float32)
    X[:, 3:] = rng.random((2000, 2)) < 0.5
    X[rng.random(2000) < 0.1, 0] = np.nan
    y = np.nan_to_num(X[:, 0]) * X[:, 3] + X[:, 1] * X[:, 4]
    matrix = xgb.DMatrix(X, y)
    booster = xgb.train({"max_depth": 4, "base_score": 0.2}, matrix, num_boost_round=20)
    return booster, X


@pytest.mark.parametrize("values", [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)])
def test_a_fixed_booster_is_the_whole_one_at_those_values(trained, values):
    booster, X = trained
    at = X.copy()
    at[:, 3:] = values
    fixed = fix_columns(booster, {3: values[0], 4: values[1]})
    assert fixed.num_features() == 3
    np.testing.assert_allclose(
        fixed.inplace_predict(X[:, :3]), booster.inplace_predict(at), rtol=1e-6
    )


def test_contributions_of_a_fixed_booster_add_up(trained):
    booster, X = trained
    fixed = fix_columns(booster, {3: 1.0, 4: 0.0})
    matrix = xgb.DMatrix(X[:200, :3])
    shap = fixed.predict(matrix, pred_contribs=True)
    np.testing.assert_allclose(shap.sum(axis=1), fixed.predict(matrix), atol=1e-5)
