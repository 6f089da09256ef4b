"""What out-of-fold margins say: the calibration, probabilities of rows unseen, how good they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray
from scipy.special import expit

from ._additive import moved
from ._calibration import Calibration, CalibrationKind, Floats, choose_calibration, kinds_of
from ._evaluation import PropensityEvaluation, evaluate_probabilities
from ._inputs import stratified_folds


@dataclass(frozen=True)
class Judged:
    """A calibration with what is known of its probabilities.

    Attributes
    ----------
    calibration : Calibration
    losses : mapping of str to float
        Log loss of each candidate, out of fold; empty where nothing could be calibrated on.
    oof : ndarray of shape (n,)
        Probabilities by maps that each row had no part in; NaN without a margin.
    evaluation : PropensityEvaluation or None
        Of those that the calibration rests on.
    """

    calibration: Calibration
    losses: Mapping[CalibrationKind, float]
    oof: Floats
    evaluation: PropensityEvaluation | None


def judge(
    kind: str,
    margin: Floats,
    y: Floats,
    w: Floats,
    groups: NDArray[Any] | None,
    seed: int,
    *,
    latest: NDArray[np.bool_] | None = None,
) -> Judged:
    """Calibrate out-of-fold margins and evaluate what comes of them.

    Parameters
    ----------
    kind : {"auto", "none", "platt", "beta", "isotonic"}
    margin, y, w : ndarray of shape (n,)
        Log-odds, NaN where a row was in no test part; labels and weights.
    groups : ndarray of shape (n,) or None
        Customers, where some have several rows.
    seed : int
        Of the folds that judge the maps.
    latest : ndarray of bool of shape (n,), optional
        Rows that the calibration is to rest on; all by default.
    """
    known = np.isfinite(margin) & (w > 0)
    oof = np.full(len(y), np.nan)
    rows = np.flatnonzero(known if latest is None else known & latest)
    if len(np.unique(y[rows])) < 2:
        return Judged(Calibration(), {}, oof, None)
    target, weight = y[rows], w[rows]
    folds = stratified_folds(5, target.astype(np.intp), seed)
    kinds = kinds_of(kind, target, weight)
    choice = choose_calibration(kinds, margin[rows], target, weight, folds)
    oof[known] = choice.calibration.probability(margin[known])
    oof[rows] = expit(choice.log_odds)
    units = None if groups is None else groups[rows]
    evaluation = evaluate_probabilities(target, oof[rows], sample_weight=weight, groups=units)
    return Judged(choice.calibration, choice.losses, oof, evaluation)


def at_level_of_folds(
    booster: xgb.Booster, final: Floats, margin: Floats, w: Floats
) -> xgb.Booster:
    """The final trees at the mean margin of those that predicted the latest dates.

    Folds by time know earlier rates only: where the rate moves, what the calibration adds to their
    margins the final trees have partly learnt already.

    Parameters
    ----------
    booster : xgboost.Booster
    final, margin : ndarray of shape (n,)
        Its margins and those out of fold (NaN where there is none).
    w : ndarray of shape (n,)
        Weights, 0 for rows of other dates.
    """
    known = np.isfinite(margin) & (w > 0)
    if not known.any():
        return booster
    return moved(booster, float(np.average((margin - final)[known], weights=w[known])))
