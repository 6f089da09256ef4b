"""Each declared label, on both engines, against what the tiny mart was made to hold."""

from __future__ import annotations

import datetime as dt

import pytest

from marketing_ds import labels
from marketing_ds._core.errors import InvalidInput, MartError

from .conftest import positives, told

EVERYBODY = {f"c{n:02d}" for n in range(1, 13)}


def test_bought_in_a_category_of_a_product_and_at_all(engine_mart):
    fund = labels.bought(category="fund")
    assert positives(engine_mart, fund, "2026-04-30", 10) == {"c02", "c03", "c06"}
    assert positives(engine_mart, fund, "2026-05-10", 10) == {"c04", "c05"}
    wealth = labels.bought(product_id="P-WEA")
    assert positives(engine_mart, wealth, "2026-05-31", 10) == {"c01"}
    everything = told(engine_mart, labels.bought(), "2026-05-03", 29)
    assert {c for c, label in everything.items() if label} == {"c02", "c03", "c04", "c05"}
    assert set(everything) == EVERYBODY - {"c11"}  # opened later


def test_a_balance_that_grew_by_just_the_share_counts(engine_mart):
    deposit = labels.balance_up(by=0.1, category="deposit")
    assert positives(engine_mart, deposit, "2026-04-30", 31) == EVERYBODY - {"c11"}
    assert positives(engine_mart, labels.balance_up(by=0.101), "2026-04-30", 31) == set()


def test_a_balance_speaks_only_of_those_who_have_one(tiny_mart):
    fund = labels.balance_up(category="fund")
    assert set(told(tiny_mart, fund, "2026-05-15", 20)) == {"c03", "c06", "c09", "c12"}
    one = labels.balance_up(product_id="P-FUN", by=0.05)
    assert positives(tiny_mart, one, "2026-05-31", 30) == {"c03", "c06", "c09", "c12"}


def test_a_balance_that_is_gone_did_not_grow(tiny_tables, open_tables):
    tiny_tables["holdings"] = [
        row
        for row in tiny_tables["holdings"]
        if (row["customer_id"], row["product_id"], row["snapshot_date"].month)
        != ("c03", "P-FUN", 5)
    ]
    found = told(open_tables(tiny_tables), labels.balance_up(category="fund"), "2026-04-30", 31)
    assert found == {"c03": 0, "c06": 1, "c09": 1, "c12": 1}


def test_a_horizon_without_a_snapshot_is_refused(tiny_mart):
    with pytest.raises(InvalidInput, match="horizon must hold a snapshot of holdings"):
        labels.balance_up().table(tiny_mart, "2026-04-30", 30)
    with pytest.raises(InvalidInput, match="before the first snapshot"):
        labels.balance_up().table(tiny_mart, "2026-04-29", 30)


def test_inactive_speaks_of_those_who_were_active(engine_mart):
    # Events: c01, c04 and c07 in April, c02, c05 and c08 in May, c03, c06 and c09 in June.
    away = labels.inactive(active_within=None)
    everybody = told(engine_mart, away, "2026-04-30", 31)
    assert set(everybody) == EVERYBODY - {"c11"}
    assert {c for c, label in everybody.items() if not label} == {"c02", "c05", "c08"}
    assert told(engine_mart, labels.inactive(), "2026-04-30", 31) == dict.fromkeys(
        ["c01", "c04", "c07"], 1
    )


def test_clicked_counts_the_day_of_the_click(engine_mart):
    assert positives(engine_mart, labels.clicked(), "2026-05-03", 10) == {"c02", "c08"}
    assert positives(engine_mart, labels.clicked(), "2026-05-04", 10) == set()
    assert positives(engine_mart, labels.clicked(campaign_id="K2"), "2026-05-03", 10) == set()


def test_redeemed_and_not_reversed_within_the_horizon(engine_mart):
    redeemed = labels.redeemed()
    assert positives(engine_mart, redeemed, "2026-05-07", 2) == {"c02", "c05"}
    assert positives(engine_mart, redeemed, "2026-05-07", 5) == {"c02"}  # c05's undone on the 12th
    assert positives(engine_mart, labels.redeemed(campaign_id="K2"), "2026-05-07", 5) == set()


def test_an_outcome_of_a_campaign_brings_its_days(engine_mart):
    converted = labels.outcome("converted", campaign_id="K1")
    cutoff, days = converted.own_window(engine_mart)
    assert (cutoff, days) == (dt.date(2026, 5, 3), 21)  # to 10 May, and 14 days of attribution
    assert positives(engine_mart, converted, str(cutoff), days) == {"c02", "c03", "c04"}
    assert len(told(engine_mart, converted, str(cutoff), days)) == 9
    last = labels.outcome("clicked")
    assert last.own_window(engine_mart) == (cutoff, days)
    assert positives(engine_mart, last, str(cutoff), days) == {"c02", "c08"}


def test_an_outcome_speaks_of_nobody_assigned_before_or_whose_time_is_not_over(tiny_mart):
    converted = labels.outcome("converted", campaign_id="K1")
    assert told(tiny_mart, converted, "2026-05-04", 30) == {}
    assert told(tiny_mart, converted, "2026-05-03", 14) == {}
    assert len(told(tiny_mart, converted, "2026-05-03", 15)) == 9


def test_an_unknown_outcome_names_those_there_are(tiny_mart):
    label = labels.outcome("convertd", campaign_id="K1")
    with pytest.raises(InvalidInput, match=r"one of K1's \(converted.*did you mean 'converted'"):
        label.table(tiny_mart, "2026-05-03", 20)


def test_a_horizon_that_is_not_over_names_the_latest_cutoff(tiny_mart):
    with pytest.raises(InvalidInput, match="use a cutoff of 2026-05-31 or earlier"):
        labels.bought().table(tiny_mart, "2026-06-01", 30)
    with pytest.raises(InvalidInput, match=r"after as_of, 2026-05-20.*2026-05-10 or earlier"):
        labels.bought().table(tiny_mart, "2026-05-15", 10, as_of="2026-05-20")
    with pytest.raises(InvalidInput, match="as_of must not lie after the mart's last date"):
        labels.bought().table(tiny_mart, "2026-05-15", 10, as_of="2026-07-20")


@pytest.mark.parametrize(
    ("label", "missing"),
    [
        (labels.bought(), "transactions"),
        (labels.inactive(), "events"),
        (labels.clicked(), "contacts"),
        (labels.redeemed(), "benefit_grants"),
        (labels.balance_up(), "holdings"),
        (labels.outcome("visit", campaign_id="K1"), "assignments"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_mart_without_its_table_says_so(tiny_tables, open_tables, label, missing):
    del tiny_tables[missing]
    with pytest.raises(MartError, match=rf"label '{label.name}' needs the table\(s\) '{missing}'"):
        label.table(open_tables(tiny_tables), "2026-05-03", 20)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: labels.bought(category="funds"), "did you mean 'fund'"),
        (lambda: labels.bought(category="fund", product_id="P"), "must not both be given"),
        (lambda: labels.bought(product_id=""), "product_id must be an id as text"),
        (lambda: labels.balance_up(by=0), "by must be greater than 0"),
        (lambda: labels.inactive(active_within=0), "active_within must be at least 1"),
        (lambda: labels.clicked(campaign_id=7), "campaign_id must be an id as text"),
        (lambda: labels.outcome(""), "name must be the name of an outcome"),
        (lambda: labels.Label("Bad name", "", "", "", labels.bought().rule), "name must be lower"),
    ],
)
def test_a_bad_declaration_is_refused_at_once(make, message):
    with pytest.raises(InvalidInput, match=message):
        make()


def test_ids_that_the_mart_does_not_have_are_named(tiny_mart):
    with pytest.raises(InvalidInput, match=r"product_id must be one.*did you mean 'P-FUN'"):
        labels.bought(product_id="P-FUM").table(tiny_mart, "2026-05-03", 5)
    with pytest.raises(InvalidInput, match=r"campaign_id must be one of the mart's \(K1, K2\)"):
        labels.clicked(campaign_id="K9").table(tiny_mart, "2026-05-03", 5)
    with pytest.raises(InvalidInput, match="did you mean 'P-DEP'"):
        labels.balance_up(product_id="P-DEB").table(tiny_mart, "2026-05-31", 30)


def test_labels_are_equal_by_what_they_say():
    assert labels.bought(category="fund") == labels.bought(category="fund")
    assert labels.bought(category="fund") != labels.bought(category="wealth")
    assert hash(labels.balance_up()) == hash(labels.balance_up(by=0.1))


@pytest.mark.parametrize(
    ("label", "name", "english", "chinese", "read"),
    [
        (labels.bought(product_id="7-X"), "bought_x7_x", "Bought product 7-X", "购买产品7-X",
         "transactions.recorded_on"),
        (labels.balance_up(by=0.125), "balance_up_12_5pct", "Balance up by 12.5 %",
         "资产余额上升12.5%", "holdings.balance_cny"),
        (labels.clicked(campaign_id="K6"), "clicked_k6", "Clicked a message of K6", "点击K6消息",
         "contacts.clicked_at"),
        (labels.redeemed(), "redeemed", "Redeemed a benefit", "核销权益",
         "benefit_grants.reversed_at"),
        (labels.inactive(), "inactive", "No active day", "无活跃日", "events.occurred_at"),
        (labels.outcome("first_buy"), "first_buy", "First buy in the last campaign",
         "最近一次活动结果：first_buy", "campaign_outcomes.value"),
    ],
)  # fmt: skip
def test_names_titles_and_lineage(label, name, english, chinese, read):
    assert (label.name, label.title(), label.title("zh")) == (name, english, chinese)
    assert read in label.lineage
    assert label.description.startswith("1: ")
    assert {raw.split(".")[0] for raw in label.lineage} >= set(label.tables)
