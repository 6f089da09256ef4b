import numpy as np
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.uplift.curves.values import pseudo_outcomes


def test_without_a_model_the_mean_is_the_difference_of_the_arms_means():
    rng = np.random.default_rng(0)
    y, arm = rng.random(500), rng.choice(["control", "a", "b"], 500)
    psi = pseudo_outcomes(y, arm)
    means = [y[arm == name].mean() for name in ("control", "a", "b")]
    np.testing.assert_allclose(psi.mean(axis=0), [means[1] - means[0], means[2] - means[0]])


def test_the_formula_by_hand():
    # Control, expected 1, got 3 at P = 1/4: 1 + 4·2 = 9; treated expected 2: psi = 2 − 9.
    psi = pseudo_outcomes(
        [3.0, 5.0], [0, 1], outcome=[[1.0, 2.0], [1.0, 2.0]], probability=[0.25, 0.5]
    )
    np.testing.assert_allclose(psi[:, 0], [2 - 9, 2 + 2 * 3 - 1])


def test_right_chances_put_a_confounded_campaign_right():
    rng = np.random.default_rng(1)
    n = 40_000
    wealth = rng.random(n)
    chance = 0.2 + 0.6 * wealth
    treated = (rng.random(n) < chance).astype(int)
    y = wealth + 0.1 * treated
    received = np.where(treated == 1, chance, 1 - chance)
    assert y[treated == 1].mean() - y[treated == 0].mean() > 0.25
    assert pseudo_outcomes(y, treated, probability=received).mean() == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize(
    ("outcome", "message"),
    [
        (np.zeros((2, 3)), r"outcome must have a row a customer .* \(2, 2\) in all, got \(2, 3\)"),
        ([[0.0, np.nan], [0.0, 0.0]], "outcome must be finite"),
    ],
)
def test_bad_outcomes_are_named(outcome, message):
    with pytest.raises(InvalidInput, match=message):
        pseudo_outcomes([0, 1], [0, 1], outcome=outcome)
