"""What adjustment rests on: P(arm | covariates) and expected outcomes, never fitted on who is judged.

Every learner is fitted on all folds but one and predicts that one; learners are then averaged with
the weights that predict best out of fold ("short-stacking").

References
----------
Chernozhukov et al. (2018), Double/debiased machine learning for treatment and structural
parameters, Econometrics Journal 21. Ahrens, Hansen, Schaffer, Wiemann (2025), Model averaging and
double machine learning, Journal of Applied Econometrics 40.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from .encoding import Encoded
from .linear import logistic_path, predict, ridge_path
from .sample import Floats, Numbers
from .simplex import simplex_weights

LEARNERS = ("linear", "boosting")
_STRENGTHS = (0.05, 0.5, 5.0)
_MANY = 100_000
_SURE = 1e-4
_MIXING = 200


@dataclass(frozen=True)
class Nuisances:
    """Out-of-fold predictions for n customers in one arm or in control.

    Attributes
    ----------
    chance : ndarray of shape (n,)
        P(arm | covariates), as learned.
    expected : ndarray of shape (2, n, q)
        Expected outcomes under control and under the arm.
    shares : mapping
        How much each learner counts: ``arm`` (the chance) and each outcome.
    """

    chance: Floats
    expected: Floats
    shares: Mapping[str, Mapping[str, float]]


def cross_fit(
    known: Encoded,
    treated: Floats,
    outcomes: Floats,
    names: Sequence[str],
    folds: Numbers,
    *,
    learners: Sequence[str],
    seed: int,
) -> Nuisances:
    """Chances and expected outcomes of everybody, from folds without them."""
    everybody = np.arange(len(treated))
    guessed = _out_of_fold(known, treated, everybody, folds, learners, seed)
    chance, counts = _mixed(guessed, treated, everybody)
    expected = np.empty((2, len(treated), outcomes.shape[1]))
    shares = {"arm": counts}
    for k, name in enumerate(names):
        for side in (0, 1):
            own = np.flatnonzero(treated == side)
            guessed = _out_of_fold(known, outcomes[:, k], own, folds, learners, seed)
            expected[side, :, k], counts = _mixed(guessed, outcomes[:, k], own)
            shares[f"{name}, {'arm' if side else 'control'}"] = counts
    return Nuisances(chance, expected, shares)


def make_folds(treated: Floats, clusters: Numbers | None, n_folds: int, seed: int) -> Numbers:
    """A fold for every customer: arms spread evenly, or clusters kept whole."""
    rng = np.random.default_rng(seed)
    folds = np.empty(len(treated), dtype=np.int64)
    if clusters is None:
        for side in (0, 1):
            own = rng.permutation(np.flatnonzero(treated == side))
            folds[own] = np.arange(len(own)) % n_folds
        return folds
    names, place, sizes = np.unique(clusters, return_inverse=True, return_counts=True)
    of_cluster, filled = np.empty(len(names), dtype=np.int64), np.zeros(n_folds)
    order = rng.permutation(len(names))
    for k in order[np.argsort(-sizes[order], kind="stable")]:  # the largest first
        of_cluster[k] = int(filled.argmin())
        filled[of_cluster[k]] += sizes[k]
    folds[:] = of_cluster[place]
    return folds


def is_binary(target: Floats) -> bool:
    """Whether an outcome holds 0 and 1 only."""
    return bool(((target == 0) | (target == 1)).all())


def penalties_of(n_terms: int, n_rows: int) -> tuple[float, ...]:
    """Penalties that fit so many terms and rows, from weak to strong."""
    strengths = _STRENGTHS if n_rows <= _MANY else _STRENGTHS[:1]
    return tuple(strength * n_terms / n_rows for strength in strengths)


def _out_of_fold(
    known: Encoded,
    target: Floats,
    own: Numbers,
    folds: Numbers,
    learners: Sequence[str],
    seed: int,
) -> dict[str, Floats]:
    """Predictions for everybody by each learner, from the rows `own` of the other folds."""
    binary = is_binary(target)
    guessed: dict[str, Floats] = {}
    for fold in range(int(folds.max()) + 1):
        train, test = own[folds[own] != fold], np.flatnonzero(folds == fold)
        if len(np.unique(target[train])) < 2:
            made = dict.fromkeys(_names(known, len(own), learners), None)
        else:
            made = _fit(known, target, train, test, binary, learners, len(own), seed)
        level = float(target[train].mean()) if len(train) else float(target[own].mean())
        for name, values in made.items():
            all_values = guessed.setdefault(name, np.empty(len(target)))
            all_values[test] = level if values is None else values
    return guessed


def _names(known: Encoded, n_own: int, learners: Sequence[str]) -> list[str]:
    lines = [f"linear {k}" for k in range(len(penalties_of(known.terms.shape[1], n_own)))]
    return [
        *(lines if "linear" in learners else []),
        *(["boosting"] if "boosting" in learners else []),
    ]


def _fit(
    known: Encoded,
    target: Floats,
    train: Numbers,
    test: Numbers,
    binary: bool,
    learners: Sequence[str],
    n_own: int,
    seed: int,
) -> dict[str, Floats | None]:
    made: dict[str, Floats | None] = {}
    if "linear" in learners:
        penalties = penalties_of(known.terms.shape[1], n_own)
        if binary:
            lines = logistic_path(known.terms, train, target, penalties)
            values = [expit(predict(known.terms, test, slopes)) for slopes in lines]
        else:
            lines = ridge_path(known.terms, train, target[:, None], penalties)
            values = [predict(known.terms, test, slopes)[:, 0] for slopes in lines]
        made |= {f"linear {k}": v for k, v in enumerate(values)}
    if "boosting" in learners:
        made["boosting"] = _boosted(known, target, train, test, binary, seed)
    return made


def _boosted(
    known: Encoded, target: Floats, train: Numbers, test: Numbers, binary: bool, seed: int
) -> Floats:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    # Trees refuse a column that is constant or null in all rows that they learn from.
    inside = known.raw[train]
    varies = np.flatnonzero(np.fmax.reduce(inside) > np.fmin.reduce(inside))
    if not len(varies):
        return np.full(len(test), target[train].mean())
    small = len(train) < 20_000
    settings = {
        "learning_rate": 0.1,
        "max_iter": 60 if small else 120,
        "max_leaf_nodes": 8 if small else 31,
        "min_samples_leaf": 20,
        "l2_regularization": 1.0,
        "early_stopping": False,
        "categorical_features": known.is_category[varies],
        "random_state": seed,
    }
    kind = HistGradientBoostingClassifier if binary else HistGradientBoostingRegressor
    model = kind(**settings).fit(known.raw[np.ix_(train, varies)], target[train])
    values: Floats
    if binary:
        values = model.predict_proba(known.raw[np.ix_(test, varies)])[:, 1]
    else:
        values = model.predict(known.raw[np.ix_(test, varies)])
    return np.asarray(values, dtype=np.float64)


def _mixed(
    guessed: Mapping[str, Floats], target: Floats, own: Numbers
) -> tuple[Floats, Mapping[str, float]]:
    """The average of learners that predicts the rows `own` best, and how each counts."""
    names = list(guessed)
    every = np.column_stack([guessed[name] for name in names])
    if is_binary(target):
        unsure = np.clip(every[own], _SURE, 1 - _SURE)
        right = np.where(target[own, None] == 1, unsure, 1 - unsure)
        weights = np.full(len(names), 1 / len(names))
        for _ in range(_MIXING if len(names) > 1 else 0):  # EM for the shares of a mixture
            weights = weights * (right / (right @ weights)[:, None]).mean(axis=0)
    else:
        centre = every[own].mean(axis=0).mean()
        columns, wanted = every[own] - centre, target[own] - centre
        weights = _from_sums(columns, wanted)
    shares = dict.fromkeys(dict.fromkeys(name.split()[0] for name in names), 0.0)
    for name, weight in zip(names, weights, strict=True):
        shares[name.split()[0]] += float(weight)
    return every @ weights, shares


def _from_sums(columns: Floats, wanted: Floats) -> Floats:
    """Simplex least squares from the triangle of a QR decomposition: few rows, same answer."""
    triangle = np.asarray(np.linalg.qr(np.column_stack([columns, wanted]), mode="r"))
    return simplex_weights(triangle[:, :-1], triangle[:, -1])
