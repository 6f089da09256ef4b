"""Matching: the nearest customers of the other side stand in for what was not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import logit

from .encoding import Encoded
from .means import Means, covariance_of
from .nuisances import Nuisances
from .sample import Floats, Numbers

MATCH_ON = ("propensity", "covariates")
_TWINS = 3


@dataclass(frozen=True)
class Matches:
    """Who stands in for whom.

    Attributes
    ----------
    other : ndarray of shape (n, M)
        The nearest customers of the other side.
    twins : ndarray of shape (n, 3)
        The nearest customers of the own side; they tell how much outcomes vary among the alike.
    """

    other: Numbers
    twins: Numbers


def find_matches(
    known: Encoded, treated: Floats, chance: Floats, *, match_on: str, n_matches: int
) -> Matches:
    """Nearest neighbours by the log odds of the arm, or by Mahalanobis' distance of covariates."""
    from sklearn.neighbors import NearestNeighbors

    place = logit(chance)[:, None] if match_on == "propensity" else _whitened(known)
    n = len(treated)
    other, twins = np.empty((n, n_matches), np.int64), np.empty((n, _TWINS), np.int64)
    for side in (0, 1):
        own, far = np.flatnonzero(treated == side), np.flatnonzero(treated != side)
        search = NearestNeighbors().fit(place[own])
        found = search.kneighbors(place[far], n_matches, return_distance=False)
        other[far] = own[found]
        near = search.kneighbors(n_neighbors=_TWINS, return_distance=False)  # without oneself
        twins[own] = own[near]
    return Matches(other, twins)


def matched(
    treated: Floats,
    outcomes: Floats,
    learned: Nuisances,
    matches: Matches,
    *,
    estimand: str,
    clusters: Numbers | None,
) -> Means:
    """Means by matching with replacement, corrected for what matches still differ in.

    A stand-in's outcome is moved by the difference of the expected outcomes of the two. The
    variance is Abadie and Imbens', which knows how often a customer stood in; with clusters, that
    of the same estimator written as regression plus weighted residuals.

    References
    ----------
    Abadie, Imbens (2006), Econometrica 74; (2011), Journal of Business & Economic Statistics 29.
    Lin, Ding, Han (2023), Estimation based on nearest neighbor matching: from density ratio to
    average treatment effect, Econometrica 91.
    """
    n, m = matches.other.shape
    used = np.bincount(matches.other.ravel(), minlength=n).astype(float)
    own = np.where(treated[:, None] == 1, learned.expected[1], learned.expected[0])
    across = np.where(treated[:, None] == 1, learned.expected[0], learned.expected[1])
    residual = outcomes - own
    stand_in = across + residual[matches.other].mean(axis=1)
    if estimand == "att":
        only = treated == 1
        used = np.bincount(matches.other[only].ravel(), minlength=n).astype(float)
        used[only] = 0.0
        sides = [stand_in[only], outcomes[only]]
        repeated = used * (used - 1) / m**2
        weight = np.where(only, 1.0, used / m)
    else:
        at_arm = np.where(treated[:, None] == 1, outcomes, stand_in)
        at_control = np.where(treated[:, None] == 1, stand_in, outcomes)
        sides = [at_control, at_arm]
        repeated = (used / m) ** 2 + (2 * m - 1) / m * (used / m)
        weight = 1 + used / m
    value = np.array([side.mean(axis=0) for side in sides])
    if clusters is not None:
        return _clustered(treated, outcomes, learned, value, weight, estimand, clusters)
    size = len(sides[0])
    deviation = np.concatenate([s - v for s, v in zip(sides, value, strict=True)], axis=1)
    covariance = deviation.T @ deviation / size**2
    q = outcomes.shape[1]
    # Of oneself and J twins, the squared distance from the twins' mean is (J+1)/J variances.
    apart = (residual - residual[matches.twins].mean(axis=1)) * np.sqrt(_TWINS / (_TWINS + 1))
    for side in (0, 1):
        here = treated == side
        part = (apart[here] * repeated[here, None]).T @ apart[here] / size**2
        covariance[side * q : (side + 1) * q, side * q : (side + 1) * q] += part
    return Means(value, covariance, weight, size - 1.0)


def _clustered(
    treated: Floats, outcomes: Floats, learned: Nuisances, value: Floats, weight: Floats,
    estimand: str, clusters: Numbers,
) -> Means:  # fmt: skip
    influences = []
    for side in (0, 1):
        line = learned.expected[side]
        here = (treated == side)[:, None]
        if estimand == "ate":
            score = line - value[side] + here * weight[:, None] * (outcomes - line)
        elif side == 1:
            score = here * (outcomes - value[1]) / treated.mean()
        else:
            inside = treated[:, None] * (line - value[0])
            score = (inside + here * weight[:, None] * (outcomes - line)) / treated.mean()
        influences.append(score)
    covariance, freedom = covariance_of(np.concatenate(influences, axis=1), clusters)
    return Means(value, covariance, weight, freedom)


def _whitened(known: Encoded) -> Floats:
    """Covariates on axes where Euclid's distance is Mahalanobis'."""
    terms = known.terms[:, known.plain].astype(np.float64)
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(terms, rowvar=False)))
    kept = values > 1e-6 * values.max()
    turned: Floats = terms @ (vectors[:, kept] / np.sqrt(values[kept]))
    return turned
