"""The graph repeats the model: every encoding, every map, every sum of terms, every row."""

import json

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from sklearn.exceptions import NotFittedError

from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.terms import Term
from marketing_ds.export import export_bundle
from marketing_ds.features import FeatureEncoder
from marketing_ds.propensity import Calibration, NextBest, PropensityModel
from marketing_ds.uplift import UpliftModel

from .conftest import StandInPropensity, StandInUplift, grow, make_tags

NEW, _ = make_tags(4000, seed=9)
NEW.loc[:20, "branch"] = "opened yesterday"
NEW.loc[10:30, "等级"] = None


def scores_of(model, tmp_path):
    return export_bundle(model, tmp_path / "bundle").score(NEW)


def test_propensity_is_repeated_on_new_customers(propensity, tmp_path):
    native = propensity.predict_proba(NEW)[:, 1:]
    assert np.ptp(native) > 0.2
    np.testing.assert_allclose(scores_of(propensity, tmp_path), native, atol=1e-6)


@pytest.mark.parametrize(
    "calibration",
    [
        Calibration(),
        Calibration("platt", low=0.7, high=0.7, intercept=-0.4),
        Calibration("beta", low=0.4, high=1.6, intercept=0.2),
        Calibration("isotonic", x=(-2.0, -1.0, 0.3), y=(-3.0, -0.5, 0.1)),
        Calibration("isotonic", x=(-1.0,), y=(0.5,)),
    ],
    ids=["none", "platt", "beta", "isotonic", "one knot"],
)
def test_every_calibration_is_repeated_on_one_hot_columns(calibration, encoded, tmp_path):
    encoder, Z, y = encoded
    model = StandInPropensity(encoder, grow(Z, y), calibration)
    native = model.predict_proba(NEW)[:, 1:]
    assert np.ptp(native) > 0.1
    np.testing.assert_allclose(scores_of(model, tmp_path), native, atol=1e-6)


def test_several_arms_and_links_are_repeated(uplift, tmp_path):
    native = uplift.predict(NEW)
    np.testing.assert_allclose(scores_of(uplift, tmp_path), native, atol=1e-5)


@pytest.mark.parametrize("link", ["identity", "logistic"])
def test_terms_of_one_link_only_are_repeated(link, encoded, tmp_path):
    encoder, Z, y = encoded
    model = StandInUplift(encoder, ("a",), {"a": (Term(2.0, grow(Z, y), link),)}, {"a": 0.25})
    native = model.predict(NEW)[:, None]
    np.testing.assert_allclose(scores_of(model, tmp_path), native, atol=1e-5)


def test_float32_thresholds_send_boundary_values_the_same_way(tmp_path):
    # 0.1 in double lies below 0.1 in float32: comparing in double would go the other way.
    x = np.repeat(np.float32([0.1, 0.3]), 200)
    y = np.repeat([0, 1], 200)
    encoder = FeatureEncoder()
    Z = encoder.fit_transform(pd.DataFrame({"x": x}))
    booster = grow(Z, y, rounds=1, max_depth=1)
    cut = booster.trees_to_dataframe()["Split"].dropna().iloc[0]
    model = StandInPropensity(encoder, booster, Calibration())
    bundle = export_bundle(model, tmp_path / "b")
    at = np.float32(cut)
    edges = [float(np.nextafter(at, np.float32(-1))), float(at), float(at) - 1e-12]
    frame = pd.DataFrame({"x": edges})
    native = model.predict_proba(frame)[:, 1]
    assert native[0] != native[1]
    assert native[1] == native[2]  # rounds to the cut itself
    np.testing.assert_allclose(bundle.score(frame)[:, 0], native, atol=1e-7)


def test_a_model_without_any_tree_is_its_base_rate(encoded, tmp_path):
    encoder, Z, y = encoded
    booster = grow(Z, y, rounds=0, base_score=0.3)
    model = StandInPropensity(encoder, booster, Calibration())
    np.testing.assert_allclose(scores_of(model, tmp_path), 0.3, atol=1e-6)


@pytest.mark.parametrize(
    "objective", ["reg:squarederror", "count:poisson", "reg:logistic", "reg:pseudohubererror"]
)
def test_every_objectives_starting_point_is_repeated(objective, encoded, tmp_path):
    encoder, Z, y = encoded
    booster = grow(Z, y, objective=objective, base_score=0.4)
    model = StandInUplift(encoder, ("a",), {"a": (Term(1.0, booster, "identity"),)})
    native = model.predict(NEW)[:, None]
    np.testing.assert_allclose(scores_of(model, tmp_path), native, atol=1e-5)


def test_one_row_and_many_rows_score_alike(propensity, tmp_path):
    bundle = export_bundle(propensity, tmp_path / "b")
    many = bundle.score(NEW.head(20))
    single = np.vstack([bundle.score(NEW.iloc[[i]]) for i in range(20)])
    np.testing.assert_allclose(single, many, atol=1e-7)


def test_inputs_are_raw_tags_by_name(propensity, tmp_path):
    from onnxruntime import InferenceSession

    bundle = export_bundle(propensity, tmp_path / "b")
    session = InferenceSession(bundle.path / "model.onnx", providers=["CPUExecutionProvider"])
    found = {i.name: (i.type, i.shape) for i in session.get_inputs()}
    assert found == {
        "aum_cny": ("tensor(float)", ["N", 1]),
        "logins": ("tensor(float)", ["N", 1]),
        "mobile": ("tensor(float)", ["N", 1]),
        "opened_on": ("tensor(float)", ["N", 1]),
        "等级": ("tensor(string)", ["N", 1]),
        "branch": ("tensor(string)", ["N", 1]),
    }
    assert [o.name for o in session.get_outputs()] == ["score"]


def test_a_model_of_arrays_is_exported_too(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 3))
    y = (X[:, 0] + rng.normal(size=600) > 0).astype(int)
    model = PropensityModel(n_jobs=1, max_trees=10).fit(X, y)
    bundle = export_bundle(model, tmp_path / "b", examples=X)
    named = pd.DataFrame(X, columns=["x0", "x1", "x2"])
    np.testing.assert_allclose(bundle.score(named), model.predict_proba(X)[:, 1:], atol=1e-6)


@pytest.mark.parametrize("model", [PropensityModel(), UpliftModel(), object()])
def test_refuses_what_is_not_a_fitted_model(model, tmp_path):
    with pytest.raises((InvalidInput, NotFittedError), match="model must be a fitted"):
        export_bundle(model, tmp_path / "b")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"booster": "dart"}, "must be of kind 'gbtree'"),
        ({"objective": "multi:softmax", "num_class": 3}, "must have one output"),
    ],
)
def test_refuses_other_boosters(parameters, message, encoded, tmp_path):
    encoder, Z, y = encoded
    model = StandInPropensity(encoder, grow(Z, y, rounds=2, **parameters), Calibration())
    with pytest.raises(InvalidInput, match=message):
        export_bundle(model, tmp_path / "b")


def test_refuses_categorical_splits(encoded, tmp_path):
    encoder, _, y = encoded
    codes = xgb.DMatrix(
        (np.arange(len(y)) % 5)[:, None].astype(float),
        (np.arange(len(y)) % 5 > 2) * 1.0,
        feature_types=["c"],
        enable_categorical=True,
    )
    booster = xgb.train({"max_cat_to_onehot": 1, "tree_method": "hist"}, codes, 1)
    assert "categories_nodes" in json.dumps(json.loads(bytes(booster.save_raw("json"))))
    model = StandInPropensity(encoder, booster, Calibration())
    with pytest.raises(InvalidInput, match="must split numbers only"):
        export_bundle(model, tmp_path / "b")


def test_categorical_splits_of_codes_are_exported_exactly(tags, tmp_path):
    """NextBest's products: sets of codes, rare and unseen levels, nulls."""
    rng = np.random.default_rng(0)
    margin = np.isin(tags["branch"], ["B01", "B07", "B30"]) * 2.0 - 1.5
    high, rich = tags["等级"].isin(["金", "普通"]), tags["aum_cny"] > tags["aum_cny"].median()
    # What a category does depends on a number: no regression has that, so trees part its codes.
    margin = margin + tags["branch"].isna() + np.where(rich, 2.0, -2.0) * high
    bought = (rng.random(len(tags)) < 1 / (1 + np.exp(-margin))).astype(float)
    best = NextBest(n_jobs=1, max_trees=30, learning_rate=0.3, max_categories=20).fit(
        tags, pd.DataFrame({"fund": bought, "card": rng.permutation(bought)})
    )
    model = best.model("fund")
    learner = json.loads(bytes(model.booster_.save_raw("json")))["learner"]
    trees = learner["gradient_booster"]["model"]["trees"]
    # The regression's trees come first, and cut codes as numbers.
    by_set = [bool(tree["categories_nodes"]) for tree in trees]
    assert any(by_set)
    assert not by_set[0]
    bundle = export_bundle(model, tmp_path / "b", examples=tags)
    hostile = tags.head(300).copy()
    hostile.loc[hostile.index[:50], "等级"] = "unseen"
    hostile.loc[hostile.index[50:100], "branch"] = "nowhere"
    hostile.loc[hostile.index[100:150], "等级"] = None
    native = model.predict_proba(hostile)[:, 1]
    np.testing.assert_allclose(bundle.score(hostile)[:, 0], native, atol=2e-6)
    assert native.std() > 0.1
