"""The simulated bank behaves like a bank."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from marketing_ds.datasets import SimulatedBank, Truth
from marketing_ds.datasets.simulated.life import LIFECYCLE, TRANSITIONS

Query = Callable[[str], pd.DataFrame]


def _number(query: Query, text: str) -> float:
    return float(query(text).iloc[0, 0])


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("transactions", "occurred_at"),
        ("transactions", "recorded_on"),
        ("events", "occurred_at"),
        ("events", "recorded_on"),
        ("contacts", "clicked_at"),
        ("benefit_grants", "reversed_at"),
        ("holdings", "snapshot_date"),
    ],
)
def test_nothing_happens_after_the_last_day(
    query: Query, bank: SimulatedBank, table: str, column: str
) -> None:
    late = f"select count(*) from {table} where {column}::date > '{bank.last_date}'"
    assert _number(query, late) == 0


@pytest.mark.parametrize("table", ["transactions", "events"])
def test_a_few_rows_arrive_up_to_three_days_late(query: Query, table: str) -> None:
    delay = query(f"select recorded_on - occurred_at::date as days from {table}")["days"]
    assert set(delay.unique()) == {0, 1, 2, 3}
    assert 0.02 < (delay > 0).mean() < 0.04


def test_new_customers_open_within_the_year_and_begin_then(query: Query) -> None:
    new = "from customers where opened_on >= '2025-07-01'"
    assert 0.06 < _number(query, f"select count(*) {new}") / 6_000 < 0.18
    for table, column in (("transactions", "occurred_at"), ("events", "occurred_at")):
        early = f"""select count(*) from {table} join customers using (customer_id)
            where {column}::date < opened_on"""
        assert _number(query, early) == 0


def test_the_lost_stop(query: Query) -> None:
    lost = "(select customer_id, min(month_end) as gone from t_lifecycle where lifecycle = 'lost' group by 1)"
    assert _number(query, f"select count(*) from {lost}") > 100
    for table, column in (
        ("events", "occurred_at"),
        ("transactions", "occurred_at"),
        ("holdings", "snapshot_date"),
    ):
        after = f"""select count(*) from {table} join {lost} using (customer_id)
            where {column} >= date_trunc('month', gone)"""
        # A message sent while they were there may still be opened; nothing else may follow.
        allowed = " and campaign_id is null" if table == "events" else ""
        assert _number(query, after + allowed) == 0


def test_lifecycle_follows_its_markov_chain(truth: Truth) -> None:
    life = truth.lifecycle.sort_values(["customer_id", "month_end"])
    after = life.groupby("customer_id")["lifecycle"].shift(-1)
    seen = pd.crosstab(life["lifecycle"], after, normalize="index")
    seen = seen.reindex(index=LIFECYCLE, columns=LIFECYCLE, fill_value=0.0).fillna(0.0)
    assert np.abs(seen.to_numpy() - TRANSITIONS).max() < 0.04
    assert TRANSITIONS.sum(axis=1) == pytest.approx(1.0)


def test_activity_follows_the_lifecycle(query: Query) -> None:
    rate = (
        query(
            """select lifecycle, sum(n) / count(*) as events from t_lifecycle
        left join (select customer_id, last_day(occurred_at) as month_end, count(*) as n
            from events group by all) using (customer_id, month_end) group by 1"""
        )
        .set_index("lifecycle")["events"]
        .fillna(0)
    )
    order = ["lost", "dormant", "declining", "mature", "growing"]
    assert rate[order].is_monotonic_increasing
    assert rate["growing"] > 10 * rate["dormant"]


def test_assets_are_heavy_tailed(query: Query) -> None:
    assets = query(
        """select sum(balance_cny) as assets from holdings join products using (product_id)
        where category not in ('loan', 'card') and snapshot_date = '2026-06-30'
        group by customer_id order by 1 desc"""
    )["assets"]
    top = assets.head(len(assets) // 100).sum() / assets.sum()
    assert 0.12 < top < 0.6
    assert assets.mean() > 2 * assets.median()


def test_every_category_and_tier_is_held(query: Query, truth: Truth) -> None:
    held = query("select distinct category from holdings join products using (product_id)")
    assert set(held["category"]) == {"deposit", "wealth", "fund", "insurance", "loan", "card"}
    assert set(truth.lifecycle["tier"]) == {"basic", "silver", "gold", "platinum", "private"}


def test_term_products_mature_after_the_snapshot(query: Query) -> None:
    terms = query(
        """select product_id, min(matures_on - snapshot_date) as soonest, count(matures_on) as dated,
        count(*) as rows from holdings group by 1"""
    ).set_index("product_id")
    assert terms.loc["FUND-BOND", "dated"] == 0
    assert terms.loc["DEP-TERM-3M", "dated"] == terms.loc["DEP-TERM-3M", "rows"]
    assert terms["soonest"].min() >= 1


def test_salaries_come_on_pay_days_and_payments_follow_the_calendar(query: Query) -> None:
    days = query("select distinct day(occurred_at) as d from transactions where kind = 'salary'")
    assert set(days["d"]) == {5, 10, 15, 25}
    paid = query(
        """select occurred_at::date as d, count(*) as n from transactions where kind = 'payment'
        group by 1"""
    )
    paid["d"] = pd.to_datetime(paid["d"])
    weekend = paid["d"].dt.day_of_week >= 5
    assert paid.loc[weekend, "n"].mean() > 1.2 * paid.loc[~weekend, "n"].mean()
    last = paid["d"].dt.days_in_month - paid["d"].dt.day < 2
    assert paid.loc[last, "n"].mean() > 1.15 * paid.loc[~last, "n"].mean()


def test_branches_keep_their_hours_and_apps_do_not(query: Query) -> None:
    hours = query(
        """select channel, min(hour(occurred_at)) as first, max(hour(occurred_at)) as last
        from events group by 1"""
    ).set_index("channel")
    assert hours.loc["branch", "first"] >= 9
    assert hours.loc["branch", "last"] <= 18
    assert hours.loc["app", "last"] >= 22


def test_customers_prefer_a_channel(query: Query) -> None:
    share = query(
        """with n as (select customer_id, channel, count(distinct coalesce(session_id, event_id)) as n
            from events where campaign_id is null group by all)
        select sum(n) as total, max(n) as most from n group by customer_id having sum(n) >= 10"""
    )
    assert (share["most"].sum() / share["total"].sum()) > 0.6
    assert _number(query, "select count(distinct channel) from events") >= 5


def test_a_session_has_one_customer_channel_and_day(query: Query) -> None:
    odd = """select count(*) from (select session_id from events where session_id is not null
        group by 1 having count(distinct customer_id) > 1 or count(distinct channel) > 1
        or max(occurred_at) - min(occurred_at) > interval 1 hour)"""
    assert _number(query, odd) == 0
    rows = "select count(*) / count(distinct session_id) from events where session_id is not null"
    assert _number(query, rows) > 2


def test_messages_went_only_where_they_were_welcome(query: Query) -> None:
    unwelcome = """select count(*) from contacts join customers using (customer_id)
        where suppressed or not (case channel when 'app' then consent_app
        when 'wechat' then consent_wechat when 'sms' then consent_sms
        when 'email' then consent_email else consent_phone end)"""
    assert _number(query, unwelcome) == 0
    assert _number(query, "select count(*) from contacts") > 5_000


def test_exactly_the_treated_were_contacted(query: Query) -> None:
    counts = query(
        """select count(*) filter (arm <> 'control') as treated, count(contact_id) as contacted,
        count(contact_id) filter (arm = 'control') as wrong from assignments
        left join contacts using (customer_id, campaign_id)"""
    ).iloc[0]
    assert counts["treated"] == counts["contacted"]
    assert counts["wrong"] == 0


def test_clicks_and_shares_carry_their_campaign(query: Query) -> None:
    seen = query("select event, count(*) as n from events where campaign_id is not null group by 1")
    assert set(seen["event"]) == {"click", "share"}
    assert seen["n"].min() > 10


def test_shares_lead_others_to_their_campaign_and_some_of_these_share_too(query: Query) -> None:
    led = query(
        """select e.event, e.occurred_at, s.occurred_at as shared_at, e.customer_id = e.shared_by as own
        from events e left join events s on s.customer_id = e.shared_by and s.event = 'share'
        and s.campaign_id = e.campaign_id where e.shared_by is not null"""
    )
    assert set(led["event"]) == {"click"}
    assert not led["own"].any()
    assert (led["shared_at"] < led["occurred_at"]).all()
    clicks = _number(
        query, "select count(*) from events where campaign_id <> '' and event = 'click'"
    )
    assert 0.15 < len(led) / clicks < 0.28
    chains = query(
        """select count(*) from events e join events above on above.customer_id = e.shared_by
        and above.campaign_id = e.campaign_id and above.shared_by is not null
        where e.shared_by is not null"""
    )
    assert chains.iloc[0, 0] > 0


def test_benefits_stay_within_stock_and_cost_what_was_redeemed(query: Query) -> None:
    use = query(
        """select b.benefit_id, any_value(stock) as stock, any_value(b.cost_cny) as each,
        count(*) as granted, count(redeemed_at) as redeemed, count(reversed_at) as reversed,
        sum(g.cost_cny) as cost, any_value(redeem_rate) as rate
        from benefit_grants g join benefits b using (benefit_id)
        join offers o on o.benefit_id = b.benefit_id group by 1"""
    )
    assert len(use) == 5
    assert (use["granted"] <= use["stock"]).all()
    assert use["reversed"].sum() > 0
    borne = use["redeemed"] - use["reversed"]
    assert use["cost"].to_list() == (borne * use["each"]).to_list()
    assert use["rate"].to_list() == pytest.approx((borne / use["granted"]).to_list(), abs=5e-4)


def test_rich_customers_have_a_manager_of_their_branch(query: Query) -> None:
    managed = query(
        """select manager_id is not null as managed, median(assets) as assets from customers
        join (select customer_id, sum(balance_cny) as assets from holdings
            where snapshot_date = '2026-06-30' group by 1) using (customer_id) group by 1"""
    ).set_index("managed")["assets"]
    assert managed[True] > 2 * managed[False]
    foreign = (
        "select count(*) from customers where substr(manager_id, 3, 3) <> substr(branch_id, 3, 3)"
    )
    assert _number(query, foreign) == 0


@pytest.mark.parametrize(
    ("taste", "category"),
    [
        ("saver", "deposit"),
        ("planner", "wealth"),
        ("trader", "fund"),
        ("protector", "insurance"),
        ("borrower", "loan"),
    ],
)
def test_taste_shows_in_what_is_viewed_bought_and_held(
    query: Query, taste: str, category: str
) -> None:
    for rows in (
        "from events where page = '{0}'",
        "from transactions join products using (product_id) where kind = 'purchase' and category = '{0}'",
        "from holdings join products using (product_id) where category = '{0}' and product_id <> 'DEP-CURRENT'",
    ):
        share = query(
            f"""select taste, count(*) / (select count(*) from t_taste t where t.taste = r.taste) as n
            from (select customer_id {rows.format(category)}) join t_taste r using (customer_id)
            group by taste"""
        ).set_index("taste")["n"]
        assert share.idxmax() == taste, rows
