"""DuckDB and Spark give the same profiles, and both the same as a frame in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import ibis
import pandas as pd
import pytest

from marketing_ds._core.display import Result
from marketing_ds.audiences import Audience, audience
from marketing_ds.mart import Mart
from marketing_ds.profiling import (
    _columns,
    behaviour,
    distribution,
    migration,
    profile,
    trend,
)

from .people import people

FRAME = people(400)
LATER = FRAME.assign(lifecycle=FRAME["lifecycle"].where(FRAME.index % 3 > 0, "mature")).iloc[30:]
TAGS = ["value_tier", "region", "aum", "visits", "salary_found", "joined"]


@pytest.fixture
def tables(engine_mart: Mart, tmp_path: Path) -> tuple[ibis.Table, ibis.Table]:
    """The tags of two days in the mart's engine."""
    found = []
    for name, frame in (("before", FRAME), ("after", LATER)):
        file = tmp_path / f"{name}.parquet"
        frame.to_parquet(file, index=False)
        found.append(engine_mart.read_parquet([file]))
    return found[0], found[1]


def _same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(found, expected, check_exact=False, rtol=1e-9)


def test_a_profile_with_crossed_pairs(tables: tuple[ibis.Table, ibis.Table]) -> None:
    def found(table: ibis.Table | pd.DataFrame) -> list[pd.DataFrame]:
        prof = profile(audience(table, "aum >= 10000"), tags=TAGS, pairs=[("region", "visits")])
        assert prof.crossed is not None
        return [prof.to_frame(), prof.crossed.to_frame(), prof.hidden]

    for one, other in zip(found(tables[0]), found(FRAME), strict=True):
        _same(one, other)


def test_overlapping_audiences_and_quantiles_of_a_part(
    tables: tuple[ibis.Table, ibis.Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_columns, "_ENOUGH", 200)

    def found(table: ibis.Table | pd.DataFrame) -> pd.DataFrame:
        first = audience(table, "aum >= 10000")
        second = audience(first.base, FRAME["customer_id"][::2].tolist())
        return profile(first, base=second, tags=["aum", "region"]).to_frame()

    _same(found(tables[0]), found(FRAME))


@pytest.mark.parametrize("compare", [behaviour, lambda aud: distribution(aud, "aum", bins=6)])
def test_numbers(
    tables: tuple[ibis.Table, ibis.Table], compare: Callable[[Audience], Result]
) -> None:
    one, other = (
        compare(audience(table, "lifecycle != 'new'")).to_frame() for table in (tables[0], FRAME)
    )
    _same(one, other)


def test_migration(tables: tuple[ibis.Table, ibis.Table]) -> None:
    one, other = migration(*tables), migration(FRAME, LATER)
    _same(one.matrix(), other.matrix())
    _same(one.flows(), other.flows())
    mixed = migration(FRAME, tables[1])  # a frame joins with a table of any engine
    _same(mixed.matrix(), other.matrix())


def test_trend(engine_mart: Mart, tiny_mart: Mart) -> None:
    days = ["2026-05-31", "2026-06-30"]
    one, other = (
        trend(mart, "aum >= 6000", days, tags=["region", "aum"], min_count=1)
        for mart in (engine_mart, tiny_mart)
    )
    _same(one.to_frame(), other.to_frame())
    _same(one.mix(), other.mix())
