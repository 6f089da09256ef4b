"""Which product next: many outcomes at once on one binned matrix, calibrated to compare."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from marketing_ds._core.errors import InvalidInput
from marketing_ds.features import FeatureEncoder, read_table

from ._inputs import read_weights
from ._next_fit import NextSettings, column_kinds, learn_products
from ._next_fitted import FittedNextBest
from ._nextbest_inputs import check_at_risk, customer_groups, read_outcomes
from ._product_model import short_hash
from ._reference import learn_reference
from ._snapshot import learn_snapshot, with_score


class NextBest(FittedNextBest, BaseEstimator):  # type: ignore[misc]
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
    >>> import pandas as pd
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
        w = read_weights(sample_weight, table.features)
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
        return short_hash(*parts)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.required = True
        return tags
