"""One row a customer of a campaign: measures against what the tiny mart was made to hold."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from marketing_ds._core.errors import InvalidInput, MartError
from marketing_ds.evaluation import (
    Measure,
    active_days,
    campaign_data,
    count,
    did,
    retained,
    total,
)
from marketing_ds.mart import Mart
from marketing_ds.outcomes import campaign_outcomes

Tables = dict[str, list[dict[str, Any]]]
Open = Callable[[Tables], Mart]


def column(mart: Mart, measure: Measure, **options: Any) -> dict[str, float]:
    """The customers of K1 for whom the measure is not 0."""
    rows = campaign_data(mart, "K1", [measure], **options).to_pyarrow().to_pylist()
    assert len(rows) == 9
    return {r["customer_id"]: r[measure.name] for r in rows if r[measure.name] != 0}


def event(customer: str, moment: dt.datetime, **changes: Any) -> dict[str, Any]:
    row = {
        "event_id": f"X-{customer}-{moment}",
        "customer_id": customer,
        "occurred_at": moment,
        "recorded_on": moment.date(),
        "channel": "app",
        "session_id": None,
        "event": "launch",
        "page": None,
        "campaign_id": None,
        "duration_s": None,
    }
    return row | changes


ASSIGNED = dt.datetime(2026, 5, 4, 9)


def after(days: float) -> dt.datetime:
    return ASSIGNED + dt.timedelta(days=days)


def test_a_total_sums_the_rows_of_the_attribution_window(engine_mart: Mart) -> None:
    bought = total("transactions", "amount_cny", kind="purchase")
    assert column(engine_mart, bought) == {"c02": 1200.0, "c03": 300.0, "c04": 400.0}


def test_the_same_before_the_assignment_stands_beside_it(engine_mart: Mart) -> None:
    bought = total("transactions", "amount_cny", kind="purchase", name="bought")
    rows = campaign_data(engine_mart, "K1", [bought], before_days=1).to_pyarrow().to_pylist()
    assert {r["customer_id"]: r["bought_before"] for r in rows if r["bought_before"]} == {
        "c06": 100.0
    }


def test_a_count_counts_rows_and_conditions_choose_them(
    open_tables: Open, tiny_tables: Tables
) -> None:
    tiny_tables["events"] = [
        event("c01", after(1)),
        event("c01", after(1.2)),
        event("c01", after(2), channel="web"),
        event("c02", after(3), event="view"),
        event("c09", after(14)),
    ]
    mart = open_tables(tiny_tables)
    assert column(mart, count("events", event="launch")) == {"c01": 3.0}
    assert column(mart, count("events", event=("launch", "view"), name="n")) == {
        "c01": 3.0,
        "c02": 1.0,
    }
    assert column(mart, active_days(channel="app")) == {"c01": 1.0, "c02": 1.0}
    assert column(mart, did(event="view")) == {"c02": 1.0}


def test_retention_looks_at_its_own_day_only(open_tables: Open, tiny_tables: Tables) -> None:
    tiny_tables["events"] = [
        event("c01", after(0.9)),
        event("c02", after(1)),
        event("c03", after(1.99)),
        event("c04", after(2)),
        event("c05", after(20)),
    ]
    mart = open_tables(tiny_tables)
    assert column(mart, retained(1)) == {"c02": 1.0, "c03": 1.0}
    assert column(mart, retained(1, through=2)) == dict.fromkeys(("c02", "c03", "c04"), 1.0)
    assert column(mart, retained(20)) == {"c05": 1.0}


def test_future_and_late_rows_are_not_seen(open_tables: Open, tiny_tables: Tables) -> None:
    tiny_tables["events"] = [
        event("c01", after(1)),
        event("c02", after(9)),
        event("c03", after(1), recorded_on=dt.date(2026, 5, 20)),
        event("c04", dt.datetime(2026, 6, 30)),
    ]
    mart = open_tables(tiny_tables)
    launches = count("events", event="launch", name="launches")
    assert column(mart, launches, as_of="2026-05-12") == {"c01": 1.0}
    assert column(mart, launches) == dict.fromkeys(("c01", "c02", "c03"), 1.0)


def test_a_day_that_is_not_over_cannot_be_judged(tiny_mart: Mart) -> None:
    with pytest.raises(InvalidInput, match=r"'retained_day_30'.* over on 2026-06-04.*2026-05-31"):
        campaign_data(tiny_mart, "K1", [retained(30)], as_of="2026-05-31")


def test_tags_are_those_of_the_day_before_the_campaign(tiny_mart: Mart) -> None:
    rows = campaign_data(tiny_mart, "K1", tags=["tenure_days"]).to_pyarrow().to_pylist()
    opened = tiny_mart["customers"].to_pyarrow().to_pylist()
    start = {row["customer_id"]: row["opened_on"] for row in opened}
    for row in rows:
        assert row["tenure_days"] == (dt.date(2026, 5, 3) - start[row["customer_id"]]).days


def test_an_assignment_before_the_first_day_moves_the_tags_before_it(
    open_tables: Open, tiny_tables: Tables
) -> None:
    tiny_tables["assignments"][0]["assigned_at"] = dt.datetime(2026, 5, 1, 12)
    mart = open_tables(tiny_tables)
    rows = campaign_data(mart, "K1", tags=["tenure_days"]).to_pyarrow().to_pylist()
    first = next(row for row in rows if row["customer_id"] == "c01")
    assert first["tenure_days"] == (dt.date(2026, 4, 30) - dt.date(2021, 1, 1)).days


def test_without_measures_it_is_the_table_of_outcomes(tiny_mart: Mart) -> None:
    plain, ours = campaign_outcomes(tiny_mart, "K1"), campaign_data(tiny_mart, "K1")
    assert ours.to_pyarrow().sort_by("customer_id") == plain.to_pyarrow().sort_by("customer_id")


def test_columns_come_in_the_order_of_the_measures(tiny_mart: Mart) -> None:
    wanted = [retained(3), total("transactions", "amount_cny", name="money"), did(event="view")]
    columns = campaign_data(tiny_mart, "K1", wanted, before_days=7).columns
    assert columns[-5:] == (
        "retained_day_3", "money", "money_before", "did_view", "did_view_before",
    )  # fmt: skip


def test_a_name_that_is_taken_is_refused(tiny_mart: Mart) -> None:
    with pytest.raises(InvalidInput, match="'converted' twice; give a measure a name"):
        campaign_data(tiny_mart, "K1", [count("events", name="converted")])


def test_a_table_that_is_not_there_is_named(open_tables: Open, tiny_tables: Tables) -> None:
    del tiny_tables["events"]
    with pytest.raises(MartError, match="'did_view' needs the table 'events'"):
        campaign_data(open_tables(tiny_tables), "K1", [did(event="view")])


def test_a_campaign_that_has_not_begun_is_refused(tiny_mart: Mart) -> None:
    with pytest.raises(InvalidInput, match=r"none assigned by 2026-05-01; it starts on 2026-05-04"):
        campaign_data(tiny_mart, "K1", as_of="2026-05-01")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "a b"}, "name must be letters"),
        ({"source": "products"}, "source must be one of"),
        ({"how": "mean"}, "how must be one of"),
        ({"how": "sum"}, "column must be given where rows are summed"),
        ({"column": "duration_s"}, "column must be given where rows are summed"),
        ({"how": "sum", "column": "page"}, "column must hold numbers, got 'page' of string"),
        ({"where": (("colour", ("red",)),)}, "'colour'"),
        ({"from_day": 3, "to_day": 3}, "to_day must be at least 4"),
    ],
)
def test_a_bad_measure_is_refused_when_it_is_declared(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        Measure(**({"name": "n", "source": "events", "how": "count"} | options))


def test_a_span_beyond_the_window_asks_for_its_end(tiny_mart: Mart) -> None:
    late = Measure("late", "events", "count", from_day=14)
    with pytest.raises(InvalidInput, match="14 attribution days, got 14; give to_day"):
        campaign_data(tiny_mart, "K1", [late])


def test_everybody_else_may_stand_in_for_a_control_group(
    open_tables: Open, tiny_tables: Tables
) -> None:
    tiny_tables["assignments"] = [
        row | {"arm": "call"} for row in tiny_tables["assignments"] if row["campaign_id"] == "K2"
    ]
    given = {row["customer_id"] for row in tiny_tables["assignments"]}
    row = tiny_tables["transactions"][0]
    moment = {"occurred_at": dt.datetime(2026, 6, 2), "recorded_on": dt.date(2026, 6, 2)}
    tiny_tables["transactions"] = [row | {"customer_id": "c09", "amount_cny": 70.0} | moment]
    mart = open_tables(tiny_tables)
    bought = total("transactions", "amount_cny", name="money")
    rows = (
        campaign_data(mart, "K2", [bought], others=True, tags=["gender"]).to_pyarrow().to_pylist()
    )
    arms = {row["customer_id"]: row["arm"] for row in rows}
    assert len(arms) == len(rows)
    assert {c for c, arm in arms.items() if arm == "call"} == given
    # c11 became a customer only after the campaign had begun.
    assert {c for c, arm in arms.items() if arm == "control"} == (
        {f"c{n:02d}" for n in range(1, 13)} - given - {"c11"}
    )
    assert set(rows[0]) == {"customer_id", "arm", "assigned_at", "money", "gender"}
    assert {row["customer_id"]: row["money"] for row in rows if row["money"]} == {"c09": 70.0}
    assert arms["c09"] == "control"


def test_others_are_for_campaigns_without_a_control_group(tiny_mart: Mart) -> None:
    with pytest.raises(InvalidInput, match="others must be left out for campaign 'K1'"):
        campaign_data(tiny_mart, "K1", others=True)
