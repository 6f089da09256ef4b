"""Score intervals of few events: right likelihood, right ends, and they cover."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import binom

from marketing_ds.evaluation.engine import Estimate
from marketing_ds.evaluation.inference import Inference, Sequential, compare
from marketing_ds.evaluation.inference.proportions import FEW, FewEvents, few_events


def share(events: int, n: int) -> Estimate:
    found = events / n
    variance = found * (1 - found) / (n - 1)
    return Estimate(n, found, variance, found, variance, n - 1)


def few(x: int, n: int, y: int, m: int, *, corrected: bool = True) -> FewEvents:
    return FewEvents(x, n, y, m, x / n, y / m, 1.0, corrected)


@settings(max_examples=60)
@given(
    x=st.integers(1, 30),
    y=st.integers(1, 30),
    n=st.integers(31, 900),
    m=st.integers(31, 900),
    at=st.floats(0.1, 0.9),
)
def test_the_error_is_that_of_the_most_likely_proportions(x, y, n, m, at) -> None:
    d = -0.5 + at  # some supposed difference
    low, high = max(0.0, -d), min(1.0, 1 - d)

    def unlikely(p: float) -> float:
        inside = min(max(p, low + 1e-15), high - 1e-15)
        other = inside + d
        return -(
            x * math.log(inside)
            + (n - x) * math.log1p(-inside)
            + y * math.log(other)
            + (m - y) * math.log1p(-other)
        )

    p = minimize_scalar(unlikely, bounds=(low, high), method="bounded", options={"xatol": 1e-13}).x
    size = n + m
    variance = ((p + d) * (1 - p - d) / m + p * (1 - p) / n) * size / (size - 1)
    expected = (y / m - x / n - d) / math.sqrt(variance)
    assert few(x, n, y, m, corrected=False).from_difference(d) == pytest.approx(
        expected, rel=1e-4, abs=1e-6
    )


@settings(max_examples=60)
@given(
    x=st.integers(0, 60),
    y=st.integers(0, 60),
    n=st.integers(60, 10**7),
    m=st.integers(60, 10**7),
    corrected=st.booleans(),
)
def test_ends_lie_where_the_value_is_just_rejected(x, y, n, m, corrected) -> None:
    found = few(x, n, y, m, corrected=corrected)
    low, high = found.difference_interval(1.96)
    assert -1 <= low <= y / m - x / n <= high <= 1
    for end, z in ((low, 1.96), (high, -1.96)):
        if -1 < end < 1:  # near ±1 the statistic is so steep that only its sides can be told
            inner, outer = max(end - 1e-9, -1 + 1e-12), min(end + 1e-9, 1 - 1e-12)
            assert found.from_difference(inner) > z - 1e-6
            assert found.from_difference(outer) < z + 1e-6
    low, high = found.ratio_interval(1.96)
    if x and y:
        assert low < (y / m) / (x / n) < high
        assert found.from_ratio(low) == pytest.approx(1.96, abs=1e-6)
        assert found.from_ratio(high) == pytest.approx(-1.96, abs=1e-6)
    else:
        assert (high == math.inf) == (x == 0)
        assert (low == 0) == (y == 0)


@pytest.mark.parametrize(
    ("n", "m", "p", "ratio"),
    [(1_000, 9_000, 0.005, 1.5), (9_000, 1_000, 0.0022, 1.0), (2_000, 2_000, 0.0025, 1.5)],
)
def test_they_cover_where_welch_s_interval_is_short(n, m, p, ratio) -> None:
    # Exact: every count that has a probability, against whether its interval holds the truth.
    x, y = (np.arange(60), np.arange(130))
    chance = binom.pmf(x, n, p)[:, None] * binom.pmf(y, m, p * ratio)[None, :]
    held = [
        [
            [
                abs(few(a, n, b, m).from_difference(p * (ratio - 1))) <= 1.96,
                abs(few(a, n, b, m).from_ratio(ratio)) <= 1.96,
            ]
            for b in y
        ]
        for a in x
    ]
    coverage = (chance[:, :, None] * np.array(held)).sum(axis=(0, 1))
    assert chance.sum() == pytest.approx(1, abs=1e-6)
    assert (coverage > 0.945).all()
    assert (coverage < 0.97).all()


def test_ends_are_those_published_for_the_corrected_score() -> None:
    # ratesci (R package), the documentation's own example: scasci(x1 = 5, n1 = 56, x2 = 0, n2 = 29).
    found = few(0, 29, 5, 56)
    low, high = found.difference_interval(1.959964)
    assert (round(low, 4), round(high, 4)) == (-0.0186, 0.1867)
    low, high = found.ratio_interval(1.959964)
    assert (round(low, 4), high) == (0.7696, math.inf)


def test_many_events_have_welch_s_interval_and_both_nearly_agree_there() -> None:
    control, arm = share(FEW, 4_000), share(FEW + 30, 4_000)
    welch = compare(control, arm)
    assert welch.interval == "welch"
    low, high = few(FEW, 4_000, FEW + 30, 4_000).difference_interval(1.959964)
    assert low == pytest.approx(welch.lower, rel=0.03)
    assert high == pytest.approx(welch.upper, rel=0.03)
    assert compare(share(FEW - 1, 4_000), arm).interval == "score"
    assert compare(share(4_000 - FEW + 1, 4_000), share(3_900, 4_000)).interval == "score"


def test_only_plain_shares_are_taken_for_such() -> None:
    control, arm = share(5, 1_000), share(9, 1_000)
    assert few_events(control, arm) is not None
    clustered = replace(arm, raw_variance=2 * arm.raw_variance, variance=2 * arm.variance)
    assert few_events(control, clustered) is None
    amounts = Estimate(1_000, 0.4, 0.02, 0.4, 0.02, 999)
    assert few_events(amounts, amounts) is None
    assert few_events(share(0, 100), share(0, 100)) is None


def test_covariates_shorten_the_interval_by_what_they_explain() -> None:
    pair = share(20, 1_000), share(30, 1_000)
    adjusted = [replace(one, variance=one.variance / 2) for one in pair]
    plain, less = compare(*pair), compare(*adjusted)
    assert less.interval == "score"
    assert less.upper - less.lower == pytest.approx((plain.upper - plain.lower) / 2**0.5, rel=0.03)


def test_far_out_the_correction_for_skewness_finds_the_tail_of_counts() -> None:
    # 4 events where 0.5 were to come, and 0 where 10 were: Poisson tails of z = 2.9 and −3.9.
    plain, skewed = (few(4, 1_000, 500, 1_000_000, corrected=c) for c in (False, True))
    assert plain.from_ratio(1.0) < -4.8
    assert skewed.from_ratio(1.0) == pytest.approx(-2.9, abs=0.15)
    plain, skewed = (few(0, 1_000, 10_000, 1_000_000, corrected=c) for c in (False, True))
    assert plain.from_ratio(1.0) < 3.2
    assert skewed.from_ratio(1.0) == pytest.approx(3.9, abs=0.1)


def test_before_the_first_look_nothing_is_known() -> None:
    looks = Inference(sequential=Sequential(1_000))
    found = compare(share(1, 60), share(20, 60), looks)
    assert (found.lower, found.upper, found.rel_upper) == (-math.inf, math.inf, math.inf)
    assert found.p_value == 1
