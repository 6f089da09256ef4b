"""Weighting: by estimated propensities, or so that the covariates' means become equal."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from marketing_ds._core.errors import InvalidInput

from .encoding import Encoded, Matrix
from .linear import blocks, logistic_path, predict, with_one
from .means import Means, covariance_of, weights_from
from .sample import Floats, Numbers

WEIGHTS = ("entropy", "propensity")
_PER_TERM = 12
_PER_PLAIN = 4
_FLAT = 1e-5
_LEFT_OVER = 0.1
_STEPS = 60
_CLOSE = 1e-8
_TINY = 1e-12
_FAR = 50.0
_LEVER = 0.9


def terms_to_balance(known: Encoded, treated: Floats) -> Matrix:
    """As many terms as the smaller side can carry, with bends or without, on independent axes.

    Raises
    ------
    InvalidInput
        If there are too many covariates for it.
    """
    side = int(min(treated.sum(), len(treated) - treated.sum()))
    if known.terms.shape[1] * _PER_TERM <= side:
        return _independent(known.terms)
    plain: Matrix = known.terms[:, known.plain]
    if plain.shape[1] * _PER_PLAIN <= side:
        return _independent(plain)
    raise InvalidInput(
        f"covariates must be few enough to weight by: {plain.shape[1]} terms (numbers, levels, "
        f"nulls) need {plain.shape[1] * _PER_PLAIN} customers on each side, got {side}; name "
        "the covariates that drove the choice of arm, or use method='doubly_robust'"
    )


def _independent(terms: Matrix) -> Matrix:
    """The terms turned to axes without correlation; those that hardly vary are left out."""
    everybody = np.arange(len(terms))
    square = np.zeros((terms.shape[1], terms.shape[1]))
    for part in blocks(everybody):
        x = terms[part].astype(np.float64)
        square += x.T @ x
    values, vectors = np.linalg.eigh(square / len(terms))
    kept = values > _FLAT * values.max()
    turn = vectors[:, kept] / np.sqrt(values[kept])
    turned = np.empty((len(terms), int(kept.sum())), dtype=np.float32)
    for part in blocks(everybody):
        turned[part] = terms[part] @ turn
    return turned


def by_propensity(
    terms: Matrix, treated: Floats, outcomes: Floats, *, estimand: str, clusters: Numbers | None,
    clip: float = 0.0,
) -> Means:  # fmt: skip
    """Hájek's weighted means with a logistic propensity, whose own error is accounted for.

    References
    ----------
    Lunceford, Davidian (2004), Stratification and weighting via the propensity score in estimation
    of causal treatment effects, Statistics in Medicine 23.
    """
    everybody = np.arange(len(treated))
    (slopes,) = logistic_path(terms, everybody, treated, (_TINY,))
    fitted = expit(predict(terms, everybody, slopes))
    # For the treated's sake the unlike of control have hardly any weight: nothing to clip there.
    chance = np.clip(fitted, clip if estimand == "ate" else 0.0, 1 - clip)
    weight = weights_from(treated, chance, estimand)
    free = chance == fitted  # a clipped chance does not move with the slopes
    curve = np.zeros((len(slopes), len(slopes)))
    for part in blocks(everybody):
        x = with_one(terms[part])
        curve += (x * (fitted[part] * (1 - fitted[part]))[:, None]).T @ x
    value, influences = [], []
    for side in (0, 1):
        own = np.where(treated == side, weight, 0.0)
        mean = own @ outcomes / own.sum()
        psi = own[:, None] * (outcomes - mean) / own.mean()
        # d log(weight) / d(linear predictor) of the own side
        if estimand == "ate":
            moved = np.where(side == 1, chance - 1, chance)
        else:
            moved = np.full(len(treated), 0.0 if side == 1 else 1.0)
        slope = np.zeros((len(slopes), outcomes.shape[1]))
        for part in blocks(everybody):
            slope += with_one(terms[part]).T @ (psi[part] * (moved * free)[part, None])
        turn = np.linalg.lstsq(curve, slope, rcond=1e-10)[0]
        for part in blocks(everybody):
            psi[part] += (with_one(terms[part]) @ turn) * (treated - fitted)[part, None]
        value.append(mean)
        influences.append(psi)
    covariance, freedom = covariance_of(np.concatenate(influences, axis=1), clusters)
    return Means(np.array(value), covariance, weight, freedom)


def by_entropy(
    terms: Matrix, treated: Floats, outcomes: Floats, *, estimand: str, clusters: Numbers | None
) -> Means:
    """Entropy balancing: the weights nearest to equal ones under which the means of all terms agree.

    Right if the outcome is linear in the terms or the log odds of the arm are.

    References
    ----------
    Hainmueller (2012), Entropy balancing for causal effects, Political Analysis 20. Zhao, Percival
    (2017), Entropy balancing is doubly robust, Journal of Causal Inference 5.
    """
    n = len(treated)
    wanted = np.ones(n) if estimand == "ate" else treated / treated.mean()
    target = wanted @ terms / n
    weight, value, influences = np.ones(n), [], []
    for side in (0, 1):
        own = np.flatnonzero(treated == side)
        if estimand == "att" and side == 1:
            mean = outcomes[own].mean(axis=0)
            influence = wanted[:, None] * (outcomes - mean)
        else:
            tilt = _tilt(terms, own, target)
            mean, influence = _calibrated(terms, own, tilt, wanted, outcomes)
            weight[own] = tilt * n if estimand == "ate" else tilt * treated.sum()
        value.append(mean)
        influences.append(influence)
    covariance, freedom = covariance_of(np.concatenate(influences, axis=1), clusters)
    return Means(np.array(value), covariance, weight, freedom)


def _tilt(terms: Matrix, own: Numbers, target: Floats) -> Floats:
    """Weights of the rows `own`, adding up to 1, under which the terms have the target means.

    Where they cannot have them exactly (a level that one side lacks), nearly: large slopes cost.
    """
    for penalty in (0.0, 1.0 / len(own)):
        weight, gap = _solve_dual(terms, own, target, penalty)
        if np.abs(gap).max() < (_CLOSE if penalty == 0 else _LEFT_OVER):
            return weight
    raise InvalidInput(
        "the arms must overlap in their covariates: no weights make their means equal (off by "
        f"{np.abs(gap).max():.2g} standard deviations at best); compare customers who could have "
        "been in either arm, or name fewer covariates"
    )


def _solve_dual(
    terms: Matrix, own: Numbers, target: Floats, penalty: float
) -> tuple[Floats, Floats]:
    """Newton's steps on the dual; the weights, and how far the means are off."""
    slopes = np.zeros(terms.shape[1])
    value, weight, gap, spread = _dual(terms, own, target, slopes, penalty)
    for _ in range(_STEPS):
        gradient = gap + penalty * slopes
        if np.abs(gradient).max() < _CLOSE:
            break
        curve = spread + max(penalty, _TINY) * np.eye(len(slopes))
        step = np.linalg.solve(curve, gradient)
        size, gain = 1.0, float(gradient @ step)
        while True:
            tried = slopes - size * step
            found = _dual(terms, own, target, tried, penalty)
            if found[0] <= value - 1e-4 * size * gain + 1e-13 or size < 1e-6:
                break
            size /= 2
        slopes = tried
        value, weight, gap, spread = found
        if penalty == 0 and np.abs(slopes).max() > _FAR:  # no solution: the slopes run away
            break
    return weight, gap


def _dual(
    terms: Matrix, own: Numbers, target: Floats, slopes: Floats, penalty: float
) -> tuple[float, Floats, Floats, Floats]:
    """The dual at these slopes, its weights, the means' distance from the target, the spread."""
    linear = predict(terms, own, np.concatenate([[-target @ slopes], slopes]))
    top = float(linear.max())
    weight = np.exp(linear - top)
    total = float(weight.sum())
    weight /= total
    gap, spread = np.zeros(len(slopes)), np.zeros((len(slopes), len(slopes)))
    at = 0
    for part in blocks(own):
        x = terms[part] - target
        w = weight[at : at + len(part)]
        gap += w @ x
        spread += (x * w[:, None]).T @ x
        at += len(part)
    value = top + float(np.log(total)) + penalty / 2 * float(slopes @ slopes)
    return value, weight, gap, spread - np.outer(gap, gap)


def _calibrated(
    terms: Matrix, own: Numbers, tilt: Floats, wanted: Floats, outcomes: Floats
) -> tuple[Floats, Floats]:
    """The weighted mean and its influence: residuals of the weighted regression, and its spread.

    The weights solve for balance; their own error lies in the regression's span and drops out.
    """
    n, k = len(wanted), terms.shape[1] + 1
    square, joint, at = np.zeros((k, k)), np.zeros((k, outcomes.shape[1])), 0
    for part in blocks(own):
        x = with_one(terms[part])
        weighted = x * tilt[at : at + len(part), None]
        square += weighted.T @ x
        joint += weighted.T @ outcomes[part]
        at += len(part)
    slopes = np.linalg.lstsq(square, joint, rcond=1e-10)[0]
    mean = tilt @ outcomes[own]
    line = predict(terms, np.arange(n), slopes)
    influence = wanted[:, None] * (line - mean)
    inverse, at = np.linalg.pinv(square, hermitian=True), 0
    for part in blocks(own):
        # As if the customer had been left out (HC3): few heavy ones bend the line towards them.
        x, weight = with_one(terms[part]), tilt[at : at + len(part)]
        lever = np.minimum(weight * np.einsum("ij,jk,ik->i", x, inverse, x), _LEVER)
        influence[part] += (n * weight / (1 - lever))[:, None] * (outcomes[part] - line[part])
        at += len(part)
    return mean, influence
