"""Standard errors of probabilities: how much they move when a fold of customers is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xgboost as xgb

from ._boosting import Rates
from ._calibration import Calibration, Floats
from ._steps import Matrix


@dataclass(frozen=True)
class FoldModel:
    """The trees that one fold's training rows grew, with how that fold rates categories."""

    booster: xgb.Booster
    rates: Mapping[int, Rates]

    def margin(self, Z: Matrix) -> Floats:
        """Log-odds before calibration of rows in the whole model's encoding."""
        if self.rates:
            Z = Z.copy()
            for column, rates in self.rates.items():
                Z[:, column] = rates.of(Z[:, column])
        margin: Floats = self.booster.inplace_predict(Z, predict_type="margin").astype(np.float64)
        return margin


def standard_error(folds: Sequence[FoldModel], calibration: Calibration, Z: Matrix) -> Floats:
    """Delete-a-group jackknife of the calibrated probability, shape (n,).

    With K folds each model lacks a K-th of the customers, and the variance of the whole model is
    (K − 1)/K · Σ (p_k − mean p)² [1]_. It says how far other customers of the same kind would have
    moved the probability; it knows nothing of what the trees smooth away (bias).

    References
    ----------
    .. [1] Kott (2001). The delete-a-group jackknife. Journal of Official Statistics 17(4).
    """
    p = np.stack([calibration.probability(fold.margin(Z)) for fold in folds])
    count = len(folds)
    error: Floats = np.sqrt((count - 1) / count * np.sum((p - p.mean(axis=0)) ** 2, axis=0))
    return error
