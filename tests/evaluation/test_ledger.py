"""The campaign ledger on a tiny mart: promised beside delivered, by hand."""

from __future__ import annotations

import datetime as dt
import math

import pandas as pd
import pytest

from marketing_ds.evaluation.ledger import LATER, MEASURED, OPEN, campaign_ledger
from marketing_ds.mart import Mart
from marketing_ds.schema import EFFECTS

COUPON, MESSAGE = ["c01", "c02", "c04", "c05"], ["c03", "c06"]


def publish_plan(mart: Mart, name: str, day: str, uplift: float = 0.25) -> None:
    rows = pd.DataFrame(
        {
            "customer_id": COUPON + MESSAGE,
            "as_of": dt.date.fromisoformat(day),
            "offer": ["coupon"] * 4 + ["message"] * 2,
            "channel": "app",
            "uplift": uplift,
            "expected_cost_cny": 2.0,
            "net_value_cny": 28.0,
            "reason": "best",
        }
    )
    mart.publish("plans", rows, name=name, as_of=day)


def publish_effects(mart: Mart, name: str, day: str, *rows: dict[str, object]) -> None:
    known = {
        "campaign_id": "K1",
        "metric": "converted",
        "arm": "coupon",
        "segment": "all",
        "method": "randomised",
        "n_control": 100,
        "n_arm": 100,
        "mean_control": 0.1,
        "mean_arm": 0.2,
        "effect": 0.1,
        "effect_ci_lower": 0.002,
        "effect_ci_upper": 0.198,
        "standard_error": 0.05,
        "rel_effect": 1.0,
        "rel_effect_ci_lower": math.nan,
        "rel_effect_ci_upper": math.nan,
        "p_value": 0.05,
        "blocked": False,
    }
    frame = pd.DataFrame([known | row for row in rows])[list(EFFECTS.column_names)]
    mart.publish("effects", frame, name=name, as_of=day)


def ledger(mart: Mart, **options: str) -> dict[tuple[str, str], pd.Series]:
    frame = campaign_ledger(mart, **options).to_frame()  # type: ignore[arg-type]
    return {(row["plan"], row["arm"]): row for _, row in frame.iterrows()}


def test_promised_and_delivered_by_hand(tiny_mart: Mart) -> None:
    publish_plan(tiny_mart, "K1", "2026-05-03")
    publish_effects(
        tiny_mart,
        "K1",
        "2026-06-30",
        {},
        {"metric": "cost_cny", "effect": 3.0, "standard_error": 0.5},
        {"metric": "profit_cny", "effect": 9.0, "standard_error": 4.0},
        {"metric": "other", "effect": 5.0},
    )
    row = ledger(tiny_mart)["K1", "coupon"]
    assert (row["customers"], row["state"], row["basis"]) == (4, MEASURED, "all")
    assert (row["promised_outcome"], row["delivered_outcome"]) == pytest.approx((1.0, 0.4))
    assert row["delivered_outcome_ci_upper"] == pytest.approx(0.4 + 1.959964 * 0.2, rel=1e-6)
    assert (row["promised_cost_cny"], row["delivered_cost_cny"]) == pytest.approx((8.0, 12.0))
    assert (row["promised_net_cny"], row["delivered_net_cny"]) == pytest.approx((112.0, 36.0))
    assert row["outcome_ratio"] == pytest.approx(0.4)
    assert row["net_ratio_ci_lower"] == pytest.approx((36 - 1.959964 * 16) / 112, rel=1e-6)


def test_an_offer_without_an_effect_is_open(tiny_mart: Mart) -> None:
    publish_plan(tiny_mart, "K1", "2026-05-03")
    publish_effects(tiny_mart, "K1", "2026-06-30", {})
    row = ledger(tiny_mart)["K1", "message"]
    assert row["state"] == OPEN
    assert math.isnan(row["delivered_outcome"])
    assert math.isnan(row["outcome_ratio"])
    found = campaign_ledger(tiny_mart)
    assert found.outcome.offers == 1
    assert found.net_value.offers == 0
    assert found.outcome.factor == pytest.approx(0.4)


def test_effects_on_the_plans_own_customers_go_first(tiny_mart: Mart) -> None:
    publish_plan(tiny_mart, "K1_spring", "2026-05-03")
    publish_effects(tiny_mart, "K1", "2026-06-29", {})
    own = {"segment": "plan=K1_spring", "effect": 0.2}
    publish_effects(tiny_mart, "K1_plan", "2026-06-28", own)
    row = ledger(tiny_mart)["K1_spring", "coupon"]
    assert row["basis"] == "plan"
    assert row["delivered_outcome"] == pytest.approx(0.8)


def test_the_last_look_counts_and_as_of_leaves_out_later_ones(tiny_mart: Mart) -> None:
    publish_plan(tiny_mart, "K1", "2026-05-03")
    publish_effects(tiny_mart, "K1", "2026-06-01", {"effect": 0.3})
    publish_effects(tiny_mart, "K1", "2026-06-30", {})
    assert ledger(tiny_mart)["K1", "coupon"]["delivered_outcome"] == pytest.approx(0.4)
    early = ledger(tiny_mart, as_of="2026-06-15")["K1", "coupon"]
    assert early["delivered_outcome"] == pytest.approx(1.2)
    assert ledger(tiny_mart, as_of="2026-05-20")["K1", "coupon"]["state"] == OPEN
    assert ledger(tiny_mart, as_of="2026-05-01") == {}


def test_the_last_plan_before_the_end_of_the_campaign_counts(tiny_mart: Mart) -> None:
    publish_plan(tiny_mart, "K1", "2026-05-01", uplift=0.1)
    publish_plan(tiny_mart, "K1", "2026-05-03", uplift=0.25)
    publish_plan(tiny_mart, "K1", "2026-06-20", uplift=0.9)
    publish_effects(tiny_mart, "K1", "2026-06-30", {})
    row = ledger(tiny_mart)["K1", "coupon"]
    assert row["as_of"] == dt.date(2026, 5, 3)
    assert row["promised_outcome"] == pytest.approx(1.0)


def test_a_plan_made_after_the_campaign_is_not_judged(tiny_mart: Mart) -> None:
    publish_plan(tiny_mart, "K1", "2026-06-20")
    publish_plan(tiny_mart, "autumn", "2026-06-20")
    publish_effects(tiny_mart, "K1", "2026-06-30", {})
    found = ledger(tiny_mart)
    assert set(found) == {("K1", "coupon"), ("K1", "message")}
    assert found["K1", "coupon"]["state"] == LATER
    assert math.isnan(found["K1", "coupon"]["delivered_outcome"])


def test_blocked_and_unknown_effects_are_left_out(tiny_mart: Mart) -> None:
    publish_plan(tiny_mart, "K1", "2026-05-03")
    publish_effects(
        tiny_mart, "K1", "2026-06-30", {"blocked": True}, {"arm": "message", "effect": math.nan}
    )
    assert {row["state"] for row in ledger(tiny_mart).values()} == {OPEN}
    said = campaign_ledger(tiny_mart)
    assert "nothing can be said" in said.sentence()
    assert "No plan" in said._repr_html_()


def test_without_a_standard_error_the_interval_tells_it(tiny_mart: Mart) -> None:
    publish_plan(tiny_mart, "K1", "2026-05-03")
    publish_effects(tiny_mart, "K1", "2026-06-30", {"standard_error": math.nan})
    row = ledger(tiny_mart)["K1", "coupon"]
    assert row["delivered_outcome_ci_upper"] == pytest.approx(4 * 0.198)
    assert row["delivered_outcome_ci_lower"] == pytest.approx(4 * 0.002)


def test_an_empty_workspace_has_an_empty_ledger(tiny_mart: Mart) -> None:
    found = campaign_ledger(tiny_mart)
    assert found.to_frame().empty
    assert "outcome_ratio" in found.to_frame().columns
    assert found.outcome.offers == 0
    assert found.over_time.empty


def test_the_calibration_as_it_stood_after_each_plan(tiny_mart: Mart) -> None:
    publish_plan(tiny_mart, "K1_first", "2026-05-01")
    publish_plan(tiny_mart, "K1_second", "2026-05-03", uplift=0.2)
    publish_effects(tiny_mart, "K1", "2026-06-30", {})
    found = campaign_ledger(tiny_mart)
    looks = found.over_time
    assert looks["as_of"].tolist() == [dt.date(2026, 5, 1), dt.date(2026, 5, 3)]
    assert looks["offers"].tolist() == [1, 2]
    assert looks.loc[0, "outcome_factor"] == pytest.approx(0.4)
    assert looks.loc[1, "outcome_factor"] == found.outcome.factor
    assert math.isnan(looks.loc[1, "net_factor"])
