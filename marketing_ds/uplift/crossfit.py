"""What cross-fitting leaves of the customers trained on: honest predictions, row by row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .arms import Arms, Floats


@dataclass(frozen=True)
class CrossFit:
    """Out-of-fold predictions of an uplift model, rows in the order of `fit`.

    Everything that is said of a model on the customers it was trained on (curves, calibration,
    effects by group) is said from these.

    Attributes
    ----------
    y : ndarray of shape (n,)
        Outcomes.
    arms : Arms
        The arm of each customer.
    folds : ndarray of shape (n,)
        The fold that each customer was left out with.
    probability : ndarray of shape (n, 1 + arms)
        P(each arm), columns as `arms.labels`, control first.
    outcome : ndarray of shape (n, 1 + arms)
        Expected outcome under each arm by a model that never saw the customer.
    psi : ndarray of shape (n, arms)
        Doubly-robust pseudo-outcomes: their mean is the average effect of the arm, their mean
        among customers alike is those customers' effect.
    uplift : ndarray of shape (n, arms)
        The learner's prediction of the effect, out of fold.
    spread : ndarray of shape (arms,), optional
        Variance of the model's predictions over that of `uplift`, which single members of the
        committee make; 1 where it is not known.
    """

    y: Floats
    arms: Arms
    folds: npt.NDArray[np.int8]
    probability: Floats
    outcome: Floats
    psi: Floats
    uplift: Floats
    spread: Floats | None = None
