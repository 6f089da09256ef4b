"""The declarations hold together, and pandera's verdict is the mart's."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandera.errors
import pytest

from marketing_ds.mart import Mart, open_mart
from marketing_ds.schema import MART, OUTPUTS, PLANS, PRODUCTS, SCORES, TRANSACTIONS, row_rules

Rows = list[dict[str, Any]]
ALL = {**MART, **{name: table for name, table in OUTPUTS.items() if table is not None}}


def test_declarations_load_without_heavy_packages() -> None:
    code = (
        "import sys, marketing_ds.schema; "
        "print([m for m in ('ibis', 'pandas', 'pandera', 'duckdb', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ALL)
def test_columns_named_elsewhere_in_a_table_are_its_own(name: str) -> None:
    table = ALL[name]
    named = {*table.grain, *(c for key in table.foreign_keys for c in key.columns)}
    named |= {c for order in table.order for c in (order.earlier, order.later)}
    named |= {c for c in (table.dated_by, table.known_from) if c is not None}
    assert named <= set(table.column_names)
    assert len(set(table.column_names)) == len(table.columns)


@pytest.mark.parametrize("name", MART)
def test_foreign_keys_point_to_tables_above(name: str) -> None:
    above = list(MART)[: list(MART).index(name)]
    for key in MART[name].foreign_keys:
        assert key.table in above
        assert key.columns == MART[key.table].grain


@pytest.mark.parametrize("name", MART)
def test_no_column_of_a_mart_table_s_grain_may_be_null(name: str) -> None:
    assert not any(MART[name].column(column).nullable for column in MART[name].grain)


def test_rules_of_a_table_in_words() -> None:
    assert [rule.text for rule in row_rules(PRODUCTS)] == [
        "product_id is never null",
        "name is never null",
        "category is never null",
        "category is one of deposit, wealth, fund, insurance, loan, card, retail",
        "risk_level is between 1 and 5",
        "launched_on is never null",
        "margin_rate is between 0 and 1",
    ]
    assert "occurred_at is not after recorded_on" in [r.text for r in row_rules(TRANSACTIONS)]
    assert "score is finite" in [rule.text for rule in row_rules(SCORES)]
    assert "net_value_cny is finite" in [rule.text for rule in row_rules(PLANS)]


def test_pandera_accepts_a_mart_that_keeps_the_contract(tiny_mart: Mart) -> None:
    parents = {name: tiny_mart[name] for name in MART}
    for name in ("customers", "offers", "assignments", "contacts"):
        MART[name].to_pandera(parents).validate(tiny_mart[name], lazy=True)


def test_pandera_and_the_mart_agree_rule_by_rule(
    tiny_tables: dict[str, Rows],
    write_mart: Callable[[Path, dict[str, Rows]], Path],
    tmp_path: Path,
) -> None:
    _spoil(tiny_tables)
    folder = write_mart(tmp_path / "mart", tiny_tables)
    with open_mart(folder, workspace=tmp_path / "workspace") as mart:
        ours = {
            (rule.table, rule.text)
            for rule in mart.check(business_date="2026-12-31").broken
            if rule.rule not in ("opened", "arm", "probability")  # beyond pandera: other tables
        }
        parents = {name: mart[name] for name in MART}
        theirs = {
            (name, text)
            for name in ("customers", "transactions", "assignments", "contacts")
            for text in _pandera_verdict(name, mart, parents)
        }
    # To pandera NaN is null too; to us it is out of range.
    nan_is_null = ("transactions", "amount_cny is never null")
    assert theirs - {nan_is_null} == ours
    assert len(ours) == 13


def _pandera_verdict(name: str, mart: Mart, parents: dict[str, Any]) -> set[str]:
    """The texts of the rules that pandera finds broken."""
    table = MART[name]
    try:
        table.to_pandera(parents).validate(mart[name], lazy=True)
    except pandera.errors.SchemaErrors as errors:
        return {_in_our_words(error, table.grain) for error in errors.schema_errors}
    return set()


def _in_our_words(error: Any, grain: tuple[str, ...]) -> str:
    if error.reason_code.name == "DUPLICATES":
        return f"{', '.join(grain)} is unique"
    if error.reason_code.name == "SERIES_CONTAINS_NULLS":
        return f"{error.schema.name} is never null"
    return str(error.check.name)


def _spoil(tables: dict[str, Rows]) -> None:
    """One fault of each kind."""
    customers, transactions = tables["customers"], tables["transactions"]
    customers[0]["gender"] = "X"
    customers[1]["risk_level"] = 6
    customers[2]["opened_on"] = None
    customers.append(dict(customers[5]))
    transactions[0]["amount_cny"] = float("nan")
    transactions[1]["amount_cny"] = -1.0
    transactions[2]["customer_id"] = "nobody"
    transactions[3]["product_id"] = "nothing"
    transactions[4]["recorded_on"] = dt.date(2026, 4, 9)
    transactions[5]["kind"] = None
    transactions[6]["kind"] = "lottery"
    tables["assignments"][0]["probability"] = 1.0
    tables["assignments"].append(dict(tables["assignments"][3]))
    contact = tables["contacts"][0]
    contact["opened_at"] = contact["sent_at"] - dt.timedelta(minutes=1)
    contact["clicked_at"] = None
