"""From levels to closeness: the space, its index, and who sits where in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .encode import Codes
from .index import NeighbourIndex, build_index
from .space import Space, contrast_space, plain_space
from .training import Rows, Training

_ORDINARY_PER_SEED = 5
_ORDINARY_LEAST, _ORDINARY_MOST = 2_000, 20_000


@dataclass(frozen=True)
class Neighbourhood:
    """A space with the index in it; `position` says where each training row sits, -1: nowhere."""

    space: Space
    index: NeighbourIndex
    position: Rows

    def scores(self, codes: Codes, row: Rows) -> NDArray[np.float64]:
        """Closeness to the seeds, shape (n,); see `Scorer`."""
        own = np.where(row < 0, -1, self.position[row])
        return self.index.closeness(self.space.coordinates(codes), own)


def make_neighbourhood(
    training: Training,
    seeds: Rows,
    *,
    weighting: str | None,
    n_neighbors: int,
    trim: float,
    recall: float,
    random_state: int,
) -> Neighbourhood:
    """The neighbourhood of `seeds`; with `trim`, made again without the oddest of them."""
    made = _make(training, seeds, weighting, n_neighbors, recall, random_state)
    n_odd = int(trim * len(seeds))
    if not n_odd:
        return made
    scores = made.scores(training.codes[seeds], seeds)
    kept = seeds[np.sort(np.argsort(scores, kind="stable")[n_odd:])]
    return _make(training, kept, weighting, n_neighbors, recall, random_state)


def _make(
    training: Training,
    seeds: Rows,
    weighting: str | None,
    n_neighbors: int,
    recall: float,
    random_state: int,
) -> Neighbourhood:
    random = np.random.RandomState(random_state)
    base, of_seeds = training.codes[training.in_base], training.codes[seeds]
    space = (
        contrast_space(of_seeds, base, training.levels)
        if weighting == "contrast"
        else plain_space(base, training.levels)
    )
    if not any(space.spread):  # nothing distinguishes, yet the caller wants to go on
        space = plain_space(base, training.levels)
    ordinary = _ordinary(training, len(seeds), random)
    index, placed = build_index(
        space.coordinates(of_seeds),
        space.coordinates(training.codes[ordinary]),
        n_neighbors=n_neighbors,
        recall=recall,
        random_state=random,
    )
    position = np.full(len(training.ids), -1, dtype=np.intp)
    position[seeds], position[ordinary] = placed[: len(seeds)], placed[len(seeds) :]
    return Neighbourhood(space, index, position)


def _ordinary(training: Training, n_seeds: int, random: np.random.RandomState) -> Rows:
    """Ordinary customers to compare with: five a seed, at least 2,000, at most 20,000."""
    wanted = min(max(_ORDINARY_PER_SEED * n_seeds, _ORDINARY_LEAST), _ORDINARY_MOST)
    rows = training.ordinary
    if len(rows) <= wanted:
        return rows
    return np.sort(random.choice(rows, wanted, replace=False))
