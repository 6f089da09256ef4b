"""Segments in words: a shallow tree that says who should get what, judged on other customers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from marketing_ds._core.checks import check_choice, check_count, check_number
from marketing_ds.tags import Tag

from ..arms import Floats
from ..crossfit import CrossFit
from .bands import BandedTag, Bins, band_tags
from .effects_by_group import crossfit_of
from .four_groups import by_arm, control_scores, judges, kind_of, mean_of
from .policy_search import Leaf, Node, Problem, assign, grow, leaves, received
from .segment_words import Condition
from .segments import PolicyTree, Segment

_BINS = 12


def policy_tree(
    source: CrossFit | Any,
    X: Any,
    by: str | Sequence[str] | None = None,
    *,
    depth: int = 2,
    aim: str = "value",
    value: float | Mapping[str, float] = 1.0,
    cost: float | Mapping[str, float] = 0.0,
    bins: Bins = _BINS,
    min_share: float = 0.05,
    measured_share: float = 0.4,
    alpha: float = 0.05,
    tags: Sequence[Tag] = (),
) -> PolicyTree:
    """Find the few segments that say best who should get what, and put them into words.

    Some folds choose the tree, exactly the best of its depth (beyond depth 2, nearly), and leave
    out last questions that hardly matter; the other folds measure the segments and the whole. So
    no customer both chooses and judges, and every number is about this very tree. (Judging all
    folds by turns, each by a tree of the others, covers too seldom: where two answers are nearly
    as good, the folds' errors go together.)

    Parameters
    ----------
    source : UpliftModel or CrossFit
        A fitted model, or its `crossfit_`.
    X : pandas.DataFrame, Arrow table or array of shape (n, d)
        Tags of the customers fitted to, in the same order.
    by : str or sequence of str, optional
        Tags to ask about; all by default.
    depth : int
        Questions to a segment, 1 to 4.
    aim : {"value", "effect"}
        ``"value"``: what pays most where; one segment, if one arm (or none) is best for everybody.
        ``"effect"``: segments whose effects differ most, and clearly, whether or not anything
        follows from it.
    value : float or mapping of arm to float
        Worth of one unit of outcome.
    cost : float or mapping of arm to float
        Of giving the arm to one customer.
    bins : int, or mapping of tag to int or sequence
        About how many bands a number or date is cut into, at whose edges it may be parted; or by
        tag their number, or the values at which bands start.
    min_share : float
        Least share of customers in a segment.
    measured_share : float
        About what share of customers measures the segments, in whole folds.
    alpha : float
        Intervals are at level ``1 - alpha``.
    tags : sequence of Tag
        Declarations of tags that are not in the catalogue, for their words.

    Returns
    -------
    PolicyTree

    Raises
    ------
    InvalidInput
        If lengths differ, a tag is unknown, a number is out of range, or `value` or `cost` does
        not name every arm.

    References
    ----------
    Athey, Wager (2021). Policy learning with observational data. Econometrica 89(1). Zhou, Athey,
    Wager (2023). Offline multi-action policy learning. Operations Research 71(1), exact trees.
    Athey, Imbens (2016). PNAS 113(27), honest measurement and trees of effects.

    Examples
    --------
    >>> import pandas as pd
    >>> from marketing_ds.uplift import UpliftModel
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"channel": rng.choice(["app", "web"], 8000), "wealth": rng.random(8000)})
    >>> arm = rng.choice(["control", "coupon"], 8000)
    >>> y = rng.random(8000) < 0.2 + 0.3 * ((X["channel"] == "app") - 0.5) * (arm == "coupon")
    >>> model = UpliftModel(n_estimators=20, n_folds=5).fit(X, y, treatment=arm)
    >>> tree = policy_tree(model, X, depth=1)
    >>> tree.to_frame()[["segment", "arm", "kind"]].values.tolist()
    [['Channel is app', 'coupon', 'persuadables'], ['Channel is web', 'control', 'sleeping dogs']]
    >>> tree.assign(pd.DataFrame({"channel": ["web", "app"]}))
    array(['control', 'coupon'], dtype=object)
    """
    check_count("depth", depth, low=1, high=4)
    check_choice("aim", aim, ("value", "effect"))
    check_number("min_share", min_share, low=0.001, high=0.5)
    check_number("measured_share", measured_share, low=0.1, high=0.9)
    check_number("alpha", alpha, low=0, high=1, inclusive=False)
    crossfit = crossfit_of(source)
    names = crossfit.arms.names
    worth = by_arm("value", value, names, low=-np.inf)
    spent = by_arm("cost", cost, names, low=-np.inf)
    banded = band_tags(X, by, rows=len(crossfit.y), bins=bins, tags=tags)
    reward = crossfit.psi * np.array([worth[a] for a in names]) - np.array(
        [spent[a] for a in names]
    )
    judging = judges(crossfit.folds, measured_share)
    chosen = np.flatnonzero(~judging)
    problem = Problem(
        banded,
        tuple(tag.codes[chosen] for tag in banded),
        reward[chosen],
        "effect" if aim == "effect" else "value",
        min_share,
    )
    root = grow(problem, depth)
    leaf = assign(root, [tag.codes for tag in banded], banded)
    # What is kept needs the bands of the tags, not those of the customers.
    banded = tuple(replace(tag, codes=tag.codes[:0]) for tag in banded)
    brought, more = _judge(root, leaf[judging], reward[judging], problem.reward)
    segments, order = _measure(crossfit, reward, banded, root, leaf, judging, alpha)
    return PolicyTree(
        segments,
        mean_of(brought, alpha),
        mean_of(more, alpha),
        crossfit.arms.control,
        bool(np.isin(crossfit.y, (0.0, 1.0)).all()),
        alpha,
        banded,
        root,
        order,
    )


def _judge(
    root: Node, leaf: npt.NDArray[np.intp], reward: Floats, chosen_by: Floats
) -> tuple[Floats, Floats]:
    """What the tree brings each judging customer; and how much more than one arm for all."""
    brought = received(reward, np.array([one.arm for one in leaves(root)])[leaf])
    everybody = Leaf(tuple(chosen_by.sum(axis=0).tolist()))
    return brought, brought - received(reward, np.full(len(reward), everybody.arm))


def _measure(
    crossfit: CrossFit,
    reward: Floats,
    tags: Sequence[BandedTag],
    root: Node,
    leaf: npt.NDArray[np.intp],
    judging: npt.NDArray[np.bool_],
    alpha: float,
) -> tuple[tuple[Segment, ...], tuple[int, ...]]:
    """The leaves, measured by folds that had no say in them."""
    without_us = control_scores(crossfit)
    usual = float(without_us.mean())
    names, found = crossfit.arms.names, []
    for number, (conditions, end) in enumerate(_paths(root, tags)):
        there = leaf == number
        rows = np.flatnonzero(there & judging)
        effects = {arm: mean_of(crossfit.psi[rows, at], alpha) for at, arm in enumerate(names)}
        offer = names[end.offer - 1]
        control = mean_of(without_us[rows], alpha)
        found.append(
            Segment(
                conditions=conditions,
                arm=names[end.arm - 1] if end.arm else crossfit.arms.control,
                offer=offer,
                kind=kind_of(effects[offer], control.value, usual),
                customers=int(there.sum()),
                measured=len(rows),
                effect=effects[offer],
                effects=effects,
                value=mean_of(reward[rows, end.offer - 1], alpha),
                control=control,
            )
        )
    # Most worth first; a segment that nobody measured last.
    rank = np.argsort(
        [-np.nan_to_num(one.value.value, nan=-np.inf) for one in found], kind="stable"
    )
    order = np.empty(len(found), dtype=np.intp)
    order[rank] = np.arange(len(found))
    return tuple(found[at] for at in rank), tuple(order.tolist())


def _paths(
    node: Node, tags: Sequence[BandedTag], above: Mapping[int, tuple[int, ...]] | None = None
) -> list[tuple[tuple[Condition, ...], Leaf]]:
    """The leaves from the left, each with what leads there; questions about one tag together."""
    above = above or {}
    if isinstance(node, Leaf):
        return [(tuple(Condition(tags[at], bands) for at, bands in above.items()), node)]
    tag = tags[node.tag]
    open_ = above.get(node.tag, tuple(range(tag.size)))
    if tag.kind == "category":
        left = tuple(band for band in open_ if band == node.band)
    else:
        left = tuple(band for band in open_ if band <= node.band)
    right = tuple(band for band in open_ if band not in left)
    return [
        *_paths(node.left, tags, {**above, node.tag: left}),
        *_paths(node.right, tags, {**above, node.tag: right}),
    ]
