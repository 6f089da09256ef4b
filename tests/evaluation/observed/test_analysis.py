"""Effects of a campaign whose arms were chosen, against truths known otherwise."""

import re
import warnings
from dataclasses import replace

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.datasets import load_hillstrom, load_truth
from marketing_ds.evaluation.metrics import FunnelStep, Mean, Proportion, Quantile, Ratio
from marketing_ds.evaluation.observed import analyze_observational, one_arm
from marketing_ds.outcomes import campaign, campaign_outcomes
from marketing_ds.schema import EFFECTS
from marketing_ds.tags import tag_table

from .conftest import COVARIATES, Chosen, make_chosen

QUICK = {"covariates": COVARIATES, "learners": ["linear"], "benchmarks": ()}
METHODS = {
    "doubly robust": {},
    "entropy weights": {"method": "weighting"},
    "propensity weights": {"method": "weighting", "weights": "propensity"},
    "matching": {"method": "matching"},
    "four matches": {"method": "matching", "n_matches": 4},
    "matching on covariates": {"method": "matching", "match_on": "covariates"},
}


@pytest.mark.parametrize("estimand", ["ate", "att"])
@pytest.mark.parametrize("method", METHODS)
def test_the_plain_difference_misses_the_truth_and_the_adjusted_covers_it(
    chosen: Chosen, method: str, estimand: str
) -> None:
    result = analyze_observational(
        chosen.frame, ["amount"], estimand=estimand, **QUICK, **METHODS[method]
    )
    row = result.to_frame().iloc[0]
    truth = chosen.effect[estimand]
    assert row["naive_effect_ci_lower"] > truth + 5
    assert row["effect_ci_lower"] < truth < row["effect_ci_upper"]
    assert row["effect_ci_upper"] - row["effect_ci_lower"] < 4
    assert result.balance.worst < 0.2 < result.balance.to_frame()["smd"].abs().max()


def test_trees_learn_what_lines_cannot() -> None:
    rng = np.random.default_rng(5)
    n = 4_000
    x, z = rng.uniform(-1, 1, n), rng.uniform(-1, 1, n)
    corner = (x > 0) ^ (z > 0)
    called = rng.random(n) < np.where(corner, 0.75, 0.25)
    frame = pd.DataFrame({"arm": np.where(called, "call", "control"), "x": x, "z": z})
    frame["amount"] = 10.0 * corner + 1.0 * called + rng.normal(0, 1, n)
    found = [
        analyze_observational(
            frame, ["amount"], covariates=["x", "z"], learners=learners, benchmarks=()
        )
        for learners in (["linear"], ["linear", "boosting"])
    ]
    lines, both = (result.to_frame().iloc[0] for result in found)
    assert lines["effect_ci_lower"] > 4
    assert both["effect_ci_lower"] < 1 < both["effect_ci_upper"]
    assert found[1].learners["call"]["arm"]["boosting"] > 0.9


def test_every_arm_is_compared_with_control_and_p_values_know_how_many(chosen: Chosen) -> None:
    frame = chosen.frame.copy()
    frame.loc[(frame["arm"] == "call") & (np.arange(len(frame)) % 2 == 0), "arm"] = "visit"
    result = analyze_observational(frame, ["amount", "bought"], **QUICK)
    rows = result.to_frame()
    assert rows[["metric", "arm"]].to_numpy().tolist() == [
        ["amount", "call"],
        ["amount", "visit"],
        ["bought", "call"],
        ["bought", "visit"],
    ]
    assert (rows["n_control"] == (frame["arm"] == "control").sum()).all()
    assert (rows["p_adjusted"] >= rows["p_value"]).all()
    assert set(result.balance.to_frame()["arm"]) == {"call", "visit"}


def test_an_engine_table_gives_what_a_frame_gives(chosen: Chosen) -> None:
    frame = chosen.frame.head(600)
    table = ibis.memtable(pa.Table.from_pandas(frame, preserve_index=False))
    a, b = (analyze_observational(data, ["amount"], **QUICK).to_frame() for data in (frame, table))
    pd.testing.assert_frame_equal(a, b, rtol=1e-9)


def test_ratios_and_funnel_steps_follow_from_adjusted_means(chosen: Chosen) -> None:
    frame = chosen.frame.assign(clicked=chosen.frame["visits"] > 2)
    metrics = [
        Ratio("amount", "visits"),
        FunnelStep("bought", after="clicked"),
        Mean("amount"),
        Mean("visits"),
        Mean("amount", cap=0.9, name="capped"),
        Proportion("bought"),
    ]
    result = analyze_observational(frame, metrics, **QUICK)
    rows = result.to_frame().set_index("metric")
    amount, visits = rows.loc["amount"], rows.loc["visits"]
    # adjusted means of control follow from the effect and the relative effect
    amount_0, visits_0 = (row["effect"] / row["rel_effect"] for row in (amount, visits))
    wanted = (amount_0 + amount["effect"]) / (visits_0 + visits["effect"]) - amount_0 / visits_0
    assert rows.loc["amount / visits", "effect"] == pytest.approx(wanted, rel=1e-9)
    assert rows.loc["capped", "mean_arm"] < rows.loc["amount", "mean_arm"]
    assert 0 < rows.loc["bought after clicked", "mean_control"] < 1


def test_customers_of_one_branch_that_go_together_widen_the_interval(chosen: Chosen) -> None:
    shock = np.random.default_rng(0).normal(0, 15, 60)
    frame = chosen.frame.assign(amount=chosen.frame["amount"] + shock[np.arange(2_500) % 60])
    frame["arm"] = np.where(np.arange(2_500) % 60 < 30, "call", "control")
    for method in ("doubly_robust", "weighting", "matching"):
        for estimand in ("ate", "att"):
            alone, together = (
                analyze_observational(
                    frame, ["amount"], method=method, estimand=estimand, cluster=cluster, **QUICK
                )
                .to_frame()
                .iloc[0]
                for cluster in (None, "branch")
            )
            assert together["standard_error"] > 3 * alone["standard_error"]


def test_trimming_leaves_out_those_whose_side_was_nearly_certain(chosen: Chosen) -> None:
    result = analyze_observational(chosen.frame, ["amount"], trim=0.15, **QUICK)
    row, look = result.to_frame().iloc[0], result.overlap.to_frame().iloc[0]
    assert row["n_control"] + row["n_arm"] < 2_500
    assert look["trimmed_share"] == pytest.approx(1 - (row["n_control"] + row["n_arm"]) / 2_500)
    assert look["lowest_arm"] >= 0.15


def test_the_seed_decides_and_the_data_are_left_alone(chosen: Chosen) -> None:
    frame = chosen.frame.head(800)
    before = frame.copy()
    runs = [
        analyze_observational(frame, ["amount"], seed=seed, **QUICK).to_frame()["effect"].iloc[0]
        for seed in (1, 1, 2)
    ]
    assert runs[0] == runs[1] != runs[2]
    pd.testing.assert_frame_equal(frame, before)


def test_a_metric_that_does_not_vary_has_no_p_value(chosen: Chosen) -> None:
    frame = chosen.frame.assign(nothing=0.0)
    result = analyze_observational(frame, ["nothing"], **QUICK)
    row = result.to_frame().iloc[0]
    assert row["effect"] == 0
    assert np.isnan(row["p_value"])
    assert "cannot be judged" in result.verdict
    assert "无法判断" in result.verdict_in("zh")


def test_the_verdict_says_that_it_is_weaker_evidence(chosen: Chosen) -> None:
    result = analyze_observational(chosen.frame, ["amount"], **QUICK)
    assert result.evidence == "weaker"
    assert result.verdict.startswith("Not randomised: weaker evidence. amount: call raised it by")
    assert "The plain difference is" in result.verdict
    assert "E-value" in result.verdict
    assert result.verdict_in("zh").startswith("非随机分组，证据较弱。amount：call 使其提高")
    assert result.cautions() == []
    assert "weaker evidence" in result._repr_html_()
    with pytest.raises(InvalidInput, match="language must be one of"):
        result.verdict_in("de")
    none = analyze_observational(
        chosen.frame.assign(noise=np.random.default_rng(0).normal(size=2_500)), ["noise"], **QUICK
    )
    assert "no difference that could be shown" in none.verdict
    assert "E-value" not in none.verdict


def test_what_is_left_out_of_balance_or_of_overlap_is_said(chosen: Chosen) -> None:
    frame = make_chosen(300, 8).frame
    frame["arm"] = np.where(frame["wealth"] + 0.6 * frame["active"] > 0.8, "call", "control")
    flip = np.random.default_rng(1).random(300) < 0.12
    frame.loc[flip, "arm"] = np.where(frame.loc[flip, "arm"] == "call", "control", "call")
    result = analyze_observational(frame, ["amount"], clip=0.08, **QUICK)
    assert not result.overlap.passed
    assert re.search("hardly could have been on the other side", result.verdict)
    assert any("still differs" in caution for caution in result.cautions())
    assert any("仍有差异" in caution for caution in result.cautions("zh"))


def test_effects_are_ready_for_the_mart(chosen: Chosen) -> None:
    result = analyze_observational(chosen.frame, ["amount"], method="weighting", **QUICK)
    table = result.effects_table("K03")
    assert list(table.columns) == list(EFFECTS.column_names)
    assert table.iloc[0][["campaign_id", "method", "segment"]].tolist() == [
        "K03",
        "weighting",
        "all",
    ]


def test_where_arms_have_nothing_in_common_nothing_is_answered(chosen: Chosen) -> None:
    frame = chosen.frame.assign(arm=np.where(chosen.frame["wealth"] > 0, "call", "control"))
    with pytest.raises(InvalidInput, match=r"arms must overlap.*divides them most: wealth"):
        analyze_observational(frame, ["amount"], **QUICK)


def test_the_answer_about_the_treated_is_offered_where_it_can_be_given() -> None:
    rng = np.random.default_rng(2)
    n = 3_000
    poor = np.arange(n) < 300
    income = np.where(poor, rng.normal(0, 1, n), rng.normal(8, 1, n))
    called = poor & (rng.random(n) < 0.4)
    frame = pd.DataFrame({"arm": np.where(called, "call", "control"), "income": income})
    frame["amount"] = income + 2.0 * called + rng.normal(size=n)
    quick = {"covariates": ["income"], "learners": ["linear"], "benchmarks": ()}
    with pytest.raises(InvalidInput, match="estimand='att' asks only"):
        analyze_observational(frame, ["amount"], **quick)
    row = analyze_observational(frame, ["amount"], estimand="att", **quick).to_frame().iloc[0]
    assert row["naive_effect"] < -4
    assert row["effect_ci_lower"] < 2 < row["effect_ci_upper"]


def _changed(chosen: Chosen, **columns: object) -> pd.DataFrame:
    return chosen.frame.head(400).assign(**columns)


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ({}, {"covariates": []}, "covariates must be a list of at least one"),
        ({}, {"covariates": "wealth"}, "covariates must be a list"),
        ({}, {"covariates": ["wealth", "amount"]}, "must not be an outcome"),
        ({}, {"covariates": ["welth"]}, "did you mean 'wealth'"),
        ({"flat": 1.0}, {"covariates": ["flat"]}, "must vary between customers"),
        ({"empty": None}, {"covariates": ["empty"]}, "must vary between customers"),
        ({"empty": np.nan}, {"covariates": ["empty"]}, "must vary between customers"),
        (
            {"many": [[1]] * 400},
            {"covariates": ["many"]},
            "must hold numbers, booleans, dates or text",
        ),
        ({"mixed": [1, "a"] * 200}, {"covariates": ["mixed"]}, "values of one type"),
        ({"amount": np.nan}, {}, "must be known and finite"),
        ({"amount": "x"}, {}, "must hold numbers or booleans"),
        ({"arm": "call"}, {}, "control must be an arm of the data"),
        ({"arm": "control"}, {}, "must have an arm beside"),
        ({"arm": None}, {}, "every customer must have an arm"),
        ({"arm": ["few"] * 5 + ["control"] * 395}, {}, "at least 20 customers"),
        ({"customer_id": "same"}, {}, "one row per customer_id"),
        ({"branch": "one"}, {"cluster": "branch"}, "at least 2 values, got one"),
        ({"branch": None}, {"cluster": "branch"}, "must be known for every customer"),
        (
            {"branch": ["a", "b"] * 200},
            {"cluster": "branch"},
            "must not exceed the number of clusters",
        ),
        ({}, {"method": "magic"}, "method must be one of"),
        ({}, {"estimand": "atx"}, "estimand must be one of"),
        ({}, {"weights": "none"}, "weights must be one of"),
        ({}, {"match_on": "name"}, "match_on must be one of"),
        ({}, {"n_matches": 0}, "n_matches must be"),
        ({}, {"learners": []}, "learners must be a list"),
        ({}, {"learners": ["forest"]}, "learners must be one of"),
        ({}, {"n_folds": 1}, "n_folds must be"),
        ({}, {"clip": 0.5}, "clip must be less than 0.5"),
        ({}, {"trim": 0.6}, "trim must be between"),
        ({}, {"trim": 0.499}, "trim must leave customers"),
        ({}, {"alpha": 2}, "alpha must be between"),
        ({}, {"seed": -1}, "seed must be"),
        ({}, {"correction": "sidak"}, "correction must be one of"),
        ({}, {"benchmarks": "wealth"}, "benchmarks must be a list"),
        ({}, {"benchmarks": ["welth"]}, "benchmarks must be among the covariates"),
        ({}, {"metrics": [Quantile("amount", 0.5)]}, "must be means or ratios of means"),
        ({}, {"metrics": [Proportion("amount")]}, "nothing but 0 and 1"),
    ],
)
def test_bad_input_is_refused_with_the_way_out(
    chosen: Chosen, columns: dict, options: dict, message: str
) -> None:
    wanted = QUICK | {"metrics": ["amount"]} | options
    frame, metrics = _changed(chosen, **columns), wanted.pop("metrics")
    with pytest.raises(InvalidInput, match=message):
        analyze_observational(frame, metrics, **wanted)


def test_many_customers_are_learned_from_in_halves(
    chosen: Chosen, monkeypatch: pytest.MonkeyPatch
) -> None:
    halves = analyze_observational(chosen.frame, ["amount"], n_folds=2, **QUICK)
    monkeypatch.setattr(one_arm, "_MANY", len(chosen.frame) - 1)
    many = analyze_observational(chosen.frame, ["amount"], **QUICK)
    pd.testing.assert_frame_equal(many.to_frame(), halves.to_frame())
    monkeypatch.setattr(one_arm, "_MANY", len(chosen.frame))
    few = analyze_observational(chosen.frame, ["amount"], **QUICK)
    assert few.to_frame()["effect"].iloc[0] != many.to_frame()["effect"].iloc[0]


def test_no_rows_are_no_data(chosen: Chosen) -> None:
    with pytest.raises(InvalidInput, match="at least one row"):
        analyze_observational(chosen.frame.head(0), ["amount"], **QUICK)


def test_weighting_refuses_more_terms_than_customers_can_carry(chosen: Chosen) -> None:
    few = chosen.frame.head(60)
    noise = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 12))).add_prefix("x")
    frame = pd.concat([few, noise], axis=1)
    with pytest.raises(InvalidInput, match="few enough to weight by"):
        analyze_observational(
            frame, ["amount"], **(QUICK | {"covariates": list(noise), "method": "weighting"})
        )


def test_on_the_simulated_bank_adjustment_finds_what_the_managers_call_changed(
    sample_mart, sample_dir
) -> None:
    which = campaign(sample_mart, "K03")
    assert not which.randomised
    tags = tag_table(
        sample_mart,
        which.features_as_of,
        ["age", "aum", "deposit_cny", "wealth_cny", "transactions_90d", "inflow_90d_cny",
         "events_90d", "active_days_90d", "insurance_pages_90d", "lifecycle", "region"],
    )  # fmt: skip
    rows = campaign_outcomes(sample_mart, "K03").join(tags, "customer_id").to_pyarrow().to_pandas()
    truth = load_truth(sample_dir).outcomes
    truth = truth[truth["campaign_id"] == "K03"].pivot(
        index="customer_id", columns="arm", values="expected_converted"
    )
    truth = truth.reindex(rows["customer_id"])
    effect = float((truth["manager_call"] - truth["control"]).mean())
    called = (rows["arm"] == "manager_call").to_numpy()
    # What each customer would do on average: the same campaign without the luck of the draw.
    rows["expected"] = np.where(called, truth["manager_call"], truth["control"])
    covariates = [name for name in tags.columns if name != "customer_id"]
    frame = analyze_observational(
        rows, ["converted", "expected"], covariates=covariates, benchmarks=()
    ).to_frame()
    assert (frame["effect_ci_lower"] < effect).all()
    assert (frame["effect_ci_upper"] > effect).all()
    assert frame["naive_effect_ci_lower"].iloc[1] > effect


@pytest.mark.usefixtures("data_dir")
def test_a_real_experiment_made_confounded_gives_its_own_answer_back() -> None:
    """After LaLonde (1986): an experiment tells the truth, then its control group is spoilt."""
    frame = load_hillstrom().frame
    frame = frame[frame["segment"].isin(["Mens E-Mail", "No E-Mail"])].reset_index(drop=True)
    mailed = frame["segment"] == "Mens E-Mail"
    truth = frame.loc[mailed, "visit"].mean() - frame.loc[~mailed, "visit"].mean()
    rng = np.random.default_rng(0)
    # Recent, large and old customers are kept if mailed, the others if not. Each is kept with
    # probability one half, so that the truth about those kept is the experiment's own.
    eager = 0.4 * (5.8 - frame["recency"]) + frame["history"] / 400 - 1.5 * (frame["newbie"] - 0.5)
    chance = (1 / (1 + np.exp(-(eager - 0.6)))).clip(0.05, 0.95)
    kept = rng.random(len(frame)) < np.where(mailed, chance, 1 - chance)
    spoilt = frame[kept].assign(arm=np.where(mailed, "mail", "control")[kept])
    covariates = ["recency", "history", "mens", "womens", "zip_code", "newbie", "channel"]
    for method in ("doubly_robust", "weighting"):
        result = analyze_observational(
            spoilt,
            ["visit"],
            covariates=covariates,
            method=method,
            learners=["linear"],
            benchmarks=(),
        )
        row = result.to_frame().iloc[0]
        assert row["effect_ci_lower"] < truth < row["effect_ci_upper"]
        assert row["naive_effect_ci_lower"] > truth


def test_results_are_frozen(chosen: Chosen) -> None:
    result = analyze_observational(chosen.frame.head(300), ["amount"], **QUICK)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        copy = replace(result, alpha=0.1)
    assert copy.alpha == 0.1
    changed = result.to_frame()
    changed["effect"] = 0.0
    assert (result.to_frame()["effect"] != 0).all()
