"""Outcomes of campaigns, against what the tiny mart was made to hold."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from marketing_ds._core.errors import InvalidInput, MartError
from marketing_ds.mart import Mart, open_mart
from marketing_ds.outcomes import campaign, campaign_outcomes

Tables = dict[str, list[dict[str, Any]]]
Open = Callable[[Tables], Mart]


@pytest.fixture
def opened(
    write_mart: Callable[[Path, Tables], Path], tmp_path: Path
) -> Iterator[Callable[[Tables], Mart]]:
    """A function that writes tables as a mart and opens it."""
    marts: list[Mart] = []

    def open_(tables: Tables) -> Mart:
        folder = write_mart(tmp_path / f"mart-{len(marts)}", tables)
        marts.append(open_mart(folder, workspace=tmp_path / "workspace"))
        return marts[-1]

    yield open_
    for mart in marts:
        mart.close()


def outcomes(mart: Mart, campaign_id: str, **options: Any) -> dict[str, dict[str, Any]]:
    rows = campaign_outcomes(mart, campaign_id, **options).to_pyarrow().to_pylist()
    return {row["customer_id"]: row for row in rows}


def column(rows: dict[str, dict[str, Any]], name: str) -> dict[str, float]:
    """The customers whose outcome is not 0."""
    return {customer: row[name] for customer, row in sorted(rows.items()) if row[name] != 0}


def purchase(tables: Tables, **changes: Any) -> None:
    """Plant one purchase of the fund by c07 within the window of K1."""
    row = {
        "transaction_id": f"X{len(tables['transactions'])}",
        "customer_id": "c07",
        "product_id": "P-FUN",
        "occurred_at": dt.datetime(2026, 5, 6),
        "recorded_on": dt.date(2026, 5, 6),
        "kind": "purchase",
        "amount_cny": 50.0,
        "channel": None,
    }
    tables["transactions"].append(row | changes)


def test_a_campaign_with_its_arms(tiny_mart: Mart) -> None:
    found = campaign(tiny_mart, "K1")
    assert found.arms == ("control", "coupon", "message")
    assert (found.product_id, found.attribution_days, found.randomised) == ("P-FUN", 14, True)
    assert found.starts_on == dt.date(2026, 5, 4)


def test_an_unknown_campaign_is_refused(tiny_mart: Mart) -> None:
    with pytest.raises(InvalidInput, match=r"must be one of the mart's \(K1, K2\), got 'K3'"):
        campaign_outcomes(tiny_mart, "K3")


def test_one_row_for_each_assigned_customer(tiny_mart: Mart) -> None:
    rows = campaign_outcomes(tiny_mart, "K1")
    names = ("customer_id", "arm", "probability", "assigned_at")
    derived = ("converted", "amount_cny", "clicked", "redeemed", "cost_cny")
    assert rows.columns == names + derived
    assert all(rows.schema()[name].is_float64() for name in derived)
    assert sorted(rows.customer_id.execute()) == [f"c{n:02d}" for n in range(1, 10)]


def test_purchases_count_from_assignment_to_the_end_of_the_window(tiny_mart: Mart) -> None:
    rows = outcomes(tiny_mart, "K1")
    assert column(rows, "converted") == {"c02": 1.0, "c03": 1.0, "c04": 1.0}
    assert column(rows, "amount_cny") == {"c02": 1200.0, "c03": 300.0, "c04": 400.0}
    assert column(outcomes(tiny_mart, "K2"), "converted") == {"c01": 1.0}


def test_clicks_redemptions_and_costs(tiny_mart: Mart) -> None:
    rows = outcomes(tiny_mart, "K1")
    assert column(rows, "clicked") == {"c02": 1.0, "c08": 1.0}
    assert column(rows, "redeemed") == {"c02": 1.0}  # that of c05 was reversed
    costs = {"c02": 18.05} | dict.fromkeys(["c03", "c05", "c06", "c08", "c09"], 0.05)
    assert column(rows, "cost_cny") == pytest.approx(costs)


def test_a_redemption_is_a_cost_until_it_is_undone(tiny_mart: Mart) -> None:
    # c05 redeemed on 9 May, which was undone on the 12th.
    assert outcomes(tiny_mart, "K1", as_of="2026-05-10")["c05"]["cost_cny"] == 18.05
    assert outcomes(tiny_mart, "K1", as_of="2026-05-12")["c05"]["cost_cny"] == 0.05


def test_only_purchases_of_the_product_count(tiny_tables: Tables, opened: Open) -> None:
    purchase(tiny_tables, product_id="P-WEA")
    purchase(tiny_tables, kind="redemption")
    purchase(tiny_tables, customer_id="c10")  # not assigned
    assert "c07" not in column(outcomes(opened(tiny_tables), "K1"), "converted")
    purchase(tiny_tables)
    assert column(outcomes(opened(tiny_tables), "K1"), "converted")["c07"] == 1.0


def test_as_of_hides_the_future_and_what_came_late(tiny_tables: Tables, opened: Open) -> None:
    purchase(tiny_tables, recorded_on=dt.date(2026, 5, 12))
    purchase(tiny_tables, customer_id="c08", occurred_at=dt.datetime(2026, 5, 8, 23, 59))
    mart = opened(tiny_tables)
    everything = {"c02", "c03", "c04", "c07", "c08"}
    assert column(outcomes(mart, "K1"), "converted").keys() == everything
    known = outcomes(mart, "K1", as_of="2026-05-08")
    assert column(known, "converted").keys() == {"c02", "c03", "c08"}
    late = outcomes(mart, "K1", as_of="2026-05-12")
    assert column(late, "converted").keys() == {"c02", "c03", "c07", "c08"}
    # On the 9th the coupon of c05 was redeemed; it was reversed on the 12th.
    assert column(known, "redeemed").keys() == {"c02"}
    assert column(outcomes(mart, "K1", as_of="2026-05-10"), "redeemed").keys() == {"c02", "c05"}
    assert column(late, "redeemed").keys() == {"c02"}
    assert outcomes(mart, "K1", as_of="2026-05-03") == {}


def test_without_their_source_outcomes_are_left_out(tiny_tables: Tables, opened: Open) -> None:
    del tiny_tables["contacts"], tiny_tables["benefit_grants"]
    assert campaign_outcomes(opened(tiny_tables), "K1").columns[4:] == ("converted", "amount_cny")
    del tiny_tables["transactions"]
    assert campaign_outcomes(opened(tiny_tables), "K1").columns[4:] == ()


def test_a_campaign_without_a_product_has_no_conversion(tiny_tables: Tables, opened: Open) -> None:
    tiny_tables["campaigns"][0]["product_id"] = None
    rows = campaign_outcomes(opened(tiny_tables), "K1")
    assert rows.columns[4:] == ("clicked", "redeemed", "cost_cny")


def computed(*rows: tuple[str, str, float, int]) -> list[dict[str, Any]]:
    names = ("customer_id", "outcome", "value")
    return [
        {"campaign_id": "K1", "observed_on": dt.date(2026, 5, row[3])}
        | dict(zip(names, row[:3], strict=True))
        for row in rows
    ]


def test_the_bank_s_own_outcomes_win(tiny_tables: Tables, opened: Open) -> None:
    tiny_tables["campaign_outcomes"] = computed(
        ("c01", "converted", 1.0, 18), ("c03", "visits", 3.0, 18), ("c99", "visits", 1.0, 18)
    )
    mart = opened(tiny_tables)
    rows = outcomes(mart, "K1")
    assert column(rows, "converted") == {"c01": 1.0}
    assert column(rows, "visits") == {"c03": 3.0}
    assert column(rows, "amount_cny").keys() == {"c02", "c03", "c04"}
    assert len(rows) == 9
    assert column(outcomes(mart, "K1", as_of="2026-05-17"), "visits") == {}


def test_an_outcome_may_not_take_a_key_s_name(tiny_tables: Tables, opened: Open) -> None:
    tiny_tables["campaign_outcomes"] = computed(("c01", "arm", 1.0, 18))
    with pytest.raises(MartError, match=r"is named 'arm'.*rename it"):
        campaign_outcomes(opened(tiny_tables), "K1")
