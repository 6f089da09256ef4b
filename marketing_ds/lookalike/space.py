"""The space in which closeness is measured: levels -> coordinates.

``contrast`` places a level by its weight of evidence (`evidence`): two customers are close when
their tags speak equally for being a seed, and a tag that does not tell seeds from base vanishes.
Without weighting, a number is its normal score and a category one-hot, each tag with variance 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .encode import NULL, Codes, TagLevels
from .evidence import evidence, normal_scores

Coordinates = NDArray[np.float32]


@dataclass(frozen=True)
class Space:
    """A table of coordinates per tag; a tag without columns carries nothing."""

    tables: tuple[Coordinates, ...]
    """Of shape (levels, columns), one a tag."""
    spread: tuple[float, ...]
    """Standard deviation of each tag over the base, in this space: its say in the distance."""

    @property
    def width(self) -> int:
        """Number of coordinates."""
        return sum(table.shape[1] for table in self.tables)

    @property
    def used(self) -> tuple[bool, ...]:
        """Whether each tag has a say."""
        return tuple(table.shape[1] > 0 for table in self.tables)

    def only(self, used: Sequence[bool] | None) -> Space:
        """The space of the tags that are used; of all if None."""
        if used is None:
            return self
        tables = (t if use else t[:, :0] for t, use in zip(self.tables, used, strict=True))
        spread = (s if use else 0.0 for s, use in zip(self.spread, used, strict=True))
        return Space(tuple(tables), tuple(spread))

    def coordinates(self, codes: Codes | NDArray[np.uint8]) -> Coordinates:
        """Levels of shape (n, tags) as points of shape (n, d)."""
        points = np.empty((len(codes), self.width), dtype=np.float32)
        at = 0
        for position, table in enumerate(self.tables):
            step = table.shape[1]
            if step:
                points[:, at : at + step] = table[codes[:, position]]
            at += step
        return points


def contrast_space(seeds: Codes, base: Codes, levels: Sequence[TagLevels]) -> Space:
    """The space of weights of evidence."""
    tables, spread = [], []
    for position, (tag, told) in enumerate(zip(levels, evidence(seeds, base, levels), strict=True)):
        share = np.bincount(base[:, position], minlength=tag.n_levels) / len(base)
        size = float(np.sqrt(share @ told**2))
        spread.append(size)
        tables.append(told[:, None][:, : size > 0].astype(np.float32))
    return Space(tuple(tables), tuple(spread))


def plain_space(base: Codes, levels: Sequence[TagLevels]) -> Space:
    """The unweighted space: every tag that varies has variance 1."""
    tables = []
    for position, tag in enumerate(levels):
        share = np.bincount(base[:, position], minlength=tag.n_levels) / len(base)
        table = _one_hot(share) if tag.kind == "category" else _normal_scores(share)
        variance = (share[:, None] * (table - share @ table) ** 2).sum()
        scale = 1 / np.sqrt(variance) if variance > 1e-12 else 0.0
        kept = table[:, np.ptp(table[share > 0], axis=0) > 0] * scale
        tables.append(kept.astype(np.float32))
    return Space(tuple(tables), tuple(float(table.shape[1] > 0) for table in tables))


def _one_hot(share: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.eye(len(share))[:, share > 0]


def _normal_scores(share: NDArray[np.float64]) -> NDArray[np.float64]:
    null = np.zeros(len(share))
    null[NULL] = 1
    return np.column_stack([normal_scores(share), null])
