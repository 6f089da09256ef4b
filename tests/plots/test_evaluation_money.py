"""Pictures of money and of planning draw what they say."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from marketing_ds.evaluation.ledger import CampaignLedger
from marketing_ds.evaluation.money import campaign_roi
from marketing_ds.evaluation.money.calibration import calibrate
from marketing_ds.evaluation.planning import Baseline, plan_experiment, replay, run_time


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    plt.switch_backend("Agg")
    yield
    plt.close("all")


@pytest.fixture
def data() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    arm = np.tile(["control", "mail", "coupon"], 400)
    before = rng.gamma(2.0, 20.0, 1_200)
    return pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(1_200)],
            "arm": arm,
            "spend": before + rng.gamma(1.0, 20.0, 1_200),
            "spend_before": before,
            "margin_cny": rng.gamma(1.0, 10.0, 1_200) + 2.0 * (arm == "mail"),
            "cost_cny": 0.1 * (arm == "mail") + 9.0 * (arm == "coupon"),
        }
    )


def test_profit_has_a_line_an_arm_coloured_by_what_is_sure(data: pd.DataFrame) -> None:
    roi = campaign_roi(data)
    axes = roi.plot()
    assert [t.get_text() for t in axes.get_yticklabels()] == ["all arms", "mail", "coupon"]
    spans = [line.get_segments()[0][:, 0].tolist() for line in axes.collections[::2]]
    assert spans[2] == pytest.approx(list(roi["coupon"].total_profit[1:]))
    colours = [line.get_color()[0] for line in axes.collections[::2]]
    # All arms and the coupon lose for sure, the mail earns for sure.
    assert colours[1][2] > colours[1][0]
    assert colours[2][0] > colours[2][2]
    assert "¥" in axes.texts[0].get_text()
    blocked = campaign_roi(data, shares={"control": 1, "mail": 5, "coupon": 1}).plot()
    assert "No verdict" in blocked.get_title(loc="left")


def test_the_ledger_shows_promises_against_the_line_of_a_promise_kept() -> None:
    frame = pd.DataFrame(
        {
            "plan": ["K1", "K2", "K3"],
            "arm": ["a", "b", "c"],
            "promised_outcome": [100.0, 50.0, 20.0],
            "delivered_outcome": [60.0, 40.0, np.nan],
            "delivered_outcome_ci_lower": [40.0, 30.0, np.nan],
            "delivered_outcome_ci_upper": [80.0, 50.0, np.nan],
        }
    )
    found = calibrate([100.0, 50.0], [60.0, 40.0], [10.0, 5.0], 0.05)
    axes = CampaignLedger(found, found, pd.DataFrame(), frame).plot()
    kept, ours = axes.lines[0], axes.lines[1]
    assert kept.get_ydata() == pytest.approx(kept.get_xdata())
    assert ours.get_ydata() == pytest.approx(found.factor * np.asarray(ours.get_xdata()))
    assert [text.get_text() for text in axes.texts] == ["K1 a", "K2 b"]
    net = frame.rename(columns=lambda name: name.replace("_outcome", "_net_cny"))
    nothing = calibrate([], [], [], 0.05)
    empty = CampaignLedger(nothing, nothing, pd.DataFrame(), net[2:]).plot(what="net_cny")
    assert not empty.texts
    assert "yuan" in empty.get_xlabel()


def test_the_ledger_over_time_shows_what_was_kept_by_each_day() -> None:
    looks = pd.DataFrame(
        {
            "as_of": ["2026-01-01", "2026-03-01"],
            "outcome_factor": [0.5, 0.8],
            "outcome_factor_ci_lower": [-0.5, 0.6],
            "outcome_factor_ci_upper": [1.5, 1.0],
        }
    )
    nothing = calibrate([], [], [], 0.05)
    axes = CampaignLedger(nothing, nothing, looks, pd.DataFrame()).plot(what="over_time")
    assert axes.lines[0].get_ydata().tolist() == [0.5, 0.8]
    assert axes.lines[1].get_ydata()[0] == 1.0


def test_power_rises_with_customers_and_falls_without_covariates(data: pd.DataFrame) -> None:
    plan = plan_experiment(data, ["spend"], rel_effect=0.05)
    axes = plan.plot()
    ours, plain = (np.asarray(line.get_ydata()) for line in axes.lines[:2])
    assert np.all(np.diff(ours) >= 0)
    assert np.all(ours >= plain - 1e-12)
    assert axes.get_title(loc="left") == "Power to find +5.0% of spend"
    two = plan_experiment(data, ["spend", "margin_cny"], covariates=[])
    named = two.plot(metric="margin_cny")
    assert "of margin_cny" in named.get_title(loc="left")
    assert [t.get_text() for t in named.get_legend().texts] == ["as planned", "customers there are"]


def test_weeks_show_the_week_that_is_enough(data: pd.DataFrame) -> None:
    found = run_time(Baseline.proportion(0.05), 4_000, rel_effect=0.2)
    axes = found.plot()
    assert axes.lines[1].get_xdata()[0] == found.weeks == 5
    drawn = np.asarray(axes.lines[0].get_ydata())
    assert drawn == pytest.approx(found.to_frame()["rel_minimum_detectable_effect"])
    open_ended = run_time(Baseline.proportion(0.05), 4_000).plot()
    assert len(open_ended.lines) == 1


def test_false_alarms_stand_against_the_level_promised(data: pd.DataFrame) -> None:
    found = replay(data, ["spend"], n_replays=40)
    axes = found.plot()
    assert axes.lines[0].get_xdata()[0] == 0.05
    span = axes.collections[0].get_segments()[0][:, 0]
    row = found.to_frame().iloc[0]
    assert span[1] == pytest.approx(row["false_alarm_share_ci_upper"])
    assert "× the formula's" in axes.texts[0].get_text()
