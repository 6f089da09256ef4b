"""A fitted uplift model: what it holds, and its predictions."""

from __future__ import annotations

import hashlib
import json
import pickle
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from marketing_ds._core.estimate import Estimate
from marketing_ds.features import FeatureEncoder

from ..arms import Arms, Floats
from ..binned import Matrix
from ..crossfit import CrossFit
from ..terms import AnyTerm, ForeignTerm, predict_models
from .auto import Heterogeneity, Selection
from .calibration import EffectCalibration
from .error import EffectError
from .fitting import Learned


class Fitted:
    """The part of `UpliftModel` that holds what was learned and predicts from it."""

    learner: str
    control: str | int
    arms_: tuple[str, ...]
    counts_: dict[str, int]
    average_effect_: dict[str, Estimate]
    rounds_: dict[str, int]
    slope_: dict[str, float]
    encoder_: FeatureEncoder
    terms_: dict[str, tuple[AnyTerm, ...]]
    constant_: dict[str, float]
    outcome_terms_: dict[str, tuple[AnyTerm, ...]]
    outcome_constant_: dict[str, float]
    error_: dict[str, EffectError]
    selection_: Selection | None
    heterogeneity_: dict[str, Heterogeneity]
    model_version_: str
    crossfit_: CrossFit
    calibration_: dict[str, EffectCalibration]

    def predict(self, X: Any, se: bool = False) -> Any:
        """Expected extra outcome against control.

        Parameters
        ----------
        X : pandas.DataFrame, Arrow table or array of shape (n, d)
        se : bool
            Also return standard errors.

        Returns
        -------
        uplift : ndarray of shape (n,) for one arm, (n, arms) for more
            Columns in the order of `arms_`.
        se : ndarray of the same shape
            Only where asked for: how far other customers of the same kind would have moved the
            effect (`Jackknife`; a forest's by its bags). Trees smooth, and what they smooth away
            no standard error knows: ± 1.96 of them hold the true effect in about 95 % where effects
            are clear, in 85 to 93 % where they are weak.

        Raises
        ------
        InvalidInput
            If columns are missing, unknown or of another type than at fit.
        """
        encoded = self._encode(X)
        totals = self._totals(encoded)
        uplift = self._shape(self._finished(totals))
        if not se:
            return uplift
        errors = [
            np.maximum(
                self.error_[arm].standard_error(encoded)
                * self.calibration_[arm].steepness(totals[:, at]),
                self.average_effect_[arm].se,
            )
            for at, arm in enumerate(self.arms_)
        ]
        return uplift, self._shape(np.column_stack(errors))

    def predict_outcomes(self, X: Any) -> Floats:
        """Expected outcome under each arm: what a customer would do if given it.

        Parameters
        ----------
        X : pandas.DataFrame, Arrow table or array of shape (n, d)

        Returns
        -------
        ndarray of shape (n, 1 + arms)
            Control first, then the arms in the order of `arms_`; probabilities where the outcome is
            binary. These are the outcome models that the learner started from: differences of
            columns are rougher effects than `predict`.

        Raises
        ------
        InvalidInput
            If columns are missing, unknown or of another type than at fit.
        """
        encoded = self._encode(X)
        models = [(self.outcome_terms_[arm], self.outcome_constant_[arm]) for arm in self.counts_]
        return predict_models(models, encoded)

    def _keep(self, arms: Arms, learned: Learned) -> None:
        self.arms_, self.counts_ = arms.names, arms.counts()
        self.average_effect_ = learned.average
        self.terms_, self.constant_ = learned.terms, learned.constant
        self.rounds_, self.slope_ = learned.rounds, learned.slope
        self.error_ = learned.error
        self.outcome_terms_ = learned.outcome_terms
        self.outcome_constant_ = learned.outcome_constant
        self.crossfit_ = learned.crossfit
        self.selection_, self.heterogeneity_ = learned.selection, learned.heterogeneity
        self.calibration_ = {arm: EffectCalibration() for arm in self.arms_}

    def _encode(self, X: Any) -> Matrix:
        check_is_fitted(self)
        encoded: Matrix = self.encoder_.view(X)
        return encoded

    def _effects(self, encoded: Matrix) -> Floats:
        """Shape (n, arms)."""
        return self._finished(self._totals(encoded))

    def _totals(self, encoded: Matrix) -> Floats:
        """Sums of terms, before what calibration puts behind them, shape (n, arms)."""
        models = [(self.terms_[arm], self.constant_[arm]) for arm in self.arms_]
        return predict_models(models, encoded)

    def _finished(self, totals: Floats) -> Floats:
        return np.column_stack(
            [self.calibration_[arm].finish(totals[:, at]) for at, arm in enumerate(self.arms_)]
        )

    def _shape(self, by_arm: Floats) -> Floats:
        """(n, arms), or (n,) for one arm."""
        return by_arm[:, 0] if len(self.arms_) == 1 else by_arm

    def _digest(self) -> str:
        """Short digest of everything a prediction depends on."""
        digest = hashlib.sha256()
        maps = [(one.kind, one.x, one.y) for one in self.calibration_.values()]
        head = [self.learner, self.arms_, repr(self.encoder_.columns_), self.constant_, maps]
        digest.update(json.dumps(head).encode())
        for arm in self.arms_:
            for term in self.terms_[arm]:
                if isinstance(term, ForeignTerm):
                    digest.update(f"{arm} {float(term.weight)!r} {term.fixed}".encode())
                    digest.update(pickle.dumps(term.regressor))
                    continue
                digest.update(f"{arm} {float(term.weight)!r} {term.link}".encode())
                digest.update(term.booster.save_raw("ubj"))
        return digest.hexdigest()[:12]
