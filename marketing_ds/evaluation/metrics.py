"""Metrics: each names the columns it needs and how its value follows from their means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from marketing_ds._core.errors import InvalidInput


class Metric(Protocol):
    """What the analysis asks of a metric: a smooth function of column means."""

    @property
    def label(self) -> str:
        """Name in results."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns whose means it uses."""
        ...

    @property
    def covariates(self) -> tuple[str, ...] | None:
        """Covariates of its own; None takes those of the analysis."""
        ...

    def value(self, means: Mapping[str, float]) -> float:
        """Its value at these means."""
        ...

    def gradient(self, means: Mapping[str, float]) -> tuple[float, ...]:
        """Derivative by the mean of each of `columns`."""
        ...


@dataclass(frozen=True)
class Mean:
    """Mean per customer of a column; of a 0/1 column, a proportion.

    Parameters
    ----------
    column : str
        Numbers or booleans.
    name : str, optional
        Name in results; the column's by default.
    covariates : tuple of str, optional
        Covariates for this metric alone.

    Examples
    --------
    >>> Mean("spend").label
    'spend'
    """

    column: str
    name: str | None = None
    covariates: tuple[str, ...] | None = None

    @property
    def label(self) -> str:
        """Name in results."""
        return self.name or self.column

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns whose means it uses."""
        return (self.column,)

    def value(self, means: Mapping[str, float]) -> float:
        """The mean itself."""
        return means[self.column]

    def gradient(self, means: Mapping[str, float]) -> tuple[float, ...]:
        """Derivative by the mean: 1."""
        return (1.0,)


@dataclass(frozen=True)
class Ratio:
    """Sum of one column over sum of another, e.g. spend per visit; variance by the delta method.

    Parameters
    ----------
    numerator, denominator : str
        Columns; customers remain the unit.
    name : str, optional
        Name in results; ``numerator / denominator`` by default.
    covariates : tuple of str, optional
        Covariates for this metric alone.

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
    covariates: tuple[str, ...] | None = None

    @property
    def label(self) -> str:
        """Name in results."""
        return self.name or f"{self.numerator} / {self.denominator}"

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns whose means it uses."""
        return (self.numerator, self.denominator)

    def value(self, means: Mapping[str, float]) -> float:
        """Mean of the numerator over mean of the denominator."""
        self._check(means)
        return means[self.numerator] / means[self.denominator]

    def gradient(self, means: Mapping[str, float]) -> tuple[float, ...]:
        """Derivatives by the two means."""
        self._check(means)
        below = means[self.denominator]
        return (1 / below, -means[self.numerator] / below**2)

    def _check(self, means: Mapping[str, float]) -> None:
        if means[self.denominator] == 0:
            raise InvalidInput(
                f"the denominator {self.denominator!r} of {self.label!r} must not sum to 0 in an "
                "arm; analyse the numerator as a mean"
            )


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
