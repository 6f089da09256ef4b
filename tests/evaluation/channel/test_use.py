"""Use by channel: every figure against the small bank's, counted by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from scipy import stats

from marketing_ds.evaluation.channel import ChannelAnalysis, analyze_channels
from marketing_ds.evaluation.channel.moments import ratios
from marketing_ds.evaluation.channel.use import _median
from marketing_ds.mart import Mart

from .small_bank import AS_OF, END, START


@pytest.fixture
def use(found: ChannelAnalysis) -> pd.DataFrame:
    return found.use.to_frame().set_index("channel")


def test_customers_new_ones_and_retained_ones_are_counted(use: pd.DataFrame) -> None:
    columns = ["customers", "new_customers", "before_customers", "kept_customers"]
    assert use[columns].T.to_dict("list") == {
        "all": [3, 1, 2, 1],  # c was on WeChat in May, and is no new customer of the channels
        "app": [3, 2, 1, 1],
        "web": [1, 1, 1, 0],
    }


def test_shares_have_wilsons_interval(use: pd.DataFrame) -> None:
    app = use.loc["app"]
    assert app["new_share"] == pytest.approx(2 / 3)
    wilson = stats.binomtest(2, 3).proportion_ci(method="wilson")
    assert app["new_share_ci_lower"] == pytest.approx(wilson.low)
    assert app["new_share_ci_upper"] == pytest.approx(wilson.high)
    assert use.loc["web", "kept_share"] == 0.0


def test_launches_pages_and_time_are_those_of_the_window(use: pd.DataFrame) -> None:
    assert use.loc["app", ["launches", "pages"]].tolist() == [7, 1]
    assert use.loc["all", ["launches", "pages"]].tolist() == [8, 1]
    assert use.loc["app", "hours"] == pytest.approx(1 / 60)
    assert use.loc["app", "minutes_per_customer"] == pytest.approx(1 / 3)


def test_means_per_customer_have_their_standard_error(use: pd.DataFrame) -> None:
    app = use.loc["app"]  # active on 3, 3 and 1 days: mean 7/3, variance 4/3
    assert app["active_days_per_customer"] == pytest.approx(7 / 3)
    half = 1.959963984540054 * math.sqrt(4 / 3 / 3)
    assert app["active_days_per_customer_ci_lower"] == pytest.approx(7 / 3 - half)
    assert app["active_days_per_customer_ci_upper"] == pytest.approx(7 / 3 + half)


def test_days_between_uses_are_over_all_gaps(use: pd.DataFrame) -> None:
    # a: 1, 3, 8 June; b: 2, 3, 9 June: seven days in two gaps each
    assert use.loc["app", "days_between_uses"] == 3.5
    assert use.loc["app", "median_days_between_uses"] == 3.5
    assert math.isnan(use.loc["web", "days_between_uses"])
    assert math.isnan(use.loc["web", "median_days_between_uses"])


def test_one_customer_has_no_interval(use: pd.DataFrame) -> None:
    assert use.loc["web", "launches_per_customer"] == 1.0
    assert math.isnan(use.loc["web", "launches_per_customer_ci_lower"])


def test_the_history_begins_with_the_first_event(found: ChannelAnalysis) -> None:
    assert str(found.use.history_from) == "2026-04-01"


def test_future_and_late_rows_count_only_once_they_are_known(small_mart: Mart) -> None:
    known = analyze_channels(small_mart, start=START, end=END, as_of="2026-06-22")
    everything = analyze_channels(small_mart, start=START, end=END)
    for later in (known, everything):
        assert later.use.to_frame().set_index("channel").loc["app", "customers"] == 4
    assert str(everything.as_of) == "2026-06-25"
    as_of = analyze_channels(small_mart, start="2026-06-05", end="2026-06-11", as_of=AS_OF)
    assert set(as_of.use.to_frame()["channel"]) == {"all", "app", "web"}


def test_a_median_has_the_order_statistics_around_it() -> None:
    gaps = pd.DataFrame({"gap": [1.0, 2.0, 4.0, 9.0], "number": [30, 30, 30, 10]})
    # of 100: the 50th, and the 40th and 61st (binomial with 1/2)
    assert _median(gaps, 0.05) == (2.0, 2.0, 4.0)


def test_a_ratio_has_the_delta_methods_error() -> None:
    x, y = pd.Series([1.0, 4.0, 2.0, 7.0]), pd.Series([1.0, 2.0, 2.0, 3.0])
    sums = {
        "r_x": [x.sum()], "r_y": [y.sum()], "r_xx": [(x * x).sum()], "r_xy": [(x * y).sum()],
        "r_yy": [(y * y).sum()], "r_n": [4],
    }  # fmt: skip
    value, low, high = ratios(pd.DataFrame(sums), "r", 0.05)
    ratio = x.sum() / y.sum()
    error = (x - ratio * y).std(ddof=1) / math.sqrt(4) / y.mean()
    assert value[0] == ratio
    assert (high[0] - low[0]) / 2 == pytest.approx(1.959963984540054 * error, rel=1e-12)
