"""Intervals of means within the top: normal, and Wilson's where an outcome has two values."""

import numpy as np
import pytest

from marketing_ds.uplift import net_value_curve, uplift_curve
from marketing_ds.uplift.curves.sums import Side


def experiment(successes, sizes):
    """Outcomes of an arm and of control, and who was in the arm; every score the same."""
    y = np.concatenate([np.arange(n) < hits for hits, n in zip(successes, sizes, strict=True)])
    return y.astype(float), np.zeros(sum(sizes)), np.repeat([1, 0], sizes)


@pytest.mark.parametrize(
    ("successes", "sizes", "ends"),
    [((56, 48), (70, 80), (0.0524, 0.3339)), ((9, 3), (10, 10), (0.1705, 0.8090))],
)
def test_the_effect_on_everybody_has_newcombes_interval(successes, sizes, ends):
    """Newcombe (1998), Statistics in Medicine 17, table II, method 10."""
    average = uplift_curve(*experiment(successes, sizes)).average
    assert (average.ci_lower, average.ci_upper) == pytest.approx(ends, abs=5e-5)


def test_nobody_of_control_acted_is_no_certainty():
    average = uplift_curve(*experiment((20, 0), (40, 40))).average
    below = 0.5 - 0.3522  # Wilson's ends of 20 of 40 and, the higher, of 0 of 40
    assert average.ci_lower == pytest.approx(0.5 - np.hypot(below, 0.0876), abs=5e-4)
    assert average.ci_upper == pytest.approx(0.5 + below, abs=5e-4)


def test_money_of_an_outcome_with_two_values_has_its_interval_in_money():
    y, score, treated = experiment((9, 3), (10, 10))
    found = net_value_curve(y, score, treated, value=50, cost=2, redeemed=y, redemption_cost=10)
    told = found.at(1.0)
    # The arm's customers bring 38 or -2 each, control's 50 or 0: each Wilson's interval scaled.
    arm, control = np.array([0.5958, 0.9821]), np.array([0.1078, 0.6032])
    below = np.hypot(40 * (0.9 - arm[0]), 50 * (control[1] - 0.3))
    above = np.hypot(40 * (arm[1] - 0.9), 50 * (0.3 - control[0]))
    assert told.value == pytest.approx(40 * 0.9 - 2 - 50 * 0.3)
    ends = told.value - below, told.value + above
    assert (told.ci_lower, told.ci_upper) == pytest.approx(ends, abs=0.02)


def test_intervals_cover_where_control_has_hardly_any_outcomes():
    """2 % act and 10 % are control: 3 outcomes among control's top 30 %, and normal ends miss."""
    hits, plain, draws = 0, 0, 600
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        score, treated = rng.random(5000), (rng.random(5000) < 0.9).astype(int)
        y = (rng.random(5000) < 0.02).astype(float)
        found = uplift_curve(y, score, treated).uplift_at(0.3)
        hits += found.ci_lower <= 0 <= found.ci_upper
        plain += abs(found.value) <= 1.96 * found.se
    assert plain / draws < 0.92
    assert 0.93 < hits / draws < 0.975


def test_equal_weights_change_nothing_and_unequal_ones_count_for_less():
    rng = np.random.default_rng(0)
    y, score, treated = rng.random(400) < 0.1, rng.random(400), rng.integers(0, 2, 400)
    plain = uplift_curve(y, score, treated).uplift_at(0.5)
    same = uplift_curve(y, score, treated, probability=np.full(400, 0.5)).uplift_at(0.5)
    assert (same.ci_lower, same.ci_upper) == pytest.approx(
        (plain.ci_lower, plain.ci_upper), abs=1e-3
    )
    chance = np.where(rng.random(400) < 0.5, 0.1, 0.9)
    uneven = uplift_curve(y, score, treated, probability=chance).uplift_at(0.5)
    assert uneven.ci_upper - uneven.ci_lower > 1.2 * (plain.ci_upper - plain.ci_lower)


def test_amounts_have_normal_intervals():
    rng = np.random.default_rng(0)
    y, score, treated = rng.gamma(1.0, 1.0, 300), rng.random(300), rng.integers(0, 2, 300)
    found = uplift_curve(y, score, treated).uplift_at(0.4)
    half = (found.ci_upper - found.ci_lower) / 2
    assert half == pytest.approx(1.959964 * found.se)
    assert found.value - found.ci_lower == pytest.approx(half)


def test_a_side_of_one_value_is_certain_of_it():
    ones = np.arange(1.0, 11.0)
    below, above = Side(ones, ones, ones, ones, ones, (1.0, 1.0)).reach(0.05)
    assert np.isnan(below[0])  # one customer
    np.testing.assert_array_equal(below[1:], 0)
    np.testing.assert_array_equal(above[1:], 0)
