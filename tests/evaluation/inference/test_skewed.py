"""Means that few customers decide: their intervals against simulation, Welch's and each other."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import stdtrit

from marketing_ds.evaluation.engine import Estimate
from marketing_ds.evaluation.inference import Inference, compare
from marketing_ds.evaluation.inference.decisions import margin_p_value
from marketing_ds.evaluation.inference.skewed import SkewedMeans, skewed_means
from marketing_ds.evaluation.inference.skewness import unskewed

BUYERS = {"control": 0.03, "arm": 0.04}
MEAN = math.exp(1.5**2 / 2)


def estimate(amounts: np.ndarray, n: int) -> Estimate:
    """Of `n` customers, all but those with an amount at 0."""
    mean = float(amounts.sum()) / n
    away = np.concatenate([amounts - mean, np.full(n - len(amounts), -mean)])
    variance = float((away**2).sum()) / (n - 1) / n
    third = float((away**3).sum()) / n**3
    return Estimate(n, mean, variance, mean, variance, n - 1, third=third, upward=True)


def drawn(seed: int, n: int = 500, m: int = 4_500, times: float = 1.0) -> tuple[Estimate, Estimate]:
    rng = np.random.default_rng(seed)
    sizes = {"control": n, "arm": m}
    found = [
        estimate(times * rng.lognormal(0, 1.5, rng.binomial(size, BUYERS[arm])), size)
        for arm, size in sizes.items()
    ]
    return found[0], found[1]


def skewed(seed: int, **options: float) -> SkewedMeans:
    found = skewed_means(*drawn(seed, **options))  # type: ignore[arg-type]
    assert found is not None
    return found


def test_a_statistic_without_skewness_stays_and_a_skewed_one_moves_as_halls_does() -> None:
    assert unskewed(1.7, 0.0, 0.0) == 1.7
    for statistic in (-2.0, 0.0, 2.0):
        small = 1e-4
        known = statistic + small * (2 * statistic**2 + 1) / 6
        assert unskewed(statistic, small, small) == pytest.approx(known, abs=1e-7)
        # A variance that other customers told: the skewness of a normal deviate, Cornish and Fisher.
        alone = statistic - small * (statistic**2 - 1) / 6
        assert unskewed(statistic, small, 0.0) == pytest.approx(alone, abs=1e-7)


@given(st.floats(-8, 8), st.floats(0.01, 2), st.floats(-5, 5), st.floats(0, 1))
def test_a_larger_statistic_stays_larger_and_sides_can_be_swapped(
    statistic: float, more: float, third: float, own: float
) -> None:
    found = unskewed(statistic, third, own * third)
    assert unskewed(statistic + more, third, own * third) > found
    assert unskewed(-statistic, -third, -own * third) == pytest.approx(-found, abs=1e-9)


def test_a_small_control_of_skewed_spend_is_held_as_often_as_said() -> None:
    truth, held = (BUYERS["arm"] - BUYERS["control"]) * MEAN, np.zeros(3)
    trials = 400
    for seed in range(trials):
        control, arm = drawn(seed)
        ours = compare(control, arm)
        assert ours.interval == "skewed"
        plain = compare(replace(control, third=math.nan), arm)
        rel = ours.rel_lower <= BUYERS["arm"] / BUYERS["control"] - 1 <= ours.rel_upper
        held += [ours.lower <= truth <= ours.upper, plain.lower <= truth <= plain.upper, rel]
    # Four standard errors of a share of 95 % below it; Welch's is twelve below.
    assert held[0] / trials > 0.95 - 4 * 0.011
    assert held[2] / trials > 0.95 - 4 * 0.011
    assert held[1] / trials < 0.90


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_ends_are_just_not_rejected(seed: int) -> None:
    control, arm = drawn(seed)
    found, means = compare(control, arm), skewed(seed)
    quantile = float(stdtrit(means.freedom, 0.975))
    assert means.from_difference(found.lower) == pytest.approx(quantile, rel=1e-6)
    assert means.from_difference(found.upper) == pytest.approx(-quantile, rel=1e-6)
    assert means.from_ratio(1 + found.rel_lower) == pytest.approx(quantile, rel=1e-6)
    if math.isfinite(found.rel_upper):
        assert means.from_ratio(1 + found.rel_upper) == pytest.approx(-quantile, rel=1e-6)
    assert (found.p_value < 0.05) == (not found.lower <= 0 <= found.upper)
    assert means.from_ratio(1.0) == pytest.approx(means.from_difference(0.0), rel=1e-9)


def test_the_interval_knows_no_currency() -> None:
    one, other = compare(*drawn(4)), compare(*drawn(4, times=100.0))
    assert (other.lower, other.upper) == pytest.approx((100 * one.lower, 100 * one.upper), rel=1e-9)
    assert other.p_value == pytest.approx(one.p_value, rel=1e-9)
    assert (other.rel_lower, other.rel_upper) == pytest.approx((one.rel_lower, one.rel_upper))


def test_welchs_interval_stands_where_arms_are_of_one_size_or_nothing_is_skewed() -> None:
    assert compare(*drawn(5, n=4_500)).interval == "welch"
    control, arm = drawn(5)
    assert compare(replace(control, third=0.0), replace(arm, third=0.0)).interval == "welch"
    assert compare(control, replace(arm, third=math.nan)).interval == "welch"
    assert compare(control, arm, Inference(sequential=True)).interval == "welch"


def test_many_deciding_customers_lead_to_welchs_interval() -> None:
    small, large = drawn(6), drawn(6, n=400_000, m=3_600_000)
    apart = []
    for pair in (small, large):
        means = SkewedMeans(*pair, skewed(6).shape)
        welch = compare(replace(pair[0], third=math.nan), pair[1])
        ends = np.array(means.difference_interval(1.96)) - (welch.lower, welch.upper)
        apart.append(float(np.abs(ends).max() / welch.error))
    assert apart[0] > 1
    assert apart[1] < 0.1


def test_a_control_without_a_buyer_still_has_a_width() -> None:
    rng = np.random.default_rng(7)
    control, arm = estimate(np.array([]), 200), estimate(rng.lognormal(0, 1, 60), 3_000)
    found = compare(control, arm)
    plain = compare(replace(control, third=math.nan), arm)
    assert found.interval == "skewed"
    assert found.lower < plain.lower < found.upper < plain.upper * 1.5
    assert found.rel_upper == math.inf


def test_amounts_of_both_signs_lean_on_the_variance_of_both_arms() -> None:
    control, arm = (replace(each, upward=False) for each in drawn(8))
    means = skewed_means(control, arm)
    assert means is not None
    assert means.shape.scale(0.1) == means.shape.scale(5.0) == 1.0
    found = compare(control, arm)
    assert found.lower < found.effect < found.upper
    assert found.rel_lower < found.rel < found.rel_upper


def test_one_sided_intervals_and_margins_follow() -> None:
    control, arm = drawn(9)
    greater = compare(control, arm, Inference(alternative="greater"))
    assert greater.upper == math.inf
    assert greater.lower > compare(control, arm).lower
    delta = compare(control, arm, Inference(relative="delta"))
    assert delta.rel_upper - delta.rel == pytest.approx(delta.rel - delta.rel_lower)
    p = margin_p_value(control, arm, margin=0.1, better="higher", settings=Inference())
    low = compare(control, arm).rel_lower
    assert (p < 0.025) == (low > -0.1)
