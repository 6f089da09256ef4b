"""From prices to a plan of whole customers that breaks no limit.

At the right prices nearly every customer has one clear choice. The few who are close to
indifferent (the core) decide how the limits are used up: their linear programme gives the exact
prices and leaves at most one customer a limit divided; those are then settled one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array, vstack

from ._dual import choose, counts_of
from .limits import Constraints
from .value import FloatArray, IntArray

_NODES = 100
_FINE = 1e-3  # else HiGHS (1.12) prints a line whenever its rounding touches a limit
_ROUNDS = 10
_SAME = 1e-12
_LARGEST = 1 << 16


def round_prices(
    net: FloatArray, limits: Constraints, prices: FloatArray, open_now: IntArray, size: int
) -> tuple[IntArray, FloatArray, IntArray]:
    """A plan near these prices, the exact prices, and the core of about `size` customers.

    `open_now` are the customers whose choice the prices' remaining uncertainty leaves open.
    """
    best, core, relaxed = np.inf, open_now, None
    for _ in range(_ROUNDS):
        choice, total = choose(net, prices @ limits.usage)
        best = min(best, total + float(prices @ limits.limit))
        choice[core] = -1
        relaxed, bound = None, np.inf
        if not _exceeds(choice, net, limits):
            relaxed = _Core(net[:, core], limits, counts_of(choice, len(net))).relaxed(prices)
            bound = choose(net, relaxed.prices @ limits.usage)[1]
            bound += float(relaxed.prices @ limits.limit)
        if relaxed is not None and bound < best * (1 - _SAME):
            prices = relaxed.prices
        elif relaxed is not None and bound <= best * (1 + _SAME) and len(core) <= size:
            break
        elif bound > best * (1 + _SAME):  # the core does not hold all who matter
            size = min(4 * size, _LARGEST)
        core = core_of(net, prices @ limits.usage, size)
    choice, _ = choose(net, prices @ limits.usage)
    choice[core] = -1
    choice = drop_excess(choice, net, limits, prices)
    if relaxed is not None and len(relaxed.choice) == len(core):
        trial = choice.copy()
        trial[core] = relaxed.choice
        choice = choice if _exceeds(trial, net, limits) else trial
    return fill_up(choice, core, net, limits), prices, core


def solve_exactly(
    net: FloatArray, limits: Constraints
) -> tuple[IntArray, FloatArray, float | None]:
    """The best plan of few customers, prices, and the bound that the solver proved."""
    model = _Core(net, limits, np.zeros(len(net)))
    relaxed = model.relaxed(np.zeros(len(limits.limit)))
    everyone = np.arange(net.shape[1])
    choice, bound = model.solved()
    if choice is None:
        choice = relaxed.choice
    return fill_up(choice, everyone, net, limits), relaxed.prices, bound


def core_of(net: FloatArray, price: FloatArray, size: int) -> IntArray:
    """Positions of the `size` customers closest to indifferent at these prices, in order."""
    possible = np.flatnonzero(net.max(axis=0) > 0)
    if len(possible) <= size:
        return possible
    best, second = np.zeros(len(possible)), np.full(len(possible), -np.inf)
    for a, row in enumerate(net[:, possible]):
        reduced = row - price[a]
        np.maximum(second, np.minimum(best, reduced), out=second)
        np.maximum(best, reduced, out=best)
    core: IntArray = possible[np.argpartition(best - second, size)[:size]]
    return np.sort(core)


def drop_excess(
    choice: IntArray, net: FloatArray, limits: Constraints, prices: FloatArray
) -> IntArray:
    """Take offers away, the least worth per unit first, until no limit is exceeded."""
    choice, price = choice.copy(), prices @ limits.usage
    for usage, most in zip(limits.usage, limits.room(), strict=True):
        given = np.flatnonzero(choice >= 0)
        given = given[usage[choice[given]] > 0]
        uses = usage[choice[given]]
        worth = (net[choice[given], given] - price[choice[given]]) / uses
        order = np.argsort(-worth, kind="stable")
        over = np.cumsum(uses[order]) > most
        choice[given[order[over]]] = -1
    return choice


def fill_up(choice: IntArray, core: IntArray, net: FloatArray, limits: Constraints) -> IntArray:
    """Change one customer of the core at a time, the greatest gain first, while limits allow."""
    choice = choice.copy()
    values = np.vstack([net[:, core], np.zeros(len(core))])  # the last row: nothing
    usage = np.hstack([limits.usage, np.zeros((len(limits.limit), 1))])
    left = limits.room() - limits.used(counts_of(choice, len(net)))
    for _ in range(len(core)):
        now = choice[core]  # -1 picks the last row and column
        gain = values - values[now, np.arange(len(core))]
        for most, row in zip(left, usage, strict=True):
            gain[row[:, None] - row[now] > most] = -np.inf
        a, i = np.unravel_index(int(gain.argmax()), gain.shape)
        if gain[a, i] <= 0:
            break
        left -= usage[:, a] - usage[:, now[i]]
        choice[core[i]] = a if a < len(net) else -1
    return choice


def in_order_of_id(choice: IntArray, net: FloatArray) -> IntArray:
    """Among customers with the same values, give the offers to the earlier ids."""
    if not len(choice):
        return choice
    _, kind = np.unique(net, axis=1, return_inverse=True)
    kind = kind.ravel()
    rank = np.where(choice < 0, len(net), choice)  # nothing comes last
    settled = np.empty_like(choice)
    settled[np.argsort(kind, kind="stable")] = choice[np.lexsort((rank, kind))]
    return settled


def _exceeds(choice: IntArray, net: FloatArray, limits: Constraints) -> bool:
    return bool((limits.used(counts_of(choice, len(net))) > limits.room()).any())


@dataclass(frozen=True)
class _Relaxed:
    """A core divided at will: prices of what is left of the limits, and the whole choices."""

    prices: FloatArray
    choice: IntArray


class _Core:
    """The programme of the core: one variable per possible (customer, offer)."""

    def __init__(self, net: FloatArray, limits: Constraints, counts: FloatArray) -> None:
        self.customer, self.offer = np.nonzero((net > 0).T)
        self._net, self._limits, self._counts = net, limits, counts
        n = len(self.customer)
        values = net[self.offer, self.customer]
        self._unit = float(values.max(initial=0.0)) or 1.0
        self._value = values / self._unit
        self._scale = np.maximum(limits.usage.max(axis=1), 1e-300)
        self._usage = csr_array((limits.usage / self._scale[:, None])[:, self.offer])
        self._room = np.maximum(limits.limit - limits.used(counts), 0.0) / self._scale
        places = (np.ones(n), (self.customer, np.arange(n)))
        self._one_each = csr_array(places, shape=(net.shape[1], n))

    def relaxed(self, prices: FloatArray) -> _Relaxed:
        """Prices of the limits when customers may be divided; the undivided ones' choices.

        An empty core has no say, `prices` stay.
        """
        if not len(self._value):
            return _Relaxed(prices, np.full(self._net.shape[1], -1))
        rows: Any = vstack([self._usage, self._one_each])  # the stubs know no sparse rows
        found = linprog(
            -self._value,
            rows,
            np.r_[self._room, np.ones(self._net.shape[1])],
            bounds=(0, None),
            method="highs",
        )
        assert found.x is not None  # nothing for anyone is always allowed
        prices = -found.ineqlin.marginals[: len(self._room)] * self._unit / self._scale
        return _Relaxed(np.maximum(prices, 0.0), self._choice(np.asarray(found.x > 1 - 1e-7)))

    def solved(self) -> tuple[IntArray | None, float | None]:
        """The best choice (None if the solver found none) and the proved bound on its value."""
        margin = 0.0
        for _ in range(2):
            found = milp(
                -self._value,
                integrality=np.ones(len(self._value), dtype=np.int64),
                bounds=Bounds(0, 1),
                constraints=[
                    LinearConstraint(_FINE * self._usage, ub=_FINE * self._room - margin),
                    LinearConstraint(self._one_each, ub=np.ones(self._net.shape[1])),
                ],
                options={"mip_rel_gap": 1e-7, "node_limit": _NODES, "presolve": False},
            )
            if found.x is None:
                break
            choice = self._choice(found.x > 0.5)
            if not _exceeds(choice, self._net, self._limits):
                proved = None if margin or found.mip_dual_bound is None else -found.mip_dual_bound
                return choice, None if proved is None else proved * self._unit
            margin = 2e-6  # the solver's tolerance stepped over a limit
        return None, None

    def _choice(self, chosen: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> IntArray:
        choice = np.full(self._net.shape[1], -1)
        choice[self.customer[chosen]] = self.offer[chosen]
        return choice
