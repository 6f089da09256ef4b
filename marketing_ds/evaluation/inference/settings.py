"""What a conclusion rests on: level, sides, scale, corrections, peeking, prior."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from marketing_ds._core.checks import check_choice, check_count, check_number
from marketing_ds._core.errors import InvalidInput

ALTERNATIVES = ("two-sided", "greater", "less")
RELATIVE = ("fieller", "delta", "log")
CORRECTIONS = ("holm", "bh")


@dataclass(frozen=True)
class Sequential:
    """Always-valid intervals and p-values: they hold however often one looks (peeking).

    Parameters
    ----------
    planned : int
        Customers of control and the arm together at which the interval is narrowest; fixed before
        the first look, and the same at every look. A tenth or ten times as many customers cost
        little width.
    start : int
        Customers an arm before which nothing is concluded: the intervals hold for large samples,
        and a first look at a handful of customers is none.

    References
    ----------
    Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas (2024), Time-uniform central limit theory and
    asymptotic confidence sequences, Annals of Statistics 52. Johari, Koomen, Pekelis, Walsh (2022),
    Always valid inference, Operations Research 70.

    Examples
    --------
    >>> Sequential(planned=50_000)
    Sequential(planned=50000, start=100)
    """

    planned: int = 10_000
    start: int = 100

    def __post_init__(self) -> None:
        check_count("planned", self.planned, low=2)
        check_count("start", self.start, low=2)


@dataclass(frozen=True)
class NormalPrior:
    """What was believed of the effect before the experiment: a normal distribution.

    Parameters
    ----------
    mean, sd : float
        In units of the effect, or (``relative``) in shares of control's mean. An infinite ``sd`` is
        the flat prior: the posterior then is the likelihood.
    relative : bool
        Whether mean and sd are shares of control's mean.

    Examples
    --------
    >>> NormalPrior(0, 0.1, relative=True)
    NormalPrior(mean=0, sd=0.1, relative=True)
    """

    mean: float = 0.0
    sd: float = math.inf
    relative: bool = False

    def __post_init__(self) -> None:
        check_number("mean of the prior", self.mean, inclusive=False)
        check_number("sd of the prior", self.sd, low=0)
        if self.sd == 0:
            raise InvalidInput("sd of the prior must be greater than 0, got 0")


@dataclass(frozen=True)
class Inference:
    """How estimates become intervals, p-values and decisions.

    Parameters
    ----------
    alpha : float
        1 − confidence of the intervals, and the level of decisions.
    alternative : {"two-sided", "greater", "less"}
        One-sided intervals have one infinite end: ``greater`` asks whether the arm's mean is above
        control's.
    relative : {"fieller", "delta", "log"}
        Interval of the relative effect. Fieller's set holds also where control's mean is near 0
        (and says so by being unbounded); the delta method is symmetric and always bounded; ``log``
        is the delta method for the logarithm of the ratio, for means of one sign.
    correction : {"holm", "bh", None}
        How `p_adjusted` accounts for the number of comparisons in a family: family-wise error,
        false discovery rate, or not at all; see `infer` for what a family is.
    sequential : Sequential or bool, optional
        Always-valid intervals and p-values, for who looks more than once; True takes
        `Sequential()`.
    prior : NormalPrior, optional
        Adds the posterior of the effect; `NormalPrior()` is flat.

    Examples
    --------
    >>> Inference(alternative="greater", sequential=True).sequential
    Sequential(planned=10000, start=100)
    >>> Inference(relative="feller")
    Traceback (most recent call last):
    ...
    marketing_ds._core.errors.InvalidInput: relative must be one of 'fieller', 'delta', 'log', got 'feller'; did you mean 'fieller'?
    """

    alpha: float = 0.05
    alternative: Literal["two-sided", "greater", "less"] = "two-sided"
    relative: Literal["fieller", "delta", "log"] = "fieller"
    correction: Literal["holm", "bh"] | None = "holm"
    sequential: Sequential | bool | None = None
    prior: NormalPrior | None = None

    def __post_init__(self) -> None:
        check_number("alpha", self.alpha, low=0, high=1, inclusive=False)
        check_choice("alternative", self.alternative, ALTERNATIVES)
        check_choice("relative", self.relative, RELATIVE)
        if self.correction is not None:
            check_choice("correction", self.correction, CORRECTIONS)
        if self.sequential is True:
            object.__setattr__(self, "sequential", Sequential())
        elif self.sequential is False:
            object.__setattr__(self, "sequential", None)
        if not isinstance(self.sequential, (Sequential, type(None))):
            raise InvalidInput(
                f"sequential must be Sequential(planned=…), True or None, got {self.sequential!r}"
            )
        if not isinstance(self.prior, (NormalPrior, type(None))):
            raise InvalidInput(f"prior must be NormalPrior(mean, sd) or None, got {self.prior!r}")

    @property
    def looks(self) -> Sequential | None:
        """The settings of peeking, if any."""
        return self.sequential if isinstance(self.sequential, Sequential) else None
