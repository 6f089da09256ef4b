"""EconML's definitions: doubly robust effects of each customer, cut at percentiles of the score.

ψ is the customer's doubly robust effect, whose mean is the average effect whatever the outcome
model, and S(q) the customers at or above the q-th percentile of the score.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from marketing_ds._core.errors import InvalidInput

from ..arms import Floats, read_chances, read_numbers
from ..curves.compared import read_effects
from ._sample import Measured, Sample, read_score

PERCENTILES = np.linspace(5, 95, 50)
LEAST_PROBABILITY = 0.01


def qini(
    sample: Sample,
    *,
    outcome: Any = None,
    probability: Any = None,
    psi: Any = None,
    train_score: Any = None,
    percentiles: Any = None,
) -> Measured:
    """``evaluate_uplift(metric="qini")``: Σ P(S)·(mean ψ in S − mean ψ) over steps of q."""
    effects = _effects(sample, outcome, probability, psi)
    return _area(sample, effects, train_score, percentiles, by_size=True)


def toc(
    sample: Sample,
    *,
    outcome: Any = None,
    probability: Any = None,
    psi: Any = None,
    train_score: Any = None,
    percentiles: Any = None,
) -> Measured:
    """``evaluate_uplift(metric="toc")``: Σ (mean ψ in S − mean ψ) over steps of q."""
    effects = _effects(sample, outcome, probability, psi)
    return _area(sample, effects, train_score, percentiles, by_size=False)


def _area(
    sample: Sample, psi: Floats, train_score: Any, percentiles: Any, *, by_size: bool
) -> Measured:
    at = _read_percentiles(percentiles)
    score, n = sample.score, len(psi)
    train = score if train_score is None else read_score(train_score, "train_score")
    cuts = np.percentile(train, at)
    # Customers at or above each cut: their number and sums, from the running sums of the ranking.
    order = np.argsort(score)[::-1]
    extra = psi - psi.mean()
    ranked = extra[order]
    above = n - np.searchsorted(score[order[::-1]], cuts, side="left")
    share = above / n
    inside = np.concatenate([[0.0], np.cumsum(ranked)])[above] / n  # E[(ψ − ATE)·1{S}]
    squares = np.concatenate([[0.0], np.cumsum(ranked**2)])
    scale = np.ones(len(at)) if by_size else _over(share)
    curve = np.where(above > 0, inside * scale, np.nan)
    # The influence of a customer on the curve at q is (ψ − ATE)·(1{S}·scale − centre) − curve.
    centre = share if by_size else np.ones(len(at))
    variance = (
        (scale**2 - 2 * scale * centre) * squares[above] / n
        + centre**2 * squares[-1] / n
        - 2 * curve * inside * scale
        + curve**2
    )
    se = np.sqrt(np.maximum(variance, 0) / n)
    step = np.diff(at) / 100
    value = float(step @ curve[:-1])
    held = np.concatenate([[0.0], np.cumsum(step * scale[:-1])])
    reached = np.searchsorted(cuts[:-1], score, side="right")
    influence = extra * (held[reached] - step @ centre[:-1]) - value
    points = {"targeted_share": 1 - at / 100, "value": curve, "se": se}
    return Measured(value, points, float(np.sqrt(np.mean(influence**2) / n)))


def _effects(sample: Sample, outcome: Any, probability: Any, psi: Any) -> Floats:
    """ψ of the arm, by EconML's formula: probabilities are held at 0.01 from below."""
    if psi is not None:
        if outcome is not None or probability is not None:
            raise InvalidInput("psi must not come with outcome or probability; leave either out")
        return read_effects(psi, sample.arms, sample.code)
    expected, chance = _read_outcome(sample, outcome), _read_chances(sample, probability)
    sides = []
    for code in (sample.code, 0):
        given = (sample.arms.codes == code) / np.maximum(chance[:, code], LEAST_PROBABILITY)
        sides.append(expected[:, code] + given * (sample.y - expected[:, code]))
    return np.asarray(sides[0] - sides[1])


def _read_outcome(sample: Sample, outcome: Any) -> Floats:
    """Expected outcome under each arm, shape (n, 1 + arms); the arms' means by default."""
    if outcome is None:
        sizes = np.bincount(sample.arms.codes)
        means = np.bincount(sample.arms.codes, weights=sample.y) / sizes
        return np.broadcast_to(means, (len(sample.y), len(means)))
    return _read_table(sample, outcome, "outcome")


def _read_chances(sample: Sample, probability: Any) -> Floats:
    """P(each arm), shape (n, 1 + arms); the arms' shares by default."""
    by_name = isinstance(probability, (Mapping, pd.DataFrame))
    if by_name or np.ndim(probability) < 2:
        return read_chances(probability, sample.arms)
    chances = _read_table(sample, probability, "probability")
    if not ((chances > 0) & (chances < 1)).all():
        raise InvalidInput(
            f"probability must be between 0 and 1, both excluded, for every customer and arm, got "
            f"{chances.min():g} to {chances.max():g}"
        )
    return chances


def _read_table(sample: Sample, values: Any, name: str) -> Floats:
    """Finite numbers, one column an arm, control first."""
    table, shape = np.asarray(values), (len(sample.y), len(sample.arms.labels))
    if table.dtype.kind not in "iuf" or table.shape != shape:
        raise InvalidInput(
            f"{name} must be numbers of shape {shape}, one column an arm "
            f"({', '.join(map(repr, sample.arms.labels))}), got shape {table.shape}"
        )
    if not np.isfinite(table).all():
        raise InvalidInput(f"{name} must be finite, got missing or infinite values")
    return table


def _read_percentiles(percentiles: Any) -> Floats:
    if percentiles is None:
        return PERCENTILES
    at = read_numbers(percentiles, "percentiles")
    if len(at) < 2 or at[0] < 0 or at[-1] > 100 or (np.diff(at) <= 0).any():
        raise InvalidInput(
            f"percentiles must be two or more, increasing, from 0 to 100, got {percentiles!r}"
        )
    return at


def _over(share: npt.NDArray[Any]) -> Floats:
    """1 / share, NaN for nobody."""
    out = np.full(len(share), np.nan)
    np.divide(1.0, share, out=out, where=share > 0)
    return out
