"""What fitted models of many products can do: rank, recommend, score, be judged, be taken apart."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from marketing_ds._core.checks import check_choice, check_count
from marketing_ds._core.errors import InvalidInput
from marketing_ds.features import FeatureEncoder, read_table
from marketing_ds.scores import scores_frame

from ._calibration import Calibration, Floats
from ._next_evaluation import RankingEvaluation, evaluate_ranking
from ._next_rank import Showing
from ._nextbest_inputs import Eligible, Values, customer_groups, read_outcomes
from ._product_model import ProductModel, reasons_of_shown, short_hash
from ._reference import TagReference
from ._snapshot import TrainingSnapshot


class FittedNextBest:
    """The part of `NextBest` that works on what `fit` has learned; see there."""

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
            model_version_=short_hash(f"{product} {self.model_version_}".encode()),
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


def _mean(column: Floats) -> float:
    known = column[~np.isnan(column)]
    return float(known.mean()) if len(known) else float("nan")
