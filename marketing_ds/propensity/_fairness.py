"""Does the model treat groups of people alike? Rates, scores and selection by gender, age, …"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from marketing_ds._core.checks import check_number
from marketing_ds._core.display import Result
from marketing_ds._core.estimate import Estimate, normal_quantile

from ._ranking import Ranking, auc_error
from ._sample import Floats, Sample, logit_estimate, share_estimate
from ._segments import segment_columns

AGE_BANDS = (25, 35, 45, 55, 65)
_MOST_VALUES = 12
_PARTS = ("rate_share", "mean_probability_share", "gap_share", "auc", "selected_share", "disparity")


@dataclass(frozen=True)
class PropensityFairness(Result):
    """What the model does to groups of people; see `fairness_by`.

    Attributes
    ----------
    top : float
        Share of all customers that is selected.
    level : float
        Coverage of the intervals.
    """

    top: float
    level: float
    _frame: pd.DataFrame = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row a group.

        `by`, `group`, `rows`, `positives`, `few` (fewer than 30 positives or negatives) and, each
        with its interval: `rate_share` (of positives), `mean_probability_share`, `gap_share` (the
        one less the other: calibration in the large), `auc` within the group, `selected_share` (of
        the group, where the best `top` of all are selected) and `disparity`, the group's selected
        share over that of the largest group of the same `by`, whose own is 1.
        """
        return self._frame.copy()


def fairness_by(
    y: ArrayLike,
    probability: ArrayLike,
    by: pd.DataFrame | pd.Series | Mapping[str, ArrayLike],
    *,
    top: float = 0.2,
    sample_weight: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    level: float = 0.95,
) -> PropensityFairness:
    """Measure how groups of people fare under a model.

    A disparity is a fact, not a verdict: where the groups' own rates differ, a calibrated model
    selects them differently. Read `disparity` beside `rate_share` and `gap_share`.

    Parameters
    ----------
    y, probability, sample_weight, groups, level
        As in `evaluate_probabilities`.
    by : DataFrame, Series or mapping of str to array
        Gender, age, … of each row; the model need not have seen them. Numbers with more than 12
        values are cut: `age` at 25, 35, 45, 55 and 65, others into fifths.
    top : float, default=0.2
        The share of all customers with the highest scores that counts as selected; of tied scores
        at the cut each takes part.

    Raises
    ------
    InvalidInput
        As `evaluate_by`; or if `top` does not lie between 0 and 1.

    References
    ----------
    Barocas, Hardt, Narayanan (2023). Fairness and Machine Learning: Limitations and Opportunities.
    MIT Press, chapter 3 (independence, sufficiency).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> p = rng.beta(1, 4, 4000)
    >>> bought = rng.random(4000) < p
    >>> gender = pd.Series(rng.choice(["F", "M"], 4000), name="gender")
    >>> found = fairness_by(bought, p, gender).to_frame()
    >>> found[["by", "group", "few"]].values.tolist()
    [['gender', 'F', False], ['gender', 'M', False]]
    """
    alpha = 1 - check_number("level", level, low=0, high=1, inclusive=False)
    check_number("top", top, low=0, high=1, inclusive=False)
    ordered, order = Sample.of(y, probability, sample_weight, groups).best_first()
    columns = segment_columns(by, len(np.asarray(y)), sample_weight, cut=_bands)
    taken = _selected(ordered, top)
    rows: list[list[Any]] = []
    for name, values in columns.items():
        rows += _groups(name, values.take(order), ordered, taken, alpha)
    head = ["by", "group", "rows", "positives", "few"]
    ends = [f"{part}{end}" for part in _PARTS for end in ("", "_ci_lower", "_ci_upper")]
    return PropensityFairness(top, level, pd.DataFrame(rows, columns=[*head, *ends]))


def _bands(name: str, values: pd.Series) -> pd.Series | pd.Categorical:
    """Numbers of many values as bands."""
    if not pd.api.types.is_numeric_dtype(values) or values.nunique() <= _MOST_VALUES:
        return values
    numbers = values.astype("float64")
    if name == "age":
        edges = [-math.inf, *AGE_BANDS, math.inf]
        labels = [
            f"< {AGE_BANDS[0]}",
            *(f"{a}–{b - 1}" for a, b in itertools.pairwise(AGE_BANDS)),
            f"{AGE_BANDS[-1]}+",
        ]
        return pd.Categorical(pd.cut(numbers, edges, right=False, labels=labels))
    cut = pd.qcut(numbers, 5, duplicates="drop", precision=3)
    return pd.Categorical(cut.cat.rename_categories(lambda band: f"{band.left:g}–{band.right:g}"))


def _selected(ordered: Sample, top: float) -> Floats:
    """1 for who is among the top, 0 for who is not, a part for those tied at the cut."""
    ranking = Ranking.of(ordered)
    cut = ranking.cut(np.array([top]))
    first, last = ranking.bounds(int(cut.group[0]))
    taken = np.zeros(len(ordered.p))
    taken[:first] = 1.0
    taken[first:last] = cut.part[0]
    return taken


def _groups(
    name: str, values: pd.Categorical, sample: Sample, taken: Floats, alpha: float
) -> list[list[Any]]:
    members = {
        str(segment): np.asarray(values.codes == code)
        for code, segment in enumerate(values.categories)
    }
    members = {segment: inside for segment, inside in members.items() if inside.any()}
    largest = max(members, key=lambda segment: float(sample.w[members[segment]].sum()))
    reference, of_reference = _share_of(sample, members[largest], taken)
    rows = []
    for segment, inside in members.items():
        part = sample.at(inside)
        estimates = [
            *_means(part, alpha),
            _auc(part, alpha),
            _selection(part, taken[inside], alpha),
        ]
        if segment == largest:
            ratio = Estimate(1.0, 0.0, 1.0, 1.0)
        else:
            share, influence = _share_of(sample, inside, taken)
            ratio = _ratio(sample, (share, influence), (reference, of_reference), alpha)
        numbers = [
            number for e in (*estimates, ratio) for number in (e.value, e.ci_lower, e.ci_upper)
        ]
        rows.append([name, segment, len(part.truth), part.positives, part.few, *numbers])
    return rows


def _means(part: Sample, alpha: float) -> tuple[Estimate, Estimate, Estimate]:
    """Rate, mean probability, and the gap between them."""
    size = part.sums(part.w)
    kish = float(size.sum() ** 2 / (size @ size))
    rate = share_estimate(*part.mean(part.truth), kish, alpha)
    predicted = Estimate.normal(*part.mean(part.p), alpha=alpha, low=0.0, high=1.0)
    gap = Estimate.normal(*part.mean(part.p - part.truth), alpha=alpha, low=-1.0, high=1.0)
    return rate, predicted, gap


def _auc(part: Sample, alpha: float) -> Estimate:
    if part.truth.min() == part.truth.max():
        return Estimate(math.nan, math.nan, math.nan, math.nan)
    auc, influence = Ranking.of(part).auc()
    return logit_estimate(auc, auc_error(part, influence), alpha)


def _selection(part: Sample, taken: Floats, alpha: float) -> Estimate:
    size = part.sums(part.w)
    return share_estimate(*part.mean(taken), float(size.sum() ** 2 / (size @ size)), alpha)


def _share_of(sample: Sample, inside: Floats, taken: Floats) -> tuple[float, Floats]:
    """A group's selected share and the influences of all rows on it."""
    weight = float(sample.w[inside].sum())
    share = float(sample.w[inside] @ taken[inside]) / weight
    return share, sample.w * inside * (taken - share) * (sample.weight / weight)


def _ratio(
    sample: Sample, group: tuple[float, Floats], reference: tuple[float, Floats], alpha: float
) -> Estimate:
    """Ratio of two selected shares, its interval symmetric in the logarithm."""
    if group[0] == 0 or reference[0] == 0:
        value = 0.0 if reference[0] > 0 else math.nan
        return Estimate(value, math.nan, value, math.nan)
    value = group[0] / reference[0]
    error = sample.error(group[1] / group[0] - reference[1] / reference[0])
    half = math.exp(normal_quantile(alpha) * error)
    return Estimate(value, value * error, value / half, value * half)
