"""Money spent step by step: what it brought, and how sure that is."""

from __future__ import annotations

import numpy as np

from ..arms import Floats
from .hull import Steps

_GRID = 10_000


class Spending:
    """Steps of all customers taken by falling gain per cost, at every budget.

    Parameters
    ----------
    steps : Steps
        What is bought, in which order.
    values : ndarray of shape (n, 1 + arms)
        Of each customer and arm a value whose mean is the outcome under the arm, control first.
    cost : ndarray of shape (n, arms)
        Cost of each arm.

    Attributes
    ----------
    budget, curve : ndarray of shape (m,)
        Spent per person, from 0 to everything that is worth it, and what that brings per person.
    """

    def __init__(self, steps: Steps, values: Floats, cost: Floats) -> None:
        self.n = len(values)
        self.values, self.cost = values, cost
        self._steps = steps
        who = steps.customer
        gain = values - values[:, :1]
        spent = np.column_stack([np.zeros(self.n), cost])
        d0, d1 = gain[who, steps.before], gain[who, steps.after]
        c0, c1 = spent[who, steps.before], spent[who, steps.after]
        self._more, self._extra = d1 - d0, c1 - c0
        # Sums over the groups up to each; a group is taken in one part f of each of its steps, so
        # that of second moments (a + f·b)² some grow with f and some with f².
        self._gained = self._up_to(self._more)
        self._spent = self._up_to(self._extra)
        pairs = ((d0, d0, self._more, self._more), (d0, c0, self._more, self._extra))
        self._moments = [
            tuple(self._up_to(product) for product in (a * y + b * x + x * y, a * y + b * x, x * y))
            for a, b, x, y in (*pairs, (c0, c0, self._extra, self._extra))
        ]
        self.budget: Floats = self._spent[-1] * np.arange(_GRID + 1) / _GRID
        self.curve = self._at(self.budget, self._gained)

    def value(self, budget: float) -> float:
        """Incremental outcome per person."""
        return float(self._at(np.array([min(budget, self.budget[-1])]), self._gained)[0])

    def standard_error(self) -> Floats:
        """Of `curve`: the spread of D − V′·C over the customers, D gained and C spent on each."""
        slope = self._slope(self.budget)
        dd, dc, cc = (self._moment(self.budget, *moment) for moment in self._moments)
        squares = dd - 2 * slope * dc + slope**2 * cc
        mean = self.curve - slope * self.budget
        return np.sqrt(np.maximum(squares - mean**2, 0.0) / self.n)

    def influence(self, budget: float) -> Floats:
        """Influence of each customer on `value`, at one budget."""
        budget = min(budget, float(self.budget[-1]))
        group, part = self._place(np.array([budget]))
        taken = np.zeros(len(self._more))
        start, end = self._steps.start[group[0]], self._steps.start[min(group[0] + 1, self._groups)]
        taken[:start], taken[start:end] = 1.0, part[0]
        who = self._steps.customer
        slope = float(self._slope(np.array([budget]))[0])
        moved = np.bincount(who, taken * (self._more - slope * self._extra), self.n)
        return np.asarray(moved - moved.mean())

    def mix(self) -> Floats:
        """Share of the customers with each arm, shape (m, arms)."""
        shares = []
        for arm in range(1, self.values.shape[1]):
            change = (self._steps.after == arm).astype(float) - (self._steps.before == arm)
            shares.append(self._at(self.budget, self._up_to(change)))
        return np.column_stack(shares)

    @property
    def _groups(self) -> int:
        return len(self._steps.start) - 1

    def _up_to(self, values: Floats) -> Floats:
        """Sums per person of the groups before each group, and of all."""
        return np.append(0.0, np.cumsum(values))[self._steps.start] / self.n

    def _place(
        self, budget: Floats
    ) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.intp]], Floats]:
        """The group in which a budget ends, and the part of it that is paid."""
        group = np.searchsorted(self._spent, budget, side="right") - 1
        after = np.minimum(group + 1, self._groups)
        price = self._spent[after] - self._spent[group]
        left = budget - self._spent[group]
        return group, np.divide(left, price, out=np.zeros(len(budget)), where=price > 0)

    def _at(self, budget: Floats, sums: Floats) -> Floats:
        group, part = self._place(budget)
        after = np.minimum(group + 1, self._groups)
        return np.asarray(sums[group] + part * (sums[after] - sums[group]))

    def _moment(self, budget: Floats, whole: Floats, once: Floats, twice: Floats) -> Floats:
        group, part = self._place(budget)
        after = np.minimum(group + 1, self._groups)
        linear, square = once[after] - once[group], twice[after] - twice[group]
        return np.asarray(whole[group] + part * linear + part**2 * square)

    def _slope(self, at: Floats) -> Floats:
        """V′, from a window of a tenth of the money, narrower at the steep start; 0 at the end, where
        all is bought that is worth it."""
        total = self.budget[-1]
        if total == 0:
            return np.zeros(len(at))
        near = np.minimum(0.05 * total, np.maximum(at / 2, 0.005 * total))
        low, high = np.maximum(at - near, 0.0), np.minimum(at + near, total)
        rise = self._at(high, self._gained) - self._at(low, self._gained)
        return np.where(at < total, rise / (high - low), 0.0)
