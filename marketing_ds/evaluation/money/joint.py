"""Several columns at once in every arm, adjusted by covariates, with their joint covariance.

Return on investment is a ratio of two differences that move together (who converts redeems), so
margin and cost must be estimated with the covariance of their errors. Slopes of the covariates are
those of all arms together, as in `analyze_experiment`, so that both tell one effect; but of a column
that does not vary in some arm they are each arm's own: cost varies much in an arm with a benefit and
not at all in one with a message, and slopes pooled over both would put the noise of the one into the
other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from marketing_ds.evaluation.engine import FloatArray, Moments
from marketing_ds.evaluation.engine.estimates import PER_SLOPE

_ROUNDING, _TRACE = 1e-13, 1e-12


@dataclass(frozen=True)
class Joint:
    """k columns and q covariates in one arm."""

    n: int
    mean: FloatArray
    """(k,) means as they are."""
    side: FloatArray
    """(q,) means of the covariates."""
    error: FloatArray
    """(k + q, k + q) covariance of both."""
    slopes: FloatArray
    """(q, k) slopes of the columns on the covariates."""
    third: FloatArray | None = None
    """(k, k, k) third central moments of customers, less what the covariates explain."""
    least: FloatArray = field(default_factory=lambda: np.array([]))
    """(k,) lowest values, where `third` is known."""

    @property
    def freedom(self) -> int:
        """Degrees of freedom of a residual's variance."""
        return self.n - 1 - len(self.side)


@dataclass(frozen=True)
class Contrast:
    """k differences between arms, and how sure they are."""

    value: FloatArray
    error: FloatArray
    parts: tuple[tuple[FloatArray, float], ...]
    """Each arm's part of `error`, with its degrees of freedom."""

    def along(self, weights: FloatArray) -> tuple[float, float, float]:
        """Value, variance and Satterthwaite's degrees of freedom of Σ weight × column."""
        own = np.array([max(float(weights @ part @ weights), 0.0) for part, _ in self.parts])
        freedoms = np.array([freedom for _, freedom in self.parts])
        variance = float(own.sum())
        freedom = variance**2 / float((own**2 / freedoms).sum()) if variance > 0 else np.inf
        return float(weights @ self.value), variance, float(freedom)


def joint_estimates(
    moments: Mapping[str, Moments], columns: Sequence[str], wanted: Sequence[str]
) -> dict[str, Joint]:
    """The means of `wanted` in every arm; all other `columns` are covariates."""
    own = [columns.index(column) for column in wanted]
    side = [i for i in range(len(columns)) if i not in own]
    order = np.ix_(own + side, own + side)
    scale = np.max([np.abs(m.mean[own]) for m in moments.values()], axis=0)
    slopes = _slopes_by_arm(moments, own, side)
    return {
        arm: Joint(m.n, _snapped(m.mean[own], scale), m.mean[side], m.error[order], slopes[arm])
        for arm, m in moments.items()
    }


def _slopes_by_arm(
    moments: Mapping[str, Moments], own: Sequence[int], side: Sequence[int]
) -> dict[str, FloatArray]:
    """Those of all arms together, of the columns that vary in each; else each arm's own."""
    grids = np.ix_(side, side), np.ix_(side, own)
    if min(m.n for m in moments.values()) < PER_SLOPE * len(side):
        return {arm: np.zeros((len(side), len(own))) for arm in moments}
    within, mixed = (np.asarray(sum(m.scatter[g] for m in moments.values())) for g in grids)
    together = _slopes(within, mixed)
    varies = np.min([np.diag(m.scatter)[own] for m in moments.values()], axis=0) > 0
    return {
        arm: np.where(varies, together, _slopes(m.scatter[grids[0]], m.scatter[grids[1]]))
        for arm, m in moments.items()
    }


def contrast(
    joints: Mapping[str, Joint], weights: Mapping[str, float], *, adjusted: bool = True
) -> Contrast:
    """Σ weight × (the arm's means at the covariates' means over everybody).

    The covariates' means over everybody are themselves estimates: where slopes differ between arms
    they add to the error, and that part is in it.

    References
    ----------
    Lin (2013), Agnostic notes on regression adjustments to experimental data, Annals of Applied
    Statistics 7. Negi, Wooldridge (2021), Revisiting regression adjustment in experiments with
    heterogeneous treatment effects, Econometric Reviews 40.
    """
    n_all = sum(joint.n for joint in joints.values())
    centre = sum(joint.n * joint.side for joint in joints.values()) / n_all
    mixed = np.asarray(sum(w * joints[arm].slopes for arm, w in weights.items()))
    value = np.zeros(len(next(iter(joints.values())).mean))
    parts = []
    for arm, joint in joints.items():
        weight = weights.get(arm, 0.0)
        slopes = joint.slopes if adjusted else np.zeros_like(joint.slopes)
        value = value + weight * (joint.mean - slopes.T @ (joint.side - centre))
        shared = joint.n / n_all * mixed if adjusted else np.zeros_like(mixed)
        loading = np.vstack([weight * np.eye(len(value)), shared - weight * slopes])
        # Slopes were fitted to the very customers whose residuals are summed.
        fitted = (joint.n - 1) / joint.freedom if adjusted else 1.0
        part = loading.T @ joint.error @ loading * fitted
        parts.append((_cleaned(part, weight**2 * joint.error), float(joint.freedom)))
    scale = np.max([np.abs(joint.mean) for joint in joints.values()], axis=0)
    error = np.asarray(sum(part for part, _ in parts))
    return Contrast(_snapped(value, scale), error, tuple(parts))


def _snapped(value: FloatArray, scale: FloatArray) -> FloatArray:
    """0 for what rounding left of it: a ratio by a trace of a cost would be anything."""
    return np.where(np.abs(value) > _TRACE * scale, value, 0.0)


def _cleaned(part: FloatArray, raw: FloatArray) -> FloatArray:
    """Without the traces that rounding leaves of a variance that is 0."""
    k = len(part)
    there = np.diag(part) > _ROUNDING * np.diag(raw)[:k]
    return np.where(there[:, None] & there[None, :], part, 0.0)


def _slopes(within: FloatArray, mixed: FloatArray) -> FloatArray:
    """Least squares on the scale of correlations; covariates that do not vary get 0."""
    spread = np.sqrt(np.maximum(np.diag(within), 0.0))
    unit = np.where(spread > 0, spread, 1.0)
    scaled = np.linalg.lstsq(within / np.outer(unit, unit), mixed / unit[:, None], rcond=1e-10)[0]
    return np.asarray(scaled / unit[:, None])
