"""SHAP of the effect: exact where it is a sum of trees, distilled where it is not."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from marketing_ds.features import FeatureEncoder
from marketing_ds.uplift import UpliftModel
from marketing_ds.uplift.explaining.explain import explain_effects

from ..simulate import experiment


def fitted(learner, **more):
    sample = experiment(np.random.default_rng(0), 3000, effect=0.6, **more)
    model = UpliftModel(learner, n_estimators=20, n_folds=2, n_jobs=1)
    return model.fit(sample.X, sample.y, treatment=sample.arm), sample


@pytest.fixture(scope="module")
def dr():
    return fitted("dr", arms=("a", "b"))


@pytest.fixture(scope="module")
def t():
    return fitted("t")


def test_shap_adds_up_to_the_uplift(dr):
    model, sample = dr
    found = model.explain(sample.X[:300])
    assert found.distilled == (False, False)
    assert found.fidelity == (1.0, 1.0)
    np.testing.assert_allclose(found.explained.T, model.predict(sample.X[:300]), atol=1e-6)


def test_values_are_those_of_the_shap_package(dr):
    shap = pytest.importorskip("shap")
    model, sample = dr
    encoded = model.encoder_.transform(sample.X[:50])
    theirs = sum(
        term.weight * shap.TreeExplainer(term.booster).shap_values(encoded)
        for term in model.terms_["a"]
    )
    by_tag = np.zeros((50, 4))
    np.add.at(by_tag.T, model.encoder_.origin_, theirs.T)
    np.testing.assert_allclose(model.explain(sample.X[:50]).values[0], by_tag, atol=1e-6)


def test_a_difference_of_probabilities_is_distilled_and_says_so(t):
    model, sample = t
    found = model.explain(sample.X[:500])
    assert found.distilled == (True,)
    assert 0.98 < found.fidelity[0] < 1
    uplift = model.predict(sample.X[:500])
    assert np.corrcoef(found.explained[0], uplift)[0, 1] ** 2 > 0.98
    strongest = set(found.to_frame()["tag"][:2])
    assert strongest == {"wealth", "channel"}


def test_a_t_learner_of_amounts_is_a_sum_of_trees_already():
    model, sample = fitted("t", numeric=True)
    found = model.explain(sample.X[:100])
    assert found.distilled == (False,)
    np.testing.assert_allclose(found.explained[0], model.predict(sample.X[:100]), atol=1e-4)


def test_an_isotonic_calibration_is_explained_with_the_effect(dr):
    model, sample = dr
    bent = model.calibrate(kind="isotonic")
    found = bent.explain(sample.X)
    assert found.distilled == (True, True)
    assert min(found.fidelity) > 0.95
    error = found.explained.T - bent.predict(sample.X)
    assert (error.var(axis=0) < 0.05 * bent.predict(sample.X).var(axis=0)).all()


def test_unfaithful_trees_warn(t):
    model, sample = t
    rng = np.random.default_rng(0)
    with pytest.warns(UserWarning, match=r"only up to an R² of .* for 'coupon' \(below 0.95\)"):
        found = explain_effects(
            lambda rows: rng.standard_normal((len(rows), 1)),
            model.terms_,
            model.constant_,
            model.encoder_,
            model.encoder_.transform(sample.X[:500]),
        )
    assert found.fidelity[0] < 0.95


def test_an_effect_that_is_the_same_for_everybody_depends_on_nothing():
    encoder = FeatureEncoder()
    encoded = encoder.fit_transform(pd.DataFrame({"age": [20.0, 30.0, 40.0]}))
    found = explain_effects(lambda rows: rows, {"a": ()}, {"a": 0.1}, encoder, encoded)
    np.testing.assert_array_equal(found.values, 0)
    np.testing.assert_allclose(found.explained, 0.1)
    assert found.to_frame()["importance_share"].tolist() == [0.0]


def test_the_frame_ranks_tags_within_each_arm_and_shares_add_up(dr):
    model, sample = dr
    frame = model.explain(sample.X[:300]).to_frame()
    assert frame["arm"].tolist() == ["a"] * 4 + ["b"] * 4
    for _, own in frame.groupby("arm"):
        assert own["mean_abs_shap"].is_monotonic_decreasing
        assert own["importance_share"].sum() == pytest.approx(1)
        assert (own["mean_abs_shap_ci_lower"] <= own["mean_abs_shap"]).all()
        assert (own["mean_abs_shap_ci_upper"] > own["mean_abs_shap"]).all()


def test_one_customer_has_no_interval(dr):
    model, sample = dr
    frame = model.explain(sample.X[:1]).to_frame()
    assert frame["mean_abs_shap_ci_lower"].isna().all()


def test_tag_values_are_numbers_and_blank_for_words(dr):
    model, sample = dr
    found = model.explain(sample.X[:10])
    at = dict(zip(found.tags, found.tag_values.T, strict=True))
    np.testing.assert_allclose(at["age"], sample.X["age"][:10])
    assert np.isnan(at["channel"]).all()


@pytest.mark.parametrize("learner", ["s", "x", "r", "transformed", "auto", "regressor"])
def test_every_learner_is_explained(learner):
    sample = experiment(np.random.default_rng(1), 1500, effect=0.8)
    foreign = {"base": LinearRegression()} if learner == "regressor" else {}
    name = "dr" if foreign else learner
    model = UpliftModel(name, n_estimators=10, n_folds=2, n_jobs=1, **foreign)
    model.fit(sample.X, sample.y, treatment=sample.arm)
    found = model.explain(sample.X[:400])
    assert found.distilled == (learner in ("s", "auto", "regressor"),)
    miss = found.explained[0] - model.predict(sample.X[:400])
    assert np.var(miss) <= 0.02 * np.var(found.explained[0])
