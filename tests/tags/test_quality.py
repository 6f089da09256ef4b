"""The quality of a tag table: what is empty, constant, broken, new, gone, and what drifted."""

from __future__ import annotations

import math
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.stability import psi_by_chance
from marketing_ds.mart import Mart
from marketing_ds.tags import TagQuality, tag_quality, tag_table
from marketing_ds.tags._drift import Bins, bins_of_numbers, psi
from marketing_ds.tags._quality import TagState


def _frame(**columns: Any) -> pd.DataFrame:
    rows = len(next(iter(columns.values())))
    return pd.DataFrame({"customer_id": [f"c{n}" for n in range(rows)], **columns})


def _state(quality: TagQuality, tag: str) -> TagState:
    return next(state for state in quality.states if state.tag == tag)


def _verdict(quality: TagQuality, tag: str) -> tuple[str, str]:
    state = _state(quality, tag)
    return state.status, state.reason


def test_psi_equals_a_value_by_hand() -> None:
    # Shares 0.2, 0.3, 0.5 become 0.3, 0.3, 0.4: 0.1 ln 1.5 + 0 + (−0.1) ln 0.8.
    expected = 0.1 * math.log(1.5) - 0.1 * math.log(0.8)
    assert expected == pytest.approx(0.0628609)
    assert psi([20, 30, 50], [60, 60, 80]) == pytest.approx(expected, abs=1e-12)


def test_psi_of_an_emptied_bin_is_finite() -> None:
    # 0.5, 0.5 become 1, 0; the 0 counts as 0.0001.
    expected = 0.5 * math.log(2) + (1e-4 - 0.5) * math.log(1e-4 / 0.5)
    assert psi([5, 5], [10, 0]) == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=2, max_size=8))
def test_psi_is_symmetric_and_never_negative(counts: list[tuple[int, int]]) -> None:
    before, now = [a + 1 for a, _ in counts], [b + 1 for _, b in counts]
    assert psi(before, now) == pytest.approx(psi(now, before))
    assert psi(before, now) >= 0
    assert psi(before, [2 * a for a in before]) == pytest.approx(0, abs=1e-12)


def test_psi_by_chance_is_exceeded_once_in_a_thousand() -> None:
    rng = np.random.default_rng(7)
    shares = np.full(8, 1 / 8)
    drawn = [
        psi(rng.multinomial(2000, shares), rng.multinomial(3000, shares)) for _ in range(20_000)
    ]
    over = np.mean(np.array(drawn) > psi_by_chance(2000, 3000, 8, 0.001))
    assert 0.0004 < over < 0.002


def test_the_drift_of_numbers_is_told_in_the_earlier_deciles() -> None:
    before = _frame(x=np.arange(1000.0))
    now = _frame(x=np.concatenate([np.arange(500.0), np.arange(500.0)]))  # the upper half is gone
    state = _state(tag_quality(now, before), "x")
    bins = np.histogram(
        now["x"], bins=[-1, *np.quantile(before["x"], np.arange(1, 10) / 10), 2000]
    )[0]
    assert state.psi == pytest.approx(psi([100] * 10, bins), abs=1e-9)
    assert (state.status, state.reason) == ("alarm", f"drifted: PSI {state.psi:.2f}")


def test_the_drift_of_words_and_flags_is_told_value_by_value() -> None:
    before = _frame(word=["a"] * 600 + ["b"] * 400, flag=[True] * 500 + [False] * 500)
    now = _frame(word=["a"] * 300 + ["c"] * 700, flag=[True] * 620 + [False] * 380)
    quality = tag_quality(now, before)
    assert _state(quality, "word").psi == pytest.approx(psi([600, 400, 0], [300, 0, 700]))
    assert _state(quality, "flag").psi == pytest.approx(psi([500, 500], [620, 380]))
    assert _verdict(quality, "flag")[0] == "ok"  # 0.059


def test_nulls_are_a_bin_of_their_own() -> None:
    before = _frame(x=[1.0] * 90 + [None] * 10)
    now = _frame(x=[1.0] * 50 + [None] * 50)
    state = _state(tag_quality(now, before), "x")
    assert state.psi == pytest.approx(psi([90, 10], [50, 50]))
    assert (state.coverage_share, state.previous_coverage_share) == (0.5, 0.9)


def test_a_value_that_fills_deciles_has_a_bin_of_its_own() -> None:
    bins = bins_of_numbers([0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    after_zero = np.nextafter(0.0, 1.0)
    assert bins.edges == (0.0, after_zero, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    assert bins_of_numbers([None, math.nan, math.inf]) == Bins()
    before = _frame(x=[0.0] * 400 + list(np.arange(1, 601) * 1.0))
    now = _frame(x=[0.0] * 100 + [0.5] * 300 + list(np.arange(1, 601) * 1.0))
    state = _state(tag_quality(now, before), "x")
    cuts = np.quantile(before["x"], np.arange(1, 10) / 10)
    edges = [-1, 0, after_zero, *cuts[cuts > 0], 1000]
    counts = (np.histogram(frame["x"], bins=edges)[0] for frame in (before, now))
    assert state.psi == pytest.approx(psi(*counts))


def test_a_small_sample_does_not_drift_by_chance() -> None:
    before = _frame(x=np.arange(40.0))
    now = _frame(x=np.arange(10.0) * 3.9)
    state = _state(tag_quality(now, before), "x")
    assert state.psi is not None
    assert state.psi_by_chance is not None
    assert state.psi > 0.1
    assert state.psi < state.psi_by_chance
    assert state.status == "ok"


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([None] * 200, ("alarm", "no value at all")),
        ([1.0] * 199 + [math.inf], ("alarm", "1 value(s) infinite or NaN")),
        ([-math.inf] * 3 + [1.0] * 197, ("alarm", "3 value(s) infinite or NaN")),
        ([1.0] * 199 + [2e12], ("alarm", "extreme values, from 1 to 2e+12")),
        ([5] * 200, ("watch", "one value for everybody")),
        (["x"] * 200, ("watch", "one value for everybody")),
        ([True] * 200, ("watch", "one value for everybody")),
        ([f"id{n}" for n in range(200)], ("watch", "nearly as many values as rows")),
        (list(range(200)), ("watch", "nearly as many values as rows")),
        ([n / 7 for n in range(200)], ("ok", "")),
        ([n % 50 for n in range(200)], ("ok", "")),
        ([True, False] * 100, ("ok", "")),
        (list(pd.date_range("2026-01-01", periods=200).date), ("ok", "")),
    ],
)
def test_a_tag_alone_is_ok_or_says_why_not(values: list[Any], verdict: tuple[str, str]) -> None:
    array = pa.array(values, pa.float64()) if values[0] is None else pa.array(values)
    table = pa.table({"customer_id": [f"c{n}" for n in range(200)], "x": array})
    assert _verdict(tag_quality(table), "x") == verdict


def test_nan_in_the_engine_is_no_value_and_is_reported() -> None:
    table = ibis.memtable(pa.table({"customer_id": ["a", "b"], "x": pa.array([math.nan, 1.0])}))
    state = _state(tag_quality(table), "x")
    assert (state.reason, state.coverage_share) == ("1 value(s) infinite or NaN", 0.5)


def test_few_rows_may_all_differ() -> None:
    assert _verdict(tag_quality(_frame(x=[3, 1, 2])), "x") == ("ok", "")


def test_new_gone_and_changed_tags_are_named() -> None:
    before = _frame(old=[1, 2], kept=[1.5, 2.5], other=["a", "b"])
    now = _frame(kept=[1, 2], other=[1, 2], new=[3, 4])
    quality = tag_quality(now, before)
    assert _verdict(quality, "old") == ("alarm", "gone: the previous table had it")
    assert _verdict(quality, "kept")[0] == "ok"  # whole or not, it is a number
    assert _verdict(quality, "other") == ("alarm", "held words before, holds numbers now")
    assert _verdict(quality, "new") == ("watch", "new")
    assert _state(quality, "old").coverage_share is None
    assert quality.alarms == ("other", "old")
    assert (quality.count, quality.previous_count) == (2, 2)


def test_words_with_many_values_have_no_psi() -> None:
    before = _frame(x=[f"w{n}" for n in range(60)] * 2)
    state = _state(tag_quality(before, before), "x")
    assert state.psi is None
    assert state.status == "ok"


def test_a_previous_table_without_values_gives_no_bins() -> None:
    before = pa.table({"customer_id": ["a"], "x": pa.array([None], pa.float64()), "w": pa.array([None], pa.string())})  # fmt: skip
    quality = tag_quality(_frame(x=[1.0, 2.0], w=["a", "b"]), before)
    assert [state.psi for state in quality.states] == [None, None]


def test_the_worst_come_first_and_it_shows_as_a_table() -> None:
    quality = tag_quality(_frame(fine=[1, 2], empty=[None, None], same=[1, 1]))
    frame = quality.to_frame()
    assert frame["status"].tolist() == ["alarm", "watch", "ok"]
    assert frame["tag"].tolist() == ["empty", "same", "fine"]
    frame.loc[0, "tag"] = "changed"
    assert quality.to_frame().loc[0, "tag"] == "empty"
    assert "one value for everybody" in quality._repr_html_()


@pytest.mark.parametrize(
    ("tags", "previous", "message"),
    [
        ([1], None, "tags must be an Ibis table, a pandas frame or an Arrow table, got list"),
        (_frame(x=[1]), {"x": [1]}, "previous must be an Ibis table"),
        (pd.DataFrame({"customer_id": ["a"]}), None, "at least one tag"),
        (_frame(x=[1]).head(0), None, "tags must have at least one row"),
        (_frame(x=[1]), _frame(x=[1]).head(0), "previous must have at least one row"),
    ],
)  # fmt: skip
def test_tables_that_cannot_be_judged_are_refused(tags: Any, previous: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        tag_quality(tags, previous)


def test_engines_agree_on_a_tag_table(engine_mart: Mart) -> None:
    names = ["age", "aum", "value_tier", "holds_fund"]
    tables = [tag_table(engine_mart, day, names) for day in ("2026-06-30", "2026-05-31")]
    frame = tag_quality(*tables).to_frame().set_index("tag")
    known = [table.to_pyarrow().to_pandas() for table in tables]
    expected = tag_quality(*known).to_frame().set_index("tag")
    pd.testing.assert_frame_equal(
        frame.drop(columns="distinct"), expected.loc[frame.index].drop(columns="distinct")
    )
    assert frame.loc["value_tier", "reason"] == "one value for everybody"
    assert frame.loc["age", "coverage_share"] == 11 / 12
