"""`learner="auto"`: what it takes, what it says, and that it says nothing where nothing is."""

import numpy as np
import pytest
from scipy.stats import rankdata
from sklearn.linear_model import LinearRegression

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


def amounts(seed, n=1500):
    """Purchases of 100 on average by one customer in ten, whatever the arm."""
    rng = np.random.default_rng(seed)
    X, arm = rng.random((n, 4)), rng.integers(0, 2, n)
    return X, (rng.random(n) < 0.1) * rng.lognormal(4, 1.2, n), arm


def test_candidates_that_say_nothing_do_not_blow_up_the_mean():
    """Without trees they are constants, which differ by rounding: no spread to bring to others'."""
    for seed in range(3):
        X, y, arm = amounts(seed)
        model = UpliftModel("auto", **QUICK).fit(X, y, treatment=arm)
        average = model.average_effect_["treated"]
        assert model.predict(X).mean() == pytest.approx(average.value, abs=4 * average.se)


def test_without_evidence_effects_are_nearly_alike_and_still_ranked():
    rng = np.random.default_rng(3)
    X, arm = rng.random((3000, 4)), rng.integers(0, 2, 3000)
    y = (rng.random(3000) < 0.2 + 0.1 * arm).astype(float)
    model = UpliftModel("auto", **QUICK).fit(X, y, treatment=arm)
    assert not model.heterogeneity_["treated"].found
    uplift = model.predict(X)
    assert uplift.std() == pytest.approx(model.average_effect_["treated"].se / 2, rel=0.15)
    assert len(np.unique(uplift)) > 100


def test_effects_are_as_far_apart_as_found(train, model):
    """By customers whom the model does not know, the slope of effects on predictions is about 1."""
    fresh = experiment(np.random.default_rng(5), 40_000, arms=("coupon", "sms"), effect=0.5)
    told = model.check_calibration(fresh.X, fresh.y, fresh.arm)
    for one in told.arms:
        assert 0.75 < one.slope.value < 1.33


class Counted(LinearRegression):
    """Counts the fits of all clones."""

    fits = 0

    def fit(self, X, y, sample_weight=None):
        type(self).fits += 1
        return super().fit(X, y, sample_weight)


def test_a_regressor_of_ones_own_is_trained_once_for_both_groups():
    """It knows nothing of depths: two outcome models, one of both arms, and x, r and dr."""
    data = experiment(np.random.default_rng(0), 600, arms=("coupon",), effect=0.5)
    X = data.X.select_dtypes("number").fillna(0)
    Counted.fits = 0
    model = UpliftModel("auto", base=Counted(), n_folds=2).fit(X, data.y, treatment=data.arm)
    assert Counted.fits == 2 * (2 + 1 + 2 + 1 + 1)
    rows = model.selection_.to_frame().set_index("learner")
    assert rows.loc["t", "qini"] == rows.loc["t1", "qini"]
    assert rows.loc["x", "qini"] == rows.loc["x1", "qini"]


def test_where_no_tree_can_grow_everybody_has_the_average_effect():
    X, y, arm = amounts(0, n=600)
    model = UpliftModel("auto", min_leaf=10_000, **QUICK).fit(X, y, treatment=arm)
    uplift, error = model.predict(X, se=True)
    average = model.average_effect_["treated"]
    np.testing.assert_allclose(uplift, average.value, rtol=1e-6)
    np.testing.assert_allclose(error, average.se, rtol=1e-6)
    assert not model.heterogeneity_["treated"].found
