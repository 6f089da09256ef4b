"""Retention by day and by cohort, with what is not over yet left out."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from marketing_ds.evaluation.channel import ChannelAnalysis, analyze_channels
from marketing_ds.mart import Mart

from .small_bank import AS_OF, END, START

MONDAY = dt.date(2026, 6, 1)


def _cells(frame: pd.DataFrame, by: str, *counts: str) -> dict[tuple[object, int], list[int]]:
    app = frame[frame["channel"] == "app"]
    return {
        (row["cohort"], row[by]): [row[name] for name in ("customers", *counts)]
        for _, row in app.iterrows()
    }


def test_day_n_is_exactly_that_day_and_only_where_it_is_over(found: ChannelAnalysis) -> None:
    # b: new on the 2nd, back on the 3rd and 9th; c: new on the 4th, back on the 11th
    days = {1: [2, 1, 2], 7: [2, 2, 2], 14: [2, 0, 0]}
    cells = _cells(found.retention.to_frame(), "day", "retained", "stayed")
    assert cells == {(cohort, d): n for cohort in ("all", MONDAY) for d, n in days.items()}


def test_a_day_counts_those_for_whom_it_is_over(small_mart: Mart) -> None:
    early = analyze_channels(small_mart, start=START, end=END, as_of="2026-06-17")
    cells = _cells(early.retention.to_frame(), "day", "retained")
    assert cells["all", 14] == [1, 0]  # c's 14th day is the 18th


def test_shares_have_intervals(found: ChannelAnalysis) -> None:
    frame = found.retention.to_frame().set_index(["channel", "cohort", "day"])
    row = frame.loc[("app", "all", 1)]
    assert row["retained_share"] == 0.5
    assert (row["retained_share_ci_lower"], row["retained_share_ci_upper"]) == pytest.approx(
        (0.0945312, 0.9054688), abs=1e-7
    )
    assert row["stayed_share"] == 1.0


def test_a_period_is_seven_days_from_each_first_use(found: ChannelAnalysis) -> None:
    assert _cells(found.retention.triangle(), "period", "retained") == {
        ("all", 1): [2, 2],  # b on the 9th, c on the 11th
        (MONDAY, 1): [2, 2],
    }


def test_the_triangle_has_cells_of_whom_the_period_is_over(small_mart: Mart) -> None:
    later = analyze_channels(small_mart, start=START, end=END, as_of="2026-06-23")
    cells = _cells(later.retention.triangle(), "period", "retained")
    assert cells["all", 2] == [1, 0]  # b's third week ends on the 22nd, c's on the 24th
    assert ("all", 3) not in cells


def test_cohorts_may_be_months(small_mart: Mart) -> None:
    found = analyze_channels(
        small_mart, start="2026-05-01", end=END, as_of=AS_OF, cohort="month", days=[3]
    )
    assert _cells(found.retention.to_frame(), "day", "retained") == {
        ("all", 3): [3, 0],
        (dt.date(2026, 5, 1), 3): [1, 0],
        (dt.date(2026, 6, 1), 3): [2, 0],
    }
    assert found.retention.triangle().empty  # nobody's second month is over


def test_the_pooled_row_is_the_sum_of_the_cohorts(sample_mart: Mart) -> None:
    found = analyze_channels(sample_mart, start="2026-06-01", end="2026-06-21", as_of="2026-06-30")
    for frame, by in (
        (found.retention.to_frame(), "day"),
        (found.retention.triangle(), "period"),
    ):
        pooled = frame[frame["cohort"] == "all"].set_index(["channel", by])
        cohorts = frame[frame["cohort"] != "all"].groupby(["channel", by])
        sums = cohorts[["customers", "retained"]].sum()
        assert len(frame) > 40
        pd.testing.assert_frame_equal(
            pooled[["customers", "retained"]].sort_index(), sums, check_dtype=False
        )
