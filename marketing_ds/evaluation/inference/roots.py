"""Ends of intervals: where a falling statistic passes its bound."""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy.optimize import brentq


def inside(passed: Callable[[float], float], low: float, high: float) -> float:
    """Where a falling function passes 0; the end of the range if it does not within."""
    step = 1e-12
    if passed(low + step) <= 0:
        return low
    if passed(high - step) >= 0:
        return high
    return float(brentq(passed, low + step, high - step, xtol=1e-16, rtol=1e-14))


def outward(
    passed: Callable[[float], float], start: float, step: float, far: float = 1e300
) -> float:
    """Root of a falling function, looked for from `start` in steps that double; else infinity."""
    inner, outer = start - step, start
    while (passed(outer) > 0) == (step > 0):
        if abs(outer) > far:
            return math.copysign(math.inf, step)
        inner, outer, step = outer, outer + step, 2 * step
    return float(brentq(passed, min(inner, outer), max(inner, outer), xtol=1e-14))
