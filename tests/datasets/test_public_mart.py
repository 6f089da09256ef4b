"""Writing a mart from public data: typed, whole or not at all, same input same bytes."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from marketing_ds._core.errors import InvalidInput
from marketing_ds.datasets import public_mart
from marketing_ds.datasets.public_data import PublicFrame
from marketing_ds.schema import CONTACT_CHANNELS, CUSTOMERS

IDS = pd.Series(["a", "b", "c"])
DATA = PublicFrame({"d": pd.DataFrame()}, source="here", licence="CC0", description="Three.")


def customers() -> pd.DataFrame:
    return public_mart.customers_frame(
        IDS, dt.date(2020, 1, 1), ("sms",), birth_year=[1950, None, 2]
    )


def write(directory: Path, name: str = "three") -> Path:
    tables = {"customers": customers(), "customer_attributes": attributes()}
    return public_mart.write_public_mart(directory, name, DATA, tables, "nothing assumed")


def attributes() -> pd.DataFrame:
    facts = pd.DataFrame({"score": [1, 2, 3], "colour": ["red", None, "blue"]})
    return public_mart.attributes_frame(IDS, dt.date(2020, 2, 1), facts)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_tables_have_the_contracts_columns_and_types(tmp_path: Path) -> None:
    table = pq.read_table(write(tmp_path / "mart") / "customers.parquet")
    assert tuple(table.column_names) == CUSTOMERS.column_names
    assert table.schema.field("opened_on").type == pa.date32()
    assert table.schema.field("birth_year").type == pa.int64()
    assert table["birth_year"].to_pylist() == [1950, None, 2]
    assert table["region"].to_pylist() == [None] * 3
    assert table["suppressed"].to_pylist() == [False] * 3


def test_consent_is_given_for_the_named_channels_only() -> None:
    frame = customers()
    given = {channel for channel in CONTACT_CHANNELS if frame[f"consent_{channel}"].all()}
    refused = {channel for channel in CONTACT_CHANNELS if not frame[f"consent_{channel}"].any()}
    assert given == {"sms"}
    assert refused == set(CONTACT_CHANNELS) - {"sms"}


def test_an_unknown_channel_is_refused() -> None:
    with pytest.raises(
        InvalidInput, match=r"consent must be one of .* got 'mail'; did you mean 'email'"
    ):
        public_mart.customers_frame(IDS, dt.date(2020, 1, 1), ("mail",))


def test_numbers_and_words_become_attributes_and_unknown_ones_none() -> None:
    rows = attributes().astype("object").where(lambda frame: frame.notna(), None)
    assert rows[["customer_id", "attribute", "number", "text"]].to_numpy().tolist() == [
        ["a", "colour", None, "red"],
        ["a", "score", 1.0, None],
        ["b", "score", 2.0, None],
        ["c", "colour", None, "blue"],
        ["c", "score", 3.0, None],
    ]


def test_a_note_says_where_the_data_is_from_and_what_was_assumed(tmp_path: Path) -> None:
    about = json.loads((write(tmp_path / "mart") / "_about.json").read_text("utf-8"))
    assert about == {
        "dataset": "three",
        "source": "here",
        "licence": "CC0",
        "description": "Three.",
        "notes": "nothing assumed",
        "rows": {"customers": 3, "customer_attributes": 5},
    }


def test_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    assert contents(write(tmp_path / "one")) == contents(write(tmp_path / "two"))


def test_missing_parents_are_made_and_nothing_else_is_left(tmp_path: Path) -> None:
    folder = write(tmp_path / "deep" / "mart")
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["mart"]
    assert set(contents(folder)) == {
        "customers.parquet",
        "customer_attributes.parquet",
        "_about.json",
    }


def test_an_empty_folder_and_an_earlier_mart_of_the_same_set_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "mart").mkdir()
    folder = write(tmp_path / "mart")
    first = contents(folder)
    (folder / "customers.parquet").write_bytes(b"broken")
    (folder / "stale.parquet").write_bytes(b"stale")
    assert contents(write(folder)) == first


@pytest.mark.parametrize(
    "there",
    [
        {"thesis.txt": "keep me"},
        {"_about.json": '{"dataset": "another"}'},
        {"_about.json": '{"name": "three"}'},
        {"_about.json": "[]"},
        {"_about.json": "no json"},
    ],
)
def test_a_folder_that_holds_anything_else_is_refused_and_kept(
    tmp_path: Path, there: dict[str, str]
) -> None:
    folder = tmp_path / "mart"
    folder.mkdir()
    for name, text in there.items():
        (folder / name).write_text(text)
    before = contents(folder)
    with pytest.raises(
        InvalidInput, match="directory must be new, empty or an earlier mart of 'three'"
    ):
        write(folder)
    assert contents(folder) == before
    assert list(tmp_path.iterdir()) == [folder]


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mart").write_text("a file")
    with pytest.raises(InvalidInput, match="directory must be new"):
        write(tmp_path / "mart")
    assert (tmp_path / "mart").read_text() == "a file"


def test_a_failure_on_the_way_leaves_the_earlier_mart_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "mart")
    before = contents(folder)
    whole = pq.write_table

    def full_disk(table: pa.Table, path: Path, **options: Any) -> None:
        if path.name == "customer_attributes.parquet":
            raise OSError("no space left on device")
        whole(table, path, **options)

    monkeypatch.setattr(pq, "write_table", full_disk)
    with pytest.raises(OSError, match="no space left"):
        write(folder)
    assert contents(folder) == before
    assert list(tmp_path.iterdir()) == [folder]
