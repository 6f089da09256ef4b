"""A small table with every trap, and what a rule means on it, told in plain Python."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

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

AS_OF = dt.date(2026, 5, 31)
TEXTS = [
    "a", "A", "ab", "a%b", "a_b", "a\\b", "a'b", 'a"b', "a\nb", "", " a ", "年龄", "😀x", None, "%", "\\",
]  # fmt: skip
ROWS: list[dict[str, Any]] = [
    {
        "customer_id": f"c{n:02d}",
        "n": (n * 7) % 5 if n % 6 else None,
        "m": n % 5 if n % 7 else None,
        "x": (0.5, -1.25, 1e6, -0.0, 2.5, None)[n % 6],
        "s": TEXTS[n],
        "flag": (True, False, None)[n % 3],
        "day": (None, dt.date(2026, 2, 28), AS_OF, dt.date(2025, 5, 31), dt.date(2026, 6, 30))[
            n % 5
        ],
    }
    for n in range(len(TEXTS))
]
SCHEMA = pa.schema(
    {
        "customer_id": pa.string(),
        "n": pa.int64(),
        "m": pa.int64(),
        "x": pa.float64(),
        "s": pa.string(),
        "flag": pa.bool_(),
        "day": pa.date32(),
    }
)
TABLE = pa.Table.from_pylist(ROWS, schema=SCHEMA)

OPERATORS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
EQUALITY = st.sampled_from(["==", "!="])
NUMBERS = st.sampled_from([-2, 0, 1, 3, 0.5, -1.25, 1e6])
WORDS = st.sampled_from([text for text in TEXTS if text is not None])
PIECES = st.sampled_from([text for text in TEXTS if text])
PATTERNS = st.lists(
    st.sampled_from(["a", "b", "%", "_", r"\%", r"\_", r"\\", "'", "\n", "😀", "A"]), max_size=4
).map("".join)
DAYS = st.one_of(
    st.sampled_from([AS_OF, dt.date(2026, 2, 28), dt.date(2025, 5, 31)]),
    st.builds(
        AsOf,
        st.sampled_from([-365, -12, -3, -1, 0, 1, 30]),
        st.sampled_from(["days", "weeks", "months"]),
    ),
    st.builds(AsOf, st.sampled_from([-1, 1]), st.just("years")),
)
NUMERIC = st.sampled_from(["n", "m", "x"])
LEAVES = st.one_of(
    st.builds(Compare, NUMERIC, OPERATORS, st.one_of(NUMBERS, st.builds(TagName, NUMERIC))),
    st.builds(Compare, st.just("s"), EQUALITY, WORDS),
    st.builds(Compare, st.just("flag"), EQUALITY, st.booleans()),
    st.builds(Compare, st.just("day"), OPERATORS, DAYS),
    st.builds(In, NUMERIC, st.lists(NUMBERS, min_size=1, max_size=3).map(tuple)),
    st.builds(In, st.just("s"), st.lists(WORDS, min_size=1, max_size=3).map(tuple)),
    st.builds(In, st.just("day"), st.lists(DAYS, min_size=1, max_size=3).map(tuple)),
    st.builds(Between, NUMERIC, NUMBERS, NUMBERS),
    st.builds(Between, st.just("day"), DAYS, DAYS),
    st.builds(IsNull, st.sampled_from(list(SCHEMA.names))),
    st.builds(
        Match, st.just("s"), st.sampled_from(["contains", "starts with", "ends with"]), PIECES
    ),
    st.builds(Match, st.just("s"), st.just("like"), PATTERNS),
)
RANKS = st.builds(
    Top,
    st.sampled_from(["n", "m", "x", "day"]),
    st.integers(1, 20),
    st.sampled_from(["top", "bottom"]),
    st.booleans(),
)
RULES = st.recursive(
    st.one_of(LEAVES, RANKS),
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)


def selected(rule: Rule) -> list[str]:
    """The customers whom the rule selects."""
    return [row["customer_id"] for row in ROWS if truth(rule, row) is True]


def truth(rule: Rule, row: dict[str, Any]) -> bool | None:
    """True, false, or None where a null leaves it open."""
    match rule:
        case Not(rule=inner):
            found = truth(inner, row)
            return None if found is None else not found
        case And(rules=rules):
            return _all([truth(part, row) for part in rules])
        case Or(rules=rules):
            found = _all([truth(Not(part), row) for part in rules])
            return None if found is None else not found
        case IsNull(tag=tag):
            return row[tag] is None
        case Top():
            return _is_top(rule, row)
    value = row[rule.tag]  # type: ignore[attr-defined]
    if value is None:
        return None
    match rule:
        case Compare(op=op, value=other):
            other = row[other.tag] if isinstance(other, TagName) else _day(other)
            return None if other is None else _compare(op, value, other)
        case In(values=values):
            return value in [_day(v) for v in values]
        case Between(low=low, high=high):
            return _day(low) <= value <= _day(high)
        case Match(how="contains", text=text):
            return text in value
        case Match(how="starts with", text=text):
            return value.startswith(text)
        case Match(how="ends with", text=text):
            return value.endswith(text)
        case Match(text=pattern):
            return re.fullmatch(_regex(pattern), value, re.DOTALL) is not None
    raise AssertionError(rule)


def _all(parts: Sequence[bool | None]) -> bool | None:
    if False in parts:
        return False
    return None if None in parts else True


def _day(value: Any) -> Any:
    return value.on(AS_OF) if isinstance(value, AsOf) else value


def _compare(op: str, a: Any, b: Any) -> bool:
    return {"==": a == b, "!=": a != b}[op] if op in ("==", "!=") else {
        "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b
    }[op]  # fmt: skip


def _is_top(rule: Top, row: dict[str, Any]) -> bool | None:
    if row[rule.tag] is None:
        return None
    ranked = [other for other in ROWS if other[rule.tag] is not None]
    ranked.sort(key=lambda other: other["customer_id"])
    ranked.sort(key=lambda other: other[rule.tag], reverse=rule.end == "top")
    number = math.ceil(len(ranked) * rule.number / 100) if rule.percent else rule.number
    return row in ranked[: int(number)]


def _regex(pattern: str) -> str:
    text = re.escape(pattern)
    text = text.replace(r"\\\\", "\0").replace(r"\\%", "\1").replace(r"\\_", "\2")
    text = text.replace("%", ".*").replace("_", ".")
    return text.replace("\0", r"\\").replace("\1", "%").replace("\2", "_")
