"""Two passes over a source give what one gives, and are taken only where they are cheaper."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import ibis
import pytest

from marketing_ds.mart import Mart
from marketing_ds.tags import _passes, catalogue, refresh_tags, tag_table
from marketing_ds.tags._measures import MASK_DAYS, Measure

from .conftest import OpenTables, Rows

AS_OF = "2026-06-30"
DAY = dt.date(2026, 6, 30)


def _rows(table: Any) -> list[dict[str, Any]]:
    return table.order_by("customer_id").to_pyarrow().to_pylist()


def _scans(mart: Mart, table: Any, source: str) -> int:
    name = re.escape(mart[source].get_name())
    return len(re.findall(rf'FROM (?:"\w+"\.)*"{name}"', str(ibis.to_sql(table))))


def test_two_passes_give_what_one_gives(tiny_mart: Mart, monkeypatch: pytest.MonkeyPatch) -> None:
    once = tag_table(tiny_mart, AS_OF)
    monkeypatch.setattr(_passes, "LARGE", 1)
    twice = tag_table(tiny_mart, AS_OF)
    assert [_scans(tiny_mart, t, "transactions") for t in (once, twice)] == [1, 2]
    assert _rows(once) == _rows(twice)


def test_measures_to_be_kept_are_the_same_in_two_passes(
    tiny_mart: Mart, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [tag.name for tag in catalogue() if set(tag.sources) & {"transactions", "events"}]
    once = _rows(refresh_tags(tiny_mart, AS_OF, names).table)
    monkeypatch.setattr(_passes, "LARGE", 1)
    assert _rows(refresh_tags(tiny_mart, AS_OF, names, full=True).table) == once


def test_short_windows_alone_are_read_once(
    tiny_mart: Mart, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_passes, "LARGE", 1)
    table = tag_table(tiny_mart, AS_OF, ["transactions_30d", "inflow_30d_cny"])
    assert _scans(tiny_mart, table, "transactions") == 1


def test_text_files_are_read_once(
    tiny_tables: dict[str, Rows], open_tables: OpenTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_passes, "LARGE", 1)
    mart = open_tables(tiny_tables)
    monkeypatch.setattr(mart, "rows_told", lambda name: None)  # as of text, or on Spark
    assert _scans(mart, tag_table(mart, AS_OF), "transactions") == 1


@pytest.mark.parametrize(
    ("measure", "days"),
    [
        (Measure("count", days=30), 30),
        (Measure("count"), 365),
        (Measure("mask", part=(DAY - dt.date(1970, 1, 1)).days // MASK_DAYS), 25),
    ],
)
def test_how_far_back_a_measure_looks(measure: Measure, days: int) -> None:
    assert _passes.reach(measure, DAY) == days
