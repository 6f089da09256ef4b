"""How the customer analysis is shown: the section of the report, and pictures."""

from __future__ import annotations

import dataclasses

import matplotlib.pyplot as plt
import numpy as np
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.audiences import audience
from marketing_ds.evaluation.customer import CustomerAnalysis, analyze_customers
from marketing_ds.evaluation.report._customers import WORDS, customers_section
from marketing_ds.mart import Mart
from marketing_ds.tags import tag_table


@pytest.fixture
def found(prime: CustomerAnalysis) -> CustomerAnalysis:
    return prime


@pytest.fixture(scope="module")
def described(sample_mart: Mart) -> CustomerAnalysis:
    tags = tag_table(sample_mart, "2026-03-31", ["aum"])
    chosen = audience(tags, "aum > 200000")
    return analyze_customers(sample_mart, audience=chosen, before="2026-03-31", after="2026-05-31")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_section_tells_every_part(found: CustomerAnalysis, language: str) -> None:
    text = customers_section(found, language)
    words = WORDS[language]
    for key in ("title", "changes", "flows", "who", "responders"):
        assert words[key] in text
    assert "6,414" in text  # customers of the campaign
    row = found.flows().query("flow == 'left_dormant' and arm == 'coupon_68'").iloc[0]
    assert f"{row['n_moved']} / {row['n_among']}" in text
    assert text.count("<svg") == 2 * (7 + 8)  # an effect for each arm, measure and flow
    assert ("睡眠" in text) == (language == "zh")


def test_effects_that_are_sure_are_bold(found: CustomerAnalysis) -> None:
    text = customers_section(found, "en")
    sure = (found.to_frame()["p_adjusted"] < 0.05).sum() + (
        found.flows()["p_adjusted"] < 0.05
    ).sum()
    assert text.count("<b><span>") == sure > 0


def test_a_blocked_verdict_is_said(found: CustomerAnalysis) -> None:
    text = customers_section(dataclasses.replace(found, blocked=True), "en")
    assert WORDS["en"]["blocked"] in text


def test_an_audience_has_no_effects_to_show(described: CustomerAnalysis) -> None:
    text = customers_section(described, "en")
    assert WORDS["en"]["descriptive"] in text
    assert WORDS["en"]["effect"] not in text
    assert WORDS["en"]["responders"] not in text


def test_words_are_the_same_in_both_languages() -> None:
    assert set(WORDS["en"]) == set(WORDS["zh"])
    with pytest.raises(InvalidInput, match="language must be one of"):
        customers_section(None, "fr")  # type: ignore[arg-type]


def test_changes_and_flows_have_a_dot_for_each_arm(found: CustomerAnalysis) -> None:
    axes = found.plot()
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == list(found.sizes)
    frame = found.to_frame()
    products = frame[(frame["measure"] == "products_held") & (frame["arm"] == "control")].iloc[0]
    dots = np.asarray(axes.collections[1].get_offsets())
    assert dots[2, 0] == pytest.approx(100 * products["change"] / products["mean_before"])
    flows = found.plot(what="flows", language="zh")
    assert len(flows.get_yticks()) == 8
    plt.close("all")


@pytest.mark.parametrize("what", ["who", "responders"])
def test_the_most_distinctive_values_are_drawn(found: CustomerAnalysis, what: str) -> None:
    axes = found.plot(what=what)
    assert axes.get_xscale() == "log"
    assert len(axes.get_yticks()) == 20
    dots = np.asarray(axes.collections[1].get_offsets())[:, 0]
    frame = found.who()
    assert set(np.round(dots, 6)) <= set(np.round(frame["tgi"], 6))
    plt.close("all")


def test_an_audience_is_drawn_without_a_legend(described: CustomerAnalysis) -> None:
    assert described.plot().get_legend() is None
    plt.close("all")


def test_an_unknown_part_is_named(found: CustomerAnalysis) -> None:
    with pytest.raises(InvalidInput, match="what must be one of 'changes'"):
        found.plot(what="all")
