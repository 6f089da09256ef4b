"""Metrics: each names the columns it needs and how its value follows from their means.

A sum or a count per customer is a `Mean` of that column, a retention at day n the `Proportion` of a
0/1 column, a step of a funnel a `FunnelStep` of two. All metrics of an analysis share one query; a
`Quantile` alone asks one of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from marketing_ds._core.checks import check_number
from marketing_ds._core.errors import InvalidInput

from .metric_fields import Common, Derived, Metric

__all__ = ["FunnelStep", "Mean", "Metric", "Proportion", "Quantile", "Ratio", "as_metrics"]


@dataclass(frozen=True)
class Mean(Common):
    """Mean per customer of a column: an amount, a sum or a count per customer.

    Parameters
    ----------
    column : str
        Numbers or booleans.
    name : str, optional
        Name in results; the column's by default.
    covariates : tuple of str, optional
        Covariates for this metric alone.
    cap : float, optional
        Values above this quantile (such as 0.999) of all arms together are cut off there
        (winsorised), so that a few customers do not decide.
    better : {"higher", "lower"}
        Direction of improvement.
    margin : float, optional
        Share of control's value that may be lost and still be called no worse (non-inferiority).
    role : {"goal", "guardrail"}
        What the campaign is for, or what it must not harm.

    Examples
    --------
    >>> Mean("spend").label
    'spend'
    >>> Mean("spend", cap=0.999).columns
    ('spend (to P99.9)',)
    """

    column: str
    name: str | None = None

    @property
    def label(self) -> str:
        """Name in results."""
        return self.name or self.column

    @property
    def inputs(self) -> tuple[Derived, ...]:
        """The column, capped if so wanted."""
        return (Derived(self.column, self.cap),)

    def value(self, means: Mapping[str, float]) -> float:
        """The mean itself."""
        return means[self.columns[0]]

    def gradient(self, means: Mapping[str, float]) -> tuple[float, ...]:
        """Derivative by the mean: 1."""
        return (1.0,)


@dataclass(frozen=True)
class Proportion(Mean):
    """Share of customers with a 1 or true: a conversion, or retention at day n.

    As `Mean` of that column, which must hold nothing but 0 and 1; it has no `cap`.

    Examples
    --------
    >>> Proportion("active_day_7", name="retention, day 7").label
    'retention, day 7'
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        self._no_cap()

    @property
    def binary(self) -> tuple[str, ...]:
        """The column."""
        return (self.column,)


@dataclass(frozen=True)
class Ratio(Common):
    """Sum of one column over sum of another, e.g. spend per visit; variance by the delta method.

    Parameters
    ----------
    numerator, denominator : str
        Columns; customers remain the unit.
    name : str, optional
        Name in results; ``numerator / denominator`` by default.
    covariates, better, margin, role
        See `Mean`.
    cap : float, optional
        Both columns are cut off at this quantile of theirs, over all arms together.

    References
    ----------
    Deng, Knoblich, Lu (2018), Applying the delta method in metric analytics, KDD.

    Examples
    --------
    >>> Ratio("spend", "visit").label
    'spend / visit'
    """

    numerator: str
    denominator: str
    name: str | None = None

    @property
    def label(self) -> str:
        """Name in results."""
        return self.name or f"{self.numerator} / {self.denominator}"

    @property
    def inputs(self) -> tuple[Derived, ...]:
        """Numerator and denominator, capped if so wanted."""
        return (Derived(self.numerator, self.cap), Derived(self.denominator, self.cap))

    def value(self, means: Mapping[str, float]) -> float:
        """Mean of the numerator over mean of the denominator."""
        above, below = self._means(means)
        return above / below

    def gradient(self, means: Mapping[str, float]) -> tuple[float, ...]:
        """Derivatives by the two means."""
        above, below = self._means(means)
        return (1 / below, -above / below**2)

    def _means(self, means: Mapping[str, float]) -> tuple[float, float]:
        above, below = (means[column] for column in self.columns)
        if below == 0:
            raise InvalidInput(
                f"the denominator {self.columns[1]!r} of {self.label!r} must not sum to 0 in an "
                "arm; analyse the numerator as a mean"
            )
        return above, below


@dataclass(frozen=True)
class FunnelStep(Common):
    """Of the customers who made a step, the share who made the next as well.

    A ratio of counts with the delta method: customers remain the unit, since how many reach the
    first step is itself an outcome.

    Parameters
    ----------
    of, after : str
        0/1 columns: the step, and the one before it.
    name : str, optional
        Name in results; ``of after after`` by default.
    covariates, better, margin, role
        See `Mean`; it has no `cap`.

    Examples
    --------
    >>> FunnelStep("bought", after="clicked").label
    'bought after clicked'
    """

    of: str
    after: str
    name: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._no_cap()

    @property
    def label(self) -> str:
        """Name in results."""
        return self.name or f"{self.of} after {self.after}"

    @property
    def inputs(self) -> tuple[Derived, ...]:
        """Customers with both steps, and those with the first."""
        return (Derived(self.of, both=self.after), Derived(self.after))

    @property
    def binary(self) -> tuple[str, ...]:
        """Both counts."""
        return self.columns

    def value(self, means: Mapping[str, float]) -> float:
        """Customers with both steps over those with the first."""
        return self._ratio.value(means)

    def gradient(self, means: Mapping[str, float]) -> tuple[float, ...]:
        """Derivatives by the two means."""
        return self._ratio.gradient(means)

    @property
    def _ratio(self) -> Ratio:
        both, after = self.columns
        return Ratio(both, after, name=self.label)


@dataclass(frozen=True)
class Quantile(Common):
    """A quantile of a column per arm, such as the median spend, with an interval by ranks.

    It asks queries of its own, which order the column within the arms, and takes neither
    covariates nor strata.

    Parameters
    ----------
    column : str
        Numbers.
    q : float
        Between 0 and 1; 0.5 is the median.
    name : str, optional
        Name in results; e.g. ``spend P90`` by default.
    better, margin, role
        See `Mean`; it has neither `cap` nor `covariates`.

    Notes
    -----
    The value is the smallest x with a share of at least q at or below it. Its standard error is
    half the width of the interval between the order statistics around it over the normal quantile;
    where many customers share the value, the longer half, which is rather too wide than too narrow.

    Of a column of few values a 95 % interval holds the truth in up to 100 %, and none could in 95:
    an interval has its estimate in it, so it holds the truth at least as often as the estimate *is*
    the truth, and a quantile that many customers share is found exactly in nearly every sample.

    References
    ----------
    Deng, Knoblich, Lu (2018), Applying the delta method in metric analytics, KDD, section 4.

    Examples
    --------
    >>> Quantile("spend", 0.9).label
    'spend P90'
    """

    column: str
    q: float
    name: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._no_cap()
        check_number("q", self.q, low=0, high=1, inclusive=False)
        if self.covariates:
            raise InvalidInput(f"covariates must be None for a Quantile, got {self.covariates!r}")

    @property
    def label(self) -> str:
        """Name in results."""
        return self.name or f"{self.column} P{100 * self.q:g}"

    @property
    def inputs(self) -> tuple[Derived, ...]:
        """The column."""
        return (Derived(self.column),)

    def value(self, means: Mapping[str, float]) -> float:
        """Not a function of means."""
        raise InvalidInput(f"{self.label!r} is no function of means; use analyze_experiment")

    def gradient(self, means: Mapping[str, float]) -> tuple[float, ...]:
        """Not a function of means."""
        raise InvalidInput(f"{self.label!r} is no function of means; use analyze_experiment")


def as_metrics(metrics: Sequence[str | Metric]) -> tuple[Metric, ...]:
    """Metrics from names of columns and metric objects, each label once."""
    if isinstance(metrics, str) or not metrics:
        raise InvalidInput(f"metrics must be a list of at least one metric, got {metrics!r}")
    known: tuple[Metric, ...] = tuple(Mean(m) if isinstance(m, str) else m for m in metrics)
    labels = [metric.label for metric in known]
    twice = [label for label in labels if labels.count(label) > 1]
    if twice:
        raise InvalidInput(f"metrics must have different names, got {twice[0]!r} twice")
    return known
