"""Only the closest matter: a cheap screen lets few candidates through, those are scored exactly.

`expand` asks for the top, so the screen need not be right about anybody else. How much it lets
through is set on held-out customers (`screen`): as little as finds the asked share of the exact top,
with margin. What it misses among the candidates themselves is measured in every search, by scoring
a random sample of those held back, more densely just below the threshold. Where less than asked was
found, everybody is scored after all.

References
----------
Viola and Jones (2001), "Rapid object detection using a boosted cascade of simple features"; Horvitz
and Thompson (1952) for the estimate of what was missed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..encode import Codes
from ..expansion import Choice, Limit
from ..inputs import is_in
from .batch import Batch, Ids
from .screen import Screen, Threshold

Floats = NDArray[np.float64]
Score = Callable[[Ids, Codes], Floats]

WORTH_FROM = 100_000
"""Candidates from which a screen saves more than it costs to learn."""
_CHUNK = 16_384
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
    if screen is not None and threshold is not None:
        choice = Choice(limit, left_out)
        audit = _Audit(threshold, expected, random_state)
        n_scored = 0
        passing = _passing(batches(), screen, threshold, left_out, audit)
        for ids, codes, held_back in _gathered(passing):
            choice.add(ids, score(ids, codes), held_back=held_back)
            n_scored += len(ids)
        if choice.enough:
            found = audit.recall(choice.chosen()["score"].to_numpy(), score)
            if found >= recall:
                return choice, Reached(n_scored / max(1, choice.n_candidates), found)
    choice = Choice(limit, left_out)
    for batch in batches():
        choice.add(batch.ids, score(batch.ids, batch.codes()))
    return choice, Reached()


def _threshold(
    screen: Screen | None, limit: Limit, expected: int, recall: float
) -> Threshold | None:
    if screen is None or limit.ranks is not None or recall >= 1:
        return None
    share = limit.share if limit.size is None else min(1.0, limit.size / max(1, expected))
    return screen.threshold(share=share, min_score=limit.min_score, recall=recall)


def _passing(
    batches: Iterable[Batch],
    screen: Screen,
    threshold: Threshold,
    left_out: frozenset[str],
    audit: _Audit,
) -> Iterator[tuple[Ids, Codes, int]]:
    """Ids and codes of those who pass, and how many of the others could have been chosen."""
    for batch in batches:
        ids, values = batch.ids, screen.values(batch.coarse(screen.coarse))
        passes = values >= threshold.passing
        held_back = np.flatnonzero(~passes)
        held_back = held_back[~is_in(ids[held_back], left_out)]
        audit.draw(batch, values, held_back)
        passing = np.flatnonzero(passes)
        yield ids[passing], batch.codes(passing), len(held_back)


def _gathered(parts: Iterable[tuple[Ids, Codes, int]]) -> Iterator[tuple[Ids, Codes, int]]:
    """Parts put together, since few candidates at a time are searched slowly."""
    waiting: list[tuple[Ids, Codes, int]] = []
    for part in parts:
        waiting.append(part)
        if sum(len(ids) for ids, _, _ in waiting) >= _CHUNK:
            yield _joined(waiting)
            waiting = []
    if waiting:
        yield _joined(waiting)


def _joined(parts: list[tuple[Ids, Codes, int]]) -> tuple[Ids, Codes, int]:
    ids, codes, held_back = zip(*parts, strict=True)
    return np.concatenate(ids), np.concatenate(codes), sum(held_back)


class _Audit:
    """A random sample of those held back, which tells how many of the top are among them."""

    def __init__(self, threshold: Threshold, expected: int, random_state: int) -> None:
        self._near = threshold.near
        self._random = np.random.RandomState(random_state)
        wanted = min(_AUDITED, _AUDITED_SHARE * expected)
        far_share = 1 - threshold.passed - threshold.near_share
        self._chance_near = min(1.0, wanted / max(1.0, threshold.near_share * expected))
        self._chance_far = min(1.0, wanted / max(1.0, far_share * expected))
        self._drawn: list[tuple[Ids, Codes, Floats]] = []

    def draw(self, batch: Batch, values: NDArray[np.float32], held_back: NDArray[np.intp]) -> None:
        """Draw some of those held back from a batch."""
        chance = np.where(values[held_back] >= self._near, self._chance_near, self._chance_far)
        drawn = self._random.random_sample(len(held_back)) < chance
        rows = held_back[drawn]
        self._drawn.append((batch.ids[rows], batch.codes(rows), 1 / chance[drawn]))

    def recall(self, found: Floats, score: Score) -> float:
        """Estimated share of the exact top that was found."""
        if not self._drawn:
            return 1.0
        ids, codes, stands_for = (np.concatenate(c) for c in zip(*self._drawn, strict=True))
        return audit_recall(found, score(ids, codes) if len(ids) else np.empty(0), stands_for)


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
