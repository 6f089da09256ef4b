"""Cluster-robust variances are those of statsmodels; the units of the checks follow the design."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation import analyze_experiment
from marketing_ds.evaluation.metrics import Mean, Ratio

from .conftest import SHARES


@pytest.fixture(scope="module")
def branches(trial) -> pd.DataFrame:
    """Whole branches have an arm, and a level of their own."""
    rng = np.random.default_rng(3)
    mail = rng.permutation(np.arange(40) % 2 == 0)[trial["branch"]]
    level = rng.normal(0, 5, 40)[trial["branch"]]
    return trial.assign(arm=np.where(mail, "mail", "control"), spend=trial["spend"] + level)


def clustered_fit(formula: str, data: pd.DataFrame):
    return smf.ols(formula, data).fit(cov_type="cluster", cov_kwds={"groups": data["branch"]})


def test_whole_clusters_give_statsmodels_s_variance_of_each_arm(branches) -> None:
    result = analyze_experiment(branches, ["spend"], cluster="branch")
    found = result.to_frame().iloc[0]
    variance = sum(
        clustered_fit("spend ~ 1", part).bse["Intercept"] ** 2
        for _, part in branches.groupby("arm")
    )
    assert found["standard_error"] == pytest.approx(np.sqrt(variance), rel=1e-10)
    plain = analyze_experiment(branches, ["spend"]).to_frame().iloc[0]
    assert found["standard_error"] > 2 * plain["standard_error"]
    assert found["effect"] == pytest.approx(plain["effect"], rel=1e-12)


def test_clusters_in_both_arms_give_statsmodels_s_variance_of_the_difference(trial) -> None:
    result = analyze_experiment(trial, ["spend"], cluster="branch", shares=SHARES)
    fit = clustered_fit("spend ~ C(arm)", trial)
    n = len(trial)
    correction = (n - 2) / (n - 1)  # statsmodels counts two parameters, we count an arm's one
    assert result.to_frame()["standard_error"].iloc[0] == pytest.approx(
        fit.bse["C(arm)[T.mail]"] * np.sqrt(correction), rel=1e-10
    )
    assert "40 clusters of 'branch' have customers in more than one arm" in result.notes[0]


def test_a_ratio_is_its_linearisation_by_cluster(branches) -> None:
    found = analyze_experiment(branches, [Ratio("spend", "visits")], cluster="branch").to_frame()
    variance = 0.0
    for _, part in branches.groupby("arm"):
        ratio = part["spend"].sum() / part["visits"].sum()
        linear = part.assign(spend=(part["spend"] - ratio * part["visits"]) / part["visits"].mean())
        variance += clustered_fit("spend ~ 1", linear).bse["Intercept"] ** 2
    assert found["standard_error"].iloc[0] == pytest.approx(np.sqrt(variance), rel=1e-10)


@pytest.mark.parametrize("offset", [0.0, 1e7])
def test_covariates_are_taken_off_before_the_clusters_are_formed(branches, offset) -> None:
    data = branches.assign(spend=branches["spend"] + offset)
    found = analyze_experiment(data, ["spend"], covariates=["pre"], cluster="branch").to_frame()
    slope = smf.ols("spend ~ C(arm) + pre", branches).fit().params["pre"]
    adjusted = branches.assign(spend=branches["spend"] - slope * branches["pre"])
    one = analyze_experiment(adjusted, ["spend"], cluster="branch").to_frame()
    assert found["effect"].iloc[0] == pytest.approx(
        one["effect"].iloc[0], rel=1e-6 if offset else 1e-10
    )
    assert found["standard_error"].iloc[0] == pytest.approx(
        one["standard_error"].iloc[0], rel=1e-6 if offset else 1e-10
    )
    assert found["variance_reduction_share"].iloc[0] > 0.05


def test_every_customer_a_cluster_is_as_if_there_were_none(trial) -> None:
    data = trial.assign(own=np.arange(len(trial)))
    metrics = ["spend", Ratio("spend", "visits")]
    options = {"covariates": ["pre"], "segments": ["region"], "shares": SHARES}
    alone = analyze_experiment(data, metrics, **options).to_frame()
    by_own = analyze_experiment(data, metrics, cluster="own", **options).to_frame()
    names = ["effect", "mean_arm", "rel_effect_ci_upper", "standard_error", "p_value"]
    np.testing.assert_allclose(by_own[names], alone[names], rtol=1e-9)


def test_strata_weight_the_customers_of_clusters(trial) -> None:
    data = trial.assign(own=np.arange(len(trial)))
    found, plain = (
        analyze_experiment(data, ["spend"], strata=["tier"], cluster=cluster, shares=SHARES)
        .to_frame()
        .iloc[0]
        for cluster in ("own", None)
    )
    share = data["tier"].value_counts(normalize=True)
    parts = data.groupby(["arm", "tier"])["spend"].agg(["var", "count"])
    sizes, own, counted = data["arm"].value_counts(), {}, {}
    for arm in ("mail", "control"):
        variance, n = parts.loc[arm]["var"], parts.loc[arm]["count"]
        own[arm] = float((share**2 * variance / n).sum())
        # By cluster, squares are taken over an arm's customers together: n - 1 is counted once.
        squares = float((share**2 * variance * (n - 1) / n**2).sum())
        counted[arm] = squares * sizes[arm] / (sizes[arm] - 1)
    between = plain["standard_error"] ** 2 - sum(own.values())
    expected = sum(counted.values()) + between * sum(counted.values()) / sum(own.values())
    assert found["effect"] == pytest.approx(plain["effect"], rel=1e-12)
    assert found["standard_error"] ** 2 == pytest.approx(expected, rel=1e-9)


def test_chances_weight_the_clusters_too(trial) -> None:
    data = trial.assign(own=np.arange(len(trial)))
    names = ["effect", "standard_error"]
    alone, by_own = (
        analyze_experiment(data, ["spend"], probability="chance", cluster=cluster).to_frame()[names]
        for cluster in (None, "own")
    )
    np.testing.assert_allclose(by_own, alone, rtol=1e-10)


def test_gaps_of_covariates_are_filled_in_clusters_too(trial) -> None:
    gaps = trial.assign(pre=trial["pre"].where(trial["age"] > 35))
    full = gaps.assign(pre=gaps["pre"].fillna(gaps["pre"].mean()))
    found, expected = (
        analyze_experiment(
            d, ["spend"], covariates=["pre"], cluster="branch", shares=SHARES
        ).to_frame()[["effect", "standard_error"]]
        for d in (gaps, full)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_segments_have_their_own_clusters(branches) -> None:
    result = analyze_experiment(branches, ["spend"], cluster="branch", segments=["region"])
    part = branches[branches["region"] == "west"]
    alone = analyze_experiment(part, ["spend"], cluster="branch").to_frame()
    west = result.segments("region").set_index("value").loc["west"]
    for name in ("effect", "standard_error", "p_value"):
        assert west[name] == pytest.approx(alone[name].iloc[0], rel=1e-10)


def test_whole_clusters_are_the_units_of_the_checks(branches) -> None:
    big = pd.concat([branches[branches["arm"] == "control"]] * 3 + [branches])
    big = big.drop(columns="customer_id")
    result = analyze_experiment(big, ["spend"], covariates=["pre"], cluster="branch")
    assert dict(result.srm.counts) == {"control": 20, "mail": 20}
    assert not result.blocked
    assert analyze_experiment(big, ["spend"]).blocked
    days = big.assign(day=pd.Timestamp("2026-05-01"), chance=0.5)
    timed = analyze_experiment(
        days, ["spend"], cluster="branch", time="day", probability="chance", check_by=["region"]
    )
    names = [check.name for check in timed.checks]
    assert names[:2] == ["sample ratio", "sample ratio by day"]
    assert not timed.blocked


def test_few_clusters_are_said_and_widen_the_interval(branches) -> None:
    few = branches[branches["branch"] < 8]
    result = analyze_experiment(few, ["spend"], cluster="branch")
    assert "clusters of 'branch': intervals with few clusters" in result.notes[0]
    found = result.to_frame().iloc[0]
    reach = (found["effect_ci_upper"] - found["effect"]) / found["standard_error"]
    assert reach > 2.3  # Student's with at most 6 degrees of freedom


def test_one_cluster_in_an_arm_is_refused(branches) -> None:
    lonely = branches[
        (branches["arm"] == "control")
        | (branches["branch"] == branches.loc[branches["arm"] == "mail", "branch"].iloc[0])
    ]
    with pytest.raises(InvalidInput, match="at least 2 clusters of 'branch', got 1 in 'mail'"):
        analyze_experiment(lonely, ["spend"], cluster="branch")


def test_a_segment_with_one_cluster_in_an_arm_has_no_row(branches) -> None:
    first = branches.groupby("arm")["branch"].min()
    data = branches.assign(region=np.where(branches["branch"].isin(first), "one", "many"))
    frame = analyze_experiment(
        data, [Mean("spend")], cluster="branch", segments=["region"]
    ).to_frame()
    assert list(frame["segment"]) == ["all", "region=many"]


def test_a_customer_without_a_cluster_is_refused(branches) -> None:
    gap = branches.assign(branch=branches["branch"].where(branches["age"] > 30))
    with pytest.raises(InvalidInput, match="'branch' must be known for every customer"):
        analyze_experiment(gap, ["spend"], cluster="branch")
