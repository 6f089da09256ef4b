from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketing_ds.uplift.curves.hull import steps_of


def best_by_price(gain, cost, price):
    """Of each customer the most of gain − price·cost over the arms and nothing."""
    return np.maximum((gain - price * cost).max(axis=1), 0.0)


@settings(max_examples=100)
@given(st.integers(0, 2**32 - 1))
def test_law_steps_above_a_price_are_the_best_choice_at_that_price(seed):
    # Duality of the knapsack: whatever one unit of money must bring, taking the steps that bring
    # more maximises gain − price · cost, customer by customer.
    rng = np.random.default_rng(seed)
    n, arms = 20, int(rng.integers(1, 5))
    gain = np.round(rng.normal(0.3, 1, (n, arms)), 1)
    cost = np.round(rng.random((n, arms)) * 3 * (rng.random((n, arms)) < 0.9), 1)
    steps = steps_of(gain, cost)
    full_gain, full_cost = np.c_[np.zeros(n), gain], np.c_[np.zeros(n), cost]
    rise = full_gain[steps.customer, steps.after] - full_gain[steps.customer, steps.before]
    extra = full_cost[steps.customer, steps.after] - full_cost[steps.customer, steps.before]
    assert (rise > 0).all()
    assert (extra >= 0).all()
    for price in (0.05, 0.31, 1.07, 4.3):
        taken = rise > price * extra
        value = np.bincount(steps.customer, (rise - price * extra) * taken, n)
        np.testing.assert_allclose(value, best_by_price(gain, cost, price), atol=1e-12)


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1))
def test_law_ratios_fall_and_equal_ones_form_a_group(seed):
    rng = np.random.default_rng(seed)
    gain, cost = (
        rng.integers(1, 6, (30, 2)).astype(float),
        rng.integers(1, 4, (30, 2)).astype(float),
    )
    steps = steps_of(gain, cost)
    full_gain, full_cost = np.c_[np.zeros(30), gain], np.c_[np.zeros(30), cost]
    rise = full_gain[steps.customer, steps.after] - full_gain[steps.customer, steps.before]
    extra = full_cost[steps.customer, steps.after] - full_cost[steps.customer, steps.before]
    with np.errstate(divide="ignore"):
        ratio = rise / extra
    groups = [ratio[a:b] for a, b in zip(steps.start[:-1], steps.start[1:], strict=True)]
    means = [group[0] for group in groups]
    assert all(len(set(group)) == 1 for group in groups)
    assert all(a > b for a, b in pairwise(means))


def test_arms_that_gain_nothing_are_never_taken():
    steps = steps_of(np.array([[-1.0, 0.0]]), np.array([[1.0, 2.0]]))
    assert len(steps.customer) == 0
    assert steps.start.tolist() == [0]


def test_what_costs_nothing_comes_first():
    steps = steps_of(np.array([[0.1, 5.0], [1.0, 9.0]]), np.array([[0.0, 1.0], [0.0, 1.0]]))
    assert steps.after.tolist()[:2] == [1, 1]
    assert steps.after.tolist()[2:] == [2, 2]


@pytest.mark.parametrize("n", [200_000])
def test_more_customers_than_a_block(n):
    rng = np.random.default_rng(0)
    gain = rng.random((n, 1))
    steps = steps_of(gain, np.ones((n, 1)))
    assert (np.diff(gain[steps.customer, 0]) <= 0).all()
    assert len(np.unique(steps.customer)) == n
