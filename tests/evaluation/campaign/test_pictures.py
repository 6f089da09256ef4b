"""Pictures of the parts, and the report's section in both languages."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.campaign import CampaignAnalysis, analyze_campaign
from marketing_ds.evaluation.report._campaign import campaign_section
from marketing_ds.evaluation.report._campaign_words import WORDS

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def test_funnel_and_reach_have_a_bar_an_arm_and_step(running: CampaignAnalysis) -> None:
    axes = running.plot()
    assert axes.get_title(loc="left") == "Prime wealth: text or coupon, 2026-04-13"
    assert [bar.get_width() for bar in axes.patches][:2] == [2137, 0]
    assert len(axes.patches) == 3 * 6
    axes = running.reach.plot()
    assert next(text.get_text() for text in axes.get_yticklabels()) == "contacted"
    assert len(axes.patches) == 3 * 8


def test_the_goal_s_picture_ends_at_the_projection(running: CampaignAnalysis) -> None:
    axes = running.goal.plot()
    lines = {line.get_label(): line for line in axes.get_lines()}
    assert lines["projected"].get_ydata()[-1] == running.goal.projected
    assert lines["target"].get_ydata()[0] == 430
    assert lines["so far"].get_ydata()[-1] == 248
    assert "57.7% of the target" in axes.get_title(loc="left")


def test_benefits_and_shares_are_bars(
    analysis: CampaignAnalysis, undrawn: CampaignAnalysis
) -> None:
    found = analysis
    widths = [bar.get_width() for bar in found.benefits.plot().patches]
    assert widths == [1, 1, 1, 0]  # redeemed, reversed, expired, outstanding
    heights = [bar.get_height() for bar in found.sharing.plot().patches]
    assert heights == [1, 2, 1, 0]
    assert "nobody" in undrawn.sharing.plot().get_title(loc="left")


def test_the_time_course_draws_effects_or_counts(
    running: CampaignAnalysis, undrawn: CampaignAnalysis
) -> None:
    course = running.time_course
    path = course.path[course.path["since"] == "start"]
    lines = {line.get_label(): line for line in course.plot().get_lines()}
    expected = path.loc[path["arm"] == "sms_prime", "effect"].to_numpy()
    assert np.array_equal(lines["sms_prime"].get_ydata(), expected)
    assert "assignment" in course.plot(since="assignment").get_xlabel()
    clicks = course.plot(step="clicked").get_lines()[0].get_ydata()
    assert clicks[-1] == running.reach.customers("clicked")
    assert len(undrawn.time_course.plot().get_lines()) == 8  # no draw: all steps
    with pytest.raises(InvalidInput, match="since must be one of"):
        course.plot(since="birth")
    with pytest.raises(InvalidInput, match="step must be one of"):
        course.plot(step="clickt")


def test_the_section_tells_the_figures(running: CampaignAnalysis) -> None:
    page = campaign_section(running, "en")
    assert "248 of 430 reached (57.7 %), with 36.7 % of the days gone." in page
    assert "Earlier campaigns had 69.1 % of their end at this age" in page
    assert "26 of 2,200 pieces are left" in page
    assert "They brought 86 customers: 2.15 by each who shared." in page
    assert page.count("<svg") >= 6


def test_the_section_says_where_the_depth_of_shares_is_not_known(running: CampaignAnalysis) -> None:
    assert running.sharing is not None
    unknown = dataclasses.replace(running.sharing, brought=None)
    page = campaign_section(dataclasses.replace(running, sharing=unknown), "en")
    assert "events do not say whose share led to them" in page


def test_the_section_of_a_small_campaign(analysis: CampaignAnalysis) -> None:
    page = campaign_section(analysis, "en")
    assert "2 shares by 2 customers." in page
    assert (
        "They brought 5 customers: 2.50 by each who shared. The longest chain has 2 links." in page
    )
    assert "Took the step at all, against control" in page


def test_the_section_of_a_campaign_without_target_and_stock(busy_tables, open_tables) -> None:
    busy_tables["campaigns"][0] |= {"target": None, "budget_cny": None}
    busy_tables["benefits"][0]["stock"] = 2
    busy_tables["offers"][1]["channel"] = "sms"
    found = analyze_campaign(open_tables(busy_tables), "K1", as_of="2026-05-20")
    assert [line.get_label() for line in found.goal.plot().get_lines()] == ["so far", "projected"]
    page = campaign_section(found, "en")
    assert "the campaign has no target" in page
    assert "the campaign has no budget" in page
    assert "all 2 pieces were gone on 2026-05-04; 0.00 % [0.00 %, 56.1 %] of the demand" in page
    assert "no bound can be given" in page
    assert "Effect by contact channel" in page
    assert "There are too few earlier campaigns to go by." in page


def test_the_section_of_an_undrawn_campaign_shows_no_effects(undrawn: CampaignAnalysis) -> None:
    page = campaign_section(undrawn, "en")
    assert "Effect" not in page
    assert "1 of 10 reached" in page


def test_the_section_of_assignments_alone_is_short(busy_tables, open_tables) -> None:
    for name in ("contacts", "events", "benefit_grants", "transactions"):
        del busy_tables[name]
    page = campaign_section(analyze_campaign(open_tables(busy_tables), "K1"), "en")
    assert "<svg" not in page
    assert "— of 10 reached" in page


def test_both_languages_have_the_same_words(running: CampaignAnalysis) -> None:
    assert WORDS["en"].keys() == WORDS["zh"].keys()
    page = campaign_section(running, "zh")
    assert "已达成 248 / 430" in page
    assert not any(word in page for word in ("Funnel", "Goal", "Shares", "Benefits"))
