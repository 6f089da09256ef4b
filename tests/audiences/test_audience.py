"""Audiences: who is chosen, the algebra, ids, what is refused, publication."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import duckdb
import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketing_ds._core.errors import InvalidInput
from marketing_ds.audiences import Audience, Rule, audience
from marketing_ds.mart import Mart
from marketing_ds.tags import tag_table

FRAME = pd.DataFrame(
    {
        "customer_id": [f"c{n}" for n in range(8)],
        "aum": [10.0, 20.0, 30.0, 40.0, 50.0, None, 70.0, -5.0],
        "before": [20.0, 10.0, 30.0, None, 10.0, 5.0, 80.0, 0.0],
        "stage": ["new", "mature", "mature", "lost", None, "new", "it's", "new"],
        "flag": pd.array([True, False, None, True, False, True, False, None], dtype="boolean"),
        "day": [dt.date(2026, 1, 1 + n) for n in range(8)],
        "n": range(8),
    }
)
TAGS = ibis.memtable(pa.Table.from_pandas(FRAME, preserve_index=False))


def ids_of(chosen: Audience) -> str:
    """The customers' numbers, as one text."""
    return "".join(i[1:] for i in chosen.to_frame()["customer_id"])


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("aum >= 30", "2346"),
        ("aum == 30", "2"),
        ("not aum >= 30", "017"),  # c5 is unknown: neither one nor the other
        ("aum is null", "5"),
        ("aum is not null and aum < 0", "7"),
        ("aum between 20 and 40", "123"),
        ("aum not between 20 and 40", "0467"),
        ("aum > before", "14"),
        ("stage in ('new', 'lost')", "0357"),
        ("stage not in ('new', 'lost')", "126"),
        ("stage != 'new'", "1236"),
        ("stage == 'it''s'", "6"),
        ("flag", "035"),
        ("not flag", "146"),
        ("day > '2026-01-06'", "67"),
        ("day == date '2026-01-03'", "2"),
        ("stage == 'new' or aum > 40 and n < 5", "0457"),
        ("customer_id in ('c1', 'c3')", "13"),
        ("n in (1, 2.0)", "12"),
        ("aum > 1e9", ""),
    ],
)
def test_rules_choose(rule: str, expected: str) -> None:
    assert ids_of(audience(TAGS, rule)) == expected


def test_the_sql_of_a_rule_chooses_the_same() -> None:
    text = "(aum >= 20 or stage is null) and not stage in ('lost') or `day` < date '2026-01-02'"
    con = duckdb.connect()
    con.register("tags", pa.Table.from_pandas(FRAME, preserve_index=False))
    rows = con.execute(f"SELECT customer_id FROM tags WHERE {Rule.parse(text).to_sql()}").fetchall()
    assert sorted(rows) == [(i,) for i in audience(TAGS, text).to_frame()["customer_id"]]
    assert len(rows) == 4


@pytest.mark.parametrize(
    "rule",
    [
        {"tag": "aum", "op": ">", "value": 25},
        Rule.parse("aum > 25"),
        TAGS.aum > 25,
        ibis._.aum > 25,
        ["c2", "c3", "c4", "c6", "c6"],
        pd.Series(["c2", "c3", "c4", "c6"]),
        np.array(["c2", "c3", "c4", "c6"]),
        FRAME.loc[FRAME["aum"] > 25, ["customer_id"]],
        TAGS.filter(TAGS.aum > 25).select("customer_id"),
        TAGS.filter(TAGS.aum > 25).customer_id,
    ],
    ids=["dict", "rule", "ibis", "deferred", "list", "series", "array", "frame", "table", "column"],
)
def test_all_forms_choose_the_same(rule: Any) -> None:
    chosen = audience(TAGS, rule)
    assert ids_of(chosen) == "2346"
    assert chosen.count() == 4
    assert json.loads(json.dumps(chosen.how)) == chosen.how


def test_a_pandas_frame_is_a_tag_table() -> None:
    chosen = audience(FRAME, "aum > 25")
    assert ids_of(chosen) == "2346"
    assert ids_of(chosen | audience(chosen.base, "stage == 'new'")) == "0234567"


CHOICES = st.sampled_from(
    ["aum >= 30", "stage == 'new'", "flag", "aum is null", "n < 4", "aum > 1e9"]
)


@settings(max_examples=15)
@given(CHOICES, CHOICES)
def test_algebra_is_that_of_sets(first: str, second: str) -> None:
    a, b = audience(TAGS, first), audience(TAGS, second)
    one, two, everybody = set(ids_of(a)), set(ids_of(b)), set("01234567")
    assert set(ids_of(a | b)) == one | two
    assert set(ids_of(a & b)) == one & two
    assert set(ids_of(a - b)) == one - two
    assert set(ids_of(~a)) == everybody - one
    assert (a | b).count() == a.count() + b.count() - (a & b).count()


def test_joined_rules_are_a_rule_that_chooses_the_same() -> None:
    a, b = audience(TAGS, "aum > 25"), audience(TAGS, "stage == 'new' or flag")
    for joined in (a & b, a | b):
        assert joined.rule is not None
        assert ids_of(audience(TAGS, str(joined.rule))) == ids_of(joined)
    assert (~a).rule is None
    assert (a - b).rule is None


def test_members_bring_their_tags() -> None:
    members = audience(TAGS, "n >= 6").members().to_pyarrow().to_pandas()
    assert members["aum"].tolist() == [70.0, -5.0]


def test_count_share_and_display() -> None:
    chosen = audience(TAGS, "stage == 'it''s'")
    assert (chosen.count(), chosen.share) == (1, 0.125)
    assert repr(chosen) == "Audience(stage == 'it''s': 1 of 8 customers)"
    assert "1 customers, 12.50% of 8" in chosen._repr_html_()
    assert "it&#x27;&#x27;s" in chosen._repr_html_()
    assert "c6" not in chosen._repr_html_()  # no customer in sight


def test_an_empty_audience_says_so() -> None:
    empty = audience(TAGS, [])
    assert (empty.count(), len(empty.to_frame())) == (0, 0)
    assert "empty: no customer fits" in repr(empty)
    assert "empty: no customer fits" in empty._repr_html_()
    none = audience(TAGS.filter(TAGS.n > 99), "n > 1")
    assert none.share != none.share


def test_how_is_told_in_words() -> None:
    a, b = audience(TAGS, "n > 1"), audience(TAGS, ["c1", "c2"])
    assert repr(~(a - b)).startswith("Audience(everybody but ((n > 1) minus (2 ids)): 3 of 8")
    assert "Greater" in repr(audience(TAGS, ibis._.n > 1))


def test_the_query_can_be_read() -> None:
    assert "SELECT" in audience(TAGS, "n > 1").to_sql()


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("aumm > 1", "unknown tag 'aumm'; did you mean 'aum'? at position 0"),
        ("n > 1 and zzz > 1", "unknown tag 'zzz'; the table has no such column at position 10"),
        ("n > 1 and aum > 'much'", "must be compared with numbers, got 'much' at position 16"),
        (
            "n > 1 and day > as_of",
            "name the day: audience(tags, rule, as_of='2026-06-30') at position 16",
        ),
        ("stage == 5", "must be compared with words, got 5"),
        ("flag == 1", "must be compared with true or false, got 1"),
        ("aum == true", "must be compared with numbers, got True"),
        ("stage > 'm'", "holds words, which have no order"),
        ("flag between true and false", "which have no order"),
        ("day > 'soon'", "must be compared with dates, got 'soon'"),
        ("day > 5", "must be compared with dates, got 5"),
        ("n in (1, 'a')", "must be compared with numbers, got 'a'"),
        ("aum > stage", "holds numbers but tag 'stage' holds words"),
        ("aum > zzz", "unknown tag 'zzz'"),
        ({"tag": "aumm", "op": "is null"}, "did you mean 'aum'? in: aumm is null"),
        (ibis._.aumm > 1, "must be a condition on the columns"),
        (ibis._.aum + 1, "must be true or false for each customer"),
        (ibis.memtable({"aum": [1.0]}).aum > 1, "must be a condition on the columns"),
        (["c1", "c99", "c98"], "got 'c98', 'c99' which it does not have"),
        ([1, 2], "customer ids as text, got 1"),
        (["c1", None], "customer ids as text, got None"),
        ([b"c1"], "customer ids as text, got b'c1'"),
        (ibis.memtable({"customer_id": ["c1", None]}), "customer ids as text, got None"),
        (TAGS.select("aum"), "a table of ids must have the column"),
        (TAGS.n, "rule must be true or false"),
        (TAGS.select(customer_id=TAGS.n), "ids must be text, got int64"),
        (5, "rule must be text, a dict, an Ibis expression or ids"),
    ],
)
def test_what_does_not_fit_the_tags_is_refused(rule: Any, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        audience(TAGS, rule)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ([1], "must be an Ibis table or a pandas frame"),
        (FRAME.drop(columns="customer_id"), "tags must have the column"),
        (FRAME.assign(customer_id=range(8)), "customer ids as text, got 0"),
        (FRAME.assign(customer_id="c1"), "one row a customer, got 'c1' more than once"),
        (TAGS.mutate(customer_id=TAGS.n), "customer_id must hold text"),
        (FRAME[["customer_id", "n", "n"]], "tags must have names of their own, got 'n' twice"),
        (FRAME.assign(n=[1, "x"] * 4), "values of one type in each column: .* column n "),
    ],
)
def test_what_is_no_tag_table_is_refused(tags: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        audience(tags, "aum > 1")


def test_audiences_of_different_tables_do_not_combine() -> None:
    with pytest.raises(InvalidInput, match="same tag table"):
        audience(FRAME, "aum > 1") & audience(FRAME, "aum > 2")
    with pytest.raises(InvalidInput, match="combines with an audience, got list"):
        audience(TAGS, "aum > 1") | ["c1"]  # type: ignore[operator]


def test_a_rule_knows_the_day_of_the_tags() -> None:
    recent = audience(TAGS, "day > as_of - 3 days", as_of="2026-01-08")
    assert ids_of(recent) == "567"
    assert recent.how["as_of"] == "2026-01-08"
    assert recent.text == "day > as_of - 3 days"
    later = audience(TAGS, "day > as_of - 3 days", as_of="2026-01-09")
    assert (recent & later).rule is None  # one rule cannot mean two days
    assert ids_of(recent & later) == "67"
    assert (recent & audience(TAGS, "n > 6", as_of="2026-01-08")).rule is not None
    assert "as_of" not in audience(TAGS, "n > 6", as_of="2026-01-08").how


def test_what_looks_at_other_rows_looks_at_all_of_them() -> None:
    few = audience(TAGS, "n <= 3")
    assert ids_of(few & audience(TAGS, "top 2 by aum")) == ""
    assert ids_of(few & audience(TAGS, ibis._.aum > ibis._.aum.mean())) == "3"
    rank = ibis.row_number().over(ibis.window(order_by=ibis.desc("n")))
    assert ids_of(few | audience(TAGS, rank < 1)) == "01237"
    assert ids_of(few & ~audience(TAGS, rank < 5)) == "012"


def test_a_column_as_of_goes_before_the_argument() -> None:
    dated = TAGS.mutate(as_of=ibis.date("2026-01-04"))
    assert ids_of(audience(dated, "day = as_of", as_of="2026-01-08")) == "3"
    assert ids_of(audience(dated, "day = as_of")) == "3"


def test_a_count_is_one_scan_that_reads_what_the_rule_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queries = []
    run = ibis.expr.types.Scalar.to_pyarrow

    def watched(self: Any, **options: Any) -> Any:
        queries.append(str(ibis.to_sql(self, dialect="duckdb")))
        return run(self, **options)

    monkeypatch.setattr(ibis.expr.types.Scalar, "to_pyarrow", watched)
    chosen = audience(TAGS, "aum >= 30 and n < 6")
    assert (chosen.count(), chosen.count()) == (3, 3)
    assert len(queries) == 1
    assert "COALESCE" not in queries[0]  # it would keep the condition out of the scan


def test_a_rule_of_thousands_of_parts_works() -> None:
    text = " or ".join(f"n == {n}" for n in range(3, 3000))
    assert ids_of(audience(TAGS, text)) == "34567"


def test_publication_keeps_consent_and_says_how_it_was_made(tiny_mart: Mart) -> None:
    tags = tag_table(tiny_mart, "2026-06-30", ["aum", "age"])
    chosen = audience(tags, "aum > 10000")
    assert chosen.to_frame()["customer_id"].tolist() == ["c06", "c09", "c10", "c11", "c12"]
    done = chosen.publish(tiny_mart, "rich", as_of="2026-06-30", channel="sms")
    # c10 does not consent to SMS, c12 is suppressed.
    published = tiny_mart.latest("segments", name="rich").order_by("customer_id")
    assert published.to_pyarrow()["customer_id"].to_pylist() == ["c06", "c09", "c11"]
    parameters = done.manifest["parameters"]
    assert parameters["text"] == "aum > 10000"
    assert parameters["audience"] == {"rule": {"tag": "aum", "op": ">", "value": 10000}}
    assert done.manifest["candidates"] == 5
    assert chosen.publish(tiny_mart, "rich", as_of="2026-06-30", channel="sms").id == done.id


def test_other_customers_are_another_publication(tiny_mart: Mart) -> None:
    tags = tag_table(tiny_mart, "2026-06-30", ["aum"])
    first = audience(tags, ["c01"]).publish(tiny_mart, "list", as_of="2026-06-30")
    second = audience(tags, ["c02"]).publish(tiny_mart, "list", as_of="2026-06-30")
    assert first.id != second.id
    with pytest.raises(InvalidInput, match="as_of must be a date"):
        audience(tags, ["c01"]).publish(tiny_mart, "list", as_of="today")


def test_the_day_of_publication_is_that_of_the_tags(tiny_mart: Mart) -> None:
    chosen = audience(tiny_mart["customers"], "opened_on <= as_of", as_of="2026-06-30")
    with pytest.raises(InvalidInput, match=r"as_of must be the day of the tags.*2026-06-30, got"):
        chosen.publish(tiny_mart, "all", as_of="2026-07-01")
    assert chosen.publish(tiny_mart, "all", as_of="2026-06-30").rows == 12
    # What knows its day need not be told it.
    assert chosen.publish(tiny_mart, "all").found
    unknowing = audience(tiny_mart["customers"], "region is not null")
    with pytest.raises(InvalidInput, match="as_of must be given: the day of the tags"):
        unknowing.publish(tiny_mart, "all")


def test_only_a_mart_publishes_and_lists_have_names(tiny_mart: Mart) -> None:
    chosen = audience(tiny_mart["customers"], "opened_on <= as_of", as_of="2026-06-30")
    with pytest.raises(InvalidInput, match=r"mart must be an open mart.*got 'workspace'"):
        chosen.publish("workspace", "all")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="mart must be an open mart"):
        chosen.split(["a", "b"]).publish("workspace", "all", as_of="2026-06-30")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="suppress must map the name of a list"):
        chosen.publish(tiny_mart, "all", suppress=["c01"])  # type: ignore[arg-type]
