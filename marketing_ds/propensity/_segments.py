"""The same measures by segment and over time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from marketing_ds._core.checks import check_choice
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.estimate import Estimate

from ._evaluation import MEASURES, PropensityEvaluation, evaluate_probabilities, means, measure
from ._ranking import Ranking
from ._reliability import Reliability
from ._sample import Sample

MISSING = "(missing)"
_MOST = 200
_PERIODS = ("day", "week", "month", "quarter", "year")


@dataclass(frozen=True)
class PropensitySegments(Result):
    """Measures by segment and over time; see `evaluate_by`.

    Attributes
    ----------
    overall : PropensityEvaluation
        Of all rows together.
    level : float
        Coverage of the intervals.
    """

    overall: PropensityEvaluation
    level: float
    _frame: pd.DataFrame = field(repr=False)

    def to_frame(self, measure: str | None = None) -> pd.DataFrame:
        """One row a segment and measure, or a segment where one measure is asked for.

        `by` (what the segments are made of), `segment`, `rows`, `positives`, `few` (fewer than 30
        positives or negatives: the interval is a rough guess), `measure`, `value` and its interval.
        A measure that needs both classes is NaN where a segment has one.
        """
        if measure is None:
            return self._frame.copy()
        check_choice("measure", measure, MEASURES)
        chosen = self._frame[self._frame["measure"] == measure]
        return chosen.reset_index(drop=True)


def evaluate_by(
    y: ArrayLike,
    probability: ArrayLike,
    by: pd.DataFrame | pd.Series | Mapping[str, ArrayLike] | ArrayLike | None = None,
    *,
    times: ArrayLike | None = None,
    period: str | None = None,
    sample_weight: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    level: float = 0.95,
) -> PropensitySegments:
    """Measure probabilities by segment, over time, or both.

    Parameters
    ----------
    y, probability, sample_weight, groups, level
        As in `evaluate_probabilities`.
    by : DataFrame, Series, mapping of str to array, or array, optional
        Segments of each row; each column is taken on its own. Nulls are the segment ``(missing)``.
    times : array-like of dates, optional
        When each row was scored, e.g. its cut-off: one more column `time`, in the order of time.
    period : {"day", "week", "month", "quarter", "year"}, optional
        Take the times of one period together; by default each date is one of its own.

    Raises
    ------
    InvalidInput
        As `evaluate_probabilities`; or if neither `by` nor `times` is given, a column has another
        length or more than 200 segments (cut numbers into bands first).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> p = rng.beta(1, 4, 4000)
    >>> bought = rng.random(4000) < p
    >>> region = pd.Series(rng.choice(["east", "west"], 4000), name="region")
    >>> found = evaluate_by(bought, p, region).to_frame("auc")
    >>> found[["by", "segment", "few"]].values.tolist()
    [['region', 'east', False], ['region', 'west', False]]
    """
    overall = evaluate_probabilities(
        y, probability, sample_weight=sample_weight, groups=groups, level=level
    )
    columns = segment_columns(by, len(np.asarray(y)), sample_weight, times=times, period=period)
    sample, order = Sample.of(y, probability, sample_weight, groups).best_first()
    found = [
        row
        for name, values in columns.items()
        for row in _rows(name, values.take(order), sample, 1 - level)
    ]
    ends = ["value", "value_ci_lower", "value_ci_upper"]
    head = ["by", "segment", "rows", "positives", "few", "measure"]
    return PropensitySegments(overall, level, pd.DataFrame(found, columns=[*head, *ends]))


def _rows(name: str, values: pd.Categorical, sample: Sample, alpha: float) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    codes = values.codes
    # A stable sort keeps the rows of a segment by falling probability.
    place = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[place], np.arange(len(values.categories) + 1))
    for number, segment in enumerate(values.categories):
        part = sample.at(place[ends[number] : ends[number + 1]])
        if not len(part.truth):
            continue
        for measure_, estimate in _measures(part, alpha).items():
            numbers = (estimate.value, estimate.ci_lower, estimate.ci_upper)
            about = (name, str(segment), len(part.truth), part.positives, part.few)
            rows.append((*about, measure_, *numbers))
    return rows


def _measures(part: Sample, alpha: float) -> dict[str, Estimate]:
    """All measures of a segment; those that compare classes are NaN where there is one only."""
    if part.truth.min() < part.truth.max() and part.units > 1:
        return measure(part, Ranking.of(part), Reliability.of(part), alpha)
    unknown = Estimate(np.nan, np.nan, np.nan, np.nan)
    return dict.fromkeys(MEASURES, unknown) | means(part, alpha)


def segment_columns(
    by: object,
    rows: int,
    sample_weight: ArrayLike | None,
    *,
    times: object = None,
    period: str | None = None,
    cut: Callable[[str, pd.Series], pd.Series | pd.Categorical] | None = None,
) -> dict[str, pd.Categorical]:
    """The segments of each row with weight, column by column; categories in the order to be shown."""
    if by is None and times is None:
        raise InvalidInput("by or times must be given: by what should the measures be split?")
    if by is None:
        given = pd.DataFrame(index=pd.RangeIndex(rows))
    elif isinstance(by, (pd.DataFrame, Mapping)):
        given = pd.DataFrame({str(name): _listed(by[name]) for name in by})
    else:
        named = getattr(by, "name", None)
        given = pd.DataFrame({"segment" if named is None else str(named): _listed(by)})
    if len(given) != rows:
        raise InvalidInput(f"by must have one segment per row ({rows}), got {len(given)}")
    columns = {
        str(name): _segments(str(name), cut(str(name), given[name]) if cut else given[name])
        for name in given
    }
    if times is not None:
        columns["time"] = _segments("time", _periods(times, period, rows))
    elif period is not None:
        raise InvalidInput("period must be left out where no times are given")
    if sample_weight is None:
        return columns
    # Rows without weight are no customers: they must not make a segment.
    some = np.flatnonzero(np.asarray(sample_weight, dtype=np.float64) > 0)
    return {name: values.take(some) for name, values in columns.items()}


def _listed(values: object) -> Any:
    """Values without their index: rows are paired by place."""
    return values.array if isinstance(values, pd.Series) else pd.Series(values).array


def _periods(times: object, period: str | None, rows: int) -> pd.Series:
    dates = pd.Series(pd.to_datetime(pd.Series(_listed(times))))
    if len(dates) != rows:
        raise InvalidInput(f"times must have one date per row ({rows}), got {len(dates)}")
    if period is None:
        return dates.dt.strftime("%Y-%m-%d")
    check_choice("period", period, _PERIODS)
    if period == "week":
        return (dates - pd.to_timedelta(dates.dt.day_of_week, unit="D")).dt.strftime("%Y-%m-%d")
    return dates.dt.to_period({"day": "D", "month": "M", "quarter": "Q", "year": "Y"}[period]).astype("str")  # fmt: skip


def _segments(name: str, values: pd.Series | pd.Categorical) -> pd.Categorical:
    found = pd.Categorical(values)
    if len(found.categories) > _MOST:
        raise InvalidInput(
            f"by must have at most {_MOST} segments a column, {name!r} has "
            f"{len(found.categories):,}; cut it into bands first, e.g. with pandas.cut"
        )
    if (found.codes < 0).any():
        found = found.rename_categories(str)
        found = found.add_categories([MISSING])
        found[np.asarray(found.codes) < 0] = MISSING
    return found
