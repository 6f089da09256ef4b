"""From a sample to everything that a fitted model holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from marketing_ds._core.estimate import Estimate

from ..arms import Floats
from ..crossfit import CrossFit
from ..terms import AnyTerm
from .auto import Heterogeneity, Selection, fit_auto
from .effect import Effect
from .error import EffectError, Jackknife
from .learners import LEARNERS, SHRUNK, shrunk
from .nuisances import Outcomes, Sample
from .spread import committee_spread


@dataclass(frozen=True)
class Learned:
    """What `UpliftModel.fit` keeps; by arm where a dict."""

    average: dict[str, Estimate]
    terms: dict[str, tuple[AnyTerm, ...]]
    constant: dict[str, float]
    rounds: dict[str, int]
    slope: dict[str, float]
    error: dict[str, EffectError]
    outcome_terms: dict[str, tuple[AnyTerm, ...]]
    outcome_constant: dict[str, float]
    crossfit: CrossFit
    selection: Selection | None
    heterogeneity: dict[str, Heterogeneity]


def learn(sample: Sample, learner: str) -> Learned:
    """Fit `learner` and what goes with it."""
    outcomes = Outcomes.joint(sample) if learner == "s" else Outcomes.by_arm(sample)
    labels, names = sample.arms.labels, sample.arms.names
    psi = sample.doubly_robust(outcomes.mean)
    average = {
        arm: Estimate.from_influence(psi[:, at].mean(), psi[:, at], alpha=0.05)
        for at, arm in enumerate(names)
    }
    fitted, selection, heterogeneity = _effects(sample, learner, outcomes, psi)
    effects = dict(zip(names, fitted, strict=True))
    under = {
        label: Effect(members, outcomes.mean[:0, 0], 0)
        for label, members in zip(labels, outcomes.members, strict=True)
    }
    return Learned(
        average=average,
        terms={arm: effect.terms for arm, effect in effects.items()},
        constant={arm: effect.constant for arm, effect in effects.items()},
        rounds={arm: effect.rounds for arm, effect in effects.items()},
        slope={arm: effect.slope for arm, effect in effects.items()},
        error={
            arm: effect.error or Jackknife.of(effect.members, sample.binned.X, average[arm].se)
            for arm, effect in effects.items()
        },
        outcome_terms={label: effect.terms for label, effect in under.items()},
        outcome_constant={label: effect.constant for label, effect in under.items()},
        crossfit=CrossFit(
            y=sample.y,
            arms=sample.arms,
            folds=sample.folds,
            probability=sample.chance,
            outcome=outcomes.mean,
            psi=psi,
            uplift=np.column_stack([effect.oof for effect in fitted]),
            spread=np.array([_spread(sample, effect) for effect in fitted]),
        ),
        selection=selection,
        heterogeneity=heterogeneity,
    )


def _effects(
    sample: Sample, learner: str, outcomes: Outcomes, psi: Floats
) -> tuple[tuple[Effect, ...], Selection | None, dict[str, Heterogeneity]]:
    if learner == "auto":
        return fit_auto(sample, outcomes, psi)
    effects = LEARNERS[learner](sample, outcomes)
    if learner in SHRUNK:
        effects = tuple(shrunk(one, psi[:, at], sample) for at, one in enumerate(effects))
    return effects, None, {}


def _spread(sample: Sample, effect: Effect) -> float:
    if effect.spread is not None:
        return effect.spread
    if len(effect.members) < 2:  # a forest's out-of-bag predictions are no single member's
        return 1.0
    return committee_spread(effect.members, sample.binned.X, sample.folds, effect.oof)
