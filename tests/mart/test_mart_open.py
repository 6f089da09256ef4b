"""`open_mart` reads folders of Parquet or CSV and DuckDB files alike, and says what is wrong."""

from __future__ import annotations

import datetime as dt
import gzip
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from marketing_ds._core.errors import InvalidInput, MartError
from marketing_ds.mart import Mart, open_mart
from marketing_ds.schema import MART
from marketing_ds.schema.types import ibis_schema

CUSTOMERS_CSV = (
    "customer_id,opened_on,birth_year,gender,region,consent_app,consent_wechat,consent_sms,"
    "consent_email,consent_phone,suppressed\n"
    '007,2020-01-31,1980,F,"Shanghai, Pudong",true,True,1,false,0,False\n'
    "008,2020-02-29,,,,true,true,true,true,true,false\n"
)


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[Path], Mart]:
    """A function that opens a mart with a workspace of the test's own."""
    return lambda folder: open_mart(folder, workspace=tmp_path / "workspace")


@pytest.fixture
def each(engine: str, tmp_path: Path) -> Callable[[Path], Mart]:
    """The same on each engine in turn."""
    return lambda folder: open_mart(folder, engine=engine, workspace=tmp_path / "workspace")


@pytest.fixture
def copy(tiny_mart_dir: Path, tmp_path: Path) -> Path:
    """A copy of the tiny mart, to be changed."""
    return shutil.copytree(tiny_mart_dir, tmp_path / "copy")


def as_database(folder: Path, file: Path, schema: str = "main") -> Path:
    with duckdb.connect(str(file)) as con:
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        for table in folder.glob("*.parquet"):
            con.execute(f"CREATE TABLE {schema}.{table.stem} AS FROM '{table}'")
    return file


def as_csv(folder: Path, target: Path) -> Path:
    target.mkdir()
    for number, table in enumerate(sorted(folder.glob("*.parquet"))):
        text = pq.read_table(table).to_pandas(date_as_object=True).to_csv(index=False)
        if number % 2:
            (target / f"{table.stem}.csv").write_text(text)
        else:
            (target / f"{table.stem}.csv.gz").write_bytes(gzip.compress(text.encode()))
    return target


def rows(table: ibis.Table) -> list[dict[str, Any]]:
    return sorted(table.to_pyarrow().to_pylist(), key=lambda row: [str(v) for v in row.values()])


def test_every_table_has_the_contract_s_types(engine_mart: Mart) -> None:
    for name in MART:
        assert engine_mart[name].schema() == ibis_schema(MART[name])


def test_absent_optional_tables_are_empty(engine_mart: Mart) -> None:
    assert "campaign_outcomes" not in engine_mart.tables
    assert engine_mart["campaign_outcomes"].count().execute() == 0


def test_csv_and_database_hold_the_same_as_parquet(
    tiny_mart: Mart, tiny_mart_dir: Path, tmp_path: Path, opened: Callable[[Path], Mart]
) -> None:
    csv = as_csv(tiny_mart_dir, tmp_path / "csv")
    database = as_database(tiny_mart_dir, tmp_path / "bank's.duckdb")
    with opened(csv) as from_csv, opened(database) as from_database:
        assert from_csv.tables == from_database.tables == tiny_mart.tables
        for name in tiny_mart.tables:
            assert rows(from_csv[name]) == rows(tiny_mart[name])
            assert rows(from_database[name]) == rows(tiny_mart[name])


def test_a_database_may_keep_its_tables_in_a_schema(
    tiny_mart_dir: Path, tmp_path: Path, opened: Callable[[Path], Mart]
) -> None:
    database = as_database(tiny_mart_dir, tmp_path / "bank.duckdb", schema="marketing")
    before = database.read_bytes()
    with opened(database) as mart:
        assert (mart.engine, mart.files("customers")) == ("duckdb", (database,))
        first = mart.snapshot
        assert mart["customers"].count().execute() == 12
        assert mart.check(business_date="2026-12-31").passed
    assert database.read_bytes() == before
    with opened(database.rename(tmp_path / "other.duckdb")) as mart:
        assert mart.snapshot == first


def test_csv_is_typed_by_the_contract(tmp_path: Path, each: Callable[[Path], Mart]) -> None:
    (tmp_path / "mart").mkdir()
    (tmp_path / "mart" / "customers.csv").write_text(CUSTOMERS_CSV)
    with each(tmp_path / "mart") as mart:
        first, second = rows(mart["customers"])
    assert first["customer_id"] == "007"
    assert first["opened_on"] == dt.date(2020, 1, 31)
    assert first["region"] == "Shanghai, Pudong"
    assert (first["consent_sms"], first["consent_phone"], first["suppressed"]) == (
        True,
        False,
        False,
    )
    assert (second["birth_year"], second["gender"]) == (None, None)
    assert first["risk_level"] is None  # a nullable column may be absent


def test_a_value_that_cannot_be_read_stops_the_query(
    tmp_path: Path, each: Callable[[Path], Mart]
) -> None:
    (tmp_path / "mart").mkdir()
    (tmp_path / "mart" / "customers.csv").write_text(CUSTOMERS_CSV.replace("1980", "old"))
    with each(tmp_path / "mart") as mart:
        assert mart["customers"].gender.count().execute() == 1
        with pytest.raises(
            mart.connection.errors, match=r"customers\.birth_year holds values that cannot"
        ):
            mart["customers"].birth_year.max().execute()


def test_folders_of_nested_and_partitioned_files(
    copy: Path, engine_mart: Mart, each: Callable[[Path], Mart]
) -> None:
    holdings = pq.read_table(copy / "holdings.parquet")
    (copy / "holdings.parquet").unlink()
    for day in pd.unique(holdings["snapshot_date"].to_pandas()):
        part = copy / "holdings" / f"snapshot_date={day}" / "part.parquet"
        part.parent.mkdir(parents=True)
        mask = pa.compute.equal(holdings["snapshot_date"], day)
        pq.write_table(holdings.filter(mask).drop_columns(["snapshot_date"]), part)
    for hidden in ("_delta_log", ".checkpoints"):
        (copy / "holdings" / hidden).mkdir()
        (copy / "holdings" / hidden / "old.parquet").write_bytes(b"not to be read")
    events = pq.read_table(copy / "events.parquet")
    (copy / "events.parquet").unlink()
    (copy / "events" / "2026").mkdir(parents=True)
    # The second file has its columns in another order.
    pq.write_table(events.slice(0, 20), copy / "events" / "2026" / "a.parquet")
    pq.write_table(
        events.slice(20).select(events.column_names[::-1]), copy / "events" / "b.parquet"
    )
    (copy / "_customers.parquet").write_bytes(b"not to be read")
    (copy / "README.md").write_text("A mart.")
    (copy / "notes").mkdir()
    with each(copy) as mart:
        assert rows(mart["holdings"]) == rows(engine_mart["holdings"])
        assert rows(mart["events"]) == rows(engine_mart["events"])


def test_compatible_types_and_extra_columns(
    copy: Path, engine_mart: Mart, each: Callable[[Path], Mart]
) -> None:
    file = copy / "customers.parquet"
    customers = pq.read_table(file)
    customers = customers.set_column(2, "birth_year", customers["birth_year"].cast(pa.int32()))
    midnight = customers["opened_on"].cast(pa.timestamp("ns"))
    customers = customers.set_column(1, "opened_on", midnight)
    customers = customers.set_column(3, "gender", customers["gender"].dictionary_encode())
    pq.write_table(customers.append_column("hobby", pa.array(["chess"] * 12)), file)
    with each(copy) as mart:
        schema = mart["customers"].schema()
        assert schema["birth_year"].is_int64()
        assert schema["opened_on"].is_date()
        assert schema["gender"].is_string()
        assert mart["customers"].columns[-1] == "hobby"
        assert mart.check(business_date="2026-12-31").passed


def test_nan_is_found_in_a_file_whose_statistics_do_not_tell_of_it(
    copy: Path, each: Callable[[Path], Mart]
) -> None:
    table = pq.read_table(copy / "products.parquet")
    margins = pa.array([0.1, float("nan"), None, 0.2])
    pq.write_table(table.set_column(5, "margin_rate", margins), copy / "products.parquet")
    with each(copy) as mart:
        products = mart["products"]
        found = products.filter(products.margin_rate.isnan()).product_id
        assert found.to_pyarrow().to_pylist() == ["P-WEA"]
        assert products.margin_rate.isnan().sum().to_pyarrow().as_py() == 1
        assert products.margin_rate.count().to_pyarrow().as_py() == 3


def test_snapshot_is_that_of_the_content(
    copy: Path, tiny_mart: Mart, opened: Callable[[Path], Mart]
) -> None:
    with opened(copy) as mart:
        assert mart.snapshot == tiny_mart.snapshot
    (copy / "notes.txt").write_text("not an input")
    with opened(copy) as mart:
        assert mart.snapshot == tiny_mart.snapshot
    products = pq.read_table(copy / "products.parquet")
    pq.write_table(products.slice(1), copy / "products.parquet")
    with opened(copy) as mart:
        assert mart.snapshot != tiny_mart.snapshot


def test_stamps_change_with_their_file_only(
    copy: Path, each: Callable[[Path], Mart], tiny_mart: Mart
) -> None:
    mart = each(copy)
    before = {name: mart.stamps(name) for name in ("customers", "transactions")}
    pq.write_table(pq.read_table(copy / "customers.parquet").slice(1), copy / "customers.parquet")
    assert mart.stamps("customers") != before["customers"]
    assert mart.stamps("transactions") == before["transactions"]
    assert tiny_mart.stamps("customers").keys() == {"customers.parquet"}


def test_number_of_rows_is_told_where_it_costs_no_reading(
    tiny_mart: Mart, tiny_mart_dir: Path, tmp_path: Path, opened: Callable[[Path], Mart]
) -> None:
    counted = tiny_mart["transactions"].count().to_pyarrow().as_py()
    database = as_database(tiny_mart_dir, tmp_path / "bank.duckdb")
    csv = as_csv(tiny_mart_dir, tmp_path / "csv")
    with opened(csv) as from_csv, opened(database) as from_database:
        told = [mart.rows_told("transactions") for mart in (tiny_mart, from_database, from_csv)]
    assert told == [counted, counted, None]


def test_spark_is_not_asked_for_the_number_of_rows(spark_mart: Mart) -> None:
    assert spark_mart.rows_told("transactions") is None


def test_last_date_is_the_last_fact_s(copy: Path, each: Callable[[Path], Mart]) -> None:
    with each(copy) as mart:
        assert mart.last_date == dt.date(2026, 6, 30)
    (copy / "holdings.parquet").unlink()
    with each(copy) as mart:
        assert mart.last_date == dt.date(2026, 6, 27)  # the last event


def test_a_mart_without_any_row_has_no_last_date(
    tmp_path: Path, each: Callable[[Path], Mart]
) -> None:
    (tmp_path / "mart").mkdir()
    (tmp_path / "mart" / "customers.csv").write_text(CUSTOMERS_CSV.splitlines()[0] + "\n")
    with each(tmp_path / "mart") as mart, pytest.raises(MartError, match="no dated row"):
        _ = mart.last_date


def test_a_mart_shows_itself(engine_mart: Mart) -> None:
    frame = engine_mart.to_frame().set_index("table")
    assert frame.loc["transactions", ["rows", "columns"]].tolist() == [26, 8]
    assert str(frame.loc["transactions", "last"])[:10] == "2026-06-20"
    assert "transactions" in engine_mart._repr_html_()
    assert repr(engine_mart).startswith("Mart('")


def test_a_mart_of_customers_only_shows_itself(
    tmp_path: Path, each: Callable[[Path], Mart]
) -> None:
    (tmp_path / "mart").mkdir()
    (tmp_path / "mart" / "customers.csv").write_text(CUSTOMERS_CSV)
    with each(tmp_path / "mart") as mart:
        assert mart.to_frame()["table"].tolist() == ["customers"]
        assert mart.last_date == dt.date(2020, 2, 29)


def test_opening_makes_no_workspace(engine_mart: Mart) -> None:
    assert engine_mart["customers"].count().execute() == 12
    assert not engine_mart.workspace.root.exists()


def test_the_workspace_comes_from_the_environment_or_the_current_folder(
    tiny_mart_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MARKETING_DS_WORKSPACE", raising=False)
    with open_mart(tiny_mart_dir) as mart:
        assert mart.workspace.root == tmp_path / "workspace"
    monkeypatch.setenv("MARKETING_DS_WORKSPACE", str(tmp_path / "elsewhere"))
    with open_mart(tiny_mart_dir) as mart:
        assert mart.workspace.root == tmp_path / "elsewhere"


def test_a_misspelt_engine(tiny_mart_dir: Path) -> None:
    with pytest.raises(InvalidInput, match=r"engine must be one of.*'sparc'; did you mean 'spark'"):
        open_mart(tiny_mart_dir, engine="sparc")


def test_settings_of_duckdb(tiny_mart_dir: Path) -> None:
    with open_mart(tiny_mart_dir, options={"threads": "1"}) as mart:
        query = mart.con.raw_sql("SELECT current_setting('threads')")
        assert query.fetchall() == [(1,)]
    with pytest.raises(InvalidInput, match=r"options must be settings of DuckDB, got thrads='1'"):
        open_mart(tiny_mart_dir, options={"thrads": "1"})


def test_a_workspace_is_a_folder_of_this_machine(tiny_mart_dir: Path) -> None:
    with pytest.raises(
        InvalidInput, match=r"workspace must be a folder of this machine, got 's3a:"
    ):
        open_mart(tiny_mart_dir, workspace="s3a://bank/workspace")


def test_addresses_are_for_spark(tiny_mart_dir: Path) -> None:
    with pytest.raises(InvalidInput, match=r"got 's3a://bank/mart'; open it with engine='spark'"):
        open_mart("s3a://bank/mart")


def test_an_unknown_table_is_refused_by_name(tiny_mart: Mart) -> None:
    with pytest.raises(MartError, match="did you mean 'transactions'"):
        tiny_mart.table("transaction")


def test_a_folder_that_is_no_mart(tmp_path: Path, opened: Callable[[Path], Mart]) -> None:
    with pytest.raises(MartError, match=r"there is no mart at '.*nowhere'.*customers.parquet"):
        opened(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(MartError, match=r"no table 'customers' \(found: none"):
        opened(tmp_path / "empty")


def test_the_required_table_is_missing(copy: Path, opened: Callable[[Path], Mart]) -> None:
    (copy / "customers.parquet").unlink()
    with pytest.raises(MartError, match=r"no table 'customers' \(found: products, "):
        opened(copy)


def test_a_misspelt_table(copy: Path, opened: Callable[[Path], Mart]) -> None:
    (copy / "transactions.parquet").rename(copy / "transaction.parquet")
    with pytest.raises(MartError, match=r"table 'transaction'.*did you mean 'transactions'"):
        opened(copy)


def test_a_misspelt_table_in_a_database(
    tiny_mart_dir: Path, tmp_path: Path, opened: Callable[[Path], Mart]
) -> None:
    database = as_database(tiny_mart_dir, tmp_path / "bank.duckdb")
    with duckdb.connect(str(database)) as con:
        con.execute("ALTER TABLE holdings RENAME TO holding")
    with pytest.raises(MartError, match=r"table 'holding'.*did you mean 'holdings'"):
        opened(database)


def test_a_table_that_is_there_twice(copy: Path, opened: Callable[[Path], Mart]) -> None:
    (copy / "customers.csv").write_text(CUSTOMERS_CSV)
    with pytest.raises(MartError, match=r"'customers\.csv' and 'customers\.parquet'; keep one"):
        opened(copy)


def test_folders_with_nothing_or_with_two_formats(
    copy: Path, opened: Callable[[Path], Mart]
) -> None:
    (copy / "customer_attributes").mkdir()
    with pytest.raises(MartError, match="holds no Parquet or CSV file"):
        opened(copy)
    (copy / "customer_attributes" / "a.csv").write_text("customer_id\n")
    shutil.copy(copy / "events.parquet", copy / "customer_attributes" / "b.parquet")
    with pytest.raises(MartError, match="mixes Parquet and CSV"):
        opened(copy)


@pytest.mark.parametrize("content", [b"", b"PAR1 garbage"])
def test_an_unreadable_parquet_file_is_named(
    copy: Path, content: bytes, each: Callable[[Path], Mart]
) -> None:
    (copy / "events.parquet").write_bytes(content)
    with pytest.raises(MartError, match=r"table 'events' cannot be read, file '.*events\.parquet'"):
        each(copy)


def test_the_unreadable_one_of_several_files_is_named(
    copy: Path, each: Callable[[Path], Mart]
) -> None:
    (copy / "events").mkdir()
    (copy / "events.parquet").rename(copy / "events" / "a.parquet")
    (copy / "events" / "b.parquet").write_bytes(b"garbage garbage")
    with pytest.raises(MartError, match=r"file '.*events/b\.parquet'"):
        each(copy)


def test_a_truncated_csv_is_named(tmp_path: Path, each: Callable[[Path], Mart]) -> None:
    (tmp_path / "mart").mkdir()
    whole = gzip.compress((CUSTOMERS_CSV + "009" * 9000).encode())
    (tmp_path / "mart" / "customers.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MartError, match=r"table 'customers' cannot be read.*customers\.csv\.gz"):
        each(tmp_path / "mart").check()


def test_a_file_that_is_no_database(tmp_path: Path, opened: Callable[[Path], Mart]) -> None:
    (tmp_path / "bank.duckdb").write_text("not a database")
    with pytest.raises(MartError, match="cannot be read as a DuckDB file"):
        opened(tmp_path / "bank.duckdb")


def test_a_table_without_a_needed_column_opens_but_is_not_read(
    copy: Path, each: Callable[[Path], Mart]
) -> None:
    events = pq.read_table(copy / "events.parquet")
    names = ["evnt" if name == "event" else name for name in events.column_names]
    pq.write_table(events.rename_columns(names), copy / "events.parquet")
    with each(copy) as mart:
        assert mart["customers"].count().execute() == 12
        with pytest.raises(MartError, match=r"'events'.*lacks the column.s. event.*'evnt'"):
            mart.table("events")


def test_a_file_that_goes_after_opening(copy: Path, each: Callable[[Path], Mart]) -> None:
    with each(copy) as mart:
        (copy / "events.parquet").unlink()
        with pytest.raises(MartError, match="is gone since the mart was opened"):
            _ = mart.snapshot
