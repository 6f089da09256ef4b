"""What a model is a sum of: boosters, or regressors in their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from marketing_ds._core.terms import Term

from .arms import Floats
from .binned import Matrix


@dataclass(frozen=True)
class ForeignTerm:
    """``weight * prediction`` of a scikit-learn regressor, the twin of `Term`.

    `fixed` are values of columns that the regressor has beside the features.
    """

    weight: float
    regressor: Any
    fixed: tuple[float, ...] = ()

    def predict(self, X: Matrix) -> Floats:
        """The regressor's prediction, without the weight."""
        if self.fixed:
            X = np.hstack([X, np.tile(np.array(self.fixed, dtype=np.float32), (len(X), 1))])
        return np.asarray(self.regressor.predict(X), dtype=np.float64)


AnyTerm = Term | ForeignTerm


def predict_terms(terms: Sequence[AnyTerm], X: Matrix) -> Floats:
    """Σ weight · link(margin), shape (n,)."""
    total = np.zeros(len(X))
    for term in terms:
        if isinstance(term, ForeignTerm):
            total += term.weight * term.predict(X)
            continue
        kind = "margin" if term.link == "identity" else "value"
        # In float64 whatever the weight's type: a model that was saved and loaded says the same.
        total += np.float64(term.weight) * term.booster.inplace_predict(X, predict_type=kind)
    return total
