"""The effect of an arm as learners hand it over: members, honest predictions, errors."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..arms import Floats
from ..terms import AnyTerm, Model
from .error import EffectError


@dataclass(frozen=True)
class Effect:
    """The effect of one arm: the mean of its members, each Σ weight · link(margin) + constant.

    Attributes
    ----------
    members : tuple of Model
        By fold: the effect as learned without the fold.
    oof : ndarray of shape (n,)
        Each customer's effect by the member that never saw the customer.
    rounds : int
        Trees in each member of the model of the effect (of the arm's outcome for s and t).
    slope : float
        What the spread of the predicted effects was scaled by.
    spread : float, optional
        Variance of the model's predictions over that of its members' (`committee_spread`), once
        it is known; scaling leaves it as it is.
    error : EffectError, optional
        Its standard errors; by default those of the members' jackknife.
    """

    members: tuple[Model, ...]
    oof: Floats
    rounds: int
    slope: float = 1.0
    spread: float | None = None
    error: EffectError | None = None

    @property
    def terms(self) -> tuple[AnyTerm, ...]:
        """Of the members' mean."""
        count = len(self.members)
        return tuple(
            replace(term, weight=term.weight / count) for terms, _ in self.members for term in terms
        )

    @property
    def constant(self) -> float:
        """What is added to `terms`."""
        return float(np.mean([constant for _, constant in self.members]))

    def scaled(self, weight: float, centre: float) -> Effect:
        """weight · (effect − centre) + centre."""
        rest = (1 - weight) * centre
        members = tuple(
            (
                tuple(replace(term, weight=weight * term.weight) for term in terms if weight),
                weight * constant + rest,
            )
            for terms, constant in self.members
        )
        oof = weight * self.oof + rest
        return replace(self, members=members, oof=oof, slope=weight * self.slope)


def add_models(*models: Model) -> Model:
    """The sum of models."""
    return tuple(term for terms, _ in models for term in terms), sum(part for _, part in models)


def negative(model: Model) -> Model:
    """The model with its sign turned."""
    terms, constant = model
    return tuple(replace(term, weight=-term.weight) for term in terms), -constant


def flat_effect(average: float, like: Effect) -> Effect:
    """The same effect for everyone."""
    members = tuple(((), average) for _ in like.members)
    return Effect(members, np.full(len(like.oof), average), 0, slope=0.0, spread=1.0)
