import pickle

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import xgboost as xgb
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from marketing_ds._core.errors import InvalidInput
from marketing_ds.schema import SCORES
from marketing_ds.uplift import UpliftModel, uplift_curve

from .simulate import experiment

QUICK = {"n_estimators": 60, "n_folds": 3, "n_jobs": 1}


def rmse(a, b):
    return float(np.sqrt(np.mean((a - b) ** 2)))


@pytest.fixture(scope="module")
def train():
    return experiment(np.random.default_rng(0), 8000, arms=("coupon", "sms"), effect=0.6)


@pytest.fixture(scope="module")
def test():
    return experiment(np.random.default_rng(1), 8000, arms=("coupon", "sms"), effect=0.6)


@pytest.fixture(scope="module", params=["s", "t", "x", "r", "dr", "transformed", "auto"])
def model(request, train):
    return UpliftModel(request.param, **QUICK).fit(train.X, train.y, treatment=train.arm)


def test_effects_are_learned_for_every_arm(model, test):
    uplift = model.predict(test.X)
    assert model.arms_ == ("coupon", "sms")
    assert uplift.shape == (8000, 2)
    for k in range(2):
        truth = test.uplift[:, k]
        # One model for all arms sees the second one's small effect only dimly.
        assert rmse(uplift[:, k], truth) < (1.0 if model.learner == "s" else 0.6) * truth.std()
        assert np.corrcoef(uplift[:, k], truth)[0, 1] > 0.85


def test_average_effects_cover_the_truth(model, train):
    for k, arm in enumerate(model.arms_):
        effect = model.average_effect_[arm]
        assert effect.ci_lower <= train.uplift[:, k].mean() <= effect.ci_upper
        assert effect.se < 0.012
    assert model.counts_ == {arm: int((train.arm == arm).sum()) for arm in model.counts_}
    assert list(model.counts_) == ["control", "coupon", "sms"]


def test_uplift_is_the_sum_of_its_terms(model, test):
    """What an export composes: constants, weights, links and boosters alone."""
    encoded = xgb.DMatrix(model.encoder_.transform(test.X))
    for k, arm in enumerate(model.arms_):
        total = np.full(len(test.X), model.constant_[arm])
        for term in model.terms_[arm]:
            margin = term.booster.predict(encoded, output_margin=True).astype(float)
            total += term.weight * (
                1 / (1 + np.exp(-margin)) if term.link == "logistic" else margin
            )
        np.testing.assert_allclose(model.predict(test.X)[:, k], total, atol=1e-6)


def test_one_arm_predicts_a_vector(train):
    keep = train.arm != "sms"
    model = UpliftModel(**QUICK).fit(train.X[keep], train.y[keep], treatment=train.arm[keep])
    assert model.predict(train.X[:5]).shape == (5,)
    assert model.arms_ == ("coupon",)


def test_zero_and_one_may_stand_for_arms(train):
    keep = train.arm != "sms"
    X, y, arm = train.X[keep], train.y[keep], train.arm[keep]
    one = UpliftModel(**QUICK).fit(X, y, treatment=arm)
    two = UpliftModel(**QUICK).fit(X, y, treatment=(arm == "coupon").astype(int))
    assert two.arms_ == ("treated",)
    np.testing.assert_array_equal(one.predict(X), two.predict(X))


def test_same_seed_same_model():
    train = experiment(np.random.default_rng(0), 2000)
    models = [
        UpliftModel(random_state=seed, **QUICK).fit(train.X, train.y, treatment=train.arm)
        for seed in (4, 4, 5)
    ]
    first, again, other = (model.predict(train.X) for model in models)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert models[0].model_version_ == models[1].model_version_ != models[2].model_version_


def test_refused_fit_leaves_the_model_as_it_was(train):
    model = UpliftModel(**QUICK).fit(train.X, train.y, treatment=train.arm)
    before = model.predict(train.X)
    with pytest.raises(InvalidInput):
        model.fit(train.X, train.y[:-1], treatment=train.arm)
    with pytest.raises(InvalidInput):
        model.fit(train.X[:-1], train.y, treatment=train.arm)
    np.testing.assert_array_equal(model.predict(train.X), before)


def test_clone_and_pickle(model, test):
    assert clone(model).get_params() == model.get_params()
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(test.X), model.predict(test.X))


def test_frames_arrow_and_keys_come_in(train):
    keyed = train.X.assign(customer_id=[f"c{i}" for i in range(len(train.X))])
    model = UpliftModel(**QUICK).fit(keyed, train.y, treatment=train.arm)
    plain = model.predict(train.X)
    np.testing.assert_array_equal(model.predict(keyed), plain)
    np.testing.assert_array_equal(model.predict(pa.Table.from_pandas(keyed)), plain)
    with pytest.raises(InvalidInput, match="wealth"):
        model.predict(train.X.drop(columns="wealth"))


@pytest.mark.parametrize("learner", ["dr", "t"])
def test_amounts_are_learned(learner):
    train = experiment(np.random.default_rng(2), 12_000, numeric=True, effect=0.5)
    model = UpliftModel(learner, **QUICK).fit(train.X, train.y, treatment=train.arm)
    truth = train.uplift[:, 0]
    assert rmse(model.predict(train.X), truth) < 0.6 * truth.std()
    assert all(term.link == "identity" for term in model.terms_["coupon"])


def test_small_effects_are_not_overfitted():
    """1 % respond, an effect of 0.1 % for all: the error stays below the average effect's."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(40_000, 6))
    arm = rng.choice(["control", "sms"], 40_000)
    y = (rng.random(40_000) < 0.01 + 0.001 * (arm == "sms")).astype(float)
    model = UpliftModel("dr", n_jobs=2).fit(X, y, treatment=arm)
    assert rmse(model.predict(X), 0.001) < 0.002  # a tenth of a per cent is the s.e. of the mean


def test_without_heterogeneity_the_spread_is_nearly_nothing():
    spreads = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        X, arm = rng.normal(size=(3000, 5)), rng.choice(["control", "sms"], 3000)
        y = (rng.random(3000) < 0.2 + 0.05 * (arm == "sms")).astype(float)
        model = UpliftModel("dr", **QUICK).fit(X, y, treatment=arm)
        spreads.append(model.predict(X).std())
    assert np.median(spreads) < 0.01
    assert min(spreads) < 1e-12  # some find none at all, and say so


def test_no_heterogeneity_found_is_the_average_for_all():
    rng = np.random.default_rng(0)
    for seed in range(20):
        X, arm = rng.normal(size=(600, 2)), rng.choice(["control", "sms"], 600)
        y = rng.random(600) < 0.3
        model = UpliftModel("dr", random_state=seed, **QUICK).fit(X, y, treatment=arm)
        if model.slope_["sms"] == 0:
            break
    assert model.slope_["sms"] == 0
    assert model.terms_["sms"] == ()
    assert model.rounds_["sms"] == 0
    np.testing.assert_allclose(model.predict(X), model.average_effect_["sms"].value)


@pytest.mark.parametrize("learner", ["dr", "t"])
def test_an_outcome_that_never_varies_has_no_uplift(learner):
    X = np.random.default_rng(0).normal(size=(400, 2))
    arm = np.resize(["control", "sms"], 400)
    with pytest.warns(UserWarning, match="y is 1 for every customer"):
        model = UpliftModel(learner, **QUICK).fit(X, np.ones(400), treatment=arm)
    np.testing.assert_array_equal(model.predict(X), np.zeros(400))


@pytest.mark.parametrize("learner", ["dr", "t"])
def test_an_arm_where_nobody_acts_is_handled(learner):
    rng = np.random.default_rng(0)
    X, arm = rng.normal(size=(2000, 2)), np.resize(["control", "sms"], 2000)
    y = (rng.random(2000) < 0.3 * (X[:, 0] > 0)) & (arm == "sms")
    uplift = UpliftModel(learner, **QUICK).fit(X, y, treatment=arm).predict(X)
    assert uplift[X[:, 0] > 0.5].mean() > 0.2
    assert abs(uplift[X[:, 0] < -0.5].mean()) < 0.05


def test_nothing_to_learn_from_gives_averages():
    X, arm = np.ones((400, 1)), np.resize(["control", "sms"], 400)
    y = np.resize([0, 1, 0, 0], 400)
    model = UpliftModel("dr", **QUICK).fit(X, y, treatment=arm)
    np.testing.assert_allclose(model.predict(X), 0.5)


@pytest.mark.parametrize("how", ["given", "estimate"])
def test_confounding_is_undone_by_probabilities(how):
    train = experiment(np.random.default_rng(6), 12_000, effect=0.1, confounded=True)
    naive = UpliftModel("dr", **QUICK)
    truth = train.uplift[:, 0].mean()
    raw = train.y[train.arm == "coupon"].mean() - train.y[train.arm == "control"].mean()
    if how == "given":
        model = naive.fit(train.X, train.y, treatment=train.arm, probability=train.probability)
    else:
        model = UpliftModel("dr", probability="estimate", **QUICK)
        model.fit(train.X, train.y, treatment=train.arm)
    effect = model.average_effect_["coupon"]
    assert abs(effect.value - truth) < 0.5 * abs(raw - truth)
    assert effect.ci_lower <= truth <= effect.ci_upper
    assert model.clipped_share_ == 0


def test_huge_weights_are_bounded_and_said():
    train = experiment(np.random.default_rng(0), 1000)
    probability = np.full(1000, 0.5)
    probability[:20] = 0.001
    with pytest.warns(UserWarning, match=r"2.00% of customers .* max_weight=20"):
        model = UpliftModel(**QUICK).fit(
            train.X, train.y, treatment=train.arm, probability=probability
        )
    assert model.clipped_share_ == 0.02


def test_few_customers_are_said():
    train = experiment(np.random.default_rng(0), 150)
    with pytest.warns(UserWarning, match="few customers: .* in 'control'"):
        UpliftModel(**QUICK).fit(train.X, train.y, treatment=train.arm)


def test_score_is_the_qini(model, test):
    uplift = model.predict(test.X)
    by_arm = [
        uplift_curve(test.y, uplift[:, k], test.arm, arm=arm).qini.value
        for k, arm in enumerate(model.arms_)
    ]
    assert model.score(test.X, test.y, test.arm) == pytest.approx(np.mean(by_arm))
    assert min(by_arm) > 0.005


def test_scores_table_keeps_the_contract(model, test):
    frame = test.X[:50].assign(customer_id=[f"c{i:03}" for i in range(50)])
    scores = model.score_table(frame, as_of="2026-06-30")
    assert tuple(scores.columns) == SCORES.column_names
    assert len(scores) == 100
    assert set(scores["kind"]) == {"uplift"}
    assert set(scores["model_version"]) == {model.model_version_}
    wide = scores.pivot(index="customer_id", columns="arm", values="score")
    np.testing.assert_allclose(wide.to_numpy(), model.predict(frame))
    arrow = model.score_table(pa.Table.from_pandas(frame), as_of="2026-06-30")
    pd.testing.assert_frame_equal(arrow, scores)
    with pytest.raises(InvalidInput, match=r"frame must have the column.* 'customer_id'"):
        model.score_table(test.X, as_of="2026-06-30")


def test_shap_adds_up_to_the_uplift_and_finds_its_tags(train):
    model = UpliftModel("dr", **QUICK).fit(train.X, train.y, treatment=train.arm)
    explanation = model.explain(train.X[:500])
    uplift = model.predict(train.X[:500])
    for k in range(2):
        rest = uplift[:, k] - explanation.values[k].sum(axis=1)
        np.testing.assert_allclose(rest, rest[0], atol=1e-5)  # what is left is the average
    frame = explanation.to_frame()
    strongest = frame[frame["arm"] == "coupon"]["tag"].head(2)
    assert set(strongest) == {"wealth", "channel"}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"learner": "drr"}, "did you mean 'dr'"),
        ({"outcome": "count"}, "outcome must be one of"),
        ({"probability": "guess"}, "probability must be one of"),
        ({"n_folds": 1}, "n_folds must be between 2 and 100"),
        ({"n_estimators": -1}, "n_estimators must be at least 0"),
        ({"max_depth": 0}, "max_depth must be"),
        ({"learning_rate": 0}, "learning_rate must be"),
        ({"min_leaf": -1}, "min_leaf must be"),
        ({"l2": -1}, "l2 must be"),
        ({"subsample": 2}, "subsample must be"),
        ({"early_stopping_rounds": 0}, "early_stopping_rounds must be"),
        ({"max_weight": 0.5}, "max_weight must be at least 1"),
        ({"n_jobs": 1.5}, "n_jobs must be a whole number"),
        ({"base": "trees"}, "base must be a scikit-learn regressor, got 'trees'"),
        ({"base": LogisticRegression()}, "base must be a scikit-learn regressor"),
        (
            {"base": KNeighborsRegressor(), "learner": "r"},
            "base must take sample_weight where learner='r'",
        ),
        ({"base": LinearRegression(), "learner": "forest"}, "base must be left out"),
    ],
)
def test_bad_parameters_are_named(train, parameters, message):
    with pytest.raises(InvalidInput, match=message):
        UpliftModel(**parameters).fit(train.X, train.y, treatment=train.arm)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": np.resize([0.0, 2.0], 8000)}, "y must be 0 or 1 where outcome='binary', got 2"),
        ({"treatment": np.resize(["a", "b"], 8000)}, "control must be one of the arms"),
        (
            {"treatment": np.array(["control"] * 7999 + ["a"])},
            "each arm at least 2 customers, got 1 in 'a'",
        ),
        ({"probability": np.full(8000, 0.5)}, "leave out one of them"),
    ],
)
def test_bad_samples_are_named(train, change, message):
    model = UpliftModel(outcome="binary", probability="estimate", **QUICK)
    arguments = {"X": train.X, "y": train.y, "treatment": train.arm, **change}
    with pytest.raises(InvalidInput, match=message):
        model.fit(**arguments)


def test_all_trees_are_grown_without_early_stopping(train):
    model = UpliftModel("t", n_estimators=7, early_stopping_rounds=None, n_folds=2, n_jobs=1)
    model.fit(train.X, train.y, treatment=train.arm)
    assert model.rounds_ == {"coupon": 7, "sms": 7}
    assert len(model.terms_["coupon"]) == 4  # two folds of the arm's model, two of control's


@pytest.mark.parametrize("learner", ["s", "t", "x", "r", "dr", "transformed", "auto"])
def test_any_regressor_may_replace_the_trees(learner):
    train = experiment(np.random.default_rng(5), 4000, arms=("coupon", "sms"), effect=0.6)
    X = train.X[["wealth", "age", "noise"]]
    base = make_pipeline(StandardScaler(), LinearRegression()) if learner == "t" else Ridge()
    model = UpliftModel(learner, base=base, n_folds=3).fit(X, train.y, treatment=train.arm)
    uplift = model.predict(X)
    if learner == "s":  # without interactions a linear model has one effect for all
        assert np.ptp(uplift, axis=0).max() < 1e-6
        return
    assert np.corrcoef(uplift[:, 0], train.X["wealth"])[0, 1] > 0.9
    assert base.__dict__ == type(base)(**base.get_params(deep=False)).__dict__  # not trained itself
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), uplift)
    assert again.model_version_ == model.model_version_


def test_standard_errors_come_with_the_uplift(model, test):
    uplift, error = model.predict(test.X, se=True)
    np.testing.assert_array_equal(uplift, model.predict(test.X))
    assert error.shape == uplift.shape
    for k, arm in enumerate(model.arms_):
        assert error[:, k].min() >= model.average_effect_[arm].se
        assert error[:, k].mean() < 0.1


def test_more_customers_have_smaller_errors():
    errors = []
    for n in (2000, 16_000):
        train = experiment(np.random.default_rng(8), n, effect=0.5)
        model = UpliftModel("t", **QUICK).fit(train.X, train.y, treatment=train.arm)
        errors.append(model.predict(train.X, se=True)[1].mean())
    assert errors[1] < 0.6 * errors[0]


def test_outcomes_are_told_under_each_arm(model, test):
    outcomes = model.predict_outcomes(test.X)
    assert outcomes.shape == (8000, 3)
    assert 0 <= outcomes.min() <= outcomes.max() <= 1
    # Without the arm's own model, a little of the others' outcomes runs into control's.
    slack = 0.03 if model.learner == "s" else 0.01
    assert outcomes[:, 0].mean() == pytest.approx(0.1, abs=slack)


def test_cross_fitting_is_kept_row_by_row(model, train):
    kept = model.crossfit_
    np.testing.assert_array_equal(kept.y, train.y)
    assert kept.uplift.shape == kept.psi.shape == (8000, 2)
    assert kept.outcome.shape == kept.probability.shape == (8000, 3)
    np.testing.assert_allclose(kept.probability.sum(axis=1), 1)
    for k, arm in enumerate(model.arms_):
        assert model.average_effect_[arm].value == pytest.approx(kept.psi[:, k].mean())
        # Honest predictions rank nearly as well as the model.
        assert np.corrcoef(kept.uplift[:, k], train.uplift[:, k])[0, 1] > 0.8
