"""Differences of two arms: one-sided, relative, without variance, with what arms share."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student

from marketing_ds.evaluation.engine import Estimate
from marketing_ds.evaluation.inference import Inference, Sequential, compare, fieller
from marketing_ds.evaluation.inference.differences import contrast, steadied


def known(value: float, variance: float, n: int = 500) -> Estimate:
    return Estimate(n, value, variance, value, variance, n - 1)


CONTROL, ARM = known(20.0, 0.3), known(21.5, 0.5, 300)
SCALES = ("fieller", "delta", "log")


@pytest.mark.parametrize("relative", SCALES)
@pytest.mark.parametrize("alternative", ["greater", "less"])
def test_one_side_at_alpha_is_that_end_of_both_at_twice_alpha(relative, alternative) -> None:
    one = compare(CONTROL, ARM, Inference(alternative=alternative, relative=relative))
    both = compare(CONTROL, ARM, Inference(alpha=0.1, relative=relative))
    if alternative == "greater":
        assert (one.lower, one.upper) == (both.lower, math.inf)
        assert (one.rel_lower, one.rel_upper) == (both.rel_lower, math.inf)
        assert one.p_value == pytest.approx(both.p_value / 2, rel=1e-12)
    else:
        assert (one.lower, one.upper) == (-math.inf, both.upper)
        assert (one.rel_lower, one.rel_upper) == (-math.inf, both.rel_upper)
        assert one.p_value == pytest.approx(1 - both.p_value / 2, rel=1e-12)


@pytest.mark.parametrize("relative", SCALES)
def test_a_share_of_a_negative_mean_has_its_open_end_on_the_other_side(relative) -> None:
    # From −20 to −18.5: the effect is above 0, its share of control below 0.
    found = compare(
        known(-20, 0.3), known(-18.5, 0.5), Inference(alternative="greater", relative=relative)
    )
    assert found.lower > 0
    assert found.upper == math.inf
    assert found.rel_lower == -math.inf
    assert -0.1 < found.rel < found.rel_upper < 0


@pytest.mark.parametrize("relative", SCALES)
def test_relative_effect_of_a_control_at_zero_is_not_known(relative) -> None:
    found = compare(known(0.0, 0.3), ARM, Inference(relative=relative))
    assert math.isnan(found.rel)
    assert (found.rel_lower, found.rel_upper) == (-math.inf, math.inf)


def test_log_scale_needs_means_of_one_sign() -> None:
    found = compare(known(-1.0, 0.3), known(1.0, 0.3), Inference(relative="log"))
    assert (found.rel_lower, found.rel_upper) == (-math.inf, math.inf)


@given(
    value=st.floats(-50, 50).filter(lambda v: abs(v) > 0.1),
    ratio=st.floats(-3, 3),
    share=st.floats(-0.9, 0.9),
)
def test_fieller_s_ends_are_where_the_ratio_is_just_rejected(value, ratio, share) -> None:
    above, below, v_above, v_below, q = value * ratio, value, 0.4, 0.3, 1.96
    covariance = share * math.sqrt(v_above * v_below)
    low, high = fieller(above, below, v_above, v_below, q, covariance)
    if math.isinf(low):
        assert below**2 <= q**2 * v_below
        return
    for end in (low, high):
        error = math.sqrt(v_above + end**2 * v_below - 2 * end * covariance)
        assert abs(above - end * below) == pytest.approx(q * error, rel=1e-6, abs=1e-9)
    assert low <= ratio <= high or low == pytest.approx(ratio, abs=1e-9)


def test_what_arms_share_leaves_their_difference_but_not_their_ratio() -> None:
    shared = {"common": 2.0, "covariance": 2.0}
    control, arm = replace(CONTROL, common=2.0), replace(ARM, **shared)
    assert contrast(control, arm)[0] == pytest.approx(0.8 + 2 + 2 - 2 * 2)
    assert contrast(control, arm, 0.5)[0] == pytest.approx(0.5 + 0.25 * 0.3 + 0.25 * 2.0)
    plain, with_shared = compare(CONTROL, ARM), compare(control, arm)
    assert with_shared.lower == pytest.approx(plain.lower)
    assert with_shared.rel_upper - with_shared.rel_lower > plain.rel_upper - plain.rel_lower


def test_without_variance_the_effect_is_known_but_not_to_who_looks_early() -> None:
    found = compare(known(2, 0), known(3, 0))
    assert (found.lower, found.upper, found.rel_lower) == (1, 1, 0.5)
    assert math.isnan(found.p_value)
    assert found.interval == "none"
    early = compare(known(2, 0), known(3, 0), Inference(sequential=Sequential(1_000)))
    assert (early.lower, early.upper) == (-math.inf, math.inf)


def test_one_arm_without_variance_has_the_other_s_degrees_of_freedom() -> None:
    found = compare(known(2.0, 0.0), known(3.0, 0.25, n=11))
    assert found.freedom == 10
    assert found.upper == pytest.approx(1 + 0.5 * student.ppf(0.975, 10), rel=1e-12)
    empty = compare(known(2.0, 0.01, n=40), known(0.0, 0.0, n=60), Inference(relative="delta"))
    assert (empty.rel_lower, empty.rel_upper) == (-1, -1)


def test_a_variance_below_the_pooled_one_is_steadied_less_and_less() -> None:
    few, many = known(5, 1.0 / 100, n=100), known(5, 9.0 / 900, n=900)
    control, arm = steadied(few, many)
    pooled = (100 * 1 + 900 * 9) / 1_000
    assert 100 * control.variance == pytest.approx((100 * 1 + 300 * pooled) / 400)
    assert arm.variance == many.variance
    later, _ = steadied(known(5, 1e-6, n=1_000_000), known(5, 9 / 9e6, n=9_000_000))
    assert later.variance == pytest.approx(1e-6, rel=3e-3)


def test_intervals_hold_beside_their_p_values() -> None:
    rng = np.random.default_rng(2)
    for alternative in ("two-sided", "greater", "less"):
        settings = Inference(alternative=alternative)
        for _ in range(50):
            arm = known(20 + rng.normal(0, 2), 0.5)
            found = compare(CONTROL, arm, settings)
            assert (found.lower > 0 or found.upper < 0) == (found.p_value < 0.05)
