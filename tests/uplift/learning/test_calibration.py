from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.terms import Term
from marketing_ds.uplift.checks.reliability import calibration_of
from marketing_ds.uplift.crossfit import CrossFit
from marketing_ds.uplift.explaining.evidence import Evidence, calibrated, calibration_on
from marketing_ds.uplift.learning.calibration import (
    KINDS,
    EffectCalibration,
    choose_calibration,
    fit_calibration,
)


def sample(rng, n=20_000, noise=1.0):
    """Doubly-robust effects, wrong predictions in five folds, the true effect."""
    score = rng.normal(size=n)
    effect = 0.2 / (1 + np.exp(-3 * score))
    psi = effect + noise * rng.normal(size=n)
    return psi, 0.3 * score + 0.5, effect, (np.arange(n) % 5).astype(np.int8)


def rms(found, truth):
    return float(np.sqrt(np.mean((found - truth) ** 2)))


@pytest.mark.parametrize("kind", ["linear", "isotonic"])
def test_calibration_brings_predictions_to_the_effects(kind):
    psi, wrong, effect, folds = sample(np.random.default_rng(0), noise=0.3)
    map_, mapped = choose_calibration(psi, wrong, folds, crossfitted=False, kind=kind)
    assert map_.kind == kind
    right = map_.apply(wrong)
    assert rms(right, effect) < 0.1 * rms(wrong, effect)
    assert rms(mapped, effect) < 0.15 * rms(wrong, effect)
    assert right.mean() == pytest.approx(psi.mean())
    before, after = (
        calibration_of(psi[:, None], u[:, None], ["a"], "control").arms[0] for u in (wrong, mapped)
    )
    assert before.error.ci_lower > 0.3
    assert after.error.value < 0.1 * before.error.value
    assert after.slope.ci_lower < 1 < after.slope.ci_upper


def test_the_isotonic_map_finds_the_bend():
    psi, wrong, effect, folds = sample(np.random.default_rng(0), 100_000, noise=0.3)
    found = {
        kind: choose_calibration(psi, wrong, folds, crossfitted=False, kind=kind)[0].apply(wrong)
        for kind in ("linear", "isotonic")
    }
    assert rms(found["isotonic"], effect) < 0.4 * rms(found["linear"], effect)
    chosen, _ = choose_calibration(psi, wrong, folds, crossfitted=False)
    assert chosen.kind == "isotonic"
    assert chosen.losses["isotonic"] < chosen.losses["linear"] < chosen.losses["none"]


def test_what_is_right_already_is_left_alone():
    psi, _, effect, folds = sample(np.random.default_rng(0))
    chosen, mapped = choose_calibration(psi, effect, folds, crossfitted=False)
    assert chosen.kind == "none"
    np.testing.assert_array_equal(mapped, effect)


def test_few_customers_are_not_bent():
    psi, wrong, _, folds = sample(np.random.default_rng(0))
    chosen, _ = choose_calibration(psi, wrong, folds, crossfitted=False, fewest=1999)
    assert chosen.kind == "linear"
    assert set(chosen.losses) == {"none", "linear"}


@settings(max_examples=40)
@given(
    st.integers(0, 10_000),
    st.sampled_from(KINDS),
    st.sampled_from([-1.0, 0.0, 0.01, 3.0]),
    st.sampled_from([3, 50, 1000]),
    st.sampled_from([1e-4, 1.0, 1e4]),
)
def test_no_ranking_is_changed(seed, kind, slope, n, unit):
    rng = np.random.default_rng(seed)
    u = np.round(rng.normal(size=n), 2)
    psi = unit * (slope * u + rng.normal(size=n))
    map_ = fit_calibration(kind, psi, unit * u)
    new = unit * np.unique(np.round(np.concatenate([u, u + 0.5, u - 10, u + 10]), 2))
    assert (np.diff(map_.apply(new)) > 0).all()


def test_the_knots_are_where_their_blocks_are():
    u = np.repeat([0.0, 1.0, 2.0, 3.0], 25)
    psi = np.repeat([0.0, 4.0, 2.0, 5.0], 25)
    map_ = fit_calibration("isotonic", psi, u)
    assert map_.x == (0.0, 1.5, 3.0)
    # 0, 2, 11/3 and 5 have 8/3 for their mean, the effects 11/4.
    assert np.array(map_.y) - 1 / 12 == pytest.approx([0.0, 3.0, 5.0])
    assert map_.apply(np.array([-1.0, 0.75, 4.0])) - 1 / 12 == pytest.approx([-1.0, 1.5, 6.0])


def test_outer_blocks_keep_their_effect():
    u = np.linspace(0, 1, 1000)
    map_ = fit_calibration("isotonic", (u > 0.5).astype(float), u)
    assert (map_.x[0], map_.x[-1]) == (0.0, 1.0)
    assert map_.apply(np.array([0.0, 0.1, 0.9, 1.0])) == pytest.approx([0, 0, 1, 1], abs=1e-3)


@pytest.mark.parametrize("kind", ["linear", "isotonic"])
def test_effects_that_fall_become_the_average(kind):
    u = np.linspace(-1, 1, 500)
    found = fit_calibration(kind, 0.3 - u, u).apply(u)
    assert found == pytest.approx(np.full(500, 0.3), abs=2e-3)


@pytest.mark.parametrize("kind", ["linear", "isotonic"])
def test_one_prediction_for_all_becomes_the_average(kind):
    found = fit_calibration(kind, np.array([1.0, 2.0, 3.0]), np.full(3, 7.0))
    assert found.apply(np.array([7.0])) == pytest.approx([2.0])


def test_folds_with_models_of_their_own_are_not_held_against_each_other():
    rng = np.random.default_rng(0)
    effect, folds = rng.random(5000), (np.arange(5000) % 5).astype(np.int8)
    level = 0.5 * rng.normal(size=5)[folds]
    psi, u = effect + level + 0.3 * rng.normal(size=5000), effect - level
    apart, _ = choose_calibration(psi, u, folds, crossfitted=True, kind="linear")
    together, _ = choose_calibration(psi, u, folds, crossfitted=False, kind="linear")
    assert apart.slope == pytest.approx(1, abs=0.05)
    assert together.slope < 0.6


def test_an_unknown_kind_is_refused():
    with pytest.raises(InvalidInput, match="kind must be one of 'auto', 'none', 'linear'"):
        choose_calibration(
            *np.zeros((2, 5)), np.zeros(5, dtype=np.int8), crossfitted=False, kind="x"
        )


def test_a_line_goes_into_the_terms():
    terms = (Term(0.5, None, "identity"), Term(-2.0, None, "logistic"))
    line = EffectCalibration("linear", slope=0.5, intercept=0.1)
    scaled, constant = line.rescale(terms, 0.4)
    assert [term.weight for term in scaled] == [0.25, -1.0]
    assert constant == pytest.approx(0.3)
    assert line.finish(np.array([3.0])) == pytest.approx([3.0])
    bent = EffectCalibration("isotonic", x=(0.0, 1.0), y=(0.0, 3.0))
    assert bent.rescale(terms, 0.4) == (terms, 0.4)
    assert bent.finish(np.array([0.5])) == pytest.approx([1.5])


def test_errors_grow_with_the_steepness_of_the_map():
    assert EffectCalibration().steepness(np.zeros(2)) == pytest.approx([1, 1])
    line = EffectCalibration("linear", slope=0.5, intercept=0.1)
    assert line.steepness(np.zeros(2)) == pytest.approx([0.5, 0.5])
    bent = EffectCalibration("isotonic", x=(0.0, 1.0, 3.0), y=(0.0, 3.0, 4.0))
    assert bent.steepness(np.array([-9, 0.5, 2, 9])) == pytest.approx([1, 3, 0.5, 1])


class Model:
    """A fitted model that predicts `scale` times its one feature, by two arms."""

    arms_ = ("a", "b")
    control = "control"

    def __init__(self, crossfit=None):
        self.terms_ = {arm: (Term(1.0, None, "identity"),) for arm in self.arms_}
        self.constant_ = {"a": 0.5, "b": 0.0}
        self.calibration_ = {arm: EffectCalibration() for arm in self.arms_}
        if crossfit is not None:
            self.crossfit_ = crossfit

    def predict(self, X):
        sums = [self.terms_[a][0].weight * X[:, 0] + self.constant_[a] for a in self.arms_]
        parts = zip(self.arms_, sums, strict=True)
        return np.column_stack([self.calibration_[arm].finish(part) for arm, part in parts])

    def predict_outcomes(self, X):
        return np.full((len(X), 3), 0.2)


@dataclass
class Data:
    X: np.ndarray
    y: np.ndarray
    treatment: np.ndarray

    @property
    def parts(self):
        return self.X, self.y, self.treatment


def data(rng, n=30_000):
    """Arm a works by 0.3 · x, b by 0.1 + 0.5 · x²."""
    x = rng.random(n)
    arm = rng.choice(["control", "a", "b"], n)
    effect = np.where(arm == "a", 0.3 * x, np.where(arm == "b", 0.1 + 0.5 * x**2, 0))
    return Data(x[:, None], (rng.random(n) < 0.1 + effect).astype(float), arm)


def crossfit(rng, model):
    given = data(rng)
    evidence = Evidence.of(model, *given.parts, None)
    return CrossFit(
        y=given.y,
        arms=evidence.arms,
        folds=evidence.folds,
        probability=np.full((len(given.y), 3), 1 / 3),
        outcome=np.full((len(given.y), 3), 0.2),
        psi=evidence.psi,
        uplift=evidence.uplift,
    )


def test_a_calibrated_copy_predicts_effects_and_leaves_the_model():
    rng = np.random.default_rng(0)
    model, given = Model(), data(rng)
    new = calibrated(model, Evidence.of(model, *given.parts, None))
    assert {arm: map_.kind for arm, map_ in model.calibration_.items()} == dict.fromkeys(
        "ab", "none"
    )
    assert "none" not in {map_.kind for map_ in new.calibration_.values()}
    x = np.linspace(0, 1, 50)[:, None]
    truth = np.column_stack([0.3 * x, 0.1 + 0.5 * x**2])
    assert rms(new.predict(x), truth) < 0.1 * rms(model.predict(x), truth)
    assert (np.diff(new.predict(x), axis=0) > 0).all()
    fresh = Evidence.of(new, *data(rng).parts, None)
    for one in calibration_on(new, fresh, n_groups=10, alpha=0.05).arms:
        assert one.slope.ci_lower < 1 < one.slope.ci_upper


def test_the_customers_trained_on_are_the_default():
    rng = np.random.default_rng(0)
    model = Model(crossfit(rng, Model()))
    before = calibration_on(
        model, Evidence.of(model, None, None, None, None), n_groups=5, alpha=0.1
    )
    assert before.arms[0].finding == "predictions lie too far apart, too high on average"
    assert len(before.arms[0].groups) == 5
    new = calibrated(model, Evidence.of(model, None, None, None, None), kind="linear")
    after = calibration_on(new, Evidence.of(new, None, None, None, None), n_groups=5, alpha=0.1)
    assert after.arms[0].error.value < 0.1 * before.arms[0].error.value
    assert model.crossfit_.uplift[:, 1].max() > 0.99


def test_what_the_model_says_lies_closer_together_than_what_its_members_say():
    rng = np.random.default_rng(0)
    own = crossfit(rng, Model())
    members, model = Model(own), Model(replace(own, spread=np.array([0.5, 1.0])))
    one, other = (
        calibration_on(m, Evidence.of(m, None, None, None, None), n_groups=5, alpha=0.1).arms
        for m in (members, model)
    )
    assert other[0].slope.value == pytest.approx(2 * one[0].slope.value)
    assert other[0].gap.value == pytest.approx(one[0].gap.value)
    assert other[1].slope == one[1].slope
    new = calibrated(model, Evidence.of(model, None, None, None, None), kind="linear")
    assert new.calibration_["a"].slope == pytest.approx(other[0].slope.value)
    assert new.crossfit_.spread is None


def test_other_customers_move_what_is_known_of_ones_own():
    rng = np.random.default_rng(0)
    model = Model(crossfit(rng, Model()))
    new = calibrated(model, Evidence.of(model, *data(rng).parts, None), kind="linear")
    map_ = new.calibration_["b"]
    np.testing.assert_allclose(new.crossfit_.uplift[:, 1], map_.apply(model.crossfit_.uplift[:, 1]))


def test_what_was_bent_is_not_bent_again():
    rng = np.random.default_rng(0)
    model, given = Model(), data(rng, 3000)
    bent = calibrated(model, Evidence.of(model, *given.parts, None), kind="isotonic")
    with pytest.raises(InvalidInput, match="an isotonic map of 'a', 'b' already"):
        calibrated(bent, Evidence.of(bent, *given.parts, None))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": None}, "handed in together, or none of them .* got no X"),
        ({"y": None, "treatment": None}, "got no y and no treatment"),
        ({"X": None, "y": None, "treatment": None}, "a model that was loaded"),
        ({"treatment": np.array(["a", "control"] * 50)}, r"arms that the model knows \('a', 'b'\)"),
        ({"X": np.zeros((7, 1))}, "same number of rows, got 7 and 100"),
    ],
)
def test_bad_evidence(change, message):
    given = {
        "X": np.zeros((100, 1)),
        "y": np.arange(100) % 2,
        "treatment": np.array(["a", "b", "control", "control"] * 25),
    }
    given |= change
    with pytest.raises(InvalidInput, match=message):
        Evidence.of(Model(), *given.values(), None)


def test_probabilities_alone_are_refused():
    with pytest.raises(InvalidInput, match="probability must be left out where X, y and treatment"):
        Evidence.of(Model(), None, None, None, {"a": 0.5, "control": 0.5})
