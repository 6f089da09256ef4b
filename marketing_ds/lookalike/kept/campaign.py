"""One campaign on an index of candidates: its seeds' neighbours, put in order by closeness.

Closeness is that of `Lookalike` by neighbours: in the space that tells these seeds from a random
sample of the candidates, without the few seeds that fit the others least. Whom to measure comes out
of the index: the neighbours of the seeds in the plain space, each weighted by
w = exp(−(d/h)²/2), h the distance to the seed's (k/2)-th neighbour; a candidate's votes are summed
without the largest, so that no single odd seed brings anybody in. The plain space knows nothing of
the campaign, so what its neighbours miss is estimated from a random sample of the other candidates;
where it is more than asked for, all candidates pass through a screen (`screening`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from marketing_ds._core.checks import check_choice, check_number
from marketing_ds._core.errors import InvalidInput

from .. import inputs
from ..expansion import Choice, Expansion, Limit
from ..fitting import check_distinct, warn_if_few
from ..index import threads
from ..recipe import METHODS, Recipe, version
from ..scorers import Scorer
from ..screening.batch import Batch, CodedBatch
from ..screening.cascade import WORTH_FROM, Reached, audit_recall, choose
from ..screening.screen import learn_screen
from ..training import Training

if TYPE_CHECKING:
    from .candidates import CandidateIndex

_THROUGH = ("auto", "neighbours", "scan")
_BASE = 100_000
_ASKED = 1_000
"""Seeds whose neighbours are looked up, at most."""
_POOL = 5
"""Candidates measured for each that is wanted."""
_AUDITED = 10_000
_MANY = 5_000_000
"""Candidates from which looking up neighbours costs less than a screen of everybody."""
_BATCH = 65_536
_NEIGHBORS = 200
Rows = NDArray[np.intp]


def expand_from(
    index: CandidateIndex,
    seeds: Any,
    limit: Limit,
    *,
    keep_seeds: bool,
    method: str,
    through: str,
    trim: float,
    on_indistinct: str,
) -> Expansion:
    """See `CandidateIndex.expand`."""
    check_choice("method", method, METHODS)
    check_choice("through", through, _THROUGH)
    check_number("trim", trim, low=0, high=0.5)
    check_choice("on_indistinct", on_indistinct, ["refuse", "warn"])
    if through == "neighbours" and limit.min_score is not None:
        raise InvalidInput("through='neighbours' needs size or share, got min_score; use 'scan'")
    wanted = sorted(inputs.read_seeds(seeds))
    training = _training(index, wanted)
    warn_if_few(len(wanted))
    check_distinct(training, on_indistinct, index.random_state)
    left_out = [] if keep_seeds else wanted
    recipe = Recipe(
        method=method,
        weighting="contrast",
        n_neighbors=_NEIGHBORS,
        trim=trim,
        recall=index.asked_recall,
        random_state=index.random_state,
    )
    with threads(index.n_jobs):
        scorer = recipe.make(training, training.seeds)
        choice, reached = _Campaign(index, training, scorer, limit, left_out).choose(through)
    return Expansion(
        choice.chosen(),
        choice.n_candidates,
        len(wanted),
        keep_seeds,
        version(recipe, training),
        tags=index.tags,
        seeds=np.array(wanted, dtype=object),
        scored=reached.scored,
        recall=reached.recall,
    )


def _training(index: CandidateIndex, seeds: Sequence[str]) -> Training:
    """The seeds and a random sample of the candidates."""
    of_seeds = index.population.rows_of("seeds", seeds)
    live = index.population.live()
    if len(seeds) == len(live):
        raise InvalidInput(f"seeds must leave candidates, got all {len(live):,} of the index")
    random = np.random.RandomState(index.random_state)
    base = random.choice(live, _BASE, replace=False) if len(live) > _BASE else live
    rows = np.union1d(of_seeds, base)
    return Training(
        index.population.ids(rows).astype(object),
        index.population.codes(rows),
        np.isin(rows, of_seeds),
        np.isin(rows, base),
        index.levels,
        len(live),
    )


class _Campaign:
    """What one campaign asks of the index."""

    def __init__(
        self,
        index: CandidateIndex,
        training: Training,
        scorer: Scorer,
        limit: Limit,
        left_out: Sequence[str],
    ) -> None:
        self._index, self._training, self._scorer = index, training, scorer
        self._limit, self._left_out = limit, left_out
        self._known = pd.Index(training.ids)
        self._known.get_indexer(self._known[:1])  # builds its table before threads share it
        live = index.population.live()
        seeds = index.population.rows_of("seeds", left_out)
        self._rows = np.setdiff1d(live, seeds, assume_unique=True)
        """Rows of those who may be chosen."""

    def choose(self, through: str) -> tuple[Choice, Reached]:
        """Through neighbours where that is asked for or cheaper, and finds enough."""
        limit, n = self._limit, len(self._rows)
        if through == "scan" or limit.min_score is not None:
            return self._scan()
        wanted = limit.size if limit.size is not None else round((limit.share or 0) * n)
        queries = min(int(self._training.is_seed.sum()), _ASKED)
        cheap = n >= _MANY and _POOL * wanted <= queries * self._index.n_neighbors / 4
        if through == "auto" and not cheap:
            return self._scan()
        found = self._neighbours(wanted)
        if through == "auto" and found[1].recall < self._index.asked_recall:
            return self._scan()
        return found

    def _scan(self) -> tuple[Choice, Reached]:
        n, random_state = len(self._rows), self._index.random_state
        screen = None
        if n >= WORTH_FROM and self._index.asked_recall < 1:
            screen = learn_screen(self._training, self._scorer, random_state=random_state)
        return choose(
            lambda: self._batches(self._rows),
            self._score,
            self._limit,
            frozenset(),
            screen=screen,
            expected=n,
            recall=self._index.asked_recall,
            random_state=random_state,
        )

    def _neighbours(self, wanted: int) -> tuple[Choice, Reached]:
        pool = self._pool(wanted)
        others = np.setdiff1d(self._rows, pool, assume_unique=True)
        choice = Choice(self._limit, frozenset())
        choice.add(np.empty(0, dtype=object), np.empty(0), held_back=len(others))
        for batch in self._batches(pool):
            choice.add(batch.ids(), self._score(batch.ids(), batch.codes()))
        scored = len(pool) / max(1, choice.n_candidates)
        if not choice.enough:
            return choice, Reached(scored, 0.0)
        random = np.random.RandomState(self._index.random_state)
        drawn = random.choice(others, min(_AUDITED, len(others)), replace=False)
        missed = [self._score(batch.ids(), batch.codes()) for batch in self._batches(drawn)]
        recall = audit_recall(
            choice.chosen()["score"].to_numpy(),
            np.concatenate([np.empty(0), *missed]),
            np.full(len(drawn), len(others) / max(1, len(drawn))),
        )
        return choice, Reached(scored, recall)

    def _pool(self, wanted: int) -> Rows:
        """The candidates with the most votes of seeds, in order of row."""
        random = np.random.RandomState(self._index.random_state)
        seeds = self._training.codes[self._training.is_seed]
        if len(seeds) > _ASKED:
            seeds = seeds[random.choice(len(seeds), _ASKED, replace=False)]
        k = min(self._index.n_neighbors, self._index.n_candidates)
        distance, rows = self._index.neighbours(seeds, k)
        # Distances are squared already.
        width = np.maximum(distance[:, k // 2], np.finfo(np.float32).tiny)[:, None]
        weight = np.where(rows >= 0, np.exp(-0.5 * distance / width), 0).ravel()
        voted = np.maximum(rows, 0).ravel()
        largest = np.zeros(self._index.population.n_rows)
        np.maximum.at(largest, voted, weight)
        votes = (np.bincount(voted, weight, minlength=len(largest)) - largest)[self._rows]
        n = min(int(_POOL * wanted), int((votes > 1e-9).sum()))
        best = np.argpartition(-votes, n - 1)[:n] if n else np.empty(0, dtype=np.intp)
        return np.sort(self._rows[best])

    def _batches(self, rows: Rows) -> Iterator[Batch]:
        for start in range(0, len(rows), _BATCH):
            part = rows[start : start + _BATCH]
            yield CodedBatch(
                self._index.population.ids(part).astype(object),
                self._index.population.codes(part),
            )

    def _score(self, ids: NDArray[Any], codes: NDArray[np.int16]) -> NDArray[np.float64]:
        return self._scorer.scores(codes, self._known.get_indexer(pd.Index(ids)))
