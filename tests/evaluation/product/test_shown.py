"""How the product analysis is shown: the section of the report, and pictures."""

from __future__ import annotations

import dataclasses
from html import escape

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.patches import Rectangle

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.product import ProductAnalysis, analyze_products
from marketing_ds.evaluation.report._products import WORDS, products_section
from marketing_ds.mart import Mart


@pytest.fixture(scope="module")
def found(sample_mart: Mart) -> ProductAnalysis:
    return analyze_products(sample_mart, start="2026-01-01", end="2026-06-30", campaign_id="K06")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_section_tells_every_part(found: ProductAnalysis, language: str) -> None:
    text = products_section(found, language)
    words = WORDS[language]
    for key in ("title", "sales", "moved", "crossing", "effects", "switching", "net_new"):
        assert escape(words[key]) in text
    assert "<b>Prime wealth, 365 days</b>" in text
    total = found.sales[found.sales["level"] == "all"].iloc[0]
    assert f"{total['buyers']:,.0f}" in text
    assert f"¥{total['amount_cny']:,.0f}" in text
    unbounded = int(np.isinf(found.ratios["value_share_ci_lower"]).sum())
    assert text.count(escape(words["unbounded"])) == unbounded > 0


@pytest.mark.parametrize(("language", "said"), [("en", "Others of loans"), ("zh", "其他贷款产品")])
def test_products_told_together_are_named_by_their_category(
    found: ProductAnalysis, language: str, said: str
) -> None:
    sales = found.sales.copy()
    largest = sales.loc[sales["level"] == "product", "amount_cny"].idxmax()
    sales.loc[largest, "item"] = "others:loan"
    assert said in products_section(dataclasses.replace(found, sales=sales), language)


def test_without_a_campaign_there_are_no_effects(found: ProductAnalysis) -> None:
    none = found.effects.iloc[:0]
    plain = dataclasses.replace(
        found, effects=none, ratios=found.ratios.iloc[:0], campaign_id=None, product_id=None
    )
    text = products_section(plain, "en")
    assert WORDS["en"]["effects"] not in text
    assert WORDS["en"]["switching"] in text


def test_what_could_not_be_told_is_not_shown(tiny_mart: Mart) -> None:
    found = analyze_products(tiny_mart, start="2026-04-15", end="2026-05-15")
    text = products_section(found, "en")
    assert WORDS["en"]["moved"] not in text
    assert "Index fund" in text


def test_a_blocked_verdict_is_said(found: ProductAnalysis) -> None:
    text = products_section(dataclasses.replace(found, blocked=True), "en")
    assert WORDS["en"]["blocked"] in text


def test_words_are_the_same_in_both_languages() -> None:
    assert set(WORDS["en"]) == set(WORDS["zh"])


def test_sales_are_bars_of_amounts(found: ProductAnalysis) -> None:
    axes = found.plot()
    sold = found.sales[(found.sales["level"] == "product") & (found.sales["buyers"] > 0)]
    bars = sorted(bar.get_width() for bar in axes.patches if isinstance(bar, Rectangle))
    assert bars == pytest.approx(sorted(sold["amount_cny"] / 1e6))
    plt.close("all")


def test_pairs_are_a_grid_of_lifts(found: ProductAnalysis) -> None:
    axes = found.plot(what="cross_holding", level="category")
    pairs = found.cross_holding[found.cross_holding["level"] == "category"]
    assert len(axes.texts) == 2 * len(pairs)
    assert f"{pairs['lift'].iloc[0]:.1f}" in {text.get_text() for text in axes.texts}
    plt.close("all")


def test_new_money_is_drawn_by_product(found: ProductAnalysis) -> None:
    axes = found.plot(what="moved", language="zh")
    bought = found.moved[(found.moved["level"] == "product") & (found.moved["buyers"] > 0)]
    assert len(axes.get_yticks()) == len(bought)
    with pytest.raises(InvalidInput, match="level must be one of"):
        found.plot(level="all")
    plt.close("all")
