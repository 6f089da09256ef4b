"""Return on investment against scipy, numpy and hand-computed answers."""

from __future__ import annotations

import math

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation import analyze_experiment
from marketing_ds.evaluation.inference import Sequential
from marketing_ds.evaluation.money import ALL_ARMS, campaign_roi
from marketing_ds.schema import EFFECTS


def campaign(seed: int = 1, n: int = 600, arms: tuple[str, ...] = ("coupon",)) -> pd.DataFrame:
    """Margins of buyers, costs of what they redeem, and a habit that explains a part."""
    rng = np.random.default_rng(seed)
    names = np.array(["control", *arms])
    arm = rng.integers(0, len(names), n)
    habit = rng.gamma(2.0, 10.0, n)
    bought = rng.random(n) < 0.2 + 0.1 * (arm > 0)
    return pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "arm": names[arm],
            "habit": habit,
            "bought": bought,
            "margin_cny": bought * rng.gamma(2.0, 30.0, n) + habit,
            "cost_cny": 0.1 * (arm > 0) + 15.0 * ((arm > 0) & bought & (rng.random(n) < 0.5)),
        }
    )


def test_profit_is_welchs() -> None:
    data = campaign()
    profit = data["margin_cny"] - data["cost_cny"]
    ours, theirs = (profit[data["arm"] == name] for name in ("coupon", "control"))
    known = stats.ttest_ind(ours, theirs, equal_var=False)
    ends = known.confidence_interval()
    found = campaign_roi(data)["coupon"]
    assert found.profit.value == pytest.approx(ours.mean() - theirs.mean(), rel=1e-12)
    assert (found.profit.lower, found.profit.upper) == pytest.approx(
        (ends.low, ends.high), rel=1e-9
    )
    assert found.p_value == pytest.approx(known.pvalue, rel=1e-9)
    greater = stats.ttest_ind(ours, theirs, equal_var=False, alternative="greater")
    assert found.break_even_probability == pytest.approx(1 - greater.pvalue, rel=1e-9)


def test_the_ends_of_the_ratio_are_just_not_rejected() -> None:
    data = campaign()
    found = campaign_roi(data)["coupon"].per_cny
    groups = [data[data["arm"] == name] for name in ("coupon", "control")]
    freedom = campaign_roi(data)["coupon"].profit.freedom
    for end in (found.lower, found.upper):
        rest = [g["margin_cny"] - end * g["cost_cny"] for g in groups]
        error = math.sqrt(sum(r.var(ddof=1) / len(r) for r in rest))
        z = abs(rest[0].mean() - rest[1].mean()) / error
        assert z == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-9)
    assert found.shape == "interval"
    assert found.value in found


def test_covariates_adjust_by_one_slope_and_where_costs_are_constant_by_each_arms_own() -> None:
    data = campaign(arms=("coupon", "message"))
    found = campaign_roi(data, covariates=["habit"], outcome="bought")
    centred = data["habit"] - data["habit"].mean()
    arms = ["control", "coupon", "message"]
    dummies = np.column_stack([(data["arm"] == arm).to_numpy(float) for arm in arms])
    slopes = dummies * centred.to_numpy()[:, None]
    for column, name, side in (
        ("margin_cny", "margin", centred.to_numpy()[:, None]),
        ("bought", "outcome", centred.to_numpy()[:, None]),
        ("cost_cny", "cost", slopes),
    ):
        design = np.column_stack([dummies, side])
        at = np.linalg.lstsq(design, data[column].to_numpy(float), rcond=None)[0]
        for place, arm in enumerate(arms[1:], start=1):
            amount = getattr(found[arm], name)
            assert amount.value == pytest.approx(at[place] - at[0], rel=1e-9)
    assert found["coupon"].variance_reduction_share > 0.02


def test_the_outcome_and_its_error_are_those_of_the_experiment() -> None:
    data = campaign(arms=("coupon", "message"))
    roi = campaign_roi(data, covariates=["habit"], outcome="bought")
    frame = analyze_experiment(data, ["bought", "margin_cny"], covariates=["habit"]).to_frame()
    for arm in ("coupon", "message"):
        rows = frame[frame["arm"] == arm].set_index("metric")
        for name, amount in (("bought", roi[arm].outcome), ("margin_cny", roi[arm].margin)):
            assert amount is not None
            assert amount.value == pytest.approx(rows.loc[name, "effect"], rel=1e-9)
            # Ours counts the slope's degree of freedom.
            error = rows.loc[name, "standard_error"]
            assert math.sqrt(amount.variance) == pytest.approx(error, rel=5e-3)


def test_a_constant_cost_stays_what_it_is_whatever_covariates_do() -> None:
    data = campaign(arms=("coupon", "message"))
    data.loc[data["arm"] == "message", "cost_cny"] = 0.05
    found = campaign_roi(data, covariates=["habit"])["message"].cost
    assert (found.value, found.lower, found.upper) == pytest.approx((0.05, 0.05, 0.05), rel=1e-9)
    assert found.variance == 0


def test_the_total_is_the_sum_of_the_arms() -> None:
    found = campaign_roi(campaign(arms=("coupon", "message")))
    parts = [found[arm].total_profit[0] for arm in ("coupon", "message")]
    assert found.total.arm == ALL_ARMS
    assert found.total.total_profit[0] == pytest.approx(sum(parts), rel=1e-9)
    # Both arms share one control, so the total is surer than adding ends would make it.
    ends = [found[arm].total_profit[1] for arm in ("coupon", "message")]
    assert found.total.total_profit[1] > sum(ends)


def test_a_single_arm_is_the_campaign() -> None:
    found = campaign_roi(campaign())
    assert [each.arm for each in found] == ["coupon"]
    assert found.total is found["coupon"]


def test_the_price_of_an_outcome_is_the_inverse_ratio() -> None:
    data = campaign()
    found = campaign_roi(data, outcome="bought")["coupon"]
    groups = data.groupby("arm")[["cost_cny", "bought"]].mean()
    cost, bought = groups.loc["coupon"] - groups.loc["control"]
    assert found.outcome is not None
    assert found.cpio is not None
    assert found.outcome.value == pytest.approx(bought, rel=1e-9)
    assert found.cpio.value == pytest.approx(cost / bought, rel=1e-9)
    # Were every outcome worth just that much, the campaign would break even.
    worth = data.assign(margin_cny=data["bought"] * found.cpio.value)
    assert campaign_roi(worth)["coupon"].profit.value == pytest.approx(0.0, abs=1e-9)


def test_costs_of_control_are_subtracted() -> None:
    data = campaign()
    dearer = data.assign(cost_cny=data["cost_cny"] + 2.0, margin_cny=data["margin_cny"] + 5.0)
    before, after = campaign_roi(data)["coupon"], campaign_roi(dearer)["coupon"]
    assert after.per_cny.value == pytest.approx(before.per_cny.value, rel=1e-9)
    assert after.per_cny.upper == pytest.approx(before.per_cny.upper, rel=1e-9)


def test_roi_is_what_comes_back_less_the_yuan_spent() -> None:
    found = campaign_roi(campaign())["coupon"]
    assert found.roi.value == pytest.approx(found.per_cny.value - 1)
    assert (found.roi.lower, found.roi.shape) == (found.per_cny.lower - 1, found.per_cny.shape)


@settings(max_examples=8)
@given(st.integers(0, 10_000), st.floats(0.01, 100))
def test_the_ratio_knows_no_currency(seed: int, rate: float) -> None:
    data = campaign(seed, n=120)
    other = data.assign(margin_cny=data["margin_cny"] * rate, cost_cny=data["cost_cny"] * rate)
    one, two = campaign_roi(data)["coupon"], campaign_roi(other)["coupon"]
    assert two.per_cny.shape == one.per_cny.shape
    assert two.per_cny.value == pytest.approx(one.per_cny.value, rel=1e-6, nan_ok=True)
    assert two.break_even_probability == pytest.approx(one.break_even_probability, abs=1e-9)
    assert two.profit.value == pytest.approx(one.profit.value * rate, rel=1e-6)


@settings(max_examples=8)
@given(st.integers(0, 10_000))
def test_the_ratio_is_above_one_just_where_profit_is_above_zero(seed: int) -> None:
    found = campaign_roi(campaign(seed, n=150))["coupon"]
    if found.cost.value > 0:
        assert (found.per_cny.value > 1) == (found.profit.value > 0)
        assert (found.break_even_probability > 0.5) == (found.profit.value > 0)
    if found.per_cny.shape == "interval":
        outside = not found.profit.lower <= 0 <= found.profit.upper
        assert (1.0 not in found.per_cny) == outside


def test_weights_count_where_chances_differ() -> None:
    data = campaign()
    rich = data["habit"] > 20
    chance = np.where(rich, 0.7, 0.4)
    given_arm = np.random.default_rng(2).random(len(data)) < chance
    data["arm"] = np.where(given_arm, "coupon", "control")
    data["p"] = np.where(given_arm, chance, 1 - chance)
    found = campaign_roi(data, probability="p")["coupon"].margin
    means = [
        np.average(g["margin_cny"], weights=1 / g["p"])
        for g in (data[data["arm"] == "coupon"], data[data["arm"] == "control"])
    ]
    assert found.value == pytest.approx(means[0] - means[1], rel=1e-9)


def test_a_gap_in_a_covariate_counts_as_its_mean() -> None:
    data = campaign()
    holes = data.copy()
    holes.loc[holes.index[:50], "habit"] = np.nan
    filled = holes.fillna({"habit": holes["habit"].mean()})
    one, two = (campaign_roi(d, covariates=["habit"])["coupon"] for d in (holes, filled))
    assert one.profit.value == pytest.approx(two.profit.value, rel=1e-9)


def test_always_valid_intervals_are_wider_and_wait_for_the_start() -> None:
    data = campaign()
    plain, looks = campaign_roi(data), campaign_roi(data, sequential=Sequential(planned=600))
    assert looks.total.profit.lower < plain.total.profit.lower
    assert looks.total.per_cny.upper > plain.total.per_cny.upper
    assert looks.total.p_value > plain.total.p_value
    assert looks.total.break_even_probability == plain.total.break_even_probability
    early = campaign_roi(data, sequential=Sequential(start=5_000)).total
    assert (early.per_cny.shape, early.profit.upper) == ("everything", math.inf)
    assert early.p_value == 1.0


def test_without_spending_there_is_profit_and_no_return() -> None:
    data = campaign().assign(cost_cny=0.0)
    found = campaign_roi(data)
    row = found.to_frame().iloc[0]
    assert found.total.per_cny.shape == "undefined"
    assert math.isnan(row["rel_roi"])
    assert math.isnan(row["rel_roi_ci_lower"])
    assert found.total.profit == found.total.margin
    assert "did not cost more than control" in found.verdict
    assert "投资回报率无从谈起" in found.verdict_in("zh")


def test_an_arm_without_spending_has_no_return_where_another_spends() -> None:
    data = campaign(arms=("coupon", "free"))
    data.loc[data["arm"] == "free", "cost_cny"] = 0.0
    found = campaign_roi(data)
    assert found["free"].per_cny.shape == "undefined"
    assert found["free"].cost.value == 0
    assert found["coupon"].per_cny.shape == "interval"
    paid = campaign_roi(data.assign(cost_cny=data["cost_cny"] + 0.1))["free"]
    assert paid.per_cny.shape == "undefined"


def test_an_arm_that_saves_money_has_no_return() -> None:
    data = campaign()
    data["cost_cny"] = np.where(data["arm"] == "coupon", 1.0, 3.0)
    found = campaign_roi(data)["coupon"]
    assert found.per_cny.shape == "undefined"
    assert found.cost.value == pytest.approx(-2.0)


def test_a_cost_that_may_be_zero_leaves_the_ratio_unbounded() -> None:
    rng = np.random.default_rng(5)
    data = campaign(n=400)
    data["cost_cny"] = rng.gamma(1.0, 30.0, 400) + 0.1 * (data["arm"] == "coupon")
    found = campaign_roi(data)
    assert found.total.per_cny.shape in ("outside", "everything")
    assert found.to_frame().loc[0, "return_per_cny_ci_upper"] == math.inf


def test_nothing_varies() -> None:
    data = pd.DataFrame(
        {"arm": ["control", "a"] * 5, "margin_cny": [1.0, 4.0] * 5, "cost_cny": [0.0, 2.0] * 5}
    )
    found = campaign_roi(data).total
    assert (found.profit.value, found.profit.lower, found.break_even_probability) == (1.0, 1.0, 1.0)
    assert (found.per_cny.value, found.per_cny.lower) == pytest.approx((1.5, 1.5))
    assert math.isnan(found.p_value)
    same = campaign_roi(data.assign(margin_cny=1.0, cost_cny=1.0)).total
    assert math.isnan(same.break_even_probability)


def test_an_interval_that_few_customers_decide_is_called_rough() -> None:
    data = campaign()
    profit = data["margin_cny"] - data["cost_cny"]
    sides = [(1, profit[data["arm"] == "coupon"]), (-1, profit[data["arm"] == "control"])]
    third = sum(sign * stats.moment(x, 3) / len(x) ** 2 for sign, x in sides)
    error = math.sqrt(sum(x.var(ddof=1) / len(x) for _, x in sides))
    found = campaign_roi(data)
    assert found.total.skewness == pytest.approx(third / error**3, rel=1e-6)
    assert not found.total.rough
    data.loc[data.index[data["arm"] == "control"][0], "margin_cny"] = 1e6
    rough = campaign_roi(data)
    assert rough.total.rough
    assert rough.verdict.endswith("The interval is rough: few customers decide it.")
    assert rough.verdict_in("zh").endswith("少数客户左右了结果。")


def test_verdict_and_frame_say_the_same() -> None:
    found = campaign_roi(campaign(), outcome="bought")
    row = found.to_frame().iloc[0]
    assert row["total_profit_cny"] == pytest.approx(row["profit_cny"] * row["n_arm"])
    assert f"¥{row['return_per_cny']:.2f} per yuan" in found.verdict
    assert "每花 1 元带回" in found.verdict_in("zh", arm="coupon")
    assert found.verdict[:20] in found._repr_html_()
    assert row["roi_set"] == "interval"
    assert row["cpio_cny"] > 0


def test_effects_are_ready_to_be_published() -> None:
    found = campaign_roi(campaign(arms=("coupon", "message")), outcome="bought")
    table = found.effects_table("K9", outcome="converted")
    assert list(table.columns) == list(EFFECTS.column_names)
    assert table["metric"].tolist() == ["margin_cny", "cost_cny", "profit_cny", "converted"] * 2
    profit = table[(table["metric"] == "profit_cny") & (table["arm"] == "coupon")].iloc[0]
    assert profit["effect"] == found["coupon"].profit.value
    assert profit["mean_arm"] - profit["mean_control"] == pytest.approx(profit["effect"])
    assert set(table["segment"]) == {"all"}
    assert not table["blocked"].any()


def test_arms_of_the_wrong_size_block_the_verdict() -> None:
    data = campaign()
    found = campaign_roi(data, shares={"control": 9, "coupon": 1})
    assert found.blocked
    assert "No verdict" in found.verdict
    assert "没有结论" in found.verdict_in("zh")
    assert found.effects_table("K9")["blocked"].all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cost_cny": -1.0}, "'cost_cny' must not be negative, got 600 rows"),
        ({"margin_cny": np.nan}, "'margin_cny' must be known for every customer"),
        ({"cost_cny": "a lot"}, "'cost_cny' must hold numbers"),
        ({"arm": "coupon"}, "control must be an arm of the data"),
        ({"arm": "control"}, "data must have an arm beside 'control'"),
        ({"customer_id": "c1"}, "one row per customer_id"),
    ],
)
def test_bad_data_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        campaign_roi(campaign().assign(**change))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"covariates": "habit"}, "covariates must be a list"),
        ({"covariates": ["cost_cny"]}, "must be different columns"),
        ({"margin": "profit"}, "data must have the column"),
        ({"alpha": 0}, "alpha must be between 0 and 1"),
        ({"probability": "habit", "shares": {"control": 1}}, "not both"),
        ({"control": "contrl"}, "did you mean"),
    ],
)
def test_bad_arguments_are_refused(options: dict[str, object], message: str) -> None:
    data = campaign()
    data.loc[:2, "arm"] = "control "
    with pytest.raises(InvalidInput, match=message):
        campaign_roi(data, **options)  # type: ignore[arg-type]


def test_few_customers_and_reserved_names_are_refused() -> None:
    data = campaign(n=12)
    data["arm"] = ["control"] * 10 + ["coupon"] * 2
    assert campaign_roi(data).total.n_arm == 2
    with pytest.raises(InvalidInput, match="at least 3 customers"):
        campaign_roi(data, covariates=["habit"])
    with pytest.raises(InvalidInput, match="no arm may be named 'all arms'"):
        campaign_roi(data.assign(arm=["control", ALL_ARMS] * 6))
    with pytest.raises(InvalidInput, match="at least one row"):
        campaign_roi(data[:0])
    table = ibis.memtable(pa.Table.from_pandas(data, preserve_index=False))
    with pytest.raises(InvalidInput, match="at least one row"):
        campaign_roi(table.filter(table.habit < 0))
    with pytest.raises(InvalidInput, match="arm must be one of 'coupon'"):
        campaign_roi(data)["cupon"]
    with pytest.raises(InvalidInput, match="language must be one of"):
        campaign_roi(data).verdict_in("fr")
