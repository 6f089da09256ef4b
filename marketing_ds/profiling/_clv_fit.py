"""Maximum likelihood over positive parameters, by Newton's method on their logarithms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from marketing_ds._core.checks import check_number
from marketing_ds._core.errors import MarketingError
from marketing_ds._core.estimate import normal_quantile

Floats = NDArray[np.float64]
Derivatives = tuple[float, Floats, Floats]
"""Log-likelihood, its gradient and its Hessian, in the parameters themselves."""

_STEPS = 200
_LONGEST_STEP = 2.0
_RUNAWAY = 12.0
"""A logarithm this far from the start says that the likelihood has no maximum."""
_CLOSE = 1e-10
"""Twice the log-likelihood that is still to be gained, where the search stops."""
_DIFFERENCE = 1e-4


class NotConverged(MarketingError, RuntimeError):
    """The likelihood has no maximum that the data determine."""


@dataclass(frozen=True, eq=False)
class Fit:
    """What maximum likelihood says besides the parameters themselves."""

    log_likelihood: float
    customers: int
    """Customers that the likelihood is of."""
    steps: int
    covariance: Floats = field(repr=False)
    """Of the parameters' logarithms: the inverse of the observed information."""


def maximise(
    derivatives: Callable[[Floats], Derivatives],
    names: Sequence[str],
    start: Floats,
    customers: int,
) -> tuple[Floats, Fit]:
    """The parameters that maximise a log-likelihood.

    Parameters
    ----------
    derivatives : callable
        From parameters (all positive) to log-likelihood, gradient and Hessian.
    names : sequence of str
        The parameters' names, for messages.
    start : ndarray, shape (p,)
        Where to start.
    customers : int
        Customers that the likelihood is of.

    Returns
    -------
    parameters : ndarray, shape (p,)
    Fit

    Raises
    ------
    NotConverged
        If there is no maximum that the data determine: a parameter runs away, or the likelihood is
        flat in some direction.
    """
    at = np.log(start)
    value, gradient, hessian = _in_logs(derivatives, at)
    for steps in range(_STEPS):
        curvature, axes = np.linalg.eigh(-hessian)
        slope = axes.T @ gradient
        if curvature[0] > 1e-9 * customers and (slope**2 / curvature).sum() < _CLOSE:
            covariance = (axes / curvature) @ axes.T
            return np.exp(at), Fit(value, customers, steps, covariance)
        # Uphill also where the likelihood is not concave yet; Newton's step where it is.
        step = axes @ (slope / np.maximum(np.abs(curvature), 1e-6 * customers))
        step *= _LONGEST_STEP / max(_LONGEST_STEP, float(np.abs(step).max()))
        at, (value, gradient, hessian) = _uphill(derivatives, at, value, step)
        away = np.abs(at - np.log(start))
        if away.max() > _RUNAWAY:
            break
    raise NotConverged(_reason(names, at, np.log(start), customers))


def _in_logs(derivatives: Callable[[Floats], Derivatives], at: Floats) -> Derivatives:
    """The derivatives by the chain rule, in the logarithms."""
    theta = np.exp(at)
    value, gradient, hessian = derivatives(theta)
    return value, theta * gradient, np.outer(theta, theta) * hessian + np.diag(theta * gradient)


def _uphill(
    derivatives: Callable[[Floats], Derivatives], at: Floats, value: float, step: Floats
) -> tuple[Floats, Derivatives]:
    """The step, halved until the likelihood does not fall (by more than rounding)."""
    for _ in range(40):
        found = _in_logs(derivatives, at + step)
        if found[0] >= value - 1e-12 * abs(value):
            break
        step = step / 2
    return at + step, found


def _reason(names: Sequence[str], at: Floats, start: Floats, customers: int) -> str:
    away = np.abs(at - start)
    shown = ", ".join(
        f"{name} = {value:.4g}" for name, value in zip(names, np.exp(at), strict=True)
    )
    gone = [name for name, far in zip(names, away, strict=True) if far > _RUNAWAY / 2]
    why = f"{' and '.join(gone)} grow or shrink without end" if gone else "it is too flat"
    return (
        f"the likelihood of {customers:,} customers must have a maximum, but {why} (last: {shown}); "
        "customers differ too little, or bought too rarely, to tell: take a longer history, or more "
        "customers"
    )


def parameter_frame(
    names: Sequence[str],
    parameters: Sequence[float],
    meanings: Sequence[str],
    fit: Fit | None,
    level: float,
) -> pd.DataFrame:
    """One row a parameter; with standard errors and intervals where there was a fit.

    Standard errors are by the delta method; the intervals are those of the logarithms, which are
    closer to normal.
    """
    check_level(level)
    value = np.asarray(parameters, dtype=np.float64)
    frame = pd.DataFrame({"parameter": list(names), "estimate": value})
    if fit is not None:
        error = value * np.sqrt(np.diag(fit.covariance))
        frame = frame.assign(**positive_interval("estimate", value, error, level), se=error)
    return frame.assign(meaning=list(meanings))


def positive_interval(name: str, value: Floats, error: Floats, level: float) -> dict[str, Floats]:
    """Intervals of positive values, from the normal approximation of their logarithms."""
    relative = np.divide(error, value, out=np.zeros_like(value), where=value > 0)
    factor = np.exp(normal_quantile(1 - level) * relative)
    return {f"{name}_ci_lower": value / factor, f"{name}_ci_upper": value * factor}


def check_level(level: float) -> float:
    """Return `level` if it is one of an interval."""
    return check_number("level", level, low=0, high=1, inclusive=False)


def check_parameters(names: Sequence[str], parameters: Sequence[float]) -> None:
    """Refuse a parameter that is not positive and finite."""
    for name, value in zip(names, parameters, strict=True):
        check_number(name, value, low=0, high=np.finfo(float).max, inclusive=False)


def slopes(function: Callable[[Floats], Floats], parameters: Sequence[float]) -> Floats:
    """Derivatives of `function` by the logarithm of each parameter, shape (p, n)."""
    logs = np.log(np.asarray(parameters, dtype=np.float64))
    rows = []
    for shift in np.eye(len(logs)) * _DIFFERENCE:
        rows.append((function(np.exp(logs + shift)) - function(np.exp(logs - shift))) / 2)
    return np.asarray(rows) / _DIFFERENCE


def standard_errors(slope: Floats, covariance: Floats) -> Floats:
    """Standard errors by the delta method, shape (n,), from slopes of shape (p, n)."""
    variance = np.einsum("in,ij,jn->n", slope, covariance, slope)
    return np.asarray(np.sqrt(np.maximum(variance, 0)))
