"""The whole analysis: parts together, what is left out and why, both engines."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation import analyze_experiment, campaign_data
from marketing_ds.evaluation.campaign import CampaignAnalysis, analyze_campaign
from marketing_ds.evaluation.campaign.analysis import metrics_of
from marketing_ds.evaluation.campaign.arms import by_channel, design_of, roi_of, whole_reason
from marketing_ds.evaluation.campaign.benefits import benefits_of
from marketing_ds.evaluation.campaign.funnel import funnel_of
from marketing_ds.evaluation.campaign.goal import goal_of
from marketing_ds.evaluation.campaign.reach import reach_of
from marketing_ds.evaluation.campaign.rows import campaign_rows
from marketing_ds.evaluation.campaign.sharing import sharing_of
from marketing_ds.evaluation.campaign.time_course import time_course_of
from marketing_ds.evaluation.money import roi_of_campaign
from marketing_ds.mart import Mart

from .conftest import TAGS, rows_of

PARTS = ("reach", "sharing", "funnel", "goal", "benefits", "time_course")


def analysed(mart: Mart) -> CampaignAnalysis:
    return analyze_campaign(mart, "K1", as_of="2026-06-30")


def test_all_parts_are_there(analysis: CampaignAnalysis) -> None:
    found = analysis
    assert found.campaign.campaign_id == "K1"
    assert found.complete
    assert all(not getattr(found, part).to_frame().empty for part in PARTS)
    assert dict(found.left_out) == {}


def test_effects_are_those_of_the_experiment_by_hand(analysis: CampaignAnalysis) -> None:
    found = analysis
    assert found.effects is not None
    by_hand = pd.DataFrame(
        {
            "arm": ["control"] * 3 + ["coupon"] * 3 + ["message"] * 3,
            "converted": [0, 1, 0, 1, 0, 0, 1, 0, 0],
            "amount_cny": [0, 400, 0, 1200, 0, 0, 300, 0, 0],
            "probability": 1 / 3,
        }
    )
    metrics = ["converted", "amount_cny"]
    same = analyze_experiment(by_hand, metrics, probability="probability").to_frame()
    pd.testing.assert_frame_equal(found.effects.to_frame(), same)


def test_one_row_an_arm_sums_it_up(analysis: CampaignAnalysis) -> None:
    frame = analysis.to_frame().set_index("arm")
    assert frame["customers"].tolist() == [3, 3, 3]
    assert frame.loc["coupon", ["contacted_share", "clicked_share"]].tolist() == [1, 2 / 3]
    assert frame.loc["message", "effect"] == pytest.approx(0, abs=1e-12)
    assert frame.loc["coupon", "total_cost_cny"] == pytest.approx(18.15, rel=1e-9)
    assert np.isnan(frame.loc["control", "effect"])
    assert "Campaign K1" in analysis._repr_html_()


def test_return_is_that_of_the_campaign(analysis: CampaignAnalysis) -> None:
    roi = analysis.roi
    assert roi is not None
    # Every conversion is worth 120; coupon and control had one each.
    assert roi["coupon"].margin.value == pytest.approx(0, abs=1e-9)
    assert roi["coupon"].cost.value == pytest.approx(18.15 / 3, rel=1e-12)


def test_arms_of_one_channel_are_put_together(busy_tables, open_tables) -> None:
    for offer in busy_tables["offers"]:
        offer["channel"] = "app" if offer["campaign_id"] == "K1" else offer["channel"]
    with campaign_rows(open_tables(busy_tables), "K1", None) as rows:
        found, why = by_channel(rows, ["converted"], 0.05)
    assert found is not None
    assert why is None
    row = found.to_frame().iloc[0]
    assert row[["arm", "n_control", "n_arm"]].tolist() == ["app", 3, 6]
    assert row["mean_arm"] == pytest.approx(2 / 6, rel=1e-12)
    assert found.srm.expected == pytest.approx({"control": 3, "app": 6})


def test_metrics_segments_and_covariates_are_those_asked_for(
    running: CampaignAnalysis, sample_mart: Mart
) -> None:
    day = "2026-04-13"
    data = campaign_data(sample_mart, "K06", tags=["value_tier", "tenure_days"], as_of=day)
    same = analyze_experiment(data, ["converted"], probability="probability", **TAGS)
    assert running.effects is not None
    pd.testing.assert_frame_equal(running.effects.to_frame(), same.to_frame())
    assert running.effects.to_frame()["segment"].nunique() > 3
    roi = roi_of_campaign(sample_mart, "K06", covariates=["tenure_days"], as_of=day)
    assert running.roi is not None
    pd.testing.assert_frame_equal(running.roi.to_frame(), roi.to_frame())


def test_a_campaign_without_a_draw_is_described(undrawn: CampaignAnalysis) -> None:
    found = undrawn
    assert found.effects is found.channel_effects is found.roi is None
    assert found.funnel.effects is None
    assert found.time_course.path.empty
    assert "marketing_ds.evaluation.observed" in found.left_out["effects"]
    assert found.reach.customers("contacted", "call") == 4
    assert found.goal.total == 1  # c01 bought


def only(tables: dict[str, Any], *arms: str) -> dict[str, Any]:
    kept = [r for r in tables["assignments"] if r["campaign_id"] != "K1" or r["arm"] in arms]
    return tables | {"assignments": kept}


@pytest.mark.parametrize(
    ("arms", "said"),
    [
        (["control"], "no arm beside control"),
        (["coupon", "message"], "no control arm"),
        (["control", "coupon", "message"], None),
    ],
)
def test_effects_need_control_and_another_arm(busy_tables, open_tables, arms, said) -> None:
    with campaign_rows(open_tables(only(busy_tables, *arms)), "K1", None) as rows:
        reason = whole_reason(rows)
        assert list(rows.arms) == arms
    assert said is None if reason is None else said in reason


def test_a_campaign_of_control_alone_is_described(busy_tables, open_tables) -> None:
    found = analysed(open_tables(only(busy_tables, "control")))
    assert found.effects is None
    assert found.to_frame()["arm"].tolist() == ["control"]
    assert found.goal.total == 0


def test_an_arm_of_one_customer_cannot_be_compared(busy_tables, open_tables) -> None:
    busy_tables["assignments"] = [
        r for r in busy_tables["assignments"] if r["customer_id"] not in ("c05", "c08")
    ]
    with campaign_rows(open_tables(busy_tables), "K1", None) as rows:
        assert "at least 2 customers" in str(whole_reason(rows))


def test_absent_tables_leave_documented_gaps(busy_tables, open_tables) -> None:
    for name in ("contacts", "events", "benefit_grants", "transactions", "offers", "holdings"):
        del busy_tables[name]
    found = analysed(open_tables(busy_tables))
    assert found.effects is found.roi is None
    unknown = "the mart does not know the campaign's objective 'converted'"
    assert found.left_out == {
        "reach": "the mart has no table contacts and no table events",
        "sharing": "the mart has no table events",
        "benefits": "the mart has no table benefit_grants",
        **dict.fromkeys(("goal", "effects", "channel_effects", "roi"), unknown),
    }
    assert found.funnel.steps == ()


def test_offers_that_are_not_there_leave_out_channels_and_return(busy_tables, open_tables) -> None:
    del busy_tables["offers"]
    with campaign_rows(open_tables(busy_tables), "K1", None) as rows:
        found, why = by_channel(rows, ["converted"], 0.05)
        assert found is None
        assert "(offers)" in str(why)
        found, why = roi_of(rows.outcomes, rows, [], {"probability": "probability"}, 0.05)
        assert found is None
        assert "value_cny" in str(why)


def test_chances_that_differ_or_are_unknown(busy_tables, open_tables) -> None:
    busy_tables["assignments"][1]["probability"] = 0.25
    with campaign_rows(open_tables(busy_tables), "K1", None) as rows:
        assert design_of(rows) == {"probability": "probability"}
        assert "different chances" in str(by_channel(rows, ["converted"], 0.05)[1])
    busy_tables["assignments"][1]["probability"] = None
    with campaign_rows(open_tables(busy_tables), "K1", None) as rows:
        assert design_of(rows) == {"shares": {"control": 3, "coupon": 3, "message": 3}}


def test_what_the_bank_computed_itself_is_analysed_too(busy_tables, open_tables) -> None:
    busy_tables["campaign_outcomes"] = [
        {"customer_id": who, "campaign_id": "K1", "outcome": "answered", "value": 2.0,
         "observed_on": dt.date(2026, 5, day)}
        for who, day in (("c02", 8), ("c03", 8), ("c04", 9), ("c10", 8))
    ]  # fmt: skip
    with campaign_rows(open_tables(busy_tables), "K1", "2026-05-08") as rows:
        assert metrics_of(rows, None) == ["converted", "amount_cny", "answered"]
        found = analyze_experiment(rows.outcomes, ["answered"], probability="probability")
    row = found.to_frame().set_index("arm").loc["coupon"]
    assert row[["mean_control", "mean_arm"]].tolist() == pytest.approx([0, 2 / 3])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"campaign_id": "K9"}, "campaign_id must be one of"),
        (
            {"as_of": "2026-05-03"},
            "must have started by as_of, got 2026-05-03; it starts on 2026-05-04",
        ),
        ({"alpha": 2}, "alpha must be between 0 and 1"),
        ({"metrics": ["convertd"]}, "did you mean 'converted'"),
        ({"segments": "gender"}, "segments must be a list of tags"),
        ({"as_of": "yesterday"}, "as_of must be a date"),
    ],
)
def test_bad_input_is_refused(busy: Mart, options: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        analyze_campaign(busy, **({"campaign_id": "K1"} | options))


def test_a_campaign_outside_the_data_is_refused(busy_tables, open_tables) -> None:
    busy_tables["campaigns"][0] |= {
        "starts_on": dt.date(2027, 1, 1),
        "ends_on": dt.date(2027, 1, 5),
    }
    with pytest.raises(
        InvalidInput, match=r"the mart's last date 2026-07-01; it starts on 2027-01-01"
    ):
        analyze_campaign(open_tables(busy_tables), "K1")
    busy_tables["campaigns"][0] |= {"starts_on": dt.date(2026, 5, 1)}
    with pytest.raises(InvalidInput, match="none assigned by 2026-05-02"):
        analyze_campaign(open_tables(busy_tables), "K1", as_of="2026-05-02")


def test_what_is_known_early_stays_what_was_known(busy: Mart, busy_tables, open_tables) -> None:
    """Rows dated or recorded after as_of change nothing about an earlier day."""
    cut = dt.date(2026, 5, 7)
    end = dt.datetime(2026, 5, 8)
    early = dict(busy_tables)
    for name, moment in (("events", "occurred_at"), ("transactions", "occurred_at")):
        early[name] = [r for r in early[name] if r[moment] < end and r["recorded_on"] <= cut]
    early["contacts"] = [r for r in early["contacts"] if r["sent_at"] < end]
    early["benefit_grants"] = [
        r | {"redeemed_at": None, "reversed_at": None, "cost_cny": 0.0}
        for r in early["benefit_grants"]
    ]
    early["assignments"] = [r for r in early["assignments"] if r["assigned_at"] < end]
    then, now = described(open_tables(early), "2026-05-07"), described(busy, "2026-05-07")
    for name, frame in then.items():
        pd.testing.assert_frame_equal(now[name], frame, obj=name)


def described(mart: Mart, as_of: str = "2026-06-30") -> dict[str, pd.DataFrame]:
    with rows_of(mart, as_of=as_of) as rows:
        course = time_course_of(rows, randomised=True, alpha=0.05)
        benefits = benefits_of(mart, rows, design=None, alpha=0.05)
        own = {"looked": "view", "bought": "converted"}
        reach = reach_of(rows, alpha=0.05)
        parts = {
            "reach": reach,
            "sharing": sharing_of(mart, rows, alpha=0.05),
            "funnel": funnel_of(mart, rows, own, design=None, alpha=0.05),
            "goal": goal_of(mart, rows, alpha=0.05),
            "benefits": benefits,
            "course": course,
        }
        frames = {name: part.to_frame() for name, part in parts.items()}
        return frames | {
            "path": course.path, "stock": benefits.stock, "messages": reach.messages,
            "left_out": reach.left_out, "daily": parts["goal"].daily,  # type: ignore[attr-defined]
        }  # fmt: skip


def test_spark_gives_the_same(busy: Mart, busy_spark: Mart) -> None:
    ours, theirs = described(busy), described(busy_spark)
    for name, frame in ours.items():
        pd.testing.assert_frame_equal(frame, theirs[name], check_dtype=False, obj=name)
