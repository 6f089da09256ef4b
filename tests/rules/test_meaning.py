"""What rules select: as plain Python says, in Ibis and in SQL, on both engines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import duckdb
import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketing_ds._core.errors import InvalidInput
from marketing_ds.mart import Mart
from marketing_ds.rules import Rule, Top, bind

from .meaning import AS_OF, ROWS, RULES, TABLE, selected, truth

TAGS = ibis.memtable(TABLE)


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """The table with its day, in a database of its own."""
    with duckdb.connect() as connection:
        connection.register("arrow", TABLE)
        connection.execute(f"CREATE TABLE tags AS SELECT *, DATE '{AS_OF}' AS as_of FROM arrow")
        yield connection


def by_ibis(rule: Rule, table: ibis.Table, as_of: dt.date | None) -> list[str]:
    chosen = table.filter(bind(rule, table, as_of=as_of)).order_by("customer_id")
    return list(chosen.to_pyarrow()["customer_id"].to_pylist())


def by_sql(rule: Rule, con: duckdb.DuckDBPyConnection, as_of: dt.date | None) -> list[str]:
    ranked = any(isinstance(part, Top) for part in rule.walk())
    clause = "QUALIFY" if ranked else "WHERE"
    query = f"SELECT customer_id FROM tags {clause} {rule.to_sql(as_of=as_of)} ORDER BY customer_id"
    return [row[0] for row in con.execute(query).fetchall()]


@settings(max_examples=150)
@given(RULES)
def test_text_json_ibis_and_sql_select_the_same(con: duckdb.DuckDBPyConnection, rule: Rule) -> None:
    wanted = selected(rule)
    again = Rule.from_dict(Rule.parse(str(rule)).to_dict())
    assert by_ibis(again, TAGS, AS_OF) == wanted
    assert by_sql(again, con, AS_OF) == wanted


@settings(max_examples=30)
@given(RULES)
def test_days_relative_to_a_column_are_those_of_the_argument(
    con: duckdb.DuckDBPyConnection, rule: Rule
) -> None:
    dated = TAGS.mutate(as_of=ibis.date(AS_OF.isoformat()))
    assert by_ibis(rule, dated, None) == selected(rule)
    assert by_sql(rule, con, None) == selected(rule)


HARD = [
    "s contains '%'",
    "s contains '_' or s contains '\\'",
    "s not contains 'a'",
    "s starts with '''' or s ends with '\"b'",
    "s contains '''' or s ends with '\nb'",
    "s starts with '😀'",
    "s ends with ' '",
    "s like 'a_b'",
    "s like '_' and s not like 'a'",
    r"s like 'a\%%'",
    r"s like 'a\_b' or s like '%\\' or s like '\%'",
    r"s like '_\\_'",
    "s like '😀_' or s like '年_'",
    "s like ''",
    "s like 'A%'",
    "s not like '%b'",
    "day >= as_of - 3 months",
    "day between as_of - 1 year and as_of",
    "day in (as_of, as_of + 30 days, as_of - 52 weeks)",
    "day < as_of - 365 days",
    "top 3 by x",
    "bottom 4 by n",
    "not top 3 by day",
    "top 30 % by m and not bottom 1 by x",
    "top 12.5 % by n or flag",
    "not (top 5 by x or s contains 'a')",
    "n <= 2 and top 3 by x",
    "bottom 20 % by m and (s is not null or top 2 by n)",
    "x < 0 or n in (1, 2.0) and m > n",
    "flag or s is null",
    "flag != true and day is not null",
]


def test_hard_rules_select_the_same_on_every_engine(engine_mart: Mart) -> None:
    rules = {f"r{n}": Rule.parse(text) for n, text in enumerate(HARD)}
    conditions = {name: bind(rule, TAGS, as_of=AS_OF) for name, rule in rules.items()}
    dated = TAGS.mutate(as_of=ibis.date(AS_OF.isoformat()))
    conditions |= {
        f"c{name}": bind(rule, dated) for name, rule in rules.items() if rule.is_relative
    }
    found = engine_mart.con.to_pyarrow(
        dated.select("customer_id", **conditions).order_by("customer_id")
    )
    for name, rule in rules.items():
        wanted = [truth(rule, row) for row in ROWS]
        if engine_mart.engine == "duckdb":
            assert by_ibis(rule, TAGS, AS_OF) == selected(rule), str(rule)
        assert found[name].to_pylist() == wanted, str(rule)
        if rule.is_relative:
            assert found[f"c{name}"].to_pylist() == wanted, str(rule)


@given(st.integers(1, 60), st.integers(1, 400), st.integers(1, 10**6))
@settings(max_examples=40)
def test_a_percentage_is_rounded_up_to_whole_customers(n: int, percent: int, decimals: int) -> None:
    share = percent / 4
    if share > 100:
        share = decimals / 10**6
    table = ibis.memtable(
        pa.table({"customer_id": [f"c{i:02d}" for i in range(n)], "x": list(range(n))})
    )
    # Whole numbers, beyond doubt: ceil(share × n / 100) with share in millionths.
    wanted = -(-round(share * 10**6) * n // (100 * 10**6))
    assert len(by_ibis(Top("x", share, percent=True), table, None)) == wanted


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("n > 1 and x > 'much'", 14, "tag 'x' must be compared with numbers, got 'much'"),
        ("n in (1, 'a', 2)", 9, "tag 'n' must be compared with numbers, got 'a'"),
        ("n between 1 and true", 16, "must be compared with numbers, got True"),
        ("5 > zzz", 4, "unknown tag 'zzz'"),
        ("flag and n > days", 13, "unknown tag 'days'; did you mean 'day'?"),
        ("n = 1 or s > 'a'", 9, "tag 's' holds words, which have no order; use == or in"),
        ("n > as_of - 3 days", 4, "must be compared with numbers, got as_of - 3 days"),
        ("day between as_of and 'soon'", 22, "must be compared with dates, got 'soon'"),
        ("x contains '5'", 11, "tag 'x' holds numbers; only words can be contains"),
        ("flag or top 5 by s", 17, "tag 's' holds words, which have no order"),
        ("bottom 5 by zzz", 12, "unknown tag 'zzz'"),
        ("m > s", 4, "tag 'm' holds numbers but tag 's' holds words"),
        ("FLAG or n > 1", 0, "unknown tag 'FLAG'; did you mean 'flag'?"),
        ("n = 1 and s = mature", 14, "'mature'; a value stands in quotes: 'mature'"),
        ("n > mature", 4, "'mature'; the table has no such column"),
        ("s = None", 4, "'None'; test for null with is null or is not null"),
        ("flag and x", 9, "tag 'x' holds numbers, so it must be compared with something"),
        ("x = true", 4, "tag 'x' must be compared with numbers, got True"),
    ],
)
def test_what_does_not_fit_the_table_is_shown_where_it_stands(
    text: str, position: int, message: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        bind(Rule.parse(text), TAGS, text, as_of=AS_OF)
    first, line, caret = str(caught.value).split("\n")
    assert message in first
    assert first.endswith(f"at position {position}")
    assert line == f"  {text}"
    assert caret == " " * (position + 2) + "^"


def test_a_day_relative_to_nothing_is_refused() -> None:
    text = "day >= as_of - 3 months"
    with pytest.raises(InvalidInput, match=r"name the day: audience\(.* at position 7"):
        bind(Rule.parse(text), TAGS, text)
    wrong = TAGS.mutate(as_of=TAGS.n)
    with pytest.raises(InvalidInput, match="column 'as_of' must hold dates, got int64"):
        bind(Rule.parse(text), wrong)


def test_each_row_has_the_day_of_its_own() -> None:
    table = ibis.memtable(
        pa.table(
            {
                "customer_id": ["a", "b", "c"],
                "day": [dt.date(2026, 3, 1)] * 3,
                "as_of": [dt.datetime(2026, 3, 31, 12), dt.datetime(2026, 5, 31), None],
            }
        )
    )
    assert by_ibis(Rule.parse("day >= as_of - 1 month"), table, AS_OF) == ["a"]


def test_ties_go_to_the_smaller_key_whatever_it_is_called() -> None:
    table = ibis.memtable(pa.table({"product_id": ["b", "a", "c"], "x": [1, 1, 1]}))
    condition = bind(Rule.parse("top 2 by x"), table, key="product_id")
    assert sorted(table.filter(condition).to_pyarrow()["product_id"].to_pylist()) == ["a", "b"]


def test_only_rules_are_bound() -> None:
    with pytest.raises(InvalidInput, match="rule must be a rule, got 'n > 1'"):
        bind("n > 1", TAGS)  # type: ignore[arg-type]
