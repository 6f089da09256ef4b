"""The past of the tiny mart, counted by hand, on both engines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from marketing_ds._core.errors import InvalidInput, MartError
from marketing_ds.evaluation.measures import active_days, count, did, retained, total
from marketing_ds.evaluation.planning import past_behaviour, weekly_arrivals
from marketing_ds.mart import Mart

Tables = dict[str, list[dict[str, Any]]]


def rows(table: Any) -> dict[str, dict[str, Any]]:
    return {row["customer_id"]: row for row in table.to_pyarrow().to_pylist()}


def test_outcomes_and_what_went_before_on_both_engines(engine_mart: Mart) -> None:
    found = rows(past_behaviour(engine_mart, as_of="2026-05-18", days=14, before_days=14))
    # The window is 5 to 18 May, the one before 21 April to 4 May; c11 opened in June.
    assert len(found) == 11
    assert "c11" not in found
    bought = {c: row["bought_cny"] for c, row in found.items() if row["bought"]}
    assert bought == {"c02": 700.0, "c03": 300.0, "c04": 400.0, "c05": 900.0}
    before = {c: row["bought_cny_before"] for c, row in found.items() if row["bought_before"]}
    assert before == {"c02": 500.0, "c06": 100.0}


def test_measures_of_ones_own(tiny_mart: Mart) -> None:
    measures = [
        count("events", name="events"),
        active_days(name="days"),
        total("transactions", "amount_cny", kind="salary", name="salary"),
        did("transactions", kind=("payment", "fee"), name="paid"),
    ]
    table = past_behaviour(tiny_mart, measures, as_of="2026-06-30", days=30, before_days=0)
    assert table.columns == ("customer_id", "events", "days", "salary", "paid")
    found = rows(table)
    events = [
        e for e in tiny_mart["events"].to_pyarrow().to_pylist() if e["occurred_at"].month == 6
    ]
    mine = [e for e in events if e["customer_id"] == "c03"]
    assert found["c03"]["events"] == len(mine)
    assert found["c03"]["days"] == len({e["occurred_at"].date() for e in mine})
    assert (found["c01"]["salary"], found["c07"]["paid"], found["c01"]["paid"]) == (
        8000.0,
        1.0,
        0.0,
    )


def test_late_rows_were_no_covariate_then(
    tiny_tables: Tables, open_tables: Callable[[Tables], Mart]
) -> None:
    known = {"product_id": "P-FUN", "kind": "purchase", "channel": "app", "amount_cny": 50.0}
    for name, moment, recorded in (
        ("late", dt.datetime(2026, 5, 2, 9), dt.date(2026, 5, 9)),
        ("never", dt.datetime(2026, 5, 10, 9), dt.date(2026, 5, 25)),
        ("after", dt.datetime(2026, 5, 19, 0), dt.date(2026, 5, 19)),
    ):
        row = {"transaction_id": name, "occurred_at": moment, "recorded_on": recorded}
        tiny_tables["transactions"].append(known | row | {"customer_id": "c08"})
    table = past_behaviour(open_tables(tiny_tables), as_of="2026-05-18", days=14, before_days=14)
    assert rows(table)["c08"]["bought_cny_before"] == 0
    assert rows(table)["c08"]["bought_cny"] == 0


def test_an_audience_and_its_tags_as_of_the_day_before(tiny_mart: Mart) -> None:
    table = past_behaviour(
        tiny_mart, as_of="2026-06-28", days=28, audience="aum >= 9000", tags=["aum"]
    )
    found = rows(table)
    # At the end of May a deposit is 1,100 × n, every third customer has 5,500 in the fund.
    assert set(found) == {"c06", "c09", "c10", "c12"}
    assert found["c10"]["aum"] == pytest.approx(11_000.0)


def test_arrivals_are_those_who_were_not_there(tiny_mart: Mart) -> None:
    assert weekly_arrivals(tiny_mart, weeks=4, as_of="2026-06-30") == (12, 0.25)
    # c03 and c08 have 8,800 at the end of May and 9,680 a month later; c11 opened in June.
    assert weekly_arrivals(tiny_mart, "aum >= 9000", weeks=4, as_of="2026-06-30") == (7, 0.75)


def test_what_cannot_be_measured_is_refused(
    tiny_mart: Mart, tiny_tables: Tables, open_tables: Callable[[Tables], Mart]
) -> None:
    with pytest.raises(InvalidInput, match="of a name of its own"):
        past_behaviour(tiny_mart, [count("events", name="x"), did(name="x")])
    with pytest.raises(InvalidInput, match="days must be at least 31"):
        past_behaviour(tiny_mart, [retained(30)])
    with pytest.raises(InvalidInput, match="days must be at least 1"):
        past_behaviour(tiny_mart, days=0)
    del tiny_tables["events"]
    with pytest.raises(MartError, match="needs the table 'events'"):
        past_behaviour(open_tables(tiny_tables), [count("events")])
