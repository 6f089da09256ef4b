"""Which product next: many outcomes at once on one binned matrix, calibrated to compare."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from marketing_ds._core.checks import check_choice, check_count
from marketing_ds._core.errors import InvalidInput
from marketing_ds.features import FeatureEncoder, read_table
from marketing_ds.scores import scores_frame

from ._calibration import Calibration, Floats
from ._next_evaluation import RankingEvaluation, evaluate_ranking
from ._next_fit import NextSettings, column_kinds, learn_products
from ._next_rank import Showing
from ._nextbest_inputs import (
    Eligible,
    Values,
    check_at_risk,
    customer_groups,
    read_outcomes,
)
from ._product_model import ProductModel, reasons_of_shown
from ._reference import TagReference, learn_reference
from ._snapshot import TrainingSnapshot, learn_snapshot, with_score


class NextBest(BaseEstimator):  # type: ignore[misc]
    """For every customer, which product next: P(buys) of tens of products at once.

    All products share one encoding and one binned matrix. Each has a ridge regression and boosted
    trees of its own, as a `PropensityModel`, stopped and calibrated out of fold, so that
    probabilities compare across products. Only customers who could have bought a product teach its
    model; only products that a customer is eligible for are shown.

    Parameters
    ----------
    max_trees : int, default=2000
        Most boosted trees of a product; the folds stop earlier.
    patience : int, default=50
        Trees without a better out-of-fold log loss after which the folds stop.
    learning_rate, max_leaves, min_child_weight, subsample, colsample, reg_lambda, additive
        As in `PropensityModel`.
    max_bin : int, default=64
        Histogram bins per column.
    max_categories : int, default=30
        Levels of a category that are told apart; rarer ones are taken together.
    cv : int, default=3
        Folds, the same for all products; rows of one `customer_id` stay together.
    calibration : {"auto", "none", "platt", "beta", "isotonic"}, default="auto"
        As in `PropensityModel`.
    random_state : int, RandomState or None, default=0
    n_jobs : int, optional
        Threads; all cores by default.

    Attributes
    ----------
    products_ : tuple of str
    encoder_ : FeatureEncoder
        Fitted without any outcome: a category is a column of codes, which trees part by sets.
    boosters_ : dict of str to xgboost.Booster
    calibrations_ : dict of str to Calibration
    n_trees_ : dict of str to int
    borrowed_ : tuple of str
        Products with fewer than 30 buyers: their probability is the customer's readiness to buy
        anything, at the product's own rate.
    reference_ : tuple of TagReference
        How the tags are distributed in training, for the words of reasons.
    snapshots_ : dict of str to TrainingSnapshot
        Histograms of the tags and of each product's scores at training, for `model(…).drift`.
    popularity_ : ndarray of shape (products,)
        Buyers in training, the order of the most popular.
    oof_ : ndarray of shape (n_samples, products)
        Out-of-fold probabilities; NaN where a customer was not at risk.
    model_version_ : str
        Short hash of all trees, the encoding and the calibrations.
    n_features_in_, feature_names_in_
        See `FeatureEncoder`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> tags = pd.DataFrame({"customer_id": [f"c{i}" for i in range(900)],
    ...                      "age": rng.integers(20, 80, 900)})
    >>> young = tags["age"] < 40
    >>> bought = pd.DataFrame({"card": rng.random(900) < np.where(young, 0.4, 0.1),
    ...                        "pension": rng.random(900) < np.where(young, 0.05, 0.3)})
    >>> best = NextBest(n_jobs=1).fit(tags, bought)
    >>> best.rank(pd.DataFrame({"customer_id": ["a", "b"], "age": [25, 70]}), top=1)[
    ...     ["customer_id", "rank", "product"]]
      customer_id  rank  product
    0           a     1     card
    1           b     1  pension
    """

    products_: tuple[str, ...]
    encoder_: FeatureEncoder
    boosters_: dict[str, Any]
    calibrations_: dict[str, Calibration]
    n_trees_: dict[str, int]
    borrowed_: tuple[str, ...]
    reference_: tuple[TagReference, ...]
    snapshots_: dict[str, TrainingSnapshot]
    popularity_: Floats
    oof_: Floats
    model_version_: str
    n_features_in_: int

    def __init__(
        self,
        *,
        max_trees: int = 2000,
        patience: int = 50,
        learning_rate: float | None = None,
        max_leaves: int = 20,
        min_child_weight: float = 2.0,
        subsample: float = 0.7,
        colsample: float = 0.3,
        reg_lambda: float = 10.0,
        additive: bool = True,
        max_bin: int = 64,
        max_categories: int = 30,
        cv: int = 3,
        calibration: str = "auto",
        random_state: int | np.random.RandomState | None = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.max_trees = max_trees
        self.patience = patience
        self.learning_rate = learning_rate
        self.max_leaves = max_leaves
        self.min_child_weight = min_child_weight
        self.subsample = subsample
        self.colsample = colsample
        self.reg_lambda = reg_lambda
        self.additive = additive
        self.max_bin = max_bin
        self.max_categories = max_categories
        self.cv = cv
        self.calibration = calibration
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: ArrayLike, Y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn every product's trees and calibration.

        Parameters
        ----------
        X : pandas.DataFrame, Arrow table, ibis.Table or array of shape (n_samples, n_features)
            Tags as of a cut-off; `customer_id` and `as_of` are left out. Several cut-offs may be
            stacked.
        Y : pandas.DataFrame, Arrow table, ibis.Table or array of shape (n_samples, products)
            Per product 1 who bought it after the cut-off, 0 who did not, null who could not (holds
            it already, is not eligible); rows as in X. See `product_labels`.
        sample_weight : array-like of shape (n_samples,), optional
            How many customers each row stands for.

        Raises
        ------
        InvalidInput
            If a parameter, an outcome, a weight or a column breaks a rule, or rows of X and Y are
            of different customers.

        Warns
        -----
        UserWarning
            If products have fewer than 30 buyers (see `borrowed_`).
        """
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        settings = NextSettings.of(self, seed)
        table = read_table(X)
        products, outcomes = read_outcomes(Y, table)
        w = _check_sample_weight(
            sample_weight, table.features, dtype=np.float64, ensure_non_negative=True
        )
        check_at_risk(products, outcomes, w)
        encoder = FeatureEncoder(self.max_categories)
        Z = encoder.fit_codes(X)
        if Z.shape[1] == 0:
            raise InvalidInput(
                "X must have a column that varies: every one is constant or all null"
            )
        self.encoder_, self.products_ = encoder, tuple(products)
        self.n_features_in_ = encoder.n_features_in_
        self._copy_names(encoder)
        self.reference_ = learn_reference(encoder.align(table), encoder.columns_, w)
        self.popularity_ = np.nansum(w[:, None] * outcomes, axis=0)
        groups = customer_groups(table)
        learnt = learn_products(products, Z, outcomes, w, groups, column_kinds(encoder), settings)
        named = dict(zip(products, learnt, strict=True))
        self.boosters_ = {name: product.booster for name, product in named.items()}
        self.calibrations_ = {name: product.calibration for name, product in named.items()}
        self.n_trees_ = {name: product.trees for name, product in named.items()}
        self.borrowed_ = tuple(name for name, product in named.items() if product.borrows)
        self.oof_ = np.column_stack([product.oof for product in learnt])
        tags = learn_snapshot(encoder.align(table), encoder.columns_, self.oof_[:, 0], w)
        final = self._probabilities(Z)
        self.snapshots_ = {
            name: with_score(tags, self.oof_[:, j], w, final[:, j])
            for j, name in enumerate(products)
        }
        self.model_version_ = self._hash()
        return self

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Calibrated P(buys) of each product, shape (n_samples, products), as in `products_`."""
        check_is_fitted(self)
        return self._probabilities(self.encoder_.transform(X))

    def rank(
        self,
        X: ArrayLike,
        *,
        top: int = 3,
        eligible: Eligible | None = None,
        value: Values | None = None,
        as_of: dt.date | str | None = None,
    ) -> pd.DataFrame:
        """The `top` products of each customer, best first.

        Parameters
        ----------
        X : as in `fit`
        top : int, default=3
            Products at most; fewer where a customer is eligible for fewer.
        eligible : frame or array of bool (n_samples, products), or mapping, optional
            Who may be shown what; a mapping gives rules by product, e.g.
            ``{"fund": "risk_level >= 3"}``, and products without a rule are open to all.
        value : mapping of str to float, or frame of shape (n_samples, products), optional
            What a purchase is worth in CNY: products are then ranked by probability × value.
        as_of : date or ISO text, optional
            Day of the tags, which rules about dates need.

        Returns
        -------
        pandas.DataFrame
            customer_id (or the row's number), rank from 1, product, probability and, with
            `value`, expected_value_cny; customers in the order of X.

        Raises
        ------
        InvalidInput
            If `top` is not a whole number from 1, or eligibility or value break a rule.
        """
        check_is_fitted(self)
        showing = Showing.of(read_table(X), self.products_, top, eligible, value, as_of)
        frame, _ = showing.ranked(self._probabilities(self.encoder_.transform(X)))
        return frame

    def recommend(
        self,
        X: ArrayLike,
        *,
        top: int = 3,
        eligible: Eligible | None = None,
        value: Values | None = None,
        as_of: dt.date | str | None = None,
        n_reasons: int = 2,
        language: str = "en",
    ) -> pd.DataFrame:
        """As `rank`, with the reason of each product shown in words.

        Parameters
        ----------
        X, top, eligible, value, as_of : as in `rank`
        n_reasons : int, default=2
            Tags named for each product: the strongest by TreeSHAP of that product's model.
        language : {"en", "zh"}, default="en"

        Returns
        -------
        pandas.DataFrame
            As `rank`, and reason.
        """
        check_is_fitted(self)
        check_count("n_reasons", n_reasons, low=1)
        check_choice("language", language, ("en", "zh"))
        table = read_table(X)
        showing = Showing.of(table, self.products_, top, eligible, value, as_of)
        frame, rows = showing.ranked(self._probabilities(self.encoder_.transform(X)))
        features = self.encoder_.align(table)
        models = {name: self.model(name) for name in frame["product"].unique()}
        frame["reason"] = reasons_of_shown(
            models, frame["product"], features.iloc[rows], n_reasons, language
        )
        return frame

    def score_table(
        self,
        frame: pd.DataFrame,
        *,
        as_of: dt.date | str,
        eligible: Eligible | None = None,
        top: int | None = None,
    ) -> pd.DataFrame:
        """Customers and products under the contract of `scores`, `arm` the product.

        Parameters
        ----------
        frame : pandas.DataFrame, Arrow table or ibis.Table
            `customer_id` and the tags of `fit`.
        as_of : date or ISO text
            Day of the tags.
        eligible : as in `rank`
            Pairs that are not eligible get no row.
        top : int, optional
            Only so many products of each customer, the likeliest; all by default.
        """
        check_is_fitted(self)
        table = read_table(frame)
        if "customer_id" not in table.keys:
            raise InvalidInput("frame must have the column 'customer_id' to make a scores table")
        most = len(self.products_) if top is None else top
        showing = Showing.of(table, self.products_, most, eligible, None, as_of)
        ranked, rows = showing.ranked(self._probabilities(self.encoder_.transform(frame)))
        return scores_frame(
            table.keys["customer_id"].iloc[rows],
            as_of=as_of,
            kind="propensity",
            score=ranked["probability"],
            arm=ranked["product"],
            model_version=self.model_version_,
        )

    def evaluate(
        self,
        X: ArrayLike,
        Y: ArrayLike,
        *,
        k: int = 3,
        level: float = 0.95,
    ) -> RankingEvaluation:
        """How good the ranking is on customers that it has not seen, against the most popular.

        Parameters
        ----------
        X, Y : as in `fit`
            A null in Y is a product that the customer cannot be shown.
        k : int, default=3
            Products shown to each customer.
        level : float, default=0.95
            Coverage of the intervals.

        Returns
        -------
        RankingEvaluation
        """
        p = self.predict_proba(X)
        table = read_table(X)
        names, outcomes = read_outcomes(Y, table)
        if set(names) != set(self.products_):
            raise InvalidInput(
                f"Y must have the products of fit ({', '.join(self.products_)}), got "
                f"{', '.join(names)}"
            )
        order = [names.index(name) for name in self.products_]
        return evaluate_ranking(
            pd.DataFrame(outcomes[:, order], columns=list(self.products_)),
            p,
            k=k,
            popularity=self.popularity_,
            groups=customer_groups(table),
            level=level,
        )

    def model(self, product: str) -> ProductModel:
        """One product's model, shaped like a `PropensityModel`: explain it, or export it."""
        check_is_fitted(self)
        check_choice("product", product, self.products_)
        return ProductModel(
            product=product,
            encoder_=self.encoder_,
            booster_=self.boosters_[product],
            calibration_=self.calibrations_[product],
            model_version_=_digest(f"{product} {self.model_version_}".encode()),
            reference_=self.reference_,
            snapshot_=self.snapshots_[product],
        )

    def summary(self) -> pd.DataFrame:
        """One row a product: buyers, trees, calibration, whether it borrows, and rates."""
        check_is_fitted(self)
        return pd.DataFrame(
            {
                "product": self.products_,
                "buyers": self.popularity_,
                "trees": [self.n_trees_[name] for name in self.products_],
                "calibration": [self.calibrations_[name].kind for name in self.products_],
                "borrows": [name in self.borrowed_ for name in self.products_],
                "mean_probability": [_mean(column) for column in self.oof_.T],
            }
        )

    def _probabilities(self, Z: NDArray[np.float32]) -> Floats:
        out = np.empty((len(Z), len(self.products_)))
        margins: dict[int, Floats] = {}  # products that borrow share one booster
        for j, name in enumerate(self.products_):
            booster = self.boosters_[name]
            if id(booster) not in margins:
                margins[id(booster)] = booster.inplace_predict(Z, predict_type="margin")
            out[:, j] = self.calibrations_[name].probability(margins[id(booster)])
        return out

    def _copy_names(self, encoder: FeatureEncoder) -> None:
        if hasattr(encoder, "feature_names_in_"):
            self.feature_names_in_ = encoder.feature_names_in_
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _hash(self) -> str:
        parts = [repr(self.encoder_.columns_).encode()]
        for name in self.products_:
            parts += [name.encode(), repr(self.calibrations_[name]).encode()]
            parts.append(bytes(self.boosters_[name].save_raw("ubj")))
        return _digest(*parts)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.required = True
        return tags


def _mean(column: Floats) -> float:
    known = column[~np.isnan(column)]
    return float(known.mean()) if len(known) else float("nan")


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()[:12]
