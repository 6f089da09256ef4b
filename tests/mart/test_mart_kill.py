"""A process that is killed while it publishes leaves the last good publication readable."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from marketing_ds.schema import CONTACT_CHANNELS, consent_column

CONSENTS = [consent_column(channel) for channel in CONTACT_CHANNELS]


@pytest.fixture(scope="session")
def many_customers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mart of 51,000 customers and nothing else."""
    folder = tmp_path_factory.mktemp("many")
    ids = [f"c{n:06d}" for n in range(51_000)]
    columns = dict.fromkeys(CONSENTS, pa.array([True] * len(ids)))
    facts = {
        "opened_on": pa.array([dt.date(2020, 1, 1)] * len(ids)),
        "suppressed": pa.array([False] * len(ids)),
    }
    pq.write_table(pa.table({"customer_id": ids, **facts, **columns}), folder / "customers.parquet")
    return folder


def drive(mart: Path, workspace: Path, what: str) -> list[dict[str, Any]]:
    driver = Path(__file__).with_name("killing.py")
    command = [sys.executable, str(driver), str(mart), str(workspace), what]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def check_attempts(attempts: list[dict[str, Any]], last_good: dict[str, Any]) -> None:
    """After each kill a reader sees the old or the new whole; the next publication succeeds."""
    for attempt in attempts:
        new = {"key": attempt["key"], "rows": attempt["wanted"], "read": attempt["wanted"]}
        seen = {name: attempt["seen"][name] for name in new}
        assert seen in (last_good, new)
        assert attempt["again"] == {
            "killed": False,
            "found": seen == new,
            "rows": attempt["wanted"],
        }
        last_good = new


def test_killed_at_each_touch_of_the_workspace(many_customers: Path, tmp_path: Path) -> None:
    _, *attempts, end = drive(many_customers, tmp_path / "workspace", "steps")
    check_attempts(attempts, {"key": "good-0", "rows": 10, "read": 10})
    assert [attempt["cut"]["killed"] for attempt in attempts] == [True] * (len(attempts) - 1) + [
        False
    ]
    assert len(attempts) > 15
    # Killed before the rename it is not seen, killed after it, it is: both were met.
    assert {attempt["seen"]["key"] == attempt["key"] for attempt in attempts[:-1]} == {True, False}
    assert end == {"left": []}


def test_killed_at_any_moment(many_customers: Path, tmp_path: Path) -> None:
    _, *attempts = drive(many_customers, tmp_path / "workspace", "delays")
    # What "warm" left is the last good one at the start.
    check_attempts(attempts, {"key": "warm", "rows": 50_000, "read": 50_000})
    assert any(attempt["cut"]["killed"] for attempt in attempts)


def test_a_reader_sees_the_old_or_the_new(many_customers: Path, tmp_path: Path) -> None:
    seen = [line["seen"] for line in drive(many_customers, tmp_path / "workspace", "reader")]
    versions = [int(view["key"].removeprefix("version-")) for view in seen]
    assert versions == sorted(versions)
    assert versions[-1] == 5
    for version, view in zip(versions, seen, strict=True):
        assert view["rows"] == view["read"] == 1000 + version


def test_of_publishers_at_once_one_writes_and_the_others_find(
    many_customers: Path, tmp_path: Path
) -> None:
    *done, last = drive(many_customers, tmp_path / "workspace", "race")
    assert sorted(line["done"]["found"] for line in done) == [False, True, True, True]
    assert last["seen"]["read"] == 2000
    runs = list((tmp_path / "workspace").glob("segments/*/*/run=*"))
    assert len(runs) == 1
