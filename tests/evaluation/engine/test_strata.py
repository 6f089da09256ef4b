"""Post-stratification: the textbook's estimate, thin strata together, both adjustments at once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from marketing_ds.evaluation import analyze_experiment
from marketing_ds.evaluation.metrics import Mean, Ratio

from .conftest import SHARES


def only(data: pd.DataFrame, metric: str | Mean | Ratio, **options: object) -> pd.Series:
    return analyze_experiment(data, [metric], shares=SHARES, **options).to_frame().iloc[0]


def by_hand(data: pd.DataFrame) -> tuple[float, float]:
    """Effect and its variance: within the strata, and of the strata's own sizes."""
    share = data["tier"].value_counts(normalize=True)
    parts = data.groupby(["tier", "arm"])["spend"].agg(["mean", "var", "count"]).unstack()
    effects = parts["mean", "mail"] - parts["mean", "control"]
    effect = float((share * effects).sum())
    within = (parts["var"] / parts["count"]).sum(axis=1)
    between = (share * (effects - effect) ** 2).sum() / len(data)
    return effect, float((share**2 * within).sum() + between)


def test_strata_give_the_estimate_by_hand(trial) -> None:
    effect, variance = by_hand(trial)
    found = only(trial, "spend", strata=["tier"])
    assert found["effect"] == pytest.approx(effect, rel=1e-12)
    assert found["standard_error"] == pytest.approx(np.sqrt(variance), rel=1e-12)
    plain = only(trial, "spend")["standard_error"]
    assert found["variance_reduction_share"] == pytest.approx(1 - variance / plain**2, rel=1e-9)
    assert found["variance_reduction_share"] > 0.3


def test_strata_give_the_fully_interacted_regression(trial) -> None:
    data = trial.assign(mail=(trial["arm"] == "mail") * 1.0, rich=(trial["tier"] == "rich") * 1.0)
    data["rich"] -= data["rich"].mean()
    fit = smf.ols("spend ~ mail * rich", data).fit()
    assert only(trial, "spend", strata=["tier"])["effect"] == pytest.approx(
        fit.params["mail"], rel=1e-10
    )


def test_errors_are_those_of_regressions_robust_to_unequal_variances(trial) -> None:
    """HC2 of a saturated regression is each group's own variance over its size."""
    data = trial.assign(mail=(trial["arm"] == "mail") * 1.0, rich=(trial["tier"] == "rich") * 1.0)
    data["rich"] -= data["rich"].mean()
    plain = smf.ols("spend ~ mail", data).fit(cov_type="HC2")
    assert only(trial, "spend")["standard_error"] == pytest.approx(plain.bse["mail"], rel=1e-10)
    crossed = smf.ols("spend ~ mail * rich", data).fit(cov_type="HC2")
    # The regression takes the strata's sizes as given; a campaign's customers are a sample.
    between = crossed.params["mail:rich"] ** 2 * data["rich"].var(ddof=0) / len(data)
    expected = np.sqrt(crossed.bse["mail"] ** 2 + between)
    found = only(trial, "spend", strata=["tier"])["standard_error"]
    assert found == pytest.approx(expected, rel=1e-10)


def test_strata_and_covariates_give_the_regression_with_both(trial) -> None:
    data = trial.assign(mail=(trial["arm"] == "mail") * 1.0, rich=(trial["tier"] == "rich") * 1.0)
    data["rich"] -= data["rich"].mean()
    fit = smf.ols("spend ~ mail * rich + pre + age", data).fit()
    found = only(trial, "spend", strata=["tier"], covariates=["pre", "age"])
    assert found["effect"] == pytest.approx(fit.params["mail"], rel=1e-10)
    alone = [only(trial, "spend", **o) for o in ({"strata": ["tier"]}, {"covariates": ["pre"]})]
    most = max(row["variance_reduction_share"] for row in alone)
    assert found["variance_reduction_share"] > most


def test_a_ratio_is_stratified_by_its_linearisation(trial) -> None:
    found = only(trial, Ratio("spend", "visits"), strata=["tier"])
    share = trial["tier"].value_counts(normalize=True)
    means = trial.groupby(["arm", "tier"])[["spend", "visits"]].mean()
    ratio = {}
    for arm in ("mail", "control"):
        spend, visits = (share[means.loc[arm].index] @ means.loc[arm]).to_numpy()
        ratio[arm] = spend / visits
    assert found["effect"] == pytest.approx(ratio["mail"] - ratio["control"], rel=1e-12)
    assert found["variance_reduction_share"] > 0.1


def test_chances_and_strata_weight_within_the_strata(trial) -> None:
    found = (
        analyze_experiment(trial, ["spend"], probability="chance", strata=["tier"])
        .to_frame()
        .iloc[0]
    )
    # Within a tier all customers of an arm had the same chance: weights change nothing there.
    assert found["effect"] == pytest.approx(by_hand(trial)[0], rel=1e-12)


def test_thin_strata_are_put_together_and_said(trial) -> None:
    rare = trial.assign(tier=trial["tier"].where(trial.index >= 12, "private"))
    rare.loc[12:20, "tier"] = "wealth"
    result = analyze_experiment(rare, ["spend"], shares=SHARES, strata=["tier"])
    assert "2 strata of 'tier' with fewer than 10 customers in an arm" in result.notes[0]
    merged = rare.assign(tier=rare["tier"].replace(["private", "wealth"], "plain"))
    # Two thin strata are still too thin together: the smallest other one, the rich, joins them.
    everybody = rare.assign(tier=rare["tier"].where(rare["tier"] == "plain", "others"))
    assert result.to_frame()["effect"].iloc[0] == pytest.approx(by_hand(everybody)[0], rel=1e-12)
    assert result.to_frame()["effect"].iloc[0] != pytest.approx(by_hand(merged)[0], rel=1e-6)


def test_strata_of_one_customer_each_are_no_strata(trial) -> None:
    small = trial.head(30).assign(tier=[f"t{i}" for i in range(30)])
    found = only(small, "spend", strata=["tier"])
    plain = only(small, "spend")
    for name in ("effect", "standard_error", "p_value"):
        assert found[name] == pytest.approx(plain[name], rel=1e-12)


def test_several_strata_are_crossed(trial) -> None:
    both = trial.assign(cross=trial["tier"] + trial["region"])
    crossed = only(both, "spend", strata=["tier", "region"])
    one = only(both, "spend", strata=["cross"])
    assert crossed["effect"] == pytest.approx(one["effect"], rel=1e-12)
    assert crossed["standard_error"] == pytest.approx(one["standard_error"], rel=1e-12)
