"""Which method finds held-out seeds best: neighbours, classifier, or the mean of both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from marketing_ds._core.display import Result
from marketing_ds._core.estimate import Estimate, wilson

from .classifier import FOLDS, Classifier
from .neighbourhood import Neighbourhood
from .placement import place
from .scorers import Line, log_odds, mean_of
from .training import Rows, Training

Floats = NDArray[np.float64]

_COMPARED = 20_000
"""Ordinary customers among whom held-out seeds are placed, at most."""
_TOPS = (0.01, 0.02, 0.05, 0.1, 0.2)
_CLEARLY = 0.5
"""Standard errors by which one method alone must be ahead of the mean of both."""


@dataclass(frozen=True)
class Selection(Result):
    """How the methods found seeds that they were not shown.

    What is compared is the mean, over the held-out seeds, of the AUC's placement and of the share
    of the tops (1, 2, 5, 10 and 20 % of ordinary customers) that the seed is in. The ensemble is
    taken unless one method alone is ahead by half a standard error of the paired difference.
    """

    method: str
    frame: pd.DataFrame = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row a method: `auc` and `recall_10` (among the top 10 %) with intervals, `merit`
        (what is compared), and `chosen`.
        """
        return self.frame.copy()


@dataclass(frozen=True)
class HeldOut:
    """Log-odds by each method of customers whom it did not learn from, and the folds they are of."""

    seeds: dict[str, Floats]
    ordinary: dict[str, Floats]
    seed_fold: NDArray[np.int8]
    ordinary_fold: NDArray[np.int8]
    lines: tuple[Line, Line, Line]


def held_out(
    training: Training,
    seeds: Rows,
    classifier: Classifier,
    neighbours_of: Callable[[Rows], Neighbourhood],
    *,
    random_state: int,
) -> HeldOut:
    """Score every seed, and a sample of ordinary customers, by models that did not see its fold."""
    random = np.random.RandomState(random_state)
    ordinary = np.flatnonzero(
        (classifier.fold >= 0) & ~np.isin(np.arange(len(classifier.fold)), seeds)
    )
    if len(ordinary) > _COMPARED:
        ordinary = np.sort(random.choice(ordinary, _COMPARED, replace=False))
    rows = np.concatenate([seeds, ordinary])
    fold = classifier.fold[rows]
    classed = classifier.margin(training.codes[rows], rows)
    near = np.empty(len(rows))
    for number in range(FOLDS):
        made = neighbours_of(seeds[classifier.fold[seeds] != number])
        held = fold == number
        near[held] = log_odds(made.scores(training.codes[rows[held]], rows[held]))
    n = len(seeds)
    first, second = Line.fitted(near[:n], near[n:]), Line.fitted(classed[:n], classed[n:])
    plain = mean_of((first, second, Line(0.0, 1.0)), near, classed)
    lines = first, second, Line.fitted(plain[:n], plain[n:])
    margins = {
        "neighbours": near,
        "classifier": classed,
        "ensemble": mean_of(lines, near, classed),
    }
    return HeldOut(
        {name: margin[:n] for name, margin in margins.items()},
        {name: margin[n:] for name, margin in margins.items()},
        fold[:n],
        fold[n:],
        lines,
    )


def compare(held: HeldOut) -> Selection:
    """The method to take, and the figures of each."""
    placed = {name: _placements(held, name) for name in held.seeds}
    merits = {name: _merit(placements) for name, placements in placed.items()}
    best, together = max(merits, key=lambda name: merits[name].mean()), "ensemble"
    ahead = merits[best] - merits[together]
    error = ahead.std(ddof=1) / np.sqrt(len(ahead))
    chosen = best if ahead.mean() > _CLEARLY * error else together
    rows = []
    for name, placements in placed.items():
        error = float(placements.std(ddof=1) / np.sqrt(len(placements)))
        auc = Estimate.normal(float(placements.mean()), error, alpha=0.05, low=0, high=1)
        found = placements >= 0.9
        lower, upper = wilson(found.sum(), len(found))
        rows.append(
            {
                "method": name,
                "auc": auc.value,
                "auc_ci_lower": auc.ci_lower,
                "auc_ci_upper": auc.ci_upper,
                "recall_10": float(found.mean()),
                "recall_10_ci_lower": float(lower),
                "recall_10_ci_upper": float(upper),
                "merit": float(merits[name].mean()),
                "chosen": name == chosen,
            }
        )
    return Selection(chosen, pd.DataFrame(rows))


def _placements(held: HeldOut, name: str) -> Floats:
    """Of each held-out seed among the ordinary customers of its fold."""
    placements = np.empty(len(held.seed_fold))
    for number in range(FOLDS):
        seeds, ordinary = held.seed_fold == number, held.ordinary_fold == number
        placements[seeds] = place(held.seeds[name][seeds], held.ordinary[name][ordinary])[0]
    return placements


def _merit(placements: Floats) -> Floats:
    tops = np.mean([placements >= 1 - top for top in _TOPS], axis=0)
    return np.asarray((placements + tops) / 2)
