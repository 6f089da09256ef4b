"""Hostile rules: SQL and Python in them are text and nothing else, and none takes long to refuse."""

from __future__ import annotations

import string
import time

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketing_ds._core.errors import InvalidInput
from marketing_ds.audiences import audience
from marketing_ds.rules import Match, Rule

ATTACKS = [
    "'; DROP TABLE tags; --",
    "' OR '1'='1",
    "x' UNION SELECT secret FROM vault --",
    "\\' OR 1=1 --",
    "\\'; DROP TABLE tags; --",
    "a' ESCAPE '%' OR 'b'='b",
    '"; DROP TABLE tags; --',
    "$$; DROP TABLE tags; $$",
    "/* */ OR 1=1 /* */",
    "${jndi:ldap://x}",
    "__import__('os').system('true')",
    "{{7*7}}",
    "%s%n%x",
    "read_csv('/etc/passwd')",
    "\u2019 OR 1=1",
    "\\",
    "\\\\'",
]
POISON = st.one_of(
    st.sampled_from(ATTACKS),
    st.text(st.sampled_from(list("'\"`\\;-/*%_$(){}=| aOR1\n")), min_size=1, max_size=12),
)
HOWS = st.sampled_from(["contains", "starts with", "ends with", "like"])


@settings(max_examples=100)
@given(POISON, HOWS, st.booleans())
def test_hostile_text_is_compared_and_never_run(poison: str, how: str, negated: bool) -> None:
    how, text = ("like", poison.replace("\\", "\\\\")) if how == "like" else (how, poison)
    quoted, plain = text.replace("'", "''"), poison.replace("'", "''")
    rule = Rule.parse(f"name {'not ' if negated else ''}{how} '{quoted}' or name == '{plain}'")
    with duckdb.connect() as con:
        con.execute("CREATE TABLE vault AS SELECT 'secret' AS secret")
        rows = pa.table({"customer_id": ["c1", "c2"], "name": [poison, "harmless"]})
        con.register("arrow", rows)
        con.execute("CREATE TABLE tags AS SELECT * FROM arrow")
        by_sql = con.execute(
            f"SELECT customer_id FROM tags WHERE {rule.to_sql()} ORDER BY customer_id"
        ).fetchall()
        assert con.execute("SELECT count(*) FROM tags").fetchall() == [(2,)]
    chosen = audience(rows.to_pandas(), rule)
    assert [(i,) for i in chosen.to_frame()["customer_id"]] == by_sql
    assert ("c1",) in by_sql  # equal to itself, whatever it says


@settings(max_examples=60)
@given(POISON)
def test_a_hostile_name_is_a_name(poison: str) -> None:
    rule = Rule.parse("`" + poison.replace("`", "``") + "` >= 2")
    rows = pa.table({"customer_id": ["c1", "c2"], poison: [1, 2]})
    with duckdb.connect() as con:
        con.register("tags", rows)
        found = con.execute(f"SELECT customer_id FROM tags WHERE {rule.to_sql()}").fetchall()
    assert found == [("c2",)]


SNIPPETS = st.sampled_from(
    [*ATTACKS, "aum", " and ", " or ", "not ", "(", ")", "top 5 by ", "as_of - ", "like '", "%", "'",
     "`", "\"", "1e5", "0x10", "1_000", "½", "٣", "as_of + 3 days", "İ", "ſ", "\u2028", "\t", "\x1f"]
)  # fmt: skip


@settings(max_examples=400)
@given(st.lists(st.one_of(SNIPPETS, st.text(max_size=4)), max_size=12).map("".join))
def test_the_parser_raises_nothing_but_its_own_error(text: str) -> None:
    try:
        rule = Rule.parse(text)
    except InvalidInput as error:
        assert str(error)  # noqa: PT017  # any other error is the failure
    else:
        assert Rule.parse(str(rule)) == rule


LONG = [
    "a" * 99_000,
    "1" * 99_000 + "a",
    "1." + "1" * 99_000 + "a",
    "a = 1e" + "9" * 98_000 + "x",
    "a = " + "1" * 98_000,
    "'" * 99_000,
    "'" * 99_001,
    "a = '" + "x" * 98_000,
    "`" * 99_001,
    "(" * 99_000,
    "not " * 24_000,
    " " * 99_000 + "?",
    "a" + " and a" * 16_000,
    "a in (" + "1," * 49_000,
    "a in (" + ", ".join(map(str, range(14_000))) + ")",
    "a like '" + "%" * 98_000 + "'",
    "as_of - " * 12_000,
    "a = -" + "-" * 98_000,
    "top " * 24_000,
    string.printable * 980,
]


@pytest.mark.parametrize("text", LONG, ids=lambda text: f"{text[:9]!r}…{text[-3:]!r}")
def test_the_longest_text_is_read_or_refused_at_once(text: str) -> None:
    begun = time.process_time()
    try:
        Rule.parse(text)
    except InvalidInput as error:
        assert max(map(len, str(error).split("\n"))) < 400  # noqa: PT017  # it must be readable
    assert time.process_time() - begun < 2.0


def test_a_long_pattern_is_matched_at_once() -> None:
    rows = pa.table({"customer_id": ["c1"], "name": ["a" * 5_000]}).to_pandas()
    begun = time.process_time()
    assert audience(rows, Match("name", "like", "%a" * 50 + "b")).count() == 0
    assert audience(rows, Match("name", "like", r"\%" + "%a" * 50 + "b")).count() == 0
    assert time.process_time() - begun < 5.0
