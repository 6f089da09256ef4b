"""How an experiment will be drawn and judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from marketing_ds._core.checks import check_choice, check_count, check_number
from marketing_ds._core.errors import InvalidInput, did_you_mean
from marketing_ds.evaluation.inference.settings import ALTERNATIVES, Inference, Sequential
from marketing_ds.schema import CONTROL

CORRECTIONS = ("holm", "bonferroni")


def _halves() -> Mapping[str, float]:
    return {CONTROL: 1.0, "arm": 1.0}


@dataclass(frozen=True)
class Design:
    """Arms, level, sides, number of comparisons.

    Parameters
    ----------
    shares : mapping
        Arm → share of the customers, or any numbers in that proportion; `control` is one of them.
    alpha : float
        Level over all comparisons together (each, without a correction).
    alternative : {"two-sided", "greater", "less"}
        ``greater``: the arm's mean is asked to be above control's.
    correction : {"holm", "bonferroni", None}
        Over arms × metrics. Both plan with alpha / comparisons: that is all Bonferroni allows, and
        Holm's first step, whose later ones are only easier.
    metrics : int
        Metrics judged together.
    non_inferiority : float, optional
        Share of control's mean that may be lost and still be called no worse: the power is then
        that of showing this, one-sided at the level beyond that end of the interval.
    better : {"higher", "lower"}
        Direction of improvement, for `non_inferiority`.
    sequential : Sequential or bool, optional
        Always-valid analysis. The power is that at the last look, so no more than the true one;
        True plans its boundary for the size at hand.

    Examples
    --------
    >>> Design({"control": 2, "mail": 1, "call": 1}).level
    0.025
    """

    shares: Mapping[str, float] = field(default_factory=_halves)
    alpha: float = 0.05
    alternative: Literal["two-sided", "greater", "less"] = "two-sided"
    correction: Literal["holm", "bonferroni"] | None = "holm"
    metrics: int = 1
    non_inferiority: float | None = None
    better: Literal["higher", "lower"] = "higher"
    sequential: Sequential | bool | None = None

    def __post_init__(self) -> None:
        for arm, share in self.shares.items():
            check_number(f"share of {arm!r}", share, low=0, inclusive=False)
        if CONTROL not in self.shares:
            raise InvalidInput(
                f"shares must name {CONTROL!r}, got {', '.join(map(repr, self.shares))}"
                f"{did_you_mean(CONTROL, self.shares)}"
            )
        if len(self.shares) < 2:
            raise InvalidInput(f"shares must name an arm beside {CONTROL!r}, got no other")
        check_number("alpha", self.alpha, low=0, high=1, inclusive=False)
        check_choice("alternative", self.alternative, ALTERNATIVES)
        if self.correction is not None:
            check_choice("correction", self.correction, CORRECTIONS)
        check_count("metrics", self.metrics, low=1)
        check_choice("better", self.better, ("higher", "lower"))
        if self.non_inferiority is not None:
            check_number("non_inferiority", self.non_inferiority, low=0, inclusive=False)

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms beside control."""
        return tuple(arm for arm in self.shares if arm != CONTROL)

    @property
    def level(self) -> float:
        """Level of a single comparison."""
        comparisons = len(self.arms) * self.metrics if self.correction else 1
        return self.alpha / comparisons

    def share(self, arm: str) -> float:
        """Share of all customers in an arm."""
        return float(self.shares[arm]) / float(sum(self.shares.values()))

    def inference(self, customers: int) -> Inference:
        """Level and sides of one comparison, with the boundary planned for so many customers."""
        one_sided = self.non_inferiority is not None
        level, sides = self.level, self.alternative
        if one_sided:
            level = level / 2 if sides == "two-sided" else level
            sides = "greater" if self.better == "higher" else "less"
        looks = self.sequential
        if looks is True:
            looks = Sequential(planned=max(customers, 2))
        return Inference(alpha=level, alternative=sides, correction=None, sequential=looks)
