"""Nothing outside the horizon changes a label; what was recorded late counts once it is known."""

from __future__ import annotations

import datetime as dt

import pytest

from marketing_ds import labels

from .conftest import told

CUTOFF, DAYS = "2026-05-07", 7
BEFORE = dt.datetime(2026, 5, 7, 23, 59, 59)
FIRST = dt.datetime(2026, 5, 8)
LAST = dt.datetime(2026, 5, 14, 23, 59, 59)
AFTER = dt.datetime(2026, 5, 15)


def _transaction(moment, recorded=None):
    return "transactions", {
        "transaction_id": "planted", "customer_id": "c10", "product_id": "P-FUN",
        "occurred_at": moment, "recorded_on": (recorded or moment).date(), "kind": "purchase",
        "amount_cny": 10.0, "channel": "app",
    }  # fmt: skip


def _event(moment, recorded=None):
    return "events", {
        "event_id": "planted", "customer_id": "c10", "occurred_at": moment,
        "recorded_on": (recorded or moment).date(), "channel": "app", "session_id": None,
        "event": "view", "page": None, "campaign_id": None, "duration_s": None,
    }  # fmt: skip


def _click(moment, sent=dt.datetime(2026, 5, 4)):
    return "contacts", {
        "contact_id": "planted", "customer_id": "c10", "campaign_id": "K1", "channel": "app",
        "sent_at": sent, "opened_at": sent, "clicked_at": moment, "cost_cny": 0.0,
    }  # fmt: skip


def _redemption(moment, undone=None):
    return "benefit_grants", {
        "grant_id": "planted", "benefit_id": "B1", "customer_id": "c10", "campaign_id": "K1",
        "granted_at": dt.datetime(2026, 5, 4), "redeemed_at": moment, "reversed_at": undone,
        "cost_cny": 0.0,
    }  # fmt: skip


MAKERS = {
    "bought": (labels.bought(), _transaction, 1),
    "inactive": (labels.inactive(active_within=None), _event, 0),
    "clicked": (labels.clicked(), _click, 1),
    "redeemed": (labels.redeemed(), _redemption, 1),
}


@pytest.fixture(params=MAKERS, ids=str)
def case(request):
    return MAKERS[request.param]


def _with(tiny_tables, planted):
    table, row = planted
    return {**tiny_tables, table: [*tiny_tables[table], row]}


@pytest.mark.parametrize("moment", [FIRST, LAST])
def test_the_first_and_the_last_moment_count(tiny_tables, open_tables, case, moment):
    label, make, truth = case
    mart = open_tables(_with(tiny_tables, make(moment)))
    assert told(mart, label, CUTOFF, DAYS)["c10"] == truth
    assert told(open_tables(tiny_tables), label, CUTOFF, DAYS)["c10"] == 1 - truth


@pytest.mark.parametrize("moment", [BEFORE, AFTER])
def test_the_moments_beside_it_change_nothing(tiny_tables, open_tables, case, moment):
    label, make, _ = case
    mart = open_tables(_with(tiny_tables, make(moment)))
    assert told(mart, label, CUTOFF, DAYS) == told(open_tables(tiny_tables), label, CUTOFF, DAYS)


@pytest.mark.parametrize("name", ["bought", "inactive"])
def test_what_was_recorded_late_counts_once_it_is_known(tiny_tables, open_tables, name):
    label, make, truth = MAKERS[name]
    mart = open_tables(_with(tiny_tables, make(LAST, dt.datetime(2026, 5, 20))))
    assert told(mart, label, CUTOFF, DAYS)["c10"] == truth
    assert told(mart, label, CUTOFF, DAYS, as_of="2026-05-20")["c10"] == truth
    assert told(mart, label, CUTOFF, DAYS, as_of="2026-05-19")["c10"] == 1 - truth


@pytest.mark.parametrize("name", ["bought", "inactive"])
def test_what_was_before_and_recorded_after_the_cutoff_changes_nothing(
    tiny_tables, open_tables, name
):
    label, make, _ = MAKERS[name]
    mart = open_tables(_with(tiny_tables, make(BEFORE, FIRST)))
    assert told(mart, label, CUTOFF, DAYS) == told(open_tables(tiny_tables), label, CUTOFF, DAYS)


def test_who_was_active_is_asked_as_it_was_known_at_the_cutoff(tiny_tables, open_tables):
    churn = labels.inactive(active_within=30)
    known = open_tables(_with(tiny_tables, _event(BEFORE)))
    assert told(known, churn, CUTOFF, DAYS)["c10"] == 1
    late = open_tables(_with(tiny_tables, _event(BEFORE, FIRST)))
    assert "c10" not in told(late, churn, CUTOFF, DAYS)
    long_ago = open_tables(_with(tiny_tables, _event(dt.datetime(2026, 4, 7, 23))))
    assert "c10" not in told(long_ago, churn, CUTOFF, DAYS)


def test_a_redemption_undone_after_the_horizon_stays_one(tiny_tables, open_tables):
    later = open_tables(_with(tiny_tables, _redemption(FIRST, undone=AFTER)))
    assert told(later, labels.redeemed(), CUTOFF, DAYS)["c10"] == 1
    within = open_tables(_with(tiny_tables, _redemption(FIRST, undone=LAST)))
    assert told(within, labels.redeemed(), CUTOFF, DAYS)["c10"] == 0


def test_balances_beside_the_two_snapshots_change_nothing(tiny_tables, open_tables):
    label = labels.balance_up(category="deposit")
    row = {"customer_id": "c01", "product_id": "P-DEP", "balance_cny": 1e9, "matures_on": None}
    planted = [row | {"snapshot_date": dt.date(2026, 6, 29)}]
    mart = open_tables({**tiny_tables, "holdings": [*tiny_tables["holdings"], *planted]})
    plain = open_tables(tiny_tables)
    assert told(mart, label, "2026-04-30", 31) == told(plain, label, "2026-04-30", 31)
