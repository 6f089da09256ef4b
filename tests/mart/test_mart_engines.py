"""Checking, publishing and streaming: the same on each engine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from marketing_ds._core.errors import PublicationError
from marketing_ds.mart import Mart, open_mart, record_batches, verify

DAY = "2026-06-30"
Tables = dict[str, list[dict[str, Any]]]


def ids(*numbers: int) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": [f"c{n:02d}" for n in numbers]})


def published_ids(mart: Mart) -> list[str]:
    rows = mart.latest("segments").order_by("customer_id").to_pyarrow()
    return list(rows["customer_id"].to_pylist())


def spoil(tables: Tables) -> None:
    """Break each kind of rule."""
    customers, transactions = tables["customers"], tables["transactions"]
    customers[0]["gender"] = "X"
    customers[1]["risk_level"] = 6
    customers[2]["consent_sms"] = None
    customers[3]["opened_on"] = dt.date(2026, 5, 1)
    customers.append(dict(customers[4]))
    tables["holdings"] += [dict(tables["holdings"][0])] * 2
    transactions[0]["amount_cny"] = float("inf")
    transactions[1]["amount_cny"] = float("nan")
    transactions[2]["amount_cny"] = None
    transactions[4]["recorded_on"] = dt.date(2026, 4, 9)
    transactions[-1]["recorded_on"] = dt.date(2026, 7, 2)
    tables["campaigns"][0]["ends_on"] = dt.date(2026, 5, 3)
    tables["events"][0]["customer_id"] = "c99"
    tables["events"][1] |= {"campaign_id": "K9", "duration_s": float("nan")}
    tables["assignments"][1]["arm"] = "gift"
    tables["assignments"][2]["probability"] = None
    del tables["benefits"]


def test_the_same_rules_are_found_broken_by_the_same_rows(
    engine: str,
    tiny_tables: Tables,
    write_mart: Callable[[Path, Tables], Path],
    tmp_path: Path,
) -> None:
    spoil(tiny_tables)
    folder = write_mart(tmp_path / "mart", tiny_tables)
    file = folder / "products.parquet"
    products = pq.read_table(file).drop_columns(["category"])
    launched = pa.array(["2020-01-01", "soon", None, "2020-01-01"])
    pq.write_table(products.set_column(3, "launched_on", launched), file)
    with open_mart(folder, engine=engine, workspace=tmp_path / "workspace") as mart:
        result = mart.check(business_date=DAY)
        found = [(b.table, b.rule, b.column, b.count, b.examples) for b in result.broken]
        rows = dict(result.rows)
        if engine == "spark":  # what the check kept for itself is gone
            views = [row.viewName for row in mart.con._session.sql("SHOW VIEWS").collect()]
            assert not [view for view in views if "held" in view]
    holding = "customer_id, product_id, snapshot_date"
    assert found == [
        ("customers", "allowed", "gender", 1, ("c01",)),
        ("customers", "range", "risk_level", 1, ("c02",)),
        ("customers", "null", "consent_sms", 1, ("c03",)),
        ("customers", "grain", "customer_id", 1, ("c05",)),
        ("products", "column", "category", 4, ()),
        ("products", "type", "launched_on", 1, ("P-WEA",)),
        ("products", "null", "launched_on", 1, ("P-FUN",)),
        ("holdings", "opened", "snapshot_date", 1, ("c04 / P-DEP / 2026-04-30",)),
        ("holdings", "grain", holding, 2, ("c01 / P-DEP / 2026-04-30",)),
        ("transactions", "null", "amount_cny", 1, ("T003",)),
        ("transactions", "range", "amount_cny", 2, ("T001", "T002")),
        ("transactions", "known", "occurred_at, recorded_on", 1, ("T005",)),
        ("transactions", "future", "recorded_on", 1, ("T026",)),
        ("transactions", "opened", "occurred_at", 1, ("T004",)),
        ("campaigns", "order", "starts_on, ends_on", 1, ("K1",)),
        ("events", "range", "duration_s", 1, ("E001",)),
        ("events", "reference", "customer_id", 1, ("E000",)),
        ("events", "reference", "campaign_id", 1, ("E001",)),
        ("offers", "reference", "benefit_id", 1, ("K1 / coupon",)),
        ("assignments", "arm", "arm", 1, ("c02 / K1",)),
        ("assignments", "probability", "probability", 1, ("c03 / K1",)),
        ("benefit_grants", "reference", "benefit_id", 3, ("G1", "G2", "G3")),
    ]
    assert rows["customers"] == 13


def test_a_mart_is_the_same_snapshot(engine_mart: Mart, tiny_mart: Mart) -> None:
    assert engine_mart.snapshot == tiny_mart.snapshot
    assert engine_mart.last_date == tiny_mart.last_date


def test_pandas_frames_are_the_same(engine_mart: Mart, tiny_mart: Mart) -> None:
    for name in ("customers", "contacts"):
        frames = [
            mart[name].order_by(mart[name].columns[0]).execute()
            for mart in (engine_mart, tiny_mart)
        ]
        pd.testing.assert_frame_equal(*frames)


def test_batches_hold_every_row_once(engine_mart: Mart) -> None:
    events = engine_mart["events"].order_by("event_id")
    batches = list(engine_mart.batches(events, rows=10))
    assert max(batch.num_rows for batch in batches) <= 10
    assert all(batch.schema == events.schema().to_pyarrow() for batch in batches)
    streamed = [row["event_id"] for batch in batches for row in batch.to_pylist()]
    assert streamed == [f"E{n:03d}" for n in range(36)]
    assert sum(b.num_rows for b in record_batches(engine_mart["customers"])) == 12
    assert list(engine_mart.batches(events.limit(0))) == []


def test_a_table_of_no_engine_is_streamed(engine_mart: Mart) -> None:
    numbers = ibis.memtable(pa.table({"n": list(range(5))}))
    assert [b.num_rows for b in record_batches(numbers, 2)] == [2, 2, 1]
    mine = engine_mart["customers"].customer_id
    joined = numbers.mutate(customer_id=ibis.literal("c0") + numbers.n.cast("string"))
    known = joined.filter(joined.customer_id.isin(mine))
    assert sum(b.num_rows for b in engine_mart.batches(known)) == 4


def test_a_stream_may_be_left_early(engine_mart: Mart) -> None:
    engine_mart.workspace.root.mkdir()
    stream = iter(engine_mart.batches(engine_mart["events"], rows=5))
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    left = engine_mart.workspace.root / ".tmp"
    assert not left.exists() or list(left.rglob("*.parquet")) == []


@pytest.mark.parametrize("small", [True, False])
def test_what_is_written_is_read_back(engine_mart: Mart, tmp_path: Path, small: bool) -> None:
    moment = ibis.literal(dt.datetime(2026, 6, 30, 12, 30, 15, 123_456))
    columns = ["customer_id", "opened_on", "birth_year", "suppressed"]
    customers = (
        engine_mart["customers"]
        .select(*columns)
        .mutate(
            moment=moment, day=moment.truncate("D"), share=engine_mart["customers"].birth_year / 10
        )
    )
    files = engine_mart.write_parquet(
        customers.order_by(ibis.desc("customer_id")),
        tmp_path / "as_of=2026-06-30" / "out",
        small=small,
    )
    back = engine_mart.read_parquet(files)
    assert back.columns == customers.columns
    rows = back.order_by("customer_id").to_pyarrow().to_pylist()
    assert rows[0] == {
        "customer_id": "c01",
        "opened_on": dt.date(2021, 1, 1),
        "birth_year": 1954,
        "suppressed": False,
        "moment": dt.datetime(2026, 6, 30, 12, 30, 15, 123_456),
        "day": dt.datetime(2026, 6, 30),
        "share": 195.4,
    }
    stored = pa.concat_tables([pq.read_table(file) for file in files])
    assert stored["customer_id"].to_pylist() == [f"c{n:02d}" for n in range(12, 0, -1)]
    assert stored.schema.field("moment").type == pa.timestamp("us")


def test_a_publication_obeys_consent(engine_mart: Mart) -> None:
    chosen = pd.DataFrame({"customer_id": ["nobody", "c12", "c10", "c02", "c01"]})
    done = engine_mart.publish("segments", chosen, as_of=DAY, channel="sms")
    assert done.manifest["removed"]["no_consent"] == 1
    assert done.manifest["removed"]["suppressed"] == 1
    assert done.manifest["removed"]["unknown_customer"] == 1
    assert (done.rows, published_ids(engine_mart)) == (2, ["c01", "c02"])
    rows = [row for file in done.files for row in pq.read_table(file).to_pylist()]
    assert [row["customer_id"] for row in rows] == ["c01", "c02"]
    assert sum(file["rows"] for file in done.manifest["files"].values()) == 2
    assert sorted(path.name for path in done.path.iterdir()) == ["manifest.json", "part-0.parquet"]
    verify(done)
    assert list((engine_mart.workspace.root / ".tmp").iterdir()) == []


def test_either_engine_reads_what_the_other_published(
    engine_mart: Mart, tiny_mart: Mart, tiny_mart_dir: Path, tmp_path: Path
) -> None:
    moments = engine_mart["customers"].select(
        "customer_id", opened=engine_mart["customers"].opened_on.cast("timestamp")
    )
    engine_mart.publish("tags", moments, as_of=DAY, run_key="k")
    with open_mart(tiny_mart_dir, workspace=engine_mart.workspace.root) as duck:
        read = duck.latest("tags").order_by("customer_id").to_pyarrow()
        assert read["opened"].to_pylist()[0] == dt.datetime(2021, 1, 1)
        assert duck.publish("tags", moments, as_of=DAY, run_key="k").found
        # A table of one engine is published by the other.
        foreign = duck["customers"].select("customer_id", "birth_year")
        engine_mart.publish("tags", foreign, name="foreign", as_of=DAY)
        duck.publish("tags", moments, name="back", as_of=DAY)
        assert duck.latest("tags", name="back").order_by("customer_id").to_pyarrow() == read
    theirs = engine_mart.latest("tags", name="foreign").order_by("customer_id").to_pyarrow()
    assert theirs["birth_year"].to_pylist()[0] == 1954


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"score": float("inf")}, r"score is finite \(2 rows break this\)"),
        ({"score": "high"}, r"scores\.score holds values that cannot be read as float64"),
    ],
)
def test_rows_that_break_the_contract_are_refused(
    engine_mart: Mart, changes: dict[str, Any], message: str
) -> None:
    columns = {
        "customer_id": ["c01", "c02"],
        "as_of": dt.date(2026, 6, 30),
        "kind": "propensity",
        "arm": None,
        "score": 0.5,
        "standard_error": None,
        "model_version": "v1",
    }
    with pytest.raises(PublicationError, match=message):
        engine_mart.publish("scores", pd.DataFrame(columns | changes), as_of=DAY)
    assert engine_mart.publications("scores") == []
    assert list((engine_mart.workspace.root / ".tmp").iterdir()) == []


def test_an_empty_segment_has_its_columns(engine_mart: Mart) -> None:
    assert engine_mart.publish("segments", ids(), as_of=DAY).rows == 0
    latest = engine_mart.latest("segments")
    assert latest.columns == ("customer_id", "as_of", "channel")
    assert latest.to_pyarrow().num_rows == 0


def test_equal_rows_are_found_again(engine_mart: Mart) -> None:
    customers = engine_mart["customers"].select("customer_id", "birth_year")
    done = engine_mart.publish("tags", customers.order_by("birth_year"), as_of=DAY)
    again = engine_mart.publish("tags", customers.order_by(ibis.desc("birth_year")), as_of=DAY)
    assert (done.found, again.found) == (False, True)
    assert again.id == done.id


def test_who_publishes_a_then_b_and_a_again_means_a(tiny_mart: Mart) -> None:
    first = tiny_mart.publish("segments", ids(1), as_of=DAY)
    second = tiny_mart.publish("segments", ids(2), as_of=DAY, run_key="b")
    assert published_ids(tiny_mart) == ["c02"]
    again = tiny_mart.publish("segments", ids(1), as_of=DAY)
    assert (again.found, again.id) == (True, first.id)
    assert again.manifest == first.manifest
    assert again.published_at > second.published_at > first.published_at
    assert published_ids(tiny_mart) == ["c01"]
    assert tiny_mart.publish("segments", ids(2), as_of=DAY, run_key="b").id == second.id
    assert published_ids(tiny_mart) == ["c02"]
    assert [p.id for p in tiny_mart.publications("segments")] == [first.id, second.id]
