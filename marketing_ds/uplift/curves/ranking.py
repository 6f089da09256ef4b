"""Customers of one arm and control in the order of a score: one pass to all that curves need.

After the sort the customers go by in blocks that stay in the processor's cache. A customer in a tie
stands for the tie's mean: with sums spread evenly over a tie, the running means are those of a
random order within it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ..arms import Floats
from .order import Rows, falling
from .sums import Side

GRID = 10_000
"""Number of shares at which a curve is kept; with fewer customers, every customer is kept."""

_BLOCK = 1 << 15
_PEEK = 1000

Mask = npt.NDArray[np.bool_]

_SIGNS = (1.0, -1.0)


class Ranking:
    """Customers of an arm and of control, best score first.

    Parameters
    ----------
    y, score : ndarray of shape (n,)
        Finite outcomes and scores.
    treated : ndarray of bool, shape (n,), optional
        Whether the customer was in the arm. Without it `y` holds effects (pseudo-outcomes) rather
        than outcomes: everyone is on the one side there is.
    weight : ndarray of shape (n,), optional
        1 / P(arm received).

    Attributes
    ----------
    order : ndarray of shape (n,)
        Rows, best first.
    share : ndarray of shape (steps,)
        Equal steps of share up to 1: every customer, or `GRID` of them.
    sides : tuple of Side
        Running sums at these shares: of the arm, and of control (if there is one).
    effect : ndarray of shape (steps,)
        Difference of the means within the top share. Above the first customer of the second arm
        seen one mean is unknown: those few share the first difference known, as if tied.
    mean_effect, mean_value : float
        Means over all customers r of the effect within the top r, and of that times r/n.
    """

    def __init__(
        self, y: Floats, score: Floats, treated: Mask | None, weight: Floats | None = None
    ) -> None:
        self.n = len(y)
        self.order, start = falling(score)
        self._ties = Ties(start, self.n)
        # Effects are differences of means: taking out the overall mean changes none and keeps
        # the sums of squares accurate for outcomes far from 0. Pseudo-outcomes are no difference.
        self.centre = 0.0 if treated is None else float(y.mean())
        self._y = y[self.order]
        self._y -= self.centre
        self._members = self._read_members(treated)
        self._weight = None if weight is None else weight[self.order]
        self._first = max(self._ties.begin(int(member.argmax())) for member in self._members)
        self.steps = min(self.n, GRID)
        self.share: Floats = np.arange(1, self.steps + 1) / self.steps
        self._sum_up()

    @property
    def one_group(self) -> bool:
        """Whether all scores are equal."""
        return self._ties.one_group

    def value(self) -> Floats:
        """V at the shares of the grid."""
        return self.share * self.effect

    def signed(self) -> list[tuple[float, Side]]:
        """The sides with the sign of their mean in the effect."""
        return list(zip(_SIGNS, self.sides, strict=False))

    def members(self) -> Iterator[tuple[float, Mask, Floats, Floats | float]]:
        """Of each side its sign, its customers, and all centred outcomes and weights, best first."""
        for sign, member in zip(_SIGNS, self._members, strict=False):
            yield sign, member, self._y, 1.0 if self._weight is None else self._weight

    @cached_property
    def ties_of_steps(self) -> Ties:
        """Which steps of the grid belong together, lying within one tie.

        A step that holds the end of a tie stands for itself.
        """
        if self._ties.start is None or self.steps == self.n:
            return self._ties if self.steps == self.n else Ties(None, self.steps)
        edges = np.linspace(0, self.n, self.steps + 1)
        tie_begin = np.searchsorted(self._ties.start, edges[:-1] + 1e-6, side="right")
        tie_end = np.searchsorted(self._ties.start, edges[1:] - 1e-6, side="right")
        own = tie_begin != tie_end
        new = np.append(True, (tie_begin[1:] != tie_begin[:-1]) | own[1:] | own[:-1])
        return Ties(None if new.all() else np.flatnonzero(new), self.steps)

    def _read_members(self, treated: Mask | None) -> list[Mask]:
        if treated is None:
            return [np.ones(self.n, dtype=bool)]
        ordered = treated[self.order]
        return [ordered, ~ordered]

    def _sum_up(self) -> None:
        """One pass: running sums at the grid, and the means of effect and value."""
        position = self.share * self.n
        position[-1] = self.n
        whole = position.astype(np.intp)
        each = 3 if self._weight is None else 5
        sums = np.zeros((each * len(self._members), self.steps))
        carry = np.zeros(len(sums))
        self.mean_effect = self.mean_value = 0.0
        filled = 0
        for low, high in self._blocks():
            columns = self._columns(slice(low, high))
            running = [values.cumsum() for values in columns]
            until = self.steps if high == self.n else int(np.searchsorted(whole, high))
            here = slice(filled, until)
            after, part = whole[here] - low, position[here] - whole[here]
            following = np.minimum(after, high - low - 1)
            for row, (values, summed) in enumerate(zip(columns, running, strict=True)):
                summed += carry[row]
                up_to = np.where(after > 0, summed[after - 1], carry[row])
                sums[row, here] = up_to + part * values[following]
                carry[row] = summed[-1]
            filled = until
            self._add_effects(
                [(running[k + 1], running[k]) for k in range(0, len(sums), each)], low
            )
        self.sides = tuple(
            _side(rows, ends)
            for rows, ends in zip(np.split(sums, len(self._members)), self._ends(), strict=True)
        )
        self.effect = self._effect_on_grid()

    def _ends(self) -> list[tuple[float, float] | None]:
        """Of each side the two values that its outcomes have, if they have no others."""
        if len(self._members) == 1:
            return [None]
        both = _two_values(self._y)
        # Of a side where nobody acted the other one knows that somebody could.
        return [both or _two_values(self._y[member]) for member in self._members]

    def _columns(self, block: slice) -> list[Floats]:
        """What is summed, customer by customer: of each side w, w·y, (w², w²·y,) w²·y²."""
        y, ties = self._y[block], self._ties.within(block)
        columns: list[Floats] = []
        for member in self._members:
            w = member[block].astype(np.float64)
            if self._weight is not None:
                w *= self._weight[block]
            outcome = w * y
            if self._weight is None:
                columns += [w, outcome, outcome * y]
            else:
                outcome2 = outcome * self._weight[block]
                columns += [w, outcome, w * self._weight[block], outcome2, outcome2 * y]
        return columns if ties is None else [ties.spread(values) for values in columns]

    def _add_effects(self, means: list[tuple[Floats, Floats]], low: int) -> None:
        """Add a block, given running outcome and weight of each side, to the two means."""
        skip = max(self._first - low, 0)
        outcome, weight = means[0]
        if skip >= len(outcome):
            return
        effect = outcome[skip:] / weight[skip:]
        for outcome, weight in means[1:]:
            effect -= outcome[skip:] / weight[skip:]
        rank = np.arange(low + skip + 1, low + skip + len(effect) + 1, dtype=np.float64)
        first = float(effect[0])
        self.mean_effect += float(effect.sum()) / self.n
        effect *= rank  # not a dot product: threads of its own would take longer to wake
        self.mean_value += float(effect.sum()) / self.n**2
        if low + skip == self._first:
            before = self._first * first / self.n
            self.mean_effect += before
            self.mean_value += before * (self._first + 1) / 2 / self.n

    def _effect_on_grid(self) -> Floats:
        effect = np.zeros(self.steps)
        for sign, side in self.signed():
            effect += sign * side.mean()
        return hold(effect)

    def _blocks(self) -> Iterator[tuple[int, int]]:
        """Runs of customers, cut between ties."""
        low = 0
        while low < self.n:
            high = self._ties.begin_after(min(low + _BLOCK, self.n))
            yield low, high
            low = high


class Ties:
    """Groups of equal scores among sorted ones: where each begins, None where all differ."""

    def __init__(self, start: Rows | None, n: int) -> None:
        self.start, self._n = start, n
        self._size = None if start is None else np.diff(np.append(start, n))

    @property
    def one_group(self) -> bool:
        """Whether all scores are equal."""
        return self.start is not None and len(self.start) == 1

    def begin(self, position: int) -> int:
        """Where the group of a position begins."""
        if self.start is None:
            return position
        return int(self.start[np.searchsorted(self.start, position, side="right") - 1])

    def begin_after(self, position: int) -> int:
        """The first begin of a group at or after a position, or the end."""
        if self.start is None or position >= self._n:
            return position
        at = int(np.searchsorted(self.start, position))
        return int(self.start[at]) if at < len(self.start) else self._n

    def within(self, block: slice) -> Ties | None:
        """The groups of a block that cuts none; None where all differ."""
        if self.start is None:
            return None
        low, high = np.searchsorted(self.start, (block.start, block.stop))
        if high - low == block.stop - block.start:
            return None
        return Ties(self.start[low:high] - block.start, block.stop - block.start)

    def spread(self, values: Floats) -> Floats:
        """Every value replaced by the mean of its group."""
        if self.start is None or self._size is None:
            return values
        return np.repeat(np.add.reduceat(values, self.start) / self._size, self._size)


def hold(values: Floats) -> Floats:
    """Values that begin with NaN, those replaced by the first that is known."""
    first = int(np.isfinite(values).argmax())
    values[:first] = values[first]
    return values


def _two_values(y: Floats) -> tuple[float, float] | None:
    """The lowest and the highest, if there is nothing between them."""
    # Most outcomes with more values show it at once.
    if len(np.unique(y[:_PEEK])) > 2:
        return None
    low, high = float(y.min()), float(y.max())
    return (low, high) if ((y == low) | (y == high)).all() else None


def _side(rows: Floats, ends: tuple[float, float] | None) -> Side:
    """Without weights w² is w, and w²·y is w·y."""
    if len(rows) == 5:
        weight, outcome, weight2, outcome2, square2 = rows
        return Side(weight, outcome, weight2, outcome2, square2, ends)
    count, outcome, square = rows
    return Side(count, outcome, count, outcome, square, ends)
