"""What sources make of marts that lack tables, have few snapshots, or balances against the contract."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.mart import Mart
from marketing_ds.tags import catalogue, tag_table
from marketing_ds.tags._entities import EntityName

from .conftest import OpenTables, Rows, frame_of

AS_OF = "2026-06-30"


def _rows(mart: Mart, tags: list[str] | None, entity: EntityName, as_of: str = AS_OF) -> Rows:
    rows: Rows = tag_table(mart, as_of, tags, entity=entity).to_pyarrow().to_pylist()
    return rows


def _balance(customer: str, day: dt.date, balance: float, **more: Any) -> dict[str, Any]:
    return {
        "customer_id": customer, "product_id": "P-DEP", "snapshot_date": day,
        "balance_cny": balance, "matures_on": None,
    } | more  # fmt: skip


def test_one_snapshot_serves_every_day_until_the_next(
    tiny_tables: dict[str, Rows], open_tables: OpenTables
) -> None:
    rows = [_balance("c01", dt.date(2025, 12, 20), 50.0), _balance("c01", dt.date(2026, 3, 20), 80.0)]  # fmt: skip
    mart = open_tables(tiny_tables | {"holdings": rows})
    names = ["aum", "aum_30d_ago", "aum_90d_ago", "aum_180d_ago", "aum_growing_steps_90d"]
    frame = frame_of(mart, "2026-06-27", names)
    assert frame.loc["c01"].tolist() == [80.0, 80.0, 80.0, 50.0, 0]
    assert frame.loc["c02"].tolist() == [0.0] * 4 + [0]


def test_what_needs_an_earlier_snapshot_is_null_without(
    tiny_tables: dict[str, Rows], open_tables: OpenTables
) -> None:
    rows = [_balance("c01", dt.date(2026, 6, 30), 50.0)]
    mart = open_tables(tiny_tables | {"holdings": rows})
    unknown = [
        "aum_30d_ago", "aum_change_rate_30d", "deposit_change_90d_cny", "aum_growing_steps_90d",
        "new_categories_90d", "products_change_90d", "matured_30d_cny", "matured_30d",
        "value_tier_90d_ago", "tier_change_90d", "assets_dropped_30d",
    ]  # fmt: skip
    frame = frame_of(mart, AS_OF, [*unknown, "aum_peak_180d", "lifecycle"])
    assert frame[unknown].isna().all(axis=None)
    assert frame.loc["c01", "aum_peak_180d"] == 50
    assert frame["lifecycle"].notna().all()
    product = next(r for r in _rows(mart, None, "product") if r["product_id"] == "P-DEP")
    assert product["holders"] == 1
    assert {product[n] for n in ("holders_90d_ago", "new_holders_90d", "kept_share_90d")} == {None}


def test_negative_balances_are_left_out_and_infinite_ones_stay_infinite(
    tiny_tables: dict[str, Rows], open_tables: OpenTables
) -> None:
    day = dt.date(2026, 6, 30)
    rows = [
        _balance("c01", day, -500.0), _balance("c02", day, math.inf), _balance("c03", day, 0.0),
        _balance("c01", day, 20.0, product_id="P-FUN"),
    ]  # fmt: skip
    frame = frame_of(
        open_tables(tiny_tables | {"holdings": rows}), AS_OF,
        ["aum", "products_held", "deposit_share", "value_tier", "net_balance_cny"],
    )  # fmt: skip
    assert frame.loc["c01"].tolist() == [20.0, 1, 0.0, "mass", 20.0]
    assert frame.loc["c02", ["aum", "value_tier"]].tolist() == [math.inf, "private"]
    assert math.isnan(frame.loc["c02", "deposit_share"])
    assert frame.loc["c03", ["aum", "products_held"]].tolist() == [0.0, 0]


def test_tags_of_a_looked_up_table_are_left_out_without_it(
    tiny_tables: dict[str, Rows], open_tables: OpenTables
) -> None:
    del tiny_tables["benefits"]
    tags = set(tag_table(open_tables(tiny_tables), AS_OF).columns)
    assert {"benefits_granted_365d", "benefits_redeemed_365d"} <= tags
    assert not {"benefits_saved_365d_cny", "benefits_cost_365d_cny", "benefits_usable"} & tags


def test_a_mart_without_products_still_has_its_transactions(
    tiny_tables: dict[str, Rows], open_tables: OpenTables
) -> None:
    del tiny_tables["products"]
    mart = open_tables(tiny_tables)
    table = tag_table(mart, AS_OF)
    assert {"purchases_90d", "transactions_30d"} <= set(table.columns)
    assert not {"aum", "top_purchase_category_365d", "card_activated_30d"} & set(table.columns)
    assert frame_of(mart, AS_OF, ["purchases_90d"]).loc["c02", "purchases_90d"] == 2
    with pytest.raises(InvalidInput, match=r"'top_purchase_category_365d' needs .*'products'"):
        tag_table(mart, AS_OF, ["top_purchase_category_365d"])


def test_conversions_against_control_need_the_assignments(
    tiny_tables: dict[str, Rows], open_tables: OpenTables
) -> None:
    outcome = {
        "customer_id": "c02", "campaign_id": "K1", "outcome": "converted", "value": 1.0,
        "observed_on": dt.date(2026, 5, 20),
    }  # fmt: skip
    tables = tiny_tables | {"campaign_outcomes": [outcome]}
    rows = {r["campaign_id"]: r for r in _rows(open_tables(tables), None, "campaign")}
    assert [rows[k]["conversions"] for k in ("K1", "K2")] == [1, 0]
    assert rows["K1"]["conversion_rate"] == 1 / 6
    assert rows["K1"]["target_reached_share"] == 0.1
    del tables["assignments"]
    without = _rows(open_tables(tables), None, "campaign")[0]
    assert "contacts" in without
    assert not {"conversions", "assigned", "target_reached_share"} & set(without)


def test_without_outcomes_there_are_no_conversions(tiny_mart: Mart) -> None:
    assert "conversions" not in _rows(tiny_mart, None, "campaign")[0]


@pytest.mark.parametrize(
    ("as_of", "phase", "to_start", "run", "left"),
    [
        ("2026-05-03", "planned", 1, 0, 7),
        ("2026-05-04", "running", 0, 1, 6),
        ("2026-05-10", "running", None, 7, 0),
        ("2026-05-11", "attribution", None, 7, None),
        ("2026-05-23", "attribution", None, 7, None),
        ("2026-05-24", "over", None, 7, None),
    ],
)
def test_a_campaign_goes_through_its_phases(
    tiny_mart: Mart, as_of: str, phase: str, to_start: int | None, run: int, left: int | None
) -> None:
    names = ["phase", "days_to_start", "days_run", "days_left", "duration_days"]
    row = next(r for r in _rows(tiny_mart, names, "campaign", as_of) if r["campaign_id"] == "K1")
    assert [row[name] for name in names] == [phase, to_start, run, left, 7]


def test_a_campaign_costs_what_was_redeemed_by_then(tiny_mart: Mart) -> None:
    # G1 was redeemed on 8 May for good; G2 on 9 May, and reversed on 12 May: 18 CNY each.
    def cost(as_of: str) -> list[Any]:
        names = ["benefits_granted", "benefits_redeemed", "benefit_cost_cny", "budget_spent_share"]
        row = next(r for r in _rows(tiny_mart, names, "campaign", as_of) if r["campaign_id"] == "K1")  # fmt: skip
        return [row[name] for name in names]

    contacts = 6 * 0.05
    assert cost("2026-05-07") == [3, 0, 0.0, pytest.approx(contacts / 1000)]
    assert cost("2026-05-11") == [3, 2, 36.0, pytest.approx((36 + contacts) / 1000)]
    assert cost("2026-05-12") == [3, 1, 18.0, pytest.approx((18 + contacts) / 1000)]


def test_a_mart_without_a_table_of_the_entity_says_so(
    tiny_tables: dict[str, Rows], open_tables: OpenTables
) -> None:
    del tiny_tables["campaigns"]
    with pytest.raises(InvalidInput, match="campaigns"):
        tag_table(open_tables(tiny_tables), AS_OF, ["phase"], entity="campaign")


def test_catalogue_and_mart_speak_of_the_same_columns(sample_mart: Mart) -> None:
    for entity in ("customer", "product", "campaign"):
        table = tag_table(sample_mart, AS_OF, entity=entity)  # type: ignore[arg-type]
        declared = {tag.name: tag.type for tag in catalogue(entity=entity)}  # type: ignore[arg-type]
        found = {name: str(table[name].type()) for name in table.columns[1:]}
        assert found == {name: declared[name] for name in found}
        assert len(found) >= {"customer": 120, "product": 15, "campaign": 15}[entity]
