"""From moments to estimates: a metric's value in every arm, adjusted by covariates (CUPED)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from marketing_ds.evaluation.metrics import Metric

from .moments import FloatArray, Moments

PER_SLOPE = 10
"""Customers that every arm must have for each covariate; below, nothing is adjusted."""
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Estimate:
    """A metric in one arm: raw value, adjusted value, and their variances.

    The difference of an arm and control has the variance ``arm.variance + arm.common +
    control.variance + control.common - 2 * arm.covariance``.
    """

    n: int
    raw: float
    raw_variance: float
    value: float
    variance: float
    """Of the arm's own part of the adjusted value, independent of the other arms' own parts."""
    freedom: float
    """Degrees of freedom of `variance`: customers − 1, or clusters − 1."""
    common: float = 0.0
    """Variance of what the arms share: the pooled means of covariates, the shares of strata."""
    covariance: float = 0.0
    """With control's value, by what they share (and by clusters that are in both)."""
    raw_covariance: float = 0.0
    """The same of `raw`: by clusters that are in both arms."""
    third: float = math.nan
    """Third central moment of the arm's own part of the adjusted value; NaN where nobody asked."""
    upward: bool = False
    """Whether the value is the mean of a column that is known to hold nothing below 0."""


@dataclass(frozen=True)
class Weights:
    """How a metric's value in an arm follows from the columns' means, to first order."""

    plain: FloatArray
    """(p,) derivative of the unadjusted value."""
    adjusted: FloatArray
    """(p,) of the value that covariates adjust."""
    slopes: FloatArray
    """(p,) of the covariates, which all arms share; 0 for other columns."""


def estimate(
    metric: Metric,
    covariates: Sequence[str],
    columns: Sequence[str],
    moments: Mapping[str, Moments],
    *,
    raw: Mapping[str, Moments] | None = None,
    control: str | None = None,
) -> dict[str, Estimate]:
    """The metric in every arm, adjusted by the covariates (CUPED).

    The slopes are those of the regression within arms (and strata), pooled over them: the
    common-slope analysis of covariance. A metric that is a ratio enters by its linearisation.

    Parameters
    ----------
    metric : Metric
    covariates : sequence of str
        Columns that explain its variance.
    columns : sequence of str
        What the moments are of.
    moments : mapping
        By arm.
    raw : mapping, optional
        Those without strata, where `moments` has them: the unadjusted value.
    control : str, optional
        Arm with which `covariance` is; with none there is no `covariance` and no `common`.
    """
    unadjusted = moments if raw is None else raw
    weights = metric_weights(metric, covariates, columns, moments, raw=raw)
    pooled = _pooled(moments)
    found = {}
    for arm, m in moments.items():
        chosen, plain = weights[arm], unadjusted[arm]
        raw_variance = max(_quadratic(chosen.plain, plain.error), 0.0)
        variance = rounded(_quadratic(chosen.adjusted, m.error), raw_variance)
        own, common, covariance = _value(metric, columns, m), 0.0, 0.0
        if control is not None:
            common = _shared(chosen, m, chosen, m, pooled)
            covariance = _shared(chosen, m, weights[control], moments[control], pooled)
        strata = 1 if m.shares is None else len(m.shares)
        found[arm] = Estimate(
            m.n,
            _value(metric, columns, plain),
            raw_variance,
            own - float(chosen.slopes @ (m.mean - pooled.mean)),
            variance,
            m.n - strata,
            common,
            covariance,
        )
    return found


def metric_weights(
    metric: Metric,
    covariates: Sequence[str],
    columns: Sequence[str],
    moments: Mapping[str, Moments],
    *,
    raw: Mapping[str, Moments] | None = None,
) -> dict[str, Weights]:
    """First-order weights of the columns' means in the metric's value, by arm."""
    own = [columns.index(column) for column in metric.columns]
    fewest = min(m.n for m in moments.values())
    # Slopes learned from a handful of customers would add more noise than they take away, and the
    # interval does not know of it.
    enough = fewest >= PER_SLOPE * len(covariates)
    side = [columns.index(column) for column in covariates] if enough else []
    gradients = {arm: _gradient(metric, columns, m) for arm, m in moments.items()}
    within = sum(m.scatter[np.ix_(side, side)] for m in moments.values())
    joint = sum(m.scatter[np.ix_(side, own)] @ gradients[arm][own] for arm, m in moments.items())
    slopes = np.zeros(len(columns))
    slopes[side] = _regress(np.asarray(within), np.asarray(joint))
    found = {}
    for arm, gradient in gradients.items():
        plain = gradient if raw is None else _gradient(metric, columns, raw[arm])
        found[arm] = Weights(plain, gradient - slopes, slopes)
    return found


@dataclass(frozen=True)
class _Pooled:
    """All arms together: customers, means, and the covariance within arms and strata."""

    n: int
    mean: FloatArray
    covariance: FloatArray
    levels: FloatArray | None


def _pooled(moments: Mapping[str, Moments]) -> _Pooled:
    n = sum(m.n for m in moments.values())
    mean = sum(m.n * m.mean for m in moments.values()) / n
    covariance = sum(m.scatter for m in moments.values()) / n
    first = next(iter(moments.values()))
    levels = None
    if first.levels is not None:
        sizes = np.array([m.n for m in moments.values()], dtype=float)
        each = np.array([m.levels for m in moments.values()])
        levels = np.tensordot(sizes / n, each, axes=1)
    return _Pooled(n, np.asarray(mean), np.asarray(covariance), levels)


def _shared(one: Weights, m: Moments, other: Weights, m_other: Moments, pooled: _Pooled) -> float:
    """Covariance of two arms' values by what they share.

    The pooled means of the covariates, and how many customers each stratum happens to have.
    """
    covariance = _quadratic(one.slopes, pooled.covariance)
    if m.shares is not None:
        parts = [_levels(one, m, pooled), _levels(other, m_other, pooled)]
        covariance += float(m.shares @ (parts[0] * parts[1]))
    return covariance / pooled.n


def _levels(weights: Weights, m: Moments, pooled: _Pooled) -> FloatArray:
    """How far the value within each stratum is from the arm's."""
    assert m.levels is not None
    assert pooled.levels is not None
    found: FloatArray = (m.levels - m.mean) @ weights.adjusted + (
        pooled.levels - pooled.mean
    ) @ weights.slopes
    return found


def _value(metric: Metric, columns: Sequence[str], m: Moments) -> float:
    return metric.value({c: float(m.mean[columns.index(c)]) for c in metric.columns})


def _gradient(metric: Metric, columns: Sequence[str], m: Moments) -> FloatArray:
    found = np.zeros(len(columns))
    means = {c: float(m.mean[columns.index(c)]) for c in metric.columns}
    for column, slope in zip(metric.columns, metric.gradient(means), strict=True):
        found[columns.index(column)] += slope
    return found


def rounded(variance: float, raw_variance: float) -> float:
    """The variance, or 0 where covariates explain all but what rounding left."""
    return variance if variance > _ROUNDING * raw_variance else 0.0


def _quadratic(weights: FloatArray, matrix: FloatArray) -> float:
    """w' M w over the columns that count: products of the others may not be known."""
    used = np.flatnonzero(weights)
    return float(weights[used] @ matrix[np.ix_(used, used)] @ weights[used])


def _regress(within: FloatArray, joint: FloatArray) -> FloatArray:
    """Slopes by least squares on the scale of correlations; covariates that do not vary get 0."""
    spread = np.sqrt(np.maximum(np.diag(within), 0.0))
    unit = np.where(spread > 0, spread, 1.0)
    solved: FloatArray = np.linalg.lstsq(within / np.outer(unit, unit), joint / unit, rcond=1e-10)[
        0
    ]
    return solved / unit
