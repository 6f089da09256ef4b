"""`learner="auto"`: what it takes, what it says, and that it says nothing where nothing is."""

import numpy as np
import pytest
from scipy.stats import rankdata

from marketing_ds.uplift import UpliftModel, uplift_curve
from marketing_ds.uplift.learning.auto import DEEP, MAIN, _qini

from ..simulate import experiment

QUICK = {"n_estimators": 60, "n_folds": 3, "n_jobs": 1}


@pytest.fixture(scope="module")
def train():
    return experiment(np.random.default_rng(0), 6000, arms=("coupon", "sms"), effect=0.5)


@pytest.fixture(scope="module")
def model(train):
    return UpliftModel("auto", **QUICK).fit(train.X, train.y, treatment=train.arm)


def test_every_candidate_is_shown_beside_what_was_chosen(model):
    frame = model.selection_.to_frame()
    for arm in model.arms_:
        part = frame[frame["arm"] == arm]
        assert set(part["learner"]) == {*MAIN, *DEEP, "main", "deep"}
        assert part["chosen"].sum() == 1
        assert part.loc[part["chosen"], "learner"].item() == model.selection_.chosen[arm]
        assert part["weight"].sum() == pytest.approx(1)
        assert (part["qini"].diff().dropna() <= 0).all()  # best first
        chosen = part[part["chosen"]].iloc[0]
        assert chosen["difference"] == 0
        assert chosen["p_value"] == 1


def test_interactions_are_taken_from_deep_trees():
    """An effect of one sign here, of the other there: sums of single tags cannot tell it."""
    rng = np.random.default_rng(1)
    X, arm = rng.random((8000, 3)), rng.integers(0, 2, 8000)
    lift = np.where(X[:, 0] > 0.4, 0.4, -0.1) * np.where(X[:, 1] > 0.4, 1.0, -0.5)
    y = (rng.random(8000) < 0.2 + lift * arm).astype(float)
    model = UpliftModel("auto", **QUICK).fit(X, y, treatment=arm)
    assert model.selection_.chosen["treated"] in {"deep", *DEEP}
    assert np.corrcoef(model.predict(X), lift)[0, 1] > 0.9


def test_main_effects_are_taken_from_trees_of_one_split(model):
    taken = set(model.selection_.chosen.values())
    assert taken <= {"main", *MAIN}


def test_heterogeneity_is_found_where_it_is(model):
    for arm, verdict in model.heterogeneity_.items():
        assert verdict.found
        assert verdict.p_value < 0.05
        assert verdict.qini.ci_lower > 0
        assert "treat by predicted uplift" in verdict.answer
        assert verdict.to_frame()["arm"].item() == arm


def test_where_nothing_is_it_says_treat_all_or_none():
    """12 experiments without heterogeneity: at 5 %, 3 or more findings have a chance of 2 %."""
    found, answers = 0, set()
    for seed in range(12):
        rng = np.random.default_rng(seed)
        X, arm = rng.random((1500, 4)), rng.integers(0, 2, 1500)
        y = (rng.random(1500) < 0.2 + 0.1 * X[:, 0] + 0.1 * arm).astype(float)
        verdict = UpliftModel("auto", **QUICK).fit(X, y, treatment=arm).heterogeneity_["treated"]
        found += verdict.found
        answers.add(verdict.answer)
    assert found <= 2
    assert any("treat all or none" in answer for answer in answers)


def test_a_decision_treats_all_or_none_where_nothing_was_found():
    rng = np.random.default_rng(0)
    X, arm = rng.random((1500, 4)), rng.integers(0, 2, 1500)
    y = (rng.random(1500) < 0.2 + 0.15 * arm).astype(float)
    model = UpliftModel("auto", **QUICK).fit(X, y, treatment=arm)
    assert not model.heterogeneity_["treated"].found
    assert set(model.best_arm(X, value=10, cost=0.5).arm) == {"treated"}
    assert set(model.best_arm(X, value=10, cost=5).arm) == {"control"}


def test_only_auto_has_a_selection(train):
    model = UpliftModel("t", **QUICK).fit(train.X, train.y, treatment=train.arm)
    assert model.selection_ is None
    assert model.heterogeneity_ == {}


def test_the_doubly_robust_qini_is_that_of_the_curve():
    """With ψ of known probabilities and no outcome model, both estimate one number."""
    rng = np.random.default_rng(2)
    n = 40_000
    score, treated = rng.random(n), rng.random(n) < 0.5
    y = (rng.random(n) < 0.1 + 0.2 * score * treated).astype(float)
    value, influence = _qini(np.where(treated, 2 * y, -2 * y), score)
    curve = uplift_curve(y, score, treated.astype(int)).qini
    assert value == pytest.approx(curve.value, abs=1.5 * curve.se)
    assert influence.std() / np.sqrt(n) == pytest.approx(curve.se, rel=0.25)


def test_the_doubly_robust_qini_shares_ranks_between_ties():
    rng = np.random.default_rng(3)
    psi, score = rng.normal(size=200), rng.integers(0, 5, 200).astype(float)
    value, _ = _qini(psi, score)
    rank = (rankdata(-score) - 0.5) / 200
    assert value == pytest.approx(np.mean(psi * (0.5 - rank)))
    assert _qini(psi, np.zeros(200))[0] == pytest.approx(0)


def test_the_influence_tells_the_noise_of_the_qini():
    rng = np.random.default_rng(4)
    found, told = [], []
    for _ in range(300):
        score = rng.random(400)
        psi = score + rng.normal(size=400)
        value, influence = _qini(psi, score)
        found.append(value)
        told.append(influence.std() / np.sqrt(400))
    assert np.std(found) == pytest.approx(np.mean(told), rel=0.15)
