"""A data scientist's own tags: rule, bands, Ibis expression, SQL, list; bad ones fail at once."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketing_ds._core.errors import InvalidInput
from marketing_ds.mart import Mart
from marketing_ds.rules import Rule
from marketing_ds.tags import Bands, Tag, catalogue, define, tag_table

from .conftest import OpenTables, Rows

AS_OF = "2026-06-30"


def _values(mart: Mart, *tags: Tag, as_of: str = AS_OF) -> dict[str, tuple[Any, ...]]:
    """The values of each customer."""
    rows = tag_table(mart, as_of, list(tags)).to_pyarrow().to_pylist()
    names = [tag.name for tag in tags]
    return {row["customer_id"]: tuple(row[name] for name in names) for row in rows}


def test_own_tags_of_every_kind_stand_beside_the_catalogues(engine_mart: Mart) -> None:
    saver = define("saver", rule="deposit_cny >= 6000 and not holds_fund")
    idle = define("idle_saver", rule="saver and days_since_event is null", known=[saver])
    size = define("size", bands=Bands("aum", [3000, 10_000], ["S", "M", "L"]))
    daily = define("aum_a_day", expression=ibis._.aum / ibis._.tenure_days)
    debt = define("rate", sql="CASE WHEN salary_found THEN round(aum / nullif(age, 0), 1) END")
    pilot = define("pilot", listed=["c01", "c07", "nobody"])
    score = define("score", listed=pd.DataFrame({"customer_id": ["c01", "c02"], "value": [1, 2]}))
    table = tag_table(
        engine_mart, AS_OF, ["aum", saver, idle, size, daily, debt, pilot, score, "age"]
    )
    rows = {row["customer_id"]: row for row in table.to_pyarrow().to_pylist()}
    assert [*rows["c01"]][1:] == [
        "aum", "saver", "idle_saver", "size", "aum_a_day", "rate", "pilot", "score", "age",
    ]  # fmt: skip
    # Deposits grew by 10 % a month from 1,000 a customer's number; every third has a fund.
    assert [rows[c]["saver"] for c in ("c01", "c05", "c06", "c12")] == [False, True, False, False]
    assert [rows[c]["idle_saver"] for c in ("c05", "c10")] == [False, True]
    assert [rows[c]["size"] for c in ("c01", "c05", "c12")] == ["S", "M", "L"]
    assert rows["c05"]["aum_a_day"] == pytest.approx(6050 / (dt.date(2026, 6, 30) - dt.date(2025, 5, 5)).days)  # fmt: skip
    assert rows["c01"]["rate"] == round(1210 / (2026 - 1954), 1)
    assert rows["c08"]["rate"] is None
    assert [rows[c]["pilot"] for c in ("c01", "c02", "c07")] == [True, False, True]
    assert [rows[c]["score"] for c in ("c01", "c02", "c03")] == [1, 2, None]


def test_a_rule_may_speak_of_the_day(tiny_mart: Mart) -> None:
    tag = define("opened_late", sql="as_of - DATE '2026-06-15' = tenure_days")
    assert [c for c, (flag,) in _values(tiny_mart, tag).items() if flag] == ["c11"]
    listed = define(
        "birthday", listed=pd.DataFrame({"customer_id": ["c01"], "value": [dt.date(2026, 6, 20)]})
    )
    recent = define("recent", rule="birthday >= as_of - 14 days", known=[listed])
    values = _values(tiny_mart, recent)
    assert values["c01"] == (True,)
    assert values["c02"] == (None,)


def test_a_rule_object_is_as_good_as_its_text() -> None:
    text = "age < 35 and aum >= 50000"
    one, other = define("x", rule=text), define("x", rule=Rule.parse(text))
    assert one == other
    assert one.type == "boolean"
    assert {i.name for i in one.inputs if isinstance(i, Tag)} == {"age", "aum"}


def test_what_it_stands_on_decides_sensitivity_freshness_and_lineage() -> None:
    young = define("young", rule="age < 30")
    assert (young.sensitivity, young.freshness) == ("sensitive", "static")
    rich = define("rich", expression=ibis._.aum > 1e6)
    assert (rich.sensitivity, rich.freshness) == ("normal", "monthly")
    assert rich.lineage == catalogue()["aum"].lineage
    assert define("x", sql="aum > inflow_30d_cny").freshness == "daily"
    assert define("x", listed=["c01"]).freshness == "daily"
    assert define("x", rule="age < 30", sensitivity="normal").sensitivity == "normal"
    assert define("x", rule="aum > 1", owner="pre-sales").owner == "pre-sales"


def test_titles_and_descriptions_are_made_where_none_are_given() -> None:
    tag = define("young_rich", rule="age < 35 and aum >= 50000")
    assert (tag.title_en, tag.title_zh) == ("Young rich", "Young rich")
    assert tag.description == "Rule: age < 35 and aum >= 50000; null where that is open."
    named = define("x", sql="aum > 1", title_en="X", title_zh="某", description="D.", unit="u")
    assert (named.title_en, named.title_zh, named.description, named.unit) == ("X", "某", "D.", "u")


@pytest.mark.parametrize(
    ("expression", "type_"),
    [
        (ibis._.aum > 1, "boolean"),
        (ibis._.age + 1, "int64"),
        (ibis._.age / 2, "float64"),
        (ibis._.region.upper(), "string"),
        (lambda t: t.as_of - t.tenure_days.as_interval("D"), "date"),
        (ibis._.aum, "float64"),
    ],
)
def test_types_are_inferred(expression: Any, type_: str) -> None:
    assert define("x", expression=expression).type == type_


def test_products_and_campaigns_have_own_tags_too(engine_mart: Mart) -> None:
    popular = define("popular", rule="holders >= 5 and category == 'deposit'", entity="product")
    table = tag_table(engine_mart, AS_OF, [popular], entity="product")
    found = {row["product_id"]: row["popular"] for row in table.to_pyarrow().to_pylist()}
    assert found == {"P-DEP": True, "P-WEA": False, "P-FUN": False, "P-CAR": False}
    pilot = define("pilot", listed=["K1"], entity="campaign")
    cheap = define("cheap", sql="cost_cny / contacts < 1", entity="campaign", known=[pilot])
    table = tag_table(engine_mart, AS_OF, [pilot, cheap], entity="campaign")
    rows = {row["campaign_id"]: row for row in table.to_pyarrow().to_pylist()}
    assert (rows["K1"]["pilot"], rows["K2"]["pilot"]) == (True, False)
    assert (rows["K1"]["cheap"], rows["K2"]["cheap"]) == (False, False)


def test_divisions_by_zero_and_impossible_functions_are_null(engine_mart: Mart) -> None:
    tags = [
        define("a", expression=ibis._.aum / (ibis._.tenure_days * 0)),
        define("b", sql="aum / (tenure_days - tenure_days)"),
        define("c", sql="tenure_days % (tenure_days * 0)"),
        define("d", sql="ln(-aum)"),
        define("e", sql="sqrt(0 - aum)"),
        define("f", expression=(ibis._.aum * 0).log10()),
        define("g", expression=ibis._.tenure_days // (ibis._.tenure_days * 0)),
    ]
    assert _values(engine_mart, *tags)["c05"] == (None,) * len(tags)


def test_sql_says_what_it_says_everywhere(engine_mart: Mart) -> None:
    cases: dict[str, Any] = {
        "tenure_days / 2": 2215 / 2,
        "7 % 4 + age * 0": 3,
        "-age": -52,
        "age between 50 and 60": True,
        "age not between 50 and 60": False,
        "region in ('Chengdu', 'Shanghai')": True,
        "region = 'Chengdu' or age > 99": False,
        "NOT suppressed": True,
        "top_event_channel_90d is null": False,
        "manager_free is true": True,
        "case region when 'Shanghai' then 1 else 0 end": 1,
        "case when age > 99 then 'old' end": None,
        "coalesce(days_since_purchase, 5, 6)": 58,
        "nullif(age, 52)": None,
        "greatest(age, 60, 3.5)": 60.0,
        "least(age, 60)": 52,
        "abs(-aum)": 13_310.0,
        "floor(age / 10)": 5,
        "ceil(age / 10)": 6,
        "round(age / 10)": 5.0,
        "round(aum / 7, 2)": round(13_310 / 7, 2),
        "power(age, 2)": 52.0**2,
        "sqrt(age)": math.sqrt(52),
        "ln(age)": math.log(52),
        "exp(age * 0)": 1.0,
        "length(region)": 8,
        "upper(trim(region))": "SHANGHAI",
        "lower(region)": "shanghai",
        "year(as_of) * 100 + month(as_of) + day(as_of) * 0": 202606,
        "as_of - date '2026-06-01'": 29,
        "as_of > DATE '2026-06-01'": True,
        'AUM + "age"': 13_310.0 + 52,
        "(age + 1) * 2 <> 3": True,
        "suppressed is not true": True,
    }
    free = define("manager_free", rule="not has_manager")
    tags = [
        define(f"t{n}", sql=f"CASE WHEN aum >= 0 THEN {sql} END", known=[free])
        for n, sql in enumerate(cases)
    ]
    for (sql, expected), value in zip(
        cases.items(), _values(engine_mart, *tags)["c06"], strict=True
    ):
        assert value == (pytest.approx(expected) if isinstance(expected, float) else expected), sql


@pytest.mark.parametrize(
    ("sql", "message", "position"),
    [
        ("sum(aum)", "SUM is not among what is let in", 0),
        ("1 + row_number() over (order by aum)", "window functions look at other customers", 4),
        ("(select 1)", "queries are not allowed", 8),
        ("age in (select age from x)", "queries are not allowed", 0),
        ("exists (select 1)", "EXISTS is not among", 15),
        ("aum + load_file('x')", "LOAD_FILE is not among", 6),
        ("cast(aum as bigint)", "casts differ between engines", 5),
        ("age::text", "casts differ between engines", 0),
        ("aum > current_date", "the day is as_of", 0),
        ("rand()", "RAND is not among", 0),
        ("t.aum > 1", "must name tags alone, got 't.aum'", 0),
        ("age + amu", "unknown tag 'amu'; did you mean 'aum'", 6),
        ('"AUM" > 1', "unknown tag 'AUM'", 0),
        ("age > 'x'", "compare like with like, got numbers and words", 0),
        ("age +\n  region", "must have numbers here, got words", 8),
        ("region > 'a'", "must not put words in order", 0),
        ("suppressed between true and false", "must not put true or false in order", 0),
        ("age = null", "test for null with IS NULL", 0),
        ("age + null", "must have numbers here, got null", 0),
        ("age is 5", "NULL, TRUE or FALSE after IS", 0),
        ("age is true", "must have true or false here, got numbers", 0),
        ("not age", "must have true or false here, got numbers", 4),
        ("case when age then 1 end", "must have true or false here", 10),
        ("case when suppressed then 1 else 'a' end", "values of one kind, got numbers and words", 10),
        ("case when suppressed then null end", "values of one kind, got null alone", 10),
        ("case region when 1 then 2 end", "compare like with like", 17),
        ("coalesce(age, region)", "values of one kind", 0),
        ("nullif(age, 'x')", "compare like with like", 0),
        ("round(aum, age)", "round to a whole number of digits", 0),
        ("date '2026-02-30' = as_of", "must have a day such as", 5),
        ("age + 99999999999999999999", "fit into 64 bits", 6),
        ("age + 1e999", "finite numbers", 6),
        ("age > :x", "PLACEHOLDER is not among", 0),
        ("floor(aum, 2)", "must give FLOOR one argument", 0),
        ("region like 'a%'", "LIKE is not among", 0),
        ("aum +", "breaks off", 5),
        ("'a", "breaks off", 0),
        ("(" * 4000 + "aum" + ")" * 4000, "must not nest so deeply", 0),
        ("age" + " + age" * 60, "nest deeper than 50", 0),
    ],
)  # fmt: skip
def test_sql_that_is_not_let_in_is_refused_with_its_position(
    sql: str, message: str, position: int
) -> None:
    with pytest.raises(InvalidInput, match=r"^sql ") as raised:
        define("x", sql=sql)
    text = str(raised.value)
    assert message in text
    if message and position:
        assert f"at position {position}\n" in text
        line, caret = text.split("\n")[-2:]
        assert line[len(caret) - 1 :] == sql[position:].split("\n")[0][: len(line) - len(caret) + 1]


@pytest.mark.parametrize("sql", ["", "-- aum", "aum; drop table customers", "aum, age"])
def test_sql_must_be_one_expression(sql: str) -> None:
    with pytest.raises(InvalidInput, match="sql must be one expression over tags"):
        define("x", sql=sql)


_WORDS = [*"()'\"+-*/;<>=,.", "aum", "age", "region", "0", "1.5", "select", "case", "when", "then", "end", "in", "is", "null", "and", "not", "abs"]  # fmt: skip


@settings(max_examples=200)
@given(st.one_of(st.text(max_size=30), st.lists(st.sampled_from(_WORDS), max_size=9).map(" ".join)))
def test_any_text_is_a_tag_or_refused(sql: str) -> None:
    try:
        tag = define("x", sql=sql)
    except InvalidInput:
        return
    assert tag.inputs


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "exactly one of rule, bands, expression, sql, listed, got none"),
        ({"rule": "aum > 1", "sql": "aum"}, "got rule and sql"),
        ({"rule": "amu > 1"}, "unknown tag 'amu'; did you mean 'aum'"),
        ({"rule": "aum"}, "holds numbers, so it must be compared with something"),
        ({"rule": "aum > 'x'"}, "must be compared with numbers"),
        ({"rule": "aum >"}, "rule must have a value here"),
        ({"rule": "top 10 by aum"}, "top and bottom are for audiences"),
        ({"rule": 5}, "rule of tag 'x' must be text or a Rule, got int"),
        ({"sql": 5}, "sql must be text, got int"),
        ({"sql": "1"}, "must read at least one tag"),
        ({"sql": "as_of > date '2026-01-01'"}, "must read at least one tag"),
        ({"expression": ibis._.amu}, "unknown tag 'amu'; did you mean 'aum'"),
        ({"expression": ibis._.aum.sum()}, "row by row, got an aggregate"),
        ({"expression": ibis._.count()}, "row by row, got an aggregate"),
        ({"expression": ibis._.aum.lag()}, "row by row, got a window function"),
        ({"expression": ibis._.aum - ibis._.aum.mean().over(ibis.window())}, "row by row"),
        ({"expression": lambda t: t.aum + ibis.random()}, "differs from run to run"),
        ({"expression": lambda t: ibis.today() > t.as_of}, "the day it is computed on; use as_of"),
        ({"expression": lambda t: ibis.now() > t.as_of}, "the moment it is computed at"),
        ({"expression": ibis._.aum + ibis._.region}, "cannot be joined so"),
        ({"expression": ibis._.aum > "x"}, "does not fit its tags"),
        ({"expression": lambda t: t.as_of - t.as_of}, "must read at least one tag"),
        ({"expression": lambda t: t.as_of.cast("timestamp") + t.age.as_interval("D")}, "date()"),
        ({"expression": lambda t: (t.age * 2).as_interval("D")}, "delta"),
        ({"expression": lambda t: ibis.array([t.age])}, "it must be a number, a word"),
        ({"expression": lambda t: t}, "must give one value"),
        ({"expression": "aum"}, "must be an Ibis expression over tags"),
        ({"expression": ibis.literal(1)}, "must be an Ibis expression over tags"),
        ({"bands": ("aum", [1])}, "must be Bands"),
        ({"bands": Bands("amu", [1])}, "unknown tag 'amu'; did you mean 'aum'"),
        ({"bands": Bands("region", [1])}, "tag of numbers, got 'region' of type string"),
        ({"listed": []}, "must name at least one customer_id"),
        ({"listed": "c01"}, "must be a list of customer_id or a frame"),
        ({"listed": 5}, "must be a list of customer_id or a frame"),
        ({"listed": [1, 2]}, "must hold text in customer_id, got 1"),
        ({"listed": ["c01", None]}, "must hold text in customer_id, got None"),
        ({"listed": ["c01", "c01"]}, "listed once, got 1 more than once, e.g. 'c01'"),
        ({"listed": pd.DataFrame({"id": ["c01"]})}, "must have the column.* 'customer_id'"),
        ({"listed": pd.DataFrame({"customer_id": [1]})}, "must hold text in customer_id, got int64"),
        ({"listed": pd.DataFrame({"customer_id": ["a"], "x": [1]})}, "known_from only, got 'x' too"),
        ({"listed": pd.DataFrame({"customer_id": ["a"], "value": [math.inf]})}, "finite values, got 1"),
        ({"listed": pd.DataFrame({"customer_id": ["a"], "value": [None]})}, "got null"),
        ({"listed": pa.table({"customer_id": ["a", "b"], "value": [1, None]})}, "value must be known"),
        ({"listed": pa.table({"customer_id": ["a"], "value": [[1]]})}, "got list"),
        ({"listed": pa.table({"customer_id": ["a"], "known_from": ["2026"]})}, "must hold dates"),
        (
            {"listed": pa.table({"customer_id": ["a"], "known_from": pa.array([0], pa.timestamp("s", "UTC"))})},
            "without a time zone",
        ),
        ({"rule": "aum > 1", "name": "lifecycle"}, "'lifecycle' is taken by the catalogue"),
        ({"rule": "aum > 1", "name": "attr_x"}, "must not begin with attr_"),
        ({"rule": "aum > 1", "name": "Big"}, "lower case letters"),
        ({"rule": "aum > 1", "entity": "clients"}, "entity must be one of"),
        ({"rule": "aum > 1", "known": ["aum"]}, "known must hold tags, got 'aum'"),
        ({"rule": "aum > 1", "known": list(catalogue(entity="product"))[:1]}, "tags of a customer"),
    ],
)  # fmt: skip
def test_a_bad_definition_fails_with_the_reason(given: dict[str, Any], message: str) -> None:
    name = given.pop("name", "x") if "name" in given else "x"
    with pytest.raises(InvalidInput, match=message):
        define(name, **given)


@pytest.mark.parametrize(
    ("edges", "labels", "message"),
    [
        ([], [], "at least one value"),
        ([2, 1], [], "must increase, got 1 after 2"),
        ([1, 1], [], "must increase"),
        ([math.nan], [], "edges must be a finite number"),
        (["1"], [], "edges must be a number"),
        ([1], ["a"], "labels must be 2, one more than the edges, got 1"),
        ([1], ["a", "a"], "labels must differ"),
        ([1], ["a", 2], "labels must be words"),
        ([1], "ab", "labels must be a list of words"),
    ],
)
def test_bad_bands_are_refused(edges: Any, labels: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Bands("aum", edges, labels)


def test_bands_begin_at_their_edge_and_keep_null(tiny_mart: Mart) -> None:
    tag = define("b", bands=Bands(catalogue()["age"], [56, 60]))
    assert tag.sensitivity == "sensitive"
    assert tag.words == tuple((w, w) for w in ("below 56", "56 to below 60", "60 or more"))
    values = _values(tiny_mart, tag)
    # Born in 1950 + 4 times the number: c06 is 52, c05 is 56 and c04 is 60; c07's year is unknown.
    found = [values[c][0] for c in ("c06", "c05", "c04")]
    assert found == ["below 56", "56 to below 60", "60 or more"]
    assert values["c07"] == (None,)


def test_two_known_tags_of_one_name_are_refused() -> None:
    one, other = define("y", rule="aum > 1"), define("y", rule="aum > 2")
    assert define("x", rule="y", known=[one, one]).inputs == (one,)
    with pytest.raises(InvalidInput, match="two tags of one name, got 'y' twice"):
        define("x", rule="y", known=[one, other])
    with pytest.raises(InvalidInput, match="'y' is taken by one of the known tags"):
        define("y", rule="aum > 3", known=[one])


def test_attributes_of_a_mart_may_be_named(
    tiny_tables: dict[str, Rows], open_tables: OpenTables
) -> None:
    rows = [
        {"customer_id": "c01", "attribute": "score", "effective_on": dt.date(2026, 1, 1), "number": 0.9, "text": None}
    ]  # fmt: skip
    mart = open_tables(tiny_tables | {"customer_attributes": rows})
    tag = define("keen", rule="attr_score > 0.5", known=catalogue(mart))
    assert _values(mart, tag)["c01"] == (True,)


def test_a_list_holds_from_its_day_on(engine_mart: Mart) -> None:
    data = {
        "customer_id": ["c01", "c01", "c02", "c03"],
        "value": ["gold", "black", "gold", "gold"],
        "known_from": [dt.date(2026, 5, 1), dt.date(2026, 6, 10), dt.date(2026, 6, 30), dt.date(2026, 7, 1)],
    }  # fmt: skip
    tag = define("card", listed=ibis.memtable(pa.table(data)))
    found = {c: value for c, (value,) in _values(engine_mart, tag).items() if value}
    assert found == {"c01": "black", "c02": "gold"}
    before = {c: v for c, (v,) in _values(engine_mart, tag, as_of="2026-06-09").items() if v}
    assert before == {"c01": "gold"}


def test_a_dated_list_of_ids_is_false_before_its_day(tiny_mart: Mart) -> None:
    frame = pd.DataFrame(
        {"customer_id": ["c01", "c02"], "known_from": pd.to_datetime(["2026-06-01 10:00", "2026-07-01 00:00"])}
    )  # fmt: skip
    tag = define("pilot", listed=frame)
    assert tag.description == "Handed in for 2 ids, each from its day on; false for others."
    values = _values(tiny_mart, tag)
    assert [values[c][0] for c in ("c01", "c02", "c03")] == [True, False, False]


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        (pd.Series(["a", "b"], dtype="category"), "string"),
        (pd.Series([1, 2], dtype="int8"), "int64"),
        (pd.Series([1.5, 2.5], dtype="float32"), "float64"),
        (pd.Series([True, False]), "boolean"),
        (pd.Series([dt.date(2026, 1, 1)] * 2), "date"),
    ],
)
def test_listed_values_find_their_type(values: pd.Series, type_: str) -> None:
    frame = pd.DataFrame({"customer_id": ["c01", "c02"], "value": values})
    assert define("x", listed=frame).type == type_
