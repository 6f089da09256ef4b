"""A cheap imitation of the exact score, and how much of the candidates it must let through.

The screen is a ridge regression that imitates the exact score's log-odds from the customer's
coordinates x and random features max(0, x·W + b): one matrix product a batch, where the exact score
looks up hundreds of neighbours. Its threshold is set on customers whom it has not seen and whose
exact score is known.

References
----------
Rahimi and Recht (2008), "Weighted sums of random kitchen sinks".
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from marketing_ds._core.estimate import wilson

from ..encode import Codes
from ..scorers import Scorer, used_by
from ..space import Space, contrast_space, plain_space
from ..training import Training
from .batch import CoarseLevels, coarsened

Floats = NDArray[np.float64]

_LEARNT_FROM, _HELD_OUT = 10_000, 25_000
_LEAST = 10_000
"""Ordinary customers below which none can be spared to set a threshold by."""
_LEVELS = 32
"""Levels of a tag that the screen tells apart, about."""
_FEATURES = 256
_RIDGE = 1e-3
_CHUNK = 4_096
"""Candidates screened at a time: what is computed of them then stays in the cache."""
_LEAST_HITS = 200
"""Held-out customers at the top that the threshold is set by, at least."""
_MARGIN = 0.1
"""Share of the misses allowed that is kept in reserve for the candidates' being others."""
_MOST_PASSED = 0.35
"""Above this share of candidates the exact search of everybody is hardly slower."""
_NEAR = 5
"""Those just held back: as many as pass, times this."""


@dataclass(frozen=True)
class Threshold:
    """What a screen lets through."""

    passing: float
    """Screen value from which candidates are scored exactly."""
    near: float
    """Screen value above which those held back count as near."""
    passed: float
    """Share of the held-out customers that pass."""
    near_share: float
    """Share of the held-out customers between the two."""
    recall: float
    """Share of the held-out customers at the exact top that pass."""

    def wider(self) -> Threshold | None:
        """One that lets those near it through as well; None where these are too many."""
        passed = self.passed + self.near_share
        if passed > _MOST_PASSED:
            return None
        return Threshold(self.near, -np.inf, passed, 1 - passed, self.recall)


@dataclass(frozen=True)
class Screen:
    """A cheap imitation of a scorer, with customers held out to set its threshold by."""

    coarse: CoarseLevels = field(repr=False)
    """What the screen sees of the tags."""
    space: Space
    scale: float
    weights: NDArray[np.float32] = field(repr=False)
    bias: NDArray[np.float32] = field(repr=False)
    linear: NDArray[np.float32] = field(repr=False)
    hidden: NDArray[np.float32] = field(repr=False)
    held_out: NDArray[np.float32] = field(repr=False)
    """Screen values of the held-out customers."""
    exact: Floats = field(repr=False)
    """Their exact scores."""

    @property
    def used(self) -> tuple[bool, ...]:
        """Whether each tag is looked at."""
        return self.space.used

    def values(self, codes: Codes) -> NDArray[np.float32]:
        """The imitated score of customers of these coarse levels, shape (n,).

        Only its order counts.
        """
        values = np.empty(len(codes), dtype=np.float32)
        for start in range(0, len(codes), _CHUNK):
            part = slice(start, start + _CHUNK)
            points = self.space.coordinates(codes[part]) * np.float32(self.scale)
            lifted = points @ self.weights
            lifted += self.bias
            np.maximum(lifted, 0, out=lifted)
            values[part] = points @ self.linear + lifted @ self.hidden
        return values

    def threshold(
        self, *, share: float | None = None, min_score: float | None = None, recall: float
    ) -> Threshold | None:
        """The highest threshold that finds `recall` of the exact top, with margin.

        Parameters
        ----------
        share, min_score : float
            What the top is: one of the two. Where fewer than 200 of the held-out customers would
            be in it, the 200 of highest score stand for it.
        recall : float
            The 97.5 % lower confidence limit (Wilson) of what is found lies above it by 10 % of
            what may be missed.

        Returns
        -------
        Threshold or None
            None where more than 35 % of the candidates would have to pass.
        """
        n = len(self.exact)
        hits = max(
            int((self.exact >= min_score).sum()) if min_score is not None else 0,
            round((share or 0) * n),
            min(_LEAST_HITS, n),
        )
        cutoff = np.partition(self.exact, n - hits)[n - hits]
        top = np.sort(self.held_out[self.exact >= cutoff])[::-1]
        found = np.arange(1, len(top) + 1)
        lower, _ = wilson(found, len(top))
        enough = np.flatnonzero(lower >= recall + _MARGIN * (1 - recall))
        if not len(enough):
            return None
        passing = top[enough[0]]
        passed = float((self.held_out >= passing).mean())
        if passed > _MOST_PASSED:
            return None
        near = np.quantile(self.held_out, max(0.0, 1 - (1 + _NEAR) * passed))
        return Threshold(
            float(passing),
            float(near),
            passed,
            float((self.held_out >= near).mean()) - passed,
            float((top >= passing).mean()),
        )


def learn_screen(training: Training, scorer: Scorer, *, random_state: int) -> Screen | None:
    """Imitate `scorer` on ordinary customers; None where there are too few to hold some out.

    Ordinary customers of the index are scored as if they were not in it, so the scores that are
    imitated are those of customers whom the scorer has not seen.
    """
    random = np.random.RandomState(random_state)
    rows = random.permutation(training.ordinary)[: _LEARNT_FROM + _HELD_OUT]
    if len(rows) < _LEAST:
        return None
    coarse = coarsened(training.codes[training.in_base], training.levels, _LEVELS)
    base, seeds = (coarse.of(training.codes[who]) for who in (training.in_base, training.is_seed))
    used = used_by(scorer)  # of the candidates nothing else is read
    space = contrast_space(seeds, base, coarse.levels).only(used)
    if not any(space.spread):
        space = plain_space(base, coarse.levels).only(used)
    exact = scorer.scores(training.codes[rows], rows)
    seen = coarse.of(training.codes[rows])
    n_learnt = len(rows) // 3
    points = space.coordinates(seen[:n_learnt])
    scale = 1 / (float(np.sqrt((points**2).mean())) or 1.0)
    width = points.shape[1]
    weights = (random.standard_normal((width, _FEATURES)) / np.sqrt(width)).astype(np.float32)
    bias = (0.5 * random.standard_normal(_FEATURES)).astype(np.float32)
    points *= scale
    linear, hidden = _ridge(points, np.maximum(points @ weights + bias, 0), exact[:n_learnt])
    nothing = np.empty(0, dtype=np.float32)
    screen = Screen(coarse, space, scale, weights, bias, linear, hidden, nothing, np.empty(0))
    return replace(screen, held_out=screen.values(seen[n_learnt:]), exact=exact[n_learnt:])


def _ridge(
    points: NDArray[np.float32], lifted: NDArray[np.float32], exact: Floats
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Coefficients of the coordinates and of the random features."""
    features = np.hstack([points, lifted]).astype(np.float64)
    features -= features.mean(axis=0)
    spread = features.std(axis=0)
    features /= np.where(spread > 0, spread, 1)
    inside = np.clip(exact, 1e-6, 1 - 1e-6)
    target = np.log(inside / (1 - inside))
    gram = features.T @ features
    gram[np.diag_indices_from(gram)] += _RIDGE * len(features)
    found = np.linalg.solve(gram, features.T @ (target - target.mean()))
    found /= np.where(spread > 0, spread, 1)
    width = points.shape[1]
    return found[:width].astype(np.float32), found[width:].astype(np.float32)
