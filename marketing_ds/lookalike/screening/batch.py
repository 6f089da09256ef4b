"""Some candidates: their ids at once, their levels only when they are asked for.

Cutting a number into two hundred levels costs more than all else that a screen does, and a screen
needs a few dozen: only who passes it is cut finely.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..encode import Codes, TagLevels, coarse_levels, encode
from ..inputs import ID, is_in

Ids = NDArray[Any]
Rows = NDArray[np.intp]
Used = Sequence[bool] | None
"""Whether each tag is looked at; None: every one is."""


@dataclass(frozen=True)
class CoarseLevels:
    """The levels of tags drawn together to few."""

    levels: tuple[TagLevels, ...]
    groups: tuple[Codes, ...]
    """For each level of each tag, the coarse one that it is part of."""

    def of(self, codes: Codes) -> Codes:
        """Coarse levels out of fine ones, shape (n, tags)."""
        found = np.empty(codes.shape, dtype=np.int16, order="F")
        for at, group in enumerate(self.groups):
            found[:, at] = group[codes[:, at]]
        return found


def coarsened(base: Codes, levels: Sequence[TagLevels], most: int) -> CoarseLevels:
    """The levels, drawn together to about `most` of equal shares of `base`; categories stay."""
    groups = tuple(coarse_levels(base[:, at], tag, most) for at, tag in enumerate(levels))
    return CoarseLevels(tuple(map(_merged, levels, groups)), groups)


def _merged(tag: TagLevels, group: Codes) -> TagLevels:
    if tag.kind == "category":
        return tag
    # The edge at i divides level i + 1 from level i + 2.
    edges = tuple(e for i, e in enumerate(tag.edges) if group[i + 1] != group[i + 2])
    return TagLevels(tag.name, tag.kind, edges=edges)


class Batch(Protocol):
    """Some candidates."""

    def __len__(self) -> int:
        """How many they are."""

    def ids(self, rows: Rows | None = None) -> Ids:
        """Ids of some of them, of all by default."""

    def among(self, chosen: frozenset[str]) -> NDArray[np.bool_]:
        """Whether each of them is one of the chosen, shape (n,)."""

    def codes(self, rows: Rows | None = None) -> Codes:
        """Levels of some of them, of all by default."""

    def coarse(self, coarse: CoarseLevels, used: Used) -> Codes:
        """Coarse levels of all of them, of the tags that are used."""


@dataclass(frozen=True)
class TableBatch:
    """Candidates as rows of a table, cut into levels when it is asked for."""

    table: pa.Table
    levels: tuple[TagLevels, ...]
    used: Used = None

    def __len__(self) -> int:
        """How many they are."""
        return int(self.table.num_rows)

    def ids(self, rows: Rows | None = None) -> Ids:
        """Ids of some of them, of all by default."""
        ids = self.table[ID]
        return np.asarray((ids if rows is None else ids.take(pa.array(rows))).to_numpy())

    def among(self, chosen: frozenset[str]) -> NDArray[np.bool_]:
        """Whether each of them is one of the chosen, shape (n,)."""
        found = pc.is_in(self.table[ID], value_set=pa.array(list(chosen), self.table[ID].type))
        return np.asarray(found.to_numpy())

    def codes(self, rows: Rows | None = None) -> Codes:
        """Levels of some of them, of all by default."""
        table = self.table if rows is None else self.table.take(pa.array(rows))
        return encode(table, self.levels, used=self.used)

    def coarse(self, coarse: CoarseLevels, used: Used) -> Codes:
        """Coarse levels of all of them, of the tags that are used."""
        return encode(self.table, coarse.levels, used=used)


@dataclass(frozen=True)
class CodedBatch:
    """Candidates whose levels are known."""

    names: Ids
    known: Codes

    def __len__(self) -> int:
        """How many they are."""
        return len(self.names)

    def ids(self, rows: Rows | None = None) -> Ids:
        """Ids of some of them, of all by default."""
        return self.names if rows is None else self.names[rows]

    def among(self, chosen: frozenset[str]) -> NDArray[np.bool_]:
        """Whether each of them is one of the chosen, shape (n,)."""
        return is_in(self.names, chosen)

    def codes(self, rows: Rows | None = None) -> Codes:
        """Levels of some of them, of all by default."""
        return self.known if rows is None else self.known[rows]

    def coarse(self, coarse: CoarseLevels, used: Used) -> Codes:
        """Coarse levels of all of them, of the tags that are used."""
        return coarse.of(self.known)
