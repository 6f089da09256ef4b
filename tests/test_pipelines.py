"""The schedule: who reads whom, how often, and what a failure takes with it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from marketing_ds._core.errors import RunError
from marketing_ds.runs import Conclusion, RunRecord, conclude
from pipelines import assets, definitions, loop


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Names of the notebooks that were run; nothing is executed, and 03_profile fails."""
    names: list[str] = []

    def run_notebook(notebook: str, parameters: dict, upstream: list[str]) -> RunRecord:
        names.append(notebook)
        if notebook == "03_profile":
            raise RunError("03_profile failed in cell 4: [no] such tag")
        done: Conclusion = conclude("figure", 1.0, ci=(0.5, 1.5), rows=3)
        return RunRecord(notebook, "key", False, 1.0, parameters, done, tmp_path, "id")

    monkeypatch.setattr(assets, "run_notebook", run_notebook)
    return names


def test_a_failure_takes_only_those_with_it_that_read_what_it_makes(
    ran, tiny_mart_dir, tmp_path, capsys
):
    code = loop.main(str(tiny_mart_dir), str(tmp_path / "w"), "2026-06-30")
    said = capsys.readouterr().out
    assert code == 1
    assert [name for name in ran if name != "04_lookalike"] == ran
    assert len(ran) == 9
    assert "error: 03_profile failed in cell 4: [no] such tag" in said
    assert "04_lookalike   left out   it needs 03_profile" in said
    assert "8 of 10 steps are done and kept" in said


def test_a_failed_notebook_is_not_tried_again(ran, tiny_mart_dir, tmp_path):
    loop.main(str(tiny_mart_dir), str(tmp_path / "w"), "2026-06-30")
    assert ran.count("03_profile") == 1


def test_a_mart_that_is_not_there_is_one_sentence(tmp_path, capsys):
    assert loop.main(str(tmp_path / "nowhere"), str(tmp_path / "w")) == 1
    assert capsys.readouterr().out.startswith("error: there is no mart at")


def test_units_run_daily_or_weekly_and_are_retried():
    groups = {}
    for asset in assets.UNITS:
        groups.setdefault(asset.specs_by_key[asset.key].group_name, []).append(asset)
        assert asset.node_def.retry_policy.max_retries == 2
        assert isinstance(asset.partitions_def, dg.DailyPartitionsDefinition)
    assert {name: len(members) for name, members in groups.items()} == {"daily": 6, "weekly": 4}


@pytest.mark.parametrize(
    ("name", "runs_at"),
    [("every_morning", "2026-07-02 05:00"), ("every_monday", "2026-07-06 06:00")],
)
def test_a_schedule_asks_for_the_day_before(name, runs_at):
    when = dt.datetime.fromisoformat(runs_at).replace(tzinfo=ZoneInfo("Asia/Shanghai"))
    context = dg.build_schedule_context(scheduled_execution_time=when)
    request = getattr(definitions, name)(context)
    assert request.partition_key == (when.date() - dt.timedelta(days=1)).isoformat()
