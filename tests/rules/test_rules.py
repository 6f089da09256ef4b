"""Rule text, JSON and SQL: one tree, three spellings; everything else is refused with its place."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketing_ds._core.errors import InvalidInput
from marketing_ds.rules import (
    And,
    AsOf,
    Between,
    Compare,
    In,
    IsNull,
    Match,
    Not,
    Or,
    Rule,
    TagName,
    Top,
)

LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
NAMES = st.one_of(
    st.sampled_from(
        ["aum", "lifecycle", "年龄", "and", "NULL", "date", "top", "by", "as_of", "Like", "days"]
    ),
    st.sampled_from(["a b", "`", '"', "x1", "%", "with"]),
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
DAYS = st.builds(AsOf, st.integers(-99, 99), st.sampled_from(["days", "weeks", "months", "years"]))
VALUES = st.one_of(SCALARS, DAYS)
WORDS = st.sampled_from(["contains", "starts with", "ends with"])
PATTERNS = st.lists(
    st.one_of(
        st.sampled_from(["%", "_", r"\%", r"\_", r"\\"]), LETTERS.filter(lambda x: x != "\\")
    ),
    max_size=5,
).map("".join)
PERCENT = st.one_of(st.integers(1, 100), st.sampled_from([0.5, 12.25, 1e-06, 99.999999]))
LEAVES = st.one_of(
    st.builds(Compare, NAMES, OPERATORS, st.one_of(VALUES, st.builds(TagName, NAMES))),
    st.builds(In, NAMES, st.lists(VALUES, min_size=1, max_size=4).map(tuple)),
    st.builds(Between, NAMES, VALUES, VALUES),
    st.builds(IsNull, NAMES),
    st.builds(Match, NAMES, WORDS, st.text(LETTERS, min_size=1, max_size=6)),
    st.builds(Match, NAMES, st.just("like"), PATTERNS),
    st.builds(Top, NAMES, st.integers(1, 2**53), st.sampled_from(["top", "bottom"])),
    st.builds(Top, NAMES, PERCENT, st.sampled_from(["top", "bottom"]), st.just(True)),
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
     "1", "-2.5e3", "'x'", '"y"', "`z`", "true", "date", "'2026-06-30'", "'", ";", "--", "年龄", "\n", "as_of", "-", "+ 3",
     "months", "top", "bottom", "5", "%", "by", "contains", "starts", "ends", "with", "like"]
)  # fmt: skip
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    "and",
                    "or",
                    "not",
                    "tag",
                    "op",
                    "value",
                    "values",
                    "low",
                    "high",
                    "date",
                    "as_of",
                    "unit",
                    "number",
                    "percent",
                ]
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
        ("name CONTAINS '50%'", "name contains '50%'"),
        ("name not Starts  With 'A'", "name not starts with 'A'"),
        ('not name ends with "\'s"', "name not ends with '''s'"),
        (r"name like 'a\%_'", r"name like 'a\%_'"),
        ("day >= as_of-30 days", "day >= as_of - 30 days"),
        ("AS_OF - 1 Month <= day", "day >= as_of - 1 month"),
        ("day between as_of and as_of +7 day", "day between as_of and as_of + 7 days"),
        ("day in (as_of, as_of - 0 years)", "day in (as_of, as_of)"),
        ("TOP 1000 BY aum", "top 1000 by aum"),
        ("not bottom 0.50% by `a b`", "not bottom 0.5 % by `a b`"),
        ("`top` = 1 and `as_of` is null", "`top` == 1 and `as_of` is null"),
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
        ("a contains 'x' or a not ends with 'y%'",
         "\"a\" LIKE '%x%' OR \"a\" NOT LIKE '%y\\%' ESCAPE '\\'"),
        ("d > as_of and d < as_of + 1 year",
         '"d" > "as_of" AND "d" < CAST("as_of" + INTERVAL \'1\' YEAR AS DATE)'),
        ("not bottom 3 by a",
         'NOT CASE WHEN "a" IS NOT NULL THEN ROW_NUMBER() OVER '
         '(ORDER BY "a" ASC NULLS LAST, "customer_id") - 1 < 3 END'),
        ("top 5 % by a",
         'CASE WHEN "a" IS NOT NULL THEN (ROW_NUMBER() OVER '
         '(ORDER BY "a" DESC NULLS LAST, "customer_id") - 1) * 20 < 1 * COUNT("a") OVER () END'),
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
        ("a = 1 and 1 = 2", 10, "must compare a tag, got two values"),
        ("as_of and a", 6, "must compare the value as_of with a tag"),
        ("5 and a", 2, "must compare the value 5 with a tag"),
        ("a in 1", 5, "between brackets"),
        ("a in (1 2)", 8, "',' or ')'"),
        ("a in ()", 6, "must have a value here"),
        ("a between 1 or 2", 12, "must join the ends of between with and"),
        ("a not 5", 6, "starts with, ends with or like after not"),
        ("a starts 'x'", 9, "must go on with 'with' here"),
        ("a contains x", 11, "must have text in quotes after contains, got 'x'"),
        ("a ends with ''", 12, "at least one letter"),
        (r"a like 'x\y'", 7, r"after '\', which takes away their meaning, got 'y'"),
        ("a like 'x\\'", 7, "got 'the end'"),
        ("d > as_of - days", 12, "must add a whole number of days to as_of, got 'days'"),
        ("d > as_of - 1.5 days", 12, "must add a whole number"),
        ("d > as_of - -1 days", 12, "must add a whole number"),
        ("d > as_of - 3", 13, "must go on with days, weeks, months, years here, got the end"),
        ("d > as_of - 3 moons", 14, "must go on with days"),
        ("d > as_of - 999 years", 10, "between -100 and 100, got -999"),
        ("top aum", 4, "must have a number after top (top 1000 by aum), got 'aum'"),
        ("top 5 aum", 6, "must go on with by and a tag after top n"),
        ("top 5 by 7", 9, "must name a tag after by, got 7"),
        ("top 0 by a", 4, "top n must be between 1 and"),
        ("top 2.5 by a", 4, "top n must be a whole number, got 2.5"),
        ("bottom 101 % by a", 7, "a percentage must be between 0 and 100, got 101"),
        ("bottom 0 % by a", 7, "a percentage must be greater than 0"),
        ("a = -", 4, "must have a value here, got '-'"),
        ("a is 5", 5, "null or not null after is"),
        ("a = 5abc", 4, "malformed number"),
        ("a = 1e999", 4, "must be finite"),
        ("a = 9223372036854775808", 4, "64 bits"),
        ("a = date 'soon'", 9, "such as '2026-06-30'"),
        ("`` = 1", 0, "tag must be a name"),
        ("__import__('os')", 0, "must compare '__import__' with something; it is no function"),
        ("a > 5 and sum(b) > 3", 10, "must compare 'sum' with something; it is no function"),
        ("a / 2 > 3", 2, "what is computed is a tag of its own"),
        ("a > b + 3", 6, "what is computed is a tag of its own"),
        ("a > 50,000", 6, "in numbers no comma stands between digits"),
        ("tags.a > 3", 4, "must not contain '.'"),
        ("a > .5.", 4, "malformed number"),
        ("a > 5 and （b < 3）", 10, "must have '(' here, got '（'"),
        ("a in [1, 2]", 5, "must have '(' here, got '['"),
        ("a ≥ 5", 2, "must have '>=' here, got '≥'"),
        ("a == “x”", 5, """must have "'" here, got '“'"""),
        ("a in (1，2)", 7, "must have ',' here, got '，'"),
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
        ({"tag": "d", "op": "==", "value": {"as_of": 1, "unit": "moons"}}, "unit must be one of"),
        ({"tag": "d", "op": "==", "value": {"as_of": "x", "unit": "days"}}, "must be a number"),
        ({"tag": "a", "op": "contains", "value": 5}, "contains must be followed by text, got 5"),
        ({"tag": "a", "op": "like", "value": "\\"}, "got 'the end'"),
        ({"tag": "a", "op": "best", "number": 5}, "op must be one of 'top', 'bottom'"),
        ({"tag": "a", "op": "top", "percent": 0.1234567}, "at most 6 decimals"),
        ({"tag": "a", "op": "top", "number": True}, "top n must be a number"),
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
    rule = Rule.parse(
        "b > 1 and (a is null or c in (1) or b > d) and not e between 1 and 2 and top 5 by f "
        "or g like 'x'"
    )
    assert rule.tags == ("b", "a", "c", "d", "e", "f", "g")


@pytest.mark.parametrize(
    ("text", "relative"),
    [
        ("d > as_of", True),
        ("a = 1 and not d in (date '2026-01-01', as_of - 1 day)", True),
        ("d between as_of - 1 week and '2026-01-01'", True),
        ("d > '2026-01-01' and top 5 by a", False),
        ("`as_of` > '2026-01-01'", False),
    ],
)
def test_a_rule_knows_whether_it_depends_on_the_day(text: str, relative: bool) -> None:
    assert Rule.parse(text).is_relative is relative


@given(
    st.dates(dt.date(1900, 1, 1), dt.date(2100, 12, 31)),
    st.integers(-1200, 1200),
    st.sampled_from(["days", "weeks", "months", "years"]),
)
def test_relative_days_are_those_of_pandas(day: dt.date, amount: int, unit: Any) -> None:
    amount = amount // 12 if unit == "years" else amount
    wanted = pd.Timestamp(day) + pd.DateOffset(**{unit: amount})
    assert AsOf(amount, unit).on(day) == wanted.date()


def test_a_relative_day_beyond_the_calendar_is_refused() -> None:
    for amount, unit in ((1, "years"), (60, "days"), (12, "months")):
        with pytest.raises(InvalidInput, match="must be a day of the years 1 to 9999"):
            AsOf(amount, unit).on(dt.date(9999, 12, 1))  # type: ignore[arg-type]
