"""How strong would something not known have to be to explain an effect away?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from marketing_ds._core.display import Result

from .encoding import Encoded
from .means import weights_from
from .nuisances import Nuisances, cross_fit
from .sample import Floats, Numbers

_ENOUGH = 30_000
_BENCHMARKS = 3


@dataclass(frozen=True)
class Sensitivity(Result):
    """What hidden confounding each effect withstands.

    References
    ----------
    VanderWeele, Ding (2017), Sensitivity analysis in observational research: introducing the
    E-value, Annals of Internal Medicine 167. Cinelli, Hazlett (2020), Making sense of sensitivity,
    JRSS B 82. Chernozhukov, Cinelli, Newey, Sharma, Syrgkanis (2022), Long story short: omitted
    variable bias in causal machine learning, NBER 30302. Rosenbaum (2002), Observational Studies.
    """

    _frame: pd.DataFrame = field(repr=False)
    _benchmarks: pd.DataFrame = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row a metric and arm.

        - `e_value`, `e_value_limit`: the risk ratio by which a hidden factor would have to go with
          the arm and with the outcome, each, to explain away the effect, or the interval's end
          next to 0 (1 where that holds 0 already). Means by the usual approximation
          RR = exp(0.91 · effect / standard deviation).
        - `robustness_value`, `robustness_value_limit`: the share of what is left unexplained, of
          the outcome and of the arm's weights alike, that it would have to explain.
        - `rosenbaum_gamma`: with matching, how far the odds of the arm may differ within pairs of
          the alike before the pairs' p-value reaches alpha (1: they need not differ); else null.
        """
        return self._frame.copy()

    @property
    def benchmarks(self) -> pd.DataFrame:
        """One row a metric, arm and known covariate.

        `explains_outcome` and `explains_arm`: what it adds to all others, as shares of what they
        leave unexplained. `times`, `times_limit`: how many times as strong, in both, a hidden factor would have to
        be to explain away the effect, or the interval's end next to 0 (infinite where the
        covariate adds nothing, 0 where the interval holds 0 already).
        """
        return self._benchmarks.copy()


def e_value(ratio: float) -> float:
    """The E-value of a risk ratio.

    Examples
    --------
    >>> round(e_value(3.9), 2), e_value(1.0), round(e_value(0.8), 2)
    (7.26, 1.0, 1.81)
    """
    if math.isnan(ratio) or ratio <= 0 or math.isinf(ratio):
        return math.inf if ratio <= 0 or ratio == math.inf else math.nan
    above = max(ratio, 1 / ratio)
    return above + math.sqrt(above * (above - 1))


def limit_near_zero(lower: float, upper: float) -> float:
    """The end of an interval next to 0; 0 if it holds 0."""
    return 0.0 if lower <= 0 <= upper else lower if lower > 0 else upper


def robustness_value(effect: float, reach: float) -> float:
    """The strength r with |bias| = reach·√(r²/(1 − r)) = |effect|."""
    if reach == 0:
        return 1.0 if effect else 0.0
    f2 = (effect / reach) ** 2
    return 2 * f2 / (f2 + math.sqrt(f2**2 + 4 * f2)) if f2 else 0.0


def times_as_strong(effect: float, reach: float, outcome: float, arm: float) -> float:
    """The k for which a factor with k times these strengths has a bias of the effect's size."""
    f2 = (effect / reach) ** 2 if reach else math.inf
    if f2 == 0:
        return 0.0
    if outcome <= 0 or arm <= 0 or math.isinf(f2):
        return math.inf
    # k² · outcome · arm / (1 − k · arm) = f²
    return 2 * f2 / (f2 * arm + math.sqrt((f2 * arm) ** 2 + 4 * outcome * arm * f2))


def bias_reach(
    treated: Floats, residual: Floats, chance: Floats, estimand: str
) -> tuple[float, float]:
    """Mean squares of the outcome's residual and of the weights: bias ≤ √both × the strengths."""
    weight = weights_from(treated, chance, estimand)
    scale = 1.0 if estimand == "ate" else float(treated.mean())
    return float(np.mean(residual**2)), float(np.mean(weight**2)) / scale**2


def residual_of(treated: Floats, outcomes: Floats, learned: Nuisances, slopes: Floats) -> Floats:
    """What the learners leave unexplained of a metric, linear in outcomes with `slopes` (2, q)."""
    side = treated.astype(int)
    expected = np.where(treated[:, None] == 1, learned.expected[1], learned.expected[0])
    residual: Floats = ((outcomes - expected) * slopes[side]).sum(axis=1)
    return residual


def strongest(known: Encoded, treated: Floats, outcomes: Floats) -> list[str]:
    """The covariates that go most with both the arm and an outcome."""
    y = (outcomes - outcomes.mean(axis=0)) / np.maximum(outcomes.std(axis=0), 1e-300)
    with_arm = np.abs((treated - treated.mean()) @ known.terms / len(treated))
    with_outcome = np.abs(y.T @ known.terms / len(treated)).max(axis=0)
    order = np.argsort(-(with_arm * with_outcome))
    return list(dict.fromkeys(known.names[known.term_of[k]] for k in order))[:_BENCHMARKS]


def strengths(
    known: Encoded,
    treated: Floats,
    outcomes: Floats,
    names: Sequence[str],
    slopes: Sequence[Floats],
    benchmarks: Sequence[str],
    folds: Numbers,
) -> dict[str, list[tuple[float, float]]]:
    """What each known covariate adds to the others: (outcome, arm) for every metric.

    Shares of the squared error out of fold that go with it, in regressions alone, the same with and
    without the covariate; on some of the customers where there are many.
    """
    some = np.arange(len(treated))[:: max(1, len(treated) // _ENOUGH)]

    def left(kept: npt.NDArray[np.bool_]) -> list[tuple[float, float]]:
        """What is left unexplained of every metric, and of the arm."""
        part = replace(
            known, raw=known.raw[some], terms=np.ascontiguousarray(known.terms[some][:, kept]),
            term_of=known.term_of[kept], plain=known.plain[kept],
        )  # fmt: skip
        learned = cross_fit(
            part, treated[some], outcomes[some], names, folds[some], learners=("linear",), seed=0
        )
        arm = float(np.mean((treated[some] - learned.chance) ** 2))
        residuals = [residual_of(treated[some], outcomes[some], learned, s) for s in slopes]
        return [(float(np.mean(residual**2)), arm) for residual in residuals]

    every = np.ones(len(known.labels), dtype=bool)
    long = left(every)
    found: dict[str, list[tuple[float, float]]] = {}
    for name in benchmarks:
        kept = known.without(known.names.index(name))
        if not kept.any():
            continue
        found[name] = [
            (
                max(1 - with_it[0] / without[0], 0.0) if without[0] else 0.0,
                max(1 - with_it[1] / without[1], 0.0),
            )
            for with_it, without in zip(long, left(kept), strict=True)
        ]
    return found
