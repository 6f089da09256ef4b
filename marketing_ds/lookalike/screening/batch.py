"""Some candidates: their ids at once, their levels only when they are asked for.

Cutting a number into two hundred levels costs more than all else that a screen does, and a screen
needs a few dozen: only who passes it is cut finely.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..encode import Codes, TagLevels, coarse_levels, encode
from ..inputs import ID

Ids = NDArray[Any]
Rows = NDArray[np.intp]


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

    @property
    def ids(self) -> Ids:
        """Their ids, shape (n,)."""

    def codes(self, rows: Rows | None = None) -> Codes:
        """Levels of some of them, of all by default."""

    def coarse(self, coarse: CoarseLevels) -> Codes:
        """Coarse levels of all of them."""


@dataclass(frozen=True)
class TableBatch:
    """Candidates as rows of a table, cut into levels when it is asked for."""

    table: pa.Table
    levels: tuple[TagLevels, ...]

    @cached_property
    def ids(self) -> Ids:
        """Their ids, shape (n,)."""
        return np.asarray(self.table[ID].to_numpy())

    def codes(self, rows: Rows | None = None) -> Codes:
        """Levels of some of them, of all by default."""
        table = self.table if rows is None else self.table.take(pa.array(rows))
        return encode(table, self.levels)

    def coarse(self, coarse: CoarseLevels) -> Codes:
        """Coarse levels of all of them."""
        return encode(self.table, coarse.levels)


@dataclass(frozen=True)
class CodedBatch:
    """Candidates whose levels are known."""

    ids: Ids
    known: Codes

    def codes(self, rows: Rows | None = None) -> Codes:
        """Levels of some of them, of all by default."""
        return self.known if rows is None else self.known[rows]

    def coarse(self, coarse: CoarseLevels) -> Codes:
        """Coarse levels of all of them."""
        return coarse.of(self.known)
