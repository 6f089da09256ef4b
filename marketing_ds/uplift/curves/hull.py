"""Several arms under one budget: each customer's steps from nothing to ever dearer arms.

Which arm for whom under a budget is a multiple-choice knapsack. Its linear relaxation is solved by
greed: of each customer only the arms on the upper convex hull of (cost, gain) matter, each a step
up from the one before; all customers' steps are taken by falling gain per cost until the money is
spent. With many customers the relaxation is the solution but for one customer at the margin.

References
----------
Sinha & Zoltners (1979). The multiple-choice knapsack problem. Operations Research 27, 503-515.
Sverdrup, Wu, Athey, Wager (2023). Qini curves for multi-armed treatment rules. arXiv 2306.11979.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..arms import Floats
from .order import Rows, falling

_BLOCK = 1 << 17

Codes = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Steps:
    """Steps of all customers by falling gain per cost.

    Attributes
    ----------
    customer : ndarray of shape (steps,)
        Whose step it is.
    before, after : ndarray of shape (steps,)
        The arm left and the arm taken; 0 is control.
    start : ndarray of shape (groups + 1,)
        Where groups of steps with equal gain per cost begin, and the end.
    """

    customer: Rows
    before: Codes
    after: Codes
    start: Rows


def steps_of(gain: Floats, cost: Floats) -> Steps:
    """The steps worth taking, best first.

    Parameters
    ----------
    gain, cost : ndarray of shape (n, arms)
        Predicted gain over control, and cost at or above 0, of each arm.

    Examples
    --------
    Mail (cost 1) gains 2; a call (cost 3) gains 4, two more for two more: worth it later. For the
    second customer the call alone is worth it.

    >>> steps = steps_of(np.array([[2.0, 4.0], [0.1, 3.6]]), np.array([[1.0, 3.0], [1.0, 3.0]]))
    >>> list(zip(steps.customer.tolist(), steps.before.tolist(), steps.after.tolist()))
    [(0, 0, 1), (1, 0, 2), (0, 1, 2)]
    """
    found = [
        _climb(gain[low : low + _BLOCK], cost[low : low + _BLOCK], low)
        for low in range(0, len(gain), _BLOCK)
    ]
    customer, before, after, ratio = (np.concatenate(part) for part in zip(*found, strict=True))
    if not len(ratio):
        return Steps(customer, before, after, np.zeros(1, dtype=np.intp))
    free = np.isinf(ratio)  # what costs nothing comes before everything
    if free.any():
        ratio[free] = 2 * np.max(ratio[~free], initial=0.0) + 1
    order, start = falling(ratio)
    start = np.arange(len(order)) if start is None else start
    return Steps(customer[order], before[order], after[order], np.append(start, len(order)))


def _climb(gain: Floats, cost: Floats, first: int) -> tuple[Rows, Codes, Codes, Floats]:
    """Customer, arm left, arm taken and gain per cost of each step of a block of customers."""
    rows = np.arange(len(gain))
    arm = np.zeros(len(gain), dtype=np.int16)
    height, spent = np.zeros(len(gain)), np.zeros(len(gain))
    last = np.full(len(gain), np.inf)
    parts: list[tuple[Rows, Codes, Codes, Floats]] = []
    for _ in range(gain.shape[1]):
        rise = gain[rows] - height[rows, None]
        extra = cost[rows] - spent[rows, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(rise > 0, np.where(extra > 0, rise / extra, np.inf), -np.inf)
        best = ratio.max(axis=1)
        # Of steps in one direction the longest.
        choice = np.where(ratio == best[:, None], rise, -np.inf).argmax(axis=1)
        up = best > 0
        rows, choice, best = rows[up], choice[up], best[up]
        if not len(rows):
            break
        best = np.minimum(best, last[rows])  # rounding must not turn the hull
        taken = (choice + 1).astype(np.int16)
        parts.append((rows + first, arm[rows], taken, best))
        arm[rows], last[rows] = taken, best
        height[rows], spent[rows] = gain[rows, choice], cost[rows, choice]
    if not parts:
        nobody = np.zeros(0, dtype=np.intp)
        return nobody, nobody.astype(np.int16), nobody.astype(np.int16), np.zeros(0)
    customer, before, after, ratios = (np.concatenate(part) for part in zip(*parts, strict=True))
    return customer, before, after, ratios
