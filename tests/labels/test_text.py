"""Labels as text."""

from __future__ import annotations

import pytest

from marketing_ds import labels
from marketing_ds._core.errors import InvalidInput
from marketing_ds.labels import read_label


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("bought", labels.bought()),
        ("bought fund", labels.bought(category="fund")),
        ("  bought   product P012 ", labels.bought(product_id="P012")),
        ("balance up by 10 %", labels.balance_up()),
        ("balance of funds up by 10%", labels.balance_up(category="fund")),
        ("balance of wealth up by 2.5 %", labels.balance_up(by=0.025, category="wealth")),
        ("balance of product P1 up by 10 %", labels.balance_up(product_id="P1")),
        ("inactive", labels.inactive()),
        ("clicked", labels.clicked()),
        ("clicked of K06", labels.clicked(campaign_id="K06")),
        ("redeemed", labels.redeemed()),
        ("outcome visit", labels.outcome("visit")),
        ("outcome net sales of K06", labels.outcome("net sales", campaign_id="K06")),
    ],
)
def test_what_a_text_says(text, label):
    assert read_label(text) == label


def test_a_label_is_handed_back():
    label = labels.inactive()
    assert read_label(label) is label


def test_a_bare_name_is_an_outcome_of_the_last_campaign(tiny_mart):
    assert read_label("converted", tiny_mart) == labels.outcome("converted")
    assert read_label("converted", tiny_mart, as_of="2026-06-15") == labels.outcome("converted")


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("bought funds", "bought fund"),
        ("inactiv", "inactive"),
        ("convertd", "converted"),
        ("balance of gold up by 10 %", "balance of <category> up by <n> %"),
    ],
)
def test_an_unknown_text_names_the_nearest(tiny_mart, text, near):
    with pytest.raises(InvalidInput, match=f"an outcome of K1 .*did you mean '{near}'"):
        read_label(text, tiny_mart)


def test_without_a_finished_campaign_the_message_says_so(tiny_mart):
    with pytest.raises(InvalidInput, match="no randomised campaign whose outcomes are complete"):
        read_label("converted", tiny_mart, as_of="2026-05-20")


def test_a_label_must_be_one_or_a_text():
    with pytest.raises(InvalidInput, match="got int"):
        read_label(3)
    with pytest.raises(InvalidInput, match=r"got 'xyz'$"):
        read_label("xyz")
