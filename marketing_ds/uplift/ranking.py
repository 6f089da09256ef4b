"""Customers of one arm and control in the order of a score: running sums and influences.

All the curves' arithmetic is here, in O(n log n) for the sort and O(n) for the rest. A customer
in a tie stands for the tie's mean: with sums spread evenly over a tie, the running means are those
of a random order within it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .arms import Floats

_Change = Callable[[Floats], Floats]

GRID = 10_000
"""Number of shares at which a curve is kept; with fewer customers, every customer is kept."""


@dataclass(frozen=True)
class Side:
    """Running sums of one arm over the customers, best first; shape (n,) or that of a grid.

    `weight` sums w, `outcome` w·y, `weight2` w², `outcome2` w²·y and `square2` w²·y²:
    what a weighted mean and its variance need.
    """

    weight: Floats
    outcome: Floats
    weight2: Floats
    outcome2: Floats
    square2: Floats

    def mean(self) -> Floats:
        """Weighted mean outcome; NaN where nobody is."""
        return _divide(self.outcome, self.weight)

    def mean_variance(self) -> Floats:
        """Variance of the weighted mean; NaN with fewer than two customers."""
        mean = self.mean()
        spread = self.square2 - 2 * mean * self.outcome2 + mean**2 * self.weight2
        variance = _divide(np.maximum(spread, 0.0), self.weight**2)
        effective = _divide(self.weight**2, self.weight2)
        # A mean of m customers leaves m - 1 degrees of freedom; with one customer, none. The
        # sums carry rounding, so that "one" is told with a margin.
        enough = np.asarray(effective > 1 + 1e-6)
        return np.where(enough, variance * _divide(effective, effective - 1), np.nan)

    def at(self, position: Floats) -> Side:
        """The sums after `position` customers, fractions taken evenly of the next one."""
        grid = np.arange(len(self.weight) + 1, dtype=np.float64)
        return self._map(lambda sums: np.interp(position, grid, np.concatenate([[0.0], sums])))

    def between(self) -> Side:
        """Sums within each step of a grid, from sums up to it."""
        steps = self._map(np.diff)
        # A step without customers holds the rounding of the sums around it.
        empty = steps.weight < 1e-9 * self.weight[-1]
        return steps._map(lambda sums: np.where(empty, 0.0, sums))

    def _map(self, change: _Change) -> Side:
        done: dict[int, Floats] = {}  # without weights some sums are one array: change it once
        fields = (self.weight, self.outcome, self.weight2, self.outcome2, self.square2)
        for sums in fields:
            if id(sums) not in done:
                done[id(sums)] = change(sums)
        return Side(*(done[id(sums)] for sums in fields))


class Ranking:
    """Customers of one arm and of control, best score first.

    Parameters
    ----------
    y, score : ndarray of shape (n,)
        Finite outcomes and scores.
    treated : ndarray of bool, shape (n,)
        Whether the customer was in the arm.
    weight : ndarray of shape (n,), optional
        1 / P(arm received).
    """

    def __init__(
        self,
        y: Floats,
        score: Floats,
        treated: npt.NDArray[np.bool_],
        weight: Floats | None = None,
    ) -> None:
        self.n = len(y)
        self._order = np.argsort(-score, kind="stable")
        self._ties = _Ties(score[self._order])
        # Effects are differences of means: taking out the overall mean changes none and keeps
        # the sums of squares accurate for outcomes far from 0.
        self.centre = float(y.mean())
        self._y = y[self._order] - self.centre
        self._treated = treated[self._order]
        self._weight = None if weight is None else weight[self._order]
        self.arm = self._sums(self._treated)
        self.control = self._sums(~self._treated)
        self.share = np.arange(1, self.n + 1) / self.n
        # Above the first customer of the second arm seen, one mean is unknown. Those few share
        # the first difference that is known, as if tied.
        seen = (self.arm.weight > 0) & (self.control.weight > 0)
        self._first = int(seen.argmax())

    def _sums(self, member: npt.NDArray[np.bool_]) -> Side:
        one = member.astype(np.float64)
        weight = one if self._weight is None else one * self._weight
        outcome = weight * self._y
        first, second = self._running(weight), self._running(outcome)
        if self._weight is None:
            return Side(first, second, first, second, self._running(outcome * self._y))
        return Side(
            first,
            second,
            self._running(weight * self._weight),
            self._running(outcome * self._weight),
            self._running(outcome * self._weight * self._y),
        )

    def _running(self, values: Floats) -> Floats:
        return np.cumsum(self._ties.spread(values))

    def value(self) -> Floats:
        """V at the shares 1/n, 2/n, …, 1."""
        return self.share * self._effect

    @property
    def _effect(self) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            effect = self.arm.outcome / self.arm.weight - self.control.outcome / self.control.weight
        effect[: self._first] = effect[self._first]
        return np.asarray(effect)

    def areas(self) -> tuple[float, float, Floats, Floats]:
        """AUUC, Qini, and the influence of each customer (in the order handed in) on them.

        The influence function of V(φ) = φ(μ₁(φ) − μ₀(φ)) at a fixed φ, for a customer of rank r,
        is ``φ/B₁·w·t·(y − μ₁)·1{r ≤ φ} − φ/B₀·w·(1 − t)·(y − μ₀)·1{r ≤ φ}
        + (V′ − V/φ)·(φ − 1{r ≤ φ})`` with B the mean weight within the top φ; the last part comes
        from the cut moving with the sample. Integrated over φ it needs no derivative, since
        ∫V′ from r to 1 is V(1) − V(r).
        """
        effect = self._effect
        value = self.share * effect
        trapezoid = np.full(self.n, 1.0 / self.n)
        trapezoid[-1] /= 2  # V(0) = 0 is the other end
        auuc = float(trapezoid @ value)
        total = float(value[-1])

        gain, end = np.zeros(self.n), np.zeros(self.n)
        for sign, side, member in (
            (1.0, self.arm, self._treated),
            (-1.0, self.control, ~self._treated),
        ):
            scale, mean = self._scale(side)
            at_most = _from_here(trapezoid * scale), _from_here(trapezoid * scale * mean)
            weight = sign * (member if self._weight is None else member * self._weight)
            gain += weight * (self._y * self._ties.spread(at_most[0]))
            gain -= weight * self._ties.spread(at_most[1])
            end += weight * (self._y - mean[-1]) * scale[-1]
        gain += self._ties.spread(value + _from_here(trapezoid * effect)) - total
        gain -= gain.mean()

        influence = np.empty((2, self.n))
        influence[0, self._order] = gain
        influence[1, self._order] = gain - end / 2
        if self._ties.one_group:  # V is a straight line: all that is left of the Qini is rounding
            return auuc, 0.0, influence[0], np.zeros(self.n)
        return auuc, auuc - total / 2, influence[0], influence[1]

    def _scale(self, side: Side) -> tuple[Floats, Floats]:
        """φ/B(φ) and μ(φ), both held at their first known value above it."""
        with np.errstate(invalid="ignore", divide="ignore"):
            scale = self.share * self.n / side.weight
            mean = side.outcome / side.weight
        scale[: self._first], mean[: self._first] = scale[self._first], mean[self._first]
        return scale, mean

    def on_grid(self) -> tuple[Floats, Side, Side]:
        """At most `GRID` equal steps of share up to 1, and both arms' sums there."""
        steps = min(self.n, GRID)
        share = np.arange(1, steps + 1) / steps
        position = share * self.n
        return share, self.arm.at(position), self.control.at(position)


class _Ties:
    """Groups of equal scores in a sorted array."""

    def __init__(self, ordered: Floats) -> None:
        new = np.empty(len(ordered), dtype=bool)
        new[0] = True
        np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
        self._start = None if new.all() else np.flatnonzero(new)
        self._size = None if self._start is None else np.diff(np.append(self._start, len(ordered)))

    @property
    def one_group(self) -> bool:
        """Whether all scores are equal."""
        return self._start is not None and len(self._start) == 1

    def spread(self, values: Floats) -> Floats:
        """Every value replaced by the mean of its group."""
        if self._start is None or self._size is None:
            return values
        return np.repeat(np.add.reduceat(values, self._start) / self._size, self._size)


def _from_here(values: Floats) -> Floats:
    """Sums from each position to the end."""
    return np.asarray(np.cumsum(values[::-1])[::-1])


def _divide(numerator: Floats, denominator: Floats) -> Floats:
    """The quotient, NaN where the denominator is not positive."""
    out: Floats = np.full(np.shape(numerator), np.nan)
    np.divide(numerator, denominator, out=out, where=denominator > 0)
    return out
