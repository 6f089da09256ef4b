"""What a model is a sum of: boosters, or regressors in their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost as xgb
from scipy.special import expit

from marketing_ds._core.terms import Term

from .arms import Floats
from .binned import Matrix
from .shallow import Vector, read_shallow

_AT_ONCE = 32_768  # customers: what bounds the memory, and stays near the processor


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

Model = tuple[tuple[AnyTerm, ...], float]
"""A sum of terms and a constant."""


def predict_terms(
    terms: Sequence[AnyTerm], X: Matrix, rows: npt.NDArray[np.intp] | None = None
) -> Floats:
    """Σ weight · link(margin) of all customers, or of those at `rows`, shape (n,)."""
    return predict_models([(tuple(terms), 0.0)], X, rows)[:, 0]


def predict_models(
    models: Sequence[Model], X: Matrix, rows: npt.NDArray[np.intp] | None = None
) -> Floats:
    """Each model of all customers, or of those at `rows`, in one pass; shape (n, models)."""
    count = len(X) if rows is None else len(rows)
    out = np.empty((count, len(models)), order="F")
    grown = [term for terms, _ in models for term in terms if isinstance(term, Term)]
    boosters = list(dict.fromkeys(term.booster for term in grown))
    shallow = read_shallow(boosters, count)
    for start in range(0, count, _AT_ONCE):
        block = slice(start, start + _AT_ONCE)
        part = X[block if rows is None else rows[block]]
        margins: dict[xgb.Booster, Vector] | None = None
        if shallow is not None:
            margins = dict(zip(boosters, shallow.margins(part), strict=True))
        for column, (terms, constant) in zip(out.T, models, strict=True):
            total = column[block]
            total[:] = 0.0
            for term in terms:
                # In float64 whatever the weight's type: a loaded model says what it did before.
                total += np.float64(term.weight) * _value(term, part, margins)
            total += constant
    return out


def _value(term: AnyTerm, X: Matrix, margins: dict[xgb.Booster, Vector] | None) -> Any:
    """A term without its weight."""
    if isinstance(term, ForeignTerm):
        return term.predict(X)
    if margins is None:
        kind = "margin" if term.link == "identity" else "value"
        return term.booster.inplace_predict(X, predict_type=kind)
    margin = margins[term.booster]
    return margin if term.link == "identity" else expit(margin)
