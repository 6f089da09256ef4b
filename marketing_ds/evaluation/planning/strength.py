"""Power, minimum detectable effect and sample size: one formula, turned three ways."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr
from scipy.stats import nct

from marketing_ds._core.checks import check_count, check_number
from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.inference.critical import critical_value
from marketing_ds.schema import CONTROL

from .baseline import Baseline
from .design import Design

_MOST = 1e13
"""No bank has more customers; a larger answer means never."""


def power(
    baseline: Baseline,
    customers: int,
    *,
    effect: float | None = None,
    rel_effect: float | None = None,
    design: Design | None = None,
) -> dict[str, float]:
    """Probability of finding an effect that is there, for every arm.

    Parameters
    ----------
    baseline : Baseline
        The metric without the campaign.
    customers : int
        Of all arms together.
    effect, rel_effect : float
        Difference from control, in the metric's unit or as a share of control's mean: one of them.
    design : Design, optional
        Two equal arms, two-sided at 5 %, by default.

    Returns
    -------
    dict
        Arm → power.

    Notes
    -----
    That of Welch's test, by the non-central t distribution. A proportion has the variance of its
    rate in each arm; clusters set the degrees of freedom. With `non_inferiority` an effect of 0 is
    what one hopes to show to be no loss.

    Examples
    --------
    >>> found = power(Baseline.proportion(0.05), 20_000, effect=0.01)
    >>> print(f"{found['arm']:.3f}")
    0.873
    """
    plan, n = design or Design(), check_count("customers", customers, low=4)
    change = _change(baseline, effect, rel_effect, plan)
    return {arm: _power(baseline, plan, arm, float(n), change) for arm in plan.arms}


def minimum_detectable_effect(
    baseline: Baseline,
    customers: int,
    *,
    target: float = 0.8,
    design: Design | None = None,
) -> dict[str, float]:
    """The smallest effect, in the metric's unit, that is found with probability `target`.

    Upwards, or downwards with ``alternative="less"``. NaN where no effect is large enough: a rate
    cannot pass 1. With `non_inferiority` it is the smallest true effect at which no loss beyond the
    margin can be shown; it may be negative.

    Parameters
    ----------
    baseline, customers, design
        As of `power`.
    target : float
        The wanted power.

    Examples
    --------
    >>> found = minimum_detectable_effect(Baseline.proportion(0.05), 20_000)
    >>> print(f"{found['arm']:.5f}")
    0.00899
    """
    plan, n = design or Design(), check_count("customers", customers, low=4)
    check_number("target", target, low=0, high=1, inclusive=False)
    return {arm: _smallest(baseline, plan, arm, float(n), target) for arm in plan.arms}


def sample_size(
    baseline: Baseline,
    *,
    effect: float | None = None,
    rel_effect: float | None = None,
    target: float = 0.8,
    design: Design | None = None,
) -> dict[str, int]:
    """Customers that every arm needs, so that each comparison has the wanted power.

    Parameters
    ----------
    baseline, effect, rel_effect, design
        As of `power`.
    target : float
        The wanted power.

    Returns
    -------
    dict
        Arm → customers, in the design's shares, control among them; their sum is all.

    Raises
    ------
    InvalidInput
        If no number of customers is enough, as for an effect of 0.

    Examples
    --------
    >>> sample_size(Baseline.proportion(0.05), effect=0.01)
    {'control': 8156, 'arm': 8156}
    """
    plan = design or Design()
    change = _change(baseline, effect, rel_effect, plan)
    check_number("target", target, low=0, high=1, inclusive=False)
    needed = max(_size(baseline, plan, arm, change, target) for arm in plan.arms)
    return {arm: math.ceil(needed * plan.share(arm) - 1e-9) for arm in plan.shares}


def _change(
    baseline: Baseline, effect: float | None, rel_effect: float | None, design: Design
) -> float:
    if (effect is None) == (rel_effect is None):
        raise InvalidInput("give effect or rel_effect, one of them")
    if effect is None:
        change = check_number("rel_effect", rel_effect, inclusive=False) * baseline.mean
    else:
        change = check_number("effect", effect, inclusive=False)
    if baseline.binary and not 0 <= baseline.mean + change <= 1:
        raise InvalidInput(
            f"the arm's rate must be between 0 and 1, got {baseline.mean:g} + {change:g}"
        )
    return change


def _power(baseline: Baseline, design: Design, arm: str, customers: float, change: float) -> float:
    """Power of one comparison; `customers` need not be whole."""
    n_control, n_arm = (customers * design.share(name) for name in (CONTROL, arm))
    freedoms = [n / baseline.cluster_size - 1 for n in (n_control, n_arm)]
    if min(freedoms) <= 0:
        return 0.0
    weight, shift = 1.0, change
    if design.non_inferiority is not None:
        lost = design.non_inferiority * (1 if design.better == "higher" else -1)
        allowed = baseline.mean - lost * abs(baseline.mean)
        weight = allowed / baseline.mean if baseline.mean else 1.0
        shift = baseline.mean + change - allowed
    ours = baseline.variance(baseline.mean + change) / n_arm
    theirs = weight**2 * baseline.variance(baseline.mean) / n_control
    if ours + theirs == 0:
        return 1.0 if shift else 0.0
    freedom = (ours + theirs) ** 2 / (theirs**2 / freedoms[0] + ours**2 / freedoms[1])
    settings = design.inference(round(n_control + n_arm))
    sizes = (math.floor(n_control + 1e-6), math.floor(n_arm + 1e-6))
    bound = critical_value(settings, freedom, sizes)
    far = shift / math.sqrt(ours + theirs)
    if math.isinf(bound):
        return 0.0
    if settings.alternative == "two-sided":
        return _beyond(bound, freedom, far) + _beyond(bound, freedom, -far)
    return _beyond(bound, freedom, far if settings.alternative == "greater" else -far)


def _beyond(bound: float, freedom: float, far: float) -> float:
    """P(non-central t > bound); the normal's where the former cannot be computed."""
    if freedom < 1e8:
        found = float(nct.sf(bound, freedom, far))
        if np.isfinite(found) and 0 <= found <= 1:
            return found
    return float(ndtr(far - bound))


def _smallest(
    baseline: Baseline, design: Design, arm: str, customers: float, target: float
) -> float:
    down = design.alternative == "less"
    if design.non_inferiority is not None:
        down = design.better == "lower"
    sign = -1.0 if down else 1.0
    start = 0.0
    if design.non_inferiority is not None:  # where nothing but the margin is left
        start = -design.non_inferiority * abs(baseline.mean)

    def short(size: float) -> float:
        return _power(baseline, design, arm, customers, sign * size) - target

    room = math.inf
    if baseline.binary:
        room = baseline.mean if down else 1 - baseline.mean
    step = baseline.sd * 1e-3
    while short(start + step) < 0:
        step *= 2
        if start + step >= room:
            step = room - start
            if short(room) < 0:
                return math.nan
            break
        if step > 1e12 * baseline.sd:
            return math.nan
    return sign * float(brentq(short, start, start + step, xtol=1e-14, rtol=1e-12))


def _size(baseline: Baseline, design: Design, arm: str, change: float, target: float) -> float:
    """The least number of customers, not whole, in the design's shares."""

    def short(log_size: float) -> float:
        return _power(baseline, design, arm, math.exp(log_size), change) - target

    low, high = math.log(4), math.log(8)
    if short(low) >= 0:
        return 4.0
    while short(high) < 0:
        low, high = high, high + math.log(2)
        if high > math.log(_MOST):
            raise InvalidInput(
                f"the effect must be large enough to be found, got {change:g} for {baseline.name!r}: "
                f"no number of customers gives a power of {target:g}; plan for a larger effect"
            )
    return _narrowed(short, low, high)


def _narrowed(short: Callable[[float], float], low: float, high: float) -> float:
    return math.exp(float(brentq(short, low, high, xtol=1e-13, rtol=1e-13)))
