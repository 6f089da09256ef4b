"""From moments to effects: Welch's interval, Fieller's for the ratio, CUPED, many comparisons."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from ._moments import FloatArray, Moments
from .metrics import Metric


@dataclass(frozen=True)
class Estimate:
    """A metric in one arm: raw value, adjusted value, and their variances."""

    n: int
    raw: float
    raw_variance: float
    value: float
    variance: float


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


def estimate(
    metric: Metric,
    covariates: Sequence[str],
    columns: Sequence[str],
    moments: Mapping[str, Moments],
) -> dict[str, Estimate]:
    """The metric in every arm, adjusted by the covariates (CUPED).

    The slopes are those of the regression within arms, pooled over arms: the common-slope analysis
    of covariance. A metric that is a ratio enters by its linearisation.
    """
    own = [columns.index(column) for column in metric.columns]
    side = [columns.index(column) for column in covariates]
    slope_of, value_of = {}, {}
    for arm, m in moments.items():
        means = {column: float(m.mean[i]) for column, i in zip(metric.columns, own, strict=True)}
        value_of[arm], slope_of[arm] = metric.value(means), np.array(metric.gradient(means))
    n_all = sum(m.n for m in moments.values())
    centre = sum(m.n * m.mean[side] for m in moments.values()) / n_all
    within = sum(m.scatter[np.ix_(side, side)] for m in moments.values())
    joint = sum(m.scatter[np.ix_(side, own)] @ slope_of[arm] for arm, m in moments.items())
    theta = _regress(np.asarray(within), np.asarray(joint))
    found = {}
    for arm, m in moments.items():
        g = slope_of[arm]
        raw = float(g @ m.error[np.ix_(own, own)] @ g)
        mixed = m.error[np.ix_(side, own)] @ g
        variance = raw - 2 * theta @ mixed + theta @ m.error[np.ix_(side, side)] @ theta
        value = value_of[arm] - theta @ (m.mean[side] - centre)
        found[arm] = Estimate(m.n, value_of[arm], raw, float(value), max(float(variance), 0.0))
    return found


def compare(control: Estimate, arm: Estimate, alpha: float) -> Difference:
    """Difference of two arms with Welch's interval, and ratio − 1 with Fieller's.

    Without any variance there is no p-value (NaN), and the interval is the effect itself.
    """
    effect = arm.value - control.value
    variance = arm.variance + control.variance
    if variance == 0:
        rel = effect / control.value if control.value else math.nan
        return Difference(effect, effect, effect, rel, rel, rel, math.nan)
    freedom = variance**2 / (arm.variance**2 / (arm.n - 1) + control.variance**2 / (control.n - 1))
    error, quantile = math.sqrt(variance), float(student.ppf(1 - alpha / 2, freedom))
    p_value = float(2 * student.sf(abs(effect) / error, freedom))
    reach = quantile * error
    return Difference(
        effect, effect - reach, effect + reach, *_fieller(control, arm, quantile), p_value
    )


def adjust(p_values: FloatArray, method: str | None) -> FloatArray:
    """p-values adjusted for their number: `holm`, `bh` (false discovery rate) or None.

    References
    ----------
    Holm (1979), Scandinavian Journal of Statistics 6. Benjamini, Hochberg (1995), JRSS B 57.
    """
    adjusted = p_values.copy()
    known = np.flatnonzero(~np.isnan(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    m = len(order)
    if method == "holm":
        steps = p_values[order] * np.arange(m, 0, -1)
        adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    elif method == "bh":
        steps = p_values[order] * m / np.arange(1, m + 1)
        adjusted[order] = np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0)
    return adjusted


def _regress(within: FloatArray, joint: FloatArray) -> FloatArray:
    """Slopes by least squares on the scale of correlations; covariates that do not vary get 0."""
    spread = np.sqrt(np.maximum(np.diag(within), 0.0))
    unit = np.where(spread > 0, spread, 1.0)
    solved: FloatArray = np.linalg.lstsq(within / np.outer(unit, unit), joint / unit, rcond=1e-10)[
        0
    ]
    return solved / unit


def _fieller(control: Estimate, arm: Estimate, quantile: float) -> tuple[float, float, float]:
    """Ratio − 1 with the set of ratios that the data do not reject; unbounded if control ~ 0."""
    if control.value == 0:
        return math.nan, -math.inf, math.inf
    ratio = arm.value / control.value
    a = control.value**2 - quantile**2 * control.variance
    if a <= 0:  # control's mean may be 0, the ratio may be anything
        return ratio - 1, -math.inf, math.inf
    b = arm.value * control.value
    c = arm.value**2 - quantile**2 * arm.variance
    root = math.sqrt(max(b * b - a * c, 0.0))
    return ratio - 1, (b - root) / a - 1, (b + root) / a - 1
