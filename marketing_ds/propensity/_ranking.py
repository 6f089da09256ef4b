"""Measures that only look at the order of the scores, on groups of equal score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_MAX_GROUPS = 1000  # for the bootstrap only; measures themselves use every distinct score
_SHARES = np.append(np.arange(1, 20) / 20, 1.0)


@dataclass(frozen=True)
class Ranking:
    """Weights of positives and negatives for each distinct score, highest score first."""

    positives: Floats
    negatives: Floats
    positives_squared: Floats
    """Sums of squared weights, which the variances need."""
    negatives_squared: Floats
    rows: tuple[int, int]
    """Number of positive and of negative rows."""

    @classmethod
    def of(cls, truth: Floats, score: Floats, w: Floats) -> Self:
        """Group rows by score."""
        distinct, group = np.unique(-score, return_inverse=True)
        size = len(distinct)

        def total(values: Floats) -> Floats:
            return np.bincount(group, values, minlength=size).astype(np.float64)

        one, zero = truth > 0, truth == 0
        return cls(
            total(w * one),
            total(w * zero),
            total(w**2 * one),
            total(w**2 * zero),
            (int(one.sum()), int(zero.sum())),
        )

    def auc(self) -> tuple[float, float]:
        """Area under the ROC curve and its standard error.

        DeLong's structural components, taken per distinct score: a positive's is the share of
        negatives below it, a negative's the share of positives above, ties half. With weights
        the variance of a weighted mean takes the place of that of a mean.
        """
        p, n = self.positives, self.negatives
        below = 1 - (np.cumsum(n) - n / 2) / n.sum()
        above = (np.cumsum(p) - p / 2) / p.sum()
        auc = float(np.sum(p * below) / p.sum())
        variance = 0.0
        for squared, component, weight, rows in (
            (self.positives_squared, below, p.sum(), self.rows[0]),
            (self.negatives_squared, above, n.sum(), self.rows[1]),
        ):
            unbiased = rows / max(rows - 1, 1)
            variance += unbiased * float(np.sum(squared * (component - auc) ** 2)) / weight**2
        return auc, float(np.sqrt(variance))

    def average_precision(self) -> float:
        """Mean precision over the positives, each at its own score."""
        return float(_average_precision(self.positives, self.negatives))

    def ks(self) -> float:
        """Largest gap between the shares of positives and of negatives reached."""
        return float(_ks(self.positives, self.negatives))

    def lift(self, share: float) -> float:
        """Rate among the top `share` over the overall rate; a tied group is taken in part."""
        return float(_lift(self.positives, self.negatives, share))

    def spread(self, replicates: int, random_state: int) -> dict[str, float]:
        """Standard deviations of `ap`, `ks` and `lift` (top tenth) over Poisson bootstrap draws.

        A group's weight is drawn at once: the sum of w·Poisson(1) over its rows has the mean Σw
        and the variance Σw², as has Σw²/Σw · Poisson((Σw)²/Σw²), exactly so for unit weights.
        """
        rng = np.random.default_rng(random_state)
        groups = self._coarse()
        drawn = []
        for total, squared in (groups[:2], groups[2:]):
            unit = np.divide(squared, total, out=np.ones_like(total), where=total > 0)
            drawn.append(unit * rng.poisson(total / unit, size=(replicates, len(total))))
        p, n = drawn
        whole = (p.sum(axis=1) > 0) & (n.sum(axis=1) > 0)  # a draw of one class measures nothing
        p, n = p[whole], n[whole]
        found = {"ap": _average_precision(p, n), "ks": _ks(p, n), "lift": _lift(p, n, 0.1)}
        return {name: float(np.std(values, ddof=1)) for name, values in found.items()}

    def gains_table(self) -> pd.DataFrame:
        """Captured share of positives and lift for each top twentieth."""
        lifts = np.array([self.lift(share) for share in _SHARES])
        return pd.DataFrame({"share": _SHARES, "captured_share": lifts * _SHARES, "lift": lifts})

    def _coarse(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Positives, their squares, negatives, theirs; neighbours merged to at most 1,000 groups."""
        columns = (
            self.positives,
            self.positives_squared,
            self.negatives,
            self.negatives_squared,
        )
        total = self.positives + self.negatives
        place = (np.cumsum(total) - total / 2) / total.sum()
        _, group = np.unique((place * _MAX_GROUPS).astype(np.intp), return_inverse=True)
        a, b, c, d = (np.bincount(group, column).astype(np.float64) for column in columns)
        return a, b, c, d


def _average_precision(p: Floats, n: Floats) -> Floats:
    reached = np.cumsum(p, axis=-1)
    everyone = reached + np.cumsum(n, axis=-1)
    precision = np.divide(reached, everyone, out=np.zeros_like(reached), where=everyone > 0)
    return np.asarray(np.sum(p * precision, axis=-1) / reached[..., -1])


def _ks(p: Floats, n: Floats) -> Floats:
    tpr, fpr = np.cumsum(p, axis=-1), np.cumsum(n, axis=-1)
    return np.asarray(np.max(np.abs(tpr / tpr[..., -1:] - fpr / fpr[..., -1:]), axis=-1))


def _lift(p: Floats, n: Floats, share: float) -> Floats:
    everyone = np.cumsum(p + n, axis=-1)
    wanted = share * everyone[..., -1:]
    taken = np.clip(wanted - (everyone - (p + n)), 0, p + n)
    part = np.divide(taken, p + n, out=np.zeros_like(taken), where=(p + n) > 0)
    return np.asarray(np.sum(p * part, axis=-1) / p.sum(axis=-1) / share)
