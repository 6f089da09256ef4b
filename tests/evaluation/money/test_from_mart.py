"""The return of a campaign of the mart, against answers computed by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.money import effects_of_plan, roi_of_campaign
from marketing_ds.mart import Mart

Tables = dict[str, list[dict[str, Any]]]
Opener = Callable[[Tables], Mart]


def test_value_and_cost_by_hand_on_both_engines(engine_mart: Mart) -> None:
    found = roi_of_campaign(engine_mart, "K1")
    # One of three converts in every arm; a contact is 0.05, and c02 redeemed 18 yuan.
    coupon, message = found["coupon"], found["message"]
    assert coupon.mean_control == pytest.approx((40.0, 0.0, 1 / 3))
    assert coupon.margin.value == pytest.approx(0.0, abs=1e-12)
    assert coupon.cost.value == pytest.approx(0.05 + 6.0)
    assert message.cost.value == pytest.approx(0.05)
    assert message.cost.variance == 0
    assert coupon.outcome is not None
    assert coupon.outcome.value == pytest.approx(0.0, abs=1e-12)


def test_amounts_times_the_margin_rate(tiny_mart: Mart) -> None:
    found = roi_of_campaign(tiny_mart, "K1", margin="amount", years=2.0)
    rate = 0.012 * 2
    assert found["coupon"].margin.value == pytest.approx((1200 - 400) / 3 * rate)
    assert found["message"].margin.value == pytest.approx((300 - 400) / 3 * rate)


def test_an_outcome_in_yuan_and_a_value_of_ones_own(tiny_mart: Mart) -> None:
    own = roi_of_campaign(tiny_mart, "K1", margin="amount_cny")
    assert own["coupon"].margin.value == pytest.approx(800 / 3)
    valued = roi_of_campaign(tiny_mart, "K1", value_cny=30.0)
    assert valued["coupon"].mean_arm[0] == pytest.approx(10.0)


def test_nothing_after_as_of_counts(tiny_tables: Tables, open_tables: Opener) -> None:
    tiny_tables["transactions"].append(
        {
            "transaction_id": "late",
            "customer_id": "c05",
            "product_id": "P-FUN",
            "occurred_at": dt.datetime(2026, 5, 5, 9),
            "recorded_on": dt.date(2026, 5, 20),
            "kind": "purchase",
            "amount_cny": 9000.0,
            "channel": "app",
        }
    )
    mart = open_tables(tiny_tables)
    early = roi_of_campaign(mart, "K1", margin="amount_cny", as_of="2026-05-07")
    # c02 bought again, and redeemed, on the 8th; c04 bought on the 18th; c05's row came later.
    assert early["coupon"].mean_arm[0] == pytest.approx(500 / 3)
    assert early["coupon"].mean_control[0] == 0
    assert early["coupon"].cost.value == pytest.approx(0.05)
    later = roi_of_campaign(mart, "K1", margin="amount_cny")
    assert later["coupon"].mean_arm[0] == pytest.approx((1200 + 9000) / 3)


def test_only_the_customers_asked_for(tiny_mart: Mart) -> None:
    some = pd.DataFrame({"customer_id": ["c01", "c04", "c02", "c05", "c03", "c06", "c99"]})
    found = roi_of_campaign(tiny_mart, "K1", customers=some)
    assert (found["coupon"].n_control, found["coupon"].n_arm) == (2, 2)
    assert found["coupon"].mean_control[0] == pytest.approx(60.0)


def test_who_was_not_drawn_gets_numbers_and_no_verdict(tiny_mart: Mart) -> None:
    found = roi_of_campaign(tiny_mart, "K2")
    assert found["call"].cost.value == pytest.approx(8.0)
    assert found.blocked
    assert "not drawn at random" in found.verdict
    assert "并非随机分配" in found.verdict_in("zh")


def test_without_contacts_and_grants_nothing_was_spent(
    tiny_tables: Tables, open_tables: Opener
) -> None:
    del tiny_tables["contacts"], tiny_tables["benefit_grants"]
    found = roi_of_campaign(open_tables(tiny_tables), "K1")
    assert found["coupon"].per_cny.shape == "undefined"


def test_what_cannot_be_valued_is_refused(tiny_tables: Tables, open_tables: Opener) -> None:
    tiny_tables["offers"][0]["value_cny"] = 100.0
    tiny_tables["campaigns"][0]["product_id"] = "P-CAR"
    mart = open_tables(tiny_tables)
    with pytest.raises(InvalidInput, match="value_cny must be given"):
        roi_of_campaign(mart, "K1")
    with pytest.raises(InvalidInput, match="margin_rate"):
        roi_of_campaign(mart, "K1", margin="amount")
    with pytest.raises(InvalidInput, match="goes with margin='value' only"):
        roi_of_campaign(mart, "K1", margin="amount", value_cny=1.0)
    with pytest.raises(InvalidInput, match="outcomes of 'K1' must have the column"):
        roi_of_campaign(mart, "K1", margin="profit")
    with pytest.raises(InvalidInput, match="campaign_id must be one of"):
        roi_of_campaign(mart, "K9")


def plan(customers: list[str], offers: list[str], day: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": customers,
            "as_of": dt.date.fromisoformat(day),
            "offer": offers,
            "channel": "app",
            "uplift": 0.5,
            "expected_cost_cny": 2.0,
            "net_value_cny": 58.0,
            "reason": "best",
        }
    )


def test_a_plan_is_judged_on_its_own_customers(tiny_mart: Mart) -> None:
    chosen = plan(
        ["c01", "c04", "c02", "c08", "c03", "c06", "c07"],
        ["coupon"] * 4 + ["message"] * 3,
        "2026-05-03",
    )
    tiny_mart.publish("plans", chosen, name="K1_test", as_of="2026-05-03")
    rows = effects_of_plan(tiny_mart, "K1_test")
    # For the coupon c02 and c08 against c01 and c04; for the message control has c07 alone.
    assert set(rows["arm"]) == {"coupon"}
    assert set(rows["segment"]) == {"plan=K1_test"}
    found = rows.set_index("metric")["effect"]
    assert found["converted"] == pytest.approx(0.0, abs=1e-12)
    assert found["cost_cny"] == pytest.approx(9.05)
    assert found["profit_cny"] == pytest.approx(-9.05)


def test_plans_that_cannot_be_judged_are_refused(tiny_mart: Mart) -> None:
    with pytest.raises(InvalidInput, match="plan must be published"):
        effects_of_plan(tiny_mart, "K1_test")
    with pytest.raises(InvalidInput, match="must begin with the id of a campaign"):
        effects_of_plan(tiny_mart, "autumn")
    with pytest.raises(InvalidInput, match="must have been randomised"):
        effects_of_plan(tiny_mart, "K2")
    lonely = plan(["c01", "c02"], ["coupon"] * 2, "2026-05-03")
    tiny_mart.publish("plans", lonely, name="K1", as_of="2026-05-03")
    with pytest.raises(InvalidInput, match="2 customers in its arm and 2 in control"):
        effects_of_plan(tiny_mart, "K1")
