"""Adjusted means under control and under an arm, with the covariance of the estimates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .nuisances import Nuisances
from .sample import Floats, Numbers

ESTIMANDS = ("ate", "att")


@dataclass(frozen=True)
class Means:
    """Means of q outcomes on two sides, had everybody of the estimand been there.

    Attributes
    ----------
    value : ndarray of shape (2, q)
        Under control and under the arm.
    covariance : ndarray of shape (2q, 2q)
        Of the estimates, control's outcomes first.
    weight : ndarray of shape (n,)
        How much a customer counts on the own side; balance is shown with it.
    freedom : float
        Degrees of freedom of the variance.
    """

    value: Floats
    covariance: Floats
    weight: Floats
    freedom: float


def doubly_robust(
    treated: Floats,
    outcomes: Floats,
    learned: Nuisances,
    *,
    estimand: str,
    clusters: Numbers | None,
) -> Means:
    """Augmented inverse probability weighting: right if either nuisance is.

    References
    ----------
    Robins, Rotnitzky, Zhao (1994), JASA 89; Chernozhukov et al. (2018), section 5.
    """
    chance = learned.chance
    weight = weights_from(treated, chance, estimand)
    residual = outcomes - np.where(treated[:, None] == 1, learned.expected[1], learned.expected[0])
    on_arm, on_control = treated * weight, (1 - treated) * weight
    if estimand == "ate":
        scores = [
            learned.expected[0] + on_control[:, None] * residual,
            learned.expected[1] + on_arm[:, None] * residual,
        ]
        value = np.array([score.mean(axis=0) for score in scores])
        influence = np.concatenate([s - v for s, v in zip(scores, value, strict=True)], axis=1)
    else:
        share = treated.mean()
        level = (treated[:, None] * learned.expected[0] + on_control[:, None] * residual) / share
        value = np.array([level.mean(axis=0), outcomes[treated == 1].mean(axis=0)])
        at_control = level - (treated / share)[:, None] * value[0]
        at_arm = (treated / share)[:, None] * (outcomes - value[1])
        influence = np.concatenate([at_control, at_arm], axis=1)
    covariance, freedom = covariance_of(influence, clusters)
    return Means(value, covariance, weight, freedom)


def weights_from(treated: Floats, chance: Floats, estimand: str) -> Floats:
    """1/P(own side) for everybody; for the treated's sake 1 for them and the odds for control."""
    if estimand == "ate":
        return np.where(treated == 1, 1 / chance, 1 / (1 - chance))
    return np.where(treated == 1, 1.0, chance / (1 - chance))


def covariance_of(influence: Floats, clusters: Numbers | None) -> tuple[Floats, float]:
    """Covariance of means with this influence (n, k), and its degrees of freedom.

    Clusters are summed first: customers of one may go up and down together.
    """
    n = len(influence)
    summed = influence
    if clusters is not None:
        _, place = np.unique(clusters, return_inverse=True)
        summed = np.zeros((int(place.max()) + 1, influence.shape[1]))
        np.add.at(summed, place, influence)
    groups = len(summed)
    centred = summed - summed.mean(axis=0)
    covariance: Floats = centred.T @ centred / n**2 * groups / (groups - 1)
    return covariance, groups - 1.0
