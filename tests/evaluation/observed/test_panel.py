"""Panels from the mart, counted by hand, on both engines and as of a day."""

import datetime as dt

import pytest

from marketing_ds._core.errors import InvalidInput, MartError
from marketing_ds.evaluation.observed import branch_panel


def _values(panel, column: str = "total") -> dict:
    return {(u, p.month): v for u, p, v in panel[["unit", "period", column]].to_numpy()}


def test_purchases_by_region_and_month(engine_mart) -> None:
    panel = branch_panel(engine_mart, "purchase_amount_cny", by="region", since="2026-04-15")
    assert list(panel.columns) == ["unit", "period", "customers", "total", "value"]
    # c02 500 + 700, c04 400, c06 100 are of Shanghai; c03 300, c05 900 and in June c01 2000 not
    assert _values(panel) == {
        ("Chengdu", 5): 1200.0,
        ("Chengdu", 6): 2000.0,
        ("Shanghai", 5): 1700.0,
        ("Shanghai", 6): 0.0,
    }
    # of the odd ones c11 opened on 15 June
    assert _values(panel, "customers") == {
        ("Chengdu", 5): 5,
        ("Chengdu", 6): 6,
        ("Shanghai", 5): 6,
        ("Shanghai", 6): 6,
    }
    assert panel["value"].tolist() == (panel["total"] / panel["customers"]).tolist()


def test_buyers_events_and_categories(tiny_mart) -> None:
    since = {"by": "region", "since": "2026-05-01"}
    assert _values(branch_panel(tiny_mart, "purchases", **since))["Shanghai", 5] == 4
    assert _values(branch_panel(tiny_mart, "buyers", **since))["Shanghai", 5] == 3
    wealth = branch_panel(tiny_mart, "purchases", category="wealth", **since)
    assert wealth["total"].sum() == 1
    # events n = 0 … 35 fall into April + n % 3: two thirds of them in May and June
    assert branch_panel(tiny_mart, "events", **since)["total"].sum() == 24
    assert branch_panel(tiny_mart, "active_customers", **since)["total"].sum() == 6


def test_balances_are_those_of_the_last_snapshot_of_a_period(engine_mart, tiny_tables) -> None:
    panel = branch_panel(engine_mart, "balance_cny", by="region", since="2026-05-01")
    region = {row["customer_id"]: row["region"] for row in tiny_tables["customers"]}
    assets = {row["product_id"] for row in tiny_tables["products"]}
    assets -= {
        r["product_id"] for r in tiny_tables["products"] if r["category"] in ("loan", "card")
    }
    wanted: dict = {}
    for row in tiny_tables["holdings"]:
        key = (region[row["customer_id"]], row["snapshot_date"].month)
        if row["product_id"] in assets and key[1] > 4:
            wanted[key] = wanted.get(key, 0.0) + float(row["balance_cny"])
    assert _values(panel) == pytest.approx(wanted)
    funds = branch_panel(
        engine_mart, "balance_cny", by="region", since="2026-06-01", category="fund"
    )
    assert funds["total"].sum() == pytest.approx(4 * 5_000 * 1.21)
    with pytest.raises(InvalidInput, match="every week must have a snapshot of balances"):
        branch_panel(engine_mart, "balance_cny", freq="week", since="2026-05-01")


def test_nothing_after_the_day_or_recorded_after_it_counts(open_tables, tiny_tables) -> None:
    known = _values(
        branch_panel(
            open_tables(tiny_tables),
            "purchases",
            by="region",
            since="2026-05-01",
            as_of="2026-06-30",
        )
    )
    row = tiny_tables["transactions"][-2]
    tiny_tables["transactions"] += [
        row | {"transaction_id": "L1", "occurred_at": dt.datetime(2026, 6, 30, 9),
               "recorded_on": dt.date(2026, 7, 1)},
        row | {"transaction_id": "L2", "occurred_at": dt.datetime(2026, 7, 1, 9),
               "recorded_on": dt.date(2026, 7, 1)},
    ]  # fmt: skip
    mart = open_tables(tiny_tables)
    options = {"by": "region", "since": "2026-05-01"}
    assert _values(branch_panel(mart, "purchases", as_of="2026-06-30", **options)) == known
    later = _values(branch_panel(mart, "purchases", as_of="2026-07-31", **options))
    assert later["Chengdu", 6] == known["Chengdu", 6] + 1
    # a month that is not over is left out
    half = branch_panel(mart, "purchases", as_of="2026-06-29", **options)
    assert half["period"].unique().tolist() == [dt.date(2026, 5, 1)]


def test_weeks_begin_on_monday_and_units_with_their_first_customer(tiny_mart) -> None:
    panel = branch_panel(tiny_mart, "purchases", freq="week", since="2026-05-01", by="manager_id")
    assert panel["unit"].unique().tolist() == ["M1"]  # customers without one are left out
    assert {p.weekday() for p in panel["period"]} == {0}
    assert panel["total"].tolist()[:2] == [3.0, 0.0]  # c02 twice and c03 in the week of 4 May


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": "sales"}, "metric must be one of"),
        ({"freq": "day"}, "freq must be one of"),
        ({"by": "brunch_id"}, "did you mean 'branch_id'"),
        ({"since": "2026-06-20"}, "at least one whole month"),
        ({"category": "sweets"}, "category must be one of"),
        ({"metric": "events", "category": "fund"}, "category must be None"),
    ],
)
def test_bad_input_is_refused_with_the_way_out(tiny_mart, options: dict, message: str) -> None:
    wanted = {"metric": "purchases", "since": "2026-05-01"} | options
    with pytest.raises(InvalidInput, match=message):
        branch_panel(tiny_mart, wanted.pop("metric"), **wanted)


def test_a_mart_without_the_table_is_refused(open_tables, tiny_tables) -> None:
    del tiny_tables["events"]
    with pytest.raises(MartError, match="needs the table 'events'"):
        branch_panel(open_tables(tiny_tables), "events", since="2026-05-01")
