"""Tags brought forward day after day: late rows, corrections, customers who come and go."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from marketing_ds.mart import Mart, open_mart
from marketing_ds.mart.workspace import Workspace
from marketing_ds.tags import Aggregate, Tag, refresh_tags, tag_table, where

from .conftest import OpenTables, Rows

FIRST = dt.date(2026, 5, 18)
CHANNELS = ("app", "web", "branch")


def tag(name: str, type_: str, rule: Aggregate) -> Tag:
    return Tag(name, name, name, type_, rule, f"{name}.")  # type: ignore[arg-type]


LAST_CHANNEL = tag("last_channel", "string", Aggregate("transactions", "latest", "channel"))
TAGS = [
    "transactions_7d", "transactions_30d", "inflow_30d_cny", "transaction_days_90d",
    "days_since_transaction",
    LAST_CHANNEL,
    tag("first_by_app", "int64", Aggregate("transactions", "since_first", where=where(channel="app"))),
    tag("largest", "float64", Aggregate("transactions", "max", "amount_cny")),
    "aum", "aum_change_30d", "holds_fund", "maturing_30d_cny",
]  # fmt: skip


@dataclass(frozen=True)
class Bank:
    """A mart to whose transactions a file is added every day."""

    folder: Path
    workspace: Path
    schema: pa.Schema
    row: dict[str, object]

    def open(self) -> Mart:
        return open_mart(self.folder, workspace=self.workspace)

    def file(self, day: dt.date) -> Path:
        return self.folder / "transactions" / f"{day}.parquet"

    def record(self, day: dt.date, count: int = 6) -> None:
        """Write the rows that became known on a day: some happened that day, some long before."""
        draw = np.random.default_rng(day.toordinal())
        late = draw.choice([0, 0, 0, 1, 3, 6, 7, 8, 29, 30, 31, 45], count)
        rows = [
            self.row
            | {"transaction_id": f"{day}-{n}", "customer_id": f"c{draw.integers(1, 13):02d}"}
            | {
                "occurred_at": dt.datetime.combine(day, dt.time(day.day % 24, day.month, n % 60))
                - dt.timedelta(int(late[n]))
            }
            | {"recorded_on": day, "amount_cny": float(draw.integers(1, 10**6)) / 100}
            | {"channel": CHANNELS[draw.integers(3)]}
            for n in range(count)
        ]
        pq.write_table(pa.Table.from_pylist(rows, self.schema), self.file(day))

    def without(self, table: str, customer: str) -> None:
        """Take a customer out of the files of a table."""
        one = self.folder / f"{table}.parquet"
        for file in [one] if one.exists() else (self.folder / table).glob("*.parquet"):
            rows = pq.read_table(file)
            pq.write_table(rows.filter(pc.not_equal(rows["customer_id"], customer)), file)

    def refreshed(self, day: dt.date) -> dict[str, str]:
        """Bring forward to a day, compare with the tag table; how each source was had."""
        with self.open() as mart:
            found = refresh_tags(mart, day, TAGS)
            assert_same(found.table, mart, day)
        return {step.source: step.how for step in found.sources}

    def kept(self) -> list[str]:
        """The days whose transactions lie in the workspace."""
        days = (self.workspace / "partials" / "transactions").glob("*/as_of=*")
        return sorted(day.name[6:] for day in days)


def assert_same(table: ir.Table, mart: Mart, day: dt.date) -> None:
    """Compare with the tag table: counts, days and words exactly, sums to 1e-9."""
    both = (table, tag_table(mart, day, TAGS))
    ours, theirs = (each.order_by("customer_id").to_pyarrow() for each in both)
    assert ours.column_names == theirs.column_names
    for name in theirs.column_names:
        if pa.types.is_floating(theirs[name].type):
            np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-9, err_msg=name)
        else:
            assert ours[name].equals(theirs[name]), (day, name)


@pytest.fixture
def bank(tiny_tables: dict[str, Rows], open_tables: OpenTables, tmp_path: Path) -> Bank:
    mart = open_tables(tiny_tables)
    folder = Path(str(mart.source))
    file = folder / "transactions.parquet"
    bank = Bank(folder, tmp_path / "kept", pq.read_schema(file), tiny_tables["transactions"][0])
    file.unlink()
    (folder / "transactions").mkdir()
    bank.record(FIRST, 60)
    return bank


def test_a_month_of_late_rows_corrections_and_vanished_customers(bank: Bank) -> None:
    assert bank.refreshed(FIRST)["transactions"] == "full"
    how = {}
    for number in range(1, 32):
        day = FIRST + dt.timedelta(number)
        bank.record(day)
        if number == 3:  # from the start again, with other rows: of the past, corrected
            bank.record(FIRST, 50)
        if number == 8:
            bank.without("customers", "c07")
        if number == 16:
            bank.without("transactions", "c03")
        if number in (1, 2, 3, 4, 7, 8, 15, 16, 31):
            how[number] = bank.refreshed(day)["transactions"]
    assert [number for number, way in how.items() if way != "forward"] == [3, 16]


class _Killed(BaseException):
    pass


@pytest.mark.parametrize("step", [(Mart, "write_parquet"), (Workspace, "put")])
def test_a_killed_refresh_leaves_the_last_day_whole(
    bank: Bank, monkeypatch: pytest.MonkeyPatch, step: tuple[type, str]
) -> None:
    bank.refreshed(FIRST)
    day = FIRST + dt.timedelta(1)
    bank.record(day)

    def dying(*_: object, **__: object) -> object:
        raise _Killed

    with monkeypatch.context() as patch:
        patch.setattr(*step, dying)
        with pytest.raises(_Killed), bank.open() as mart:
            refresh_tags(mart, day, TAGS)
    assert bank.kept() == [str(FIRST)]
    assert bank.refreshed(day)["transactions"] == "forward"


def test_a_table_handed_out_still_reads_after_two_more_days(bank: Bank) -> None:
    days = [FIRST + dt.timedelta(n) for n in range(4)]
    for day in days[1:]:
        bank.record(day)
    with bank.open() as mart:
        handed_out = [refresh_tags(mart, day, TAGS) for day in days]
        assert_same(handed_out[1].table, mart, days[1])


def test_balances_are_added_up_only_when_a_snapshot_is_due(bank: Bank) -> None:
    """Snapshots of month ends: the last one, or the one of 30 days before, is another."""
    days = [dt.date(2026, 5, 28) + dt.timedelta(n) for n in range(5)]
    for day in days:
        bank.record(day, 1)
    how = {str(day): bank.refreshed(day)["holdings"] for day in days}
    assert how == {
        "2026-05-28": "full",
        "2026-05-29": "kept",
        "2026-05-30": "full",  # 30 days after the end of April
        "2026-05-31": "full",
        "2026-06-01": "kept",
    }


def test_corrected_balances_are_added_up_anew(bank: Bank) -> None:
    day = dt.date(2026, 5, 28)
    bank.refreshed(day)
    file = bank.folder / "holdings.parquet"
    rows = pq.read_table(file)
    place = rows.column_names.index("balance_cny")
    more = pc.add(rows["balance_cny"], 1.0)
    pq.write_table(rows.set_column(place, "balance_cny", more), file)
    assert bank.refreshed(day)["holdings"] == "full"


def test_the_later_value_counts_and_of_two_at_one_moment_the_greater(
    bank: Bank, engine: str
) -> None:
    def write(day: dt.date, *channels: str) -> None:
        moment = dt.datetime.combine(day, dt.time(9))
        rows = [
            bank.row
            | {"transaction_id": f"{day}-{n}", "customer_id": "c09", "occurred_at": moment}
            | {"recorded_on": day, "channel": channel}
            for n, channel in enumerate(channels)
        ]
        pq.write_table(pa.Table.from_pylist(rows, bank.schema), bank.file(day))

    days = [FIRST + dt.timedelta(1), FIRST + dt.timedelta(2)]
    write(days[0], "app", "branch")
    write(days[1], "app")
    found = []
    with open_mart(bank.folder, engine=engine, workspace=bank.workspace) as mart:
        for day in days:
            table = refresh_tags(mart, day, [LAST_CHANNEL]).table
            one = table.filter(table.customer_id == "c09").last_channel
            found.append(one.to_pyarrow()[0].as_py())
    assert found == ["branch", "app"]
