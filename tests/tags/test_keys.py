"""Tags of many days at once."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.mart import Mart
from marketing_ds.tags import tag_table

from .conftest import OpenTables, Rows

DAYS = ("2026-05-05", "2026-05-18", "2026-06-30")
TAGS = ["aum", "transactions_30d", "days_since_transaction", "active_days_30d", "tenure_days"]


def keys_of(customers: list[str], days: tuple[str, ...] = DAYS) -> pd.DataFrame:
    pairs = [(customer, dt.date.fromisoformat(day)) for day in days for customer in customers]
    return pd.DataFrame(pairs, columns=["customer_id", "as_of"])


def rows_of(table: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.order_by("as_of", "customer_id").to_pyarrow().to_pylist()
    return rows


def test_each_row_has_the_tags_of_its_day(engine_mart: Mart) -> None:
    keys = keys_of(["c02", "c05", "c07"])
    found = rows_of(tag_table(engine_mart, keys=keys, tags=TAGS))
    wanted = []
    for day in DAYS:
        table = tag_table(engine_mart, day, TAGS).order_by("customer_id")
        kept = table.filter(table.customer_id.isin(["c02", "c05", "c07"])).to_pyarrow().to_pylist()
        wanted += [{"as_of": dt.date.fromisoformat(day), **row} for row in kept]
    assert found == wanted
    assert len({row["transactions_30d"] for row in found}) > 1


def test_columns_are_the_keys_and_the_tags_asked_for(tiny_mart: Mart) -> None:
    table = tag_table(tiny_mart, keys=keys_of(["c01"]), tags=["age", "aum"])
    assert table.columns == ("customer_id", "as_of", "age", "aum")


def test_all_tags_of_the_last_day_by_default(tiny_mart: Mart) -> None:
    table = tag_table(tiny_mart, keys=keys_of(["c01"]))
    assert set(table.columns) - {"as_of"} == set(tag_table(tiny_mart, DAYS[-1]).columns)


def test_keys_may_be_a_table_text_or_timestamps(tiny_mart: Mart) -> None:
    frame = keys_of(["c01", "c02"])
    wanted = rows_of(tag_table(tiny_mart, keys=frame, tags=TAGS))
    table = ibis.memtable({"customer_id": list(frame.customer_id), "as_of": list(frame.as_of)})
    assert rows_of(tag_table(tiny_mart, keys=table, tags=TAGS)) == wanted
    text = frame.assign(as_of=frame.as_of.astype(str))
    assert rows_of(tag_table(tiny_mart, keys=text, tags=TAGS)) == wanted
    moments = frame.assign(as_of=pd.to_datetime(frame.as_of))
    assert rows_of(tag_table(tiny_mart, keys=moments, tags=TAGS)) == wanted


def test_nothing_later_than_a_rows_own_day_counts(
    tiny_tables: dict[str, Rows], open_tables: OpenTables
) -> None:
    keys = keys_of(["c02", "c05"], DAYS[:1])
    before = rows_of(tag_table(open_tables(tiny_tables), keys=keys, tags=TAGS))
    last = tiny_tables["transactions"][-1]
    for number, moment in enumerate((dt.datetime(2026, 5, 6), dt.datetime(2026, 5, 1))):
        late = {"transaction_id": f"L{number}", "customer_id": "c02", "occurred_at": moment}
        tiny_tables["transactions"].append(last | late | {"recorded_on": dt.date(2026, 5, 6)})
    assert rows_of(tag_table(open_tables(tiny_tables), keys=keys, tags=TAGS)) == before
    later = keys_of(["c02"], ("2026-05-06",))
    (row,) = rows_of(tag_table(open_tables(tiny_tables), keys=later, tags=["transactions_30d"]))
    (old,) = [r for r in before if r["customer_id"] == "c02"]
    assert row["transactions_30d"] >= old["transactions_30d"] + 2


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (pd.DataFrame({"customer_id": ["c01"]}), "'as_of'"),
        (keys_of(["c01"]).iloc[:0], "at least one row"),
        (pd.concat([keys_of(["c01"])] * 2), "3 repeated"),
        (keys_of(["c01", "nobody"], DAYS[:1]), "'nobody' as of 2026-05-05, who is not in the mart"),
        (keys_of(["c11"], DAYS[:1]), "who was opened on 2026-06-15"),
        (keys_of(["c01"], ("2027-01-01",)), "after the mart's last day"),
        (pd.DataFrame({"customer_id": [1], "as_of": ["2026-06-30"]}), "customer_id as text"),
        (pd.DataFrame({"customer_id": ["c01"], "as_of": ["June"]}), "as dates such as"),
        (
            pd.DataFrame({"customer_id": ["c01"], "as_of": [pd.Timestamp("2026-06-30 12:00")]}),
            "without a time of day",
        ),
        (pd.DataFrame({"customer_id": ["c01", None], "as_of": ["2026-06-30"] * 2}), "1 nulls"),
        ([("c01", "2026-06-30")], "a pandas frame or an Ibis table, got list"),
    ],
)
def test_bad_keys_are_refused_in_words(tiny_mart: Mart, keys: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        tag_table(tiny_mart, keys=keys, tags=["age"])


def test_keys_and_as_of_exclude_each_other(tiny_mart: Mart) -> None:
    with pytest.raises(InvalidInput, match="keys must come alone"):
        tag_table(tiny_mart, "2026-06-30", keys=keys_of(["c01"]))
    with pytest.raises(InvalidInput, match="as_of must be given, or keys"):
        tag_table(tiny_mart)
