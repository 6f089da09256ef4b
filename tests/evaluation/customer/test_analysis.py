"""The customer analysis, against answers computed by hand on the tiny mart."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student
from scipy.stats import ttest_ind

from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.estimate import wilson
from marketing_ds.audiences import audience
from marketing_ds.evaluation.customer import CustomerAnalysis, analyze_customers
from marketing_ds.evaluation.customer.facts import Period, customer_facts
from marketing_ds.tags import tag_table

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

Rows = list[dict[str, Any]]
Open = Callable[[dict[str, Rows]], "Mart"]
CALLED = [f"c{n:02d}" for n in (1, 2, 3, 4)]
NOT_CALLED = ["c05", "c06"]


def second(mart: Mart, **options: Any) -> CustomerAnalysis:
    """Campaign K2, which was not randomised, from 31 May to 30 June."""
    return analyze_customers(mart, "K2", after="2026-06-30", min_count=1, **options)


def row(frame: pd.DataFrame, **keys: str) -> dict[str, Any]:
    for name, value in keys.items():
        frame = frame[frame[name] == value]
    (found,) = frame.to_dict("records")
    return {str(name): value for name, value in found.items()}


def grown(n: int) -> float:
    """Assets of customer n: 1,000 n of deposits, every third 5,000 of funds; both grow by 10 %."""
    return 0.11 * (1_000 * n + (5_000 if n % 3 == 0 else 0))


def test_changes_are_those_of_hand_on_both_engines(engine_mart: Mart) -> None:
    found = second(engine_mart)
    assert found.evidence == "difference_in_differences"
    assert found.sizes == {"control": 2, "call": 4}
    assert found.notes == ()
    assets = row(found.to_frame(), measure="aum", arm="call")
    # 1,000 + 2,000 + 8,000 + 4,000, grown once, over four customers
    assert assets["mean_before"] == pytest.approx(1.1 * 15_000 / 4)
    assert assets["mean_after"] == pytest.approx(1.21 * 15_000 / 4)
    arm, control = [grown(n) for n in (1, 2, 3, 4)], [grown(n) for n in (5, 6)]
    assert assets["change"] == pytest.approx(np.mean(arm))
    assert assets["rel_change"] == pytest.approx(0.1)
    half = student.ppf(0.975, 3) * np.std(arm, ddof=1) / 2
    ends = (assets["change_ci_lower"], assets["change_ci_upper"])
    assert ends == pytest.approx((np.mean(arm) - half, np.mean(arm) + half))
    told = ttest_ind(arm, control, equal_var=False)
    assert "difference in differences" in found._repr_html_()
    with pytest.raises(InvalidInput, match="language must be one of"):
        found.to_frame("fr")
    assert assets["effect"] == pytest.approx(-467.5)
    ends = (assets["effect_ci_lower"], assets["effect_ci_upper"])
    assert ends == pytest.approx(tuple(told.confidence_interval(0.95)))
    assert assets["p_value"] == pytest.approx(told.pvalue)
    money = row(found.to_frame(), measure="inflow_cny", arm="call")
    assert (money["mean_before"], money["mean_after"]) == (8_000.0, 8_000.0)
    spent = row(found.to_frame(), measure="outflow_cny", arm="call")
    # from 2 May on: 1,200, 300 and 400 for funds; then 2,000 for wealth
    assert (spent["mean_before"], spent["mean_after"]) == pytest.approx((475.0, 500.0))
    held = row(found.to_frame(), measure="products_held", arm="control")
    assert (held["n"], held["mean_before"], held["change"]) == (2, 1.5, 0.0)
    moves = row(found.to_frame(), measure="transactions", arm="call")
    assert (moves["mean_before"], moves["mean_after"]) == (2.0, 1.25)


def test_active_days_are_counted_once_each(tiny_tables: dict[str, Rows], open_tables: Open) -> None:
    tiny_tables["events"].append(dict(tiny_tables["events"][0], event_id="twice"))
    mart = open_tables(tiny_tables)
    # Windows of 75 days need several masks of 45 bits.
    period = Period(dt.date(2026, 4, 15), dt.date(2026, 6, 29), dt.date(2026, 6, 30))
    frame = customer_facts(mart, period, (1.0, 2.0)).rows.to_pyarrow().to_pandas()
    days: dict[tuple[str, str], set[dt.date]] = {}
    for event in tiny_tables["events"]:
        day = event["occurred_at"].date()
        if day <= period.after:
            end = "before" if day <= period.before else "after"
            days.setdefault((event["customer_id"], end), set()).add(day)
    for end in ("before", "after"):
        told = dict(zip(frame["customer_id"], frame[f"active_days_{end}"], strict=True))
        assert told == {customer: len(days.get((customer, end), ())) for customer in told}


def test_a_randomised_campaign_is_adjusted_by_what_was_before(
    sample_mart: Mart, prime: CustomerAnalysis
) -> None:
    found = prime
    assert (found.evidence, found.blocked) == ("randomised", False)
    tags = [
        tag_table(sample_mart, day, ["products_held"]).to_pyarrow().to_pandas()
        for day in (found.before, found.after)
    ]
    both = tags[0].merge(tags[1], on="customer_id", suffixes=("_before", "_after"))
    assigned = sample_mart["assignments"].filter(sample_mart["assignments"].campaign_id == "K06")
    both = both.merge(assigned.select("customer_id", "arm").to_pyarrow().to_pandas())
    change = (both["products_held_after"] - both["products_held_before"]).to_numpy(float)
    arms = [(both["arm"] == arm).to_numpy(float) for arm in ("control", "coupon_68", "sms_prime")]
    design = np.column_stack([*arms, both["products_held_before"].to_numpy(float)])
    slopes = np.linalg.lstsq(design, change)[0]
    products = row(found.to_frame(), measure="products_held", arm="coupon_68")
    assert products["effect"] == pytest.approx(slopes[1] - slopes[0], rel=1e-9)
    assert products["effect_ci_lower"] > 0.03  # the campaign sells a product


def test_flows_count_who_moved_of_those_who_could(
    tiny_tables: dict[str, Rows], open_tables: Open
) -> None:
    for holding in tiny_tables["holdings"]:
        june = holding["snapshot_date"] == dt.date(2026, 6, 30)
        if june and holding["customer_id"] == "c01":
            holding["balance_cny"] = 60_000.0
        if june and holding["customer_id"] == "c06" and holding["product_id"] == "P-FUN":
            holding["balance_cny"] = 1_000_000.0
    found = second(open_tables(tiny_tables), low_assets_cny=3_000, high_assets_cny=50_000)
    up = row(found.flows(), flow="tier_up", arm="call")
    assert (up["n_among"], up["n_moved"], up["moved_share"]) == (4, 1, 0.25)
    lower, upper = wilson([1], [4])
    assert (up["moved_share_ci_lower"], up["moved_share_ci_upper"]) == (lower[0], upper[0])
    assert up["effect_share"] == pytest.approx(0.25 - 0.5)
    # c01 and c02 had less than 3,000 on 31 May: 1,100 and 2,200
    low = row(found.flows(), flow="left_low_assets", arm="call")
    assert (low["n_among"], low["n_moved"]) == (2, 1)
    assert np.isnan(low["effect_share"])  # nobody of control was low
    high = row(found.flows(), flow="entered_high_assets", arm="control")
    assert (high["n_among"], high["n_moved"]) == (2, 1)
    reached = row(found.flows(), flow="entered_high_assets", arm="call")
    assert reached["effect_share"] == pytest.approx(-0.25)
    assert row(found.flows("zh"), flow="tier_up", arm="call")["title"] == "价值分层升级"
    tiers = found.migration("value_tier")
    assert (tiers.before_count, tiers.both_count) == (6, 6)
    assert found.migration("value_tier", "control").matrix().loc["mass", "vip"] == 1
    assert found.migrating == ("value_tier", "lifecycle")


def test_sleepers_wake(tiny_tables: dict[str, Rows], open_tables: Open) -> None:
    # Nobody did anything since April but c01, and c02 in June: on 31 May of those who were
    # customers for half a year all but c01 sleep.
    tiny_tables["transactions"] = [
        dict(tiny_tables["transactions"][0], transaction_id=f"S{n}", customer_id=who,
             occurred_at=day, recorded_on=day.date())
        for n, (who, day) in enumerate((
            ("c01", dt.datetime(2026, 5, 20)), ("c02", dt.datetime(2026, 6, 20)),
        ))
    ]  # fmt: skip
    flows = second(open_tables(tiny_tables)).flows()
    woke = row(flows, flow="left_dormant", arm="call")
    assert (woke["n_among"], woke["n_moved"]) == (3, 1)
    assert row(flows, flow="entered_dormant", arm="call")["n_among"] == 1
    assert row(flows, flow="left_dormant", arm="control")["n_moved"] == 0


def test_who_they_are_and_who_responded(tiny_mart: Mart) -> None:
    found = analyze_customers(tiny_mart, "K1", tags=["has_manager", "gender"], min_count=1)
    assert (found.base_count, found.reached_count, found.responder_count) == (11, 6, 2)
    who = found.who()
    women = row(who, group="all", tag="gender", value="F")
    # n % 3 == 0 is F: c03, c06, c09 of nine, and c12 of eleven
    assert (women["n"], women["n_base"]) == (3, 4)
    assert women["customer_share"] == pytest.approx(3 / 9)
    assert women["tgi"] == pytest.approx(100 * (3 / 9) / (4 / 11))
    ends = [float(end[0]) for end in wilson([3], [9])]
    assert [women[f"customer_share_ci_{end}"] for end in ("lower", "upper")] == ends
    assert row(who, group="all", tag="has_manager", value="yes")["n"] == 3
    # c02 (coupon) and c03 (message) bought in their windows; c04 is control; c05 too late
    rates = {r["value"]: r["rate_share"] for r in who[
        (who["group"] == "responders") & (who["tag"] == "region")].to_dict("records")}  # fmt: skip
    assert rates == {"Chengdu": pytest.approx(1 / 3), "Shanghai": pytest.approx(1 / 3)}
    assert list(dict.fromkeys(found.who("zh")["title"]))[:3] == ["性别", "年龄段", "地区"]
    assert set(who["tag"]) >= {"assets_band", "value_tier", "lifecycle", "dormant", "low_assets"}


def test_facts_are_the_tags_of_both_days(tiny_mart: Mart) -> None:
    period = Period(dt.date(2026, 5, 31), dt.date(2026, 6, 30), dt.date(2026, 6, 30))
    facts = customer_facts(tiny_mart, period, (3_000.0, 10_000.0))
    names = ["age_band", "gender", "region", "value_tier", "lifecycle"]
    after = [f"{name}_after" for name in ("value_tier", "lifecycle")]
    rows = facts.rows.select("customer_id", *names, *after, "aum_before", "aum_after")
    frame = rows.to_pyarrow().to_pandas().set_index("customer_id").sort_index()
    for day, columns, aum in (
        (period.before, names, "aum_before"),
        (period.after, after, "aum_after"),
    ):
        told = [name.removesuffix("_after") for name in columns]
        tags = tag_table(tiny_mart, day, [*told, "aum"]).to_pyarrow().to_pandas()
        tags = tags.set_index("customer_id").loc[frame.index]
        for name, column in zip(told, columns, strict=True):
            assert tags[name].fillna("").tolist() == frame[column].fillna("").tolist()
        assert tags["aum"].tolist() == pytest.approx(frame[aum].tolist())


def test_nothing_after_as_of_is_used(tiny_tables: dict[str, Rows], open_tables: Open) -> None:
    day = dt.date(2026, 6, 20)
    late = dict(tiny_tables["transactions"][0], transaction_id="late", amount_cny=99_999.0)
    late |= {"occurred_at": dt.datetime(2026, 6, 18), "recorded_on": dt.date(2026, 6, 25)}
    tiny_tables["transactions"].append(late)
    tiny_tables["events"].append(
        dict(tiny_tables["events"][0], event_id="late", customer_id="c01",
             occurred_at=dt.datetime(2026, 6, 18), recorded_on=dt.date(2026, 6, 25))
    )  # fmt: skip
    tiny_tables["assignments"].append(
        dict(
            tiny_tables["assignments"][-1], customer_id="c09", assigned_at=dt.datetime(2026, 6, 22)
        )
    )
    whole = open_tables(tiny_tables)
    known = {
        "transactions": lambda r: r["recorded_on"] <= day,
        "events": lambda r: r["recorded_on"] <= day,
        "assignments": lambda r: r["assigned_at"].date() <= day,
        "holdings": lambda r: r["snapshot_date"] <= day,
    }
    cut = {
        name: [r for r in rows if name not in known or known[name](r)]
        for name, rows in tiny_tables.items()
    }
    seen = [
        analyze_customers(mart, "K2", before="2026-05-20", after=day, as_of=day, min_count=1)
        for mart in (whole, open_tables(cut))
    ]
    for one, other in zip(*((f.to_frame(), f.flows(), f.who()) for f in seen), strict=True):
        pd.testing.assert_frame_equal(one, other)
    assert seen[0].sizes == {"control": 2, "call": 4}


def test_an_audience_is_described_without_control(tiny_mart: Mart) -> None:
    tags = tag_table(tiny_mart, "2026-05-31", ["region"])
    chosen = audience(tags, "region == 'Shanghai'")
    found = analyze_customers(
        tiny_mart, audience=chosen, before="2026-05-31", after="2026-06-30", min_count=1
    )
    assert (found.evidence, found.sizes) == ("descriptive", {"audience": 6})
    assert found.subject == chosen.text
    assets = row(found.to_frame(), measure="aum", arm="audience")
    assert assets["change"] == pytest.approx(np.mean([grown(n) for n in (2, 4, 6, 8, 10, 12)]))
    assert found.to_frame()["effect"].isna().all()
    assert set(found.who()["group"]) == {"all"}
    assert found.migration("lifecycle").before_count == 6
    with pytest.raises(InvalidInput, match="arm must be one of 'all'"):
        found.migration("lifecycle", "control")


def test_one_customer_has_no_interval(tiny_mart: Mart) -> None:
    chosen = audience(pd.DataFrame({"customer_id": ["c03"], "x": [1]}), "x == 1")
    found = analyze_customers(tiny_mart, audience=chosen, before="2026-05-31", min_count=1)
    assets = row(found.to_frame(), measure="aum", arm="audience")
    assert (assets["n"], assets["change"]) == (1, pytest.approx(grown(3)))
    assert np.isnan(assets["change_ci_lower"])


def test_what_the_mart_cannot_tell_is_noted(
    tiny_tables: dict[str, Rows], open_tables: Open
) -> None:
    for name in ("holdings", "transactions", "events", "contacts", "benefit_grants"):
        del tiny_tables[name]
    for campaign in tiny_tables["campaigns"]:
        campaign["objective"] = "visit"
    for made in tiny_tables["assignments"]:
        made["assigned_at"] = made["assigned_at"].replace(day=1)
    tiny_tables["customers"][10]["opened_on"] = dt.date(2026, 6, 30)
    found = analyze_customers(open_tables(tiny_tables), "K2", min_count=1)
    assert found.notes == ("no_holdings", "no_transactions", "no_events", "no_outcome")
    assert (found.to_frame().empty, found.flows().empty, found.migrating) == (True, True, ())
    assert set(found.who()["tag"]) == {"gender", "age_band", "region"}
    assert found.reached_count == 4  # without contacts: all who were in another arm than control


def test_without_a_snapshot_in_between_nothing_of_assets_is_compared(tiny_mart: Mart) -> None:
    found = analyze_customers(tiny_mart, "K1", min_count=5)
    assert found.who()["n"].min() >= 5  # smaller counts are not shown
    assert found.notes == ("no_snapshot_after",)
    assert "aum" not in set(found.to_frame()["measure"])
    assert "value_tier" in set(found.who()["tag"])
    assert found.flows().empty


def test_an_open_window_ends_with_what_is_known_and_late_customers_are_left_out(
    tiny_tables: dict[str, Rows], open_tables: Open
) -> None:
    tiny_tables["customers"][0]["opened_on"] = dt.date(2026, 6, 2)
    found = analyze_customers(open_tables(tiny_tables), "K2", as_of="2026-06-08", min_count=1)
    assert found.sizes == {"control": 2, "call": 3}
    assert found.notes == ("no_snapshot_after", "window_open", "no_responders", "opened_late")
    assert found.after == dt.date(2026, 6, 8)


def test_without_control_changes_are_described(
    tiny_tables: dict[str, Rows], open_tables: Open
) -> None:
    for made in tiny_tables["assignments"]:
        made["arm"] = "call"
    tiny_tables["transactions"] = [
        t for t in tiny_tables["transactions"] if t["product_id"] != "P-WEA"
    ]
    found = second(open_tables(tiny_tables))
    assert (found.evidence, found.sizes) == ("descriptive", {"call": 6})
    assert found.flows()["effect_share"].isna().all()
    assert "no_responders" in found.notes


def test_where_chances_are_unknown_sizes_are_not_checked(
    tiny_tables: dict[str, Rows], open_tables: Open
) -> None:
    # Nine customers of arms that were not of equal size, and nobody said what was planned.
    for made in tiny_tables["assignments"]:
        made["probability"] = None
        made["arm"] = "control" if made["customer_id"] < "c08" else "coupon"
    found = analyze_customers(open_tables(tiny_tables), "K1", min_count=1)
    assert (found.evidence, found.sizes) == ("randomised", {"control": 7, "coupon": 2})
    assert not found.blocked


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "give a campaign_id or an audience"),
        ({"campaign_id": "K9"}, "campaign_id must be one of"),
        ({"audience": ["c01"]}, "audience must be an Audience, got list"),
        ({"campaign_id": "K1", "before": "2026-05-04"}, "before must lie before the campaign"),
        ({"campaign_id": "K1", "after": "2026-08-01"}, "after must not lie after as_of"),
        ({"campaign_id": "K1", "after": "2026-05-01"}, "before must lie before after"),
        ({"campaign_id": "K1", "as_of": "2027-01-01"}, "as_of must not lie after the mart's last"),
        ({"campaign_id": "K2", "as_of": "2026-05-15"}, "before must lie before after"),
        ({"campaign_id": "K1", "alpha": 2}, "alpha must be between 0 and 1"),
        ({"campaign_id": "K1", "tags": "age"}, "tags must be a list of names and tags"),
        ({"campaign_id": "K1", "min_count": 0}, "min_count must be at least 1"),
        ({"campaign_id": "K1", "high_assets_cny": 10}, "high_assets_cny must be at least 10000"),
        ({"campaign_id": "K1", "before": "2019-01-01"}, "must have a customer who was one"),
    ],
)
def test_bad_input_is_named(tiny_mart: Mart, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        analyze_customers(tiny_mart, **options)


def test_an_audience_needs_a_day_before_and_this_very_mart(
    tiny_mart: Mart, tiny_tables: dict[str, Rows], open_tables: Open
) -> None:
    other = open_tables(tiny_tables)
    chosen = audience(tag_table(other, "2026-05-31", ["age"]), "age > 1")
    with pytest.raises(InvalidInput, match="before must be given for an audience"):
        analyze_customers(tiny_mart, audience=chosen)
    with pytest.raises(InvalidInput, match="audience must be chosen from tags of this very mart"):
        analyze_customers(tiny_mart, audience=chosen, before="2026-05-31")


def test_nobody_assigned_is_an_error(tiny_tables: dict[str, Rows], open_tables: Open) -> None:
    tiny_tables["assignments"] = [a for a in tiny_tables["assignments"] if a["campaign_id"] == "K1"]
    with pytest.raises(InvalidInput, match="'K2' must have customers by as_of, got none"):
        second(open_tables(tiny_tables))
