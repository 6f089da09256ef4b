"""Rows of results: decisions, families of comparisons, posteriors."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketing_ds.evaluation import Mean
from marketing_ds.evaluation.engine import Estimate
from marketing_ds.evaluation.inference import (
    Inference,
    NormalPrior,
    Sequential,
    adjust,
    compare,
    infer,
)
from marketing_ds.evaluation.inference.posterior import posterior


def known(value: float, error: float = 0.1, n: int = 2_000) -> Estimate:
    return Estimate(n, value, error**2, value, error**2, n - 1)


def decided(
    arm: float, *, settings: Inference | None = None, error: float = 0.1, **options
) -> pd.Series:
    """The row of one arm against a control of 10."""
    metric = Mean("y", **options)
    estimates = {"all": {"y": {"control": known(10, error), "mail": known(arm, error)}}}
    return infer(estimates, [metric], settings).iloc[0]


@pytest.mark.parametrize(
    ("arm", "options", "decision"),
    [
        (10.5, {}, "better"),
        (9.5, {}, "worse"),
        (10.1, {}, "no difference shown"),
        (10.5, {"better": "lower"}, "worse"),
        (9.5, {"better": "lower"}, "better"),
        (9.5, {"role": "guardrail"}, "guardrail broken"),
        (10.5, {"role": "guardrail", "better": "lower"}, "guardrail broken"),
        (10.1, {"role": "guardrail"}, "no harm shown"),
        (10.5, {"role": "guardrail"}, "better"),
        # Half of 10 is allowed to be lost: surely within, though surely worse.
        (9.5, {"role": "guardrail", "margin": 0.5}, "not worse than allowed"),
        (10.0, {"role": "guardrail", "margin": 0.05}, "not worse than allowed"),
        (9.9, {"role": "guardrail", "margin": 0.02}, "not shown to be within the margin"),
        (9.5, {"role": "guardrail", "margin": 0.03}, "guardrail broken"),
        (9.5, {"margin": 0.03}, "worse"),
        (10.05, {"better": "lower", "margin": 0.05}, "not worse than allowed"),
        (10.4, {"better": "lower", "margin": 0.03}, "worse"),
    ],
)
def test_decisions(arm: float, options: Mapping[str, object], decision: str) -> None:
    assert decided(arm, **options)["decision"] == decision


@pytest.mark.parametrize("alternative", ["two-sided", "greater"])
@pytest.mark.parametrize("looks", [None, Sequential(4_000)])
def test_within_the_margin_is_where_the_shown_relative_interval_is(alternative, looks) -> None:
    settings = Inference(alternative=alternative, sequential=looks)
    seen = set()
    for arm in np.linspace(9.2, 10.2, 41):
        row = decided(float(arm), settings=settings, margin=0.03)
        within = row["rel_effect_ci_lower"] > -0.03
        level = 0.025 if alternative == "two-sided" else 0.05
        # One-sided mixtures at alpha / 2 are a little narrower than the two-sided interval.
        if looks is None or alternative == "greater":
            assert (row["p_margin"] < level) == within
        elif within:
            assert row["p_margin"] < level
        seen.add(bool(within))
    assert seen == {True, False}


def test_a_margin_of_few_events_is_judged_by_the_score_of_their_ratio() -> None:
    def share(x: int, n: int) -> Estimate:
        return Estimate(n, x / n, v := x / n * (1 - x / n) / (n - 1), x / n, v, n - 1)

    metric = Mean("complaint", better="lower", margin=0.5, role="guardrail")
    estimates = {"all": {"complaint": {"control": share(20, 1_000), "mail": share(150, 9_000)}}}
    row = infer(estimates, [metric]).iloc[0]
    assert row["interval"] == "score"
    assert (row["p_margin"] < 0.025) == (row["rel_effect_ci_upper"] < 0.5)
    assert row["decision"] == "not worse than allowed"


def test_a_margin_without_variance_cannot_be_judged() -> None:
    row = decided(10, error=0.0, margin=0.05)
    assert math.isnan(row["p_margin"])
    assert row["decision"] == "cannot be judged"


def test_families_are_goals_and_guardrails_of_everybody_and_of_segments() -> None:
    goal, other, guard = Mean("a"), Mean("b"), Mean("c", role="guardrail", margin=0.1)
    arms = {"control": known(10), "mail": known(10.3), "call": known(10.2)}
    by_metric = dict.fromkeys("abc", arms)
    frame = infer({"all": by_metric, "g=x": by_metric, "g=y": by_metric}, [goal, other, guard])
    assert frame["family"].value_counts().to_dict() == {
        "goals, everybody": 4,
        "guardrails, everybody": 2,
        "goals, segments": 8,
        "guardrails, segments": 4,
    }
    for _, part in frame.groupby("family"):
        np.testing.assert_allclose(
            part["p_adjusted"], adjust(part["p_value"].to_numpy(), "holm"), rtol=1e-12
        )
    guards = frame[frame["metric"] == "c"]
    for _, part in guards.groupby("family"):
        np.testing.assert_allclose(
            part["p_margin_adjusted"], adjust(part["p_margin"].to_numpy(), "holm"), rtol=1e-12
        )
    assert frame.loc[frame["metric"] != "c", "p_margin"].isna().all()


def test_a_segment_without_an_arm_has_no_row_of_it() -> None:
    arms = {"control": known(10), "mail": known(10.3)}
    without = {"g=x": {"a": {"mail": known(1)}}, "g=y": {"a": arms}, "g=z": {}}
    frame = infer({"all": {"a": arms}, **without}, [Mean("a")])
    assert list(frame["segment"]) == ["all", "g=y"]


@pytest.mark.parametrize("looks", [None, Sequential(4_000)])
def test_holm_holds_the_family_wise_error_over_a_funnel_s_steps(looks) -> None:
    rng, wrong, trials = np.random.default_rng(3), 0, 600
    settings = Inference(sequential=looks)
    for _ in range(trials):
        common = rng.normal(size=(2, 1))  # steps of one funnel go together
        drawn = 10 + 0.1 * (0.6 * common + 0.8 * rng.normal(size=(2, 6)))
        found = [compare(known(c), known(a), settings).p_value for c, a in drawn.T]
        wrong += (adjust(np.array(found), "holm") < 0.05).any()
    assert wrong <= 0.05 * trials + 2.5 * math.sqrt(0.05 * 0.95 * trials)
    if looks is None:
        assert wrong > 0.02 * trials


def test_the_detectable_effect_is_found_8_times_in_10() -> None:
    rng = np.random.default_rng(4)
    effect = decided(10.0)["detectable_effect"]
    arms = 10 + effect + 0.1 * rng.normal(size=1_000)
    controls = 10 + 0.1 * rng.normal(size=1_000)
    found = [
        compare(known(c), known(a)).p_value < 0.05 for c, a in zip(controls, arms, strict=True)
    ]
    assert np.mean(found) == pytest.approx(0.8, abs=0.04)


@settings(max_examples=40)
@given(
    arm=st.floats(8, 12),
    unit=st.sampled_from([1e-3, 7.0, 1e6]),
    looks=st.sampled_from([None, Sequential(4_000)]),
)
def test_another_unit_changes_nothing_but_the_unit(arm, unit, looks) -> None:
    chosen = Inference(sequential=looks)
    plain, scaled = (
        compare(known(10 * u, 0.1 * u), known(arm * u, 0.1 * u), chosen) for u in (1.0, unit)
    )
    assert scaled.effect == pytest.approx(unit * plain.effect, rel=1e-9, abs=1e-12 * unit)
    assert scaled.lower == pytest.approx(unit * plain.lower, rel=1e-9, abs=1e-9 * unit)
    assert scaled.rel_upper == pytest.approx(plain.rel_upper, rel=1e-9, abs=1e-9)
    assert scaled.p_value == pytest.approx(plain.p_value, rel=1e-6)


def test_a_posterior_lies_between_prior_and_estimate() -> None:
    row = decided(10.4, settings=Inference(prior=NormalPrior(0, 0.02, relative=True)))
    assert 0 < row["posterior_effect"] < row["effect"]
    assert row["p_better"] > 0.9
    flat = decided(10.4, settings=Inference(prior=NormalPrior()))
    assert flat["posterior_effect"] == row["effect"]
    assert flat["p_better"] == pytest.approx(1 - row["p_value"] / 2, abs=1e-3)


def test_for_a_metric_to_be_low_the_posterior_counts_the_other_way() -> None:
    prior = Inference(prior=NormalPrior(0, 1.0))
    high, low = (decided(10.4, settings=prior, better=b) for b in ("higher", "lower"))
    assert low["p_better"] == pytest.approx(1 - high["p_better"])
    assert low["expected_loss"] - high["expected_loss"] == pytest.approx(high["posterior_effect"])


@pytest.mark.parametrize(
    ("effect", "better", "p", "loss"),
    [(1.0, "higher", 1.0, 0.0), (1.0, "lower", 0.0, 1.0), (0.0, "higher", 0.5, 0.0)],
)
def test_without_variance_there_is_nothing_to_believe_but_the_effect(
    effect, better, p, loss
) -> None:
    found = compare(known(10, 0.0), known(10 + effect, 0.0))
    told = posterior(10, found, NormalPrior(0, 1), better, 0.05)
    assert told["posterior_effect"] == effect
    assert told["p_better"] == p
    assert told["expected_loss"] == loss


def test_a_relative_prior_on_a_mean_of_0_says_no_effect() -> None:
    found = compare(known(0.0), known(0.4))
    told = posterior(0.0, found, NormalPrior(0, 0.1, relative=True), "higher", 0.05)
    assert told["posterior_effect"] == 0
    assert told["expected_loss"] == 0
