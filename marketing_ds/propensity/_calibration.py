"""Calibration: a map from a booster's margin to calibrated log-odds, as plain numbers.

All maps increase strictly, so that calibration never changes a ranking, and all can be repeated
by any decision service: two softplus functions, or a line through knots.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.isotonic import isotonic_regression

Floats = NDArray[np.float64]
Fold = tuple[NDArray[np.intp], NDArray[np.intp]]
CalibrationKind = Literal["none", "platt", "beta", "isotonic"]
KINDS: tuple[CalibrationKind, ...] = ("none", "platt", "beta", "isotonic")  # simplest first

_ENOUGH = 50  # customers of the smaller class for Platt's two numbers
ENOUGH_TO_BEND = 300  # for the others
_MAX_BINS = 100
_LEAST_SLOPE = 1e-3  # increasing, strictly
_STEPS, _HALVINGS = 100, 30
_FLAT = 1e-10  # mean log loss per unit of a parameter
_RIDGE = 1e-12  # keeps the curvature of equal columns invertible
_MIN_GAP = 0.01  # log-odds between knots: keeps the slopes, and so rounding in float32, small


@dataclass(frozen=True)
class Calibration:
    """Log-odds = high · softplus(m) − low · softplus(−m) + intercept of the margin m.

    With ``low = high = 1`` and ``intercept = 0`` that is the margin itself (`none`); with
    ``low = high`` Platt's sigmoid; otherwise beta calibration [1]_. For `isotonic` the log-odds
    run straight between the knots ``(x, y)`` (centred isotonic regression [2]_) and with slope 1
    beyond them.

    References
    ----------
    .. [1] Kull, Silva Filho, Flach (2017). Beta calibration. AISTATS.
    .. [2] Oron, Flournoy (2017). Centered isotonic regression. Statistics in Biopharmaceutical
       Research 9(3).

    Examples
    --------
    >>> Calibration("platt", low=2.0, high=2.0, intercept=-1.0).log_odds(np.array([0.0, 3.0]))
    array([-1.,  5.])
    """

    kind: CalibrationKind = "none"
    low: float = 1.0
    high: float = 1.0
    intercept: float = 0.0
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()

    def log_odds(self, margin: NDArray[np.floating]) -> Floats:
        """Calibrated log-odds of margins."""
        m = np.asarray(margin, dtype=np.float64)
        if self.kind == "isotonic":
            x, y = np.asarray(self.x), np.asarray(self.y)
            beyond = np.minimum(m - x[0], 0.0) + np.maximum(m - x[-1], 0.0)
            straight: Floats = np.interp(m, x, y) + beyond
            return straight
        if self.low == self.high:  # one line; avoids the rounding of two large terms
            return self.low * m + self.intercept
        curved: Floats = (
            self.high * np.logaddexp(0, m) - self.low * np.logaddexp(0, -m) + self.intercept
        )
        return curved

    def probability(self, margin: NDArray[np.floating]) -> Floats:
        """Calibrated probabilities of margins."""
        p: Floats = expit(self.log_odds(margin))
        return p


def fit_calibration(kind: CalibrationKind, margin: Floats, y: Floats, w: Floats) -> Calibration:
    """Fit one map by weighted log loss (isotonic: by weighted least squares on blocks)."""
    if kind == "none":
        return Calibration()
    if kind == "isotonic":
        return _fit_isotonic(margin, y, w)
    low, high, intercept = _fit_softplus(margin, y, w, tied=kind == "platt")
    return Calibration(kind, low, high, intercept)


@dataclass(frozen=True)
class Choice:
    """A calibration with what its choice rests on.

    Attributes
    ----------
    calibration : Calibration
        Fitted on all margins.
    losses : dict of str to float
        Mean log loss of each candidate on rows that it was not fitted on.
    log_odds : ndarray of shape (n,)
        Of the chosen kind, each row by a map that it had no part in.
    """

    calibration: Calibration
    losses: dict[CalibrationKind, float]
    log_odds: Floats


def choose_calibration(
    kinds: Sequence[CalibrationKind],
    margin: Floats,
    y: Floats,
    w: Floats,
    folds: Sequence[Fold],
) -> Choice:
    """Choose among `kinds` by log loss out of fold, then fit the chosen one on all margins.

    A map must pay for itself: it replaces a simpler one only if it is better by more than one
    standard error of the paired difference.

    Parameters
    ----------
    kinds : sequence of str
        Candidates, simplest first.
    margin, y, w : ndarray of shape (n,)
        Out-of-fold margins, labels 0/1 and weights.
    folds : sequence of (train, test) positions
        On whose train parts the maps are fitted and on whose test parts they are judged.
    """
    log_odds = {kind: _out_of_fold(kind, margin, y, w, folds) for kind in kinds}
    losses = {kind: log_loss_rows(z, y) for kind, z in log_odds.items()}
    chosen = kinds[0]
    for kind in kinds[1:]:
        gain = losses[chosen] - losses[kind]
        mean = np.average(gain, weights=w)
        error = np.sqrt(np.sum((w * (gain - mean)) ** 2)) / w.sum()
        if mean > error:
            chosen = kind
    means = {kind: float(np.average(loss, weights=w)) for kind, loss in losses.items()}
    return Choice(fit_calibration(chosen, margin, y, w), means, log_odds[chosen])


def kinds_of(asked: str, y: Floats, w: Floats) -> tuple[CalibrationKind, ...]:
    """The map asked for; for "auto" those that so many customers can bear.

    A flexible one fits noise where few responded.
    """
    if asked != "auto":
        return tuple(kind for kind in KINDS if kind == asked)
    smaller = min(w[y > 0].sum(), w[y == 0].sum())
    return KINDS if smaller >= ENOUGH_TO_BEND else KINDS[:2] if smaller >= _ENOUGH else KINDS[:1]


def log_loss_rows(log_odds: Floats, y: Floats) -> Floats:
    """Log loss of each row, from log-odds (exact where a probability would round to 0 or 1)."""
    loss: Floats = np.logaddexp(0, np.where(y > 0, -log_odds, log_odds))
    return loss


def _out_of_fold(
    kind: CalibrationKind, margin: Floats, y: Floats, w: Floats, folds: Sequence[Fold]
) -> Floats:
    log_odds = margin.copy()
    for train, test in folds:
        fitted = fit_calibration(kind, margin[train], y[train], w[train])
        log_odds[test] = fitted.log_odds(margin[test])
    return log_odds


def _fit_softplus(
    margin: Floats, y: Floats, w: Floats, *, tied: bool
) -> tuple[float, float, float]:
    # Platt's targets instead of 0 and 1 keep the slope finite where classes separate.
    positives, negatives = w[y > 0].sum(), w[y == 0].sum()
    target = np.where(y > 0, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    features = [margin] if tied else [-np.logaddexp(0, -margin), np.logaddexp(0, margin)]
    found = _fit_rising([*features, np.ones(len(margin))], target, w / w.sum())
    return float(found[0]), float(found[-2]), float(found[-1])


def _fit_rising(features: list[Floats], target: Floats, w: Floats) -> Floats:
    """The least log loss where all parameters but the last are at least `_LEAST_SLOPE`.

    The loss is convex: its least value within bounds is the best of those with some slopes at their
    bound and the others beyond it.
    """
    slopes = range(len(features) - 1)
    free = _newton(features, target, w, held=())
    if (free[:-1] >= _LEAST_SLOPE).all():
        return free
    tried = [
        _newton(features, target, w, held)
        for count in slopes
        for held in combinations(slopes, count + 1)
    ]
    within = [beta for beta in tried if (beta[:-1] >= _LEAST_SLOPE).all()]
    return min(within, key=lambda beta: _loss(features, beta, target, w))


def _newton(features: list[Floats], target: Floats, w: Floats, held: tuple[int, ...]) -> Floats:
    """Minimise log loss by damped steps, some slopes held at their least.

    The sums are plain ones: for two or three parameters, threads of a BLAS wait on each other
    longer than they work.
    """
    free = [at for at in range(len(features)) if at not in held]
    beta = np.append(np.ones(len(features) - 1), 0.0)
    beta[list(held)] = _LEAST_SLOPE
    here = _loss(features, beta, target, w)
    for _ in range(_STEPS):
        p = expit(_log_odds(features, beta))
        residual, bend = w * (p - target), w * p * (1 - p)
        slope = np.array([np.sum(residual * features[a]) for a in free])
        if np.abs(slope).max() < _FLAT:
            break
        curve = np.array([[np.sum(bend * features[a] * features[b]) for b in free] for a in free])
        curve[np.diag_indices_from(curve)] += _RIDGE * (1 + np.trace(curve))
        step = np.zeros(len(features))
        step[free] = np.linalg.solve(curve, slope)
        sizes = (0.5**halved for halved in range(_HALVINGS))
        ahead = ((beta - size * step) for size in sizes)
        better = next((b for b in ahead if _loss(features, b, target, w) <= here), None)
        if better is None:  # it falls no further than rounding
            break
        beta, here = better, _loss(features, better, target, w)
    return beta


def _log_odds(features: list[Floats], beta: Floats) -> Floats:
    z: Floats = beta[0] * features[0]
    for coefficient, feature in zip(beta[1:], features[1:], strict=True):
        z = z + coefficient * feature
    return z


def _loss(features: list[Floats], beta: Floats, target: Floats, w: Floats) -> float:
    z = _log_odds(features, beta)
    return float(np.sum(w * (np.logaddexp(0, z) - target * z)))


def _fit_isotonic(margin: Floats, y: Floats, w: Floats) -> Calibration:
    """Centred isotonic regression: blocks of equal response become knots at their mean margin."""
    distinct, group = np.unique(margin, return_inverse=True)
    total, positive = np.bincount(group, w), np.bincount(group, w * y)
    # Bins of equal weight first: a knot must stand for a share of the customers.
    place = (np.cumsum(total) - total / 2) / total.sum()
    bins = np.minimum(place * _MAX_BINS, _MAX_BINS - 1).astype(np.intp)
    _, bins = np.unique(bins, return_inverse=True)
    counts = np.bincount(bins, total)
    means = np.bincount(bins, total * distinct) / counts
    # One customer of the average rate is added to each bin, so that no rate is 0 or 1.
    rates = (np.bincount(bins, positive) + positive.sum() / total.sum()) / (counts + 1.0)
    x: list[float] = []
    rate: list[float] = []
    weight: list[float] = []
    for here, smooth, count in zip(means, rates, counts, strict=True):
        if x and here - x[-1] < _MIN_GAP:
            share = count / (count + weight[-1])
            x[-1] += share * (here - x[-1])
            rate[-1] += share * (smooth - rate[-1])
            weight[-1] += count
        else:
            x.append(here)
            rate.append(smooth)
            weight.append(count)
    level = isotonic_regression(rate, sample_weight=weight)
    # Rounded, since levels that differ by rounding only are one block.
    _, block = np.unique(np.round(level, 9), return_inverse=True)
    size = np.bincount(block, weight)
    knots = np.bincount(block, np.multiply(weight, x)) / size
    pooled = np.bincount(block, np.multiply(weight, rate)) / size
    return Calibration("isotonic", x=tuple(knots.tolist()), y=tuple(logit(pooled).tolist()))
