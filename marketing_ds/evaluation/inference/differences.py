"""An arm against control: the difference, its share of control's mean, and how sure they are."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from marketing_ds.evaluation.engine import Estimate

from .critical import critical_value, p_value
from .proportions import FewEvents, few_events
from .relative import EVERYTHING, Interval, fieller
from .settings import Inference
from .skewed import SkewedMeans, skewed_means

_STEADY = 300
"""Customers that the pooled variance counts for in always-valid intervals."""


@dataclass(frozen=True)
class Difference:
    """An arm against control."""

    effect: float
    lower: float
    upper: float
    rel: float
    rel_lower: float
    rel_upper: float
    p_value: float
    """NaN where nothing varies."""
    variance: float
    """Of the effect."""
    freedom: float
    """Degrees of freedom of that variance; infinite for a score interval."""
    interval: str
    """``welch``, ``score`` (proportions with few events), ``skewed`` or ``none`` (nothing varies)."""

    @property
    def error(self) -> float:
        """Standard error of the effect."""
        return math.sqrt(self.variance)


def compare(control: Estimate, arm: Estimate, settings: Inference | None = None) -> Difference:
    """Difference of two arms with Welch's interval, and the relative effect with its own.

    Proportions with few events have score intervals instead, of the difference and of the ratio;
    means that few customers decide, in arms of unequal size, those of `SkewedMeans`.
    Without any variance there is no p-value (NaN), and the interval is the effect itself.

    Parameters
    ----------
    control, arm : Estimate
    settings : Inference, optional
        `Inference()` by default: two-sided, 95 %, Fieller.

    References
    ----------
    Welch (1947), Biometrika 34. Satterthwaite (1946), Biometrics Bulletin 2.

    Examples
    --------
    >>> control, arm = (Estimate(900, m, 0.04, m, 0.04, 899) for m in (10.0, 10.8))
    >>> found = compare(control, arm)
    >>> print(f"{found.effect:.1f} ({found.lower:.2f} to {found.upper:.2f}), {found.rel:.0%}")
    0.8 (0.25 to 1.35), 8%
    """
    settings = settings or Inference()
    effect = arm.value - control.value
    rel = effect / control.value if control.value else math.nan
    variance, _ = contrast(control, arm)
    if variance == 0:
        return _without_variance(effect, rel, settings)
    few = of_few(control, arm, settings)
    if few is not None:
        return _of_few(few, control, arm, settings)
    if settings.looks is not None:
        control, arm = steadied(control, arm)
    used, freedom = contrast(control, arm)
    error, customers = math.sqrt(used), (control.n, arm.n)
    reach = critical_value(settings, freedom, customers) * error
    own = sided((effect - reach, effect + reach), settings)
    shares = _SHARES[settings.relative](control, arm, settings)
    p = p_value(settings, effect / error, freedom, customers)
    return Difference(effect, *own, rel, *shares, p, variance, freedom, "welch")


def of_few(control: Estimate, arm: Estimate, settings: Inference) -> FewEvents | SkewedMeans | None:
    """Two values that few events or few customers decide, with intervals of their own; else None.

    Always-valid intervals of means are steadied instead.
    """
    few = few_events(control, arm)
    if few is not None or settings.looks is not None:
        return few
    return skewed_means(control, arm)


def contrast(control: Estimate, arm: Estimate, weight: float = 1.0) -> tuple[float, float]:
    """Variance of arm − weight × control, and its degrees of freedom (Satterthwaite's)."""
    own = arm.variance, weight**2 * control.variance
    shared = arm.common + weight**2 * control.common - 2 * weight * arm.covariance
    return max(sum(own) + shared, 0.0), _satterthwaite(own, arm, control)


def steadied(control: Estimate, arm: Estimate) -> tuple[Estimate, Estimate]:
    """Estimates for who looks early: a variance below the pooled one is drawn towards it.

    Of a small arm of skewed amounts the first looks see too little variance, as long as no large
    amount has come. The pooled variance weighs `_STEADY` customers, which matters less and less.
    """
    each = [found.variance * found.n for found in (control, arm)]
    pooled = (each[0] * control.n + each[1] * arm.n) / (control.n + arm.n)
    first, second = (
        replace(found, variance=found.variance + max(pooled - own, 0.0) * share)
        for found, own in zip((control, arm), each, strict=True)
        for share in (_STEADY / (found.n + _STEADY) / found.n,)
    )
    return first, second


def sided(interval: Interval, settings: Inference, *, turned: bool = False) -> Interval:
    """The interval with the end that was not asked for at infinity.

    `turned` where a larger effect is a smaller value, as a share of a negative mean is.
    """
    lower, upper = interval
    if settings.alternative == "two-sided":
        return lower, upper
    up = (settings.alternative == "greater") != turned
    return (lower, math.inf) if up else (-math.inf, upper)


def _without_variance(effect: float, rel: float, settings: Inference) -> Difference:
    """The effect itself; but who looks early may only not have seen anything vary yet."""
    ends = (effect, effect) if settings.looks is None else EVERYTHING
    shares = (rel, rel) if settings.looks is None else EVERYTHING
    return Difference(effect, *ends, rel, *shares, math.nan, 0.0, math.nan, "none")


def _satterthwaite(parts: Interval, arm: Estimate, control: Estimate) -> float:
    squares = parts[0] ** 2 / arm.freedom + parts[1] ** 2 / control.freedom
    return sum(parts) ** 2 / squares if squares else arm.freedom + control.freedom


def _fieller(control: Estimate, arm: Estimate, settings: Inference) -> Interval:
    _, freedom = contrast(control, arm)
    low, high = fieller(
        arm.value,
        control.value,
        arm.variance + arm.common,
        control.variance + control.common,
        critical_value(settings, freedom, (control.n, arm.n)),
        arm.covariance,
    )
    return sided((low - 1, high - 1), settings, turned=control.value < 0)


def _delta(control: Estimate, arm: Estimate, settings: Inference) -> Interval:
    """Symmetric around the relative effect, from the linearised ratio."""
    if control.value == 0:
        return EVERYTHING
    ratio, reach = _linearised(control, arm, settings)
    return sided((ratio - 1 - reach, ratio - 1 + reach), settings, turned=control.value < 0)


def _log(control: Estimate, arm: Estimate, settings: Inference) -> Interval:
    """Symmetric around the logarithm of the ratio; for means of one sign."""
    if control.value * arm.value <= 0:
        return EVERYTHING
    ratio, reach = _linearised(control, arm, settings)
    factor = math.exp(reach / ratio)
    return sided((ratio / factor - 1, ratio * factor - 1), settings, turned=control.value < 0)


def _linearised(control: Estimate, arm: Estimate, settings: Inference) -> tuple[float, float]:
    """The ratio, and how far its interval by the delta method reaches."""
    ratio = arm.value / control.value
    variance, freedom = contrast(control, arm, ratio)
    quantile = critical_value(settings, freedom, (control.n, arm.n))
    reach = quantile * math.sqrt(variance) / abs(control.value) if variance else 0.0
    return ratio, reach


_SHARES = {"fieller": _fieller, "delta": _delta, "log": _log}


def _of_few(
    few: FewEvents | SkewedMeans, control: Estimate, arm: Estimate, settings: Inference
) -> Difference:
    effect, customers = arm.value - control.value, (control.n, arm.n)
    rel = effect / control.value if control.value else math.nan
    quantile = critical_value(settings, few.freedom, customers)
    own = sided(few.difference_interval(quantile), settings)
    variance, shares = contrast(control, arm)[0], _SHARES[settings.relative](control, arm, settings)
    if isinstance(few, SkewedMeans):
        variance = few.variance
    if isinstance(few, FewEvents) or settings.relative == "fieller":
        low, high = few.ratio_interval(quantile)
        shares = sided((low - 1, high - 1), settings, turned=control.value < 0)
    p = p_value(settings, few.from_difference(0.0), few.freedom, customers)
    return Difference(effect, *own, rel, *shares, p, variance, few.freedom, few.kind)
