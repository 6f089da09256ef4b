"""Difference in differences against Welch's t-test and truths by design."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.observed import difference_in_differences
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
    values = rng.normal(size=(15, 2))
    values[:4, 1] += 2
    result = difference_in_differences(
        long_panel(values), treated_from=dict.fromkeys(range(4), 1)
    ).to_frame().iloc[0]  # fmt: skip
    change = values[:, 1] - values[:, 0]
    wanted = ttest_ind(change[:4], change[4:], equal_var=False)
    assert result["effect"] == pytest.approx(change[:4].mean() - change[4:].mean(), rel=1e-12)
    assert result["p_value"] == pytest.approx(wanted.pvalue, rel=1e-9)
    ends = wanted.confidence_interval()
    assert result["effect_ci_lower"] == pytest.approx(ends.low, rel=1e-9)
    assert result["effect_ci_upper"] == pytest.approx(ends.high, rel=1e-9)
    assert result["mean_arm"] == pytest.approx(values[:4, 1].mean())
    assert result["rel_effect"] == pytest.approx(
        result["effect"] / (values[:4, 1].mean() - result["effect"])
    )


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
    ],
)
def test_bad_input_is_refused_with_the_way_out(change, options: dict, message: str) -> None:
    wanted = {"treated_from": {0: 2, 1: 2}} | options
    with pytest.raises(InvalidInput, match=message):
        difference_in_differences(change(PANEL), **wanted)
