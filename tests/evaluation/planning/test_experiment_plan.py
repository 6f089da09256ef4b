"""Experiments planned on a table of the past: moments against numpy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation import Mean, Ratio
from marketing_ds.evaluation.metrics import Quantile
from marketing_ds.evaluation.planning import Design, plan_experiment, sample_size
from marketing_ds.mart import Mart


@pytest.fixture(scope="module")
def past() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    n = 4_000
    branch = rng.integers(0, 40, n)
    before = rng.gamma(2.0, 50.0, n)
    spend = 0.5 * before + rng.gamma(1.0, 40.0, n) + rng.normal(0, 15, 40)[branch]
    return pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "branch": [f"B{b}" for b in branch],
            "spend": spend,
            "spend_before": before,
            "bought": (rng.random(n) < 0.1).astype(float),
            "bought_before": (rng.random(n) < 0.1).astype(float),
            "visits": 1.0 + rng.poisson(2, n),
        }
    )


def test_baselines_are_what_numpy_says(past: pd.DataFrame) -> None:
    plan = plan_experiment(past, rel_effect=0.1)
    spend, bought = plan.baselines
    assert (spend.name, bought.name, plan.design.metrics) == ("spend", "bought", 2)
    assert spend.mean == pytest.approx(past["spend"].mean())
    assert spend.sd == pytest.approx(past["spend"].std())
    correlation = np.corrcoef(past["spend"], past["spend_before"])[0, 1]
    assert spend.explained_share == pytest.approx(correlation**2, rel=1e-9)
    assert bought.binary
    assert not spend.binary
    row = plan.to_frame().iloc[0]
    assert row["customers_needed"] == sum(
        sample_size(spend, rel_effect=0.1, design=plan.design).values()
    )
    assert row["customers_needed"] < row["customers_without_covariates"]
    error = past["spend"].std() / np.sqrt(len(past))
    assert row["mean_ci_upper"] - row["mean"] == pytest.approx(1.959964 * error, rel=1e-6)


def test_ratios_caps_and_covariates_of_ones_own(past: pd.DataFrame) -> None:
    metrics = [
        Ratio("spend", "visits", covariates=("spend_before",)),
        Mean("spend", name="capped", cap=0.9),
        Mean("spend", name="plain", covariates=()),
    ]
    ratio, capped, plain = plan_experiment(past, metrics, covariates=["bought"]).baselines
    value = past["spend"].mean() / past["visits"].mean()
    linear = (past["spend"] - value * past["visits"]) / past["visits"].mean()
    assert ratio.mean == pytest.approx(value)
    assert ratio.sd == pytest.approx(linear.std())
    share = np.corrcoef(linear, past["spend_before"])[0, 1] ** 2
    assert ratio.explained_share == pytest.approx(share, rel=1e-9)
    assert capped.sd < plain.sd
    assert plain.explained_share == 0


def test_the_design_effect_is_that_of_the_clusters_own_totals(past: pd.DataFrame) -> None:
    found = plan_experiment(past, [Mean("spend", covariates=())], cluster="branch").baselines[0]
    away = past["spend"] - past["spend"].mean()
    totals = away.groupby(past["branch"]).sum()
    expected = len(totals) / (len(totals) - 1) * (totals**2).sum() / away.var(ddof=1) / len(past)
    assert found.design_effect == pytest.approx(expected, rel=1e-9)
    assert found.design_effect > 3
    assert found.cluster_size == len(past) / 40
    adjusted = plan_experiment(past, ["spend"], cluster="branch").baselines[0]
    assert adjusted.design_effect > found.design_effect


def test_a_mart_is_planned_on_as_it_is(tiny_mart: Mart) -> None:
    plan = plan_experiment(tiny_mart, as_of="2026-05-18", days=14, rel_effect=0.5)
    assert [b.name for b in plan.baselines] == ["bought", "bought_cny"]
    assert plan.customers == 11
    assert plan.baselines[0].mean == pytest.approx(4 / 11)
    assert plan.duration is not None
    assert plan.duration.outcome_days == 14
    assert plan.duration.to_frame().loc[0, "customers"] == 11


def test_arrivals_make_weeks(past: pd.DataFrame) -> None:
    design = Design(correction=None)
    plan = plan_experiment(
        past, ["spend"], rel_effect=0.05, per_week=500, at_start=200, design=design
    )
    assert plan.duration is not None
    assert plan.duration.to_frame().loc[1, "customers"] == 1_200
    assert "customers are needed: assign for" in plan.sentence()
    assert "周" in plan.sentence("zh")
    assert "spend" in plan._repr_html_()
    assert plan_experiment(past, ["spend"]).sentence().endswith("with 80 % power.")


def test_what_cannot_be_planned_is_refused(past: pd.DataFrame) -> None:
    for options, message in (
        ({"metrics": ["nothing"]}, "past must have the column"),
        ({"metrics": [Quantile("spend", 0.5)]}, "follow from means"),
        ({"covariates": "spend"}, "covariates must be a list"),
        ({"metrics": ["spend"], "cluster": "manager"}, "past must have the column"),
    ):
        with pytest.raises(InvalidInput, match=message):
            plan_experiment(past, **options)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="must vary"):
        plan_experiment(past.assign(flat=1.0), ["flat"])
    with pytest.raises(InvalidInput, match="at least 4 customers"):
        plan_experiment(past[:3], ["spend"])
    with pytest.raises(InvalidInput, match="at least 4 customers, and 2 clusters"):
        plan_experiment(past.assign(branch="one"), ["spend"], cluster="branch")
    with pytest.raises(InvalidInput, match="metrics must be given"):
        plan_experiment(past[["customer_id", "spend"]])
