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

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..arms import Floats
from .boosting import Committee, Target, Task, fit_committee, out_of_fold
from .effect import Effect, add_models, flat_effect, negative
from .error import Jackknife
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
    received = sample.arms.codes
    effects = []
    for code in range(1, len(sample.arms.labels)):
        parts = [
            _regress(sample, _imputed(sample, outcomes, own, other, sign), received == own)
            for own, other, sign in ((code, 0, 1.0), (0, code, -1.0))
        ]
        # What is learned on the treated leans on control's model, and is as good as that is large.
        n_arm, n_control = int((received == code).sum()), int((received == 0).sum())
        weights = (n_control / (n_arm + n_control), n_arm / (n_arm + n_control))
        members = tuple(
            add_models(*(part.member(fold, w) for part, w in zip(parts, weights, strict=True)))
            for fold in range(sample.n_folds)
        )
        oof = out_of_fold([members], sample.binned.X, sample.folds)[:, 0]
        effects.append(Effect(members, oof, max(part.rounds for part in parts)))
    return tuple(effects)


def _imputed(
    sample: Sample, outcomes: Outcomes, own: int, other: int, sign: float
) -> list[npt.NDArray[np.float32]]:
    """Effects of who was given `own`, by the model of `other`; by fold, 0 for everyone else.

    A member's imputations come from the outcome model that lacks the same fold.
    """
    rows = np.flatnonzero(sample.arms.codes == own)
    found = []
    for fold in range(sample.n_folds):
        effect = np.zeros(len(sample.y), dtype=np.float32)
        expected = outcomes.committees[other].predict(fold, sample.binned.X, rows)
        effect[rows] = sign * (sample.y[rows] - expected)
        found.append(effect)
    return found


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
        rest = (sample.arms.codes == code) - share
        target = (1 - share) * outcomes.mean[:, 0]
        target += share * outcomes.mean[:, code]
        np.subtract(sample.y, target, out=target)
        target /= rest
        weight = np.square(rest, out=rest)
        weight /= weight[there].mean()
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
    target: Target,
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
    # The slope is that on single members; their mean, which is the model, lies closer together.
    spread = committee_spread(effect.members, sample.binned.X, sample.folds, effect.oof)
    scale = min(1.0, slope / spread)
    unsure = replace(unsure_slope(effect, psi, sample, spread), scale=scale)
    if scale == 0:
        return replace(flat_effect(float(psi.mean()), effect), error=unsure)
    return replace(effect, spread=spread, error=unsure).scaled(scale, unsure.centre)


def unsure_slope(effect: Effect, psi: Floats, sample: Sample, spread: float) -> Jackknife:
    """Standard errors of an effect whose spread is to be scaled by the slope of ψ on it."""
    return Jackknife.of(
        effect.members,
        sample.binned.X,
        float(psi.std()) / math.sqrt(len(psi)),
        slope_error=slope_error(psi, within_folds(effect.oof, sample.folds)) / spread,
        centre=float(effect.oof.mean()),
    )


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


def slope_error(target: Floats, spread: Floats) -> float:
    """Standard error of `slope_on`, heteroscedasticity-robust."""
    variance = float(spread @ spread)
    if variance <= 1e-18 * float(target @ target):
        return 0.0
    rest = target - target.mean() - slope_on(target, spread) * spread
    return math.sqrt(float(np.square(rest * spread).sum())) / variance


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
