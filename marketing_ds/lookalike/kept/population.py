"""Customers as levels in order of id, and the changes since that lie beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marketing_ds._core.errors import InvalidInput

from .. import inputs
from ..encode import Codes, TagLevels, encode

Ids = NDArray[np.bytes_]
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Sorted:
    """Customers, in order of id."""

    ids: Ids
    codes: NDArray[np.uint8]

    def find(self, wanted: Ids) -> Rows:
        """Row of each id; -1 where it is not there."""
        if not len(self.ids):
            return np.full(len(wanted), -1, dtype=np.intp)
        # Cut to the width at hand first: numpy would else copy all ids to the wider one.
        cut = wanted.astype(self.ids.dtype)
        at = np.minimum(np.searchsorted(self.ids, cut), len(self.ids) - 1)
        return np.where((self.ids[at] == cut) & (cut == wanted), at, -1)

    def part(self, which: NDArray[Any]) -> Sorted:
        """Some of them."""
        return Sorted(self.ids[which], self.codes[which])

    def same(self, at: Rows, now: Sorted) -> NDArray[np.bool_]:
        """Whether the customers of `now` have the levels of rows `at`; no, where that is -1."""
        there = np.flatnonzero(at >= 0)
        found = np.zeros(len(at), dtype=bool)
        found[there] = (self.codes[at[there]] == now.codes[there]).all(axis=1)
        return found


@dataclass(frozen=True)
class Counts:
    """What a change does."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0


@dataclass(frozen=True)
class Population:
    """All candidates: those indexed but for the `gone`, and those `beside` the index.

    Rows count through the indexed, then those beside.
    """

    indexed: Sorted
    gone: NDArray[np.bool_]
    beside: Sorted

    @property
    def n_rows(self) -> int:
        """Rows, those of the gone included."""
        return len(self.indexed.ids) + len(self.beside.ids)

    @property
    def n(self) -> int:
        """Candidates."""
        return self.n_rows - int(self.gone.sum())

    @property
    def changed_share(self) -> float:
        """Share of changes among those indexed."""
        return (len(self.beside.ids) + int(self.gone.sum())) / len(self.gone)

    def live(self) -> Rows:
        """Rows of all candidates."""
        beside = len(self.gone) + np.arange(len(self.beside.ids))
        return np.concatenate([np.flatnonzero(~self.gone), beside])

    def ids(self, rows: Rows) -> NDArray[np.str_]:
        """Ids of rows."""
        width = max(self.indexed.ids.dtype.itemsize, self.beside.ids.dtype.itemsize)
        found = np.empty(len(rows), dtype=f"S{width}")
        first = rows < len(self.gone)
        found[first] = self.indexed.ids[rows[first]]
        found[~first] = self.beside.ids[rows[~first] - len(self.gone)]
        return np.char.decode(found, "utf-8")

    def codes(self, rows: Rows) -> Codes:
        """Levels of rows, shape (n, tags)."""
        found = np.empty((len(rows), self.indexed.codes.shape[1]), dtype=np.int16)
        first = rows < len(self.gone)
        found[first] = self.indexed.codes[rows[first]]
        found[~first] = self.beside.codes[rows[~first] - len(self.gone)]
        return found

    def rows_of(self, name: str, ids: Sequence[str]) -> Rows:
        """Row of each id.

        Raises
        ------
        InvalidInput
            If one is no candidate; `name` says whose ids they are.
        """
        wanted = _asked(name, ids)
        at = self.indexed.find(wanted)
        at = np.where((at >= 0) & ~self.gone[at], at, -1)
        beside = self.beside.find(wanted)
        rows = np.where(beside >= 0, beside + len(self.gone), at)
        missing = np.flatnonzero(rows < 0)
        if len(missing):
            raise InvalidInput(
                f"{name} must be in the index, got {len(missing):,} of {len(rows):,} that are not, "
                f"e.g. {ids[missing[0]]!r}; add them with CandidateIndex.add, or leave them out"
            )
        return rows

    def without(self, name: str, ids: Sequence[str]) -> tuple[Population, Counts]:
        """The population when these customers are taken out, whoever of them is there."""
        wanted = _asked(name, ids)
        gone = np.array(self.gone)
        at = self.indexed.find(wanted)
        gone[at[at >= 0]] = True
        after = Population(self.indexed, gone, self.beside.part(~np.isin(self.beside.ids, wanted)))
        return after, Counts(removed=self.n - after.n, unchanged=after.n)

    def updated(self, now: Sorted, *, whole: bool) -> tuple[Population, Counts]:
        """The population when these customers are as they are `now`, and if `whole` nobody else."""
        at, at_beside = self.indexed.find(now.ids), self.beside.find(now.ids)
        same = self.indexed.same(at, now)
        there = (at >= 0) & ~self.gone[at]
        gone = np.array(self.gone)
        gone[at[at >= 0]] = ~same[at >= 0]
        beside = now.part(~same)
        if whole:
            staying = np.zeros(len(gone), dtype=bool)
            staying[at[at >= 0]] = True
            gone |= ~staying
        else:
            beside = joined(self.beside.part(~np.isin(self.beside.ids, now.ids)), beside)
        after = Population(self.indexed, gone, beside)
        added = int((~there & (at_beside < 0)).sum())
        as_before = int(((there & same) | self.beside.same(at_beside, now)).sum())
        changed = len(now.ids) - added - as_before
        removed = self.n + added - after.n
        return after, Counts(added, changed, removed, after.n - added - changed)

    def settled(self) -> Sorted:
        """All candidates, in order of id."""
        return joined(self.indexed.part(~self.gone), self.beside)


def read(frame: Any, levels: Sequence[TagLevels]) -> Sorted:
    """A frame's customers as levels.

    Raises
    ------
    InvalidInput
        If there are none, or an id repeats.
    """
    parts = []
    for batch in inputs.batches(frame, [tag.name for tag in levels]):
        codes = encode(batch, levels).astype(np.uint8, order="C")
        parts.append(Sorted(as_bytes(batch[inputs.ID].to_pylist()), codes))
    if not parts:
        raise InvalidInput("frame must have at least one row, got none")
    rows = joined(*parts)
    same = rows.ids[1:] == rows.ids[:-1]
    if same.any():
        first = rows.ids[1:][same][0].decode()
        raise InvalidInput(
            f"customer_id must be unique in the frame, got {int(same.sum()):,} row(s) too many, "
            f"first for {first!r}; keep one row a customer"
        )
    return rows


def joined(*parts: Sorted) -> Sorted:
    """Customers of several parts, in order of id."""
    ids = np.concatenate([part.ids for part in parts])
    order = np.argsort(ids, kind="stable")
    return Sorted(ids[order], np.concatenate([part.codes for part in parts])[order])


def _asked(name: str, ids: Sequence[str]) -> Ids:
    """Ids that a caller gave, as they are kept."""
    wrong = [each for each in ids if not isinstance(each, str)]
    if wrong:
        raise InvalidInput(
            f"{name} must hold ids as text, got {wrong[0]!r} ({len(wrong)} such); drop nulls and "
            f"convert ids with str()"
        )
    return as_bytes(ids)


def as_bytes(ids: Sequence[str]) -> Ids:
    """Ids as UTF-8 of one width, which can be mapped to memory and searched there."""
    found: Ids = np.array([name.encode() for name in ids], dtype="S" if len(ids) else "S1")
    return found
