"""The parts that a report is built from."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import pytest

from marketing_ds.evaluation.report.parts import (
    EffectScale,
    between,
    card,
    cards,
    effect_bar,
    money,
    percent,
    section,
    shade,
    share_bar,
    table,
    whole,
)


@pytest.mark.parametrize("text", [whole(math.nan), percent(math.nan), money(math.nan)])
def test_what_is_not_known_is_a_dash(text: str) -> None:
    assert text == "—"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "¥0.00"), (-1234.5, "-¥1,234"), (999.994, "¥999.99"), (1000, "¥1,000")],
)
def test_money_shows_cents_of_small_amounts_only(value: float, text: str) -> None:
    assert money(value) == text


def test_signs_are_shown_where_asked_for() -> None:
    assert (money(5, signed=True), percent(0.5, signed=True)) == ("+¥5.00", "+50.0 %")


def test_text_is_escaped_and_notes_stand_under_the_heading() -> None:
    made = ET.fromstring(section("A < B", "x & y", note="how to read it"))
    assert made.findtext("h2") == "A < B"
    assert made.findtext("p[@class='note']") == "how to read it"
    assert "x & y" in "".join(made.itertext())
    assert ET.fromstring(section("A")).find("p") is None


def test_cards_stand_side_by_side() -> None:
    made = ET.fromstring(cards(card("one", "1"), card("two", "2")))
    assert [part.findtext("h3") for part in made.findall("div[@class='card']")] == ["one", "two"]


def test_a_table_sets_numbers_right_and_words_left() -> None:
    made = ET.fromstring(table(["arm", "n"], [("sms", 3), ("mail", between("1", "2"))]))
    head = made.findall(".//th")
    assert [cell.get("class") for cell in head] == [None, "number"]
    rows = made.findall(".//tbody/tr")
    assert ["".join(row.itertext()) for row in rows] == ["sms3", "mail[1, 2]"]
    assert [cell.get("class") for cell in rows[0]] == [None, "number"]


def test_zero_lies_inside_every_scale_of_effects() -> None:
    scale = EffectScale.over([3.0, 5.0, math.inf], width=100)
    assert 0 < scale.at(0) < scale.at(3) < scale.at(5) < 100
    assert scale.at(math.inf) == 100
    assert EffectScale.over([]).at(0) == 110


@pytest.mark.parametrize(
    ("ends", "side"), [((0.1, 0.3), "up"), ((-0.3, -0.1), "down"), ((-0.1, 0.3), "open")]
)
def test_an_effect_has_the_colour_of_what_its_interval_says(
    ends: tuple[float, float], side: str
) -> None:
    scale = EffectScale.over(ends)
    made = ET.fromstring(effect_bar(scale, sum(ends) / 2, ends, label="an effect"))
    dot = made.find("circle")
    assert dot is not None
    assert dot.get("class") == side
    assert made.get("aria-label") == "an effect"


def test_an_effect_that_is_not_known_has_no_dot() -> None:
    made = ET.fromstring(effect_bar(EffectScale.over([1]), math.nan, (-1, 1), label="none"))
    assert made.find("circle") is None


def test_a_bar_is_as_long_as_its_part_of_the_greatest() -> None:
    wide = [
        ET.fromstring(share_bar(value, 4.0, label="b", width=100)).find("rect").get("width")  # type: ignore[union-attr]
        for value in (4.0, 1.0, math.nan)
    ]
    assert [float(str(w)) for w in wide] == [100.0, 25.0, 0.0]
    assert 'width="0"' in share_bar(1.0, 0.0, label="b")


def test_a_cell_is_the_deeper_the_larger_its_value() -> None:
    assert shade(math.nan, 1) is None
    assert shade(1, 0) is None
    assert shade(1, 1) == shade(2, 1) == "background:rgba(31,95,168,0.50)"
    assert shade(0, 1) == "background:rgba(31,95,168,0.04)"
