"""Scorers for scikit-learn's cross-validation and search: they take the treatment beside y."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import check_is_fitted

from marketing_ds._core.checks import check_choice
from marketing_ds._core.errors import InvalidInput

from .curves.curve import uplift_curve

METRICS = ("qini", "auuc", "autoc", "uplift_at")


class UpliftScorer(BaseEstimator):  # type: ignore[misc]
    """A figure of `uplift_curve` as a scorer; the mean over the arms where there are several.

    Parameters
    ----------
    metric : {"qini", "auuc", "autoc", "uplift_at"}
        Which figure of the curve.
    share : float
        The top share of customers for ``"uplift_at"``.

    Notes
    -----
    The treatment reaches a scorer through metadata routing, which has to be switched on:
    ``sklearn.set_config(enable_metadata_routing=True)``. `treatment` and `probability` are
    requested already, by the scorers and by `UpliftModel` alike.

    Examples
    --------
    >>> import sklearn
    >>> from sklearn.model_selection import cross_val_score
    >>> from marketing_ds.uplift import UpliftModel, qini_scorer
    >>> rng = np.random.default_rng(0)
    >>> X, arm = rng.random((2000, 1)), rng.choice(["control", "coupon"], 2000)
    >>> y = rng.random(2000) < 0.1 + 0.5 * X[:, 0] * (arm == "coupon")
    >>> model = UpliftModel("t", n_estimators=20, n_folds=2, n_jobs=1)
    >>> with sklearn.config_context(enable_metadata_routing=True):
    ...     qini = cross_val_score(model, X, y, scoring=qini_scorer, params={"treatment": arm})
    >>> bool(qini.mean() > 0.02)
    True
    """

    # What scikit-learn hands over unasked; users may change it by set_score_request.
    __metadata_request__score: ClassVar[dict[str, Any]] = {
        "treatment": True,
        "probability": True,
        "estimator": UNUSED,
    }

    def __init__(self, metric: str = "qini", *, share: float = 0.2) -> None:
        self.metric = metric
        self.share = share

    def __call__(
        self, estimator: Any, X: Any, y: Any, treatment: Any = None, probability: Any = None
    ) -> float:
        """The figure of a fitted model on customers that it was not fitted on.

        Parameters
        ----------
        estimator : UpliftModel
            Fitted; or any estimator with `arms_` and `control` that predicts uplift.
        X : pandas.DataFrame, Arrow table or array of shape (n, d)
        y, treatment : array-like of shape (n,)
        probability : array-like of shape (n,) or mapping, optional
            P(the arm received), by row or by arm.

        Raises
        ------
        InvalidInput
            If the metric is unknown, there is no treatment, or as in `uplift_curve`.
        """
        check_choice("metric", self.metric, METRICS)
        if treatment is None:
            raise InvalidInput(
                "treatment must be handed to the scorer; in cross-validation and search switch on "
                "sklearn.set_config(enable_metadata_routing=True) and hand it over, e.g. by "
                "params={'treatment': arm}"
            )
        check_is_fitted(estimator)
        uplift = estimator.predict(X)
        values = []
        for arm, score in zip(estimator.arms_, uplift.reshape(len(uplift), -1).T, strict=True):
            curve = uplift_curve(
                y, score, treatment, arm=arm, control=estimator.control, probability=probability
            )
            at = self.metric == "uplift_at"
            values.append(float(curve.uplift_at(self.share) if at else getattr(curve, self.metric)))
        return float(np.mean(values))

    score = __call__  # requests are kept by the names of methods


qini_scorer = UpliftScorer("qini")
"""Area between the uplift curve and the line of random order, in outcome units per person."""
auuc_scorer = UpliftScorer("auuc")
"""Area under the uplift curve, in outcome units per person."""
autoc_scorer = UpliftScorer("autoc")
"""Area under the curve of the effect among the top share: it weighs the very best most."""
uplift_at_20_scorer = UpliftScorer("uplift_at", share=0.2)
"""Effect per treated person in the top fifth; another share by ``UpliftScorer``."""
