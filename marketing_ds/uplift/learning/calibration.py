"""Calibration of effects: a rising map from predicted to doubly-robust effects, as plain numbers.

A predicted effect is calibrated if customers with this prediction have this effect on average. The
maps rise strictly, so that they change no ranking, and a decision service can repeat them: a line,
or straight lines between knots.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from sklearn.isotonic import isotonic_regression

from marketing_ds._core.checks import check_choice

from ..arms import Floats
from ..terms import AnyTerm, Model
from .nuisances import within_folds

CalibrationKind = Literal["none", "linear", "isotonic"]
KINDS: tuple[CalibrationKind, ...] = ("none", "linear", "isotonic")  # simplest first
ASKED = ("auto", *KINDS)

ENOUGH_TO_BEND = 2000
"""Customers that arm and control must each have before "auto" tries the isotonic map."""
_LEAST_BINS, _MAX_BINS = 5, 100
_LEAST_SLOPE = 1e-3  # rising, strictly
_MIN_GAP = 0.01  # standard deviations between knots: keeps slopes, and rounding in float32, small


@dataclass(frozen=True)
class EffectCalibration:
    """A map of predicted effects: ``slope · u + intercept``, or straight lines between knots.

    The knots of `isotonic` come from isotonic regression of doubly-robust effects on predicted ones
    [1]_, centred in its blocks [2]_; beyond the outermost, which are the least and the greatest
    prediction calibrated on, the slope is 1.

    Attributes
    ----------
    kind : {"none", "linear", "isotonic"}
    slope, intercept : float
        Of `linear`.
    x, y : tuple of float
        Knots of `isotonic`, both rising strictly.
    losses : dict of str to float
        What the choice rests on: for each candidate the mean squared distance of doubly-robust
        effects from those that a map gives which the customer had no part in. Nearly all of it is
        noise: only differences say something.

    References
    ----------
    .. [1] van der Laan, Ulloa-Pérez, Carone and Luedtke (2023). Causal isotonic calibration for
       heterogeneous treatment effects. ICML.
    .. [2] Oron and Flournoy (2017). Centered isotonic regression. Statistics in Biopharmaceutical
       Research 9(3).

    Examples
    --------
    >>> EffectCalibration("linear", slope=0.5, intercept=0.01).apply(np.array([0.0, 0.04]))
    array([0.01, 0.03])
    """

    kind: CalibrationKind = "none"
    slope: float = 1.0
    intercept: float = 0.0
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()
    losses: Mapping[str, float] = field(default_factory=dict, compare=False, repr=False)

    def apply(self, uplift: npt.NDArray[np.floating]) -> Floats:
        """Calibrated effects of predicted ones, same shape."""
        u = np.asarray(uplift, dtype=np.float64)
        if self.kind == "isotonic":
            return _between(np.asarray(self.x), np.asarray(self.y), u)
        return np.asarray(self.slope * u + self.intercept)

    def rescale(self, terms: Sequence[AnyTerm], constant: float) -> Model:
        """Terms and constant with a line taken up into them; `finish` is what is left to do."""
        if self.kind != "linear":
            return tuple(terms), constant
        scaled = tuple(replace(term, weight=self.slope * term.weight) for term in terms)
        return scaled, self.slope * constant + self.intercept

    def finish(self, total: npt.NDArray[np.floating]) -> Floats:
        """Calibrated effects of the sum of rescaled terms: only knots are still to be applied."""
        return self.apply(total) if self.kind == "isotonic" else np.asarray(total)

    def steepness(self, total: npt.NDArray[np.floating]) -> Floats:
        """What standard errors of the model before the map are multiplied by, at such sums."""
        if self.kind != "isotonic":
            return np.full(np.shape(total), self.slope)
        slopes = np.concatenate([[1.0], np.diff(self.y) / np.diff(self.x), [1.0]])
        return np.asarray(slopes[np.searchsorted(self.x, total, side="right")])


def choose_calibration(
    psi: Floats,
    uplift: Floats,
    folds: npt.NDArray[np.int8],
    *,
    crossfitted: bool,
    kind: str = "auto",
    fewest: int | None = None,
) -> tuple[EffectCalibration, Floats]:
    """Fit the map asked for, or choose one by the doubly-robust loss out of fold.

    A map must pay for itself: it replaces a simpler one only if it is better by more than one
    standard error of the paired difference.

    Parameters
    ----------
    psi : ndarray of shape (n,)
        Doubly-robust effects.
    uplift : ndarray of shape (n,)
        Effects predicted by a model that never saw the customer.
    folds : ndarray of shape (n,)
        Maps are fitted without each fold and judged on it.
    crossfitted : bool
        Whether each fold's predictions come from a model of its own. Then maps are fitted to them
        as they lie about their fold's mean, since these means go against the outcomes.
    kind : {"auto", "none", "linear", "isotonic"}
    fewest : int, optional
        Customers of the smaller of arm and control; n by default.

    Returns
    -------
    EffectCalibration
        Fitted on all customers.
    ndarray of shape (n,)
        Each customer's effect mapped by the chosen kind, fitted without the customer's fold.

    Raises
    ------
    InvalidInput
        If `kind` is none of these.
    """
    check_choice("kind", kind, ASKED)
    bends = (len(psi) if fewest is None else fewest) >= ENOUGH_TO_BEND
    kinds = KINDS[: 2 + bends] if kind == "auto" else [k for k in KINDS if k == kind]
    level = within_folds(uplift, folds) + uplift.mean() if crossfitted else uplift
    mapped = {one: _out_of_fold(one, psi, level, uplift, folds) for one in kinds}
    losses = {one: (psi - found) ** 2 for one, found in mapped.items()}
    chosen = kinds[0]
    for one in kinds[1:]:
        gain = losses[chosen] - losses[one]
        if gain.mean() > gain.std() / math.sqrt(len(gain)):
            chosen = one
    means: dict[str, float] = {one: float(loss.mean()) for one, loss in losses.items()}
    return replace(fit_calibration(chosen, psi, level), losses=means), mapped[chosen]


def fit_calibration(kind: CalibrationKind, psi: Floats, uplift: Floats) -> EffectCalibration:
    """Fit one map by least squares."""
    if kind == "none":
        return EffectCalibration()
    if kind == "linear":
        return _fit_linear(psi, uplift)
    return _fit_isotonic(psi, uplift)


def _out_of_fold(
    kind: CalibrationKind,
    psi: Floats,
    level: Floats,
    uplift: Floats,
    folds: npt.NDArray[np.int8],
) -> Floats:
    mapped = np.array(uplift, dtype=np.float64)
    if kind == "none":
        return mapped
    for fold in np.unique(folds):
        test = folds == fold
        mapped[test] = fit_calibration(kind, psi[~test], level[~test]).apply(uplift[test])
    return mapped


def _fit_linear(psi: Floats, uplift: Floats) -> EffectCalibration:
    centre = float(uplift.mean())
    spread = uplift - centre
    variance = float(spread @ spread)
    slope = 0.0
    if variance > 1e-18 * float(psi @ psi):
        slope = float(spread @ psi) / variance
    slope = max(slope, _LEAST_SLOPE)
    return EffectCalibration("linear", slope, float(psi.mean()) - slope * centre)


def _fit_isotonic(psi: Floats, uplift: Floats) -> EffectCalibration:
    x, y, size = _bins(psi, uplift)
    level = isotonic_regression(y, sample_weight=size)
    # Rounded, since levels that differ by rounding only are one block.
    unit = max(float(np.ptp(level)), 1e-300)
    _, block = np.unique(np.round((level - level[0]) / unit, 9), return_inverse=True)
    weight = np.bincount(block, size)
    knots = np.bincount(block, size * x) / weight
    pooled = np.bincount(block, size * y) / weight
    if len(knots) == 1:  # no rise to be seen: the line says it better
        return _fit_linear(psi, uplift)
    # Half an outer block lies beyond its knot: it keeps the block's effect, but for a ranking.
    ends = np.array([uplift.min(), uplift.max()])
    gap = _MIN_GAP * float(uplift.std())
    if ends[0] < knots[0] - gap:
        pooled = np.append(pooled[0] + _LEAST_SLOPE * (ends[0] - knots[0]), pooled)
        knots = np.append(ends[0], knots)
    if ends[1] > knots[-1] + gap:
        pooled = np.append(pooled, pooled[-1] + _LEAST_SLOPE * (ends[1] - knots[-1]))
        knots = np.append(knots, ends[1])
    # Blocks keep the average effect; straight lines between their middles nearly do.
    pooled += psi.mean() - _between(knots, pooled, uplift).mean()
    return EffectCalibration("isotonic", x=tuple(knots.tolist()), y=tuple(pooled.tolist()))


def _between(x: Floats, y: Floats, u: Floats) -> Floats:
    """Straight lines between knots, slope 1 beyond them."""
    beyond = np.minimum(u - x[0], 0.0) + np.maximum(u - x[-1], 0.0)
    return np.asarray(np.interp(u, x, y) + beyond)


def _bins(psi: Floats, uplift: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean prediction, mean effect and size of bins of equal size, no two nearly at one place."""
    distinct, group = np.unique(uplift, return_inverse=True)
    total, summed = np.bincount(group), np.bincount(group, psi)
    place = (np.cumsum(total) - total / 2) / len(psi)
    # As many as n^⅓, so that noise does not spread the outer ones apart.
    most = min(max(round(len(psi) ** (1 / 3)), _LEAST_BINS), _MAX_BINS)
    bins = np.minimum(place * most, most - 1).astype(np.intp)
    _, bins = np.unique(bins, return_inverse=True)
    middle = np.bincount(bins, total * distinct) / np.bincount(bins, total)
    # Bins closer than the least gap become one.
    gap = _MIN_GAP * float(uplift.std())
    joined, last = np.zeros(len(middle), dtype=np.intp), middle[0]
    for at in range(1, len(middle)):
        far = middle[at] - last >= gap
        joined[at] = joined[at - 1] + far
        last = middle[at] if far else last
    bins = joined[bins]
    size = np.bincount(bins, total).astype(np.float64)
    return np.bincount(bins, total * distinct) / size, np.bincount(bins, summed) / size, size
