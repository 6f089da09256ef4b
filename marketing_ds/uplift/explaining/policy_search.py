"""The best shallow tree over banded tags, found exactly from sums over pairs of tags.

A tree of depth 2 asks about one tag and then, on each side, about another. Its worth depends on the
customers only through sums over the pair's bands: these are taken once, in one pass for each pair,
and the best tree is then found from them without the customers. Depths beyond 2 take the first question of the best tree of depth 2 and go on below it: near-exact,
like the hybrid search of the R package policytree.

Reference: Athey, Wager (2021). Policy learning with observational data. Econometrica 89(1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ..arms import Floats
from .bands import BandedTag

Aim = Literal["value", "effect"]
_PAYS, _DIFFERS = 1.0, 3.0
"""Standard errors that a last question has to pay, or to set effects apart by. What pays is chosen by
what is likelier: asking for two standard errors gave away a seventh to a half of a tree's worth in
simulations, one cost nothing. That effects differ is a claim, and the best of hundreds of questions
always does a little."""

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Leaf:
    """Everybody here is given the same: what brought most among the customers chosen by.

    Attributes
    ----------
    reward : tuple of float
        Summed reward of each arm beside control.
    """

    reward: tuple[float, ...]

    @property
    def offer(self) -> int:
        """The best arm beside control, from 1."""
        return int(np.argmax(self.reward)) + 1

    @property
    def arm(self) -> int:
        """The best arm, 0 for control."""
        return self.offer if max(self.reward) > 0 else 0


@dataclass(frozen=True)
class Split:
    """A question about a tag: to the left go bands up to `band`; of a category, `band` itself."""

    tag: int
    band: int
    left: Node
    right: Node


Node = Leaf | Split


@dataclass(frozen=True)
class Problem:
    """What a tree is searched for.

    Attributes
    ----------
    tags : sequence of BandedTag
    codes : tuple of ndarray of shape (n,)
        The bands, by tag.
    reward : ndarray of shape (n, arms)
        What each arm beside control brings, above control.
    aim : {"value", "effect"}
        Give each leaf what pays most; or set apart customers whose effects differ.
    min_share : float
        Of the customers, the least in a leaf.
    """

    tags: Sequence[BandedTag]
    codes: tuple[npt.NDArray[np.int16], ...]
    reward: Floats
    aim: Aim
    min_share: float


Sums = Mapping[tuple[int, int], Floats]
"""By pair of tags: customers and their rewards, shape (bands, bands, 1 + arms)."""


def grow(problem: Problem, depth: int) -> Node:
    """The best tree of `depth`, without questions that do not clearly matter.

    Examples
    --------
    >>> codes = np.array([0, 0, 1, 1] * 25, dtype=np.int16)
    >>> tag = BandedTag("vip", "category", codes, levels=("no", "yes"))
    >>> reward = np.where(codes == 1, 1.0, -1.0)[:, None]
    >>> grow(Problem([tag], (codes,), reward, "value", 0.1), 1)
    Split(tag=0, band=0, left=Leaf(reward=(-50.0,)), right=Leaf(reward=(50.0,)))
    """
    rows = np.arange(len(problem.reward))
    least = max(2.0, problem.min_share * len(rows))
    node = _search(problem, _tally(problem, rows), min(depth, 2), least)
    return _pruned(problem, _deepen(problem, node, rows, depth, least), rows)


def assign(node: Node, codes: Sequence[npt.NDArray[np.int16]], tags: Sequence[BandedTag]) -> Rows:
    """For each customer the number of the leaf, from the left."""
    n = len(codes[0]) if codes else 0
    out = np.zeros(n, dtype=np.intp)
    waiting, number = [(node, np.arange(n))], 0
    while waiting:
        here, rows = waiting.pop()
        if isinstance(here, Leaf):
            out[rows] = number
            number += 1
            continue
        left = _goes_left(codes[here.tag][rows], tags[here.tag], here.band)
        waiting += [(here.right, rows[~left]), (here.left, rows[left])]
    return out


def leaves(node: Node) -> tuple[Leaf, ...]:
    """From the left, as `assign` numbers them."""
    return (node,) if isinstance(node, Leaf) else (*leaves(node.left), *leaves(node.right))


def _goes_left(codes: npt.NDArray[np.int16], tag: BandedTag, band: int) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = codes == band if tag.kind == "category" else codes <= band
    return found


def _tally(problem: Problem, rows: Rows) -> Sums:
    """Sums over every pair of tags, each with itself too."""
    codes = [own[rows] for own in problem.codes]
    sizes = [tag.size for tag in problem.tags]
    reward = problem.reward[rows]
    sums = {}
    for first, size in enumerate(sizes):
        row = codes[first].astype(np.intp)
        for second in range(first, len(sizes)):
            cells = size * sizes[second]
            joint = row * sizes[second] + codes[second]
            parts = [np.bincount(joint, minlength=cells).astype(np.float64)]
            parts += [
                np.bincount(joint, own, minlength=cells).astype(np.float64) for own in reward.T
            ]
            sums[first, second] = np.stack(parts, axis=-1).reshape(size, sizes[second], -1)
    return sums


def _search(problem: Problem, pairs: Sums, depth: int, least: float) -> Node:
    """The best tree of depth 1 or 2."""
    tags = problem.tags
    total = pairs[0, 0].sum(axis=(0, 1))
    found: Node = _leaf(total)
    best = float(_score(total, problem.aim, 0.0))
    enough = best + 1e-9 * abs(best) + 1e-12 * total[0]
    for at, tag in enumerate(tags):
        alone = pairs[at, at].sum(axis=1)
        left = _left(alone, tag)
        if not len(left):
            continue
        sides = left, total - left
        scores = [_score(side, problem.aim, least) for side in sides]
        if depth == 2:
            nodes = [_best_children(problem, pairs, at, side, least) for side in (0, 1)]
            scores = [
                np.maximum(plain, deep) for plain, (deep, _, _) in zip(scores, nodes, strict=True)
            ]
        worth = scores[0] + scores[1]
        band = int(worth.argmax())
        if worth[band] <= enough:
            continue
        enough = float(worth[band])
        children: list[Node] = []
        for side in (0, 1):
            node: Node = _leaf(sides[side][band])
            if depth == 2:
                deep, second, cut = nodes[side]
                if deep[band] > _score(sides[side][band], problem.aim, least):
                    table = _sides(pairs, at, int(second[band]), tags)[side][band]
                    below = _left(table, tags[second[band]])[cut[band]]
                    rest = table.sum(axis=0) - below
                    node = Split(int(second[band]), int(cut[band]), _leaf(below), _leaf(rest))
            children.append(node)
        found = Split(at, band, children[0], children[1])
    return found


def _best_children(
    problem: Problem, pairs: Sums, at: int, side: int, least: float
) -> tuple[Floats, Rows, Rows]:
    """For each band that tag `at` can be parted at, the best question on one side of it."""
    bands = len(_left(pairs[at, at], problem.tags[at]))
    best = np.full(bands, -np.inf)
    second, cut = np.full(bands, at), np.zeros(bands, dtype=np.intp)
    for other, tag in enumerate(problem.tags):
        table = _sides(pairs, at, other, problem.tags)[side]
        below = np.moveaxis(_left(np.moveaxis(table, 1, 0), tag), 0, 1)
        if not below.shape[1]:
            continue
        above = table.sum(axis=1, keepdims=True) - below
        worth = _score(below, problem.aim, least) + _score(above, problem.aim, least)
        where = worth.argmax(axis=1)
        top = worth[np.arange(bands), where]
        better = top > best
        best = np.where(better, top, best)
        second, cut = np.where(better, other, second), np.where(better, where, cut)
    return best, second, cut


def _sides(pairs: Sums, at: int, other: int, tags: Sequence[BandedTag]) -> tuple[Floats, Floats]:
    """Sums by band of `other`, left and right of each band of `at`."""
    table = pairs[at, other] if at <= other else np.swapaxes(pairs[other, at], 0, 1)
    left = _left(table, tags[at])
    return left, table.sum(axis=0) - left


def _left(table: Floats, tag: BandedTag) -> Floats:
    """Along the first axis: the sums that go left at each band that leaves somebody to the right."""
    if tag.size < 2:
        return table[:0]
    if tag.kind == "category":
        return table
    summed: Floats = np.cumsum(table, axis=0)[:-1]
    return summed


def _score(sums: Floats, aim: Aim, least: float) -> Floats:
    """What a leaf with these customers and rewards is worth; nothing at all where they are few."""
    count, reward = sums[..., 0], sums[..., 1:]
    if aim == "value":
        worth = np.maximum(reward.max(axis=-1), 0.0)
    else:
        worth = (reward**2).sum(axis=-1) / np.maximum(count, 1.0)
    return np.where(count >= least, worth, -np.inf)


def _leaf(sums: Floats) -> Leaf:
    return Leaf(tuple(sums[1:].tolist()))


def _deepen(problem: Problem, node: Node, rows: Rows, depth: int, least: float) -> Node:
    """Below the first question, whole trees of the depth that is left."""
    if depth <= 2 or isinstance(node, Leaf):
        return node
    left = _goes_left(problem.codes[node.tag][rows], problem.tags[node.tag], node.band)
    below = []
    for some in (rows[left], rows[~left]):
        child = _search(problem, _tally(problem, some), 2, least)
        below.append(_deepen(problem, child, some, depth - 1, least))
    return Split(node.tag, node.band, below[0], below[1])


def _pruned(problem: Problem, node: Node, rows: Rows) -> Node:
    """Without last questions that change nothing clear among the customers they were chosen by."""
    if isinstance(node, Leaf):
        return node
    goes = _goes_left(problem.codes[node.tag][rows], problem.tags[node.tag], node.band)
    parts = rows[goes], rows[~goes]
    left, right = _pruned(problem, node.left, parts[0]), _pruned(problem, node.right, parts[1])
    if isinstance(left, Leaf) and isinstance(right, Leaf):
        both = Leaf(tuple(a + b for a, b in zip(left.reward, right.reward, strict=True)))
        rewards = problem.reward[parts[0]], problem.reward[parts[1]]
        if problem.aim == "effect":
            clear = _differs(*rewards)
        else:
            clear = _pays(rewards, (left.arm, right.arm), both.arm)
        if not clear:
            return both
    return Split(node.tag, node.band, left, right)


def _pays(rewards: Sequence[Floats], arms: Sequence[int], one: int) -> bool:
    """Whether an arm a side clearly brings more than one arm for both."""
    more = [
        received(reward, np.full(len(reward), arm)) - received(reward, np.full(len(reward), one))
        for reward, arm in zip(rewards, arms, strict=True)
    ]
    error = np.sqrt(sum(float(some @ some) for some in more))
    return bool(sum(float(some.sum()) for some in more) > _PAYS * error)


def _differs(left: Floats, right: Floats) -> bool:
    """Whether the effect of some arm clearly differs between the sides."""
    apart = np.abs(left.mean(axis=0) - right.mean(axis=0))
    error = np.sqrt(left.var(axis=0) / len(left) + right.var(axis=0) / len(right))
    return bool((apart > _DIFFERS * error).any())


def received(reward: Floats, arm: Rows) -> Floats:
    """The reward of the arm that each customer is given, 0 for control."""
    given: Floats = reward[np.arange(len(arm)), np.maximum(arm, 1) - 1]
    return np.where(arm > 0, given, 0.0)
