"""The propensity model: boosted trees with out-of-fold stopping and calibration."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, Self

import numpy as np
import pandas as pd
import xgboost as xgb
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from marketing_ds._core.checks import check_choice, check_count, check_number
from marketing_ds._core.errors import InvalidInput
from marketing_ds.features import FeatureEncoder, read_table
from marketing_ds.scores import scores_frame

from ._boosting import grow, grow_out_of_fold
from ._calibration import (
    KINDS,
    Calibration,
    CalibrationKind,
    Floats,
    Fold,
    candidates,
    choose_calibration,
)
from ._evaluation import PropensityEvaluation, evaluate_probabilities
from ._inputs import check_labels, check_weights, make_folds, warn_if_few
from ._reasons import Explanation, explain_rows, top_reasons

_ROUNDS_WITHOUT_FOLDS = 50
_ENOUGH_TO_SAMPLE = 500  # customers below which every tree sees all rows


class PropensityModel(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """P(outcome) of each customer: boosted trees, calibrated, explained.

    Out-of-fold predictions choose the number of trees and the calibration and give the evaluation;
    the final trees are grown on all rows.

    Parameters
    ----------
    max_trees : int, default=2000
        Most trees; the folds stop earlier.
    patience : int, default=50
        Trees without a better out-of-fold log loss after which the folds stop.
    learning_rate : float, default=0.05
    max_depth : int, default=5
    min_child_weight : float, default=10
        Least p·(1 − p) summed over a leaf: with rare outcomes about this many positives.
    subsample : float, default=0.8
        Share of the rows that each tree sees (all of them where there are fewer than 500).
    colsample : float, default=1
        Share of the encoded columns that each tree sees.
    reg_lambda : float, default=5
        Ridge penalty on leaf values.
    max_bin : int, default=256
        Histogram bins per column.
    max_categories : int, default=30
        Levels of a category that are told apart; rarer ones are taken together.
    cv : int, splitter or iterable of (train, test), default=5
        Folds. Hand in e.g. `TimeSeriesSplit()` on rows ordered by time to stop and calibrate on the
        future; rows that are in no test part then take no part in stopping and calibration.
    calibration : {"auto", "none", "platt", "beta", "isotonic"}, default="auto"
        `auto` takes the simplest map that no other beats by more than a standard error.
    random_state : int, RandomState or None, default=0
    n_jobs : int, optional
        Threads; all cores by default.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The labels, sorted; the second is the outcome that the probability is of.
    encoder_ : FeatureEncoder
        Fitted with the response: each category is one column, the level's smoothed rate.
    booster_ : xgboost.Booster
        Trees on the encoded columns; its margin is the log-odds before calibration.
    calibration_ : Calibration
    calibration_losses_ : dict of str to float
        Log loss of each candidate map, out of fold.
    n_trees_ : int
    oof_ : ndarray of shape (n_samples,)
        Out-of-fold probabilities, each by trees and a calibration that its row had no part in; NaN
        where a row was in no test part or has no weight.
    evaluation_ : PropensityEvaluation or None
        Of `oof_`; None where no fold could be formed (a class with one row).
    model_version_ : str
        Short hash of trees, encoding and calibration: same content, same version.
    n_features_in_, feature_names_in_
        See `FeatureEncoder`.

    Notes
    -----
    A sample weight is a count: weight 2 is the same as the row twice, weight 0 as no row.
    Nulls, unseen categories and types are treated as `FeatureEncoder` says.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> tags = pd.DataFrame({"customer_id": [f"c{i}" for i in range(600)],
    ...                      "balance_cny": rng.lognormal(9, 1, 600)})
    >>> bought = rng.random(600) < 1 / (1 + np.exp(10 - np.log(tags["balance_cny"])))
    >>> model = PropensityModel(n_jobs=1).fit(tags, bought)
    >>> model.predict_proba(tags).shape
    (600, 2)
    >>> bool(model.evaluation_.auc.value > 0.6)
    True
    """

    classes_: NDArray[Any]
    encoder_: FeatureEncoder
    booster_: xgb.Booster
    calibration_: Calibration
    calibration_losses_: Mapping[CalibrationKind, float]
    n_trees_: int
    oof_: Floats
    evaluation_: PropensityEvaluation | None
    model_version_: str
    n_features_in_: int

    def __init__(
        self,
        *,
        max_trees: int = 2000,
        patience: int = 50,
        learning_rate: float = 0.05,
        max_depth: int = 5,
        min_child_weight: float = 10.0,
        subsample: float = 0.8,
        colsample: float = 1.0,
        reg_lambda: float = 5.0,
        max_bin: int = 256,
        max_categories: int = 30,
        cv: int | Iterable[Any] | Any = 5,
        calibration: str = "auto",
        random_state: int | np.random.RandomState | None = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.max_trees = max_trees
        self.patience = patience
        self.learning_rate = learning_rate
        self.max_depth = max_depth
        self.min_child_weight = min_child_weight
        self.subsample = subsample
        self.colsample = colsample
        self.reg_lambda = reg_lambda
        self.max_bin = max_bin
        self.max_categories = max_categories
        self.cv = cv
        self.calibration = calibration
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn trees and calibration.

        Parameters
        ----------
        X : pandas.DataFrame, Arrow table, ibis.Table or array of shape (n_samples, n_features)
            Tags; `customer_id` and `as_of` are left out.
        y : array-like of shape (n_samples,)
            Two labels of any kind, e.g. 0 and 1; the greater one is the outcome.
        sample_weight : array-like of shape (n_samples,), optional
            How many customers each row stands for.

        Raises
        ------
        InvalidInput
            If a parameter, the labels, the weights or a column break a rule.

        Warns
        -----
        UserWarning
            If a class has fewer than 30 rows.
        """
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        parameters = self._parameters(seed)
        table = read_table(X)
        classes, position = check_labels(y, len(table.features))
        weight = check_weights(sample_weight, table.features, classes, position)
        target = position.astype(np.float64)
        encoder = FeatureEncoder(self.max_categories)
        Z = encoder.fit_response(X, target, weight)
        if Z.shape[1] == 0:
            raise InvalidInput(
                "X must have a column that varies: every one is constant or all null"
            )
        warn_if_few(target[weight > 0])
        if weight.sum() < _ENOUGH_TO_SAMPLE:
            parameters["subsample"] = 1.0
        folds = _weighted(make_folds(self.cv, Z, position, seed), target, weight)

        self.encoder_, self.classes_, self.n_features_in_ = encoder, classes, encoder.n_features_in_
        self._copy_names(encoder)
        margin = self._stop(Z, target, weight, folds, parameters)
        self.booster_ = grow(*_kept(Z, target, weight), parameters, self.n_trees_)
        self._calibrate(margin, target, weight, seed)
        self.model_version_ = self._hash()
        return self

    def decision_function(self, X: ArrayLike) -> Floats:
        """Calibrated log-odds, shape (n_samples,)."""
        Z = self._encode(X)
        return self.calibration_.log_odds(self._margin(Z))

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Calibrated probabilities, shape (n_samples, 2), in the order of `classes_`."""
        Z = self._encode(X)
        p = self.calibration_.probability(self._margin(Z))
        return np.column_stack([1 - p, p])

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The more probable label of each row."""
        positive = (self.decision_function(X) > 0).astype(np.intp)
        likely: NDArray[Any] = self.classes_[positive]
        return likely

    def evaluate(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> PropensityEvaluation:
        """Measure the model on customers that it has not seen.

        Raises
        ------
        InvalidInput
            If `y` holds a label unknown at fit, or one class only.
        """
        p = self.predict_proba(X)[:, 1]
        labels = np.asarray(y)
        unknown = np.setdiff1d(labels, self.classes_)
        if len(unknown):
            raise InvalidInput(
                f"y must hold the labels of fit ({self.classes_.tolist()}), got {unknown[:3].tolist()}"
            )
        return evaluate_probabilities(labels == self.classes_[1], p, sample_weight=sample_weight)

    def explain(self, X: ArrayLike, *, size: int | None = 10_000) -> Explanation:
        """What drives the scores: TreeSHAP per tag.

        Parameters
        ----------
        X : as in `fit`
        size : int or None, default=10_000
            Explain this many rows, drawn with a fixed seed, if there are more; None explains all.

        Returns
        -------
        Explanation
            `.to_frame()` ranks the tags by mean |SHAP|; contributions are log-odds.
        """
        Z = self._encode(X)
        if size is not None and check_count("size", size, low=1) < len(Z):
            Z = Z[np.sort(np.random.default_rng(0).choice(len(Z), int(size), replace=False))]
        return explain_rows(self.booster_, self.encoder_, Z)

    def reasons(self, X: ArrayLike, top: int = 3) -> pd.DataFrame:
        """The tags that moved each customer's score most.

        Returns
        -------
        pandas.DataFrame
            One row a customer and rank, strongest first: `customer_id` (or `row`, for input without
            it), `rank`, `tag`, `value` as text (null where unknown) and `contribution` in log-odds
            (positive raises the score). Tags without any contribution are left out.
        """
        check_count("top", top, low=1)
        check_is_fitted(self)
        table = read_table(X)
        features = self.encoder_.align(table)
        explanation = explain_rows(self.booster_, self.encoder_, self._encode(X))
        if "customer_id" in table.keys:
            ids = table.keys["customer_id"]
        else:
            ids = pd.Series(np.arange(len(features)), name="row")
        return top_reasons(explanation, features, ids, top)

    def score_table(self, frame: pd.DataFrame, *, as_of: dt.date | str) -> pd.DataFrame:
        """Scores of customers under the contract of the `scores` table.

        Parameters
        ----------
        frame : pandas.DataFrame or ibis.Table
            Tags with `customer_id`.
        as_of : date or ISO text
            Date of the tags.
        """
        check_is_fitted(self)
        table = read_table(frame)
        if "customer_id" not in table.keys:
            raise InvalidInput("frame must have the column 'customer_id' to make a scores table")
        margin = self._margin(self.encoder_.transform(frame))
        return scores_frame(
            table.keys["customer_id"],
            as_of=as_of,
            kind="propensity",
            score=self.calibration_.probability(margin),
            model_version=self.model_version_,
        )

    def _parameters(self, seed: int) -> dict[str, Any]:
        """XGBoost's parameters, after checking ours."""
        check_count("max_trees", self.max_trees, low=1)
        check_count("patience", self.patience, low=1)
        check_choice("calibration", self.calibration, ("auto", *KINDS))
        for name in ("subsample", "colsample", "learning_rate"):
            if check_number(name, getattr(self, name), low=0, high=1) == 0:
                raise InvalidInput(f"{name} must be greater than 0, got 0")
        return {
            "objective": "binary:logistic",
            "tree_method": "hist",
            "eta": self.learning_rate,
            "max_depth": check_count("max_depth", self.max_depth, low=1, high=20),
            "min_child_weight": check_number("min_child_weight", self.min_child_weight, low=0),
            "subsample": self.subsample,
            "colsample_bytree": self.colsample,
            "lambda": check_number("reg_lambda", self.reg_lambda, low=0),
            "max_bin": check_count("max_bin", self.max_bin, low=2, high=65_536),
            "seed": seed,
            "nthread": 0 if self.n_jobs is None else int(self.n_jobs),
            "verbosity": 1,
        }

    def _stop(
        self,
        Z: NDArray[np.float32],
        y: Floats,
        w: Floats,
        folds: list[Fold],
        parameters: dict[str, Any],
    ) -> Floats:
        """Set the number of trees; returns out-of-fold margins."""
        if not folds:
            self.n_trees_ = min(_ROUNDS_WITHOUT_FOLDS, self.max_trees)
            return np.full(len(y), np.nan)
        rated = [
            i for i, at in enumerate(self.encoder_.origin_) if self.encoder_.columns_[at].rates
        ]
        grown = grow_out_of_fold(
            Z,
            y,
            w,
            folds,
            parameters,
            rated=np.asarray(rated, dtype=np.intp),
            max_rounds=self.max_trees,
            patience=self.patience,
        )
        self.n_trees_ = grown.rounds
        return grown.margin

    def _calibrate(self, margin: Floats, y: Floats, w: Floats, seed: int) -> None:
        """Set calibration, out-of-fold probabilities and evaluation."""
        known = np.flatnonzero(np.isfinite(margin) & (w > 0))
        self.calibration_, self.calibration_losses_ = Calibration(), {}
        self.oof_, self.evaluation_ = np.full(len(y), np.nan), None
        if len(np.unique(y[known])) < 2:
            return
        m, target, weight = margin[known], y[known], w[known]
        kinds = (
            candidates(target, weight)
            if self.calibration == "auto"
            else [kind for kind in KINDS if kind == self.calibration]
        )
        folds = make_folds(5, m[:, None], target.astype(np.intp), seed)
        choice = choose_calibration(kinds, m, target, weight, folds)
        self.calibration_, self.calibration_losses_ = choice.calibration, choice.losses
        self.oof_[known] = expit(choice.log_odds)
        self.evaluation_ = evaluate_probabilities(target, self.oof_[known], sample_weight=weight)

    def _encode(self, X: ArrayLike) -> NDArray[np.float32]:
        check_is_fitted(self)
        return self.encoder_.transform(X)

    def _margin(self, Z: NDArray[np.float32]) -> NDArray[np.float32]:
        margin: NDArray[np.float32] = self.booster_.inplace_predict(Z, predict_type="margin")
        return margin

    def _copy_names(self, encoder: FeatureEncoder) -> None:
        if hasattr(encoder, "feature_names_in_"):
            self.feature_names_in_ = encoder.feature_names_in_
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _hash(self) -> str:
        content = {
            "columns": [asdict(column) for column in self.encoder_.columns_],
            "calibration": asdict(self.calibration_),
            "classes": [str(label) for label in self.classes_],
        }
        digest = hashlib.sha256(bytes(self.booster_.save_raw("ubj")))
        digest.update(json.dumps(content, sort_keys=True).encode())
        return digest.hexdigest()[:12]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.classifier_tags.multi_class = False
        return tags


def _kept(
    Z: NDArray[np.float32], y: Floats, w: Floats
) -> tuple[NDArray[np.float32], Floats, Floats]:
    """The rows with weight."""
    keep = w > 0
    return (Z, y, w) if keep.all() else (Z[keep], y[keep], w[keep])


def _weighted(folds: list[Fold], y: Floats, w: Floats) -> list[Fold]:
    """Folds trained on rows with weight only, without those that lose a class or all test weight."""
    weighted = [(train[w[train] > 0], test) for train, test in folds]
    return [
        (train, test)
        for train, test in weighted
        if len(np.unique(y[train])) == 2 and w[test].sum() > 0
    ]
