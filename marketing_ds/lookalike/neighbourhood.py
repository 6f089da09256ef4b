"""From levels to closeness: the space, its index, and who sits where in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .encode import Codes, TagLevels
from .index import NeighbourIndex, build_index
from .space import Space, contrast_space, plain_space

_ORDINARY_PER_SEED = 5
_ORDINARY_LEAST, _ORDINARY_MOST = 2_000, 20_000

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Training:
    """What is kept of the frame: every seed and a sample of the base, as levels."""

    ids: NDArray[Any]
    codes: Codes
    is_seed: NDArray[np.bool_]
    in_base: NDArray[np.bool_]
    levels: tuple[TagLevels, ...]
    n_base: int

    @property
    def seeds(self) -> Rows:
        """Rows of the seeds."""
        return np.flatnonzero(self.is_seed)

    @property
    def ordinary(self) -> Rows:
        """Rows of the sampled customers who are no seeds."""
        return np.flatnonzero(self.in_base & ~self.is_seed)


@dataclass(frozen=True)
class Neighbourhood:
    """A space with the index in it; `position` says where each training row sits, -1: nowhere."""

    space: Space
    index: NeighbourIndex
    position: Rows

    def closeness(self, codes: Codes, own: Rows) -> NDArray[np.float64]:
        """Closeness to the seeds of customers with these levels, shape (n,)."""
        return self.index.closeness(self.space.coordinates(codes), own)


@dataclass(frozen=True)
class Recipe:
    """How a neighbourhood is made."""

    weighting: str | None
    n_neighbors: int
    trim: float
    recall: float
    random_state: int

    def make(self, training: Training, seeds: Rows) -> Neighbourhood:
        """The neighbourhood of `seeds`; with `trim`, made again without the oddest of them."""
        made = self._make(training, seeds)
        n_odd = int(self.trim * len(seeds))
        if not n_odd:
            return made
        scores = made.closeness(training.codes[seeds], made.position[seeds])
        kept = seeds[np.sort(np.argsort(scores, kind="stable")[n_odd:])]
        return self._make(training, kept)

    def _make(self, training: Training, seeds: Rows) -> Neighbourhood:
        random = np.random.RandomState(self.random_state)
        base, of_seeds = training.codes[training.in_base], training.codes[seeds]
        space = (
            contrast_space(of_seeds, base, training.levels)
            if self.weighting == "contrast"
            else plain_space(base, training.levels)
        )
        if not any(space.spread):  # nothing distinguishes, yet the caller wants to go on
            space = plain_space(base, training.levels)
        ordinary = self._ordinary(training, len(seeds), random)
        index, placed = build_index(
            space.coordinates(of_seeds),
            space.coordinates(training.codes[ordinary]),
            n_neighbors=self.n_neighbors,
            recall=self.recall,
            random_state=random,
        )
        position = np.full(len(training.ids), -1, dtype=np.intp)
        position[seeds], position[ordinary] = placed[: len(seeds)], placed[len(seeds) :]
        return Neighbourhood(space, index, position)

    def _ordinary(self, training: Training, n_seeds: int, random: np.random.RandomState) -> Rows:
        """Ordinary customers to compare with: five a seed, at least 2,000, at most 20,000."""
        wanted = min(max(_ORDINARY_PER_SEED * n_seeds, _ORDINARY_LEAST), _ORDINARY_MOST)
        rows = training.ordinary
        if len(rows) <= wanted:
            return rows
        return np.sort(random.choice(rows, wanted, replace=False))
