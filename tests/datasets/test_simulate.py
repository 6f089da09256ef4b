"""`simulate`: what it takes, what it writes, and that a seed means one content."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from marketing_ds._core.errors import InvalidInput
from marketing_ds.datasets import SimulatedBank, load_truth, simulate
from marketing_ds.datasets.simulated import bank as bank_module
from marketing_ds.datasets.simulated import progress as progress_module
from marketing_ds.mart import open_mart
from marketing_ds.schema import MART


def _files(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def test_a_clean_bank_keeps_the_contract(bank: SimulatedBank) -> None:
    check = open_mart(bank.path).check(business_date=bank.last_date)
    assert check.to_frame().to_string() == check.to_frame().iloc[:0].to_string()


def test_columns_are_those_of_the_contract_in_order(bank: SimulatedBank) -> None:
    for name in bank.rows:
        schema = pq.read_schema(bank.path / name / "part-0000.parquet")
        assert schema.names == list(MART[name].column_names)
        assert not any("dictionary" in str(kind) for kind in schema.types)


def test_the_result_counts_rows_and_bytes(bank: SimulatedBank) -> None:
    shown = bank.to_frame().set_index("table")
    for name in ("customers", "events"):
        counted = duckdb.sql(f"select count(*) from '{bank.path}/{name}/*.parquet'").fetchall()[0][
            0
        ]
        assert shown.loc[name, "rows"] == counted
        files = (bank.path / name).glob("*.parquet")
        assert shown.loc[name, "size_bytes"] == sum(file.stat().st_size for file in files)
    assert shown.loc["customers", "rows"] == bank.customers == 6_000
    assert "customers" in bank._repr_html_()


def test_same_seed_same_bytes_on_any_number_of_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bank_module, "CHUNK", 300)
    written = []
    for threads in (1, 3):
        monkeypatch.setattr(bank_module, "_threads", lambda threads=threads: threads)
        made = simulate(tmp_path / str(threads), customers=1_000, months=6, progress=False)
        written.append(_files(made.path))
    assert len([name for name in written[0] if name.startswith("events/")]) == 4
    assert written[0] == written[1]


def test_another_seed_another_bank(tmp_path: Path) -> None:
    one, two = (
        simulate(tmp_path / str(seed), customers=50, months=6, seed=seed, progress=False)
        for seed in (1, 2)
    )
    assert (
        _files(one.path)["customers/part-0000.parquet"]
        != _files(two.path)["customers/part-0000.parquet"]
    )


def test_ids_are_unique_over_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bank_module, "CHUNK", 40)
    made = simulate(tmp_path / "bank", customers=100, months=6, progress=False)
    check = open_mart(made.path).check(business_date=made.last_date)
    assert check.passed
    assert check.rows["customers"] == 100
    assert len(load_truth(made.path).taste["customer_id"].unique()) == 100


@pytest.mark.parametrize("months", [6, 7, 24])
def test_any_length_of_history_keeps_the_contract(tmp_path: Path, months: int) -> None:
    made = simulate(
        tmp_path / "bank", customers=300, months=months, last_date="2024-02-29", progress=False
    )
    check = open_mart(made.path).check(business_date="2024-02-29")
    assert check.passed, check.to_frame().to_string()
    ends = duckdb.sql(f"select distinct snapshot_date from '{made.path}/holdings/*.parquet'").df()
    assert len(ends) == months


def test_one_customer_is_a_bank_too(tmp_path: Path) -> None:
    made = simulate(tmp_path / "bank", customers=1, months=6, progress=False)
    assert made.rows["customers"] == 1
    assert open_mart(made.path).check(business_date=made.last_date).passed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"customers": 0}, "customers must be between 1 and 9999999, got 0"),
        ({"months": 5}, "months must be between 6 and 60, got 5"),
        ({"seed": -1}, "seed must be between 0"),
        ({"last_date": "2026-06-29"}, "last_date must be the last day of a month, got 2026-06-29"),
        ({"last_date": "June"}, "last_date must be a date"),
    ],
)
def test_a_wrong_argument_is_named_before_work_begins(
    tmp_path: Path, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        simulate(tmp_path / "bank", **arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_taken_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InvalidInput, match="out must be a new or an empty folder"):
        simulate(tmp_path, customers=10)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match="is a file"):
        simulate(tmp_path / "file" / "bank", customers=10)


def test_a_disk_too_small_is_said_before_work_begins(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"GB free, got .* GB; choose another disk"):
        bank_module._check_place(tmp_path / "bank", 10**18)


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    made = simulate(tmp_path, customers=20, months=6, progress=False)
    assert (made.path / "customers").is_dir()


def test_a_failure_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(bank_module.columns, "write", break_down)
    with pytest.raises(OSError, match="no space left"):
        simulate(tmp_path / "bank", customers=20, months=6, progress=False)
    assert list(tmp_path.iterdir()) == []


def test_the_bar_shows_phase_and_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    console = Console(file=shown, width=120, force_terminal=True)
    monkeypatch.setattr(progress_module, "Console", lambda **_: console)
    simulate(tmp_path / "bank", customers=100, months=6, progress=True)
    assert "reference tables" in shown.getvalue()
    assert "rows/s" in shown.getvalue()
    assert "100%" in shown.getvalue()


def test_truth_of_a_folder_without_truth_names_the_files(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"out must be a folder that simulate\(\) wrote"):
        load_truth(tmp_path)
