"""Multi-touch: every credit of the small bank by hand, and the intervals against their formula."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from marketing_ds.evaluation.channel import ChannelAnalysis, TouchAttribution, analyze_channels
from marketing_ds.evaluation.channel.multi_touch import touch_attribution
from marketing_ds.evaluation.channel.touches import CHANNELS, Journeys
from marketing_ds.mart import Mart

from .small_bank import AS_OF, END, START


@pytest.fixture
def touched(found: ChannelAnalysis) -> TouchAttribution:
    assert isinstance(found.attribution, TouchAttribution)
    return found.attribution


def _credits(result: TouchAttribution, method: str) -> dict[str, float]:
    frame = result.to_frame()
    rows = frame[frame["method"] == method]
    return dict(zip(rows["channel"], rows["credit"], strict=True))


# The journeys: a buys after [app], b after [app, web, app, sms]; c [wechat, app] and d [web] do
# not; e (whose purchase is known late) and f (whose event is) are untouched.


def test_buyers_are_counted(touched: TouchAttribution) -> None:
    assert (touched.buyers, touched.touched_buyers) == (2, 2)
    assert touched.evidence == "descriptive"


def test_first_last_and_linear_touch(touched: TouchAttribution) -> None:
    nothing = dict.fromkeys(("app", "web", "wechat", "sms"), 0.0)
    assert _credits(touched, "first") == {**nothing, "app": 2.0}
    assert _credits(touched, "last") == {**nothing, "app": 1.0, "sms": 1.0}
    assert _credits(touched, "linear") == {**nothing, "app": 1.5, "web": 0.25, "sms": 0.25}


def test_markov_removal_effects(touched: TouchAttribution) -> None:
    # P(purchase) = 1/2; without app 0, without web 3/8, without sms 1/4, without wechat 5/14.
    lost = {"app": 1 / 2, "web": 1 / 8, "wechat": 1 / 7, "sms": 1 / 4}
    expected = {channel: 2 * each / sum(lost.values()) for channel, each in lost.items()}
    assert _credits(touched, "markov") == pytest.approx(expected)


def test_shapley_values(touched: TouchAttribution) -> None:
    # {app}: 1; {app, wechat}: 1/2 and -1/2; {app, web, sms}: 55/72, 7/72 and 10/72; {web}: 0.
    expected = {"app": 1.5 + 55 / 72, "web": 7 / 72, "sms": 10 / 72, "wechat": -0.5}
    assert _credits(touched, "shapley") == pytest.approx(expected)
    assert touched.baseline == pytest.approx(0.0, abs=1e-12)


def test_purchases_may_be_those_of_a_campaigns_product(small_mart: Mart) -> None:
    found = analyze_channels(small_mart, start=START, end=END, as_of=AS_OF, campaign_id="K1")
    assert isinstance(found.attribution, TouchAttribution)  # K1 was not randomised
    assert found.attribution.buyers == 1
    assert _credits(found.attribution, "last")["app"] == 1.0
    assert found.arm_retention is None


def test_the_look_back_ends_before_the_purchase(small_mart: Mart) -> None:
    found = analyze_channels(small_mart, start=START, end=END, as_of=AS_OF, lookback_days=2)
    assert isinstance(found.attribution, TouchAttribution)
    # b bought on the 5th at noon: app and sms on the 3rd are out, and so is everything of a's
    assert found.attribution.touched_buyers == 0
    assert found.attribution.baseline == 2.0
    assert found.attribution.to_frame().empty


def test_without_purchases_there_is_nothing_to_credit(small_mart: Mart) -> None:
    found = analyze_channels(small_mart, start="2026-06-01", end="2026-06-04", as_of=AS_OF)
    assert found.attribution is None


def _journeys(per_group: np.ndarray) -> Journeys:
    """Single-touch buyers: `per_group[lot, channel]` customers of app and web."""
    rows = [
        {
            "lot": f"{lot:02x}", "previous": 0, "channel": 1 << place, "bought": True,
            "ends": True, "mask": 1 << place, "n": int(n), "part": float(n),
        }
        for lot, counts in enumerate(per_group)
        for place, n in enumerate(counts)
    ]  # fmt: skip
    return Journeys(pd.DataFrame(rows), 1000, pd.DataFrame({"lot": ["00"], "n": [0]}))


def test_a_share_is_as_uncertain_as_a_binomial_one() -> None:
    rng = np.random.default_rng(7)
    app = rng.binomial(100, 0.3, 256)
    result = touch_attribution(_journeys(np.column_stack([app, 100 - app])), 30, 0.05)
    row = result.to_frame().query("method == 'first' and channel == 'app'").iloc[0]
    half = (row["credit_share_ci_upper"] - row["credit_share_ci_lower"]) / 2
    share = app.sum() / 25_600
    error = np.sqrt(np.sum((app - 100 * share) ** 2) * 256 / 255) / 25_600
    assert row["credit_share"] == share
    assert half == pytest.approx(1.9693105698849 * error, rel=1e-9)  # Student's t, 255
    assert error == pytest.approx(np.sqrt(share * (1 - share) / 25_600), rel=0.1)


def test_the_intervals_of_one_channel_alone_hold_its_whole_share() -> None:
    result = touch_attribution(_journeys(np.full((256, 1), 10)), 30, 0.05)
    frame = result.to_frame()
    assert CHANNELS[0] == "app"
    assert frame["credit_share"].tolist() == [1.0] * 5
    assert frame.loc[frame["method"] == "markov", "credit"].tolist() == [2560.0]
