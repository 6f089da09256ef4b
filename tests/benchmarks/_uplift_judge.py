"""The judge: Qini by its definition, plainly, with a paired bootstrap; shares no code with the package.

With customers ordered by score, highest first, V(φ) = φ·(ȳ₁(φ) − ȳ₀(φ)), means of the arm and of control
within the top share φ; Qini = ∫V dφ − V(1)/2, in outcome units per person. Equal scores share their group.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Spread = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Judged:
    """Qini of one score, and of each draw of the bootstrap (the same draws for every score)."""

    qini: float
    within: float
    """Mean of the Qini of each fold alone: what pooling the folds' scores does not touch."""
    draws: np.ndarray

    @property
    def se(self) -> float:
        return float(self.draws.std(ddof=1))


class Judge:
    """One arm against control: the customers of both, with their folds.

    Parameters
    ----------
    y, treated, fold : ndarray of shape (n,)
    weight : ndarray of shape (n,), optional
        1 / P(the arm received), where it varies.
    draws : int
        Poisson bootstrap draws.
    """

    def __init__(
        self,
        y: np.ndarray,
        treated: np.ndarray,
        fold: np.ndarray,
        weight: np.ndarray | None = None,
        draws: int = 200,
        seed: int = 0,
    ) -> None:
        weight = np.ones(len(y)) if weight is None else weight
        self._y = y - y.mean()  # effects are differences: it only keeps sums small
        self._sides = [np.where(side, weight, 0.0) for side in (treated, ~treated)]
        self._fold = fold
        self._draws = draws
        self._seed = seed

    def judge(self, score: np.ndarray) -> Judged:
        folds = [np.flatnonzero(self._fold == fold) for fold in np.unique(self._fold)]
        sizes = [len(rows) / len(score) for rows in folds]
        within = sum(
            size * self._qini(score, rows) for size, rows in zip(sizes, folds, strict=True)
        )
        order = np.argsort(-score, kind="stable")
        rng = np.random.default_rng(self._seed)
        draws = np.array(
            [
                self._area(score, order, rng.poisson(1.0, len(score)).astype(np.float64))
                for _ in range(self._draws)
            ]
        )
        return Judged(self._area(score, order, np.ones(len(score))), float(within), draws)

    def _qini(self, score: np.ndarray, rows: np.ndarray) -> float:
        order = rows[np.argsort(-score[rows], kind="stable")]
        return self._area(score, order, np.ones(len(score)))

    def _area(self, score: np.ndarray, order: np.ndarray, times: np.ndarray) -> float:
        """Qini of the customers in `order`, each counted so many `times`."""
        spread = _spread(score[order])
        times = times[order]
        if spread is None:
            return 0.0
        share = np.cumsum(spread(times)) / times.sum()
        effect = np.zeros(len(order))
        for sign, side in zip((1.0, -1.0), self._sides, strict=True):
            weight = times * side[order]
            total = np.cumsum(spread(weight))
            outcome = np.cumsum(spread(weight * self._y[order]))
            effect += sign * _mean(outcome, total)
        # Above the first customer of the second side one mean is unknown: the first known stands in.
        known = np.isfinite(effect)
        effect[: known.argmax()] = effect[known.argmax()]
        value = share * effect
        return float(np.trapezoid(np.append(0.0, value), np.append(0.0, share)) - value[-1] / 2)


def true_qini(score: np.ndarray, effect: np.ndarray) -> float:
    """Qini of a score where every customer's effect is known: no noise of outcomes."""
    order = np.argsort(-score, kind="stable")
    spread = _spread(score[order])
    if spread is None:
        return 0.0
    value = np.append(0.0, np.cumsum(spread(effect[order]))) / len(effect)
    return float((value[1:] + value[:-1]).mean() / 2 - value[-1] / 2)


def _spread(ordered: np.ndarray) -> Spread | None:
    """Gives every value the mean of its tie; None where all are tied: nobody is ranked, the Qini is 0."""
    start = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    size = np.diff(np.append(start, len(ordered)))
    if len(start) == len(ordered):
        return lambda values: values
    if len(start) == 1:
        return None
    return lambda values: np.repeat(np.add.reduceat(values, start) / size, size)


def _mean(outcome: np.ndarray, total: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, outcome / total, np.nan)
