import numpy as np
import pytest
from scipy import stats

from marketing_ds._core.sample_ratio import sizes_p_value, weights_p_value


def test_sizes_agree_with_scipy():
    found, expected = [4_950, 2_600, 2_450], [5_000.0, 2_500.0, 2_500.0]
    assert sizes_p_value(found, expected) == pytest.approx(stats.chisquare(found, expected).pvalue)


def test_weights_of_one_arm_are_a_z_test():
    assert weights_p_value(1000, [1040.0], [400.0]) == pytest.approx(2 * stats.norm.sf(2))


def test_several_arms_pay_for_their_number():
    p_value = weights_p_value(1000, [1060.0, 1000.0], [400.0, 900.0])
    assert p_value == pytest.approx(2 * 2 * stats.norm.sf(3))


def test_arms_that_cannot_vary_say_nothing():
    assert weights_p_value(10, [10.0, 12.0], [0.0, 0.0]) == 1.0


def test_weights_keep_their_level_where_probabilities_differ():
    rng = np.random.default_rng(0)
    e = rng.uniform(0.2, 0.8, 400)
    low = 0
    for _ in range(2000):
        treated = rng.random(400) < e
        p = np.where(treated, e, 1 - e)
        sums = [(1 / p[s]).sum() for s in (treated, ~treated)]
        spread = [((1 - p[s]) / p[s] ** 2).sum() for s in (treated, ~treated)]
        low += weights_p_value(400, sums, spread) < 0.05
    assert low / 2000 < 0.065
