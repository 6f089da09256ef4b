"""Names of columns drive how a result is shown."""

from __future__ import annotations

import html
import math
import re
from dataclasses import dataclass

import pandas as pd
import pytest

from marketing_ds._core.display import Result, frame_html
from marketing_ds._core.errors import InvalidInput


def cells(frame: pd.DataFrame) -> list[str]:
    """The text of the table's cells, row by row."""
    found = re.findall(r"<td[^>]*>(.*?)</td>", frame_html(frame), flags=re.DOTALL)
    return [html.unescape(cell) for cell in found]


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("rel_effect", 0.12345, "12.35%"),
        ("visit_share", 1, "100.00%"),
        ("rel_effect_ci_lower", -0.5, "−50.00%"),
        ("visit_share_ci_upper", 0.25, "25.00%"),
        ("cost_cny", 1234.5, "1,234.50"),
        ("cost_cny", 3, "3.00"),
        ("effect_cny_ci_upper", 0.126, "0.13"),
        ("n_arm", 21307, "21,307"),
        ("effect", 0.0765896, "0.07659"),
        ("effect_ci_lower", -0.000123456, "−0.0001235"),
        ("total", 1234567.891, "1,234,567.89"),
        ("effect", math.nan, "—"),
        ("effect", 1e-310, "0.000"),
        ("mean_control", 1.867e-15, "0.000"),
        ("p_value", 1e-310, "< 0.0001"),
        ("p_adjusted", 0.04999, "0.0500"),
        ("p_value", math.nan, "—"),
        ("effect", math.inf, "inf"),
        ("arm", "control", "control"),
        ("arm", None, "—"),
        ("passed", True, "True"),
        ("day", pd.Timestamp("2026-06-30").date(), "2026-06-30"),
        ("lasted", pd.Timedelta(days=2), "2 days 00:00:00"),
    ],
)
def test_a_column_is_formatted_by_its_name_and_kind(name: str, value: object, shown: str) -> None:
    assert cells(pd.DataFrame({name: [value]})) == [shown]


@pytest.mark.parametrize("dtype", ["Float64", "float64[pyarrow]"])
def test_nullable_numbers_that_are_all_unknown_are_shown_so(dtype: str) -> None:
    assert cells(pd.DataFrame({"effect": pd.array([None], dtype=dtype)})) == ["—"]


@pytest.mark.parametrize("dtype", ["Int64", "int64[pyarrow]"])
def test_nullable_whole_numbers_stay_whole(dtype: str) -> None:
    assert cells(pd.DataFrame({"n": pd.array([1000, None], dtype=dtype)})) == ["1,000", "—"]


def test_formats_of_several_columns_do_not_mix() -> None:
    frame = pd.DataFrame({"arm": ["a"], "n": [5], "rel_x": [0.5], "x_cny": [2.0], "x": [1 / 3]})
    assert cells(frame) == ["a", "5", "50.00%", "2.00", "0.3333"]


def test_an_interval_is_shown_behind_its_estimate() -> None:
    frame = pd.DataFrame({"x": [0.5], "x_ci_lower": [0.25], "x_ci_upper": [math.nan], "n": [3]})
    assert cells(frame) == ["0.5000 [0.2500, —]", "3"]


def test_long_tables_show_twenty_rows_and_say_so() -> None:
    frame = pd.DataFrame({"n": range(1051)})
    assert cells(frame)[:20] == [str(n) for n in range(20)]
    assert "20 of 1,051 rows shown" in frame_html(frame)
    assert "rows shown" not in frame_html(frame.head(20))


def test_a_title_is_shown_if_there_is_one() -> None:
    frame = pd.DataFrame({"n": [1]})
    assert "Effects of May" in frame_html(frame, title="Effects of May")
    assert "gt_title" not in frame_html(frame).split("</style>")[-1]


def test_text_from_data_is_not_taken_for_html() -> None:
    page = frame_html(pd.DataFrame({"name": ["<script>alert(1)</script>"]}))
    assert "<script>" not in page


@pytest.mark.parametrize("frame", [pd.DataFrame(), pd.DataFrame({"x": pd.Series(dtype="float64")})])
def test_empty_frames_are_shown_empty(frame: pd.DataFrame) -> None:
    assert "<table" in frame_html(frame)


def test_columns_named_by_numbers_are_shown_and_the_frame_is_left_alone() -> None:
    frame = pd.DataFrame({0: [1.5]}, index=["row"])
    assert cells(frame) == ["1.500"]
    assert list(frame.columns) == [0]
    assert list(frame.index) == ["row"]


@dataclass(frozen=True)
class Verdict(Result):
    n: int

    def to_frame(self) -> pd.DataFrame:
        return pd.DataFrame({"n": [self.n]})


def test_a_result_shows_its_frame_under_its_own_name() -> None:
    page = Verdict(1234)._repr_html_()
    assert "Verdict" in page
    assert "1,234" in page


def test_a_result_without_a_frame_says_so() -> None:
    with pytest.raises(TypeError, match="Result has no frame"):
        Result().to_frame()


def test_a_result_is_drawn_by_plots_with_all_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marketing_ds.plots.draw", lambda result, **given: (result, given))
    assert Verdict(1).plot(ax="here", top=3) == (Verdict(1), {"ax": "here", "top": 3})


def test_a_result_that_nobody_can_draw_says_so() -> None:
    with pytest.raises(InvalidInput, match="no picture of a Verdict"):
        Verdict(1).plot()
