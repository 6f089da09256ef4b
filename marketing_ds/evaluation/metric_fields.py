"""What the engine asks of a metric, and what every metric may say beside its columns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from marketing_ds._core.checks import check_choice, check_number
from marketing_ds._core.errors import InvalidInput

BETTER = ("higher", "lower")
ROLES = ("goal", "guardrail")


@dataclass(frozen=True)
class Derived:
    """A column that the engine forms from columns of the data."""

    source: str
    cap: float | None = None
    """Quantile over all arms together at which values are cut off."""
    both: str | None = None
    """A second 0/1 column: 1 where both are."""

    @property
    def name(self) -> str:
        """Its name beside the columns of the data."""
        if self.both is not None:
            return f"{self.source} & {self.both}"
        return self.source if self.cap is None else f"{self.source} (to P{100 * self.cap:g})"

    @property
    def sources(self) -> tuple[str, ...]:
        """Columns of the data that it is formed from."""
        return (self.source,) if self.both is None else (self.source, self.both)


class Metric(Protocol):
    """What the analysis asks of a metric: a smooth function of column means."""

    @property
    def label(self) -> str:
        """Name in results."""
        ...

    @property
    def inputs(self) -> tuple[Derived, ...]:
        """Columns whose means it uses, and how they are formed."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of those columns; columns of the data, unless they are formed from several."""
        ...

    @property
    def binary(self) -> tuple[str, ...]:
        """Those of `columns` that must hold nothing but 0 and 1."""
        ...

    @property
    def covariates(self) -> tuple[str, ...] | None:
        """Covariates of its own; None takes those of the analysis."""
        ...

    @property
    def better(self) -> str:
        """Direction of improvement: ``higher`` or ``lower``."""
        ...

    @property
    def margin(self) -> float | None:
        """Non-inferiority margin as a share of control."""
        ...

    @property
    def role(self) -> str:
        """``goal`` or ``guardrail``."""
        ...

    def value(self, means: Mapping[str, float]) -> float:
        """Its value at these means."""
        ...

    def gradient(self, means: Mapping[str, float]) -> tuple[float, ...]:
        """Derivative by the mean of each of `columns`."""
        ...


@dataclass(frozen=True, kw_only=True)
class Common(ABC):
    """What every metric may say, beside its columns."""

    covariates: tuple[str, ...] | None = None
    cap: float | None = None
    better: str = "higher"
    margin: float | None = None
    role: str = "goal"

    def __post_init__(self) -> None:
        if isinstance(self.covariates, str):
            raise InvalidInput(f"covariates must be a tuple of columns, got {self.covariates!r}")
        if self.covariates is not None:
            object.__setattr__(self, "covariates", tuple(self.covariates))
        if self.cap is not None:
            check_number("cap", self.cap, low=0, high=1, inclusive=False)
        check_choice("better", self.better, BETTER)
        check_choice("role", self.role, ROLES)
        if self.margin is not None:
            check_number("margin", self.margin, low=0, inclusive=False)

    @property
    @abstractmethod
    def inputs(self) -> tuple[Derived, ...]:
        """Columns whose means it uses, and how they are formed."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns whose means it uses."""
        return tuple(column.name for column in self.inputs)

    @property
    def binary(self) -> tuple[str, ...]:
        """Those of `columns` that must hold nothing but 0 and 1."""
        return ()

    def _no_cap(self) -> None:
        if self.cap is not None:
            kind = type(self).__name__
            raise InvalidInput(f"cap must be None for a {kind}, got {self.cap!r}; leave it out")
