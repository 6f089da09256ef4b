"""`mart.check()` names each broken rule with count and keys, and passes what is sound."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from marketing_ds._core.errors import InvalidInput, MartError
from marketing_ds.mart import Mart, MartCheck, open_mart

Rows = list[dict[str, Any]]
Tables = dict[str, Rows]


@pytest.fixture
def checked(
    write_mart: Callable[[Path, Tables], Path], tmp_path: Path
) -> Callable[[Tables], MartCheck]:
    """A function that writes tables as a mart and checks it."""

    def check(tables: Tables, business_date: str = "2026-12-31") -> MartCheck:
        folder = write_mart(tmp_path / "mart", tables)
        with open_mart(folder, workspace=tmp_path / "workspace") as mart:
            return mart.check(business_date=business_date)

    return check


def found(result: MartCheck) -> list[tuple[str, str, str, int, tuple[str, ...]]]:
    return [(b.table, b.rule, b.column, b.count, b.examples) for b in result.broken]


def test_a_sound_mart_passes(tiny_mart: Mart) -> None:
    result = tiny_mart.check(business_date="2026-12-31")
    assert result.passed
    assert found(result) == []
    assert result.rows["customers"] == 12
    assert result.to_frame().shape == (0, 6)
    assert "keeps its contract" in result._repr_html_()


def test_a_fault_of_each_row_rule_is_named(
    tiny_tables: Tables, checked: Callable[[Tables], MartCheck]
) -> None:
    customers, transactions = tiny_tables["customers"], tiny_tables["transactions"]
    customers[0]["gender"] = "X"
    customers[1]["risk_level"] = 6
    customers[2]["consent_sms"] = None
    transactions[0]["amount_cny"] = float("inf")
    transactions[1]["amount_cny"] = -0.01
    transactions[4]["recorded_on"] = dt.date(2026, 4, 9)
    tiny_tables["campaigns"][0]["ends_on"] = dt.date(2026, 5, 3)
    assert found(checked(tiny_tables)) == [
        ("customers", "allowed", "gender", 1, ("c01",)),
        ("customers", "range", "risk_level", 1, ("c02",)),
        ("customers", "null", "consent_sms", 1, ("c03",)),
        ("transactions", "range", "amount_cny", 2, ("T001", "T002")),
        ("transactions", "known", "occurred_at, recorded_on", 1, ("T005",)),
        ("campaigns", "order", "starts_on, ends_on", 1, ("K1",)),
    ]


def test_a_repeated_grain_counts_the_rows_beyond_the_first(
    tiny_tables: Tables, checked: Callable[[Tables], MartCheck]
) -> None:
    tiny_tables["holdings"] += [dict(tiny_tables["holdings"][0])] * 2
    tiny_tables["holdings"].append(dict(tiny_tables["holdings"][3]))
    key = "customer_id, product_id, snapshot_date"
    examples = ("c01 / P-DEP / 2026-04-30", "c03 / P-FUN / 2026-04-30")
    assert found(checked(tiny_tables)) == [("holdings", "grain", key, 3, examples)]


def test_repeated_customers_do_not_multiply_other_tables_rows(
    tiny_tables: Tables, checked: Callable[[Tables], MartCheck]
) -> None:
    tiny_tables["customers"].append(dict(tiny_tables["customers"][0]))
    result = checked(tiny_tables)
    assert found(result) == [("customers", "grain", "customer_id", 1, ("c01",))]
    assert result.rows["transactions"] == len(tiny_tables["transactions"])


def test_an_orphan_is_named_but_a_null_key_is_not(
    tiny_tables: Tables, checked: Callable[[Tables], MartCheck]
) -> None:
    tiny_tables["events"][0]["customer_id"] = "c99"
    tiny_tables["events"][1]["campaign_id"] = "K9"
    tiny_tables["events"][2]["campaign_id"] = None
    assert found(checked(tiny_tables)) == [
        ("events", "reference", "customer_id", 1, ("E000",)),
        ("events", "reference", "campaign_id", 1, ("E001",)),
    ]


def test_keys_of_an_absent_table_are_orphans(
    tiny_tables: Tables, checked: Callable[[Tables], MartCheck]
) -> None:
    del tiny_tables["benefits"]
    assert [(b.table, b.rule, b.count) for b in checked(tiny_tables).broken] == [
        ("offers", "reference", 1),
        ("benefit_grants", "reference", 3),
    ]


def test_facts_after_the_business_date_are_named_but_plans_are_not(
    tiny_tables: Tables, checked: Callable[..., MartCheck]
) -> None:
    tiny_tables["campaigns"][1] |= {
        "starts_on": dt.date(2027, 1, 1),
        "ends_on": dt.date(2027, 1, 9),
    }
    tiny_tables["transactions"][-1]["recorded_on"] = dt.date(2026, 7, 2)
    tiny_tables["events"][0] |= {
        "occurred_at": dt.datetime(2026, 7, 1),
        "recorded_on": dt.date(2026, 7, 1),
    }
    assert found(checked(tiny_tables, business_date="2026-06-30")) == [
        ("transactions", "future", "recorded_on", 1, ("T026",)),
        ("events", "future", "occurred_at", 1, ("E000",)),
        ("events", "future", "recorded_on", 1, ("E000",)),
    ]


def test_the_business_date_is_today_by_default(
    tiny_tables: Tables, write_mart: Callable[[Path, Tables], Path], tmp_path: Path
) -> None:
    tomorrow = dt.date.today() + dt.timedelta(days=1)
    tiny_tables["holdings"][0]["snapshot_date"] = tomorrow
    folder = write_mart(tmp_path / "mart", tiny_tables)
    with open_mart(folder, workspace=tmp_path / "workspace") as mart:
        future = [b for b in mart.check().broken if b.table == "holdings"]
        assert [(b.rule, b.count) for b in future] == [("future", 1)]
        with pytest.raises(InvalidInput, match="business_date must be a date"):
            mart.check(business_date="soon")


def test_no_balance_or_transaction_before_the_customer_opened(
    tiny_tables: Tables, checked: Callable[[Tables], MartCheck]
) -> None:
    tiny_tables["customers"][0]["opened_on"] = dt.date(2026, 5, 1)
    assert [(b.table, b.rule, b.count) for b in checked(tiny_tables).broken] == [
        ("holdings", "opened", 1),
        ("transactions", "opened", 1),
    ]


def test_an_arm_is_control_or_an_offer_where_offers_are_known(
    tiny_tables: Tables, checked: Callable[[Tables], MartCheck]
) -> None:
    tiny_tables["assignments"][1]["arm"] = "gift"
    tiny_tables["offers"] = [o for o in tiny_tables["offers"] if o["campaign_id"] == "K1"]
    assert found(checked(tiny_tables)) == [("assignments", "arm", "arm", 1, ("c02 / K1",))]


def test_the_probability_is_known_in_a_randomised_campaign(
    tiny_tables: Tables, checked: Callable[[Tables], MartCheck]
) -> None:
    tiny_tables["assignments"][2]["probability"] = None
    tiny_tables["assignments"][3]["probability"] = 0.0
    assert found(checked(tiny_tables)) == [
        ("assignments", "range", "probability", 1, ("c04 / K1",)),
        ("assignments", "probability", "probability", 1, ("c03 / K1",)),
    ]


def test_at_most_five_keys_are_shown(
    tiny_tables: Tables, checked: Callable[[Tables], MartCheck]
) -> None:
    for customer in tiny_tables["customers"]:
        customer["gender"] = "?"
    result = checked(tiny_tables)
    assert result.broken[0].count == 12
    assert result.broken[0].examples == ("c01", "c02", "c03", "c04", "c05")
    assert "c01, c02, c03, c04, c05" in result._repr_html_()
    assert str(result.broken[0]) == (
        "customers: 'gender is one of F, M' is broken by 12 row(s), e.g. c01, c02, c03, c04, c05"
    )
    assert result.to_frame()["rule"].tolist() == ["allowed"]


def test_absent_and_mistyped_columns_are_named(tiny_mart_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mart"
    folder.mkdir()
    customers = pq.read_table(tiny_mart_dir / "customers.parquet")
    days = [f"{'not a day' if n == 2 else '2020-01-01'}" for n in range(12)]
    customers = customers.drop_columns(["suppressed", "region"])
    customers = customers.set_column(1, "opened_on", pa.array(days))
    customers = customers.set_column(2, "birth_year", pa.array([None, 1950.5] + [1980.0] * 10))
    pq.write_table(customers, folder / "customers.parquet")
    with open_mart(folder, workspace=tmp_path / "workspace") as mart:
        assert found(mart.check()) == [
            ("customers", "column", "suppressed", 12, ()),
            ("customers", "type", "opened_on", 1, ("c03",)),
            ("customers", "type", "birth_year", 1, ("c02",)),
        ]


def test_without_the_parent_s_key_the_other_tables_are_still_checked(
    tiny_mart_dir: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "mart"
    folder.mkdir()
    for file in tiny_mart_dir.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    campaigns = pq.read_table(folder / "campaigns.parquet")
    pq.write_table(
        campaigns.drop_columns(["campaign_id", "randomised"]), folder / "campaigns.parquet"
    )
    offers = pq.read_table(folder / "offers.parquet")
    pq.write_table(offers.drop_columns(["offer"]), folder / "offers.parquet")
    assignments = pq.read_table(folder / "assignments.parquet")
    pq.write_table(assignments.drop_columns(["arm"]), folder / "assignments.parquet")
    with open_mart(folder, workspace=tmp_path / "workspace") as mart:
        assert [(b.table, b.rule, b.column) for b in mart.check().broken] == [
            ("campaigns", "column", "campaign_id"),
            ("campaigns", "column", "randomised"),
            ("offers", "column", "offer"),
            ("assignments", "column", "arm"),
        ]


@pytest.mark.parametrize("alone", [True, False])
def test_a_file_damaged_inside_is_named(tiny_mart_dir: Path, tmp_path: Path, alone: bool) -> None:
    folder = tmp_path / "mart"
    (folder / "holdings").mkdir(parents=True)
    for file in tiny_mart_dir.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    content = (folder / "holdings.parquet").read_bytes()
    (folder / "holdings.parquet").unlink()
    if not alone:
        (folder / "holdings" / "a.parquet").write_bytes(content)
    # The data pages are damaged; the footer stays whole.
    (folder / "holdings" / "b.parquet").write_bytes(content[:4] + b"\xff" * 196 + content[200:])
    with (
        open_mart(folder, workspace=tmp_path / "workspace") as mart,
        pytest.raises(MartError, match=r"table 'holdings' cannot be read, file '.*b\.parquet'"),
    ):
        mart.check()


def test_a_check_leaves_no_table_behind(tiny_mart: Mart) -> None:
    tiny_mart.check()
    left = tiny_mart.con.raw_sql(
        "SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE '_keys%'"
    )
    assert left.fetchall() == [(0,)]
    assert isinstance(tiny_mart["customers"], ibis.Table)
