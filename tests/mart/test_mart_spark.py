"""What Spark alone must get right so that its answers are DuckDB's."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from marketing_ds._core.errors import InvalidInput, MartError
from marketing_ds.mart import Mart, open_mart
from marketing_ds.schema import MART

NOON = dt.datetime(2026, 5, 4, 12, 30, 15, 250)
if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Opener = Callable[..., Mart]


@pytest.fixture
def on(spark_session: SparkSession, tmp_path: Path) -> Opener:
    """A function that opens a mart on an engine."""

    def opened(folder: Path | str, engine: str = "spark", **options: Any) -> Mart:
        return open_mart(folder, engine=engine, workspace=tmp_path / "workspace", **options)

    return opened


@pytest.fixture
def copy(tiny_mart_dir: Path, tmp_path: Path) -> Path:
    """A copy of the tiny mart, to be changed."""
    return shutil.copytree(tiny_mart_dir, tmp_path / "copy")


def rows(table: ibis.Table) -> list[dict[str, Any]]:
    return sorted(table.to_pyarrow().to_pylist(), key=lambda row: [str(v) for v in row.values()])


def column(mart: Mart, table: str, name: str) -> list[Any]:
    return mart[table].order_by("transaction_id")[name].to_pyarrow().to_pylist()


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row with its floats as text: NaN then equals itself, and the last bits do not count."""
    return {k: f"{v:.13g}" if isinstance(v, float) else v for k, v in row.items()}


def test_a_mart_at_an_address_is_the_mart_of_the_folder(copy: Path, on: Opener) -> None:
    holdings = pq.read_table(copy / "holdings.parquet")
    (copy / "holdings.parquet").unlink()
    part = copy / "holdings" / "month=2026 06" / "part.parquet"
    part.parent.mkdir(parents=True)
    pq.write_table(holdings, part)
    (copy / "holdings" / "_SUCCESS").write_text("")
    (copy / ".hidden").write_text("")
    with on(f"file://{copy}/") as there, on(copy) as here:
        assert there.tables == here.tables
        for name in ("customers", "holdings"):
            assert rows(there[name]) == rows(here[name])
        assert there["holdings"].columns[-1] == "month"
        assert there.last_date == here.last_date
        first = there.snapshot
        assert first != here.snapshot
        assert f"Mart {copy.name}" in there._repr_html_()
    (copy / "notes.txt").write_text("not an input")
    with on(f"file://{copy}") as again:
        assert again.snapshot == first
    pq.write_table(holdings.slice(1), part)
    with on(f"file://{copy}") as changed:
        assert changed.snapshot != first


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("/no/such/folder", r"there is no mart at '/no/such/folder'.*needs its address \(hdfs://"),
        ("file:///no/such/folder", "there is no folder at 'file:///no/such/folder'"),
        ("nope://host/mart", "cannot be reached by Spark: No FileSystem for scheme"),
    ],
)
def test_an_address_without_a_mart(on: Opener, address: str, message: str) -> None:
    with pytest.raises(MartError, match=message):
        on(address)


def test_a_duckdb_file_is_refused_with_the_way_out(tmp_path: Path, on: Opener) -> None:
    (tmp_path / "bank.duckdb").write_bytes(b"")
    with pytest.raises(MartError, match=r"cannot read the DuckDB file.*engine='duckdb', or export"):
        on(tmp_path / "bank.duckdb")


def test_a_path_may_hold_what_spark_takes_for_a_pattern(copy: Path, on: Opener) -> None:
    odd = copy.rename(copy.with_name("a [b] {c,d} 100% #1"))
    (odd / "customers").mkdir()
    (odd / "customers.parquet").rename(odd / "customers" / "x?[1].parquet")
    with on(odd) as mart:
        assert mart["customers"].count().to_pyarrow().as_py() == 12
        done = mart.publish("segments", pd.DataFrame({"customer_id": ["c01"]}), as_of="2026-06-30")
        assert done.rows == 1


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (pa.timestamp("us"), {}),
        (pa.timestamp("ms"), {}),
        (pa.timestamp("ns"), {}),
        (pa.timestamp("ns"), {"use_deprecated_int96_timestamps": True}),
    ],
)
def test_local_moments_are_read_alike_however_they_are_stored(
    copy: Path, on: Opener, kind: pa.DataType, options: dict[str, Any]
) -> None:
    file = copy / "transactions.parquet"
    table = pq.read_table(file)
    early = dt.datetime(1969, 12, 31, 23, 59, 59, 999_000)
    moments = [NOON.replace(microsecond=250_000), early, None] + [NOON.replace(microsecond=0)] * 23
    stored = pa.array(moments, pa.timestamp("us")).cast(kind)
    table = table.set_column(3, "occurred_at", stored)
    pq.write_table(table.append_column("number", pa.array(range(26))), file, **options)
    with on(copy) as spark, on(copy, "duckdb") as duck:
        assert column(spark, "transactions", "occurred_at") == moments
        assert column(duck, "transactions", "occurred_at") == moments
        assert column(spark, "transactions", "number") == list(range(26))


@pytest.mark.parametrize("unit", ["us", "ns"])
def test_instants_are_no_local_moments_on_either_engine(copy: Path, on: Opener, unit: str) -> None:
    file = copy / "transactions.parquet"
    table = pq.read_table(file)
    instants = pa.array([NOON] * 26, pa.timestamp("us")).cast(pa.timestamp(unit, "Asia/Shanghai"))
    pq.write_table(table.set_column(3, "occurred_at", instants), file)
    for engine in ("spark", "duckdb"):
        with on(copy, engine) as mart:
            assert mart["transactions"].count().to_pyarrow().as_py() == 26
            with pytest.raises(
                mart.connection.errors, match="occurred_at holds values that cannot"
            ):
                mart["transactions"].occurred_at.max().to_pyarrow()


def test_files_that_differ_in_types_and_columns(copy: Path, on: Opener) -> None:
    events = pq.read_table(copy / "events.parquet")
    (copy / "events.parquet").unlink()
    (copy / "events").mkdir()
    moments = events["occurred_at"].cast(pa.timestamp("ns"))
    first = events.slice(0, 20).set_column(2, "occurred_at", moments.slice(0, 20))
    pq.write_table(first, copy / "events" / "a.parquet")
    whole = events["duration_s"].cast(pa.int32())
    second = events.set_column(9, "duration_s", whole).slice(20).drop_columns(["page"])
    pq.write_table(
        second.append_column("extra", pa.array(["x"] * 16)), copy / "events" / "b.parquet"
    )
    with on(copy) as spark, on(copy, "duckdb") as duck:
        assert rows(spark["events"]) == rows(duck["events"])
        assert spark["events"].columns[-1] == "extra"


def test_csv_files_by_the_names_in_their_headers(tmp_path: Path, on: Opener) -> None:
    folder = tmp_path / "mart" / "customers"
    folder.mkdir(parents=True)
    facts = "true,true,true,true,true,false"
    names = "consent_app,consent_wechat,consent_sms,consent_email,consent_phone,suppressed"
    (folder / "a.csv").write_text(f"customer_id,opened_on,{names}\n001,2020-01-31,{facts}\n")
    (folder / "b.csv").write_text(f"\ufeffcustomer_id,opened_on,{names}\n002,2020/1/31,{facts}\n")
    (folder / "c.csv").write_text(
        f'opened_on,customer_id,{names},note\n2020-01-30,003,{facts},"two\nlines, ""quoted"""\n'
    )
    with on(tmp_path / "mart") as spark, on(tmp_path / "mart", "duckdb") as duck:
        assert rows(spark["customers"]) == rows(duck["customers"])
        assert rows(spark["customers"])[2]["note"] == 'two\nlines, "quoted"'


@pytest.mark.parametrize(
    "content",
    [
        b"customer_id,opened_on\n1\n2,2020-01-31,3\n",
        b"customer_id,opened_on\n1,2020-01-31\n2,2020-01-31\n3\n4,2020-01-31\n",
        "customer_id,gender\n\u5f20\u4e09,F\n".encode("gbk"),
    ],
)
def test_a_broken_csv_is_named_and_never_guessed_at(
    tmp_path: Path, on: Opener, content: bytes
) -> None:
    folder = tmp_path / "mart"
    folder.mkdir()
    (folder / "customers.csv").write_bytes(content)
    for engine in ("spark", "duckdb"):
        with pytest.raises(MartError, match=r"'customers' cannot be read, file '.*customers\.csv'"):
            on(folder, engine).check()


@pytest.mark.parametrize("alone", [True, False])
def test_a_file_damaged_inside_is_named(copy: Path, on: Opener, alone: bool) -> None:
    (copy / "holdings").mkdir()
    content = (copy / "holdings.parquet").read_bytes()
    (copy / "holdings.parquet").unlink()
    if not alone:
        (copy / "holdings" / "a.parquet").write_bytes(content)
    # The data pages are damaged; the footer stays whole.
    (copy / "holdings" / "b.parquet").write_bytes(content[:4] + b"\xff" * 196 + content[200:])
    with (
        on(copy) as mart,
        pytest.raises(MartError, match=r"'holdings' cannot be read, file '.*b\.p"),
    ):
        mart.check()


def test_arithmetic_means_what_it_means_on_duckdb(spark_mart: Mart, tiny_mart: Mart) -> None:
    numbers = ibis.memtable(
        pa.table(
            {
                "n": [0, 1, 2, 3, 4, 5],
                "x": pa.array([2.5, 3.5, -1.5, float("nan"), 0.0, None], pa.float64()),
                "zero": [0.0] * 6,
                "moment": [dt.datetime(2026, 6, 30, 12)] * 6,
                "small": pa.array([1] * 6, pa.uint8()),
                "large": pa.array([2**63] * 6, pa.uint64()),
            }
        )
    )
    shown = numbers.select(
        "n",
        rounded=numbers.x.try_cast("int64"),
        by_zero=numbers.x / numbers.zero,
        by_two=numbers.x / 2,
        missing=numbers.x.isnull(),
        there=numbers.x.notnull(),
        infinite=(numbers.x / numbers.zero).isinf(),
        nan=numbers.x.isnan(),
        ln=numbers.x.ln(),
        log=numbers.x.log(),
        log2=numbers.x.log2(),
        log10=numbers.x.log10(),
        day=numbers.moment.truncate("D"),
        small=numbers.small,
        large=numbers.large.cast("string"),
    ).order_by("n")
    none = numbers.filter(numbers.n > 9)
    counted = none.aggregate(n=none.count(where=none.x > 0))
    for query in (shown, counted):
        found, wanted = (mart.con.to_pyarrow(query).to_pylist() for mart in (spark_mart, tiny_mart))
        assert [plain(row) for row in found] == [plain(row) for row in wanted]
    cast = numbers.filter(numbers.n < 2).select(whole=numbers.x.cast("int64")).order_by("whole")
    assert spark_mart.con.to_pyarrow(cast)["whole"].to_pylist() == [2, 4]


def test_literals_are_doubles_and_results_have_no_zone(spark_mart: Mart, tmp_path: Path) -> None:
    one = spark_mart["customers"].limit(1).select(tenth=ibis.literal(0.1), now=ibis.now())
    assert spark_mart.con.frame(one).dtypes == [("tenth", "double"), ("now", "timestamp")]
    for found in (
        spark_mart.con.to_pyarrow(one),
        pq.read_table(spark_mart.write_parquet(one, tmp_path / "one")),
    ):
        assert found["tenth"].to_pylist() == [0.1]
        assert found.schema.field("now").type == pa.timestamp("us")


def test_the_user_s_session_stays_as_it_is(
    spark_session: SparkSession, tiny_mart_dir: Path, on: Opener
) -> None:
    before = dict(spark_session.conf.getAll)
    spark_session.conf.set("spark.sql.session.timeZone", "Asia/Shanghai")
    spark_session.conf.set("spark.sql.shuffle.partitions", "3")
    spark_session.sql("SELECT 1 AS mine").createOrReplaceTempView("customers")
    try:
        with on(tiny_mart_dir, options={"spark.sql.files.maxRecordsPerFile": 5}) as mart:
            assert mart["customers"].count().to_pyarrow().as_py() == 12
            settings = mart.con._session.conf
            assert settings.get("spark.sql.session.timeZone") == "UTC"
            assert settings.get("spark.sql.shuffle.partitions") == "3"
            assert settings.get("spark.sql.files.maxRecordsPerFile") == "5"
            numbers = mart.con.to_pyarrow(ibis.memtable(pa.table({"n": [1]})))
            assert numbers["n"].to_pylist() == [1]
        assert type(spark_session).getActiveSession() is spark_session
        assert spark_session.conf.get("spark.sql.session.timeZone") == "Asia/Shanghai"
        assert spark_session.sql("SELECT * FROM customers").collect()[0].mine == 1
        views = {row.viewName for row in spark_session.sql("SHOW VIEWS").collect()}
        assert views & set(MART) == {"customers"}
    finally:
        spark_session.catalog.dropTempView("customers")
        for name in ("spark.sql.session.timeZone", "spark.sql.shuffle.partitions"):
            if name in before:
                spark_session.conf.set(name, before[name])
            else:
                spark_session.conf.unset(name)
    assert dict(spark_session.conf.getAll) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"spark.executor.memory": "8g"}, "'spark.executor.memory'; set it where that Spark"),
        ({"spark.sql.session.timeZone": "Asia/Shanghai"}, "leave spark.sql.session.timeZone alone"),
    ],
)
def test_options_that_cannot_be_set(
    tiny_mart_dir: Path, on: Opener, options: dict[str, str], message: str
) -> None:
    with pytest.raises(InvalidInput, match=f"options must .*{message}"):
        on(tiny_mart_dir, options=options)


def test_rows_in_several_files_keep_their_order_and_their_name(
    spark_mart: Mart, tmp_path: Path
) -> None:
    events = spark_mart["events"].order_by("event_id")
    files = spark_mart.write_parquet(events, tmp_path / "one")
    spark_mart.con._session.conf.set("spark.sql.files.maxRecordsPerFile", "3")
    parts = spark_mart.write_parquet(events, tmp_path / "many")
    assert [file.name for file in files] == ["part-0.parquet"]
    assert [file.name for file in parts] == [f"part-{n:02}.parquet" for n in range(12)]
    assert sorted(p.name for p in (tmp_path / "many").iterdir()) == [p.name for p in parts]
    ids = [row["event_id"] for part in parts for row in pq.read_table(part).to_pylist()]
    assert ids == [f"E{n:03d}" for n in range(36)]
    engine = spark_mart.connection
    assert engine.rows_digest(parts) == engine.rows_digest(files)
    assert engine.rows_digest(parts[1:]) != engine.rows_digest(files)
    with pytest.raises(InvalidInput, match=r"folder must hold no part-….parquet yet"):
        spark_mart.write_parquet(events, tmp_path / "one")


def test_a_value_does_not_pass_for_its_neighbour_s(spark_mart: Mart, tmp_path: Path) -> None:
    texts = pa.array(["x", None]), pa.array([None, "x"])
    digests = []
    for n, (left, right) in enumerate((texts, texts[::-1])):
        pq.write_table(pa.table({"a": left[:1], "b": right[:1]}), tmp_path / f"{n}.parquet")
        digests.append(spark_mart.connection.rows_digest([tmp_path / f"{n}.parquet"]))
    assert digests[0] != digests[1]


def test_on_a_cluster_files_pass_through_a_shared_folder(
    spark_mart: Mart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "shared"
    spark_mart.con._session.conf.set("spark.marketing_ds.scratch", f"file://{scratch}")
    for module in ("spark", "spark_files"):
        monkeypatch.setattr(f"marketing_ds.mart.engines.{module}.is_local", lambda session: False)
    ids = pd.DataFrame({"customer_id": ["c02", "c01"]})
    done = spark_mart.publish("segments", ids, as_of="2026-06-30")
    assert list(scratch.iterdir()) != []  # copies of what this machine published
    latest = spark_mart.latest("segments").order_by("customer_id").to_pyarrow()
    assert latest["customer_id"].to_pylist() == ["c01", "c02"]
    assert sorted(file.name for file in done.path.iterdir()) == ["manifest.json", "part-0.parquet"]
    batches = spark_mart.batches(spark_mart["events"].order_by("event_id"), 10)
    assert [batch.num_rows for batch in batches] == [10, 10, 10, 6]
    spark_mart.close()
    assert list(scratch.iterdir()) == []
