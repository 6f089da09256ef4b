"""What the tags say: windows, zeros and nulls, balances, stages."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from marketing_ds.tags.declared import _stages as stages

from .conftest import OpenTables, Rows, frame_of

AS_OF = dt.date(2026, 6, 30)


def _transaction(number: int, customer: str, day: dt.date, **changes: Any) -> dict[str, Any]:
    return {
        "transaction_id": f"X{number}", "customer_id": customer, "product_id": None,
        "occurred_at": dt.datetime.combine(day, dt.time(12)), "recorded_on": day,
        "kind": "payment", "amount_cny": 10.0, "channel": "web",
    } | changes  # fmt: skip


def _days_ago(days: int) -> dt.date:
    return AS_OF - dt.timedelta(days=days)


@pytest.mark.parametrize("days", [30, 90, 180])
def test_a_window_has_its_days_and_no_more(
    days: int, tiny_tables: dict[str, Rows], open_tables: OpenTables
) -> None:
    first, outside = _days_ago(days - 1), _days_ago(days)
    rows = [
        _transaction(1, "c01", first, occurred_at=dt.datetime.combine(first, dt.time())),
        _transaction(2, "c02", outside, occurred_at=dt.datetime.combine(outside, dt.time.max)),
        _transaction(3, "c03", AS_OF, occurred_at=dt.datetime.combine(AS_OF, dt.time.max)),
    ]
    mart = open_tables(tiny_tables | {"transactions": rows})
    counts = frame_of(mart, "2026-06-30", [f"transactions_{days}d"])[f"transactions_{days}d"]
    assert counts[["c01", "c02", "c03", "c04"]].tolist() == [1, 0, 1, 0]


def test_transaction_tags_equal_a_count_by_hand(
    tiny_tables: dict[str, Rows], open_tables: OpenTables
) -> None:
    rng = np.random.default_rng(5)
    kinds = ("salary", "deposit", "interest", "payment", "purchase", "fee")
    rows = [
        _transaction(
            n,
            f"c{rng.integers(1, 8):02d}",
            _days_ago(int(rng.integers(0, 200))),
            kind=str(rng.choice(kinds)),
            channel=str(rng.choice(["app", "web", "branch"])),
            amount_cny=float(rng.integers(1, 1000)),
        )
        for n in range(400)
    ]
    tags = [
        "days_since_transaction", "transactions_90d", "inflow_90d_cny", "outflow_180d_cny",
        "transaction_days_90d", "salary_90d_cny", "salary_found", "top_transaction_channel_90d",
    ]  # fmt: skip
    found = frame_of(open_tables(tiny_tables | {"transactions": rows}), "2026-06-30", tags)
    data = pd.DataFrame(rows)
    data["ago"] = [(AS_OF - day).days for day in data["recorded_on"]]
    for customer, own in data.groupby("customer_id"):
        recent = own[own["ago"] < 90]
        active = own[~own["kind"].isin(["interest", "fee"])]
        inward = recent[recent["kind"].isin(["salary", "deposit", "interest"])]
        outward = own[(own["ago"] < 180) & own["kind"].isin(["payment", "purchase", "fee"])]
        salaries = own[own["kind"] == "salary"]
        by_channel = recent["channel"].value_counts().reindex(["app", "web", "branch"]).fillna(0)
        assert found.loc[str(customer)].tolist() == [
            active["ago"].min(),
            len(recent),
            inward["amount_cny"].sum(),
            outward["amount_cny"].sum(),
            recent["ago"].nunique(),
            salaries.loc[salaries["ago"] < 90, "amount_cny"].sum(),
            bool((salaries["ago"] < 60).any()),
            by_channel.idxmax(),  # the first of the largest, as in the tag
        ]


def test_customers_without_rows_have_zeros_and_nulls(
    tiny_tables: dict[str, Rows], open_tables: OpenTables
) -> None:
    tags = ["days_since_event", "events_90d", "time_spent_30d", "active_days_90d", "app_share_90d"]
    frame = frame_of(open_tables(tiny_tables), "2026-06-30", [*tags, "favourite_page_90d"])
    silent = frame.loc["c12"]
    assert silent[["events_90d", "time_spent_30d", "active_days_90d"]].tolist() == [0, 0.0, 0]
    assert silent[["days_since_event", "app_share_90d", "favourite_page_90d"]].isna().all()


def test_balances_are_those_of_the_last_snapshot(
    tiny_tables: dict[str, Rows], open_tables: OpenTables
) -> None:
    # c03 sold its fund in June; c02 owes on a card; c05 has a deposit that ends in July.
    rows = [
        row
        for row in tiny_tables["holdings"]
        if not (row["customer_id"] == "c03" and row["product_id"] == "P-FUN" and row["snapshot_date"] == AS_OF)
    ]  # fmt: skip
    card = rows[0] | {"customer_id": "c02", "product_id": "P-CAR", "snapshot_date": AS_OF, "balance_cny": 70.0}  # fmt: skip
    rows = [*rows, card]
    for row in rows:
        if row["customer_id"] == "c05":
            row["matures_on"] = dt.date(2026, 7, 30)
        if row["customer_id"] == "c06":
            row["matures_on"] = dt.date(2026, 7, 31)
    frame = frame_of(
        open_tables(tiny_tables | {"holdings": rows}),
        "2026-06-30",
        ["aum", "fund_cny", "card_cny", "products_held", "categories_held", "maturing_30d_cny"],
    )
    assert frame.loc["c03"].tolist() == [3630.0, 0.0, 0.0, 1, 1, 0.0]
    assert frame.loc["c02"].tolist() == [2420.0, 0.0, 70.0, 2, 2, 0.0]
    assert frame["maturing_30d_cny"][["c05", "c06"]].tolist() == [6050.0, 0.0]


def test_the_trend_is_unknown_without_a_snapshot_90_days_ago(
    tiny_tables: dict[str, Rows], open_tables: OpenTables
) -> None:
    mart = open_tables(tiny_tables)
    tags = ["aum_90d_ago", "aum_change_90d", "aum_change_rate_90d"]
    assert frame_of(mart, "2026-06-30", tags).isna().all(axis=None)


def test_the_trend_compares_with_90_days_ago(
    tiny_tables: dict[str, Rows], open_tables: OpenTables
) -> None:
    old = tiny_tables["holdings"][0] | {"snapshot_date": dt.date(2026, 3, 31), "balance_cny": 500.0}
    mart = open_tables(tiny_tables | {"holdings": [*tiny_tables["holdings"], old]})
    frame = frame_of(mart, "2026-06-30", ["aum", "aum_90d_ago", "aum_change_rate_90d"])
    assert frame.loc["c01"].tolist() == [1210.0, 500.0, pytest.approx(1.42)]
    assert frame.loc["c02", "aum_90d_ago"] == 0  # a snapshot there was, without c02
    assert np.isnan(frame.loc["c02", "aum_change_rate_90d"])


def test_responses_to_campaigns(tiny_tables: dict[str, Rows], open_tables: OpenTables) -> None:
    outcomes = [
        {"customer_id": customer, "campaign_id": "K1", "outcome": outcome, "value": value,
         "observed_on": dt.date(2026, 5, 20)}
        for customer, outcome, value in [
            ("c01", "converted", 1.0), ("c02", "converted", 0.0), ("c03", "visited", 1.0),
        ]
    ]  # fmt: skip
    frame = frame_of(
        open_tables(tiny_tables | {"campaign_outcomes": outcomes}),
        "2026-06-30",
        ["conversions_365d", "benefits_granted_365d", "benefits_redeemed_365d", "held_out_365d",
         "campaigns_365d", "contact_opens_90d", "contact_open_rate_90d"],
    )  # fmt: skip
    assert frame["conversions_365d"][["c01", "c02", "c03"]].tolist() == [1, 0, 0]
    # c02 redeemed; c05's redemption was reversed; c08 never redeemed.
    assert frame["benefits_granted_365d"][["c02", "c05", "c08", "c01"]].tolist() == [1, 1, 1, 0]
    assert frame["benefits_redeemed_365d"][["c02", "c05", "c08", "c01"]].tolist() == [1, 0, 0, 0]
    assert frame.loc["c01", ["campaigns_365d", "held_out_365d"]].tolist() == [2, 1]
    assert frame.loc["c02", ["contact_opens_90d", "contact_open_rate_90d"]].tolist() == [1, 0.5]


@pytest.mark.parametrize(
    ("tenure", "aum", "before", "idle", "stage"),
    [
        (179, 0.0, None, None, "new"),
        (400, 999.0, 0.0, 181, "lost"),
        (400, 999.0, 0.0, None, "lost"),  # never did anything
        (400, 1000.0, 0.0, 181, "dormant"),
        (400, 0.0, 0.0, 91, "dormant"),
        (400, 121.0, 100.0, 90, "growing"),
        (400, 120.0, 100.0, 0, "mature"),
        (400, 79.0, 100.0, 0, "declining"),
        (400, 80.0, 100.0, 0, "mature"),
        (400, 80.0, None, 0, "mature"),
    ],
)
def test_lifecycle_stages(
    tenure: int, aum: float, before: float | None, idle: int | None, stage: str
) -> None:
    table = ibis.memtable(
        [(tenure, aum, before, idle)],
        schema={"tenure": "int64", "aum": "float64", "before": "float64", "idle": "int64"},
    )
    value = stages.lifecycle(table.tenure, table.aum, table.before, table.idle)
    assert value.to_pyarrow().to_pylist() == [stage]


@pytest.mark.parametrize(
    ("aum", "tier"),
    [(0.0, "mass"), (49_999.99, "mass"), (50_000.0, "affluent"), (1e6, "vip"), (6e6, "private")],
)
def test_value_tiers(aum: float, tier: str) -> None:
    table = ibis.memtable([(aum,)], schema={"aum": "float64"})
    assert stages.value_tier(table.aum).to_pyarrow().to_pylist() == [tier]


def test_days_with_rows_are_counted_over_the_whole_window(
    tiny_tables: dict[str, Rows], open_tables: OpenTables
) -> None:
    days = [0, 1, 44, 45, 46, 89, 90]  # on both sides of the masks' border, and one outside
    rows = [_transaction(n, "c01", _days_ago(d)) for n, d in enumerate([*days, 44, 89])]
    mart = open_tables(tiny_tables | {"transactions": rows})
    assert (
        frame_of(mart, "2026-06-30", ["transaction_days_90d"])["transaction_days_90d"]["c01"] == 6
    )
