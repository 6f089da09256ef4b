"""What real feeds bring, planted into a clean mart and listed: the proof that a check finds it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from marketing_ds.schema import MART

from . import columns
from .draws import Array, stream

_PURPOSE = 9000
_FAR = dt.date(2099, 1, 1)
"""Where future rows lie: after any day on which this is read."""
_EXAMPLES = 5
_DAY = pa.scalar(dt.timedelta(days=1), pa.duration("ms"))


@dataclass(frozen=True)
class Fault:
    """Rows of one table that were spoilt in one way."""

    table: str
    rule: str
    """Kind of the broken rule, as `Mart.check` names it; `late` breaks none."""
    column: str
    rows: int
    examples: tuple[str, ...]
    """Keys of some of the rows."""
    note: str


class _Spoiler:
    """The first file of one table, while faults are put into rows nothing else has touched."""

    def __init__(self, folder: Path, name: str, rng: np.random.Generator) -> None:
        self.name = name
        self.path = folder / name / "part-0000.parquet"
        self.data = pq.read_table(self.path)
        self.faults: list[Fault] = []
        self._rng = rng
        self._free = np.ones(self.data.num_rows, dtype=bool)

    def keep_out(self, rows: Array) -> None:
        """Leave `rows` to someone else."""
        self._free[rows] = False

    def pick(self, count: int, where: pa.ChunkedArray | None = None) -> Array:
        """About `count` untouched rows; fewer in a small table."""
        free = self._free.copy()
        if where is not None:
            free &= where.fill_null(False).to_numpy(zero_copy_only=False)
        rows = np.flatnonzero(free)
        chosen = self._rng.choice(
            rows, min(count, max(1, len(rows) // 40), len(rows)), replace=False
        )
        chosen.sort()
        self._free[chosen] = False
        return chosen

    def set(self, column: str, rows: Array, value: Any) -> None:
        """Give `rows` of a column one value, or an array of values, or null."""
        old = self.data.column(column).combine_chunks()
        mask = np.zeros(len(old), dtype=bool)
        mask[rows] = True
        if isinstance(value, (pa.Array, pa.ChunkedArray)):
            values = value.cast(old.type)
            values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
        else:
            values = pa.repeat(pa.scalar(value, old.type), len(rows))
        new = pc.replace_with_mask(old, pa.array(mask), values)
        self.data = self.data.set_column(self.data.column_names.index(column), column, new)

    def note(self, rule: str, column: str, rows: Array, note: str) -> None:
        """List what was done to `rows`."""
        if len(rows) == 0:
            return
        grain = MART[self.name].grain
        keys = self.data.take(pa.array(rows[:_EXAMPLES])).select(grain).to_pylist()
        examples = tuple(" / ".join(str(key[name]) for name in grain) for key in keys)
        self.faults.append(Fault(self.name, rule, column, len(rows), examples, note))

    def spoil(self, rule: str, column: str, count: int, value: Any, note: str) -> None:
        """Put `value` into about `count` rows and list them."""
        rows = self.pick(count)
        self.set(column, rows, value)
        self.note(rule, column, rows, note)

    def negate(self, column: str, count: int) -> None:
        """Turn the sign of an amount."""
        rows = self.pick(count, pc.greater(self.data.column(column), 0))
        self.set(column, rows, pc.negate(self.data.column(column).take(pa.array(rows))))
        self.note("range", column, rows, f"{column} is negative")

    def repeat(self, count: int) -> None:
        """Deliver some rows twice."""
        rows = self.pick(count)
        self.note("grain", ", ".join(MART[self.name].grain), rows, "delivered twice")
        self.data = pa.concat_tables([self.data, self.data.take(pa.array(rows))])
        self._free = np.concatenate([self._free, np.zeros(len(rows), dtype=bool)])

    def swap(self, earlier: str, later: str, count: int) -> None:
        """Exchange two dates, so that the end comes before the start."""
        rows = self.pick(count, pc.less(self.data.column(earlier), self.data.column(later)))
        at = pa.array(rows)
        first, second = self.data.column(earlier).take(at), self.data.column(later).take(at)
        self.set(earlier, rows, second)
        self.set(later, rows, first)
        self.note("order", f"{earlier}, {later}", rows, f"{earlier} lies after {later}")

    def save(self, level: int) -> list[Fault]:
        """Write the file anew; returns what was planted."""
        columns.write(self.data, self.path, level)
        return self.faults


def plant(folder: Path, seed: int, last_date: dt.date, level: int) -> list[dict[str, Any]]:
    """Spoil rows of the mart in `folder`; returns what was planted, ready for JSON."""
    rng = stream(seed, 0, _PURPOSE)
    spoilers = {name: _Spoiler(folder, name, rng) for name in _SPOIL}
    _change_id(spoilers, last_date - dt.timedelta(days=75))
    faults: list[Fault] = []
    for name, spoil in _SPOIL.items():
        spoil(spoilers[name])
        faults += spoilers[name].save(level)
    return [asdict(fault) for fault in faults]


def _change_id(spoilers: dict[str, _Spoiler], changed: dt.date) -> None:
    """A customer gets another id: rows until `changed` keep one that `customers` lacks now."""
    busy = spoilers["assignments"].data.column("customer_id").value_counts()
    most = pc.max(busy.field("counts"))
    old = busy.filter(pc.equal(busy.field("counts"), most))[0]["values"].as_py()
    new = f"{old}N"
    for spoiler in spoilers.values():
        if "customer_id" not in spoiler.data.column_names:
            continue
        mine = pc.equal(spoiler.data.column("customer_id"), old)
        rows = np.flatnonzero(mine.to_numpy())
        spoiler.keep_out(rows)
        if spoiler.name == "customers":
            spoiler.set("customer_id", rows, new)
            continue
        dated = spoiler.data.column(MART[spoiler.name].dated_by).take(pa.array(rows))
        after = pc.greater(dated.cast(pa.date32()), pa.scalar(changed)).to_numpy()
        spoiler.set("customer_id", rows[after], new)
        note = f"{old} became {new} on {changed}: its older rows point nowhere"
        spoiler.note("reference", "customer_id", rows[~after], note)


def _future(spoiler: _Spoiler, count: int) -> None:
    rows = spoiler.pick(count)
    spoiler.set("occurred_at", rows, dt.datetime.combine(_FAR, dt.time(12)))
    spoiler.set("recorded_on", rows, _FAR)
    for column in ("occurred_at", "recorded_on"):
        spoiler.note("future", column, rows, f"{column} lies in {_FAR.year}")


def _late(spoiler: _Spoiler, count: int) -> None:
    """Rows that took ten days; from the first half, so that they still reach the mart in time."""
    recorded = spoiler.data.column("recorded_on")
    ends = pc.min_max(recorded)
    half = ends["min"].as_py() + (ends["max"].as_py() - ends["min"].as_py()) / 2
    rows = spoiler.pick(count, pc.less(recorded, pa.scalar(half, pa.date32())))
    days = recorded.take(pa.array(rows)).cast(pa.int32())
    spoiler.set("recorded_on", rows, pc.add(days, 10).cast(pa.int32()))
    note = "arrived ten days late; keeps the contract, and counts from recorded_on on"
    spoiler.note("late", "recorded_on", rows, note)


def _early_record(spoiler: _Spoiler, count: int) -> None:
    rows = spoiler.pick(count)
    at = spoiler.data.column("occurred_at").take(pa.array(rows))
    spoiler.set("recorded_on", rows, pc.subtract(at, _DAY).cast(pa.date32()))
    spoiler.note("known", "occurred_at, recorded_on", rows, "recorded before it happened")


def _spoil_customers(spoiler: _Spoiler) -> None:
    spoiler.spoil("null", "consent_sms", 10, None, "consent_sms is null")
    spoiler.spoil("allowed", "gender", 10, "unknown", "gender is a word of its own")
    spoiler.repeat(5)


def _spoil_products(spoiler: _Spoiler) -> None:
    spoiler.spoil("allowed", "category", 1, "crypto", "a category nobody announced")


def _spoil_holdings(spoiler: _Spoiler) -> None:
    spoiler.negate("balance_cny", 15)
    spoiler.repeat(20)


def _spoil_transactions(spoiler: _Spoiler) -> None:
    spoiler.negate("amount_cny", 25)
    spoiler.spoil("null", "amount_cny", 20, None, "amount_cny is null")
    spoiler.spoil("allowed", "kind", 15, "barter", "a kind nobody announced")
    spoiler.spoil("reference", "product_id", 10, "GONE", "a product that products lacks")
    _future(spoiler, 12)
    _late(spoiler, 30)
    spoiler.repeat(40)


def _spoil_events(spoiler: _Spoiler) -> None:
    spoiler.spoil("null", "event", 20, None, "event is null")
    spoiler.spoil("allowed", "channel", 15, "metaverse", "a channel nobody announced")
    spoiler.spoil("reference", "campaign_id", 10, "K99", "a campaign that campaigns lacks")
    _future(spoiler, 12)
    _late(spoiler, 30)
    _early_record(spoiler, 10)
    spoiler.repeat(40)


def _spoil_campaigns(spoiler: _Spoiler) -> None:
    spoiler.swap("starts_on", "ends_on", 1)


def _spoil_assignments(spoiler: _Spoiler) -> None:
    spoiler.spoil("range", "probability", 5, 1.5, "a probability above 1")


def _spoil_contacts(spoiler: _Spoiler) -> None:
    spoiler.swap("sent_at", "opened_at", 5)
    spoiler.spoil("reference", "customer_id", 5, "C0000000", "a customer that customers lacks")


def _spoil_benefit_grants(spoiler: _Spoiler) -> None:
    spoiler.swap("granted_at", "redeemed_at", 5)


_SPOIL: dict[str, Callable[[_Spoiler], None]] = {
    "customers": _spoil_customers,
    "products": _spoil_products,
    "holdings": _spoil_holdings,
    "transactions": _spoil_transactions,
    "events": _spoil_events,
    "campaigns": _spoil_campaigns,
    "assignments": _spoil_assignments,
    "contacts": _spoil_contacts,
    "benefit_grants": _spoil_benefit_grants,
}
