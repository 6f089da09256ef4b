"""Every learner of uplift leaves whole: its bundle repeats it on new customers."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.terms import Term
from marketing_ds.export import _graph, export_bundle, verify_bundle
from marketing_ds.uplift import UpliftModel
from marketing_ds.uplift.learning.calibration import EffectCalibration
from marketing_ds.uplift.learning.settings import NAMES

from .conftest import StandInUplift, grow, make_tags

ALL_TREES = {"early_stopping_rounds": None, "learning_rate": 0.4, "max_depth": 3}
NEW, _ = make_tags(2000, seed=9)
NEW.loc[:20, "branch"] = "opened yesterday"
NEW.loc[10:30, "等级"] = None


def fitted(learner, *, arms=("coupon",), numeric=False, scale=1.0, **parameters):
    """A model of customers with nulls, words, dates; the coupon works on golden ones."""
    X, y = make_tags()
    rng = np.random.default_rng(3)
    arm = rng.choice(["control", *arms], len(X))
    works = (arm != "control") & (X["等级"] == "金") & (rng.random(len(X)) < 0.7)
    outcome = np.maximum(y, works).astype(float)
    if numeric:
        outcome = scale * (1 + outcome * (1 + rng.exponential(1, len(X))))
    quick = {"n_estimators": 15, "n_folds": 2, "n_jobs": 1, **ALL_TREES} | parameters
    return UpliftModel(learner, **quick).fit(X, outcome, treatment=arm)


class Calibrated(StandInUplift):
    """Effects through a map."""

    def predict(self, X):
        uplift = super().predict(X)
        for at, arm in enumerate(self.arms_):
            if arm in self.calibration_:
                uplift[:, at] = self.calibration_[arm].apply(uplift[:, at])
        return uplift


def columns(scores):
    return scores.reshape(len(scores), -1)


@pytest.mark.parametrize("arms", [("coupon",), ("call", "coupon", "sms")], ids=len)
@pytest.mark.parametrize("numeric", [False, True], ids=["binary", "numeric"])
@pytest.mark.parametrize("learner", NAMES)
def test_every_learner_is_repeated(learner, numeric, arms, tmp_path):
    model = fitted(learner, arms=arms, numeric=numeric)
    native = columns(model.predict(NEW))
    assert np.ptp(native, axis=0).max() > 0.05
    bundle = export_bundle(model, tmp_path / "b")
    np.testing.assert_allclose(bundle.score(NEW), native, atol=1e-5, rtol=0)
    assert verify_bundle(bundle.path).passed
    told = bundle.score_table(NEW.head(5), as_of="2026-06-30")
    assert told["arm"].unique().tolist() == list(model.arms_)


def test_outcomes_of_a_million_are_repeated_as_far_as_float32_goes(tmp_path):
    model = fitted("t", numeric=True, scale=1e6)
    bundle = export_bundle(model, tmp_path / "b")
    native = columns(model.predict(NEW))
    np.testing.assert_allclose(bundle.score(NEW), native, atol=1e-6 * 5e6, rtol=0)
    assert 1 < bundle._contract()["tolerance"] < 10
    assert export_bundle(fitted("t"), tmp_path / "c")._contract()["tolerance"] == 1e-5


def test_an_effect_without_any_tree_is_a_constant_for_all(tmp_path):
    model = fitted("dr", n_estimators=0, arms=("call", "coupon"))
    assert not any(model.terms_.values())
    scores = export_bundle(model, tmp_path / "b").score(NEW)
    constants = [model.constant_[arm] for arm in model.arms_]
    np.testing.assert_allclose(scores, np.tile(constants, (len(NEW), 1)), atol=1e-7)


def test_an_arm_without_trees_beside_one_with(encoded, tmp_path):
    encoder, Z, y = encoded
    terms = {"flat": (), "steep": (Term(0.5, grow(Z, y), "logistic"),)}
    model = StandInUplift(encoder, ("flat", "steep"), terms, {"flat": 0.25})
    scores = export_bundle(model, tmp_path / "b").score(NEW)
    np.testing.assert_allclose(scores, model.predict(NEW), atol=1e-6)
    assert set(scores[:, 0]) == {0.25}


def test_boosters_shared_by_arms_are_exported_once():
    model = fitted("t", arms=("call", "coupon", "sms"))
    boosters, links, weights = _graph._distinct(model)
    assert len(boosters) == 2 * 4  # folds × (arms and control)
    assert set(links) == {"logistic"}
    np.testing.assert_allclose(weights.sum(axis=0), 0, atol=1e-12)  # an arm's less control's
    control = (weights < 0).all(axis=1)
    np.testing.assert_allclose(weights[control], -1 / 2)


@pytest.mark.parametrize("kind", ["linear", "isotonic"])
def test_calibrated_effects_are_repeated(kind, tmp_path):
    model = fitted("t", arms=("call", "coupon", "sms")).calibrate(kind=kind)
    assert [one.kind for one in model.calibration_.values()].count(kind) >= 2
    native = model.predict(NEW)
    bundle = export_bundle(model, tmp_path / "b")
    np.testing.assert_allclose(bundle.score(NEW), native, atol=1e-5, rtol=0)
    assert model.model_version_ != fitted("t", arms=("call", "coupon", "sms")).model_version_


def test_a_map_of_one_arm_leaves_the_others_alone(encoded, tmp_path):
    encoder, Z, y = encoded
    terms = {arm: (Term(0.5, grow(Z, y), "logistic"),) for arm in ("a", "b")}
    model = Calibrated(encoder, ("a", "b"), terms, {})
    model.calibration_ = {"b": EffectCalibration("isotonic", x=(0.1, 0.3), y=(-0.2, 0.4))}
    native = model.predict(NEW)
    assert np.ptp(native[:, 1]) > np.ptp(native[:, 0])
    np.testing.assert_allclose(export_bundle(model, tmp_path / "b").score(NEW), native, atol=1e-6)


def test_a_regressor_of_another_package_is_refused_by_name(encoded, tmp_path):
    ridge = Ridge().fit(np.eye(3), [0, 1, 2])
    model = StandInUplift(encoded[0], ("a",), {"a": (Term(1.0, ridge, "identity"),)})
    with pytest.raises(InvalidInput, match=r"got a Ridge in the effect of 'a'; .*distil"):
        export_bundle(model, tmp_path / "b")
    X, arm = np.random.default_rng(0).normal(size=(300, 2)), np.arange(300) % 2
    foreign = UpliftModel("t", base=Ridge(), n_folds=2).fit(X, X[:, 0] * arm, treatment=arm)
    with pytest.raises(InvalidInput, match="got a Ridge in the effect of 'treated'"):
        export_bundle(foreign, tmp_path / "b")
    assert list(Path(tmp_path).iterdir()) == []


def test_a_model_of_arrays_is_exported_too(tmp_path):
    rng = np.random.default_rng(0)
    X, arm = rng.normal(size=(900, 3)), rng.integers(0, 2, 900)
    model = UpliftModel(n_folds=2, n_jobs=1).fit(X, X[:, 0] * arm, treatment=arm)
    bundle = export_bundle(model, tmp_path / "b", examples=X)
    named = pd.DataFrame(X, columns=["x0", "x1", "x2"])
    np.testing.assert_allclose(bundle.score(named)[:, 0], model.predict(X), atol=1e-5)
