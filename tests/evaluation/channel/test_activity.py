"""DAU, WAU, MAU and stickiness: by hand, and rolling distinct counts against brute force."""

from __future__ import annotations

import datetime as dt
import math

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketing_ds.evaluation.channel import ChannelAnalysis, analyze_channels
from marketing_ds.evaluation.channel.days import Days
from marketing_ds.mart import Mart

from .small_bank import AS_OF, END, START


def _series(found: ChannelAnalysis, channel: str, name: str) -> list[float]:
    frame = found.activity.to_frame()
    return list(frame.loc[frame["channel"] == channel, name])


def test_daily_weekly_and_monthly_customers_are_distinct(found: ChannelAnalysis) -> None:
    assert _series(found, "app", "dau") == [1, 1, 2, 1, 0, 0, 0, 1, 1, 0]
    assert _series(found, "app", "wau") == [1, 2, 2, 3, 3, 3, 3, 3, 3, 3]
    assert _series(found, "app", "mau") == [1, 2, 2, 3, 3, 3, 3, 3, 3, 3]
    assert _series(found, "all", "mau") == [3, 4, 4, 4, 4, 4, 4, 4, 4, 4]


def test_stickiness_of_a_day_is_a_share_of_the_months_customers(found: ChannelAnalysis) -> None:
    assert _series(found, "app", "stickiness_share")[2] == 1.0
    assert _series(found, "app", "stickiness_share_ci_lower")[3] == pytest.approx(
        0.0614920, abs=1e-7
    )


def test_stickiness_of_the_window_has_customers_as_its_unit(found: ChannelAnalysis) -> None:
    app = found.activity.summary().set_index("channel").loc["app"]
    assert app[["mean_dau", "mean_wau", "mean_mau"]].tolist() == pytest.approx([0.7, 2.6, 2.6])
    ratio = 7 / 26  # active on 3, 3, 1 days; within the month on 10, 9, 7
    assert app["stickiness_share"] == pytest.approx(ratio)
    squares = (3 - 10 * ratio) ** 2 + (3 - 9 * ratio) ** 2 + (1 - 7 * ratio) ** 2
    error = math.sqrt(squares * 3 / 2) / 26
    half = (app["stickiness_share_ci_upper"] - app["stickiness_share_ci_lower"]) / 2
    assert half == pytest.approx(1.959963984540054 * error)


def test_what_the_mart_has_not_seen_is_not_known(small_mart: Mart) -> None:
    found = analyze_channels(small_mart, start="2026-04-05", end="2026-05-05", as_of=AS_OF)
    wau, mau = (_series(found, "all", name) for name in ("wau", "mau"))
    assert [math.isnan(value) for value in wau] == [True] * 2 + [False] * 29
    assert [math.isnan(value) for value in mau] == [True] * 25 + [False] * 6
    assert mau[-6:] == [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]  # d in April's branch, for the 30th day
    assert found.activity.summary().set_index("channel").loc["all", "mean_mau"] == 1 / 6


@settings(max_examples=20)
@given(
    used=st.lists(
        st.tuples(st.integers(0, 3), st.integers(-29, 150)), min_size=1, max_size=40, unique=True
    ),
    last=st.integers(0, 150),
)
def test_bits_carried_on_are_rolling_distinct_customers(
    used: list[tuple[int, int]], last: int
) -> None:
    days = Days(-29, last)
    rows = ibis.memtable(pa.table({"who": [c for c, _ in used], "day": [d for _, d in used]}))
    table = rows.group_by("who").aggregate(**days.gathered(rows.day, "on"))
    table = table.mutate(**{f"week{i}": table[f"on{i}"] for i in range(days.words)})
    table = days.within(table, "week", have=1, want=7)
    table = table.mutate(**{f"month{i}": table[f"week{i}"] for i in range(days.words)})
    table = days.within(table, "month", have=7, want=30)
    found = table.mutate(
        today=days.on(table, "on", last), number=days.number(table, "month", 0, last)
    )
    for row in found.to_pyarrow().to_pylist():
        mine = {day for who, day in used if who == row["who"] and day <= last}
        for name, wide in (("on", 1), ("week", 7), ("month", 30)):
            expected = {d for d in range(-29, last + 1) if any(d - wide < m <= d for m in mine)}
            assert _set(row, name, days) == expected
        assert row["today"] == (last in mine)
        assert row["number"] == len({day for day in expected if day >= 0})


def _set(row: dict[str, int], name: str, days: Days) -> set[int]:
    """The days whose bits are set."""
    return {
        days.first + 60 * word + place
        for word in range(days.words)
        for place in range(60)
        if row[f"{name}{word}"] >> place & 1 and days.first + 60 * word + place <= days.last
    }


def test_dates_run_from_start_to_end(found: ChannelAnalysis) -> None:
    frame = found.activity.to_frame()
    dates = frame.loc[frame["channel"] == "web", "date"].tolist()
    assert dates == [dt.date(2026, 6, day) for day in range(1, 11)]
    assert [str(dates[0]), str(dates[-1])] == [START, END]
