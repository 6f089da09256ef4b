"""Credit for purchases among the channels that touched their buyers: a description, not an effect.

Nobody was held out, so nobody knows what would have happened without a channel: who was about to
buy also opens the app. The credits say how purchases go together with touches, no more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import t as student

from marketing_ds._core.display import Result
from marketing_ds._core.estimate import Floats

from .touches import CHANNELS, GROUPS, START, Journeys
from .use import put

Ints: TypeAlias = npt.NDArray[np.int_]

METHODS = ("shapley", "markov", "linear", "first", "last")


@dataclass(frozen=True)
class TouchAttribution(Result):
    """Credits of channels for purchases; descriptive, without control.

    Attributes
    ----------
    buyers, touched_buyers : int
        Customers who bought within the window, and of them those with a touch in the look-back.
    baseline : float
        Purchases to be expected had everybody bought at the rate of the untouched: what Shapley
        gives to no channel.
    lookback_days : int
        How long before the purchase a touch counts.
    alpha : float
        1 − confidence of the intervals.
    """

    buyers: int
    touched_buyers: int
    baseline: float
    lookback_days: int
    alpha: float
    _frame: pd.DataFrame = field(repr=False)

    evidence = "descriptive"
    """No hold-out: credits are no effects."""

    def to_frame(self) -> pd.DataFrame:
        """One row per method and channel: credit (purchases) and credit_share, with intervals.

        - shapley: the channel's Shapley value in the game whose worth of a set of channels is the
          share of buyers among customers touched by exactly these (of sets that nobody has, among
          those touched by these at most); it may be negative. Sums to buyers − baseline.
        - markov: purchases that the chain of touches loses without the channel, scaled to the
          touched buyers. First order; channels in a row count once.
        - linear, first, last: a buyer's purchase in equal parts to all touches, to the first, to
          the last.

        Intervals: the jackknife over 256 groups of customers drawn by lot.
        """
        return self._frame.copy()


def touch_attribution(counted: Journeys, lookback_days: int, alpha: float) -> TouchAttribution:
    """Credits by every method from counts of journeys.

    References
    ----------
    Dalessandro, Perlich, Stitelman, Provost (2012), Causally motivated attribution for online
    advertising, ADKDD. Anderl, Becker, von Wangenheim, Schumann (2016), Mapping the customer
    journey, International Journal of Research in Marketing 33. Shao, Tu (1995), The Jackknife and
    Bootstrap.
    """
    sums = _Sums(counted)
    rows = []
    for method, credits in _CREDITS.items():
        value = credits(sums)
        whole = value.sum(axis=1, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = value / whole
        frame = pd.DataFrame({"method": method, "channel": sums.names})
        for name, parts in (("credit", value), ("credit_share", share)):
            put(frame, name, *_jackknife(parts, alpha))
        rows.append(frame)
    frame = pd.concat(rows, ignore_index=True)
    touched = int(sums.bought[0].sum())
    buyers = touched + int(counted.untouched_buyers["n"].sum())
    baseline = buyers - float(shapley(sums)[0].sum())
    return TouchAttribution(buyers, touched, baseline, lookback_days, alpha, frame)


class _Sums:
    """Counts of journeys: row 0 of all customers, then each without one group."""

    def __init__(self, counted: Journeys) -> None:
        steps = counted.steps
        there = sorted({int(bit) for bit in steps["channel"]})
        self.names = [CHANNELS[int(math.log2(bit))] for bit in there]
        place = {START: 0} | {bit: i + 1 for i, bit in enumerate(there)}
        size = len(there)
        lot = _lots(steps)
        old, new = (steps[name].map(place).to_numpy(int) for name in ("previous", "channel"))
        n, part = steps["n"].to_numpy(float), steps["part"].to_numpy(float)
        bought, ends = steps["bought"].to_numpy(bool), steps["ends"].to_numpy(bool)
        fresh = old != new
        # From START and channels to channels, to no purchase (0) and to a purchase (the last).
        moves = np.zeros((GROUPS, size + 1, size + 2))
        np.add.at(moves, (lot[fresh], old[fresh], new[fresh]), n[fresh])
        np.add.at(moves, (lot[ends], new[ends], np.where(bought, size + 1, 0)[ends]), n[ends])
        masks = steps["mask"].map(lambda mask: _packed(int(mask), there)).to_numpy(int)
        people, buyers = np.zeros((2, GROUPS, 2**size))
        np.add.at(people, (lot[ends], masks[ends]), n[ends])
        np.add.at(buyers, (lot[ends], masks[ends]), (n * bought)[ends])
        rest = counted.untouched_buyers
        buyers[:, 0] = np.bincount(_lots(rest), weights=rest["n"].to_numpy(float), minlength=GROUPS)
        people[:, 0] = counted.untouched / GROUPS
        self.moves, self.people, self.buyers = (_left_out(a) for a in (moves, people, buyers))
        self.bought = self.moves[:, 1:, size + 1]
        self.parts = {}
        for name, chosen, weight in (
            ("linear", fresh & bought, part),
            ("first", fresh & bought & (old == 0), n),
            ("last", ends & bought, n),
        ):
            table = np.zeros((GROUPS, size))
            np.add.at(table, (lot[chosen], new[chosen] - 1), weight[chosen])
            self.parts[name] = _left_out(table)


def _lots(rows: pd.DataFrame) -> Ints:
    """Numbers of the groups."""
    return np.array([int(text, 16) for text in rows["lot"]], dtype=int)


def _left_out(groups: Floats) -> Floats:
    """The sum over groups, then the sums without each of them."""
    whole = groups.sum(axis=0)
    return np.concatenate([whole[None], whole[None] - groups])


def _packed(mask: int, bits: list[int]) -> int:
    """A set of channels as bits of their places among those that are there."""
    return sum(1 << place for place, bit in enumerate(bits) if mask & bit)


def markov(sums: _Sums) -> Floats:
    """Removal effects of the absorbing chain, scaled to the touched buyers."""
    size = len(sums.names)
    leaving = sums.moves.sum(axis=2, keepdims=True)
    chance = np.divide(sums.moves, leaving, out=np.zeros_like(sums.moves), where=leaving > 0)
    whole = _absorbed(chance, size)
    lost = np.empty((len(chance), size))
    for channel in range(size):
        without = chance.copy()
        without[:, :, channel + 1] = 0.0  # whoever would come to it is lost
        lost[:, channel] = whole - _absorbed(without, size)
    total = lost.sum(axis=1, keepdims=True)
    share = np.divide(lost, total, out=np.zeros_like(lost), where=total > 0)
    return np.asarray(share * sums.bought.sum(axis=1, keepdims=True))


def _absorbed(chance: Floats, size: int) -> Floats:
    """P(purchase) of a journey from its start."""
    among = chance[:, :, : size + 1].copy()
    among[:, :, 0] = 0.0
    solved = np.linalg.solve(np.eye(size + 1) - among, chance[:, :, size + 1 :])
    return np.asarray(solved[:, 0, 0])


def shapley(sums: _Sums) -> Floats:
    """Shapley values, exact over all subsets, summed over customers by the set that touched them."""
    size = len(sums.names)
    worth = _worth(sums.people, sums.buyers, size)
    credit = np.zeros((len(worth), size))
    for members in range(1, 2**size):
        people = sums.people[:, members]
        if not people[0]:
            continue
        count = members.bit_count()
        for channel in (c for c in range(size) if members >> c & 1):
            others = members & ~(1 << channel)
            subsets = [s for s in range(others + 1) if s & ~others == 0]
            weight = [1 / (count * math.comb(count - 1, s.bit_count())) for s in subsets]
            added = worth[:, [s | 1 << channel for s in subsets]] - worth[:, subsets]
            credit[:, channel] += people * (added @ np.array(weight))
    return credit


def _worth(people: Floats, buyers: Floats, size: int) -> Floats:
    """Share of buyers by set; of a set that nobody has, among those touched by these at most."""
    below, bought = people.copy(), buyers.copy()
    sets = np.arange(2**size)
    for channel in range(size):
        with_it = sets[sets >> channel & 1 == 1]
        below[:, with_it] += below[:, with_it ^ 1 << channel]
        bought[:, with_it] += bought[:, with_it ^ 1 << channel]
    there = people > 0
    over, under = np.where(there, buyers, bought), np.where(there, people, below)
    return np.divide(over, under, out=np.zeros_like(over), where=under > 0)


def _jackknife(values: Floats, alpha: float) -> tuple[Floats, Floats, Floats]:
    """The first row, with an interval from the others: each without one group."""
    spread = ((values[1:] - values[1:].mean(axis=0)) ** 2).sum(axis=0)
    error = np.sqrt(spread * (GROUPS - 1) / GROUPS)
    half = float(student.ppf(1 - alpha / 2, GROUPS - 1)) * error
    return values[0], values[0] - half, values[0] + half


_CREDITS: Mapping[str, Callable[[_Sums], Floats]] = {
    "shapley": shapley,
    "markov": markov,
    "linear": lambda sums: sums.parts["linear"],
    "first": lambda sums: sums.parts["first"],
    "last": lambda sums: sums.parts["last"],
}
