"""The learners: from an experiment's sample to the effect of each arm as a sum of terms.

A learner is a function of `Sample` and of the outcome models; it is listed in `LEARNERS` by name.
Every model is a committee of one member a fold, and a member's effect is learned without its fold
from end to end: its predictions there are honest. With μ_a the expected outcome under arm a and 0
for control, e = P(a) / (P(a) + P(0)) and t = 1{T = a} among those given a or control:

- **s**: one outcome model for arm and control, t among its features; τ_a = μ(x, 1) − μ(x, 0).
- **t**: one outcome model an arm; τ_a = μ_a(x) − μ_0(x).
- **x**: the effect on the treated learned from y − μ_0(x), that on control from μ_a(x) − y; their
  mean, weighted by the arms' shares.
- **transformed**: a regression of y·(t − e)/(e(1 − e)), whose mean is the effect.
- **r**: a regression of (y − m(x))/(t − e) with weights (t − e)², m = e·μ_a + (1 − e)·μ_0.
- **dr**: a regression of ψ_a = μ_a(x) − μ_0(x) + 1{T=a}(y − μ_a(x))/P(a) − 1{T=0}(y − μ_0(x))/P(0).

In the last four the target is nearly all noise, and so is its held-out loss: stopping where that is
least leaves a few trees and a poor ranking. So the committee grows until trees have had their say,
and the out-of-fold slope of ψ on its predictions then scales their spread: 1 keeps it, 0 says that
no heterogeneity was found and leaves the average.

References: Künzel et al. (2019), PNAS 116(10), s, t and x; Athey and Imbens (2016), PNAS 113(27),
transformed outcomes; Nie and Wager (2021), Biometrika 108(2), r; Kennedy (2023), Electronic Journal
of Statistics 17(2), dr.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from ..arms import Floats
from ..binned import Matrix
from .boosting import Committee, Task, fit_committee
from .effect import Effect, add_models, flat_effect, negative
from .forest import fit_forest
from .nuisances import Outcomes, Sample, within_folds
from .spread import committee_spread


def fit_s(sample: Sample, outcomes: Outcomes) -> tuple[Effect, ...]:
    """S-learner: an outcome model for each arm and control together.

    One model for several arms would have to split between them all before it says anything of one.
    """
    if len(sample.arms.names) == 1 and not outcomes.committees:  # it is that model already
        return fit_t(sample, outcomes)
    codes = range(1, len(sample.arms.labels))
    return tuple(fit_t(sample, Outcomes.joint(sample, [code]))[0] for code in codes)


def fit_t(sample: Sample, outcomes: Outcomes) -> tuple[Effect, ...]:
    """T-learner: differences of predicted outcomes."""
    control = outcomes.members[0]
    return tuple(
        Effect(
            tuple(
                add_models(one, negative(other)) for one, other in zip(arm, control, strict=True)
            ),
            outcomes.mean[:, code] - outcomes.mean[:, 0],
            outcomes.rounds[code],
        )
        for code, arm in enumerate(outcomes.members[1:], start=1)
    )


def fit_x(sample: Sample, outcomes: Outcomes) -> tuple[Effect, ...]:
    """The X-learner: imputed effects of the treated and of control."""
    X, received = sample.binned.X, sample.arms.codes
    effects = []
    for code in range(1, len(sample.arms.labels)):
        parts = []
        for own, other, sign in ((code, 0, 1.0), (0, code, -1.0)):
            there = received == own
            model = outcomes.committees[other]
            # A member's imputations come from the outcome model that lacks the same fold.
            imputed = [
                sign * (sample.y - _where(there, model, fold, X)) for fold in range(sample.n_folds)
            ]
            parts.append(_regress(sample, imputed, member=there))
        # What is learned on the treated leans on control's model, and is as good as that is large.
        n_arm, n_control = int((received == code).sum()), int((received == 0).sum())
        weights = (n_control / (n_arm + n_control), n_arm / (n_arm + n_control))
        members = tuple(
            add_models(*(part.member(fold, w) for part, w in zip(parts, weights, strict=True)))
            for fold in range(sample.n_folds)
        )
        of_treated, of_control = (part.out_of_fold(X, sample.folds) for part in parts)
        oof = weights[0] * of_treated + weights[1] * of_control
        rounds = max(part.rounds for part in parts)
        effects.append(Effect(members, oof, rounds))
    return tuple(effects)


def _where(there: npt.NDArray[np.bool_], model: Committee, fold: int, X: Matrix) -> Floats:
    """The member's predictions for those concerned, 0 for the others."""
    out = np.zeros(len(X))
    out[there] = model.predict(fold, X[there])
    return out


def fit_transformed(sample: Sample, outcomes: Outcomes) -> tuple[Effect, ...]:
    """Regressions of transformed outcomes."""
    effects = []
    for code in range(1, len(sample.arms.labels)):
        there, share = sample.against_control(code)
        treated = sample.arms.codes == code
        # The transformed constant has mean 0: taking it out of the outcome only lowers the noise.
        centred = sample.y - sample.y[there].mean()
        target = centred * (treated - share) / (share * (1 - share))
        effects.append(_regression(sample, target, there))
    return tuple(effects)


def fit_r(sample: Sample, outcomes: Outcomes) -> tuple[Effect, ...]:
    """Regressions of what is left of the outcome on what is left of the assignment."""
    effects = []
    for code in range(1, len(sample.arms.labels)):
        there, share = sample.against_control(code)
        expected = share * outcomes.mean[:, code] + (1 - share) * outcomes.mean[:, 0]
        rest = (sample.arms.codes == code) - share
        weight = rest**2
        weight = weight / weight[there].mean()
        target = (sample.y - expected) / rest
        effects.append(_regression(sample, target, there, weight))
    return tuple(effects)


def fit_dr(sample: Sample, outcomes: Outcomes) -> tuple[Effect, ...]:
    """Regressions of doubly-robust pseudo-outcomes."""
    return tuple(_regression(sample, psi) for psi in sample.doubly_robust(outcomes.mean).T)


def _regression(
    sample: Sample,
    target: Floats,
    member: npt.NDArray[np.bool_] | None = None,
    weight: Floats | None = None,
) -> Effect:
    model = _regress(sample, target, member, weight)
    members = tuple(model.member(fold) for fold in range(sample.n_folds))
    oof = model.out_of_fold(sample.binned.X, sample.folds)
    return Effect(members, oof, model.rounds)


def _regress(
    sample: Sample,
    target: Floats | list[Floats],
    member: npt.NDArray[np.bool_] | None = None,
    weight: Floats | None = None,
) -> Committee:
    """A committee for a target of much noise, grown until the trees have had their say."""
    # After 3/η rounds of rate η, boosting has taken up 95 % of what its first trees aim at.
    trees = sample.binned.trees
    least = min(round(3 / trees.learning_rate), trees.n_estimators)
    task = Task(target, "identity", member, weight)
    return fit_committee(sample.binned, task, sample.folds, least=least)


def shrunk(effect: Effect, psi: Floats, sample: Sample) -> Effect:
    """The effect with its spread scaled by the slope of ψ on it."""
    slope = out_of_fold_slope(psi, effect.oof, sample.folds)
    if slope == 0:
        return flat_effect(float(psi.mean()), effect)
    # The slope is that on single members; their mean, which is the model, lies closer together.
    spread = committee_spread(effect.members, sample.binned.X, sample.folds, effect.oof)
    return effect.scaled(min(1.0, slope / spread), float(effect.oof.mean()))


def out_of_fold_slope(psi: Floats, predicted: Floats, folds: npt.NDArray[np.int8]) -> float:
    """Least-squares slope of `psi` on `predicted` within folds, at least 0.

    Within folds, since a member's mean lacks just the customers it is held against: between
    folds, high predictions meet low outcomes by construction.
    """
    return max(0.0, slope_on(psi, within_folds(predicted, folds)))


def slope_on(target: Floats, spread: Floats) -> float:
    """Least-squares slope of `target` on a centred `spread`; 0 where that is nothing."""
    variance = float(spread @ spread)
    return float(spread @ target) / variance if variance > 1e-18 * float(target @ target) else 0.0


LEARNERS: Mapping[str, Callable[[Sample, Outcomes], tuple[Effect, ...]]] = {
    "s": fit_s,
    "t": fit_t,
    "x": fit_x,
    "r": fit_r,
    "dr": fit_dr,
    "transformed": fit_transformed,
    "forest": fit_forest,
}
"""Learners by name."""

SHRUNK = frozenset({"x", "r", "dr", "transformed"})
"""Learners that regress a target which is nearly all noise; `shrunk` scales their spread."""
