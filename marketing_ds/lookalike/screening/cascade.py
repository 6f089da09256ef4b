"""Only the closest matter: a cheap screen lets few candidates through, those are scored exactly.

`expand` asks for the top, so the screen need not be right about anybody else. How much it lets
through is set on held-out customers (`screen`): as little as finds the asked share of the exact top,
with margin. What it misses among the candidates themselves is measured in every search, by scoring
a random sample of those held back, more densely just below the threshold. Where less than asked was
found, those just below the threshold are let through as well, and where that is not enough, everybody
is scored after all.

References
----------
Viola and Jones (2001), "Rapid object detection using a boosted cascade of simple features"; Horvitz
and Thompson (1952) for the estimate of what was missed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ..encode import Codes
from ..expansion import Choice, Limit
from ..index import side_by_side
from .batch import Batch, Ids
from .screen import Screen, Threshold

Floats = NDArray[np.float64]
Score = Callable[[Ids, Codes], Floats]

WORTH_FROM = 100_000
"""Candidates from which a screen saves more than it costs to learn."""
_AUDITED = 20_000
"""Candidates audited, each of those just held back and of the others."""
_AUDITED_SHARE = 0.005


@dataclass(frozen=True)
class Reached:
    """How a choice was come by."""

    scored: float = 1.0
    """Share of the candidates that were scored exactly."""
    recall: float = 1.0
    """Share of the exact top that was found: 1 if everybody was scored, else an estimate."""


def choose(
    batches: Callable[[], Iterable[Batch]],
    score: Score,
    limit: Limit,
    left_out: frozenset[str],
    *,
    screen: Screen | None = None,
    expected: int = 0,
    recall: float = 1.0,
    random_state: int = 0,
) -> tuple[Choice, Reached]:
    """Whom the limit chooses from the candidates.

    Parameters
    ----------
    batches : callable
        Gives the candidates as a stream; again, where the screen missed too much.
    score : callable
        Exact scores of customers, by ids and codes.
    limit : Limit
    left_out : frozenset of str
        Who may not be chosen.
    screen : Screen, optional
        Without one, or where the limit ranks by something else, everybody is scored.
    expected : int
        About how many candidates will come.
    recall : float
        Share of the exact top that must be found.
    """
    threshold = _threshold(screen, limit, expected, recall)
    while screen is not None and threshold is not None:
        choice = Choice(limit, left_out)
        audit = _Audit(threshold, expected, random_state)
        sieve = _Sieve(screen, threshold, left_out, score, audit)
        n_scored = 0
        with threadpool_limits(1, user_api="blas"):  # batches go side by side, not their products
            for sifted in side_by_side(sieve, map(audit.lots, batches())):
                choice.add(sifted.ids, sifted.score, held_back=sifted.n_held_back)
                audit.add(sifted)
                n_scored += len(sifted.ids) + len(sifted.missed)
        if choice.enough:
            found = audit.recall(choice.chosen()["score"].to_numpy())
            if found >= recall:
                return choice, Reached(n_scored / max(1, choice.n_candidates), found)
        threshold = threshold.wider()
    choice = Choice(limit, left_out)
    for batch in batches():
        ids = batch.ids()
        choice.add(ids, score(ids, batch.codes()))
    return choice, Reached()


def _threshold(
    screen: Screen | None, limit: Limit, expected: int, recall: float
) -> Threshold | None:
    if screen is None or limit.ranks is not None or recall >= 1:
        return None
    share = limit.share if limit.size is None else min(1.0, limit.size / max(1, expected))
    return screen.threshold(share=share, min_score=limit.min_score, recall=recall)


@dataclass(frozen=True)
class _Sifted:
    """What became of a batch."""

    ids: Ids
    score: Floats
    n_held_back: int
    """Of those who could have been chosen."""
    missed: Floats
    """Scores of the audited among them."""
    stands_for: Floats
    """How many of those held back each of the audited stands for."""


@dataclass(frozen=True)
class _Sieve:
    """Screens a batch, and scores who passes and who is audited; in any thread."""

    screen: Screen
    threshold: Threshold
    left_out: frozenset[str]
    score: Score
    audit: _Audit

    def __call__(self, given: tuple[Batch, Floats]) -> _Sifted:
        batch, lots = given
        values = self.screen.values(batch.coarse(self.screen.coarse, self.screen.used))
        allowed = ~batch.among(self.left_out)
        passes = allowed & (values >= self.threshold.passing)
        chance = self.audit.chance(values)
        rows = np.flatnonzero(passes | (allowed & (lots < chance)))
        ids = batch.ids(rows)
        score = self.score(ids, batch.codes(rows))
        passed = passes[rows]
        return _Sifted(
            ids[passed],
            score[passed],
            int(allowed.sum() - passes.sum()),
            score[~passed],
            1 / chance[rows][~passed],
        )


class _Audit:
    """A random sample of those held back, which tells how many of the top are among them."""

    def __init__(self, threshold: Threshold, expected: int, random_state: int) -> None:
        self._near = threshold.near
        self._random = np.random.RandomState(random_state)
        wanted = min(_AUDITED, _AUDITED_SHARE * expected)
        far_share = 1 - threshold.passed - threshold.near_share
        self._chance_near = min(1.0, wanted / max(1.0, threshold.near_share * expected))
        self._chance_far = min(1.0, wanted / max(1.0, far_share * expected))
        self._missed, self._stands_for = [np.empty(0)], [np.empty(0)]

    def lots(self, batch: Batch) -> tuple[Batch, Floats]:
        """A batch with a lot for each of its customers; drawn in the order of the batches."""
        return batch, self._random.random_sample(len(batch))

    def chance(self, values: NDArray[np.float32]) -> Floats:
        """With what chance customers of these screen values are audited, if they are held back."""
        return np.where(values >= self._near, self._chance_near, self._chance_far)

    def add(self, sifted: _Sifted) -> None:
        """Keep the audited of a batch."""
        self._missed.append(sifted.missed)
        self._stands_for.append(sifted.stands_for)

    def recall(self, found: Floats) -> float:
        """Estimated share of the exact top that was found."""
        missed, stands_for = np.concatenate(self._missed), np.concatenate(self._stands_for)
        return audit_recall(found, missed, stands_for)


def audit_recall(found: Floats, missed: Floats, stands_for: Floats) -> float:
    """Estimated share of the exact top, of as many as were found, that was found.

    Parameters
    ----------
    found : ndarray, shape (n,)
        Scores of those found.
    missed, stands_for : ndarray, shape (m,)
        Scores of a sample of the others, and how many of them each stands for.

    Examples
    --------
    >>> audit_recall(np.array([0.9, 0.8, 0.6, 0.5]), np.array([0.7, 0.1]), np.array([1.0, 50.0]))
    0.75
    """
    if not len(found):
        return 1.0
    closer = missed > found.min()
    # Put back in order: whoever was held back stands before those found that score less.
    scores = np.concatenate([found, missed[closer]])
    weight = np.concatenate([np.ones(len(found)), stands_for[closer]])
    order = np.argsort(-scores, kind="stable")
    top = np.cumsum(weight[order]) <= len(found)
    return float((top & (order < len(found))).sum() / len(found))
