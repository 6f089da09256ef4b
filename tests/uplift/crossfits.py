"""Cross-fitted arrays of experiments with known effects, by the simplest outcome models."""

from __future__ import annotations

import numpy as np
import pandas as pd

from marketing_ds.uplift.arms import read_arms
from marketing_ds.uplift.crossfit import CrossFit


def crossfitted(
    X: pd.DataFrame,
    y: np.ndarray,
    arm: np.ndarray,
    chance: np.ndarray,
    *,
    uplift: np.ndarray | None = None,
    n_folds: int = 5,
    seed: int = 0,
) -> CrossFit:
    """Straight lines for outcome models, out of fold; ψ by their definition.

    Parameters
    ----------
    chance : ndarray of shape (1 + arms,) or (n, 1 + arms)
        P(each arm), control first, arms sorted.
    uplift : ndarray of shape (n, arms), optional
        What a learner predicted; the difference of the lines by default.
    """
    n = len(y)
    arms = read_arms(arm, "control", rows=n)
    folds = (np.random.default_rng(seed).permutation(n) % n_folds).astype(np.int8)
    A = pd.get_dummies(X, drop_first=True, dtype=float).fillna(0.0).to_numpy(dtype=np.float64)
    A = np.column_stack([np.ones(n), (A - A.mean(axis=0)) / np.maximum(A.std(axis=0), 1e-12)])
    probability = np.broadcast_to(chance, (n, len(arms.labels))).astype(np.float64)
    outcome = np.empty((n, len(arms.labels)))
    for code in range(len(arms.labels)):
        for fold in range(n_folds):
            train = (folds != fold) & (arms.codes == code)
            line = np.linalg.lstsq(A[train], y[train], rcond=None)[0]
            outcome[folds == fold, code] = A[folds == fold] @ line
    psi = outcome[:, 1:] - outcome[:, :1]
    for code in range(len(arms.labels)):
        there = arms.codes == code
        weighted = (y[there] - outcome[there, code]) / probability[there, code]
        if code:
            psi[there, code - 1] += weighted
        else:
            psi[there] -= weighted[:, None]
    predicted = outcome[:, 1:] - outcome[:, :1] if uplift is None else uplift
    return CrossFit(
        y=np.asarray(y, dtype=np.float64),
        arms=arms,
        folds=folds,
        probability=probability,
        outcome=outcome,
        psi=psi,
        uplift=predicted,
    )
