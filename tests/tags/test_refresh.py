"""Tags brought forward from an earlier day equal tags computed anew."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketing_ds._core.errors import InvalidInput, MartError
from marketing_ds.mart import Mart, open_mart
from marketing_ds.tags import Refreshed, _unchanged, refresh_tags, tag_table
from marketing_ds.tags._measures import EXACT, HUNDREDTHS

from .conftest import OpenTables, Rows

SOME = [
    "transactions_30d", "inflow_90d_cny", "outflow_30d_cny", "days_since_transaction",
    "transaction_days_90d", "events_7d", "active_days_90d", "time_spent_30d", "aum", "lifecycle",
]  # fmt: skip


def frame_of(table: Any) -> Any:
    return table.order_by("customer_id").to_pyarrow().to_pandas().set_index("customer_id")


def assert_equal(mart: Mart, day: str | dt.date, tags: list[str] | None = None) -> list[str]:
    """Refresh, compare with the tag table: counts exactly, sums to 1e-9; how each source was had."""
    refreshed = refresh_tags(mart, day, tags)
    found, wanted = frame_of(refreshed.table), frame_of(tag_table(mart, day, tags))
    assert list(found.columns) == list(wanted.columns)
    for name in wanted.columns:
        if wanted[name].dtype.kind == "f":
            np.testing.assert_allclose(
                found[name], wanted[name], rtol=1e-9, atol=1e-9, err_msg=name
            )
        else:
            assert found[name].equals(wanted[name]), name
    return daily(refreshed)


def daily(refreshed: Refreshed) -> list[str]:
    """How transactions and events were had."""
    return [step.how for step in refreshed.sources if step.source != "holdings"]


def test_every_tag_of_the_sample_over_several_days(sample_dir: Path, tmp_path: Path) -> None:
    with open_mart(sample_dir, workspace=tmp_path) as mart:
        assert assert_equal(mart, "2026-05-20") == ["full", "full"]
        for day in ("2026-05-21", "2026-06-15", "2026-06-30"):
            assert assert_equal(mart, day) == ["forward", "forward"]


def test_both_engines_bring_forward(engine_mart: Mart) -> None:
    assert assert_equal(engine_mart, "2026-06-09", SOME) == ["full", "full"]
    assert assert_equal(engine_mart, "2026-06-10", SOME) == ["forward", "forward"]


def test_a_day_that_is_kept_is_not_computed_again(tiny_mart: Mart) -> None:
    refresh_tags(tiny_mart, "2026-06-10", SOME)
    assert assert_equal(tiny_mart, "2026-06-10", SOME) == ["kept", "kept"]


def test_late_rows_count_from_the_day_they_became_known(
    tiny_tables: dict[str, Rows], open_tables: OpenTables
) -> None:
    row = tiny_tables["transactions"][0]
    for number, happened in enumerate((dt.datetime(2026, 5, 12, 9), dt.datetime(2026, 6, 8, 9))):
        late = {"transaction_id": f"L{number}", "customer_id": "c09", "occurred_at": happened}
        tiny_tables["transactions"].append(row | late | {"recorded_on": dt.date(2026, 6, 10)})
    mart = open_tables(tiny_tables)
    for day in ("2026-06-09", "2026-06-10", "2026-06-11", "2026-06-12"):
        assert_equal(mart, day, SOME)
    counts = [frame_of(refresh_tags(mart, d, SOME).table).transactions_30d["c09"] for d in ("2026-06-09", "2026-06-10", "2026-06-11")]  # fmt: skip
    assert counts == [0, 2, 1]


def test_a_new_customer_and_an_emptied_window(
    tiny_tables: dict[str, Rows], open_tables: OpenTables
) -> None:
    row = tiny_tables["transactions"][0] | {"amount_cny": 0.1}
    for number, day in enumerate((1, 10, 11, 12)):
        moment, who = dt.datetime(2026, 4, day, 9), "c08" if number else "c09"
        new = {"transaction_id": f"N{number}", "customer_id": who, "occurred_at": moment}
        tiny_tables["transactions"].append(row | new | {"recorded_on": moment.date()})
    mart = open_tables(tiny_tables)
    for day in ("2026-04-09", "2026-04-10", "2026-05-09", "2026-05-10", "2026-05-11", "2026-05-12"):
        assert_equal(mart, day, ["transactions_30d", "inflow_30d_cny", "outflow_30d_cny"])
    table = frame_of(refresh_tags(mart, "2026-05-12", ["inflow_30d_cny"]).table)
    assert table.inflow_30d_cny["c08"] == 0.0  # 0.1 + 0.2 − 0.3 in floats would be 5.6e-17


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["c01", "c02", "c03"]),
            st.dates(dt.date(2026, 4, 1), dt.date(2026, 6, 29)),
            st.integers(0, 5),
            st.floats(0, 1e9, allow_nan=False),
        ),
        min_size=1,
        max_size=25,
    ),
    days=st.lists(st.dates(dt.date(2026, 4, 2), dt.date(2026, 6, 29)), min_size=2, max_size=4),
)
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_rows_over_any_days(
    tiny_tables: dict[str, Rows], open_tables: OpenTables, rows: list[Any], days: list[dt.date]
) -> None:
    first = tiny_tables["transactions"][0]
    tiny_tables["transactions"] = [
        first
        | {"transaction_id": f"T{i}", "customer_id": who, "amount_cny": amount}
        | {
            "occurred_at": dt.datetime.combine(day, dt.time(i % 24)),
            "recorded_on": day + dt.timedelta(days=late),
        }
        for i, (who, day, late, amount) in enumerate(rows)
    ]
    tiny_tables["events"] = tiny_tables["events"][:1]
    mart = open_tables(tiny_tables)
    tags = ["transactions_7d", "transactions_30d", "inflow_30d_cny", "transaction_days_90d", "days_since_transaction"]  # fmt: skip
    tags = [t for t in tags if _known(mart, min(days))]
    for day in sorted(days):
        if tags:
            assert_equal(mart, day, tags)


def _known(mart: Mart, day: dt.date) -> bool:
    rows = mart["transactions"]
    known = rows.filter(rows.recorded_on <= day.isoformat(), rows.occurred_at.date() <= day.isoformat())  # fmt: skip
    return bool(known.count().to_pyarrow().as_py())


def test_changed_rows_of_the_past_are_noticed(
    tiny_tables: dict[str, Rows], open_tables: OpenTables, tmp_path: Path
) -> None:
    first = open_tables(tiny_tables)
    refresh_tags(first, "2026-06-10", SOME)
    tiny_tables["transactions"][0]["amount_cny"] += 1.0
    second = open_tables(tiny_tables)
    folder = Path(str(first.source))
    shutil.copy(Path(str(second.source)) / "transactions.parquet", folder / "transactions.parquet")
    with open_mart(folder, workspace=first.workspace.root) as mart:
        refreshed = refresh_tags(mart, "2026-06-11", SOME)
        assert daily(refreshed) == ["full", "forward"]
        reasons = refreshed.to_frame().set_index("source").reason
        assert "no longer what they were" in reasons["transactions"]
        assert_equal(mart, "2026-06-11", SOME)


@pytest.fixture
def in_files(
    tiny_tables: dict[str, Rows], open_tables: OpenTables, tmp_path: Path
) -> tuple[Path, pa.Table, pa.Table]:
    """A mart whose transactions lie in files; those known by 2026-06-10 are there already."""
    folder = Path(str(open_tables(tiny_tables).source))
    rows = pq.read_table(folder / "transactions.parquet")
    old = pc.less_equal(rows["recorded_on"], pa.scalar(dt.date(2026, 6, 10)))
    (folder / "transactions.parquet").unlink()
    (folder / "transactions").mkdir()
    pq.write_table(rows.filter(old), folder / "transactions" / "0.parquet")
    with open_mart(folder, workspace=tmp_path / "kept") as mart:
        refresh_tags(mart, "2026-06-09", SOME)
    return folder, rows.filter(old), rows.filter(pc.invert(old))


def _next_day(folder: Path, tmp_path: Path) -> list[str]:
    with open_mart(folder, workspace=tmp_path / "kept") as mart:
        return assert_equal(mart, "2026-06-11", SOME)


def test_files_that_came_in_do_not_mean_anew(
    in_files: tuple[Path, pa.Table, pa.Table], tmp_path: Path
) -> None:
    folder, _, new = in_files
    pq.write_table(new, folder / "transactions" / "1.parquet")
    assert _next_day(folder, tmp_path) == ["forward", "forward"]


def test_files_that_came_in_with_rows_of_the_past_mean_anew(
    in_files: tuple[Path, pa.Table, pa.Table], tmp_path: Path
) -> None:
    folder, old, _ = in_files
    again = old.slice(0, 1).set_column(
        old.column_names.index("transaction_id"), "transaction_id", [["found later"]]
    )
    pq.write_table(again, folder / "transactions" / "1.parquet")
    assert _next_day(folder, tmp_path) == ["full", "forward"]


def test_files_written_anew_with_the_same_rows_do_not_mean_anew(
    in_files: tuple[Path, pa.Table, pa.Table], tmp_path: Path
) -> None:
    folder, old, new = in_files
    (folder / "transactions" / "0.parquet").unlink()
    pq.write_table(pa.concat_tables([new, old]), folder / "transactions" / "all.parquet")
    assert _next_day(folder, tmp_path) == ["forward", "forward"]


def test_finer_numbers_than_hundredths_mean_anew_once(
    tiny_tables: dict[str, Rows], open_tables: OpenTables
) -> None:
    row = tiny_tables["transactions"][0] | {"transaction_id": "F", "amount_cny": 1 / 3}
    moment = dt.datetime(2026, 6, 11, 9)
    row |= {"customer_id": "c09", "occurred_at": moment, "recorded_on": moment.date()}
    tiny_tables["transactions"].append(row)
    mart = open_tables(tiny_tables)
    how = [assert_equal(mart, f"2026-06-{day:02d}", SOME)[0] for day in (9, 10, 11, 12)]
    assert how == ["full", "forward", "full", "forward"]
    assert daily(refresh_tags(mart, "2026-06-12", SOME)) == ["kept", "kept"]


@pytest.mark.parametrize(
    ("amounts", "decimal"),
    [
        ([0.07, 12.34, -1e9 + 0.01], HUNDREDTHS),
        ([0.07, 0.001], EXACT),
        ([9e14] * 11, EXACT),  # a sum that 18 digits could not hold
    ],
)
def test_hundredths_are_used_where_all_sums_fit(
    tiny_tables: dict[str, Rows], open_tables: OpenTables, amounts: list[float], decimal: str
) -> None:
    row = tiny_tables["transactions"][0]
    tiny_tables["transactions"] = [
        row | {"transaction_id": f"T{n}", "amount_cny": x} for n, x in enumerate(amounts)
    ]
    behind = _unchanged.rows_behind(open_tables(tiny_tables), "transactions", dt.date(2026, 6, 30))
    assert behind.decimal == decimal


def test_unchanged_files_are_not_read_again(
    tiny_mart: Mart, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh_tags(tiny_mart, "2026-06-10", SOME)
    counted: list[int] = []
    content = _unchanged._content

    def counting(rows: ir.Table, source: str) -> Mapping[str, int]:
        found = content(rows, source)
        counted.append(found["rows"])
        return found

    monkeypatch.setattr(_unchanged, "_content", counting)
    refresh_tags(tiny_mart, "2026-06-11", SOME)
    rows = tiny_mart["transactions"]
    came = rows.filter(rows.recorded_on == "2026-06-11").count().to_pyarrow().as_py()
    assert counted[0] == came < rows.count().to_pyarrow().as_py()


def test_far_back_asked_for_or_damaged_means_anew(tiny_mart: Mart) -> None:
    refresh_tags(tiny_mart, "2026-05-01", SOME)
    far = refresh_tags(tiny_mart, "2026-06-30", SOME)
    assert daily(far) == ["full", "full"]
    assert sum("over 31 days back" in source.reason for source in far.sources) == 2
    again = refresh_tags(tiny_mart, "2026-06-30", SOME, full=True)
    assert {s.reason for s in again.sources} == {"asked for"}
    for manifest in (tiny_mart.workspace.root / "partials").rglob("manifest.json"):
        manifest.write_text("{")
    assert assert_equal(tiny_mart, "2026-06-30", SOME) == ["full", "full"]


def test_only_the_last_days_are_kept(tiny_mart: Mart) -> None:
    for day in range(1, 7):
        refresh_tags(tiny_mart, dt.date(2026, 6, day), ["transactions_30d"])
    kept = sorted((tiny_mart.workspace.root / "partials").glob("transactions/*/as_of=*"))
    assert [folder.name for folder in kept] == ["as_of=2026-06-04", "as_of=2026-06-05", "as_of=2026-06-06"]  # fmt: skip


def test_other_tags_are_kept_apart(tiny_mart: Mart) -> None:
    refresh_tags(tiny_mart, "2026-06-09", ["transactions_30d"])
    other = refresh_tags(tiny_mart, "2026-06-10", ["transactions_90d"])
    assert daily(other) == ["full"]


def test_numbers_that_are_not_finite_are_refused_in_words(
    tiny_tables: dict[str, Rows], open_tables: OpenTables
) -> None:
    tiny_tables["transactions"][0]["amount_cny"] = float("inf")
    mart = open_tables(tiny_tables)
    with pytest.raises(MartError, match=r"transactions\.amount_cny must be finite"):
        refresh_tags(mart, "2026-06-30", SOME)


def test_as_of_outside_the_data_is_refused(tiny_mart: Mart) -> None:
    with pytest.raises(InvalidInput, match="as_of must not lie after"):
        refresh_tags(tiny_mart, "2027-01-01")
