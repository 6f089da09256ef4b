"""Capped columns and funnel steps are formed in the engine, as by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation import analyze_experiment
from marketing_ds.evaluation.metrics import FunnelStep, Mean, Proportion, Quantile, Ratio

from .conftest import SHARES

NAMES = ["mean_control", "mean_arm", "effect", "standard_error", "rel_effect", "p_value"]


def test_a_cap_is_the_quantile_of_all_arms_together(trial) -> None:
    wild = trial.assign(spend=trial["spend"].where(trial.index % 500 > 0, 1e6))
    top = np.quantile(wild["spend"], 0.99)
    result = analyze_experiment(wild, [Mean("spend", cap=0.99)], covariates=["pre"], shares=SHARES)
    by_hand = wild.assign(spend=wild["spend"].clip(upper=top))
    expected = analyze_experiment(by_hand, ["spend"], covariates=["pre"], shares=SHARES)
    np.testing.assert_allclose(result.to_frame()[NAMES], expected.to_frame()[NAMES], rtol=1e-12)
    assert result.notes == (f"'spend (to P99)' is cut off at {top:.6g}",)
    plain = analyze_experiment(wild, ["spend"], shares=SHARES).to_frame()
    assert result.to_frame()["standard_error"].iloc[0] < plain["standard_error"].iloc[0] / 50


def test_a_capped_ratio_caps_both_columns(trial) -> None:
    found = analyze_experiment(trial, [Ratio("spend", "visits", cap=0.9)], shares=SHARES)
    tops = trial[["spend", "visits"]].quantile(0.9)
    by_hand = trial.assign(
        spend=trial["spend"].clip(upper=tops["spend"]),
        visits=trial["visits"].clip(upper=tops["visits"]),
    )
    expected = analyze_experiment(by_hand, [Ratio("spend", "visits")], shares=SHARES)
    np.testing.assert_allclose(found.to_frame()[NAMES], expected.to_frame()[NAMES], rtol=1e-12)
    assert len(found.notes) == 2


def test_a_cap_does_not_hide_gaps(trial) -> None:
    gaps = trial.assign(spend=trial["spend"].where(trial["age"] > 30))
    for data in (gaps, trial.assign(spend=np.nan)):
        with pytest.raises(InvalidInput, match=r"'spend \(to P99\)' must be known"):
            analyze_experiment(data, [Mean("spend", cap=0.99)], shares=SHARES)


def test_a_funnel_step_is_the_share_of_those_with_the_first_step(trial) -> None:
    found = (
        analyze_experiment(trial, [FunnelStep("bought", after="clicked")], shares=SHARES)
        .to_frame()
        .iloc[0]
    )
    clicked = trial[trial["clicked"] == 1]
    shares = clicked.groupby("arm")["bought"].mean()
    assert found["mean_arm"] == pytest.approx(shares["mail"], rel=1e-12)
    assert found["mean_control"] == pytest.approx(shares["control"], rel=1e-12)
    both = trial.assign(both=trial["bought"] * trial["clicked"])
    ratio = analyze_experiment(both, [Ratio("both", "clicked")], shares=SHARES).to_frame().iloc[0]
    assert found["standard_error"] == pytest.approx(ratio["standard_error"], rel=1e-12)


def test_a_proportion_is_the_mean_of_its_column(trial) -> None:
    metrics = [Proportion("bought", name="share"), Mean("bought")]
    frame = analyze_experiment(trial, metrics, covariates=["pre"], shares=SHARES).to_frame()
    assert list(frame["metric"]) == ["share", "bought"]
    np.testing.assert_array_equal(frame[NAMES].iloc[0], frame[NAMES].iloc[1])


def test_a_name_that_a_metric_makes_for_itself_is_refused(trial) -> None:
    data = pd.DataFrame(trial).assign(**{"spend (to P99)": 1.0})
    with pytest.raises(InvalidInput, match=r"must not have a column 'spend \(to P99\)'"):
        analyze_experiment(
            data, [Mean("spend", cap=0.99), Mean("spend (to P99)", "own")], shares=SHARES
        )


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Mean("x", cap=1), "cap must be between 0 and 1"),
        (lambda: Proportion("x", cap=0.9), "cap must be None for a Proportion"),
        (lambda: FunnelStep("x", after="y", cap=0.9), "cap must be None for a FunnelStep"),
        (lambda: Quantile("x", 0.5, cap=0.9), "cap must be None for a Quantile"),
        (lambda: Quantile("x", 1.5), "q must be between 0 and 1"),
        (lambda: Quantile("x", 0.5, covariates=("y",)), "covariates must be None"),
        (lambda: Mean("x", covariates="y"), "covariates must be a tuple"),
        (lambda: Mean("x", better="more"), "better must be one of 'higher', 'lower'"),
        (lambda: Mean("x", role="gaol"), "did you mean 'goal'"),
        (lambda: Mean("x", margin=0), "margin must be greater than 0"),
        (lambda: Quantile("x", 0.5).value({}), "is no function of means"),
        (lambda: Quantile("x", 0.5).gradient({}), "is no function of means"),
    ],
)
def test_a_metric_that_makes_no_sense_is_refused(make, words) -> None:
    with pytest.raises(InvalidInput, match=words):
        make()
