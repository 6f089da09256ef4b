"""Shallow trees asked question by question say what XGBoost's walk says, to the last bit."""

import numpy as np
import pytest
import xgboost as xgb
from hypothesis import given, settings
from hypothesis import strategies as st

from marketing_ds._core.terms import Term
from marketing_ds.uplift import shallow
from marketing_ds.uplift.learning.fixing import fix_columns
from marketing_ds.uplift.terms import predict_models


def trained(X, y, **parameters):
    known = {"tree_method": "hist", "max_depth": 3, "nthread": 1, "verbosity": 0}
    return xgb.train(known | parameters, xgb.QuantileDMatrix(X, y), 20)


def with_holes(rng, rows):
    """Ties, nulls and a column of 0 and 1."""
    X = rng.standard_normal((rows, 4)).astype(np.float32).round(1)
    X[:, 3] = X[:, 3] > 0.5
    X[rng.random(X.shape) < 0.2] = np.nan
    return X


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """A few customers are many enough, on as many cores as there are."""
    monkeypatch.setattr(shallow, "MANY", 1)
    monkeypatch.setattr(shallow, "_MOST_THREADS", 1000)


@settings(max_examples=25)
@given(
    depth=st.integers(1, 3),
    seed=st.integers(0, 2**20),
    base=st.floats(0.001, 0.999),
    leaf=st.integers(1, 200),
)
@pytest.mark.parametrize("objective", ["binary:logistic", "reg:squarederror"])
def test_margins_are_those_of_the_walk(objective, depth, seed, base, leaf):
    rng = np.random.default_rng(seed)
    X = with_holes(rng, 400)
    booster = trained(
        X,
        (rng.random(400) < 0.3).astype(float),
        objective=objective,
        max_depth=depth,
        base_score=base,
        min_child_weight=leaf / 10,
    )
    found = shallow.read_shallow([booster], len(X))
    np.testing.assert_array_equal(
        found.margins(X)[0], booster.inplace_predict(X, predict_type="margin")
    )


def test_models_of_all_customers_or_some_are_those_of_xgboost():
    """Links, weights and constants; two boosters with trees in common are read once."""
    rng = np.random.default_rng(0)
    X = with_holes(rng, 3000)
    given_arm = (rng.random(3000) < 0.5).astype(np.float32)
    y = (rng.random(3000) < 0.2 + 0.2 * given_arm).astype(float)
    whole = trained(np.column_stack([X, given_arm]), y, objective="binary:logistic")
    one, other = (fix_columns(whole, {4: value}) for value in (1.0, 0.0))
    number = trained(X, y, objective="reg:squarederror")
    models = [
        ((Term(1.0, one, "logistic"), Term(-1.0, other, "logistic")), 0.0),
        ((Term(0.5, number, "identity"),), 0.25),
        ((), 0.125),
    ]
    rows = np.flatnonzero(rng.random(3000) < 0.4)
    part = X[rows]
    wanted = [
        one.inplace_predict(part).astype(float) - other.inplace_predict(part),
        0.5 * number.inplace_predict(part).astype(float) + 0.25,
        np.full(len(rows), 0.125),
    ]
    np.testing.assert_array_equal(predict_models(models, X, rows), np.column_stack(wanted))
    np.testing.assert_array_equal(predict_models(models, X)[rows], np.column_stack(wanted))
    found = shallow.read_shallow([one, other], len(X))
    assert max(map(len, found.order)) <= len(found.trees) < sum(map(len, found.order))


def test_deep_trees_unknown_links_and_few_customers_are_left_to_xgboost(monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.random((2000, 4)).astype(np.float32)
    y = rng.random(2000)
    deep = trained(X, y, max_depth=4)
    counts = trained(X, y, objective="count:poisson")
    fine = trained(X, y)
    assert shallow.read_shallow([deep], 2000) is None
    assert shallow.read_shallow([counts], 2000) is None
    assert shallow.read_shallow([fine], 2000) is not None
    monkeypatch.setattr(shallow, "_MOST_THREADS", 0)
    assert shallow.read_shallow([fine], 2000) is None
    monkeypatch.setattr(shallow, "MANY", 2001)
    assert shallow.read_shallow([fine], 2000) is None


def test_a_tree_of_one_leaf_counts_too():
    X = np.arange(10, dtype=np.float32)[:, None]
    booster = trained(X, np.ones(10), base_score=0.25, min_child_weight=100)
    np.testing.assert_array_equal(
        shallow.read_shallow([booster], 10).margins(X)[0], booster.inplace_predict(X)
    )
