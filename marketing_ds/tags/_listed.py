"""A list that somebody hands in: values by id, true from a day on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import pyarrow as pa

from marketing_ds._core.checks import check_columns
from marketing_ds._core.errors import InvalidInput

_COLUMNS = ("id", "value", "known_from")


@dataclass(frozen=True)
class Listed:
    """Values by id, from outside the mart.

    At the end of a day an id has the value of its last row with `known_from` not after that day
    (of its only row, where the list has no `known_from`), and `absent` if there is no such row.
    Two lists are equal if their rows are.

    Parameters
    ----------
    data : pyarrow.Table
        `id` (string: the entity's key), `value`, and `known_from` (date32) where the values hold
        from a day on. No nulls; each id once, or once a day. Sorted by these two here.
    absent : bool, optional
        The value of ids that are not listed (yet): False for a plain list of ids, null otherwise.
    """

    data: pa.Table = field(compare=False, repr=False)
    absent: bool | None = None
    digest: str = field(init=False)
    """SHA-256 of the rows; by it two lists are compared."""

    def __post_init__(self) -> None:
        names = self.data.column_names
        check_columns(names, ["id", "value"], "data")
        if not set(names) <= set(_COLUMNS):
            raise InvalidInput(
                f"data must have the columns {', '.join(_COLUMNS)} only, got {names}"
            )
        for name in names:
            if missing := self.data[name].null_count:
                raise InvalidInput(f"{name} must be known in every row, got {missing:,} nulls")
        keys = [(name, "ascending") for name in ("id", "known_from") if name in names]
        data = self.data.sort_by(keys).combine_chunks()
        _check_once(data)
        object.__setattr__(self, "data", data)
        object.__setattr__(self, "digest", _digest(data))

    @property
    def dated(self) -> bool:
        """Whether values hold from a day on only."""
        return "known_from" in self.data.column_names

    @property
    def lineage(self) -> tuple[str, ...]:
        """It reads no column of the mart."""
        return ()


def _check_once(data: pa.Table) -> None:
    keys = [name for name in ("id", "known_from") if name in data.column_names]
    counts = data.group_by(keys).aggregate([([], "count_all")])
    rows = [row for row in counts.to_pylist() if row["count_all"] > 1]
    if rows:
        shown = ", ".join(repr(row["id"]) for row in sorted(rows, key=str)[:3])
        when = " with the same known_from" if len(keys) > 1 else ""
        raise InvalidInput(
            f"each id must be listed once{when}, got {len(rows):,} more than once, e.g. {shown}"
        )


def _digest(data: pa.Table) -> str:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, data.schema) as writer:
        writer.write_table(data)
    return hashlib.sha256(sink.getvalue()).hexdigest()
