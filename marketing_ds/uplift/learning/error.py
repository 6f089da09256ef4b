"""Standard errors of predicted effects: how much they move when customers are left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..arms import Floats
from ..binned import Matrix
from ..terms import predict_terms
from .nuisances import Model


class EffectError(Protocol):
    """Standard errors of an effect."""

    def standard_error(self, X: Matrix) -> Floats:
        """Of encoded customers, shape (n,)."""


@dataclass(frozen=True)
class Jackknife:
    """Delete-a-group jackknife over members that each lack a fold [1]_.

    With K members the variance is (K − 1)/K · Σ (τ_k − mean τ)². It says how far other customers
    of the same kind would have moved the effect; it knows nothing of what trees smooth away.

    References
    ----------
    .. [1] Kott (2001). The delete-a-group jackknife. Journal of Official Statistics 17(4).
    """

    members: Sequence[Model]
    least: float
    """The average effect's: no customer's is known better."""

    def standard_error(self, X: Matrix) -> Floats:
        effects = np.stack([predict_terms(terms, X) + rest for terms, rest in self.members])
        count = len(effects)
        error: Floats = np.sqrt(
            (count - 1) / count * ((effects - effects.mean(axis=0)) ** 2).sum(axis=0)
        )
        return np.asarray(np.maximum(error, self.least))
