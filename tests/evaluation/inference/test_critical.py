"""Boundaries that hold at every look: what they promise, and what simulation says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from marketing_ds.evaluation.engine import Estimate
from marketing_ds.evaluation.inference import Inference, Sequential, compare
from marketing_ds.evaluation.inference.critical import (
    best_ratio,
    boundary,
    critical_value,
    log_mixture,
    mixture_p_value,
    p_value,
)


@pytest.mark.parametrize("two", [True, False])
def test_the_boundary_is_narrowest_where_it_is_tuned(two: bool) -> None:
    best = best_ratio(0.05, two=two)
    at = boundary(best, 0.05, two=two)
    assert at == pytest.approx(3.03 if two else 2.75, abs=0.03)
    assert at < boundary(best / 1.5, 0.05, two=two)
    assert at < boundary(best * 1.5, 0.05, two=two)
    assert boundary(10 * best, 0.05, two=two) < 1.15 * at


@given(ratio=st.floats(1e-3, 1e4), alpha=st.floats(1e-6, 0.5), two=st.booleans())
def test_a_p_value_is_the_level_whose_boundary_was_just_passed(ratio, alpha, two) -> None:
    z = boundary(ratio, alpha, two=two)
    assert mixture_p_value(z, ratio, two=two) == pytest.approx(alpha, rel=1e-8)


@pytest.mark.parametrize("two", [True, False])
@pytest.mark.parametrize("ratio", [0.3, 8.0])
def test_under_no_effect_the_mixture_is_worth_one_on_average(ratio: float, two: bool) -> None:
    def worth(z: float) -> float:
        return math.exp(log_mixture(z, ratio, two=two) + float(norm.logpdf(z)))

    assert quad(worth, -60, 60, points=[0], limit=400)[0] == pytest.approx(1, abs=1e-6)


def test_before_the_start_and_far_before_the_plan_nothing_is_concluded() -> None:
    looks = Inference(sequential=Sequential(10_000, start=50))
    assert critical_value(looks, 98, (49, 500)) == math.inf
    assert p_value(looks, 9.0, 98, (49, 500)) == 1
    assert math.isfinite(critical_value(looks, 98, (50, 500)))
    huge = Inference(sequential=Sequential(10**9))
    assert critical_value(huge, 98, (50, 50)) == math.inf


def test_few_degrees_of_freedom_ask_for_more() -> None:
    looks = Inference(sequential=Sequential(1_000))
    assert critical_value(looks, 30, (500, 500)) > 1.05 * critical_value(looks, 1e6, (500, 500))
    assert critical_value(looks, 1e9, (500, 500)) == pytest.approx(
        boundary(best_ratio(0.05, two=True), 0.05, two=True), rel=1e-6
    )


@settings(max_examples=40)
@given(z=st.floats(-6, 6), n=st.integers(100, 20_000))
@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
def test_intervals_leave_out_0_exactly_where_p_is_below_alpha(alternative, z, n) -> None:
    looks = Inference(alternative=alternative, sequential=Sequential(5_000))
    control, arm = (Estimate(n, v, 1.0, v, 1.0, n - 1) for v in (5.0, 5.0 + z * 2**0.5))
    found = compare(control, arm, looks)
    assert (found.lower > 0 or found.upper < 0) == (found.p_value < 0.05)


@pytest.mark.parametrize(
    ("alternative", "extreme"), [("two-sided", 99.0), ("greater", 99.0), ("less", -99.0)]
)
def test_the_surest_effect_has_p_0(alternative: str, extreme: float) -> None:
    looks = Inference(alternative=alternative, sequential=Sequential(1_000))
    assert p_value(looks, extreme, 1e6, (500, 500)) == 0
    if alternative != "two-sided":
        assert p_value(looks, -extreme, 1e6, (500, 500)) == 1


def test_peeking_at_400_skewed_streams_rarely_errs() -> None:
    rng, days, daily = np.random.default_rng(5), 30, 40
    settings_of = {
        "always": Inference(sequential=Sequential(days * daily * 2)),
        "fixed": Inference(),
    }
    wrong = dict.fromkeys(settings_of, 0)
    for _ in range(400):
        spent = (rng.random((2, days * daily)) < 0.3) * rng.lognormal(3, 1, (2, days * daily))
        path = [
            [Estimate(n, m := y[:n].mean(), v := y[:n].var(ddof=1) / n, m, v, n - 1) for y in spent]
            for n in range(daily, days * daily + 1, daily)
        ]
        for name, chosen in settings_of.items():
            found = [compare(*pair, chosen) for pair in path]
            wrong[name] += any(d.lower > 0 or d.upper < 0 for d in found)
    assert wrong["always"] <= 20
    assert wrong["fixed"] > 60
