import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketing_ds._core.errors import InvalidInput
from marketing_ds.uplift.arms import read_arms, read_chances
from marketing_ds.uplift.checks.reliability import calibration_of, uplift_calibration
from marketing_ds.uplift.learning.nuisances import doubly_robust


def experiment(rng, n=20_000, slope=1.0, level=0.0):
    """The effect is ``level + slope · predicted``."""
    predicted = 0.2 * rng.random(n)
    arm = rng.choice(["control", "coupon"], n)
    y = rng.random(n) < 0.2 + (level + slope * predicted) * (arm == "coupon")
    return y.astype(float), predicted, arm


def test_right_predictions_are_in_keeping():
    found = uplift_calibration(*experiment(np.random.default_rng(0))).arms[0]
    assert found.slope.ci_lower < 1 < found.slope.ci_upper
    assert found.intercept.ci_lower < 0 < found.intercept.ci_upper
    assert found.gap.ci_lower < 0 < found.gap.ci_upper
    assert found.error.ci_lower == 0
    assert found.p_heterogeneity < 1e-6
    assert found.finding == "in keeping with the effects"


def test_the_frame_has_a_row_a_measure():
    found = uplift_calibration(*experiment(np.random.default_rng(0), 1000))
    frame = found.to_frame().set_index("measure")
    assert list(frame.index) == ["slope", "intercept", "gap", "error"]
    assert list(frame["right"]) == [1, 0, 0, 0]
    assert frame.loc["slope", "value"] == found.arms[0].slope.value
    assert "finding" in found._repr_html_()


@pytest.mark.parametrize(
    ("slope", "level", "words"),
    [
        (0.5, 0.0, "predictions lie too far apart, too high on average"),
        (2.5, -0.05, "predictions lie too close together, too low on average"),
        (0.0, 0.1, "predictions do not tell effects apart beyond chance"),
        (1.0, 0.05, "too low on average"),
    ],
)
def test_the_finding_says_what_is_wrong(slope, level, words):
    rng = np.random.default_rng(1)
    found = uplift_calibration(*experiment(rng, 60_000, slope, level)).arms[0]
    assert found.finding == words
    assert found.slope.ci_lower < slope < found.slope.ci_upper
    assert found.intercept.ci_lower < level < found.intercept.ci_upper


def test_the_error_is_the_distance_from_the_truth():
    y, predicted, arm = experiment(np.random.default_rng(2), 200_000, level=0.06)
    found = uplift_calibration(y, predicted, arm).arms[0]
    assert found.error.ci_lower < 0.06 < found.error.ci_upper
    assert found.error.value == pytest.approx(0.06, abs=0.006)


def test_slope_and_error_are_those_of_a_regression():
    rng = np.random.default_rng(0)
    psi, u = rng.normal(size=50), rng.normal(size=50)
    found = calibration_of(psi[:, None], u[:, None], ["a"], "control", n_groups=2).arms[0]
    X = np.column_stack([np.ones(50), u])
    inverse = np.linalg.inv(X.T @ X)
    beta = inverse @ X.T @ psi
    rest = (psi - X @ beta) / (1 - np.einsum("ij,jk,ik->i", X, inverse, X))
    covariance = inverse @ (X.T * rest**2) @ X @ inverse
    assert (found.intercept.value, found.slope.value) == pytest.approx(tuple(beta))
    errors = np.sqrt(np.diag(covariance))
    assert (found.intercept.se, found.slope.se) == pytest.approx(tuple(errors), rel=0.02)


def test_groups_are_of_equal_size_and_rise():
    y, predicted, arm = experiment(np.random.default_rng(0), 1000)
    groups = uplift_calibration(y, predicted, arm, n_groups=7).groups()
    assert list(groups["customers"]) == pytest.approx([1000 / 7] * 7, abs=1)
    assert (np.diff(groups["predicted"]) > 0).all()
    assert list(groups.columns[:2]) == ["arm", "group"]


def test_equal_predictions_share_a_group():
    y, predicted, arm = experiment(np.random.default_rng(0), 1000)
    groups = uplift_calibration(y, np.round(predicted * 10), arm).groups()
    assert list(groups["predicted"]) == [0, 1, 2]


def test_one_prediction_for_all_has_no_slope():
    y, _, arm = experiment(np.random.default_rng(0), 1000)
    found = uplift_calibration(y, np.full(1000, 0.3), arm).arms[0]
    assert np.isnan(found.slope.value)
    assert found.p_heterogeneity == 1
    assert found.finding == "all predictions are equal, too high on average"
    assert len(found.groups) == 1


def test_a_model_of_outcomes_takes_noise_out():
    rng = np.random.default_rng(0)
    base, effect = 5 * rng.random(4000), rng.random(4000)
    arm = rng.choice(["control", "coupon"], 4000)
    y = base + effect * (arm == "coupon")
    plain = uplift_calibration(y, effect, arm).arms[0].slope
    helped = (
        uplift_calibration(y, effect, arm, outcome=np.column_stack([base, base + effect]))
        .arms[0]
        .slope
    )
    assert helped.se < 0.01 * plain.se
    assert helped.value == pytest.approx(1)


def test_several_arms_in_the_order_of_their_names():
    rng = np.random.default_rng(0)
    n = 40_000
    effect = 0.2 * rng.random(n)
    arm = rng.choice(["control", "mail", "call"], n, p=[0.4, 0.4, 0.2])
    y = rng.random(n) < 0.1 + effect * (arm == "call") + (0.2 - effect) * (arm == "mail")
    found = uplift_calibration(y, np.column_stack([effect, 0.2 - effect]), arm)
    assert [one.arm for one in found.arms] == ["call", "mail"]
    assert {one.finding for one in found.arms} == {"in keeping with the effects"}
    assert len(found.groups()) == 20
    alone = uplift_calibration(y, effect, arm, arm="call")
    assert alone.arms[0].slope == found.arms[0].slope


def test_probabilities_that_differ_are_weighted_for():
    rng = np.random.default_rng(0)
    n = 60_000
    effect = 0.2 * rng.random(n)
    chance = np.where(rng.random(n) < 0.5, 0.8, 0.2)
    treated = rng.random(n) < chance
    y = rng.random(n) < 0.1 + 0.3 * (chance > 0.5) + effect * treated
    received = np.where(treated, chance, 1 - chance)
    assert uplift_calibration(y, effect, treated).arms[0].gap.ci_lower > 0.1
    found = uplift_calibration(y, effect, treated, probability=received).arms[0]
    assert found.gap.ci_lower < 0 < found.gap.ci_upper
    assert found.slope.ci_lower < 1 < found.slope.ci_upper


def test_pseudo_outcomes_have_the_effect_for_their_mean():
    rng = np.random.default_rng(0)
    arm = rng.choice(["control", "a", "b"], 500)
    y = rng.normal(size=500) + 2 * (arm == "a") - (arm == "b")
    arms = read_arms(arm, "control", rows=500)
    chance = read_chances(None, arms)
    psi = doubly_robust(y, arms, np.asarray(chance), np.zeros((500, 3)))
    for at, name in enumerate(("a", "b")):
        difference = y[arm == name].mean() - y[arm == "control"].mean()
        assert psi[:, at].mean() == pytest.approx(difference)


def test_predictions_of_folds_are_compared_within_them():
    rng = np.random.default_rng(0)
    folds = (np.arange(5000) % 5).astype(np.int8)
    effect = rng.random(5000)
    psi = effect + rng.normal(size=5000)
    moved = effect + np.array([0.0, 3.0, -2.0, 1.0, 5.0])[folds]
    found = calibration_of(psi[:, None], moved[:, None], ["a"], "control", folds=folds).arms[0]
    assert found.slope.ci_lower < 1 < found.slope.ci_upper
    assert found.slope.value > 0.8


@settings(max_examples=25)
@given(st.integers(0, 1000), st.floats(0.1, 50))
def test_the_unit_of_the_outcome_changes_no_slope(seed, unit):
    rng = np.random.default_rng(seed)
    psi, u = rng.normal(size=(2, 200, 1))
    one = calibration_of(psi, u, ["a"], "control").arms[0]
    other = calibration_of(unit * psi, unit * u, ["a"], "control").arms[0]
    assert other.slope.value == pytest.approx(one.slope.value)
    assert other.error.value == pytest.approx(unit * one.error.value, abs=1e-9)
    order = rng.permutation(200)
    mixed = calibration_of(psi[order], u[order], ["a"], "control").arms[0]
    assert mixed.slope.value == pytest.approx(one.slope.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"uplift": np.zeros(3), "arm": "a"},
            "uplift must have one row a customer: 100 rows, got 3",
        ),
        ({"uplift": np.full(100, np.nan), "arm": "a"}, "uplift must be finite"),
        ({"uplift": np.zeros((100, 3))}, "uplift must have one column for each of 'a', 'b'"),
        ({"uplift": np.zeros((100, 2)), "arm": "a"}, "and arm='a'"),
        ({}, "arm must say which arm uplift is of: one of 'a', 'b'"),
        ({"arm": "c"}, "arm must be one of 'a', 'b', got 'c'"),
        ({"arm": "a", "n_groups": 1}, "n_groups must be between 2 and 100"),
        ({"arm": "a", "alpha": 1.0}, "alpha must be between 0 and 1"),
        ({"arm": "a", "outcome": np.zeros((100, 2))}, r"shape \(100, 3\), got \(100, 2\)"),
        ({"arm": "a", "outcome": np.full((100, 3), np.inf)}, "outcome must be finite"),
    ],
)
def test_bad_input(change, message):
    given = {"uplift": np.zeros(100)} | change
    arm = np.array(["control", "a", "b", "a"] * 25)
    with pytest.raises(InvalidInput, match=message):
        uplift_calibration(np.arange(100) % 2, given.pop("uplift"), arm, **given)
