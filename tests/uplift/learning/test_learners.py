"""Single learners on samples handed over as arrays."""

import numpy as np
import pytest

from marketing_ds.uplift.arms import read_arms, read_chances
from marketing_ds.uplift.binned import Binned, Trees
from marketing_ds.uplift.learning.learners import LEARNERS, SHRUNK, out_of_fold_slope, shrunk
from marketing_ds.uplift.learning.nuisances import Outcomes, Sample, make_folds, within_folds
from marketing_ds.uplift.learning.spread import committee_spread
from marketing_ds.uplift.terms import predict_terms

TREES = Trees(
    n_estimators=40,
    max_depth=2,
    learning_rate=0.1,
    min_leaf=None,
    l2=None,
    subsample=0.8,
    early_stopping_rounds=20,
    n_jobs=1,
    seed=0,
)


def sample_of(rng, n=3000, *, share=0.5, y=None, folds=None):
    X = rng.random((n, 3)).astype(np.float32)
    treated = rng.random(n) < share
    if y is None:
        y = (rng.random(n) < 0.2 + 0.4 * X[:, 0] * treated).astype(float)
    arms = read_arms(treated.astype(int), "control", rows=n)
    folds = make_folds(y, arms, 3, 0) if folds is None else folds
    chance = read_chances({"control": 1 - share, "treated": share}, arms)
    return Sample(Binned(X, TREES), y, arms, chance, folds, "logistic")


def outcomes_for(learner, sample):
    return Outcomes.joint(sample) if learner == "s" else Outcomes.by_arm(sample)


@pytest.mark.parametrize("learner", ["s", "t", "x"])
def test_a_prediction_out_of_fold_knows_nothing_of_the_fold(learner):
    """Other outcomes in a fold leave the predictions made for it as they were."""
    sample = sample_of(np.random.default_rng(0))
    there = sample.folds == 1
    other = np.where(there, 1 - sample.y, sample.y)
    frozen = Trees(**{**TREES.__dict__, "early_stopping_rounds": None})
    parts = []
    for y in (sample.y, other):
        one = Sample(
            Binned(sample.binned.X, frozen),
            y,
            sample.arms,
            sample.chance,
            sample.folds,
            "logistic",
        )
        parts.append(LEARNERS[learner](one, outcomes_for(learner, one))[0].oof)
    np.testing.assert_array_equal(parts[0][there], parts[1][there])
    assert not np.array_equal(parts[0][~there], parts[1][~there])


@pytest.mark.parametrize("learner", sorted(LEARNERS))
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_unequal_arms_bias_no_learner(learner, share):
    rng = np.random.default_rng(1)
    sample = sample_of(rng, 20_000, share=share)
    effect = LEARNERS[learner](sample, outcomes_for(learner, sample))[0]
    truth = 0.4 * sample.binned.X[:, 0]
    assert effect.oof.mean() == pytest.approx(truth.mean(), abs=0.03)
    assert np.corrcoef(effect.oof, truth)[0, 1] > 0.8


def test_an_effect_is_the_mean_of_its_members():
    sample = sample_of(np.random.default_rng(2))
    effect = LEARNERS["x"](sample, Outcomes.by_arm(sample))[0]
    X = sample.binned.X[:50]
    members = [predict_terms(terms, X) + rest for terms, rest in effect.members]
    whole = predict_terms(effect.terms, X) + effect.constant
    np.testing.assert_allclose(whole, np.mean(members, axis=0), atol=1e-9)
    half = effect.scaled(0.5, 0.2)
    np.testing.assert_allclose(
        predict_terms(half.terms, X) + half.constant, 0.5 * whole + 0.1, atol=1e-9
    )
    np.testing.assert_allclose(half.oof, 0.5 * effect.oof + 0.1)
    assert half.slope == 0.5


def test_pseudo_outcomes_average_to_the_effect_with_wrong_outcome_models():
    """Doubly robust: with known probabilities, any outcome model will do."""
    errors = []
    for seed in range(40):
        sample = sample_of(np.random.default_rng(seed), 4000, share=0.7)
        wrong = np.column_stack([0.9 - sample.binned.X[:, 1], sample.binned.X[:, 2]])
        psi = sample.doubly_robust(wrong.astype(float))[:, 0]
        truth = 0.4 * sample.binned.X[:, 0].mean()
        errors.append((psi.mean() - truth) / (psi.std() / np.sqrt(len(psi))))
    assert abs(np.mean(errors)) < 3 / np.sqrt(40)


def test_the_slope_scales_what_is_too_wide_and_drops_what_is_nothing():
    rng = np.random.default_rng(4)
    sample = sample_of(rng)
    effect = LEARNERS["dr"](sample, Outcomes.by_arm(sample))[0]
    truth = effect.oof / 5 + rng.normal(scale=0.001, size=len(effect.oof))
    spread = committee_spread(effect.members, sample.binned.X, sample.folds, effect.oof)
    assert shrunk(effect, truth, sample).slope == pytest.approx(0.2 / spread, abs=0.01)
    assert shrunk(effect, 5 * truth, sample).slope == 1.0  # the mean of members is never widened
    flat = shrunk(effect, -effect.oof, sample)
    assert flat.slope == 0
    assert flat.terms == ()
    np.testing.assert_allclose(flat.oof, -effect.oof.mean())
    assert {"s", "t"}.isdisjoint(SHRUNK)


def test_slopes_are_taken_within_folds():
    folds = np.repeat(np.arange(2, dtype=np.int8), 50)
    inside = np.tile(np.linspace(-1, 1, 50), 2)
    predicted = inside + np.where(folds == 0, 10.0, 0.0)
    psi = inside - np.where(folds == 0, 10.0, 0.0)  # between folds, the other way round
    assert out_of_fold_slope(psi, predicted, folds) == pytest.approx(1.0)
    np.testing.assert_allclose(within_folds(predicted, folds), inside, atol=1e-12)
    assert out_of_fold_slope(psi, np.where(folds == 0, 1.0, 0.0), folds) == 0.0


def test_folds_hold_each_arm_and_outcome_in_equal_shares():
    rng = np.random.default_rng(5)
    y = (rng.random(900) < 0.1).astype(float)
    arms = read_arms(rng.choice(["control", "a", "b"], 900), "control", rows=900)
    folds = make_folds(y, arms, 3, 0)
    for code in range(3):
        for outcome in (0, 1):
            sizes = np.bincount(folds[(arms.codes == code) & (y == outcome)], minlength=3)
            assert np.ptp(sizes) <= 2
