"""scikit-uplift's definitions, on counts of responders: binary outcomes only.

With the k best customers in view, N₁ and N₀ are the treated and the control among them, Y₁ and Y₀
their responders. Customers of equal score come into view together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from marketing_ds._core.checks import check_choice, check_count, check_number
from marketing_ds._core.errors import InvalidInput

from ..arms import Floats
from ._sample import Bools, Measured, Pair, Sample

Integers = npt.NDArray[np.int64]

STRATEGIES = ("overall", "by_group")


@dataclass(frozen=True)
class _Counts:
    """Running counts at each cut of the ranking, starting from nobody; shape (cuts + 1,)."""

    n1: Floats
    n0: Floats
    y1: Floats
    y0: Floats

    @property
    def customers(self) -> Floats:
        return self.n1 + self.n0

    def qini(self) -> Floats:
        """Y₁ − Y₀·N₁/N₀: extra responders among the treated in view."""
        return self.y1 - self.y0 * _ratio(self.n1, self.n0)

    def uplift(self) -> Floats:
        """(Y₁/N₁ − Y₀/N₀)·k: extra responders if all in view were treated."""
        return (_ratio(self.y1, self.n1) - _ratio(self.y0, self.n0)) * self.customers


def qini(sample: Sample, *, negative_effect: bool = True) -> Measured:
    """``qini_auc_score``: area above random, over that of the perfect order."""
    if not isinstance(negative_effect, bool):
        raise InvalidInput(f"negative_effect must be True or False, got {negative_effect!r}")
    pair = _binary(sample)
    counts = _in_order(pair)
    x, curve = counts.customers, counts.qini()
    if negative_effect:
        cells = _Cells.of(pair)
        best = _in_groups(cells.treated_yes, cells.treated_no + cells.control_no, cells.control_yes)
        perfect = np.trapezoid(best.qini(), best.customers)
    else:
        extra = float(curve[-1])
        if extra < 0:
            raise InvalidInput(
                f"negative_effect must be True here: with {-extra:.4g} fewer responders among "
                f"the treated than control's rate gives, the perfect curve of gains alone does "
                f"not exist"
            )
        perfect = np.trapezoid([0, extra, extra], [0, extra, x[-1]])
    return _against_random(x, curve, float(perfect))


def auuc(sample: Sample) -> Measured:
    """``uplift_auc_score``: area above random, over that of the perfect order."""
    pair = _binary(sample)
    counts, cells = _in_order(pair), _Cells.of(pair)
    last = [cells.treated_no, cells.control_yes]
    if cells.control_yes[1] > cells.treated_no[0]:
        last.reverse()  # of the two unwelcome cells the library puts the larger first
    best = _in_groups(cells.treated_yes, cells.control_no, *last)
    perfect = np.trapezoid(best.uplift(), best.customers)
    return _against_random(counts.customers, counts.uplift(), float(perfect))


def uplift_at_k(sample: Sample, *, strategy: str = "overall", k: float = 0.3) -> Measured:
    """``uplift_at_k``: difference of the response rates among the first k."""
    check_choice("strategy", strategy, STRATEGIES)
    pair = _binary(sample)
    y, treated = _last_row_first(pair)
    sides = [y[treated], y[~treated]]
    whole = isinstance(k, (int, np.integer)) and not isinstance(k, bool)
    if whole:
        smallest = len(y) if strategy == "overall" else min(len(side) for side in sides)
        check_count("k", k, low=1, high=min(smallest, len(y) - 1))
    else:
        check_number("k", k, low=0, high=1, inclusive=False)
    if strategy == "overall":
        top = int(k) if whole else int(len(y) * k)
        y, treated = y[:top], treated[:top]
        sides = [y[treated], y[~treated]]
    else:
        sides = [side[: int(k) if whole else int(len(side) * k)] for side in sides]
    return _difference([np.array([len(side)]) for side in sides], [side.sum() for side in sides])


def weighted_average_uplift(
    sample: Sample, *, strategy: str = "overall", bins: int = 10
) -> Measured:
    """``weighted_average_uplift``: uplift by group of the ranking, weighted by its treated."""
    check_choice("strategy", strategy, STRATEGIES)
    pair = _binary(sample)
    bins = check_count("bins", bins, low=1, high=len(pair.y) - 1)
    y, treated = _last_row_first(pair)
    counts, sums = [], []
    for side in (treated, ~treated):
        if strategy == "overall":
            edges = _edges(len(y), bins)
            counts.append(_between(side, edges))
            sums.append(_between(y * side, edges))
        else:
            edges = _edges(int(side.sum()), bins)
            counts.append(np.diff(edges).astype(np.float64))
            sums.append(_between(y[side], edges))
    return _difference(counts, sums)


def _difference(counts: list[Floats], sums: list[Floats]) -> Measured:
    """Rates of the arm and of control by group, and the difference weighted by the arm's size."""
    arm, control = (np.asarray(count, dtype=np.float64) for count in counts)
    with np.errstate(invalid="ignore"):  # a group without one of the arms has no difference
        mean_arm, mean_control = sums[0] / arm, sums[1] / control
    uplift = mean_arm - mean_control
    with np.errstate(invalid="ignore"):
        value = float(arm @ uplift / arm.sum())
    points = {
        "group": np.arange(1, len(arm) + 1),
        "n_arm": arm,
        "n_control": control,
        "mean_arm": mean_arm,
        "mean_control": mean_control,
        "uplift": uplift,
    }
    return Measured(value, points)


def _against_random(x: Floats, curve: Floats, perfect: float) -> Measured:
    """The share of the perfect order's area above the straight line that this order reaches."""
    random = float(x[-1] * curve[-1] / 2)
    possible = perfect - random
    if abs(possible) <= 1e-12 * (abs(perfect) + abs(random)):
        raise InvalidInput(
            "y must leave something to gain for scikit-uplift's definitions: here the perfect order "
            "is no better than random, and the share of its gain is 0 / 0; use uplift_curve"
        )
    area = float(np.trapezoid(curve, x)) - random
    return Measured(area / possible, {"customers": x, "value": curve})


def _binary(sample: Sample) -> Pair:
    pair = sample.pair()
    if not (((pair.y == 0) | (pair.y == 1)).all() and 0 < pair.y.sum() < len(pair.y)):
        found = np.unique(pair.y)
        shown = ", ".join(f"{value:g}" for value in found[:5]) + ", …" * (len(found) > 5)
        raise InvalidInput(
            f"y must hold both 0 and 1 and nothing else for scikit-uplift's definitions, got "
            f"{shown}; for counts and amounts use uplift_curve, or a definition of CausalML or EconML"
        )
    return pair


def _in_order(pair: Pair) -> _Counts:
    """Running counts at the last customer of each score, best score first."""
    order = np.argsort(pair.score)[::-1]
    score, y, treated = pair.score[order], pair.y[order], pair.treated[order]
    ends = np.flatnonzero(np.append(score[1:] != score[:-1], True))
    n1, y1, responders = (_sums(values)[ends] for values in (treated, y * treated, y))
    return _from_nobody(n1, ends + 1 - n1, y1, responders - y1)


@dataclass(frozen=True)
class _Cells:
    """Treated and control customers who responded and who did not, each as (N₁, N₀, Y₁, Y₀)."""

    treated_yes: Floats
    treated_no: Floats
    control_yes: Floats
    control_no: Floats

    @classmethod
    def of(cls, pair: Pair) -> _Cells:
        sizes = np.bincount(2 * pair.treated + (pair.y == 1), minlength=4).astype(np.float64)
        control_no, control_yes, treated_no, treated_yes = sizes
        return cls(
            np.array([treated_yes, 0, treated_yes, 0]),
            np.array([treated_no, 0, 0, 0]),
            np.array([0, control_yes, 0, control_yes]),
            np.array([0, control_no, 0, 0]),
        )


def _in_groups(*steps: Floats) -> _Counts:
    """Running counts of an order of whole groups."""
    return _from_nobody(*np.cumsum(steps, axis=0).T)


def _from_nobody(*running: Floats) -> _Counts:
    return _Counts(*(np.concatenate([[0.0], sums]) for sums in running))


def _last_row_first(pair: Pair) -> tuple[Floats, Bools]:
    """Outcomes and arms, best score first; among equal scores the library takes the last row."""
    order = np.argsort(pair.score, kind="stable")[::-1]
    return pair.y[order], pair.treated[order]


def _edges(size: int, bins: int) -> Integers:
    """Ends of `bins` groups of `size` rows; the first hold one more where it does not divide."""
    each, more = divmod(size, bins)
    return np.cumsum([0] + [each + 1] * more + [each] * (bins - more))


def _between(values: Floats | Bools, edges: Integers) -> Floats:
    return np.diff(np.concatenate([[0.0], _sums(values)])[edges])


def _sums(values: Floats | Bools) -> Floats:
    return np.cumsum(values, dtype=np.float64)


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    """The quotient, 0 where nobody is."""
    out = np.zeros_like(numerator)
    np.divide(numerator, denominator, out=out, where=denominator != 0)
    return out
