"""Pictures and the report's section say what the results say."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.channel import ChannelAnalysis, HoldoutAttribution, analyze_channels
from marketing_ds.evaluation.report._channels import channels_section
from marketing_ds.mart import Mart


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    plt.switch_backend("Agg")
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def held_out(sample_mart: Mart) -> ChannelAnalysis:
    return analyze_channels(
        sample_mart, start="2026-03-04", end="2026-03-13", as_of="2026-05-31", campaign_id="K05"
    )


def test_activity_has_a_line_each(found: ChannelAnalysis) -> None:
    lines = found.plot().get_lines()
    assert [list(line.get_ydata()) for line in lines] == [
        [3, 4, 4, 4, 4, 4, 4, 4, 4, 4],
        [1, 2, 2, 3, 3, 3, 3, 3, 3, 3],
        [1, 1, 2, 1, 0, 0, 0, 1, 1, 0],
    ]
    with pytest.raises(InvalidInput, match=r"channel must be one with rows \('all', 'app'"):
        found.activity.plot(channel="phone")


def test_the_triangle_writes_its_shares(found: ChannelAnalysis) -> None:
    axes = found.retention.plot(channel="app")
    assert [text.get_text() for text in axes.texts] == ["100", "100"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["all cohorts", "2026-06-01"]


def test_bars_are_as_long_as_their_figures(found: ChannelAnalysis) -> None:
    assert found.products is not None
    assert found.worth is not None
    assert found.attribution is not None
    use = [bar.get_width() for bar in found.use.plot().patches]
    assert use == [0, 1, 2, 1, 2, 1]  # old, then new customers: web, app, all
    worth = [bar.get_width() for bar in found.worth.plot().patches]
    assert worth == pytest.approx([0.0, -0.1, 14.98])
    held = found.products.plot()
    assert held.get_yticklabels()[-1].get_text() == "all channels"
    axes = found.attribution.plot()
    assert axes.get_title(loc="left").startswith("Descriptive")
    frame = found.attribution.to_frame()
    assert len(axes.patches) == len(frame)
    assert sorted(bar.get_width() for bar in axes.patches) == pytest.approx(
        sorted(frame["credit_share"])
    )


def test_what_was_added_is_drawn_with_its_interval(held_out: ChannelAnalysis) -> None:
    added = held_out.attribution
    assert isinstance(added, HoldoutAttribution)
    axes = added.plot(metric="amount_cny")
    assert [label.get_text() for label in axes.get_yticklabels()][-1] == "app"
    drawn = axes.collections[0].get_segments()
    rows = added.to_frame().query("metric == 'amount_cny'")[::-1]
    assert [segment[0][0] for segment in drawn] == pytest.approx(
        rows["incremental_ci_lower"].tolist()
    )
    with pytest.raises(InvalidInput, match="metric must be one of 'converted', 'amount_cny'"):
        added.plot(metric="clicks")
    assert held_out.arm_retention is not None
    retention = held_out.arm_retention.plot()
    assert len(retention.get_yticklabels()) == len(held_out.arm_retention.to_frame())


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Channels", "Descriptive: nobody was held out", "Shapley value", "2026-06-01")),
        ("zh", ("渠道", "仅为描述", "手机 App", "2026-06-01")),
    ],
)
def test_the_section_of_touches_is_called_descriptive(
    found: ChannelAnalysis, language: str, words: tuple[str, ...]
) -> None:
    page = channels_section(found, language)
    for word in words:
        assert word in page
    assert "nan" not in page.lower().replace("finance", "")


@pytest.mark.parametrize(("language", "word"), [("en", "against the hold-out"), ("zh", "随机试验")])
def test_the_section_of_a_hold_out_shows_what_was_added(
    held_out: ChannelAnalysis, language: str, word: str
) -> None:
    page = channels_section(held_out, language)
    assert word in page
    assert "Shapley" not in page
    assert "prize_100" in page


def test_an_empty_window_still_makes_a_section(small_mart: Mart) -> None:
    found = analyze_channels(small_mart, start="2026-03-01", end="2026-03-05", as_of="2026-03-10")
    assert "<polyline" not in channels_section(found, "en")
