"""Rule text, JSON and SQL: one tree, three spellings; everything else is refused with its place."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketing_ds._core.errors import InvalidInput
from marketing_ds.rules import And, Between, Compare, In, IsNull, Not, Or, Rule, TagName

LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
NAMES = st.one_of(
    st.sampled_from(["aum", "lifecycle", "年龄", "and", "NULL", "date", "a b", "`", '"', "x1"]),
    st.text(LETTERS, min_size=1, max_size=6),
)
SCALARS = st.one_of(
    st.booleans(),
    st.integers(-(2**63) + 1, 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(LETTERS, max_size=8),
    st.dates(),
)
OPERATORS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
LEAVES = st.one_of(
    st.builds(Compare, NAMES, OPERATORS, st.one_of(SCALARS, st.builds(TagName, NAMES))),
    st.builds(In, NAMES, st.lists(SCALARS, min_size=1, max_size=4).map(tuple)),
    st.builds(Between, NAMES, SCALARS, SCALARS),
    st.builds(IsNull, NAMES),
)
RULES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=12,
)
PIECES = st.sampled_from(
    ["aum", ">", ">=", "==", "=", "and", "or", "not", "in", "between", "is", "null", "(", ")", ",",
     "1", "-2.5e3", "'x'", '"y"', "`z`", "true", "date", "'2026-06-30'", "'", ";", "--", "年龄", "\n"]
)  # fmt: skip
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["and", "or", "not", "tag", "op", "value", "values", "low", "high", "date"]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=10,
)


@given(RULES)
def test_text_round_trip(rule: Rule) -> None:
    assert Rule.parse(str(rule)) == rule


@given(RULES)
def test_json_round_trip(rule: Rule) -> None:
    assert Rule.from_dict(json.loads(json.dumps(rule.to_dict()))) == rule


@given(st.one_of(st.text(), st.lists(PIECES, max_size=14).map(" ".join)))
def test_any_text_is_a_rule_or_refused(text: str) -> None:
    try:
        rule = Rule.parse(text)
    except InvalidInput:
        return
    assert Rule.parse(str(rule)) == rule


@given(JSON)
def test_any_json_is_a_rule_or_refused(data: Any) -> None:
    try:
        rule = Rule.from_dict(data)
    except InvalidInput:
        return
    assert Rule.from_dict(rule.to_dict()) == rule


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("aum>=50000 AND lifecycle='mature'", "aum >= 50000 and lifecycle == 'mature'"),
        ("a <> 1 Or b and c", "a != 1 or b == true and c == true"),
        ("(a = 1 or b = 2) and c = 3", "(a == 1 or b == 2) and c == 3"),
        ("not (a = 1 and b = 2)", "not (a == 1 and b == 2)"),
        ("not a is null", "a is not null"),
        ("not a in (1)", "a not in (1)"),
        ("50 < aum", "aum > 50"),
        ("'F' = gender", "gender == 'F'"),
        ("aum > aum_90d_ago", "aum > aum_90d_ago"),
        ('a = "it\'s"', "a == 'it''s'"),
        ('a = "say ""hi"""', "a == 'say \"hi\"'"),
        ("a between -1.5 and +2e3", "a between -1.5 and 2000.0"),
        ("day >= DATE '2026-06-30'", "day >= date '2026-06-30'"),
        ("`odd name` = TRUE", "`odd name` == true"),
        ("年龄 >= 18", "年龄 >= 18"),
    ],
)
def test_spellings(text: str, canonical: str) -> None:
    assert str(Rule.parse(text)) == canonical


def test_and_binds_closer_than_or() -> None:
    rule = Rule.parse("a = 1 or b = 2 and c = 3")
    assert isinstance(rule, Or)
    assert isinstance(rule.rules[1], And)


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("a == 1 and b != 'x'", "\"a\" = 1 AND \"b\" <> 'x'"),
        ("a not in (1, 2) or b is not null", '"a" NOT IN (1, 2) OR "b" IS NOT NULL'),
        ("`x\"; drop table t` = 'a'' or 1=1'", "\"x\"\"; drop table t\" = 'a'' or 1=1'"),
        ("d between date '2026-01-01' and date '2026-02-01' and e",
         "\"d\" BETWEEN DATE '2026-01-01' AND DATE '2026-02-01' AND \"e\" = TRUE"),
    ],
)  # fmt: skip
def test_sql(text: str, sql: str) -> None:
    assert Rule.parse(text).to_sql() == sql


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("", 0, "must not be empty"),
        ("aum >=", 6, "must have a value here, got the end"),
        ("aum 5", 4, "must compare 'aum' with something"),
        ("aum > 5 lifecycle", 8, "must go on with and, or, or end"),
        ("(aum > 5", 8, "must close the '(' of position 0"),
        ("aum > 5)", 7, "')' without '('"),
        ("a = 'x", 4, "never closed"),
        ("a & b", 2, "must use the word 'and'"),
        ("a = null", 4, "is null"),
        ("1 < a < 3", 6, "must not chain comparisons"),
        ("1 = 2", 0, "must compare a tag, got two values"),
        ("5 and a", 2, "must compare the value 5 with a tag"),
        ("a in 1", 5, "between brackets"),
        ("a in (1 2)", 8, "',' or ')'"),
        ("a in ()", 6, "must have a value here"),
        ("a between 1 or 2", 12, "must join the ends of between with and"),
        ("a not 5", 6, "in or between after not"),
        ("a is 5", 5, "null or not null after is"),
        ("a = 5abc", 4, "malformed number"),
        ("a = 1e999", 4, "must be finite"),
        ("a = 9223372036854775808", 4, "64 bits"),
        ("a = date 'soon'", 9, "such as '2026-06-30'"),
        ("`` = 1", 0, "tag must be a name"),
        ("__import__('os')", 10, "must compare '__import__'"),
        ("a = 1; drop table customers", 5, "must not contain ';'"),
        ("a = 1\nand b ==", 14, "must have a value here"),
        ("(" * 51 + "a" + ")" * 51, 50, "must not nest deeper"),
        ("not " * 51 + "a", 200, "must not nest deeper"),
    ],
)
def test_errors_show_the_place(text: str, position: int, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Rule.parse(text)
    first, line, caret = str(caught.value).split("\n")
    assert message in first
    assert first.endswith(f"at position {position}")
    assert line[2:] in text
    assert caret.endswith("^")


def test_the_caret_stands_under_the_mistake_even_after_wide_letters() -> None:
    with pytest.raises(InvalidInput) as caught:
        Rule.parse("a == 1\nand 年龄 ! 5")
    _, line, caret = str(caught.value).split("\n")
    assert line == "  and 年龄 ! 5"
    assert caret == "      　　 ^"


def test_a_long_rule_shows_only_the_part_that_is_wrong() -> None:
    text = " or ".join(f"a == {n}" for n in range(2000)) + " or )"
    with pytest.raises(InvalidInput) as caught:
        Rule.parse(text)
    assert max(map(len, str(caught.value).split("\n"))) < 140


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (5, "a rule as a dict must be"),
        ({"tag": "a"}, "a rule as a dict must be"),
        ({"tag": "a", "op": "is not null"}, "a rule as a dict must be"),
        ({"tag": "a", "op": "~", "value": 1}, "op must be one of"),
        ({"tag": "a", "op": "==", "value": None}, "a value must be a number"),
        ({"tag": "a", "op": "==", "value": float("nan")}, "must be finite"),
        ({"tag": "a", "op": "==", "value": 2**64}, "64 bits"),
        ({"tag": "a", "op": "==", "value": dt.datetime(2026, 1, 1)}, "a value must be a number"),
        ({"tag": "a", "op": "==", "value": "nul\0"}, "valid Unicode"),
        ({"tag": "a", "op": "in", "values": []}, "at least one value"),
        ({"tag": "a", "op": "in", "values": "abc"}, "values must be a list"),
        ({"tag": "", "op": "is null"}, "tag must be a name"),
        ({"and": [{"tag": "a", "op": "is null"}]}, "at least two rules"),
        ({"or": {}}, "must hold a list"),
        ({"tag": "d", "op": "==", "value": {"date": "soon"}}, "date must be a date"),
    ],
)
def test_bad_json_is_refused(data: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Rule.from_dict(data)


def test_json_too_deep_is_refused_not_a_crash() -> None:
    data: Any = {"tag": "a", "op": "is null"}
    for _ in range(5000):
        data = {"not": data}
    with pytest.raises(InvalidInput, match="must not nest deeper"):
        Rule.from_dict(data)
    rule: Rule = IsNull("a")
    for _ in range(50):
        rule = Not(rule)
    with pytest.raises(InvalidInput, match="must not nest deeper"):
        Not(rule)


def test_text_too_long_is_refused() -> None:
    with pytest.raises(InvalidInput, match="at most 100,000 characters"):
        Rule.parse("a" * 100_001)
    with pytest.raises(InvalidInput, match="rule must be text"):
        Rule.parse(5)  # type: ignore[arg-type]


def test_tags_are_named_in_order_of_use() -> None:
    rule = Rule.parse("b > 1 and (a is null or c in (1) or b > d) and not e between 1 and 2")
    assert rule.tags == ("b", "a", "c", "d", "e")
