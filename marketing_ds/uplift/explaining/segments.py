"""A policy tree: segments in words, what each should get, and what that brings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from marketing_ds._core.checks import check_choice, check_columns
from marketing_ds._core.display import Result
from marketing_ds._core.estimate import Estimate
from marketing_ds.features import read_table

from .bands import LANGUAGES, BandedTag
from .four_groups import CLASSIC
from .policy_search import Leaf, Node, assign
from .segment_words import Condition, conditions_in_words, effect_in_words


@dataclass(frozen=True)
class Segment:
    """A leaf of a policy tree: customers who get the same.

    Attributes
    ----------
    conditions : tuple of Condition
        What leads there; none for everyone.
    arm : str
        What they should get; the name of control for nothing.
    offer : str
        The arm that `effect` is of: `arm`, or the best of the others where that is control.
    kind : str
        Which of the classic groups they are under `offer`, by what was measured.
    customers : int
        All of them.
    measured : int
        Those who had no say in the tree: what the estimates are made of.
    effect : Estimate
        Effect of `offer` on the outcome.
    effects : dict of str to Estimate
        Effect of every arm.
    value : Estimate
        value · effect − cost of `offer`, per customer.
    control : Estimate
        Outcome without us.
    """

    conditions: tuple[Condition, ...] = field(repr=False)
    arm: str
    offer: str
    kind: str
    customers: int
    measured: int
    effect: Estimate
    effects: dict[str, Estimate]
    value: Estimate
    control: Estimate

    def words(self, language: str = "en") -> str:
        """``Age below 35 and channel is app``."""
        return conditions_in_words(self.conditions, language)


@dataclass(frozen=True)
class PolicyTree(Result):
    """Segments, and what giving each its arm brings; made by `policy_tree`.

    Attributes
    ----------
    segments : tuple of Segment
        Most worth first.
    value : Estimate
        What the tree brings per customer above giving nothing to anybody, value · effect − cost,
        by the customers who had no say in it.
    gain : Estimate
        What it brings above the best single arm (or none) for everybody, by the same. An interval
        that covers 0 says: no need for segments.
    control : str
    binary : bool
        Whether effects are of a 0/1 outcome, and told in percentage points.
    alpha : float
        Intervals are at level ``1 - alpha``.
    """

    segments: tuple[Segment, ...]
    value: Estimate
    gain: Estimate
    control: str
    binary: bool
    alpha: float
    _tags: tuple[BandedTag, ...] = field(repr=False)
    _root: Node = field(repr=False)
    _order: tuple[int, ...] = field(repr=False)
    """Of the leaves from the left, the place among `segments`."""

    def to_frame(self, *, language: str = "en") -> pd.DataFrame:
        """One row a segment: the words, what to give, whom it holds, and what was measured.

        `segment`, `arm`, `kind` (the classic group), `customers`, `customer_share`, `measured`,
        `offer`, `effect` and `value` of the offer and `control_outcome`, with intervals.
        """
        check_choice("language", language, LANGUAGES)
        total = sum(segment.customers for segment in self.segments)
        return pd.DataFrame(
            [
                {
                    "segment": segment.words(language),
                    "arm": segment.arm,
                    "kind": segment.kind if language == "en" else CLASSIC[segment.kind],
                    "customers": segment.customers,
                    "customer_share": segment.customers / total,
                    "measured": segment.measured,
                    "offer": segment.offer,
                    **_columns("effect", segment.effect),
                    **_columns("value", segment.value),
                    **_columns("control_outcome", segment.control),
                }
                for segment in self.segments
            ]
        )

    def sentences(self, language: str = "en") -> list[str]:
        """One sentence a segment, then one on the whole.

        ``Age below 35 and channel is app: send coupon; +2.1 points [1.2, 3.0]; persuadables``
        """
        check_choice("language", language, LANGUAGES)
        said = [_sentence(segment, self, language) for segment in self.segments]
        return [*said, _verdict(self, language)]

    def assign(self, X: Any) -> npt.NDArray[np.object_]:
        """What each of other customers should get.

        Parameters
        ----------
        X : pandas.DataFrame, Arrow table or array of shape (n, d)
            At least the tags that the segments ask about.

        Returns
        -------
        ndarray of str, shape (n,)

        Raises
        ------
        InvalidInput
            If a tag is missing or of another type.
        """
        given = np.array([segment.arm for segment in self.segments], dtype=object)
        found: npt.NDArray[np.object_] = given[self.segment_of(X)]
        return found

    def segment_of(self, X: Any) -> npt.NDArray[np.intp]:
        """For each customer the position in `segments`; `X` as in `assign`."""
        leaf = assign(self._root, self._codes(X, _asked(self._root)), self._tags)
        return np.array(self._order, dtype=np.intp)[leaf]

    def _codes(self, X: Any, asked: Iterable[int]) -> list[npt.NDArray[np.int16]]:
        """Bands of other customers, of the tags asked about."""
        frame = read_table(X).features
        check_columns(frame.columns, [self._tags[at].name for at in sorted(asked)], "X")
        codes = [np.zeros(len(frame), dtype=np.int16)] * len(self._tags)
        for at in asked:
            codes[at] = self._tags[at].place(frame[self._tags[at].name])
        return codes


def _asked(node: Node) -> set[int]:
    """Tags that a tree asks about."""
    if isinstance(node, Leaf):
        return set()
    return {node.tag} | _asked(node.left) | _asked(node.right)


def _columns(name: str, estimate: Estimate) -> dict[str, float]:
    return {
        name: estimate.value,
        f"{name}_ci_lower": estimate.ci_lower,
        f"{name}_ci_upper": estimate.ci_upper,
    }


def _sentence(segment: Segment, tree: PolicyTree, language: str) -> str:
    told = effect_in_words(segment.effect, binary=tree.binary, language=language)
    given = segment.arm != tree.control
    if language == "zh":
        action = f"发放 {segment.arm}" if given else "不投放"
        effect = told if given else f"{segment.offer} 的效果 {told}"
        return f"{segment.words('zh')}：{action}；{effect}；{CLASSIC[segment.kind]}"
    action = f"send {segment.arm}" if given else "send nothing"
    effect = told if given else f"{segment.offer} would bring {told}"
    return f"{segment.words('en')}: {action}; {effect}; {segment.kind}"


def _verdict(tree: PolicyTree, language: str) -> str:
    gain = tree.gain
    if gain.se == 0:
        return (
            "One answer for everybody: no segments that pay more"
            if language == "en"
            else "建议统一投放：未找到收益更高的分群"
        )
    ends = f"{gain.value:+.4g} [{gain.ci_lower:.4g}, {gain.ci_upper:.4g}]"
    clear = gain.ci_lower > 0
    if language == "zh":
        end = "分群有价值" if clear else "与统一投放相比，分群的收益未能确认"
        return f"与对所有客户采用同一方案相比，每名客户多 {ends}：{end}"
    end = "segments pay" if clear else "not shown to pay more than one answer for everybody"
    return f"Against one answer for everybody {ends} per customer: {end}"
