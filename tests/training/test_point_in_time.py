"""Rows of the future, and rows that came late, change neither features nor labels."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from marketing_ds.mart import open_mart
from marketing_ds.training import training_set

CUTOFF, AFTER_CUTOFF = "2026-05-10", dt.datetime(2026, 5, 11)
BEFORE_CUTOFF = dt.datetime(2026, 5, 10, 23, 59)
END, AFTER_END = dt.datetime(2026, 5, 20, 23, 59), dt.datetime(2026, 5, 21)


def _transaction(moment, recorded, kind="purchase"):
    return {
        "transaction_id": "planted", "customer_id": "c10", "product_id": "P-FUN",
        "occurred_at": moment, "recorded_on": recorded.date(), "kind": kind,
        "amount_cny": 1e6, "channel": "app",
    }  # fmt: skip


def _event(moment, recorded):
    return {
        "event_id": "planted", "customer_id": "c10", "occurred_at": moment,
        "recorded_on": recorded.date(), "channel": "app", "session_id": None, "event": "view",
        "page": "fund", "campaign_id": None, "duration_s": 9e5,
    }  # fmt: skip


def _holding(moment):
    return {
        "customer_id": "c10", "product_id": "P-FUN", "snapshot_date": moment.date(),
        "balance_cny": 1e9, "matures_on": None,
    }  # fmt: skip


def _contact(moment):
    return {
        "contact_id": "planted", "customer_id": "c10", "campaign_id": "K1", "channel": "app",
        "sent_at": moment, "opened_at": moment, "clicked_at": moment, "cost_cny": 0.0,
    }  # fmt: skip


PLANTED = {
    "a purchase after the horizon": ("transactions", _transaction(AFTER_END, AFTER_END)),
    "a purchase before the cut-off, known after it": (
        "transactions", _transaction(BEFORE_CUTOFF, AFTER_CUTOFF),
    ),
    "a purchase in the horizon, known after as_of": (
        "transactions", _transaction(END, dt.datetime(2026, 6, 1)),
    ),
    "another move in the horizon": (
        "transactions", _transaction(AFTER_CUTOFF, AFTER_CUTOFF, "salary"),
    ),
    "an event after the cut-off": ("events", _event(AFTER_CUTOFF, AFTER_CUTOFF)),
    "an event known after the cut-off": ("events", _event(BEFORE_CUTOFF, AFTER_CUTOFF)),
    "a balance after the cut-off": ("holdings", _holding(AFTER_CUTOFF)),
    "a contact after the cut-off": ("contacts", _contact(AFTER_CUTOFF)),
}  # fmt: skip


TAGS = [
    "purchases_30d", "inflow_30d_cny", "transaction_days_30d", "days_since_purchase",
    "average_purchase_365d_cny", "events_30d", "active_days_30d", "fund_pages_90d",
    "time_spent_30d", "aum", "fund_cny", "holds_fund", "contacts_30d", "contact_clicks_90d",
    "days_since_contact", "lifecycle", "rfm_class",
]  # fmt: skip


def _made(mart):
    return training_set(
        mart, "bought fund", [CUTOFF], horizon=10, as_of="2026-05-25", tags=TAGS, max_auc=1
    )


@pytest.fixture(scope="module")
def plain(tiny_mart_dir, tmp_path_factory):
    with open_mart(tiny_mart_dir, workspace=tmp_path_factory.mktemp("plain")) as mart:
        return _made(mart)


@pytest.mark.parametrize("what", PLANTED)
def test_nothing_planted_changes_anything(tiny_tables, open_tables, plain, what):
    table, row = PLANTED[what]
    made = _made(open_tables({**tiny_tables, table: [*tiny_tables[table], row]}))
    pd.testing.assert_frame_equal(made.X, plain.X)
    pd.testing.assert_series_equal(made.y, plain.y)


@pytest.mark.parametrize(
    ("moment", "recorded", "column"),
    [(BEFORE_CUTOFF, BEFORE_CUTOFF, "purchases_30d"), (AFTER_CUTOFF, END, None)],
)
def test_what_is_known_in_time_does_change_it(
    tiny_tables, open_tables, plain, moment, recorded, column
):
    tiny_tables["transactions"].append(_transaction(moment, recorded))
    made = _made(open_tables(tiny_tables))
    row = (made.groups == "c10").to_numpy()
    if column is None:
        assert (plain.y[row].item(), made.y[row].item()) == (0, 1)
        pd.testing.assert_frame_equal(made.X, plain.X)
    else:
        assert made.X.loc[row, column].item() == plain.X.loc[row, column].item() + 1
        pd.testing.assert_series_equal(made.y, plain.y)


def test_a_row_of_the_future_changes_nothing_on_spark_either(
    tiny_tables, open_tables, spark_session
):
    tags = ["purchases_30d", "events_30d", "aum"]
    table, row = PLANTED["a purchase before the cut-off, known after it"]
    planted = {**tiny_tables, table: [*tiny_tables[table], row]}
    here, there = (
        training_set(open_tables(tables, engine), "bought fund", [CUTOFF], horizon=10, tags=tags,
                     max_auc=1)
        for tables, engine in ((tiny_tables, "duckdb"), (planted, "spark"))
    )  # fmt: skip
    pd.testing.assert_frame_equal(here.X, there.X)
    pd.testing.assert_series_equal(here.y, there.y)
