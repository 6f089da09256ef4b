"""The tiny mart with a busy campaign: visits, shares that make chains, rows outside the window."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from marketing_ds.evaluation.campaign import CampaignAnalysis, analyze_campaign
from marketing_ds.evaluation.campaign.rows import CampaignRows, campaign_rows
from marketing_ds.mart import Mart, open_mart
from tests.conftest import _tiny_tables

Tables = dict[str, list[dict[str, Any]]]


_KEPT: dict[Mart, ExitStack] = {}
"""Marts that nothing is changed in, with what stays open as long as they do."""


@cache
def rows_kept(mart: Mart, campaign: str, as_of: str) -> CampaignRows:
    return _KEPT[mart].enter_context(campaign_rows(mart, campaign, as_of))


@contextmanager
def rows_of(mart: Mart, campaign: str = "K1", as_of: str = "2026-06-30") -> Iterator[CampaignRows]:
    """What `campaign_rows` gives, read once for the mart that all tests share."""
    if mart in _KEPT:
        yield rows_kept(mart, campaign, as_of)
    else:
        with campaign_rows(mart, campaign, as_of) as rows:
            yield rows


def at(month: int, day: int, hour: int = 9, minute: int = 0) -> dt.datetime:
    return dt.datetime(2026, month, day, hour, minute)


def event(
    number: int, customer: str, kind: str, moment: dt.datetime, **more: Any
) -> dict[str, Any]:
    return {
        "event_id": f"F{number:03d}",
        "customer_id": customer,
        "occurred_at": moment,
        "recorded_on": moment.date(),
        "channel": "app",
        "session_id": None,
        "event": kind,
        "page": None,
        "campaign_id": "K1",
        "duration_s": None,
        "shared_by": None,
    } | more


def busy_rows() -> Tables:
    """K1 of the tiny mart, with what its customers did; window 4 May 09:00 to 18 May 09:00.

    control: c01, c04, c07; coupon: c02, c05, c08; message: c03, c06, c09. c02 shares with c03, who
    shares with c10 (not assigned) and c04 (control); c11 and c12 share in a circle.
    """
    tables = _tiny_tables()
    tables["events"] += [
        event(0, "c02", "view", at(5, 4, 13)),
        event(1, "c02", "share", at(5, 4, 14)),
        event(2, "c03", "view", at(5, 5, 10), shared_by="c02"),
        event(3, "c03", "share", at(5, 5, 11), channel="wechat"),
        event(4, "c10", "launch", at(5, 6), shared_by="c03"),
        event(5, "c04", "view", at(5, 7), shared_by="c03", channel="wechat"),
        event(6, "c04", "view", at(5, 8), shared_by="c02"),  # only the first share counts
        event(7, "c08", "click", at(5, 19)),  # after the window
        event(8, "c07", "view", at(5, 3)),  # before the assignment
        event(9, "c05", "view", at(5, 5), recorded_on=dt.date(2026, 6, 10)),  # a late row
        event(10, "c11", "view", at(5, 8), shared_by="c12"),
        event(11, "c12", "view", at(5, 9), shared_by="c11"),
        event(12, "c06", "apply", at(5, 9), shared_by="c06"),  # nobody brings themselves
        event(13, "c09", "view", at(7, 1)),  # after every as_of of these tests
    ]
    return tables


@pytest.fixture
def busy_tables() -> Tables:
    """The rows of the busy campaign, to be changed."""
    return busy_rows()


@pytest.fixture(scope="package")
def busy_folder(
    tmp_path_factory: pytest.TempPathFactory, write_mart: Callable[[Path, Tables], Path]
) -> Path:
    """Where the busy campaign lies; read only."""
    return write_mart(tmp_path_factory.mktemp("busy") / "mart", busy_rows())


@pytest.fixture(scope="package")
def busy(busy_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mart]:
    """The busy campaign on DuckDB, opened once; nothing is published into it."""
    with open_mart(busy_folder, workspace=tmp_path_factory.mktemp("busy_workspace")) as mart:
        with ExitStack() as kept:
            _KEPT[mart] = kept
            yield mart
        del _KEPT[mart]
        rows_kept.cache_clear()


@pytest.fixture
def busy_spark(spark_session: object, busy_folder: Path, tmp_path: Path) -> Iterator[Mart]:
    """The same on Spark."""
    with open_mart(busy_folder, engine="spark", workspace=tmp_path / "workspace") as mart:
        yield mart


@pytest.fixture(scope="package")
def analysis(busy: Mart) -> CampaignAnalysis:
    """All of K1 after its end."""
    return analyze_campaign(busy, "K1", as_of="2026-06-30")


@pytest.fixture(scope="package")
def undrawn(busy: Mart) -> CampaignAnalysis:
    """K2, whose arms were not drawn at random."""
    return analyze_campaign(busy, "K2", as_of="2026-06-30")


TAGS = {"segments": ["value_tier"], "covariates": ["tenure_days"]}


@pytest.fixture(scope="package")
def running(sample_mart: Mart) -> CampaignAnalysis:
    """K06 of the sample bank in the middle of its course, with tags."""
    return analyze_campaign(sample_mart, "K06", as_of="2026-04-13", metrics=["converted"], **TAGS)
