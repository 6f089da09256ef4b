"""Against the hold-out: incremental outcomes by channel, and retention by arm."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from scipy import stats

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation import analyze_experiment, campaign_data, retained
from marketing_ds.evaluation.channel import ArmRetention, HoldoutAttribution, analyze_channels
from marketing_ds.evaluation.channel.holdout import arm_retention, holdout_attribution
from marketing_ds.evaluation.channel.window import window
from marketing_ds.mart import Mart
from marketing_ds.outcomes import campaign

WINDOW = {"start": "2026-05-04", "end": "2026-05-08", "as_of": "2026-06-30"}


def _added(mart: Mart, *, as_of: str = "2026-06-30") -> HoldoutAttribution:
    span = window(mart, "2026-05-04", "2026-05-08", as_of, 30)
    found = holdout_attribution(mart, campaign(mart, "K1"), span, 0.05)
    assert found is not None
    return found


def _retention(
    mart: Mart, which: str, as_of: str, days: Sequence[int] = (1, 7, 14, 30)
) -> ArmRetention | None:
    start, end = {"K1": ("2026-05-04", "2026-05-05"), "K05": ("2026-03-04", "2026-03-08")}[which]
    span = window(mart, start, end, as_of, 30)
    return arm_retention(mart, campaign(mart, which), span, days, 0.05)


def test_what_a_channel_added_is_the_effect_times_its_customers(tiny_mart: Mart) -> None:
    found = _added(tiny_mart)
    rows = found.to_frame().set_index(["metric", "channel", "arm"])
    # Of three each: 400 yuan in control, 1,200 with the coupon (sms), 300 with the message (app).
    assert rows["incremental"].to_dict() == pytest.approx(
        {
            ("converted", "app", "all"): 0.0,
            ("converted", "sms", "all"): 0.0,
            ("amount_cny", "app", "all"): -100.0,
            ("amount_cny", "sms", "all"): 800.0,
        }
    )
    assert found.evidence == "randomised"
    assert found.complete
    assert not found.blocked


def test_the_interval_is_welchs(tiny_mart: Mart) -> None:
    row = _added(tiny_mart).to_frame().query("metric == 'amount_cny' and channel == 'sms'").iloc[0]
    welch = stats.ttest_ind([1200, 0, 0], [400, 0, 0], equal_var=False)
    interval = welch.confidence_interval()
    assert row["effect_ci_lower"] == pytest.approx(interval.low)
    assert row["effect_ci_upper"] == pytest.approx(interval.high)
    assert row["incremental_ci_upper"] == pytest.approx(3 * interval.high)
    assert row["p_value"] == pytest.approx(welch.pvalue)


def test_the_arms_of_a_channel_come_together(tiny_tables: Any, open_tables: Any) -> None:
    for offer in tiny_tables["offers"]:
        offer["channel"] = "app"
    rows = _added(open_tables(tiny_tables)).to_frame().query("metric == 'amount_cny'")
    assert rows["arm"].tolist() == ["all", "coupon", "message"]
    assert rows["n_arm"].tolist() == [6, 3, 3]
    assert rows["incremental"].tolist() == pytest.approx([700.0, 800.0, -100.0])
    # Strata of fixed size: variances of the two means, weighted by a quarter each.
    variance = np.var([1200, 0, 0], ddof=1) / 3 / 4 + np.var([300, 0, 0], ddof=1) / 3 / 4
    together = rows.iloc[0]
    statistic = together["effect"] / np.sqrt(variance + np.var([400, 0, 0], ddof=1) / 3)
    width = together["effect_ci_upper"] - together["effect"]
    freedom = (together["effect"] / statistic) ** 4 / (
        variance**2 / (variance**2 / _freedom()) + (np.var([400, 0, 0], ddof=1) / 3) ** 2 / 2
    )
    assert width == pytest.approx(
        stats.t.ppf(0.975, freedom) * together["effect"] / statistic, rel=1e-9
    )


def _freedom() -> float:
    """Satterthwaite's sum over the two arms: Σ v²/ν."""
    parts = [np.var(values, ddof=1) / 12 for values in ([1200, 0, 0], [300, 0, 0])]
    return sum(part**2 / 2 for part in parts)


def test_an_open_attribution_window_is_said(tiny_mart: Mart) -> None:
    assert not _added(tiny_mart, as_of="2026-05-10").complete
    assert _added(tiny_mart, as_of="2026-05-18").complete


def test_retention_by_arm_is_the_experiments_with_holm(sample_mart: Mart) -> None:
    found = _retention(sample_mart, "K05", "2026-06-30", [1, 7])
    assert found is not None
    frame = found.to_frame()
    data = campaign_data(sample_mart, "K05", [retained(1), retained(7)], as_of="2026-06-30")
    same = analyze_experiment(data, ["retained_day_1", "retained_day_7"], probability="probability")
    expected = same.to_frame()
    assert len(frame) == 6
    for name, theirs in (("effect", "effect"), ("p_value", "p_value"), ("arm_share", "mean_arm")):
        np.testing.assert_allclose(frame[name], expected[theirs], rtol=1e-9)
    ordered = np.sort(frame["p_value"])
    holm = np.minimum(np.maximum.accumulate(ordered * np.arange(6, 0, -1)), 1)
    np.testing.assert_allclose(np.sort(frame["p_adjusted"]), holm)


def test_days_that_are_not_over_for_everybody_are_left_out(tiny_mart: Mart) -> None:
    found = _retention(tiny_mart, "K1", "2026-05-10")
    assert found is not None
    assert found.left_out == (7, 14, 30)
    assert found.to_frame()["day"].tolist() == [1, 1]
    assert _retention(tiny_mart, "K1", "2026-05-05") is None


def test_an_arm_needs_an_offer_to_have_a_channel(tiny_tables: Any, open_tables: Any) -> None:
    tiny_tables["offers"] = tiny_tables["offers"][:1]
    with pytest.raises(InvalidInput, match="must be an offer of it, to have a channel; got 'mess"):
        _added(open_tables(tiny_tables))


def test_control_must_have_customers_by_as_of(tiny_tables: Any, open_tables: Any) -> None:
    for row in tiny_tables["assignments"]:
        if row["arm"] == "control":
            row["assigned_at"] = dt.datetime(2026, 5, 20)
    with pytest.raises(InvalidInput, match="customers in 'control' by as_of, got none"):
        _added(open_tables(tiny_tables), as_of="2026-05-15")


def test_without_product_or_outcomes_there_is_no_attribution(
    tiny_tables: Any, open_tables: Any
) -> None:
    tiny_tables["campaigns"][0]["product_id"] = None
    found = analyze_channels(open_tables(tiny_tables), campaign_id="K1", **WINDOW)
    assert found.attribution is None
    assert found.arm_retention is not None
