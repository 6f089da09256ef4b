"""`make_sample`: the sample bank, its README, and that it can be made again."""

from __future__ import annotations

from pathlib import Path

import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.datasets import SimulatedBank, make_sample
from marketing_ds.mart import open_mart

_REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SimulatedBank:
    return make_sample(tmp_path_factory.mktemp("sample") / "bank", customers=300, months=6)


def test_made_again_it_is_the_same(sample: SimulatedBank, tmp_path: Path) -> None:
    again = make_sample(tmp_path / "again", customers=300, months=6)
    files = sorted(file.relative_to(sample.path) for file in sample.path.rglob("*"))
    assert files == sorted(file.relative_to(again.path) for file in again.path.rglob("*"))
    for file in files:
        if (sample.path / file).is_file():
            assert (sample.path / file).read_bytes() == (again.path / file).read_bytes()


def test_the_readme_shows_each_table_with_its_rows(sample: SimulatedBank) -> None:
    readme = (sample.path / "README.md").read_text(encoding="utf-8")
    for name, rows in sample.rows.items():
        assert f"\n## {name}\n" in readme
        assert f"(#{name})" in readme
        assert f"| {rows:,} |" in readme
    assert "| C0000001 |" in readme
    assert "| K06 Prime wealth: text or coupon |" in readme


def test_an_earlier_sample_is_replaced(tmp_path: Path) -> None:
    make_sample(tmp_path / "bank", customers=50, months=6)
    (tmp_path / "bank" / "README.md").write_text("edited by hand")
    made = make_sample(tmp_path / "bank", customers=60, months=6)
    assert made.path == tmp_path / "bank"
    assert "60 customers" in (tmp_path / "bank" / "README.md").read_text(encoding="utf-8")
    assert [entry.name for entry in tmp_path.iterdir()] == ["bank"]


def test_someone_elses_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InvalidInput, match="out must be a new folder or an earlier sample"):
        make_sample(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_the_committed_sample_keeps_the_contract_and_is_small() -> None:
    folder = _REPOSITORY / "data_samples"
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    assert size <= 9_500_000
    check = open_mart(folder).check(business_date="2026-06-30")
    assert check.passed
    assert check.rows["customers"] == 10_000


def test_the_committed_sample_is_the_one_made_today(tmp_path: Path) -> None:
    made = make_sample(tmp_path / "bank")
    today, committed = (made.path / "README.md", _REPOSITORY / "data_samples" / "README.md")
    assert today.read_text(encoding="utf-8") == committed.read_text(encoding="utf-8")
