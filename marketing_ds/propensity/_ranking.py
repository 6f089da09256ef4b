"""Measures that only look at the order of the scores, each with its influence on the rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ._sample import Floats, Sample


@dataclass(frozen=True)
class Ranking:
    """Rows by falling score; those of one score form a group, of which no order is known.

    Attributes
    ----------
    sample : Sample
        The rows, highest score first.
    start : ndarray of shape (groups,)
        Position of each group's first row.
    positives, negatives : ndarray of shape (groups,)
        Sums of weights.
    """

    sample: Sample
    start: NDArray[np.intp]
    positives: Floats
    negatives: Floats

    @classmethod
    def of(cls, ordered: Sample) -> Self:
        """Group the rows of a sample that is sorted by falling score."""
        new = np.flatnonzero(ordered.p[1:] != ordered.p[:-1]) + 1
        start = np.append(0, new)
        one = ordered.w * ordered.truth
        total = np.add.reduceat(ordered.w, start)
        positives = np.add.reduceat(one, start)
        return cls(ordered, start, positives, np.maximum(total - positives, 0.0))

    def auc(self) -> tuple[float, Floats]:
        """Area under the ROC curve and its influences, DeLong's structural components.

        A positive's is the share of negatives below it, a negative's the share of positives above
        it, ties half, each less the area.
        """
        p, n = self.positives, self.negatives
        below = 1 - (np.cumsum(n) - n / 2) / n.sum()
        above = (np.cumsum(p) - p / 2) / p.sum()
        auc = float(p @ below / p.sum())
        part = np.where(self.sample.truth > 0, self._rows(below), self._rows(above)) - auc
        rate = self.sample.rate
        return auc, self.sample.w * part / np.where(self.sample.truth > 0, rate, 1 - rate)

    def average_precision(self, *, leverage: bool = True) -> tuple[float, Floats]:
        """Mean precision over the positives, each at its own score, and its influences.

        A row moves the mean by its own precision (a positive), and by what it does to the
        precision at its score and all lower ones: (y − precision)/share there. Near the top a
        customer of weight w is no small part h = w/everyone of those above, and taking him away would
        move the precision by 1/(1 − h) of that: with `leverage` 1 + h/2 of it counts, as variances need it
        (HC2 of regressions).
        """
        reached, everyone, precision = self._precision()
        mean = float(self.positives @ precision / reached[-1])
        density = self.positives / reached[-1] / (everyone / everyone[-1])
        own = self._rows((precision - mean) / self.sample.rate + _to_end(density))
        others = self._rows(_to_end(density * precision))
        w = self.sample.w
        if leverage:
            half = density / everyone / 2
            size = self.sample.unit_weight()
            own = own + size * self._rows(_to_end(half))
            others = others + size * self._rows(_to_end(half * precision))
        return mean, w * (self.sample.truth * own - others)

    def average_precision_bias(self) -> float:
        """By how much chance raises the average precision, to first order.

        Each positive is counted, with its customer's others, in the precision at its own score; and
        precision is a ratio, which is too high where negatives weigh more than positives (sampled
        ones do).
        """
        reached, everyone, precision = self._precision()
        one, zero = (
            np.add.reduceat(np.where(self.sample.truth == label, self.sample.w**2, 0.0), self.start)
            * self.sample.together(label)
            for label in (1, 0)
        )
        itself = one * (1 - precision) / everyone
        negatives = everyone - reached
        ratio = (reached * np.cumsum(zero) - negatives * np.cumsum(one)) / everyone**3
        return float((itself.sum() + self.positives @ ratio) / reached[-1])

    def _precision(self) -> tuple[Floats, Floats, Floats]:
        """Positives and rows down to each group, and their ratio."""
        reached = np.cumsum(self.positives)
        everyone = reached + np.cumsum(self.negatives)
        return reached, everyone, reached / everyone

    def ks(self) -> tuple[float, Floats]:
        """Largest gap between the shares of positives and negatives reached, and its influences."""
        one = np.cumsum(self.positives) / self.positives.sum()
        zero = np.cumsum(self.negatives) / self.negatives.sum()
        at = int(np.argmax(np.abs(one - zero)))
        gap = float(one[at] - zero[at])
        end = self.start[at + 1] if at + 1 < len(self.start) else len(self.sample.p)
        reached = np.zeros(len(self.sample.p))
        reached[:end] = 1.0
        rate, truth = self.sample.rate, self.sample.truth
        part = np.where(truth > 0, (reached - one[at]) / rate, (zero[at] - reached) / (1 - rate))
        return abs(gap), self.sample.w * part * math.copysign(1, gap)

    def captured(self, share: float) -> tuple[float, Floats]:
        """Share of the positives among the top `share` of customers, and its influences.

        A group at the cut is taken in part. A row counts by being reached, and by moving the cut,
        where customers of the positive rate near the cut are gained or lost.
        """
        cut = self.cut(np.array([share]))
        taken = np.zeros(len(self.sample.p))
        first, last = self.bounds(cut.group[0])
        taken[:first] = 1.0
        taken[first:last] = cut.part[0]
        found = float(cut.captured[0])
        part = self.sample.truth * (taken - found) - cut.rate[0] * (taken - share)
        return found, self.sample.w * part / self.sample.rate

    def cut(self, shares: Floats) -> Cut:
        """Where the top `shares` of customers end."""
        everyone = np.append(0.0, np.cumsum(self.positives + self.negatives))
        reached = np.append(0.0, np.cumsum(self.positives))
        total = everyone[-1]
        wanted = shares * total
        last = len(self.start) - 1
        group = np.clip(np.searchsorted(everyone, wanted, side="right") - 1, 0, last)
        size = everyone[group + 1] - everyone[group]
        part = np.clip((wanted - everyone[group]) / size, 0.0, 1.0)
        captured = np.interp(wanted, everyone, reached) / reached[-1]
        narrow = min(1.0, (1000 / len(self.sample.p)) ** 0.2)
        near = np.minimum(shares, 1 - shares) / 2 * narrow
        low = (shares - np.maximum(near, 1e-9)) * total
        high = np.minimum(2 * wanted - low, total)
        gained = np.interp(high, everyone, reached) - np.interp(low, everyone, reached)
        rate = gained / (high - low)
        return Cut(group, part, captured, rate, self.sample.p[self.start[group]])

    def bounds(self, group: int) -> tuple[int, int]:
        """First and last position (exclusive) of a group."""
        last = group + 1 < len(self.start)
        return int(self.start[group]), int(self.start[group + 1]) if last else len(self.sample.p)

    def _rows(self, values: Floats) -> Floats:
        """A value a group → a value a row."""
        if len(self.start) == len(self.sample.p):
            return values
        return np.repeat(values, np.diff(np.append(self.start, len(self.sample.p))))


@dataclass(frozen=True)
class Cut:
    """Where the top shares end: the group, the part of it that is taken, and what was reached."""

    group: NDArray[np.intp]
    part: Floats
    captured: Floats
    rate: Floats
    """Positive rate near the cut."""
    score: Floats


def auc_error(sample: Sample, influence: Floats) -> float:
    """DeLong's standard error; with several rows a customer that of Obuchowski [1]_.

    References
    ----------
    .. [1] Obuchowski (1997). Nonparametric analysis of clustered ROC curve data. Biometrics 53.
    """
    variance = 0.0
    parts = [sample.sums(influence * (sample.truth == label)) for label in (1, 0)]
    for label, part in zip((1, 0), parts, strict=True):
        units = int(np.count_nonzero(sample.sums(sample.w * (sample.truth == label))))
        variance += float(part @ part) * units / max(units - 1, 1)
    if sample.unit is not None:
        variance += 2 * float(parts[0] @ parts[1]) * sample.units / (sample.units - 1)
    return math.sqrt(max(variance, 0.0)) / sample.weight


def _to_end(values: Floats) -> Floats:
    """Sums from each position to the end."""
    return np.asarray(np.cumsum(values[::-1])[::-1])
