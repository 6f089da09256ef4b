"""CDNOW: content, where it is read from, and what is refused."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path

import pandas as pd
import pytest

from marketing_ds._core.errors import DatasetError
from marketing_ds.datasets import cdnow as loader
from marketing_ds.datasets import load_cdnow

PUBLISHED = json.loads((Path(__file__).parents[1] / "reference/cdnow.json").read_text("utf-8"))


def test_sample_has_its_published_size() -> None:
    frame = load_cdnow().frame
    assert (len(frame), frame["customer_id"].nunique()) == (
        PUBLISHED["purchases"],
        PUBLISHED["customers"],
    )
    assert frame["date"].min() == pd.Timestamp("1997-01-01")
    assert frame["date"].max() == pd.Timestamp("1998-06-30")


def test_purchases_speak_the_words_of_transactions() -> None:
    bought = load_cdnow().purchases
    assert list(bought) == ["customer_id", "occurred_at", "amount_cny"]
    assert bought.iloc[0].tolist() == ["0001", pd.Timestamp("1997-01-01").date(), 29.33]


def test_the_data_folder_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cdnow").mkdir()
    (tmp_path / "cdnow/CDNOW_sample.txt").write_bytes(b"not as published")
    monkeypatch.setenv("MARKETING_DS_DATA", str(tmp_path))
    with pytest.raises(DatasetError, match=r"CDNOW_sample\.txt must hold what was published"):
        load_cdnow()


def test_a_data_folder_without_it_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARKETING_DS_DATA", str(tmp_path))
    assert len(load_cdnow().frame) == PUBLISHED["purchases"]


def test_without_folder_and_package_both_ways_out_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def absent(name: str) -> importlib.metadata.Distribution:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.delenv("MARKETING_DS_DATA", raising=False)
    monkeypatch.setattr(importlib.metadata, "distribution", absent)
    with pytest.raises(DatasetError, match=r"pip install lifetimes.*MARKETING_DS_DATA"):
        load_cdnow()


def test_another_content_of_the_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    file = loader._FILE
    monkeypatch.setattr(loader, "_FILE", type(file)(file.path, "0" * 64, file.url))
    monkeypatch.delenv("MARKETING_DS_DATA", raising=False)
    with pytest.raises(DatasetError, match=r"lifetimes/datasets/CDNOW_sample\.txt must hold"):
        load_cdnow()
