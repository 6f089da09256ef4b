"""The causal forest: honesty, calibration, standard errors."""

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from hypothesis import given, settings
from hypothesis import strategies as st

from marketing_ds.uplift import UpliftModel
from marketing_ds.uplift.arms import Arms
from marketing_ds.uplift.binned import Binned, Trees
from marketing_ds.uplift.learning.forest import calibrate, fit_forest, grow_forest
from marketing_ds.uplift.learning.forest_error import ForestError
from marketing_ds.uplift.learning.forest_trees import (
    Growth,
    Residuals,
    honest_tree,
    join_trees,
    leaf_effects,
)
from marketing_ds.uplift.learning.nuisances import Outcomes, Sample, make_folds
from marketing_ds.uplift.terms import predict_terms

TREES = Trees(
    n_estimators=120,
    max_depth=2,
    learning_rate=0.1,
    min_leaf=None,
    l2=None,
    subsample=0.8,
    early_stopping_rounds=20,
    n_jobs=1,
    seed=0,
)


def residuals(rng, n=2000, *, noise=1.0, columns=3, effect=1.0):
    """Features, residuals and effects; the effect is `effect` for half of the customers."""
    X = rng.random((n, columns)).astype(np.float32)
    tau = effect * (X[:, 0] > 0.5)
    t = np.where(rng.random(n) < 0.5, 0.5, -0.5)
    y = t * tau + noise * rng.normal(size=n)
    return X, Residuals(y.astype(np.float32), t.astype(np.float32)), tau


def sample_of(X, y, codes, chance=None, trees=TREES):
    labels = int(codes.max()) + 1
    arms = Arms(codes.astype(np.int16), tuple("abcd"[: labels - 1]), "control")
    if chance is None:
        chance = np.tile(np.bincount(codes) / len(y), (len(y), 1))
    binned = Binned(np.asarray(X, dtype=np.float32), trees)
    return Sample(binned, y, arms, chance, make_folds(y, arms, 3, 0), "identity")


def fit(sample):
    return fit_forest(sample, Outcomes.by_arm(sample))


def predict(effect, X):
    return predict_terms(effect.terms, np.asarray(X, dtype=np.float32)) + effect.constant


def experiment(rng, n=3000, *, effect=1.0, noise=1.0):
    X = rng.random((n, 3))
    codes = rng.integers(0, 2, n)
    tau = effect * X[:, 0]
    y = X[:, 1] + codes * tau + noise * rng.normal(size=n)
    return X, y, codes, tau


GROWTH = Growth(
    {**TREES.parameters("identity", 400, 0.0), "min_child_weight": 5.0, "nthread": 1}, 0.5, 2.0
)


@pytest.fixture
def halves():
    X, left, _ = residuals(np.random.default_rng(0))
    growers = np.random.default_rng(1).random(len(X)) < 0.5
    matrix = xgb.QuantileDMatrix(X, max_bin=128, nthread=1)
    return matrix, left, growers


def content(model):
    return model["learner"]["gradient_booster"]["model"]["trees"][0]


def flipped(left, who):
    return Residuals(np.where(who, -left.y, left.y), left.t)


def test_outcomes_of_the_growing_half_do_not_enter_the_leaves(halves):
    """All signs turned, the growers want the same splits: then the tree is the same to the bit."""
    matrix, left, growers = halves
    model, values = honest_tree(matrix, left, growers, ~growers, GROWTH, 1)
    again, same = honest_tree(matrix, flipped(left, growers), growers, ~growers, GROWTH, 1)
    assert content(model)["left_children"].count(-1) > 2
    assert content(again)["split_conditions"] == content(model)["split_conditions"]
    np.testing.assert_array_equal(same, values)


def test_outcomes_of_the_filling_half_do_not_enter_the_splits(halves):
    matrix, left, growers = halves
    model, values = honest_tree(matrix, left, growers, ~growers, GROWTH, 1)
    again, other = honest_tree(matrix, flipped(left, ~growers), growers, ~growers, GROWTH, 1)
    assert content(again)["split_indices"] == content(model)["split_indices"]
    np.testing.assert_allclose(other, -values, rtol=1e-5)


def test_customers_in_neither_half_do_not_matter(halves):
    matrix, left, growers = halves
    nobody = np.arange(len(growers)) % 3 == 0
    inside = growers & ~nobody, ~growers & ~nobody
    _, values = honest_tree(matrix, left, *inside, GROWTH, 1)
    _, same = honest_tree(matrix, flipped(left, nobody), *inside, GROWTH, 1)
    np.testing.assert_array_equal(same, values)


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6), l2=st.sampled_from([0.0, 3.0]))
def test_a_leaf_is_the_shrunk_slope_about_its_own_means(seed, l2):
    rng = np.random.default_rng(seed)
    leaf = rng.integers(0, 3, 60).astype(np.float32)
    left = Residuals(*rng.normal(size=(2, 60)).astype(np.float32))
    fillers = rng.random(60) < 0.8
    found = leaf_effects(leaf, left, fillers, 4, Growth({}, 0.5, l2))
    for node in range(3):
        there = fillers & (leaf == node)
        y, t = left.y[there].astype(float), left.t[there].astype(float)
        t, y = t - t.mean(), y - y.mean()
        assert found[node] == pytest.approx(0.5 * (t @ y) / (t @ t + l2), abs=1e-5)
    assert found[3] == 0


def test_a_leaf_with_one_arm_alone_adds_nothing():
    left = Residuals(np.ones(10, np.float32), np.full(10, 0.3, np.float32))
    found = leaf_effects(np.zeros(10, np.float32), left, np.ones(10, bool), 1, Growth({}, 1.0, 0.0))
    np.testing.assert_array_equal(found, [0.0])


def test_joined_trees_predict_the_sum_and_explain_it(halves):
    matrix, left, growers = halves
    grown = [honest_tree(matrix, left, growers, ~growers, GROWTH, seed) for seed in range(4)]
    X = residuals(np.random.default_rng(0))[0]
    booster = join_trees([model for model, _ in grown])
    expected = np.sum([values for _, values in grown], axis=0)
    np.testing.assert_allclose(booster.inplace_predict(X), expected, atol=1e-6)
    shap = booster.predict(xgb.DMatrix(X), pred_contribs=True)
    np.testing.assert_allclose(shap.sum(axis=1), expected, atol=1e-5)
    np.testing.assert_allclose(
        booster.inplace_predict(X, iteration_range=(1, 2)), grown[1][1], atol=1e-6
    )


def test_an_out_of_bag_prediction_knows_nothing_of_the_customers_outcome():
    X, left, _ = residuals(np.random.default_rng(3), 500)
    matrix = Binned(X, TREES).whole()
    y = left.y.copy()
    y[7] += 100
    before = grow_forest(matrix, left, TREES).out_of_bag
    after = grow_forest(matrix, Residuals(y, left.t), TREES).out_of_bag
    assert after[7] == before[7]
    assert (after != before).mean() > 0.9


def test_effects_are_recovered_better_than_by_the_average():
    rng = np.random.default_rng(4)
    X, y, codes, tau = experiment(rng, 6000, effect=2.0)
    (effect,) = fit(sample_of(X, y, codes))
    other = rng.random((2000, 3))
    error = predict(effect, other) - 2.0 * other[:, 0]
    assert np.sqrt(np.mean(error**2)) < 0.35 * tau.std()
    assert np.sqrt(np.mean((effect.oof - tau) ** 2)) < 0.35 * tau.std()
    assert effect.rounds == 120


def test_without_heterogeneity_the_effects_stay_near_the_average():
    """1 % respond, 0.1 % more of those reached, whoever they are."""
    rng = np.random.default_rng(5)
    X, codes = rng.random((20_000, 4)), rng.integers(0, 2, 20_000)
    y = (rng.random(20_000) < 0.01 + 0.001 * codes).astype(float)
    (effect,) = fit(sample_of(X, y, codes))
    average = y[codes == 1].mean() - y[codes == 0].mean()
    assert predict(effect, X).mean() == pytest.approx(average, abs=2e-4)
    assert predict(effect, X).std() < 0.0005


def test_the_slope_is_that_of_least_squares_and_gives_way_to_its_error():
    rng = np.random.default_rng(6)
    added = rng.normal(size=3000)
    t = np.where(rng.random(3000) < 0.3, 0.7, -0.3)
    y = t * (0.4 + 1.5 * added) + rng.normal(size=3000)
    left = Residuals(y.astype(np.float32), t.astype(np.float32))
    found = calibrate(added.astype(np.float32), left)
    design = np.column_stack([t, t * added])
    (average, slope), *_ = np.linalg.lstsq(design, y)
    bread = np.linalg.inv(design.T @ design)
    score = design * (y - design @ [average, slope])[:, None]
    error = np.sqrt((bread @ (score.T @ score) @ bread)[1, 1])
    assert found.error == pytest.approx(error, rel=1e-3)
    assert found.slope == pytest.approx(slope**3 / (slope**2 + error**2), rel=1e-5)
    assert found.average == pytest.approx(average, abs=0.01)


def test_a_negative_slope_leaves_the_average():
    rng = np.random.default_rng(7)
    added, t = rng.normal(size=500), np.where(rng.random(500) < 0.5, 0.5, -0.5)
    left = Residuals((t * (1 - added)).astype(np.float32), t.astype(np.float32))
    found = calibrate(added.astype(np.float32), left)
    assert found.slope == 0
    assert found.average == pytest.approx(left.effect())


def test_the_same_seed_gives_the_same_forest_whatever_the_threads():
    X, y, codes, _ = experiment(np.random.default_rng(8), 1500)
    runs = [
        fit(sample_of(X, y, codes, trees=replace(TREES, **other)))[0]
        for other in ({}, {"n_jobs": 3}, {"seed": 1})
    ]
    first, threads, seed = (predict(effect, X) for effect in runs)
    np.testing.assert_array_equal(threads, first)
    np.testing.assert_array_equal(runs[1].oof, runs[0].oof)
    np.testing.assert_array_equal(
        runs[1].error.standard_error(X.astype(np.float32)),
        runs[0].error.standard_error(X.astype(np.float32)),
    )
    assert not np.array_equal(seed, first)


def test_standard_errors_halve_with_four_times_the_customers():
    rng = np.random.default_rng(9)
    grid = rng.random((500, 3)).astype(np.float32)
    mean = []
    for n in (2000, 8000):
        X, y, codes, _ = experiment(rng, n, effect=0.0)
        (effect,) = fit(sample_of(X, y, codes, trees=replace(TREES, n_estimators=300)))
        mean.append(effect.error.standard_error(grid).mean())
    assert 0.4 < mean[1] / mean[0] < 0.75


def test_intervals_cover_smooth_effects():
    """Average over customers and replications; what trees smooth away costs some of the 95 %."""
    rng = np.random.default_rng(10)
    grid = rng.random((500, 3)).astype(np.float32)
    covered = []
    for _ in range(6):
        X, y, codes, _ = experiment(rng, 1000)
        (effect,) = fit(sample_of(X, y, codes, trees=replace(TREES, n_estimators=180)))
        error = predict(effect, grid) - grid[:, 0]
        covered.append(np.mean(np.abs(error) < 1.96 * effect.error.standard_error(grid)))
    assert np.mean(covered) > 0.9


def test_a_constant_effect_is_as_uncertain_as_its_bags():
    error = ForestError(None, np.array([1.0, 2.0, 3.0, 4.0]), 6, 0.0, 0.0, 0.0)
    found = error.standard_error(np.zeros((3, 2), np.float32))
    # Two bags in four differ by their draws alone: 5/3 is their variance, a quarter of it the mean's.
    assert found.tolist() == [found[0]] * 3
    assert found[0] > np.sqrt(5 / 3 * 5 / 4)


def test_errors_are_the_same_whether_asked_together_or_one_by_one(monkeypatch):
    X, y, codes, _ = experiment(np.random.default_rng(11), 1000)
    (effect,) = fit(sample_of(X, y, codes))
    some = X[:50].astype(np.float32)
    together = effect.error.standard_error(some)
    monkeypatch.setattr("marketing_ds.uplift.learning.forest_error._AT_ONCE", 7)
    np.testing.assert_allclose(effect.error.standard_error(some), together, rtol=1e-12)


def test_a_forest_is_pickled_whole():
    X, y, codes, _ = experiment(np.random.default_rng(12), 1000)
    (effect,) = fit(sample_of(X, y, codes))
    again = pickle.loads(pickle.dumps(effect))
    np.testing.assert_array_equal(predict(again, X), predict(effect, X))
    some = X[:20].astype(np.float32)
    np.testing.assert_array_equal(
        again.error.standard_error(some), effect.error.standard_error(some)
    )


def test_each_arm_has_its_own_effect_and_others_do_not_enter_it():
    rng = np.random.default_rng(13)
    X, codes = rng.random((6000, 3)), rng.integers(0, 3, 6000)
    tau = np.column_stack([2 * X[:, 0], 2 * X[:, 1]])
    y = rng.normal(size=6000) + np.where(codes > 0, tau[np.arange(6000), codes - 1], 0)
    sample = sample_of(X, y, codes)
    outcomes = Outcomes.by_arm(sample)
    effects = fit_forest(sample, outcomes)
    for arm, effect in enumerate(effects):
        assert np.corrcoef(effect.oof, tau[:, arm])[0, 1] > 0.9
    other = replace(sample, y=np.where(codes == 2, -y, y))
    np.testing.assert_array_equal(fit_forest(other, outcomes)[0].oof, effects[0].oof)


def test_known_probabilities_take_out_the_bias_of_whom_the_campaign_chose():
    rng = np.random.default_rng(14)
    X = rng.random((8000, 2))
    reached = 0.2 + 0.6 * X[:, 0]
    codes = (rng.random(8000) < reached).astype(int)
    y = 3 * X[:, 0] + codes * X[:, 1] + rng.normal(size=8000)
    # Outcome models that know nothing: all is left to the probabilities.
    flat = replace(TREES, n_estimators=0)
    chances = {"known": np.column_stack([1 - reached, reached]), "constant": None}
    bias = {}
    for name, chance in chances.items():
        outcomes = Outcomes.by_arm(sample_of(X, y, codes, chance, flat))
        (effect,) = fit_forest(sample_of(X, y, codes, chance), outcomes)
        bias[name] = effect.oof.mean() - 0.5
    assert abs(bias["known"]) < 0.1
    assert bias["constant"] > 0.3


def test_a_constant_outcome_has_no_effect_and_no_error():
    X, _, codes, _ = experiment(np.random.default_rng(15), 200)
    (effect,) = fit(sample_of(X, np.full(200, 3.0), codes))
    np.testing.assert_array_equal(predict(effect, X), 0)
    np.testing.assert_array_equal(effect.error.standard_error(X.astype(np.float32)), 0)
    assert effect.rounds == 0


def test_without_features_everyone_has_the_average_effect():
    _, y, codes, _ = experiment(np.random.default_rng(16), 2000)
    (effect,) = fit(sample_of(np.empty((2000, 0)), y, codes))
    average = y[codes == 1].mean() - y[codes == 0].mean()
    np.testing.assert_allclose(effect.oof, average, atol=0.01)
    assert effect.terms == ()


def test_missing_values_go_their_own_way():
    rng = np.random.default_rng(17)
    X, codes = rng.random((4000, 2)), rng.integers(0, 2, 4000)
    hole = rng.random(4000) < 0.3
    y = rng.normal(size=4000) + 2.0 * codes * hole
    X[hole, 0] = np.nan
    (effect,) = fit(sample_of(X, y, codes))
    found = predict(effect, X)
    assert found[hole].mean() - found[~hole].mean() == pytest.approx(2.0, abs=0.3)


def test_the_order_of_the_rows_matters_no_more_than_the_seed():
    rng = np.random.default_rng(18)
    X, y, codes, _ = experiment(rng, 3000)
    order = rng.permutation(3000)
    first = fit(sample_of(X, y, codes))[0]
    shuffled = fit(sample_of(X[order], y[order], codes[order]))[0]
    apart = predict(shuffled, X) - predict(first, X)
    error = first.error.standard_error(X.astype(np.float32))
    assert np.sqrt(np.mean(apart**2)) < 0.75 * error.mean()


@pytest.mark.parametrize("n_estimators", [1, 4, 30])
def test_few_trees_are_enough_to_have_an_error(n_estimators):
    X, y, codes, _ = experiment(np.random.default_rng(19), 400)
    (effect,) = fit(sample_of(X, y, codes, trees=replace(TREES, n_estimators=n_estimators)))
    error = effect.error.standard_error(X.astype(np.float32))
    assert np.isfinite(effect.oof).all()
    assert (error > 0).all()


def test_two_customers_an_arm_are_told_the_average():
    X, y, codes = np.arange(4.0)[:, None], np.array([0.0, 1.0, 2.0, 4.0]), np.array([0, 0, 1, 1])
    (effect,) = fit(sample_of(X, y, codes))
    assert np.isfinite(effect.oof).all()
    assert np.ptp(predict(effect, X)) == 0


@pytest.fixture(scope="module")
def model_and_frame():
    rng = np.random.default_rng(20)
    frame = pd.DataFrame(
        {"wealth": rng.random(3000), "channel": rng.choice(["app", "web"], 3000), "noise": 1.0}
    )
    arm = rng.choice(["control", "coupon", "gift"], 3000)
    works = frame["wealth"] * (frame["channel"] == "app")
    y = rng.random(3000) < 0.1 + 0.6 * works * (arm == "coupon")
    return UpliftModel("forest", n_estimators=96, n_jobs=1).fit(frame, y, treatment=arm), frame


def test_a_model_tells_each_arms_effect_with_its_error(model_and_frame):
    model, frame = model_and_frame
    uplift, error = model.predict(frame, se=True)
    assert uplift.shape == error.shape == (3000, 2)
    works = frame["wealth"] * (frame["channel"] == "app")
    assert np.corrcoef(uplift[:, 0], works)[0, 1] > 0.9
    assert uplift[:, 0].std() > 5 * uplift[:, 1].std()
    assert (error > 0).all()
    assert model.rounds_ == {"coupon": 96, "gift": model.rounds_["gift"]}


def test_a_saved_model_keeps_its_errors(model_and_frame, tmp_path):
    model, frame = model_and_frame
    again = UpliftModel.load(model.save(tmp_path / "model"))
    for before, after in zip(
        model.predict(frame, se=True), again.predict(frame, se=True), strict=True
    ):
        np.testing.assert_array_equal(after, before)


def test_a_forest_is_explained_by_its_own_trees(model_and_frame):
    model, frame = model_and_frame
    strength = model.explain(frame[:300]).to_frame().set_index(["arm", "tag"])["mean_abs_shap"]
    assert strength["coupon", "wealth"] > 0.02
    assert strength["coupon", "channel"] > 0.02
    assert strength["coupon", "noise"] == 0
