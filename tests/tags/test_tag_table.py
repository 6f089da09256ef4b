"""The table as a whole: its rows and columns, what it reads, what it refuses."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import ibis
import ibis.expr.types as ir
import pytest

from marketing_ds._core.errors import InvalidInput, MartError
from marketing_ds.audiences import audience
from marketing_ds.mart import Mart
from marketing_ds.tags import catalogue, define, tag_table

from .conftest import OpenTables, Rows, frame_of

AS_OF = "2026-06-30"


class Spy:
    """A mart that notes which tables are read."""

    def __init__(self, mart: Mart) -> None:
        self.mart = mart
        self.read: set[str] = set()
        self.tables, self.last_date = mart.tables, mart.last_date
        self.rows_told = mart.rows_told

    def __getitem__(self, name: str) -> ir.Table:
        self.read.add(name)
        return self.mart[name]


def test_one_row_a_customer_and_a_column_a_tag(tiny_mart: Mart) -> None:
    table = tag_table(tiny_mart, AS_OF)
    frame = table.to_pyarrow().to_pandas()
    assert sorted(frame["customer_id"]) == [f"c{n:02d}" for n in range(1, 13)]
    assert len(frame.columns) > 45
    assert set(frame.columns) - {"customer_id"} <= set(catalogue().names)


def test_columns_have_the_declared_types(tiny_mart: Mart) -> None:
    table = tag_table(tiny_mart, AS_OF)
    known = catalogue()
    declared = {name: known[name].type for name in table.columns if name != "customer_id"}
    assert {name: str(table[name].type()) for name in declared} == declared


def test_dates_come_where_they_are_named(tiny_mart: Mart) -> None:
    assert "date" not in {str(t) for t in tag_table(tiny_mart, AS_OF).schema().types}
    table = tag_table(tiny_mart, AS_OF, ["opened_on", "last_purchase_on"])
    lately = define("lately", rule="opened_on > as_of - 1 month")
    chosen = audience(table, "opened_on >= as_of - 1 month", as_of=AS_OF)
    assert chosen.to_frame()["customer_id"].tolist() == ["c11"]
    flags = tag_table(tiny_mart, AS_OF, [lately]).filter(ibis._.lately).to_pyarrow()
    assert flags["customer_id"].to_pylist() == ["c11"]


def test_chosen_tags_come_in_the_order_asked(tiny_mart: Mart) -> None:
    table = tag_table(tiny_mart, AS_OF, ["lifecycle", "age"])
    assert table.columns == ("customer_id", "lifecycle", "age")


def test_sources_that_are_not_needed_are_not_read(tiny_mart: Mart) -> None:
    spy = Spy(tiny_mart)
    tag_table(spy, AS_OF, ["age", "aum"])
    assert spy.read == {"customers", "holdings", "products"}


@pytest.mark.parametrize("source", ["transactions", "events", "contacts", "holdings"])
def test_each_source_is_scanned_once(tiny_mart: Mart, source: str) -> None:
    tags = [tag.name for tag in catalogue() if source in tag.sources and tag.name != "lifecycle"]
    sql = str(ibis.to_sql(tag_table(tiny_mart, AS_OF, tags)))
    scanned = tiny_mart[source].get_name()
    assert len(re.findall(rf'FROM (?:"\w+"\.)*"{re.escape(scanned)}"', sql)) == 1


def test_tags_of_absent_tables_are_left_out(
    tiny_tables: dict[str, Rows], open_tables: OpenTables
) -> None:
    del tiny_tables["events"]
    tiny_tables["contacts"] = []
    tags = set(tag_table(open_tables(tiny_tables), AS_OF).columns)
    gone = {t.name for t in catalogue() if {"events", "contacts"} & set(t.tables)}
    assert not tags & gone
    assert {"aum", "transactions_30d"} <= tags


def test_a_mart_of_attributes_alone_gives_no_empty_columns(
    tiny_tables: dict[str, Rows], open_tables: OpenTables
) -> None:
    facts = dict.fromkeys(
        ("birth_year", "gender", "region", "branch_id", "manager_id", "occupation", "risk_level")
    )
    mart = open_tables(
        {
            "customers": [row | facts for row in tiny_tables["customers"]],
            "customer_attributes": [
                _attribute("c01", "spend", number=2.5),
                _attribute("c01", "zone", text="urban"),
            ],
        }
    )
    frame = frame_of(mart, "2026-06-15")
    assert {"tenure_days", "attr_spend", "attr_zone"} <= set(frame.columns)
    assert not {"age", "gender", "has_manager"} & set(frame.columns)
    assert frame.notna().any().all()
    assert frame.loc["c01", ["attr_spend", "attr_zone"]].tolist() == [2.5, "urban"]


def test_the_latest_known_attribute_counts(
    tiny_tables: dict[str, Rows], open_tables: OpenTables
) -> None:
    rows = [
        _attribute("c01", "spend", number=1.0, day=dt.date(2026, 1, 1)),
        _attribute("c01", "spend", number=3.0, day=dt.date(2026, 3, 1)),
        _attribute("c01", "spend", number=2.0, day=dt.date(2026, 2, 1)),
        _attribute("c02", "spend", number=5.0, day=dt.date(2026, 2, 1)),
        _attribute("c02", "spend", number=None, day=dt.date(2026, 3, 1)),
    ]
    frame = frame_of(
        open_tables(tiny_tables | {"customer_attributes": rows}), AS_OF, ["attr_spend"]
    )
    assert frame["attr_spend"].dropna().to_dict() == {"c01": 3.0, "c02": 5.0}


@pytest.mark.parametrize(
    ("other", "message"),
    [({"attribute": "spend", "text": "much"}, "numbers and words"), ({"attribute": "SPEND", "number": 1.0}, "upper and lower")],
)  # fmt: skip
def test_attributes_that_cannot_be_columns_are_refused(
    other: dict[str, Any], message: str, tiny_tables: dict[str, Rows], open_tables: OpenTables
) -> None:
    rows = [_attribute("c01", "spend", number=1.0), _attribute("c02", **other)]
    mart = open_tables(tiny_tables | {"customer_attributes": rows})
    with pytest.raises(MartError, match=message):
        tag_table(mart, AS_OF)


@pytest.mark.parametrize(
    ("as_of", "tags", "message"),
    [
        ("2026-07-01", None, "must not lie after the mart's last day, 2026-06-30"),
        ("2019-01-01", None, "must not lie before the first customer was opened"),
        ("30 June", None, "as_of must be a date"),
        (AS_OF, ["lifecicle"], "did you mean 'lifecycle'"),
        (AS_OF, ["age", "age"], "each tag once"),
        (AS_OF, "age", "must be a list of names"),
        (AS_OF, ["conversions_365d"], "needs the table.s. 'campaign_outcomes'"),
    ],
)
def test_bad_arguments_are_refused(tiny_mart: Mart, as_of: str, tags: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        tag_table(tiny_mart, as_of, tags)


def _attribute(
    customer: str, attribute: str, *, number: float | None = None, text: str | None = None,
    day: dt.date = dt.date(2026, 6, 1),
) -> dict[str, Any]:  # fmt: skip
    return {
        "customer_id": customer, "attribute": attribute, "effective_on": day, "number": number,
        "text": text,
    }  # fmt: skip
