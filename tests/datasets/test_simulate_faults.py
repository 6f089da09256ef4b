"""A dirty bank: every fault planted is listed, and a check names each one with its rows."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from marketing_ds.datasets import SimulatedBank, Truth, load_truth, simulate
from marketing_ds.mart import open_mart

_KEY = ["table", "rule", "column"]


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> SimulatedBank:
    folder = tmp_path_factory.mktemp("dirty") / "bank"
    return simulate(folder, customers=1_500, dirty=True, progress=False)


@pytest.fixture(scope="module")
def listed(dirty: SimulatedBank) -> pd.DataFrame:
    return load_truth(dirty.path).faults


@pytest.fixture(scope="module")
def found(dirty: SimulatedBank) -> pd.DataFrame:
    return open_mart(dirty.path).check(business_date=dirty.last_date).to_frame()


def test_a_check_finds_exactly_what_was_planted(listed: pd.DataFrame, found: pd.DataFrame) -> None:
    planted = listed[listed["rule"] != "late"].groupby(_KEY)["rows"].sum()
    assert planted.sort_index().to_dict() == found.set_index(_KEY)["count"].sort_index().to_dict()


def test_every_kind_of_fault_of_real_feeds_is_there(listed: pd.DataFrame) -> None:
    wanted = {"grain", "null", "allowed", "range", "reference", "order", "known", "future", "late"}
    assert set(listed["rule"]) == wanted


def test_examples_are_keys_of_spoilt_rows(dirty: SimulatedBank, listed: pd.DataFrame) -> None:
    negative = listed[(listed["table"] == "transactions") & (listed["rule"] == "range")].iloc[0]
    ids = ", ".join(repr(key) for key in negative["examples"])
    amounts = duckdb.sql(
        f"select amount_cny from '{dirty.path}/transactions/*.parquet' where transaction_id in ({ids})"
    ).df()
    assert len(amounts) == len(negative["examples"]) == 5
    assert (amounts["amount_cny"] < 0).all()


def test_a_customer_changed_id_midway(dirty: SimulatedBank, listed: pd.DataFrame) -> None:
    notes = listed[listed["note"].str.contains("became")]["note"].unique()
    assert len(notes) == 1
    old, _, new, _, day = notes[0].split(":")[0].split(" ")
    customers = f"'{dirty.path}/customers/*.parquet'"
    known = duckdb.sql(f"select customer_id from {customers} where customer_id like '{old}%'").df()
    assert known["customer_id"].to_list() == [new]
    spans = duckdb.sql(
        f"""select max(snapshot_date) filter (customer_id = '{old}') as until,
        min(snapshot_date) filter (customer_id = '{new}') as since
        from '{dirty.path}/holdings/*.parquet'"""
    ).df()
    assert spans["until"].iloc[0] <= pd.Timestamp(day) < spans["since"].iloc[0]


def test_late_rows_keep_the_contract_but_are_listed(
    dirty: SimulatedBank, listed: pd.DataFrame
) -> None:
    late = listed[listed["rule"] == "late"]
    assert set(late["table"]) == {"transactions", "events"}
    ids = ", ".join(repr(key) for key in late.set_index("table").loc["events", "examples"])
    delay = duckdb.sql(
        f"""select recorded_on - occurred_at::date as days from '{dirty.path}/events/*.parquet'
        where event_id in ({ids})"""
    ).df()
    assert delay["days"].min() >= 10


def test_a_clean_bank_lists_no_faults(bank: SimulatedBank, truth: Truth) -> None:
    assert len(truth.faults) == 0
    assert json.loads((bank.path / "_truth" / "faults.json").read_text()) == []


def test_same_seed_same_faults(dirty: SimulatedBank, tmp_path: Path) -> None:
    again = simulate(tmp_path / "again", customers=1_500, dirty=True, progress=False)
    for name in ("_truth/faults.json", "events/part-0000.parquet", "customers/part-0000.parquet"):
        assert (again.path / name).read_bytes() == (dirty.path / name).read_bytes()


def test_a_bank_too_small_for_a_fault_leaves_it_out(tmp_path: Path) -> None:
    made = simulate(tmp_path / "bank", customers=3, months=6, dirty=True, progress=False)
    faults = load_truth(made.path).faults
    assert (faults["rows"] > 0).all()
    found = open_mart(made.path).check(business_date=made.last_date).to_frame()
    planted = faults[faults["rule"] != "late"].groupby(_KEY)["rows"].sum()
    assert planted.sort_index().to_dict() == found.set_index(_KEY)["count"].sort_index().to_dict()
