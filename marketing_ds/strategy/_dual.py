"""Prices of the limits: the Lagrangian dual of the allocation, by a level bundle method.

With a price on every limit the customers no longer depend on each other: each takes the offer that
is worth most after prices. The sum of those values plus the price of the limits,

    g(prices) = Σ_i max(0, max_a net[a, i] − (prices @ usage)[a]) + prices @ limit,

bounds every feasible plan from above; it is convex, so its minimum is found from values and
slopes alone. Each slope is a half-plane below g; the half-planes close in on the minimum, and
customers whose choice is the same everywhere in what remains are summed up once and left out, so
that later steps touch ever fewer customers.

References
----------
Lemaréchal, Nemirovskii, Nesterov (1995), New variants of bundle methods, Math. Programming 69.
Pisinger (1999), Core problems in knapsack algorithms, Operations Research 47(4).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linprog

from .limits import Constraints
from .value import FloatArray, IntArray

_BLOCK = 1 << 16
_TOLERANCE = 1e-11
_STEPS = 300
_LEVEL = 0.3
_SLACK = 1e-6  # ten times the tolerance of the linear programs


def choose(net: FloatArray, price: FloatArray) -> tuple[IntArray, float]:
    """The offer worth most after prices (−1: none) for each column of `net`, and their sum."""
    n = net.shape[1]
    choice = np.empty(n, dtype=np.int64)
    total = 0.0
    for start in range(0, n, _BLOCK):  # blocks that stay in the processor's cache
        block = net[:, start : start + _BLOCK]
        best = np.zeros(block.shape[1])
        taken = np.full(block.shape[1], -1)
        for a in range(len(net)):
            reduced = block[a] - price[a]
            better = reduced > best
            best[better] = reduced[better]
            taken[better] = a
        choice[start : start + _BLOCK] = taken
        total += float(best.sum())
    return choice, total


def counts_of(choice: IntArray, n_offers: int) -> FloatArray:
    """Customers per offer."""
    return np.bincount(choice + 1, minlength=n_offers + 1)[1:].astype(float)


@dataclass
class Dual:
    """The dual function over the customers whose choice is still open; `solve()` minimises it."""

    net: FloatArray
    """(A, n), −inf where an offer cannot be given."""
    limits: Constraints
    core: int
    """Stop once no more than this many customers are open."""
    prices: FloatArray = field(init=False)
    bound: float = field(init=False, default=np.inf)
    open_now: IntArray = field(init=False)
    """Positions of the customers whose choice is still open."""
    _open: FloatArray = field(init=False)
    _settled_value: float = field(init=False, default=0.0)
    _settled_counts: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        self.prices = np.zeros(len(self.limits.limit))
        self.open_now = np.flatnonzero(self.net.max(axis=0) > 0)
        self._open = self.net[:, self.open_now]
        self._settled_counts = np.zeros(len(self.net))

    def solve(self) -> None:
        """Minimise the dual; `prices` and `bound` then hold the best found."""
        box = _Box(np.zeros(len(self.prices)), self._highest_prices())
        query = self.prices
        for step in range(_STEPS):
            value, slope = self._evaluate(query)
            box.cut(slope, value - float(slope @ query))
            if value < self.bound:
                self.bound, self.prices = value, query
            if step == 0 and (slope >= 0).all():  # no limit binds
                return
            lowest = box.lowest(self.bound)
            if self.bound - lowest <= _TOLERANCE * abs(self.bound):
                return
            seen = box.resolves(self.bound - lowest)
            if step % (len(query) + 1) == len(query) or not seen:
                shrunk = box.shrink(self.bound, lowest)
                if not (seen or shrunk):  # as exact as the linear programs are
                    return
                self._settle(box.low @ self.limits.usage, box.high @ self.limits.usage)
                if self._open.shape[1] <= self.core:
                    return
            level = lowest + _LEVEL * (self.bound - lowest)
            query = box.nearest(self.prices, level, self.bound)

    def _evaluate(self, prices: FloatArray) -> tuple[float, FloatArray]:
        choice, total = choose(self._open, prices @ self.limits.usage)
        used = self.limits.used(counts_of(choice, len(self.net)) + self._settled_counts)
        settled = self._settled_value - prices @ self.limits.used(self._settled_counts)
        return float(total + settled + prices @ self.limits.limit), self.limits.limit - used

    def _highest_prices(self) -> FloatArray:
        """Above these, nobody who uses the limit takes anything."""
        best = self._open.max(axis=1, initial=0.0)
        return np.array(
            [(best[row > 0] / row[row > 0]).max(initial=0.0) for row in self.limits.usage]
        )

    def _settle(self, cheapest: FloatArray, dearest: FloatArray) -> None:
        """Sum up the customers who choose alike at all prices between the two."""
        choice, _ = choose(self._open, self.prices @ self.limits.usage)
        surest = np.zeros(len(choice))  # of what they chose, at the worst prices for it
        rival = np.where(choice < 0, -np.inf, 0.0)  # of all else, at the best prices for it
        for a, row in enumerate(self._open):
            mine = choice == a
            surest[mine] = row[mine] - dearest[a]
            np.maximum(rival, np.where(mine, -np.inf, row - cheapest[a]), out=rival)
        sure = surest > rival
        for a, row in enumerate(self._open):
            mine = sure & (choice == a)
            self._settled_value += float(row[mine].sum())
            self._settled_counts[a] += mine.sum()
        self.open_now = self.open_now[~sure]
        self._open = np.ascontiguousarray(self._open[:, ~sure])


class _Box:
    """Where the minimum can be: bounds on the prices, and half-planes below the function.

    The linear programs are solved in the box's own units and heights relative to the best value,
    since a solver's tolerances are absolute.
    """

    def __init__(self, low: FloatArray, high: FloatArray) -> None:
        self.low, self.high = low, high
        self._slopes = np.zeros((1, len(low)))  # the function is never negative
        self._heights = np.zeros(1)

    def cut(self, slope: FloatArray, height: float) -> None:
        """Add the half-plane ``height + slope @ prices``."""
        self._slopes = np.vstack([self._slopes, slope])
        self._heights = np.append(self._heights, height)

    def lowest(self, best: float) -> float:
        """The least value that the half-planes allow."""
        slopes, heights, unit = self._local(best)
        goal = np.append(np.zeros(len(self.low)), 1.0)
        rows = np.hstack([slopes, -np.ones((len(slopes), 1))])
        bounds = [(0.0, 1.0)] * len(self.low) + [(None, None)]
        found = linprog(goal, rows, -heights, bounds=bounds, method="highs")
        return best + unit * float(found.x[-1]) if found.x is not None else -np.inf

    def nearest(self, centre: FloatArray, level: float, best: float) -> FloatArray:
        """The point nearest to `centre` (by its largest step) where the half-planes are ≤ level."""
        slopes, heights, unit = self._local(best)
        n, width = len(self.low), self._width()
        place = (centre - self.low) / width
        steps = np.hstack([np.vstack([np.eye(n), -np.eye(n)]), -np.ones((2 * n, 1))])
        rows = np.vstack([np.hstack([slopes, np.zeros((len(slopes), 1))]), steps])
        right = np.r_[(level - best) / unit - heights, place, -place]
        goal = np.append(np.zeros(n), 1.0)
        bounds = [(0.0, 1.0)] * n + [(0.0, None)]
        found = linprog(goal, rows, right, bounds=bounds, method="highs")
        if found.x is None:
            return (self.low + self.high) / 2
        return self.low + width * np.clip(found.x[:n], 0.0, 1.0)

    def resolves(self, difference: float) -> bool:
        """Whether the linear programs can tell such a difference in height."""
        return difference > _SLACK * self._local(0.0)[2]

    def shrink(self, best: float, lowest: float) -> bool:
        """Tighten the bounds to where the function can be ≤ best; drop half-planes of no use.

        Returns whether any bound moved to speak of.
        """
        slopes, heights, unit = self._local(best)
        n, width = len(self.low), self._width()
        near, far = np.zeros(n), np.ones(n)
        for k in range(n):
            for sign in (1.0, -1.0):
                goal = np.zeros(n)
                goal[k] = sign
                bounds = list(zip(near, far, strict=True))
                found = linprog(goal, slopes, _SLACK - heights, bounds=bounds, method="highs")
                if found.x is not None and sign > 0:
                    near[k] = max(0.0, float(found.x[k]) - _SLACK)
                elif found.x is not None:
                    far[k] = min(1.0, float(found.x[k]) + _SLACK)
        self.low, self.high = self.low + width * near, self.low + width * far
        highest = self._heights + np.maximum(self._slopes * self.low, self._slopes * self.high).sum(
            axis=1
        )
        keep = highest >= lowest - _SLACK * unit
        self._slopes, self._heights = self._slopes[keep], self._heights[keep]
        return bool((far - near < 0.5).any())

    def _width(self) -> FloatArray:
        return np.maximum(self.high - self.low, 1e-300)

    def _local(self, best: float) -> tuple[FloatArray, FloatArray, float]:
        """Slopes, heights above `best` at the low corner, and their unit."""
        slopes = self._slopes * self._width()
        unit = max(float(np.abs(slopes).max(initial=0.0)), 1e-300)
        return slopes / unit, (self._heights + self._slopes @ self.low - best) / unit, unit
