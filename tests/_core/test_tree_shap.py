"""Contributions by tables: XGBoost's and shap's own numbers, sooner."""

import gc
import json

import numpy as np
import pytest
import xgboost as xgb
from hypothesis import given, settings
from hypothesis import strategies as st

from marketing_ds._core import tree_shap
from marketing_ds._core.tree_shap import contributions


def make_booster(seed, depth=5, rounds=12, columns=4, rows=400, **more):
    """Few columns, so that paths meet the same one again, and nulls on either side."""
    rng = np.random.default_rng(seed)
    X = np.round(rng.standard_normal((rows, columns)), 1).astype(np.float32)
    X[rng.random(X.shape) < 0.15] = np.nan
    margin = np.nan_to_num(X[:, 0]) * np.nan_to_num(X[:, 1], nan=2.0) - np.isnan(X[:, -1])
    y = (rng.random(rows) < 1 / (1 + np.exp(-margin))).astype(float)
    parameters = {"objective": "binary:logistic", "max_depth": depth, "eta": 0.3, "nthread": 1}
    data = xgb.QuantileDMatrix(X, y, weight=rng.integers(0, 4, rows).astype(float))
    return xgb.train(parameters | more, data, rounds), X


def xgboosts(booster, X):
    return booster.predict(xgb.DMatrix(X), pred_contribs=True).astype(float)


@given(seed=st.integers(0, 10_000), depth=st.integers(1, 6), columns=st.integers(2, 6))
@settings(max_examples=40)
def test_contributions_equal_xgboosts(seed, depth, columns):
    booster, X = make_booster(seed, depth, rounds=5, columns=columns)
    found, base = contributions(booster, X)
    theirs = xgboosts(booster, X)
    np.testing.assert_allclose(found, theirs[:, :-1], atol=1e-5, rtol=0)
    assert base == pytest.approx(theirs[0, -1], abs=1e-6)
    margin = booster.inplace_predict(X, predict_type="margin")
    np.testing.assert_allclose(found.sum(axis=1) + base, margin, atol=1e-5, rtol=0)


def test_contributions_equal_shaps():
    shap = pytest.importorskip("shap")
    booster, X = make_booster(3, rounds=30)
    theirs = shap.TreeExplainer(booster)(X).values
    np.testing.assert_allclose(contributions(booster, X)[0], theirs, atol=1e-4, rtol=0)


@pytest.mark.parametrize("depth", [5, 8], ids=["tables", "XGBoost"])
def test_contributions_do_not_depend_on_who_else_is_asked_about(depth):
    booster, X = make_booster(1, depth, columns=9, rows=tree_shap._ROWS + 100)
    together, _ = contributions(booster, X[: tree_shap._ROWS + 50 if depth == 5 else 500])
    for rows in (slice(0, 1), slice(5, 5 + tree_shap._FEW), slice(7, 307)):
        np.testing.assert_array_equal(contributions(booster, X[rows])[0], together[rows])
    np.testing.assert_array_equal(contributions(booster, X[-60:-50])[0].shape, (10, 9))
    last = slice(len(together) - 10, len(together))
    np.testing.assert_array_equal(contributions(booster, X[last])[0], together[last])


def test_deep_trees_and_other_boosters_are_left_to_xgboost():
    deep, X = make_booster(2, 9, columns=9, rows=2_000)
    dart, _ = make_booster(2, 3, booster="dart", rate_drop=0.5)
    for booster, rows in ((deep, X[:50]), (dart, X[:50, :4])):
        assert tree_shap._make(booster) is None
        theirs = xgboosts(booster, rows)
        found, base = contributions(booster, rows)
        np.testing.assert_array_equal(np.column_stack([found, np.full(50, base)]), theirs)


def test_categorical_splits_and_empty_nodes_are_left_to_xgboost(monkeypatch):
    booster, _ = make_booster(4, 2, rounds=2)
    whole = booster.save_raw("json")

    def changed(**fields):
        model = json.loads(bytes(whole))
        tree = model["learner"]["gradient_booster"]["model"]["trees"][0]
        for name, value in fields.items():
            tree[name][0] = value
        monkeypatch.setattr(booster, "save_raw", lambda _: json.dumps(model).encode())
        return tree_shap._make(booster)

    assert changed() is not None
    assert changed(split_type=1) is None
    assert changed(sum_hessian=0.0) is None


def test_no_trees_and_bare_leaves_contribute_nothing():
    none, X = make_booster(5, rounds=0)
    bare, _ = make_booster(5, rounds=3, min_child_weight=1e9)
    for booster in (none, bare):
        for rows in (X[:3], X):
            found, base = contributions(booster, rows)
            assert (found == 0).all()
            assert base == pytest.approx(booster.inplace_predict(X[:1], predict_type="margin")[0])


def test_tables_are_made_once_and_go_with_their_booster(monkeypatch):
    booster, X = make_booster(6, rounds=4)
    first = contributions(booster, X)[0]
    before = len(tree_shap._KEPT)
    assert tree_shap._tables_of(booster) is tree_shap._tables_of(booster)
    booster.update(xgb.DMatrix(X, np.isnan(X[:, 0])), 4)
    grown = contributions(booster, X)[0]
    assert not np.array_equal(first, grown)
    np.testing.assert_allclose(grown, xgboosts(booster, X)[:, :-1], atol=1e-5, rtol=0)
    del booster
    gc.collect()
    assert len(tree_shap._KEPT) < before


def test_parts_change_nothing(monkeypatch):
    booster, X = make_booster(7)
    whole, _ = contributions(booster, X)
    monkeypatch.setattr(tree_shap, "_ROWS", 64)
    monkeypatch.setattr(tree_shap, "_AT_ONCE", 5)
    again = tree_shap._make(booster)
    np.testing.assert_array_equal(contributions(booster, X)[0], whole)
    np.testing.assert_allclose(again.by_columns(X), whole, atol=1e-12, rtol=0)
