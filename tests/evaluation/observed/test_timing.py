"""Difference in differences against Welch's t-test and truths by design."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.stats import t as student
from scipy.stats import ttest_ind

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.observed import difference_in_differences
from marketing_ds.evaluation.observed.wild import wild_bootstrap
from marketing_ds.schema import EFFECTS

from .conftest import long_panel


@pytest.fixture
def staggered() -> tuple[pd.DataFrame, dict, float]:
    """Twenty units begin at 4 or at 7, with effects that grow; forty never do."""
    rng = np.random.default_rng(2)
    values = rng.normal(0, 5, (60, 1)) + rng.normal(0, 2, (1, 12)) + rng.normal(0, 0.5, (60, 12))
    starts = {unit: (4 if unit < 10 else 7) for unit in range(20)}
    gains = []
    for unit, start in starts.items():
        gain = 1 + 0.3 * np.arange(12 - start)
        values[unit, start:] += gain
        gains += list(gain)
    return long_panel(values), starts, float(np.mean(gains))


def test_two_periods_and_two_groups_are_welchs_test_of_the_changes() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(14, 2))
    values[:7, 1] += 2
    result = difference_in_differences(
        long_panel(values), treated_from=dict.fromkeys(range(7), 1)
    ).to_frame().iloc[0]  # fmt: skip
    change = values[:, 1] - values[:, 0]
    wanted = ttest_ind(change[:7], change[7:], equal_var=False)
    assert result["effect"] == pytest.approx(change[:7].mean() - change[7:].mean(), rel=1e-12)
    assert result["p_value"] == pytest.approx(wanted.pvalue, rel=1e-9)
    ends = wanted.confidence_interval()
    assert result["effect_ci_lower"] == pytest.approx(ends.low, rel=1e-9)
    assert result["effect_ci_upper"] == pytest.approx(ends.high, rel=1e-9)
    assert result["mean_arm"] == pytest.approx(values[:7, 1].mean())
    assert result["rel_effect"] == pytest.approx(
        result["effect"] / (values[:7, 1].mean() - result["effect"])
    )


def test_few_treated_units_have_no_more_degrees_of_freedom_than_if_all_varied_alike() -> None:
    rng = np.random.default_rng(4)
    change = np.concatenate(
        [rng.normal(0, 0.1, 2), rng.normal(0, 1, 8)]
    )  # two that agree by chance
    panel = long_panel(np.column_stack([np.zeros(10), change]))
    row = difference_in_differences(panel, treated_from={0: 1, 1: 1}).to_frame().iloc[0]
    shares = np.array([1 / 2, 1 / 8])
    freedom = shares.sum() ** 2 / (shares**2 / [1, 7]).sum()
    assert ttest_ind(change[:2], change[2:], equal_var=False).df > 3 * freedom
    reach = student.ppf(0.975, freedom) * row["standard_error"]
    assert row["effect_ci_upper"] - row["effect"] == pytest.approx(reach, rel=1e-9)


def test_covariates_take_away_a_trend_that_goes_with_them() -> None:
    rng = np.random.default_rng(0)
    rich = rng.normal(size=40)
    began = np.argsort(-rich + rng.normal(0, 0.7, 40))[:15]
    values = rng.normal(0, 0.2, (40, 6)) + rich[:, None] * np.arange(6)  # the rich grow anyway
    values[began, 4:] += 1
    panel = long_panel(values, rich=list(rich)).astype({"rich": float})
    starts = dict.fromkeys(began, 4)
    plain = difference_in_differences(panel, treated_from=starts)
    adjusted = difference_in_differences(panel, treated_from=starts, covariates=["rich"])
    assert plain.to_frame()["effect_ci_lower"].iloc[0] > 1.5
    assert plain.pre_trend_p < 0.01 < 0.05 < adjusted.pre_trend_p
    row = adjusted.to_frame().iloc[0]
    assert row["effect_ci_lower"] < 1 < row["effect_ci_upper"] < 1.3
    # By hand: the mean of what the treated changed by beyond a regression on the others.
    change = values[:, 4:].mean(axis=1) - values[:, 3]
    others = np.setdiff1d(np.arange(40), began)
    line = sm.OLS(change[others], sm.add_constant(rich[others])).fit()
    expected = line.predict(sm.add_constant(rich[began]))
    assert row["effect"] == pytest.approx((change[began] - expected).mean(), rel=1e-9)
    at = np.array([1, rich[began].mean()])
    predicted = at @ line.get_robustcov_results("HC2").cov_params() @ at
    spread = (change[began] - expected).var(ddof=1) / 15
    assert row["standard_error"] ** 2 == pytest.approx(spread + predicted, rel=1e-9)


def test_a_covariate_is_taken_from_the_period_compared_from() -> None:
    rng = np.random.default_rng(1)
    panel = long_panel(rng.normal(size=(20, 5)))
    panel["size"] = rng.normal(size=100)
    starts = dict.fromkeys(range(8), 3)
    wanted = difference_in_differences(panel, treated_from=starts, covariates=["size"])
    before = panel[panel["period"] == 2].set_index("unit")["size"]
    fixed = panel.assign(size=panel["unit"].map(before))
    pd.testing.assert_frame_equal(
        wanted.to_frame(),
        difference_in_differences(fixed, treated_from=starts, covariates=["size"]).to_frame(),
    )


def test_the_wild_bootstrap_is_that_of_regressions_run_again_and_again() -> None:
    """Null imposed, signs by branch, t with the clustered error of each run."""
    rng = np.random.default_rng(5)
    branch = np.repeat(np.arange(8), 3)
    values = rng.normal(0, 1, (8, 2))[branch] + rng.normal(0, 0.5, (24, 2))
    values[:9, 1] += 1
    panel = long_panel(values, branch=list(branch))
    options = {"treated_from": dict.fromkeys(range(9), 1), "cluster": "branch"}
    found = difference_in_differences(panel, intervals="wild_bootstrap", draws=199, **options)
    row = found.to_frame().iloc[0]
    change, arm = values[:, 1] - values[:, 0], (np.arange(24) < 9).astype(float)
    weights = wild_bootstrap(branch, np.ones(24), 199, 0).weights[:, branch]

    def t(y: np.ndarray, truth: float) -> float:
        fit = sm.OLS(y, sm.add_constant(arm)).fit()
        turn = (arm - arm.mean()) / ((arm - arm.mean()) ** 2).sum()
        scores = np.bincount(branch, turn * fit.resid)
        return (fit.params[1] - truth) / np.sqrt(scores @ scores)

    def p_value(truth: float) -> float:
        bound = (change - truth * arm).mean()
        residual = change - truth * arm - bound
        drawn = [t(bound + truth * arm + w * residual, truth) for w in weights]
        return float(np.mean(np.abs(drawn) >= abs(t(change, truth)) * (1 - 1e-9)))

    assert row["p_value"] == pytest.approx(p_value(0.0))
    width = row["effect_ci_upper"] - row["effect_ci_lower"]
    for end, inwards in ((row["effect_ci_lower"], 1), (row["effect_ci_upper"], -1)):
        assert p_value(end + inwards * 1e-3 * width) >= 0.05 > p_value(end - inwards * 1e-3 * width)
    again = difference_in_differences(panel, intervals="wild_bootstrap", draws=199, **options)
    pd.testing.assert_frame_equal(found.to_frame(), again.to_frame())


def test_of_few_clusters_every_way_of_signs_is_drawn_and_of_fewer_webb_s_points() -> None:
    six = wild_bootstrap(np.arange(6), np.ones(6), 99, 0).weights
    assert len(np.unique(six, axis=0)) == len(six) == 2**6
    five = wild_bootstrap(np.arange(5), np.ones(5), 99, 0).weights
    assert five.shape == (99, 5)
    assert np.unique(five**2) == pytest.approx([0.5, 1, 1.5])


def test_three_clusters_are_too_few_for_the_wild_bootstrap_to_reject_anything() -> None:
    rng = np.random.default_rng(0)
    branch = np.repeat(np.arange(3), 4)
    values = rng.normal(size=(3, 2))[branch] + rng.normal(0, 0.3, (12, 2))
    values[:4, 1] += 3
    row = difference_in_differences(
        long_panel(values, branch=list(branch)), treated_from=dict.fromkeys(range(4), 1),
        cluster="branch", intervals="wild_bootstrap",
    ).to_frame().iloc[0]  # fmt: skip
    assert row["p_value"] > 0.05
    assert (row["effect_ci_lower"], row["effect_ci_upper"]) == (-np.inf, np.inf)
    assert (row["rel_effect_ci_lower"], row["rel_effect_ci_upper"]) == (-np.inf, np.inf)


def test_growing_effects_of_units_that_began_at_different_times(staggered) -> None:
    panel, starts, truth = staggered
    for controls in ("never", "not_yet"):
        result = difference_in_differences(panel, treated_from=starts, controls=controls)
        row = result.to_frame().iloc[0]
        assert row["effect_ci_lower"] < truth < row["effect_ci_upper"]
        assert result.pre_trend_p > 0.05
        events = result.event_study.set_index("event_time")
        assert events.loc[-1, ["effect", "effect_ci_lower", "effect_ci_upper"]].tolist() == [
            0,
            0,
            0,
        ]
        assert events.loc[0, "effect"] == pytest.approx(1, abs=0.4)
        assert events.loc[7, "effect"] == pytest.approx(1 + 7 * 0.3, abs=0.6)
        assert events.loc[0, "cohorts"] == 2
        assert events.loc[7, "cohorts"] == 1
    assert len(result.group_times) == 2 * 11


def test_units_not_yet_treated_stand_in_where_all_are_treated_in_the_end(staggered) -> None:
    panel, starts, _ = staggered
    treated = panel[panel["unit"] < 20]
    with pytest.raises(InvalidInput, match="use controls='not_yet', or cut the panel"):
        difference_in_differences(treated, treated_from=starts)
    until = treated[treated["period"] < 7]
    row = (
        difference_in_differences(until, treated_from=starts, controls="not_yet").to_frame().iloc[0]
    )
    assert row["effect_ci_lower"] < 1.3 < row["effect_ci_upper"]  # 1, 1.3, 1.6
    assert row["n_arm"], row["n_control"] == (10, 10)


def test_units_count_by_their_size() -> None:
    values = np.array([[0.0, 1], [0, 5], [0, 0], [0, 0.2], [0, 0.1]])
    panel = long_panel(values, customers=[300, 100, 50, 50, 50]).astype({"customers": float})
    row = difference_in_differences(
        panel, treated_from={0: 1, 1: 1}, size="customers"
    ).to_frame().iloc[0]  # fmt: skip
    assert row["effect"] == pytest.approx((3 * 1 + 5) / 4 - 0.1)
    assert (row["n_arm"], row["n_control"]) == (400, 150)


def test_anticipation_moves_the_period_that_is_compared_with() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(0, 0.1, (12, 6))
    values[:5, 3:] += [0.5, 1, 1]  # begins at 4, felt one period before
    plain, early = (
        difference_in_differences(
            long_panel(values), treated_from=dict.fromkeys(range(5), 4), anticipation=k
        )
        for k in (0, 1)
    )
    assert plain.to_frame()["effect"].iloc[0] == pytest.approx(0.5, abs=0.25)
    assert early.to_frame()["effect"].iloc[0] == pytest.approx(1.0, abs=0.25)


def test_other_trends_before_the_start_are_said() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(0, 0.2, (30, 8))
    values[:12] += 0.4 * np.arange(8)
    result = difference_in_differences(long_panel(values), treated_from=dict.fromkeys(range(12), 5))
    assert result.pre_trend_p < 0.001
    assert "Caution: the units differed in trend before the start" in result.verdict
    assert "趋势已有差异" in result.verdict_in("zh")


def test_few_units_are_tested_one_period_at_a_time() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(0, 0.2, (7, 8))
    result = difference_in_differences(long_panel(values), treated_from={0: 6, 1: 6, 2: 6})
    assert 0.05 < result.pre_trend_p <= 1
    still = difference_in_differences(long_panel(np.zeros((7, 4))), treated_from={0: 2, 1: 2})
    assert np.isnan(still.pre_trend_p)
    assert "cannot be judged" in still.verdict


def test_clusters_of_units_that_go_together_widen_the_interval() -> None:
    rng = np.random.default_rng(1)
    region = np.repeat(np.arange(12), 5)
    shock = rng.normal(0, 1, (12, 6))[region]
    panel = long_panel(shock + rng.normal(0, 0.1, (60, 6)), region=list(region))
    starts = dict.fromkeys(range(30), 4)
    alone, together = (
        difference_in_differences(panel, treated_from=starts, cluster=cluster)
        for cluster in (None, "region")
    )
    errors = [r.to_frame()["standard_error"].iloc[0] for r in (alone, together)]
    assert errors[1] > 1.7 * errors[0]
    assert 0 < together.pre_trend_p <= 1


def test_the_answer_is_weaker_evidence_and_ready_for_the_mart(staggered) -> None:
    panel, starts, _ = staggered
    panel = panel.assign(began=panel["unit"].map(starts))
    result = difference_in_differences(panel, treated_from="began", arm="coupon")
    assert result.evidence == "weaker"
    assert result.verdict.startswith("Not randomised: weaker evidence. value: coupon raised it")
    assert "did not differ noticeably" in result.verdict
    assert result.verdict_in("zh").startswith("非随机分组，证据较弱。")
    table = result.effects_table("K9")
    assert list(table.columns) == list(EFFECTS.column_names)
    assert table["method"].tolist() == ["difference_in_differences"]
    assert "weaker evidence" in result._repr_html_()
    pd.testing.assert_frame_equal(
        result.to_frame(),
        difference_in_differences(panel, treated_from=starts, arm="coupon").to_frame(),
    )


def test_a_relative_effect_needs_a_level() -> None:
    values = np.array([[0.0, 1], [0, 1.5], [0, 0], [0, 0.5]])
    two = difference_in_differences(long_panel(values), treated_from={0: 1, 1: 1})
    assert "trends cannot be compared" in two.verdict
    assert np.isnan(two.pre_trend_p)


PANEL = long_panel(np.arange(24.0).reshape(6, 4))


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda p: p.drop(index=3), {}, "every unit must have every period"),
        (lambda p: pd.concat([p, p.head(1)]), {}, "one row per 'unit' and 'period'"),
        (lambda p: p.assign(value=np.nan), {}, "must be known in every row"),
        (lambda p: p.assign(value="x"), {}, "must hold numbers"),
        (lambda p: p.head(0), {}, "at least one row"),
        (lambda p: p.to_dict(), {}, "must be a pandas frame"),
        (lambda p: p.drop(columns="value"), {}, "must have the column"),
        (lambda p: p.assign(n=0.0), {"size": "n"}, "must be greater than 0"),
        (lambda p: p, {"treated_from": {}}, "must name a unit that is treated within"),
        (lambda p: p, {"treated_from": {0: 9, 1: 9}}, "must name a unit that is treated within"),
        (lambda p: p, {"treated_from": {99: 2}}, "must name units of the panel"),
        (lambda p: p, {"treated_from": {0: "May", 1: "May"}}, "must be comparable"),
        (lambda p: p, {"treated_from": {0: 0, 1: 0}}, "needs a period before its start"),
        (lambda p: p, {"treated_from": {0: 2}}, "use synthetic_control for a single unit"),
        (
            lambda p: p,
            {"treated_from": dict.fromkeys(range(5), 2)},
            "at least 2 units must be left",
        ),
        (lambda p: p.assign(g=range(24)), {"treated_from": "g"}, "must be the same in all rows"),
        (lambda p: p.assign(c=1), {"cluster": "c"}, "at least 2 values, got one"),
        (lambda p: p.assign(c=range(24)), {"cluster": "c"}, "the same in all rows of a unit"),
        (lambda p: p, {"controls": "all"}, "controls must be one of"),
        (lambda p: p, {"anticipation": -1}, "anticipation must be"),
        (lambda p: p, {"intervals": "bayes"}, "intervals must be one of"),
        (lambda p: p, {"draws": 10}, "draws must be"),
        (lambda p: p, {"covariates": "x"}, "covariates must be a list"),
        (lambda p: p, {"covariates": ["value"]}, "must not be the unit, the period or the outcome"),
        (lambda p: p.assign(x="a"), {"covariates": ["x"]}, "'x' must hold numbers"),
        (lambda p: p.assign(x=np.nan), {"covariates": ["x"]}, "known and finite in every row"),
        (lambda p: p.assign(x=1.0), {"covariates": ["x"]}, "must differ between the units"),
        (
            lambda p: p.assign(a=p["unit"] ** 2, b=p["unit"] ** 3, c=p["unit"]),
            {"covariates": ["a", "b", "c"]},
            "at least 5 units must be left as controls with 3 covariates",
        ),
    ],
)
def test_bad_input_is_refused_with_the_way_out(change, options: dict, message: str) -> None:
    wanted = {"treated_from": {0: 2, 1: 2}} | options
    with pytest.raises(InvalidInput, match=message):
        difference_in_differences(change(PANEL), **wanted)
