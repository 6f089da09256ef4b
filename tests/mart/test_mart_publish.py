"""Publications: checked, consented, immutable, found again, in order."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pytest

from marketing_ds._core.errors import InvalidInput, NotPublished, PublicationError
from marketing_ds.mart import Mart, Publication, open_mart, verify

DAY = "2026-06-30"


def ids(*numbers: int) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": [f"c{n:02d}" for n in numbers]})


def scores(customers: list[str], **changes: Any) -> pd.DataFrame:
    columns = {
        "customer_id": customers,
        "as_of": dt.date(2026, 6, 30),
        "kind": "propensity",
        "arm": None,
        "score": 0.5,
        "standard_error": None,
        "model_version": "v1",
    }
    return pd.DataFrame(columns | changes)


def plan(channels: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": list(channels),
            "as_of": "2026-06-30",
            "offer": "coupon",
            "channel": list(channels.values()),
            "uplift": 0.1,
            "expected_cost_cny": 1,
            "net_value_cny": -0.5,
            "reason": "highest net value",
        }
    )


def publish(mart: Mart, *numbers: int, **options: Any) -> Publication:
    return mart.publish("segments", ids(*numbers), **({"as_of": DAY} | options))


def published_ids(mart: Mart, **options: Any) -> list[str]:
    rows = mart.latest("segments", **options).to_pyarrow()
    return list(rows["customer_id"].to_pylist())


def test_a_publication_is_a_hive_folder_with_a_manifest(tiny_mart: Mart) -> None:
    done = publish(
        tiny_mart, 2, 1, name="spring", parameters={"rule": "aum > 1", "day": dt.date.min}
    )
    parts = done.path.relative_to(tiny_mart.workspace.root).parts
    assert parts == ("segments", "name=spring", "as_of=2026-06-30", f"run={done.id}")
    assert sorted(file.name for file in done.path.iterdir()) == ["manifest.json", "part-0.parquet"]
    manifest = json.loads((done.path / "manifest.json").read_text())
    assert manifest == done.manifest
    assert manifest["rows"] == done.rows == 2
    assert manifest["schema"] == {"customer_id": "string", "as_of": "date", "channel": "string"}
    assert manifest["parameters"] == {"rule": "aum > 1", "day": "0001-01-01"}
    assert manifest["inputs"]["snapshot"] == tiny_mart.snapshot
    assert manifest["files"]["part-0.parquet"]["bytes"] == done.files[0].stat().st_size
    assert published_ids(tiny_mart, name="spring") == ["c01", "c02"]
    assert done.to_frame()["run"].tolist() == [done.id]
    verify(done)


def test_other_rows_with_the_same_parameters_are_another_publication(tiny_mart: Mart) -> None:
    first = publish(tiny_mart, 1, parameters={"a": 1})
    second = publish(tiny_mart, 1, 2, parameters={"a": 1})
    assert not second.found
    assert second.id != first.id
    assert published_ids(tiny_mart) == ["c01", "c02"]


def test_the_same_key_is_found_without_a_look_at_the_data(tiny_mart: Mart) -> None:
    key = {"run_key": "k", "as_of": DAY}
    first = publish(tiny_mart, 1, parameters={"a": 1, "b": [2]}, run_key="k")
    broken = tiny_mart["customers"].select(customer_id=ibis.literal("x") + "y").limit(0)
    again = tiny_mart.publish("segments", broken, parameters={"b": [2], "a": 1}, **key)
    assert (first.found, again.found) == (False, True)
    assert again.id == first.id
    assert again.manifest == first.manifest


@pytest.mark.parametrize(
    "other",
    [
        {"parameters": {"a": 2}},
        {"run_key": "notebook-2"},
        {"as_of": "2026-06-29"},
        {"name": "other"},
        {"channel": "app"},
    ],
)
def test_whatever_the_rows_depend_on_makes_another_publication(
    tiny_mart: Mart, other: dict[str, Any]
) -> None:
    first = publish(tiny_mart, 1, parameters={"a": 1})
    second = publish(tiny_mart, 1, **({"parameters": {"a": 1}} | other))
    assert not second.found
    assert second.id != first.id


def test_another_input_makes_another_publication(
    tiny_mart: Mart, tiny_mart_dir: Path, tmp_path: Path
) -> None:
    first = publish(tiny_mart, 1, run_key="k")
    folder = shutil.copytree(tiny_mart_dir, tmp_path / "changed")
    (folder / "events.parquet").unlink()
    with open_mart(folder, workspace=tiny_mart.workspace.root) as mart:
        second = publish(mart, 2, run_key="k")
        assert not second.found
        assert mart.latest_publication("segments").id == second.id
        assert [p.id for p in mart.publications("segments")] == [first.id, second.id]
        assert [p.id for p in mart.publications("segments", same_inputs=True)] == [second.id]
    assert tiny_mart.latest_publication("segments", same_inputs=True).id == first.id


def test_without_parameters_the_rows_decide(tiny_mart: Mart) -> None:
    first = publish(tiny_mart, 1, 2)
    second = publish(tiny_mart, 3)
    again = publish(tiny_mart, 2, 1)
    assert (first.found, second.found, again.found) == (False, False, True)
    assert again.id == first.id != second.id


def test_the_latest_is_that_of_the_latest_day_then_the_last_published(tiny_mart: Mart) -> None:
    publish(tiny_mart, 1, as_of="2026-06-30")
    publish(tiny_mart, 2, as_of="2026-06-30")
    publish(tiny_mart, 3, as_of="2026-05-31")
    assert published_ids(tiny_mart) == ["c02"]
    assert published_ids(tiny_mart, as_of="2026-05-31") == ["c03"]
    days = [p.as_of.isoformat() for p in tiny_mart.publications("segments", name="default")]
    assert days == ["2026-05-31", "2026-06-30", "2026-06-30"]


def test_what_is_not_published_names_what_is(tiny_mart: Mart) -> None:
    with pytest.raises(
        NotPublished, match=r"'spring' is not published.*none at all.*mart\.publish"
    ):
        tiny_mart.latest("segments", name="spring")
    publish(tiny_mart, 1, name="autumn")
    with pytest.raises(NotPublished, match=r"as of 2026-01-01 .*there: 'autumn' as of 2026-06-30"):
        tiny_mart.latest("segments", name="autumn", as_of="2026-01-01")


def test_a_contact_segment_obeys_consent_and_suppression(tiny_mart: Mart) -> None:
    done = publish(tiny_mart, 1, 10, 12, 99, channel="sms")
    assert done.manifest["removed"] == {"unknown_customer": 1, "suppressed": 1, "no_consent": 1}
    assert published_ids(tiny_mart) == ["c01"]
    assert tiny_mart.latest("segments").channel.execute().tolist() == ["sms"]


def test_a_segment_that_is_not_for_contact_keeps_the_suppressed(tiny_mart: Mart) -> None:
    done = publish(tiny_mart, 1, 10, 12, 99)
    assert done.manifest["removed"] == {"unknown_customer": 1, "suppressed": 0, "no_consent": 0}
    assert published_ids(tiny_mart) == ["c01", "c10", "c12"]


def test_a_plan_obeys_the_consent_of_each_row_s_channel(tiny_mart: Mart) -> None:
    rows = plan({"c01": "sms", "c10": "sms", "c09": "app", "c12": "app", "c99": "app"})
    done = tiny_mart.publish("plans", rows, as_of=DAY)
    assert done.manifest["removed"] == {"unknown_customer": 1, "suppressed": 1, "no_consent": 1}
    kept = tiny_mart.latest("plans").execute()
    assert kept["customer_id"].tolist() == ["c01", "c09"]
    assert kept["expected_cost_cny"].tolist() == [1.0, 1.0]


def test_in_doubt_a_customer_is_spared(
    tiny_tables: dict[str, Any], write_mart: Callable[..., Path], tmp_path: Path
) -> None:
    customers = tiny_tables["customers"]
    customers[0]["consent_sms"] = None
    customers[1]["suppressed"] = None
    customers.append(customers[2] | {"consent_sms": False})
    folder = write_mart(tmp_path / "mart", tiny_tables)
    with open_mart(folder, workspace=tmp_path / "workspace") as mart:
        done = publish(mart, 1, 2, 3, 4, channel="sms")
        assert done.manifest["removed"] == {"unknown_customer": 0, "suppressed": 1, "no_consent": 2}
        assert published_ids(mart) == ["c04"]


def test_nobody_left_is_a_publication_of_segments_and_plans(tiny_mart: Mart) -> None:
    publish(tiny_mart, 1, channel="sms", as_of="2026-06-29")
    assert publish(tiny_mart, 12, channel="sms").rows == 0
    assert published_ids(tiny_mart) == []
    assert tiny_mart.publish("plans", plan({"c12": "app"}), as_of=DAY).rows == 0
    with pytest.raises(PublicationError, match="scores has no rows"):
        tiny_mart.publish("scores", scores([]), as_of=DAY)


def test_an_ibis_table_of_this_or_another_connection(tiny_mart: Mart, tiny_mart_dir: Path) -> None:
    tags = tiny_mart["customers"].select("customer_id", "birth_year")
    done = tiny_mart.publish("tags", tags, as_of=DAY)
    assert tiny_mart.latest("tags").columns == ("customer_id", "birth_year")
    with open_mart(tiny_mart_dir, workspace=tiny_mart.workspace.root) as other:
        foreign = other["customers"].select("customer_id", "birth_year")
        assert tiny_mart.publish("tags", foreign, as_of=DAY).id == done.id


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"score": float("inf")}, r"score is finite \(2 rows break this\)"),
        ({"score": float("nan")}, "score is never null"),  # as pandas means it
        ({"kind": "guess"}, "kind is one of lookalike, propensity, uplift"),
        ({"model_version": None}, "model_version is never null"),
        ({"customer_id": ["c01", "c01"]}, "customer_id, as_of, kind, arm, model_version is unique"),
        ({"customer_id": ["c01", "c99"]}, r"customer_id is found in customers \(1 rows"),
        ({"as_of": dt.date(2026, 6, 1)}, "as_of is 2026-06-30, as asked for"),
        ({"score": "high"}, r"scores\.score holds values that cannot be read as float64"),
    ],
)
def test_scores_that_break_the_contract_are_refused(
    tiny_mart: Mart, changes: dict[str, Any], message: str
) -> None:
    tiny_mart.publish("scores", scores(["c01", "c02"]), as_of=DAY)
    with pytest.raises(PublicationError, match=message) as refused:
        tiny_mart.publish("scores", scores(["c01", "c02"], **changes), as_of=DAY)
    assert "c99" not in str(refused.value)
    assert tiny_mart.latest("scores").count().execute() == 2
    assert list((tiny_mart.workspace.root / ".tmp").iterdir()) == []


def test_unknown_and_absent_columns_are_refused(tiny_mart: Mart) -> None:
    with pytest.raises(InvalidInput, match="drop 'age'"):
        tiny_mart.publish("segments", ids(1).assign(age=3), as_of=DAY)
    with pytest.raises(InvalidInput, match=r"tags must have the column.*'customer_id'"):
        tiny_mart.publish("tags", pd.DataFrame({"id": ["c01"]}), as_of=DAY)
    with pytest.raises(InvalidInput, match=r"scores must have the column.*'score'"):
        tiny_mart.publish("scores", scores(["c01"]).drop(columns="score"), as_of=DAY)


def test_a_channel_column_must_be_the_channel_asked_for(tiny_mart: Mart) -> None:
    with pytest.raises(PublicationError, match="channel is sms, as asked for"):
        tiny_mart.publish("segments", ids(1).assign(channel="app"), as_of=DAY, channel="sms")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "../escape"}, "name must be 1 to 100 letters"),
        ({"name": "a/b"}, "name must be"),
        ({"name": ".hidden"}, "name must be"),
        ({"name": ""}, "name must be"),
        ({"as_of": "June"}, "as_of must be a date"),
        ({"channel": "pigeon"}, "channel must be one of"),
        ({"parameters": {"x": object()}}, "parameters must be plain values"),
    ],
)
def test_arguments_are_checked_first(
    tiny_mart: Mart, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        publish(tiny_mart, 1, **options)
    assert not tiny_mart.workspace.root.exists()


def test_other_arguments_are_checked_first(tiny_mart: Mart) -> None:
    with pytest.raises(InvalidInput, match="table must be one of"):
        tiny_mart.publish("segment", ids(1), as_of=DAY)
    with pytest.raises(InvalidInput, match="a plan names the channel of each row"):
        tiny_mart.publish("plans", plan({"c01": "app"}), as_of=DAY, channel="app")
    with pytest.raises(
        InvalidInput, match="data must be a pandas DataFrame or an Ibis table, got list"
    ):
        tiny_mart.publish("segments", ["c01"], as_of=DAY)  # type: ignore[arg-type]


def test_a_workspace_that_cannot_be_written(tiny_mart_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with (
        open_mart(tiny_mart_dir, workspace=tmp_path / "taken") as mart,
        pytest.raises(
            PublicationError, match=r"segments 'default' could not be published to '.*taken'"
        ),
    ):
        publish(mart, 1)


def test_a_full_disk(tiny_mart: Mart, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(tiny_mart, 1)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PublicationError, match="No space left on device; the last publication is"):
        publish(tiny_mart, 2)
    assert published_ids(tiny_mart) == ["c01"]


def test_a_damaged_publication_is_not_read_and_is_written_anew(tiny_mart: Mart) -> None:
    publish(tiny_mart, 1, as_of="2026-06-29", run_key="a")
    done = publish(tiny_mart, 2, run_key="b")
    done.files[0].write_bytes(b"")
    assert published_ids(tiny_mart) == ["c01"]
    assert not publish(tiny_mart, 2, run_key="b").found
    assert published_ids(tiny_mart) == ["c02"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"id": 1}'])
def test_a_damaged_manifest_is_no_publication(tiny_mart: Mart, text: str) -> None:
    done = publish(tiny_mart, 1)
    (done.path / "manifest.json").write_text(text)
    assert tiny_mart.publications("segments") == []


def test_verify_reads_the_content(tiny_mart: Mart) -> None:
    done = publish(tiny_mart, 1)
    content = bytearray(done.files[0].read_bytes())
    content[10] ^= 1
    done.files[0].write_bytes(content)
    assert tiny_mart.publications("segments") != []  # the size is right
    with pytest.raises(PublicationError, match="is not what was published"):
        verify(done)
    done.files[0].unlink()
    with pytest.raises(PublicationError, match="is gone"):
        verify(done)


def test_what_killed_processes_left_is_removed_and_no_more(tiny_mart: Mart) -> None:
    temporary = tiny_mart.workspace.root / ".tmp"
    host = socket.gethostname().replace(".", "-").replace("_", "-")
    gone, mine, elsewhere, old = (
        temporary / name
        for name in (
            f"{host}.99999999.a",
            f"{host}.{os.getpid()}.b",
            "elsewhere.1.c",
            "elsewhere.2.d",
        )
    )
    for folder in (gone, mine, elsewhere, old):
        (folder / "run").mkdir(parents=True)
    os.utime(old, (0, 0))
    publish(tiny_mart, 1)
    assert sorted(temporary.iterdir()) == sorted([mine, elsewhere])


def test_content_hashes_are_remembered(
    tiny_mart: Mart, tiny_mart_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tiny_mart.snapshot
    assert tiny_mart.workspace.content_hashes.is_file()
    # Content that may not be read again must be remembered.
    monkeypatch.setattr("marketing_ds.mart.snapshot.file_sha256", None)
    with open_mart(tiny_mart_dir, workspace=tiny_mart.workspace.root) as mart:
        assert mart.snapshot == first
    monkeypatch.undo()
    tiny_mart.workspace.content_hashes.write_text("damaged")
    with open_mart(tiny_mart_dir, workspace=tiny_mart.workspace.root) as mart:
        assert mart.snapshot == first
