"""The learners: from an experiment's sample to the effect of each arm as a sum of terms.

A learner is a function of `Sample` and of the cross-fitted outcome models; it is listed in
`LEARNERS` by name. With μ_a the expected outcome under arm a and 0 for control:

- **t**: two models. τ_a(x) = μ_a(x) − μ_0(x).
- **dr**: doubly robust. A further model of τ_a is trained on pseudo-outcomes

  ψ_a = μ_a(x) − μ_0(x) + 1{T=a}(y − μ_a(x))/P(T) − 1{T=0}(y − μ_0(x))/P(T),

  with μ predicted out of fold. ψ_a has mean τ_a(x) if either μ or P is right; in an experiment
  P is known. ψ is nearly all noise, and so is its held-out loss: stopping where that is least
  leaves a few trees and a poor ranking. So the committee grows until trees have had their say,
  and the out-of-fold slope of ψ on its predictions then scales their spread: 1 keeps it, 0 says
  that no heterogeneity was found and leaves the average.

References: Künzel et al. (2019), PNAS 116(10); Kennedy (2023), Electronic Journal of Statistics 17(2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from marketing_ds._core.terms import Term

from .arms import Arms, Floats
from .boosting import Binned, Committee, Link, fit_committee


@dataclass(frozen=True)
class Sample:
    """What a learner learns from.

    Attributes
    ----------
    binned : Binned
        Encoded features of n customers.
    y : ndarray of shape (n,)
    arms : Arms
    probability : ndarray of shape (n,)
        P(the arm received).
    folds : ndarray of shape (n,)
    link : {"identity", "logistic"}
        Of the outcome models.
    """

    binned: Binned
    y: Floats
    arms: Arms
    probability: Floats
    folds: npt.NDArray[np.int8]
    link: Link


@dataclass(frozen=True)
class Outcomes:
    """Models of the outcome under each arm, by code, and their out-of-fold predictions."""

    models: tuple[Committee, ...]
    mean: Floats
    """Shape (n, 1 + arms)."""

    @classmethod
    def fit(cls, sample: Sample) -> Outcomes:
        """One committee an arm, each on the customers of that arm."""
        models = tuple(
            fit_committee(
                sample.binned,
                sample.y,
                sample.folds,
                link=sample.link,
                member=sample.arms.codes == code,
            )
            for code in range(len(sample.arms.labels))
        )
        parts = [model.out_of_fold(sample.binned.X, sample.folds) for model in models]
        return cls(models, np.column_stack(parts))


@dataclass(frozen=True)
class Effect:
    """The effect of one arm: Σ weight · link(margin) + constant."""

    terms: tuple[Term, ...]
    constant: float
    rounds: int
    """Trees in each member of the model of the effect (of the arm's outcome for a T-learner)."""
    slope: float = 1.0
    """What the spread of the predicted effects was scaled by."""


def pseudo_outcomes(sample: Sample, outcomes: Outcomes, code: int) -> Floats:
    """ψ of the arm with `code`, shape (n,): its mean is the arm's average effect (AIPW)."""
    received, mean = sample.arms.codes, outcomes.mean
    psi = mean[:, code] - mean[:, 0]
    for arm, sign in ((code, 1.0), (0, -1.0)):
        there = received == arm
        psi[there] += sign * (sample.y[there] - mean[there, arm]) / sample.probability[there]
    return psi


def fit_t(sample: Sample, outcomes: Outcomes) -> tuple[Effect, ...]:
    """The T-learner: difference of two outcome models."""
    control = outcomes.models[0]
    return tuple(
        Effect(
            model.terms() + control.terms(-1.0),
            model.constant - control.constant,
            model.rounds,
        )
        for model in outcomes.models[1:]
    )


def fit_dr(sample: Sample, outcomes: Outcomes) -> tuple[Effect, ...]:
    """The DR-learner: a model of the pseudo-outcomes, its spread calibrated out of fold."""
    # After 3/η rounds of rate η, boosting has taken up 95 % of what its first trees aim at.
    trees = sample.binned.trees
    least = min(round(3 / trees.learning_rate), trees.n_estimators)
    effects = []
    for code in range(1, len(sample.arms.labels)):
        psi = pseudo_outcomes(sample, outcomes, code)
        model = fit_committee(sample.binned, psi, sample.folds, link="identity", least=least)
        slope = _slope(psi, model.out_of_fold(sample.binned.X, sample.folds), sample.folds)
        if slope == 0:
            effects.append(Effect((), model.mean, 0, 0.0))
            continue
        terms = tuple(replace(term, weight=slope * term.weight) for term in model.terms())
        effects.append(Effect(terms, (1 - slope) * model.mean, model.rounds, slope))
    return tuple(effects)


def _slope(psi: Floats, predicted: Floats, folds: npt.NDArray[np.int8]) -> float:
    """Least-squares slope of `psi` on `predicted` within folds, between 0 and 1.

    Within folds, since a member's mean lacks just the customers it is held against: between
    folds, high predictions meet low outcomes by construction.
    """
    size = np.bincount(folds)
    spread = predicted - (np.bincount(folds, predicted) / size)[folds]
    variance = float(spread @ spread)
    if variance <= 1e-18 * len(psi) * float(np.mean(psi**2)):
        return 0.0
    return float(np.clip(spread @ psi / variance, 0.0, 1.0))


LEARNERS: Mapping[str, Callable[[Sample, Outcomes], tuple[Effect, ...]]] = {
    "dr": fit_dr,
    "t": fit_t,
}
"""Learners by name."""


def make_folds(y: Floats, arms: Arms, n_folds: int, seed: int) -> npt.NDArray[np.int8]:
    """Folds with the same share of each arm, and of high outcomes within each arm."""
    random = np.random.default_rng(seed).random(len(y))
    folds = np.empty(len(y), dtype=np.int8)
    order = np.lexsort((random, y > y.mean(), arms.codes))
    for code in range(len(arms.labels)):
        rows = order[arms.codes[order] == code]
        folds[rows] = np.arange(len(rows)) % n_folds
    return folds


def estimate_probability(binned: Binned, arms: Arms, folds: npt.NDArray[np.int8]) -> Floats:
    """P(the arm received) given the features, out of fold, shape (n,)."""
    parts = []
    for code in range(len(arms.labels)):
        there = (arms.codes == code).astype(np.float64)
        model = fit_committee(binned, there, folds, link="logistic")
        parts.append(model.out_of_fold(binned.X, folds))
    total = np.column_stack(parts)
    received: Floats = total[np.arange(len(total)), arms.codes] / total.sum(axis=1)
    return received
