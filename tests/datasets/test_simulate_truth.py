"""The truth is what happened: outcomes and purchases are draws from the probabilities listed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from marketing_ds.datasets import SimulatedBank, Truth

Query = Callable[[str], pd.DataFrame]
_SURE = 4.0  # standard errors: the seed is fixed, so a test that passes keeps passing


def _z(happened: pd.Series, probability: pd.Series) -> float:
    spread = np.sqrt((probability * (1 - probability)).sum())
    return float((happened.sum() - probability.sum()) / spread)


def test_conversions_are_draws_from_the_truth(query: Query) -> None:
    drawn = query(
        """select campaign_id, arm, expected_converted as p, (s.customer_id is not null)::int as y
        from assignments join t_outcomes using (customer_id, campaign_id, arm)
        left join sold s using (customer_id, campaign_id)"""
    )
    for key, group in drawn.groupby(["campaign_id", "arm"]):
        assert abs(_z(group["y"], group["p"])) < _SURE, key
    for key, group in drawn.groupby(pd.qcut(drawn["p"], 10)):
        assert abs(_z(group["y"], group["p"])) < _SURE, key


def test_amounts_have_the_expected_mean(query: Query) -> None:
    amounts = query(
        """select amount_cny, expected_amount_cny / expected_converted as mean
        from transactions join campaigns using (product_id)
        join assignments using (customer_id, campaign_id)
        join t_outcomes using (customer_id, campaign_id, arm) where kind = 'purchase'"""
    )
    ratio = amounts["amount_cny"] / amounts["mean"]
    assert abs(ratio.mean() - 1) < _SURE * ratio.std() / np.sqrt(len(ratio))


def test_a_campaign_product_is_bought_by_participants_in_the_window_only(query: Query) -> None:
    sales = query(
        """select count(*) as sales, count(distinct customer_id || campaign_id) as buyers,
        count(*) filter (occurred_at >= assigned_at and
            occurred_at < assigned_at + to_days(attribution_days::int)) as counted
        from transactions join campaigns using (product_id)
        left join assignments using (customer_id, campaign_id) where kind = 'purchase'"""
    ).iloc[0]
    assert sales["sales"] == sales["buyers"] == sales["counted"] > 500


def test_propensities_are_what_purchases_were_drawn_from(query: Query) -> None:
    drawn = query(
        """with bought as (select customer_id, category, occurred_at::date as day
            from transactions join products using (product_id) where kind = 'purchase')
        select cutoff, category, probability as p,
        (exists (from bought b where b.customer_id = t.customer_id and b.category = t.category
            and b.day > t.cutoff and b.day <= t.cutoff + 30))::int as y
        from t_propensity t"""
    )
    assert len(drawn["cutoff"].unique()) == 3
    for key, group in drawn.groupby(["cutoff", "category"]):
        assert abs(_z(group["y"], group["p"])) < _SURE, key
    some = drawn[drawn["p"] > 0]
    for key, group in some.groupby(pd.qcut(some["p"], 10)):
        assert abs(_z(group["y"], group["p"])) < _SURE, key
    assert drawn[drawn["p"] == 0]["y"].sum() == 0


def test_propensities_cover_every_customer_of_the_cutoff(query: Query) -> None:
    counts = query(
        """select cutoff, count(distinct category) as categories, count(*) as rows,
        (select count(*) from customers where opened_on <= cutoff) as opened
        from t_propensity group by cutoff"""
    )
    assert (counts["rows"] == counts["categories"] * counts["opened"]).all()


def test_arms_were_drawn_with_the_probability_listed(query: Query) -> None:
    arms = query(
        """select campaign_id, arm, probability, count(*) as n
        from assignments join campaigns using (campaign_id) where randomised group by all"""
    )
    arms["total"] = arms.groupby("campaign_id")["n"].transform("sum")
    assert arms.groupby("campaign_id")["probability"].sum().to_list() == pytest.approx([1] * 5)
    expected = arms["total"] * arms["probability"]
    z = (arms["n"] - expected) / np.sqrt(expected * (1 - arms["probability"]))
    assert (z.abs() < _SURE).all()
    sizes = arms.groupby("campaign_id")["arm"].size()
    assert sizes.min() == 2
    assert sizes.max() == 4
    assert arms.groupby("campaign_id")["probability"].nunique().max() > 1


def test_managers_chose_whom_to_call_and_misled_the_naive(query: Query, truth: Truth) -> None:
    chosen = query(
        """with assets as (select customer_id, sum(balance_cny) as assets from holdings
            join products using (product_id) where category not in ('loan', 'card')
            and snapshot_date = '2025-12-31' group by 1)
        select arm, median(assets) as assets, count(probability) as known from assignments
        left join assets using (customer_id) where campaign_id = 'K03' group by arm"""
    ).set_index("arm")
    assert chosen["known"].sum() == 0
    assert chosen.loc["manager_call", "assets"] > 1.5 * chosen.loc["control", "assets"]
    outcomes = truth.outcomes[truth.outcomes["campaign_id"] == "K03"]
    wide = outcomes.pivot(index="customer_id", columns="arm", values="expected_converted")
    given = query("select customer_id, arm from assignments where campaign_id = 'K03'")
    arm = given.set_index("customer_id")["arm"].reindex(wide.index)
    real = (wide["manager_call"] - wide["control"]).mean()
    called = arm == "manager_call"
    naive = wide.loc[called, "manager_call"].mean() - wide.loc[~called, "control"].mean()
    assert naive > real + 0.01


def test_outcomes_list_every_participant_under_every_arm(query: Query) -> None:
    counts = query(
        """select (select count(*) from t_outcomes) as listed,
        (select sum(arms) from assignments join (select campaign_id, 1 + count(*) as arms
            from offers group by 1) using (campaign_id)) as wanted"""
    ).iloc[0]
    assert counts["listed"] == counts["wanted"]


def test_effects_are_of_a_size_that_can_be_found(truth: Truth) -> None:
    shown = truth.to_frame()
    control = shown[shown["arm"] == "control"]
    assert control["expected_converted"].between(0.04, 0.10).all()
    treated = shown[shown["arm"] != "control"]
    assert treated["effect"].between(0.01, 0.06).all()


def test_a_higher_face_value_adds_less_and_less(truth: Truth) -> None:
    effect = truth.to_frame().set_index(["campaign_id", "arm"])["effect"]
    assert 0 < effect["K02", "coupon_20"] < effect["K02", "coupon_50"]
    assert effect["K02", "coupon_50"] < 2.5 * effect["K02", "coupon_20"]


def test_the_four_types_are_there_and_behave_as_they_are_called(truth: Truth) -> None:
    outcomes = truth.outcomes[truth.outcomes["campaign_id"] == "K06"]
    wide = outcomes.pivot(index=["customer_id", "type"], columns="arm", values="expected_converted")
    wide = wide.reset_index("type")
    share = wide["type"].value_counts(normalize=True)
    assert share.min() > 0.05
    assert len(share) == 4
    mean = wide.groupby("type").mean()
    uplift = mean["coupon_68"] - mean["control"]
    assert uplift["persuadable"] > 0.08
    assert uplift["sleeping dog"] < -0.05
    assert abs(uplift["lost cause"]) < 0.01
    assert mean.loc["lost cause", "control"] < 0.02
    assert mean.loc["sure thing", "control"] > 0.15


def test_what_can_be_observed_explains_the_uplift(query: Query, truth: Truth) -> None:
    seen = query(
        """with e as (select customer_id, count(distinct session_id) as sessions,
            count(*) filter (page = 'wealth') as views from events
            where occurred_at < '2026-04-01' and occurred_at >= '2026-02-01' group by 1),
        h as (select customer_id, sum(balance_cny) as assets from holdings
            join products using (product_id) where category not in ('loan', 'card')
            and snapshot_date = '2026-03-31' group by 1)
        select customer_id, coalesce(birth_year, 1983) as born, ln(1 + coalesce(assets, 0)) as assets,
            ln(1 + coalesce(sessions, 0)) as sessions, ln(1 + coalesce(views, 0)) as views,
            ln(date_diff('day', opened_on, date '2026-04-01')) as tenure
        from assignments join customers using (customer_id) left join e using (customer_id)
        left join h using (customer_id) where campaign_id = 'K06' order by customer_id"""
    )
    outcomes = truth.outcomes[truth.outcomes["campaign_id"] == "K06"]
    wide = outcomes.pivot(index="customer_id", columns="arm", values="expected_converted")
    uplift = (wide["coupon_68"] - wide["control"]).loc[seen["customer_id"]].to_numpy()
    x = seen.drop(columns="customer_id").to_numpy(dtype=float)
    x = np.column_stack([np.ones(len(x)), x])
    fitted = x @ np.linalg.lstsq(x, uplift, rcond=None)[0]
    assert np.corrcoef(fitted, uplift)[0, 1] > 0.5


def test_treating_everyone_with_the_coupon_wastes_money_that_choosing_earns(
    query: Query, truth: Truth
) -> None:
    offer = query("select * from offers where offer = 'coupon_68'").iloc[0]
    cost = offer["contact_cost_cny"] + offer["benefit_cost_cny"] * offer["redeem_rate"]
    outcomes = truth.outcomes[truth.outcomes["campaign_id"] == "K06"]
    wide = outcomes.pivot(index="customer_id", columns="arm", values="expected_converted")
    net = offer["value_cny"] * (wide["coupon_68"] - wide["control"]) - cost
    assert net.clip(lower=0).sum() > 2 * max(net.sum(), 0)
    assert net.clip(lower=0).mean() > 2


def test_the_last_campaign_reached_most_of_the_eligible(query: Query) -> None:
    shares = query(
        """select campaign_id, count(*) / (select count(*) from customers
            where consent_app and consent_sms and not suppressed and opened_on < '2026-04-01') as share
        from assignments where campaign_id = 'K06' group by 1"""
    )
    assert shares["share"].iloc[0] > 0.6
    largest = query("select campaign_id from assignments group by 1 order by count(*) desc limit 1")
    last = query(
        "select campaign_id from campaigns where randomised order by starts_on desc limit 1"
    )
    assert largest.iloc[0, 0] == last.iloc[0, 0] == "K06"


def test_windows_end_before_the_last_day(query: Query, bank: SimulatedBank) -> None:
    ends = query("select max(starts_on + attribution_days::int) as last from campaigns")
    assert ends["last"].iloc[0].date() < bank.last_date
