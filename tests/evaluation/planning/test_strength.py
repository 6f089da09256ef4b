"""Power, detectable effect and sample size against statsmodels, simulation and each other."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.inference import Sequential
from marketing_ds.evaluation.planning import (
    Baseline,
    Design,
    minimum_detectable_effect,
    power,
    sample_size,
)

SPEND = Baseline.average(10.0, 3.0)
RATE = Baseline.proportion(0.05)


@pytest.mark.parametrize("effect", [0.2, 0.5, 1.0])
@pytest.mark.parametrize(("ours", "theirs"), [("two-sided", "two-sided"), ("greater", "larger")])
def test_power_is_statsmodels(effect: float, ours: str, theirs: str) -> None:
    known = pytest.importorskip("statsmodels.stats.power").TTestIndPower()
    found = power(SPEND, 300, effect=effect, design=Design(alternative=ours))  # type: ignore[arg-type]
    expected = known.power(effect / 3, 150, 0.05, alternative=theirs)
    assert found["arm"] == pytest.approx(expected, abs=1e-9)


def test_downward_effects_are_found_downward() -> None:
    known = pytest.importorskip("statsmodels.stats.power").TTestIndPower()
    found = power(SPEND, 300, effect=-0.8, design=Design(alternative="less"))
    expected = known.power(-0.8 / 3, 150, 0.05, alternative="smaller")
    assert found["arm"] == pytest.approx(expected, abs=1e-9)


def test_size_and_detectable_effect_are_statsmodels() -> None:
    known = pytest.importorskip("statsmodels.stats.power").TTestIndPower()
    size = known.solve_power(0.25, alpha=0.01, power=0.9)
    found = sample_size(SPEND, effect=0.75, target=0.9, design=Design(alpha=0.01))
    assert found == {"control": math.ceil(size), "arm": math.ceil(size)}
    smallest = minimum_detectable_effect(SPEND, 300)["arm"]
    assert known.power(smallest / 3, 150, 0.05) == pytest.approx(0.8, abs=1e-9)


def test_large_unequal_arms_are_statsmodels_normal_power() -> None:
    known = pytest.importorskip("statsmodels.stats.power").NormalIndPower()
    design = Design({"control": 3, "arm": 1})
    found = power(SPEND, 4_000_000, effect=0.01, design=design)["arm"]
    assert found == pytest.approx(known.power(0.01 / 3, 3e6, 0.05, ratio=1 / 3), abs=1e-6)


def test_rates_have_the_variance_of_their_arm() -> None:
    het = pytest.importorskip("statsmodels.stats.power").normal_power_het
    spread = math.sqrt(0.05 * 0.95 + 0.055 * 0.945)
    expected = het(0.005, 200_000, std_null=spread, std_alternative=spread, alpha=0.05)
    assert power(RATE, 400_000, effect=0.005)["arm"] == pytest.approx(expected, abs=1e-5)


def test_covariates_save_their_share_of_customers() -> None:
    plain = sum(sample_size(SPEND, effect=0.05).values())
    helped = sum(sample_size(SPEND.with_covariates(0.4), effect=0.05).values())
    assert helped / plain == pytest.approx(0.6, rel=1e-4)


def test_correlated_covariates_explain_what_a_regression_would() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(0, 1, (5_000, 2)) @ np.array([[1.0, 0.6], [0.0, 0.8]])
    y = x @ np.array([0.5, 0.3]) + rng.normal(0, 1, 5_000)
    known = np.corrcoef(np.column_stack([y, x]).T)
    found = SPEND.with_correlated(known[0, 1:].tolist(), known[1:, 1:].tolist())
    centred = x - x.mean(axis=0)
    fit = centred @ np.linalg.lstsq(centred, y - y.mean(), rcond=None)[0]
    assert found.explained_share == pytest.approx(fit.var() / y.var(), rel=1e-9)
    assert SPEND.with_correlated([0.6, 0.5]).explained_share == pytest.approx(0.61)


def test_clusters_cost_their_design_effect() -> None:
    design_effect = 1 + ((1 + 0.5**2) * 50 - 1) * 0.02
    clustered = SPEND.with_clusters(50, icc=0.02, variation=0.5)
    assert clustered.design_effect == pytest.approx(design_effect)
    plain, needed = (sum(sample_size(b, effect=0.05).values()) for b in (SPEND, clustered))
    assert needed / plain == pytest.approx(design_effect, rel=2e-3)
    # With few clusters Student's t knows of them, not of their customers.
    few = Baseline.average(10.0, 3.0).with_clusters(100, icc=0.0)
    assert power(few, 600, effect=0.6)["arm"] < power(SPEND, 600, effect=0.6)["arm"] - 0.05
    assert power(few, 200, effect=5.0)["arm"] == 0.0


def test_many_arms_share_the_level() -> None:
    design = Design({"control": 2, "a": 1, "b": 1}, metrics=2)
    assert design.level == 0.0125
    alone = Design({"control": 2, "a": 1}, alpha=0.0125, correction=None)
    assert power(RATE, 40_000, effect=0.01, design=design)["a"] == pytest.approx(
        power(RATE, 30_000, effect=0.01, design=alone)["a"], rel=1e-9
    )
    sizes = sample_size(RATE, effect=0.01, design=design)
    assert sizes["a"] == sizes["b"]
    assert sizes["control"] == pytest.approx(2 * sizes["a"], abs=1)


def test_non_inferiority_is_the_power_to_show_no_loss() -> None:
    rng = np.random.default_rng(1)
    design = Design(non_inferiority=0.1)
    n, planned = 1_500, power(Baseline.average(10.0, 6.0), 3_000, effect=0.0, design=design)["arm"]
    control, arm = rng.normal(10, 6, (2, 4_000, n))
    distance = arm.mean(axis=1) - 0.9 * control.mean(axis=1)
    error = np.sqrt(arm.var(axis=1) / n + 0.81 * control.var(axis=1) / n)
    shown = float((distance / error > 1.9604).mean())
    assert planned == pytest.approx(shown, abs=0.02)


def test_non_inferiority_of_what_should_be_low_looks_the_other_way() -> None:
    high = Design(non_inferiority=0.1, better="higher")
    low = Design(non_inferiority=0.1, better="lower")
    assert power(SPEND, 2_000, effect=0.5, design=high)["arm"] > 0.99
    assert power(SPEND, 2_000, effect=-0.5, design=low)["arm"] > 0.99
    assert power(SPEND, 2_000, effect=1.2, design=low)["arm"] < 0.01
    allowed = minimum_detectable_effect(SPEND, 2_000, design=high)["arm"]
    assert -1.0 < allowed < 0
    worst = minimum_detectable_effect(SPEND, 2_000, design=low)["arm"]
    assert 0 < worst < 1.0


def test_looking_often_takes_more_customers() -> None:
    once = sum(sample_size(RATE, effect=0.01).values())
    often = sum(sample_size(RATE, effect=0.01, design=Design(sequential=True)).values())
    assert 1.5 < often / once < 2.5
    early = Design(sequential=Sequential(planned=20_000, start=15_000))
    assert power(RATE, 20_000, effect=0.01, design=early)["arm"] == 0.0


@settings(max_examples=25)
@given(
    st.floats(0.01, 0.5),
    st.floats(0.02, 0.3),
    st.floats(0.5, 0.95),
    st.floats(0.2, 5.0),
    st.sampled_from(["two-sided", "greater"]),
)
def test_the_three_are_one_formula(
    rate: float, rel: float, target: float, share: float, alternative: str
) -> None:
    baseline = Baseline.proportion(rate)
    design = Design({"control": 1.0, "arm": share}, alternative=alternative)  # type: ignore[arg-type]
    sizes = sample_size(baseline, rel_effect=rel, target=target, design=design)
    n = sum(sizes.values())
    assert power(baseline, n, rel_effect=rel, design=design)["arm"] >= target - 1e-6
    less = power(baseline, max(4, n - 20), rel_effect=rel, design=design)["arm"]
    assert less < target + 1e-6 or n <= 24
    smallest = minimum_detectable_effect(baseline, n, target=target, design=design)["arm"]
    assert smallest == pytest.approx(rel * rate, rel=0.02 + 30 / n)


def test_a_ratios_spread_is_that_of_its_linearisation() -> None:
    rng = np.random.default_rng(4)
    visits = 1 + rng.poisson(2, 200_000)
    spend = visits * rng.gamma(2, 5, 200_000)
    correlation = float(np.corrcoef(spend, visits)[0, 1])
    found = Baseline.ratio(
        (spend.mean(), spend.std()), (visits.mean(), visits.std()), correlation=correlation
    )
    linear = (spend - found.mean * visits) / visits.mean()
    assert found.sd == pytest.approx(linear.std(), rel=1e-9)


def test_a_rate_cannot_pass_one() -> None:
    high = Baseline.proportion(0.9)
    assert math.isnan(minimum_detectable_effect(high, 20)["arm"])
    assert math.isnan(minimum_detectable_effect(SPEND.with_clusters(5, icc=0.1), 8)["arm"])
    with pytest.raises(InvalidInput, match="arm's rate must be between 0 and 1"):
        power(high, 1_000, rel_effect=0.5)


def test_what_does_not_vary_is_found_for_sure() -> None:
    never = Baseline.proportion(0.5)
    assert power(Baseline(10.0, 0.0), 100, effect=1.0)["arm"] == 1.0
    assert power(Baseline(10.0, 0.0), 100, effect=0.0)["arm"] == 0.0
    assert sample_size(never, effect=0.5, target=0.05) == {"control": 2, "arm": 2}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: power(SPEND, 100), "give effect or rel_effect"),
        (lambda: power(SPEND, 100, effect=1, rel_effect=0.1), "give effect or rel_effect"),
        (lambda: power(SPEND, 3, effect=1), "customers must be at least 4"),
        (lambda: sample_size(SPEND, effect=0.0), "must be large enough to be found"),
        (lambda: sample_size(SPEND, effect=1.0, target=1.0), "target must be between 0 and 1"),
        (lambda: Baseline.proportion(1.0), "rate must be between 0 and 1"),
        (lambda: Baseline.average(1.0, 0.0), "sd must be"),
        (lambda: Baseline.ratio((1, 1), (0, 1), correlation=0), "mean of the denominator"),
        (lambda: Baseline.ratio((1, 0), (1, 0), correlation=0), "must vary"),
        (lambda: SPEND.with_covariates(1.0), "below 1"),
        (lambda: SPEND.with_correlated([]), "one a covariate"),
        (lambda: SPEND.with_correlated([0.5], [[1, 0]]), "symmetric matrix of 1 × 1"),
        (lambda: SPEND.with_correlated([0.9, 0.9]), "explained_share must be between 0 and 1"),
        (lambda: SPEND.with_clusters(0.5, icc=0.1), "size must be at least 1"),
        (lambda: Design({"contrl": 1, "a": 1}), "did you mean"),
        (lambda: Design({"control": 1}), "an arm beside"),
        (lambda: Design({"control": 1, "a": 0}), "share of 'a'"),
        (lambda: Design(correction="bh"), "correction must be one of"),  # type: ignore[arg-type]
        (lambda: Design(metrics=0), "metrics must be at least 1"),
        (lambda: Design(non_inferiority=0), "non_inferiority must be"),
    ],
)
def test_what_makes_no_sense_is_refused(call: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        call()  # type: ignore[operator]
