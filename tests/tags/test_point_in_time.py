"""Nothing that came true, or became known, after `as_of` changes a tag."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import pytest

from marketing_ds.tags import catalogue

from .conftest import OpenTables, Rows, frame_of

AS_OF = "2026-06-05"
BEFORE = dt.datetime(2026, 6, 5, 23, 59, 59)
AFTER = dt.datetime(2026, 6, 6, 0, 0, 0)


def _transaction(occurred: dt.datetime, recorded: dt.datetime) -> dict[str, Any]:
    return {
        "transaction_id": "planted", "customer_id": "c01", "product_id": "P-WEA",
        "occurred_at": occurred, "recorded_on": recorded.date(), "kind": "salary",
        "amount_cny": 1e6, "channel": "branch",
    }  # fmt: skip


def _event(occurred: dt.datetime, recorded: dt.datetime) -> dict[str, Any]:
    return {
        "event_id": "planted", "customer_id": "c12", "occurred_at": occurred,
        "recorded_on": recorded.date(), "channel": "web", "session_id": None, "event": "click",
        "page": "loan", "campaign_id": None, "duration_s": 9e5,
    }  # fmt: skip


def _holding(day: dt.datetime) -> dict[str, Any]:
    return {
        "customer_id": "c01", "product_id": "P-WEA", "snapshot_date": day.date(),
        "balance_cny": 1e9, "matures_on": dt.date(2026, 6, 20),
    }  # fmt: skip


def _contact(sent: dt.datetime) -> dict[str, Any]:
    return {
        "contact_id": "planted", "customer_id": "c12", "campaign_id": "K2", "channel": "app",
        "sent_at": sent, "opened_at": sent, "clicked_at": sent, "cost_cny": 1.0,
    }  # fmt: skip


def _assignment(at: dt.datetime) -> dict[str, Any]:
    return {
        "customer_id": "c12", "campaign_id": "K2", "arm": "control", "probability": None,
        "assigned_at": at,
    }  # fmt: skip


def _grant(granted: dt.datetime, redeemed: dt.datetime | None) -> dict[str, Any]:
    return {
        "grant_id": "planted", "benefit_id": "B1", "customer_id": "c12", "campaign_id": "K2",
        "granted_at": granted, "redeemed_at": redeemed, "reversed_at": None, "cost_cny": 0.0,
    }  # fmt: skip


def _outcome(day: dt.datetime, outcome: str = "converted") -> dict[str, Any]:
    return {
        "customer_id": "c12", "campaign_id": "K1", "outcome": outcome, "value": 1.0,
        "observed_on": day.date(),
    }  # fmt: skip


def _attribute(day: dt.datetime, name: str = "score") -> dict[str, Any]:
    return {
        "customer_id": "c01", "attribute": name, "effective_on": day.date(), "number": 99.0,
        "text": None,
    }  # fmt: skip


KNOWN = {
    "campaign_outcomes": [_outcome(dt.datetime(2026, 5, 20), "visited")],
    "customer_attributes": [_attribute(dt.datetime(2026, 5, 1)) | {"number": 1.0}],
}
PLANTED = {
    "transactions, in the future": ("transactions", [_transaction(AFTER, AFTER)]),
    "transactions, late": ("transactions", [_transaction(BEFORE, AFTER)]),
    "events, in the future": ("events", [_event(AFTER, AFTER)]),
    "events, late": ("events", [_event(BEFORE, AFTER)]),
    "holdings": ("holdings", [_holding(AFTER)]),
    "contacts": ("contacts", [_contact(AFTER)]),
    "contacts, opened later": (
        "contacts",
        [_contact(BEFORE) | {"opened_at": AFTER, "clicked_at": AFTER}],
    ),
    "assignments": ("assignments", [_assignment(AFTER)]),
    "benefit grants": ("benefit_grants", [_grant(AFTER, AFTER)]),
    "benefit grants, redeemed later": ("benefit_grants", [_grant(BEFORE, AFTER)]),
    "campaign outcomes": ("campaign_outcomes", [_outcome(AFTER)]),
    "customer attributes": (
        "customer_attributes",
        [_attribute(AFTER), _attribute(AFTER, "new_score")],
    ),
}


def _tags_of(source: str) -> list[str] | None:
    if source == "customer_attributes":
        return ["attr_score"]
    return [tag.name for tag in catalogue() if source in tag.sources]


def _hidden(rows: Rows) -> Rows:
    """The rows as they were known: none from the future or late, later steps not yet taken."""
    known = []
    for row in rows:
        dates = [v for k, v in row.items() if k not in ("opened_at", "clicked_at", "redeemed_at")]
        moments = [d for d in dates if isinstance(d, dt.date) and d != row.get("matures_on")]
        if all(pd.Timestamp(moment) < pd.Timestamp(AFTER) for moment in moments):
            steps = ("opened_at", "clicked_at", "redeemed_at")
            known.append(row | {s: None for s in steps if row.get(s) and row[s] >= AFTER})
    return known


@pytest.mark.parametrize("case", PLANTED)
def test_rows_that_were_not_known_by_then_change_nothing(
    case: str, tiny_tables: dict[str, Rows], open_tables: OpenTables
) -> None:
    source, planted = PLANTED[case]
    tables = tiny_tables | KNOWN
    full = open_tables(tables | {source: tables[source] + planted})
    hidden = open_tables(tables | {source: tables[source] + _hidden(planted)})
    tags = _tags_of(source)
    pd.testing.assert_frame_equal(frame_of(full, AS_OF, tags), frame_of(hidden, AS_OF, tags))


@pytest.mark.parametrize(
    ("source", "row"),
    [
        ("transactions", _transaction(BEFORE, BEFORE)),
        ("events", _event(BEFORE, BEFORE)),
        ("holdings", _holding(dt.datetime(2026, 5, 31))),
        ("contacts", _contact(BEFORE)),
        ("assignments", _assignment(BEFORE)),
        ("benefit_grants", _grant(BEFORE, BEFORE)),
        ("campaign_outcomes", _outcome(BEFORE)),
        ("customer_attributes", _attribute(BEFORE)),
    ],
)
def test_the_same_rows_count_up_to_the_last_second_of_the_day(
    source: str, row: dict[str, Any], tiny_tables: dict[str, Rows], open_tables: OpenTables
) -> None:
    tables = tiny_tables | KNOWN
    without, with_row = open_tables(tables), open_tables(tables | {source: [*tables[source], row]})
    tags = _tags_of(source)
    changed = frame_of(with_row, AS_OF, tags).compare(frame_of(without, AS_OF, tags))
    assert changed.index.tolist() == [row["customer_id"]]


def test_customers_opened_later_are_not_there(
    tiny_tables: dict[str, Rows], open_tables: OpenTables
) -> None:
    mart = open_tables(tiny_tables)
    assert "c11" not in frame_of(mart, AS_OF, ["tenure_days"]).index
    assert frame_of(mart, "2026-06-15", ["tenure_days"]).loc["c11", "tenure_days"] == 0


def test_an_attribute_that_begins_later_is_no_tag_yet(
    tiny_tables: dict[str, Rows], open_tables: OpenTables
) -> None:
    mart = open_tables(
        tiny_tables | {"customer_attributes": [_attribute(BEFORE), _attribute(AFTER, "new_score")]}
    )
    assert [name for name in catalogue(mart, AS_OF).names if name.startswith("attr_")] == [
        "attr_score"
    ]


def test_all_tags_equal_those_of_a_mart_that_ends_that_day(
    tiny_tables: dict[str, Rows], open_tables: OpenTables
) -> None:
    tables = tiny_tables | KNOWN
    full = open_tables(tables)
    ended = open_tables(
        tables
        | {
            name: _hidden(rows)
            for name, rows in tables.items()
            if name not in ("products", "benefits", "offers", "campaigns")
        }
    )
    pd.testing.assert_frame_equal(frame_of(full, AS_OF), frame_of(ended, AS_OF))
