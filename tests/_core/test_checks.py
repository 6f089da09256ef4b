"""Argument checks let good values through and name parameter, rule and value of bad ones."""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketing_ds._core.checks import (
    check_choice,
    check_columns,
    check_count,
    check_date,
    check_number,
)
from marketing_ds._core.errors import InvalidInput

finite = st.floats(allow_nan=False, allow_infinity=False)


def says(text: str) -> Any:
    return pytest.raises(InvalidInput, match=f"^{re.escape(text)}$")


def test_a_choice_comes_back() -> None:
    assert check_choice("learner", "dr", ["t", "dr"]) == "dr"


@pytest.mark.parametrize(
    ("value", "end"),
    [("drr", "got 'drr'; did you mean 'dr'?"), ("zzz", "got 'zzz'"), (3, "got 3"), ([], "got []")],
)
def test_what_is_no_choice_is_named_with_the_nearest(value: object, end: str) -> None:
    with says(f"learner must be one of 't', 'dr', {end}"):
        check_choice("learner", value, ["t", "dr"])


@pytest.mark.parametrize(
    "value", [2, 2.0, np.float32(2), np.int8(2), np.uint64(2), np.array(2.0), np.float16(2)]
)
def test_numbers_of_every_kind_become_floats(value: object) -> None:
    number = check_number("x", value)
    assert number == 2.0
    assert type(number) is float


@pytest.mark.parametrize(
    "value", ["2", None, True, np.True_, np.str_("2"), np.array([2.0]), 2j, pd.Timestamp("2020")]
)
def test_what_is_no_number_is_refused(value: object) -> None:
    with says(f"x must be a number, got {value!r}"):
        check_number("x", value)


@given(finite, finite, finite)
def test_a_number_passes_exactly_if_it_is_in_the_range(x: float, a: float, b: float) -> None:
    low, high = sorted((a, b))
    if low <= x <= high:
        assert check_number("x", x, low=low, high=high) == x
    else:
        with pytest.raises(InvalidInput, match=r"^x must be between "):
            check_number("x", x, low=low, high=high)


@pytest.mark.parametrize(
    ("limits", "rule"),
    [
        ({"low": 0, "high": 1}, "between 0 and 1"),
        ({"low": 0, "high": 1, "inclusive": False}, "between 0 and 1, both excluded"),
        ({"low": 0}, "at least 0"),
        ({"low": 0, "inclusive": False}, "greater than 0"),
        ({"high": 0.25}, "at most 0.25"),
        ({"high": 0.25, "inclusive": False}, "less than 0.25"),
        ({"low": 1_234_567}, "at least 1234567"),
        ({}, "a number"),
        ({"inclusive": False}, "a finite number"),
    ],
)
def test_the_rule_is_said_in_words_and_nan_breaks_every_rule(
    limits: dict[str, Any], rule: str
) -> None:
    with says(f"x must be {rule}, got nan"):
        check_number("x", math.nan, **limits)


def test_excluded_ends_are_refused() -> None:
    assert check_number("x", 1, low=0, high=1) == 1
    with says("x must be between 0 and 1, both excluded, got 1"):
        check_number("x", 1, low=0, high=1, inclusive=False)


def test_infinity_is_a_number_but_not_a_finite_one() -> None:
    assert check_number("x", math.inf) == math.inf
    with says("x must be a finite number, got inf"):
        check_number("x", math.inf, inclusive=False)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_whole_number_beyond_every_float_is_out_of_range(sign: int) -> None:
    with pytest.raises(InvalidInput, match=r"^x must be between 0 and 1, got -?1000"):
        check_number("x", sign * 10**400, low=0, high=1)


@given(st.integers(min_value=0, max_value=10**300))
def test_counts_keep_every_digit(value: int) -> None:
    assert check_count("n", value) == value


@pytest.mark.parametrize("value", [3.0, np.int64(3), np.float32(3)])
def test_whole_floats_are_counts(value: object) -> None:
    assert check_count("n", value) == 3
    assert type(check_count("n", value)) is int


@pytest.mark.parametrize("value", [1.5, math.inf, 10**400])
def test_what_is_not_whole_is_no_count(value: float) -> None:
    with pytest.raises(InvalidInput, match=r"^n must be a whole number, got "):
        check_count("n", value)


def test_a_count_keeps_its_bounds() -> None:
    with says("n must be at least 0, got -1"):
        check_count("n", -1)
    with says("n must be between 2 and 10, got 11"):
        check_count("n", 11, low=2, high=10)


def test_columns_that_are_there_pass() -> None:
    check_columns(iter(["a", "b"]), ["b"], "frame")


def test_missing_columns_are_named_with_the_nearest() -> None:
    with says(
        "frame must have the column(s) 'spent', 'x'; it has 'visit', 'spend'; did you mean 'spend'?"
    ):
        check_columns(["visit", "spend"], ["spent", "visit", "x"], "frame")


def test_of_many_columns_twelve_are_shown() -> None:
    have = [f"c{n}" for n in range(13)]
    with pytest.raises(InvalidInput, match=r"'c11', …$"):
        check_columns(have, ["zzzzzz"], "frame")


def test_columns_named_by_numbers_are_no_trouble() -> None:
    with says("frame must have the column(s) 'a'; it has 0, 1"):
        check_columns([0, 1], ["a"], "frame")  # type: ignore[list-item]


@pytest.mark.parametrize(
    "value",
    [
        "2026-06-30",
        dt.date(2026, 6, 30),
        dt.datetime(2026, 6, 30, 23, 59),
        pd.Timestamp("2026-06-30 23:59"),
    ],
)
def test_dates_of_every_kind_become_dates(value: object) -> None:
    day = check_date("as_of", value)
    assert day == dt.date(2026, 6, 30)
    assert type(day) is dt.date


@pytest.mark.parametrize("value", ["30.06.2026", "2026-02-30", "", 20260630, None, pd.NaT])
def test_what_is_no_date_is_refused(value: object) -> None:
    with says(f"as_of must be a date such as '2026-06-30', got {value!r}"):
        check_date("as_of", value)
