"""How much closer together the predictions of a committee lie than those of its members."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..arms import Floats
from ..binned import Matrix
from ..terms import Model, predict_models

_MOST_ROWS = 20_000


def committee_spread(
    members: Sequence[Model],
    X: Matrix,
    folds: npt.NDArray[np.int8],
    oof: Floats,
) -> float:
    """Variance of the members' mean over that of one member, on customers new to them.

    A slope of effects on out-of-fold predictions is the slope on what single members say. The
    model says their mean, in which a part of their noise cancels: its predictions lie closer
    together, and their slope is greater by 1 / the spread.

    Parameters
    ----------
    members : sequence of Model
        By fold: what was learned without it.
    X : ndarray of shape (n, d)
        Encoded features trained on.
    folds : ndarray of shape (n,)
    oof : ndarray of shape (n,)
        Each customer's effect by the member that never saw the customer.

    Returns
    -------
    float
        Between 1/K and 1, for K members; 1 where predictions do not vary.

    Notes
    -----
    Variance of the mean = variance/K + (1 − 1/K) · covariance of two members. The covariance is
    that of the member that never saw a customer with the others, who did: what these learned of
    the customer's own noise is unknown to the first. At most 20,000 customers are looked at.
    """
    count = len(members)
    rows = np.arange(len(X))
    if len(X) > _MOST_ROWS:
        rows = np.sort(np.random.default_rng(0).choice(len(X), _MOST_ROWS, replace=False))
    here, own = folds[rows], oof[rows]
    every = predict_models(members, X, rows)
    others = (every.sum(axis=1) - every[np.arange(len(rows)), here]) / max(count - 1, 1)
    size = np.maximum(np.bincount(here, minlength=count), 1)
    centred = own - (np.bincount(here, own, count) / size)[here]
    variance = float(centred @ centred)
    if count < 2 or variance <= 1e-18 * max(float(own @ own), 1e-300):
        return 1.0
    shared = min(max(float(centred @ others) / variance, 0.0), 1.0)
    return 1 / count + (1 - 1 / count) * shared
