"""The analysis as a whole: bad input, both engines, what it shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput, MartError
from marketing_ds.evaluation.channel import ChannelAnalysis, analyze_channels
from marketing_ds.mart import Mart, open_mart

from .small_bank import AS_OF, END, START, small_bank

GOOD: dict[str, Any] = {"start": START, "end": END, "as_of": AS_OF}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"end": "2026-05-31"}, r"end must not lie before start \(2026-06-01\), got 2026-05-31"),
        ({"end": "2026-06-21"}, r"end must not lie after as_of \(2026-06-20\), got 2026-06-21"),
        ({"end": "2026-06-26", "as_of": None}, r"after the mart's last date \(2026-06-25\)"),
        ({"start": "2024-06-01"}, "the window must have at most 366 days, got 740; analyse"),
        ({"start": "soon"}, "start must be a date such as"),
        ({"days": []}, r"days must be a list of at least one day, got \[\]"),
        ({"days": [1, 0]}, "days must be at least 1, got 0"),
        ({"cohort": "year"}, "cohort must be one of 'week', 'month', got 'year'"),
        ({"lookback_days": 0}, "lookback_days must be at least 1, got 0"),
        ({"alpha": 1}, "alpha must be between 0 and 1, both excluded, got 1"),
        ({"campaign_id": "K9"}, r"campaign_id must be one of the mart's \(K1\), got 'K9'"),
        ({"campaign_id": "K1", "end": "2026-05-31", "start": "2026-05-01", "as_of": "2026-05-31"},
         r"the campaign must have begun by as_of \(2026-05-31\), got 'K1', which starts on 2026-06-01"),
    ],
)  # fmt: skip
def test_bad_input_is_refused(small_mart: Mart, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        analyze_channels(small_mart, **{**GOOD, **changes})


def test_without_events_there_are_no_channels(open_tables: Any) -> None:
    with pytest.raises(MartError, match="needs the table 'events', which"):
        analyze_channels(open_tables({"customers": small_bank()["customers"]}), **GOOD)


def test_a_window_in_which_nothing_happened_is_empty(small_mart: Mart) -> None:
    found = analyze_channels(small_mart, start="2026-03-01", end="2026-03-05", as_of="2026-03-10")
    for frame in (
        found.to_frame(),
        found.retention.to_frame(),
        found.retention.triangle(),
        found.activity.to_frame(),
        found.activity.summary(),
    ):
        assert frame.empty
        assert "channel" in frame.columns
    assert found._repr_html_()


def test_results_show_themselves(found: ChannelAnalysis) -> None:
    parts = (found.use, found.retention, found.activity, found.products, found.worth)
    for part in (found, *parts, found.attribution):
        assert part is not None
        assert "</table>" in part._repr_html_()
    pd.testing.assert_frame_equal(found.to_frame(), found.use.to_frame())


@pytest.fixture
def spark_small(spark_session: object, small_dir: Path, tmp_path: Path) -> Iterator[Mart]:
    with open_mart(small_dir, engine="spark", workspace=tmp_path / "workspace") as mart:
        yield mart


def test_both_engines_say_the_same(found: ChannelAnalysis, spark_small: Mart) -> None:
    other = analyze_channels(spark_small, **GOOD)
    for name in ("use", "retention", "activity", "products", "worth", "attribution"):
        ours, theirs = getattr(found, name), getattr(other, name)
        pd.testing.assert_frame_equal(ours.to_frame(), theirs.to_frame(), rtol=1e-12)
    pd.testing.assert_frame_equal(found.retention.triangle(), other.retention.triangle())
    pd.testing.assert_frame_equal(found.activity.summary(), other.activity.summary())
