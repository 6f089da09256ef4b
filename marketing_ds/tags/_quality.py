"""The quality of a tag table: coverage, constant and exploding tags, drift against an earlier one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.stability import ALARM_PSI, WATCH_PSI, psi_by_chance

from ._drift import (
    MOST_VALUES,
    QUANTILES,
    Bins,
    bins_of_numbers,
    known_number,
    psi,
)
from ._entities import ENTITIES

_ONCE_IN = 0.001
"""How often chance alone may exceed the PSI that is put down to it."""
EXTREME = 1e12
"""No amount, count or ratio of one customer is so large."""
NEARLY_ALL = 0.9
"""Words or whole numbers with more distinct values than this share of the rows tell customers
apart, and say nothing of them."""
_FEW_ROWS = 100
_KEYS = frozenset((*(entity.key for entity in ENTITIES.values()), "as_of"))
_ORDER = ("alarm", "watch", "ok")

Status = Literal["ok", "watch", "alarm"]


@dataclass(frozen=True)
class TagState:
    """How one tag is."""

    tag: str
    status: Status
    reason: str
    """In words; empty if there is nothing to say."""
    coverage_share: float | None = None
    """Share of the rows with a value; None if the tag is gone."""
    previous_coverage_share: float | None = None
    distinct: int | None = None
    """Distinct values, about."""
    psi: float | None = None
    psi_by_chance: float | None = None
    """What the PSI exceeds once in a thousand times though nothing moved."""


@dataclass(frozen=True)
class TagQuality(Result):
    """What `tag_quality` found: `to_frame`, `.alarms`, `.plot()`."""

    states: tuple[TagState, ...]
    """The worst first."""
    count: int
    previous_count: int | None = None
    frame: pd.DataFrame = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        columns = list(TagState.__dataclass_fields__)
        rows = [[getattr(state, name) for name in columns] for state in self.states]
        frame = pd.DataFrame(rows, columns=columns).astype(
            {"coverage_share": "float64", "previous_coverage_share": "float64",
             "distinct": "Int64", "psi": "float64", "psi_by_chance": "float64"}
        )  # fmt: skip
        object.__setattr__(self, "frame", frame)

    @property
    def alarms(self) -> tuple[str, ...]:
        """Names of the tags that must not be used as they are."""
        return tuple(state.tag for state in self.states if state.status == "alarm")

    def to_frame(self) -> pd.DataFrame:
        """One row a tag, the worst first."""
        return self.frame.copy()


@dataclass(frozen=True)
class _Measured:
    """What one scan says of a table."""

    rows: int
    types: Mapping[str, str]
    whole: frozenset[str]
    """Tags of whole numbers."""
    row: Mapping[str, Any]

    def known(self, tag: str) -> int:
        return int(self.row[f"{tag}_known"])


def tag_quality(
    tags: ibis.Table | pd.DataFrame | pa.Table,
    previous: ibis.Table | pd.DataFrame | pa.Table | None = None,
) -> TagQuality:
    """Whether the tags of a table can be relied on, and whether they are still what they were.

    `tags` is scanned once, whatever the number of tags; `previous` up to three times.

    Parameters
    ----------
    tags : Ibis table, pandas frame or Arrow table
        A tag table, or any table with one row for each customer, product or campaign.
    previous : the same, optional
        An earlier one: adds drift, new and vanished tags.

    Returns
    -------
    TagQuality
        A status and a reason for each tag, the worst first.

        ========  ================================================================================
        status    when
        ========  ================================================================================
        alarm     no value at all; infinite, NaN or extreme values (beyond 1e12); gone; of another
                  type than before; PSI of 0.25 or more
        watch     one value for everybody; nearly as many values as rows; new; PSI of 0.1 or more
        ok        otherwise
        ========  ================================================================================

        A PSI that chance alone explains (see `psi_by_chance`) changes no status.

    Raises
    ------
    InvalidInput
        If a table has no rows or no tags.

    Notes
    -----
    Bins come from `previous`: its deciles for numbers (a value that fills several deciles has a
    bin of its own), single values for words with up to 50 of them; nulls are a bin. Words with
    more values have no PSI.

    Examples
    --------
    >>> import pandas as pd
    >>> may = pd.DataFrame({"customer_id": list("abcd"), "aum": [1.0, 2, 3, 4], "vip": [True] * 4})
    >>> june = may.assign(aum=[1.0, None, 3, float("inf")], age=[30, 40, 50, 60])
    >>> print(tag_quality(june, may).to_frame()[["tag", "status", "reason"]].to_string(index=False))
    tag status                     reason
    aum  alarm 1 value(s) infinite or NaN
    vip  watch    one value for everybody
    age  watch                        new
    """
    table = _table(tags, "tags")
    earlier = None if previous is None else _table(previous, "previous")
    before, bins = (None, {}) if earlier is None else _baseline(earlier, table)
    now = _measure(table, bins, "tags")
    counted = {} if earlier is None or before is None else _count(earlier, bins, before)
    names = [name for name in table.columns if name not in _KEYS]
    gone = [] if before is None else [name for name in before.types if name not in now.types]
    states = [_state(name, now, before, bins, counted) for name in names]
    states += [TagState(name, "alarm", "gone: the previous table had it") for name in gone]
    ranked = sorted(states, key=lambda s: (_ORDER.index(s.status), -(s.psi or 0.0)))
    return TagQuality(tuple(ranked), now.rows, None if before is None else before.rows)


def _table(given: object, name: str) -> ibis.Table:
    if isinstance(given, pd.DataFrame):
        given = pa.Table.from_pandas(given, preserve_index=False)
    if isinstance(given, pa.Table):
        given = ibis.memtable(given)
    if not isinstance(given, ibis.Table):
        raise InvalidInput(
            f"{name} must be an Ibis table, a pandas frame or an Arrow table, "
            f"got {type(given).__name__}"
        )
    if not set(given.columns) - _KEYS:
        raise InvalidInput(f"{name} must have at least one tag besides its keys")
    return given


def _kind(type_: Any) -> str:
    if type_.is_boolean():
        return "boolean"
    if type_.is_numeric():
        return "number"
    return "word" if type_.is_string() else "date"


def _measure(
    table: ibis.Table, bins: Mapping[str, Bins], name: str, *, quantiles: bool = False
) -> _Measured:
    """All that is asked of a table, in one query."""
    tags = [column for column in table.columns if column not in _KEYS]
    asked: dict[str, ir.Value] = {"_rows": table.count()}
    for tag in tags:
        asked |= _facts(table[tag], tag, quantiles=quantiles)
        if tag in bins:
            asked |= bins[tag].counts(table[tag], f"{tag}_bin")
    row = table.aggregate(**asked).to_pyarrow().to_pylist()[0]
    if not row["_rows"]:
        raise InvalidInput(f"{name} must have at least one row, got none")
    types = {tag: table[tag].type() for tag in tags}
    whole = frozenset(tag for tag, type_ in types.items() if type_.is_integer())
    return _Measured(row["_rows"], {tag: _kind(t) for tag, t in types.items()}, whole, row)


def _facts(column: ir.Value, tag: str, *, quantiles: bool) -> dict[str, ir.Value]:
    kind = _kind(column.type())
    facts = {f"{tag}_distinct": column.approx_nunique()}
    plain = column
    if kind == "number":
        plain = known_number(column)
        strange = column.cast("float64").isnan() | column.cast("float64").isinf()
        facts[f"{tag}_strange"] = strange.ifelse(1, None).count()
        if quantiles:
            facts[f"{tag}_quantiles"] = plain.quantile(list(QUANTILES))
    if kind == "boolean":
        plain = column.cast("int8")
    return facts | {
        f"{tag}_known": plain.count(),
        f"{tag}_least": plain.min(),
        f"{tag}_most": plain.max(),
    }


def _baseline(previous: ibis.Table, table: ibis.Table) -> tuple[_Measured, dict[str, Bins]]:
    """What the previous table says, and the bins it gives for the tags that both tables have."""
    before = _measure(previous, {}, "previous", quantiles=True)
    bins: dict[str, Bins] = {}
    words = []
    for tag, kind in before.types.items():
        if tag not in table.columns or _kind(table[tag].type()) != kind:
            continue
        if kind == "number":
            bins[tag] = bins_of_numbers(before.row[f"{tag}_quantiles"] or ())
        elif kind == "boolean":
            bins[tag] = Bins(values=("false", "true"))
        elif kind == "word" and before.row[f"{tag}_distinct"] <= 2 * MOST_VALUES:
            words.append(tag)
    for tag, values in _values(previous, words).items():
        if len(values) <= MOST_VALUES:
            bins[tag] = Bins(values=values)
    return before, {tag: b for tag, b in bins.items() if b.edges or b.values}


def _values(table: ibis.Table, tags: list[str]) -> dict[str, tuple[str, ...]]:
    """The values of each of some tags with few of them."""
    if not tags:
        return {}
    row = table.aggregate(**{tag: table[tag].collect(distinct=True) for tag in tags})
    found = row.to_pyarrow().to_pylist()[0]
    return {tag: tuple(sorted(v for v in found[tag] or () if v is not None)) for tag in tags}


def _count(
    table: ibis.Table, bins: Mapping[str, Bins], measured: _Measured
) -> dict[str, Mapping[str, int]]:
    """Rows of the previous table in each bin."""
    if not bins:
        return {}
    asked = {
        part: value
        for tag, b in bins.items()
        for part, value in b.counts(table[tag], f"{tag}_bin").items()
    }
    row = table.aggregate(**asked).to_pyarrow().to_pylist()[0]
    return dict.fromkeys(bins, row)


def _state(
    tag: str,
    now: _Measured,
    before: _Measured | None,
    bins: Mapping[str, Bins],
    counted: Mapping[str, Mapping[str, int]],
) -> TagState:
    moved, chance = None, None
    if before is not None and tag in bins:
        counts = [
            bins[tag].table_counts(row, f"{tag}_bin", table.known(tag), table.rows)
            for row, table in ((counted[tag], before), (now.row, now))
        ]
        moved = psi(*counts)
        used = int((counts[0] + counts[1] > 0).sum())
        chance = psi_by_chance(before.rows, now.rows, max(used, 2), _ONCE_IN)
    was = before is not None and tag in before.types
    status, reason = _verdict(tag, now, before, moved, chance)
    return TagState(
        tag,
        status,
        reason,
        now.known(tag) / now.rows,
        before.known(tag) / before.rows if was and before is not None else None,
        int(now.row[f"{tag}_distinct"]),
        moved,
        chance,
    )


def _verdict(
    tag: str, now: _Measured, before: _Measured | None, moved: float | None, chance: float | None
) -> tuple[Status, str]:
    """The worst that can be said of a tag."""
    kind, was = now.types[tag], None if before is None else before.types.get(tag)
    if was is not None and was != kind:
        return "alarm", f"held {was}s before, holds {kind}s now"
    if broken := _broken(tag, now):
        return "alarm", broken
    drifted = moved if moved is not None and chance is not None and moved > chance else 0.0
    if drifted >= ALARM_PSI:
        return "alarm", f"drifted: PSI {drifted:.2f}"
    if drifted >= WATCH_PSI:
        return "watch", f"moved: PSI {drifted:.2f}"
    if empty := _says_little(tag, now):
        return "watch", empty
    if before is not None and was is None:
        return "watch", "new"
    return "ok", ""


def _broken(tag: str, now: _Measured) -> str:
    """Why no value of the tag can be used, or not all."""
    least, most = now.row[f"{tag}_least"], now.row[f"{tag}_most"]
    if strange := now.row.get(f"{tag}_strange"):
        return f"{strange:,} value(s) infinite or NaN"
    if not now.known(tag):
        return "no value at all"
    if now.types[tag] == "number" and max(abs(least), abs(most)) > EXTREME:
        return f"extreme values, from {least:g} to {most:g}"
    return ""


def _says_little(tag: str, now: _Measured) -> str:
    """Why the tag does not tell groups of customers apart."""
    if now.row[f"{tag}_least"] == now.row[f"{tag}_most"]:
        return "one value for everybody"
    discrete = tag in now.whole or now.types[tag] == "word"
    many = now.row[f"{tag}_distinct"] > NEARLY_ALL * now.known(tag)
    return "nearly as many values as rows" if discrete and many and now.rows >= _FEW_ROWS else ""
