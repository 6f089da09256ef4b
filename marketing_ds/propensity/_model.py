"""The propensity model: its settings, and how it learns."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, Self

import ibis
import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state

from marketing_ds._core.errors import InvalidInput
from marketing_ds.features import FeatureEncoder, read_table
from marketing_ds.mart import Mart

from ._boosting import Rows
from ._external import learn_from_table
from ._fitted import FittedPropensity
from ._fitting import Settings, learn
from ._inputs import (
    check_labels,
    check_weights,
    latest_rows,
    make_folds,
    rated_columns,
    read_groups,
    read_monotone,
    warn_if_few,
    with_weight,
)
from ._judged import Judged, at_level_of_folds, judge
from ._reference import learn_reference
from ._scoring import Progress
from ._snapshot import learn_snapshot, with_score


class PropensityModel(FittedPropensity, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """P(outcome) of each customer: a ridge regression and boosted trees in one, calibrated, explained.

    A ridge logistic regression over binned tags draws the main lines, which it needs few responders
    for; boosted trees add what it misses. Both are trees of one booster. Out-of-fold predictions
    choose the regression's penalty, the number of trees and the calibration, and give the evaluation;
    what is kept is fitted on all rows.

    Parameters
    ----------
    max_trees : int, default=2000
        Most boosted trees; the folds stop earlier.
    patience : int, default=50
        Trees without a better out-of-fold log loss after which the folds stop.
    learning_rate : float, optional
        By default 0.02 up to 100,000 customers, 0.05 up to 500,000 and 0.1 beyond.
    max_leaves : int, default=20
        Of each boosted tree.
    min_child_weight : float, default=2
        Least p·(1 − p) summed over a leaf: with rare outcomes about this many positives.
    subsample : float, default=0.7
        Share of the rows that each tree sees (all of them where there are fewer than 500).
    colsample : float, default=0.3
        Share of the encoded columns that each split chooses from.
    reg_lambda : float, default=10
        Ridge penalty on leaf values.
    additive : bool, default=True
        Whether the trees add to a ridge regression; without it, to the base rate.
    monotone : mapping of str to {-1, 1}, optional
        Tags, not categories, whose effect may only rise (1) or only fall (-1), all else equal.
    max_bin : int, optional
        Histogram bins per column; by default 1024 up to 100,000 customers and 256 beyond.
    max_categories : int, default=30
        Levels of a category that are told apart; rarer ones are taken together.
    cv : int, "time", splitter or iterable of (train, test), default=5
        Folds. A customer who comes several times (see `fit`) is never on both sides of a number of
        folds. ``"time"``: each `as_of` of `X` but the first is predicted from those before it, so
        that stopping and calibration look at the future; rows that are in no test part take no part
        in them.
    calibration : {"auto", "none", "platt", "beta", "isotonic"}, default="auto"
        `auto` takes the simplest map that no other beats by more than a standard error.
    tune : float, optional
        Seconds in which Optuna looks for better settings of the trees, beginning with those above
        (needs ``marketing-ds[tune]``).
    standard_error : bool, default=False
        Keep the folds' models for ``predict_proba(X, se=True)``.
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
        Trees on the encoded columns, the regression's first; its margin is the log-odds before
        calibration.
    calibration_ : Calibration
    calibration_losses_ : dict of str to float
        Log loss of each candidate map, out of fold.
    n_trees_ : int
        Boosted ones.
    penalty_ : float or None
        Of the regression; None without one.
    trials_ : pandas.DataFrame or None
        What tuning tried; None without tuning.
    reference_ : tuple of TagReference
        How the customers learnt from are distributed, tag by tag; names no customer.
    snapshot_ : TrainingSnapshot
        Histograms of tags and scores at training, which `drift` is measured against.
    oof_ : ndarray of shape (n_samples,)
        Out-of-fold probabilities, each by trees and a calibration that its row had no part in; NaN
        where a row was in no test part or has no weight.
    evaluation_ : PropensityEvaluation or None
        Of `oof_`, with ``cv="time"`` on the dates that the calibration rests on; None where no fold
        could be formed (a class with one row).
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
    >>> import pandas as pd
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
        monotone: Mapping[str, int] | None = None,
        max_bin: int | None = None,
        max_categories: int = 30,
        cv: int | Iterable[Any] | Any = 5,
        calibration: str = "auto",
        tune: float | None = None,
        standard_error: bool = False,
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
        self.monotone = monotone
        self.max_bin = max_bin
        self.max_categories = max_categories
        self.cv = cv
        self.calibration = calibration
        self.tune = tune
        self.standard_error = standard_error
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Learn trees and calibration.

        Parameters
        ----------
        X : pandas.DataFrame, Arrow table, ibis.Table or array of shape (n_samples, n_features)
            Tags; `customer_id` and `as_of` are left out.
        y : array-like of shape (n_samples,)
            Two labels of any kind, e.g. 0 and 1; the greater one is the outcome.
        sample_weight : array-like of shape (n_samples,), optional
            How many customers each row stands for.
        groups : array-like of shape (n_samples,), optional
            Rows that belong together, kept in one fold; by default `X`'s `customer_id`, if it has
            one.

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
        settings = Settings.of(self, seed)
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
        rows = Rows(
            Z, target, weight, rated_columns(encoder), read_monotone(self.monotone, encoder), seed
        )
        warn_if_few(target[weight > 0])
        together = read_groups(groups, table, len(target))
        splits = make_folds(self.cv, table, Z, position, seed, together)
        folds = with_weight(splits, target, weight)

        self.encoder_, self.classes_, self.n_features_in_ = encoder, classes, encoder.n_features_in_
        self._copy_names(encoder)
        learnt = learn(rows, folds, settings)
        self.booster_, self.n_trees_ = learnt.booster, learnt.rounds
        self.penalty_, self.trials_, self._folds = learnt.penalty, learnt.trials, learnt.folds
        latest = None
        if isinstance(self.cv, str):
            latest = latest_rows(table, target, weight)
            final = self._margin(Z).astype(np.float64)
            self.booster_ = at_level_of_folds(self.booster_, final, learnt.margin, weight * latest)
        self._keep_judged(
            judge(self.calibration, learnt.margin, target, weight, together, seed, latest=latest)
        )
        self.reference_ = learn_reference(table.features, encoder.columns_, weight)
        final = self.calibration_.probability(self._margin(Z))
        self.snapshot_ = learn_snapshot(
            table.features, encoder.columns_, self.oof_, weight, final=final
        )
        self.model_version_ = self._hash()
        return self

    def fit_table(
        self,
        table: ibis.Table,
        label: str = "label",
        *,
        mart: Mart,
        weight: str | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Learn from a table that is larger than memory; the model is of the same kind as by `fit`.

        A tenth of the customers (at most about 200,000 rows) is held out: they choose the number of
        trees and the calibration, and give `evaluation_`. Up to about 200,000 rows of the others
        teach the encoding, the regression, `reference_` and `snapshot_`; the trees grow on all of
        those others, from bins in files [1]_, or on Spark by its workers. Where the rows fit into
        memory `fit` is a little better, since it learns from all of them.

        Parameters
        ----------
        table : ibis.Table
            Tags with `customer_id` and the label, e.g. a tag table joined with labels; `as_of` is
            left out. It is computed once, into files or (on Spark) its cache.
        label : str, default="label"
            Column of the outcome: 0 and 1, or booleans.
        mart : Mart
            Whose engine runs `table`.
        weight : str, optional
            Column that says how many customers each row stands for.
        progress : callable, optional
            Is told how many rows are encoded so far (not on Spark).

        Returns
        -------
        self
            `oof_` holds the probabilities of the rows held out, each by a calibration that it had no
            part in; `trials_` is None.

        Raises
        ------
        InvalidInput
            If a parameter, the labels, the weights or a tag break a rule; if the rows held out lack a
            class; with `tune` or `standard_error`, which need `fit`.

        Warns
        -----
        UserWarning
            If fewer than 30 rows of a class are held out.

        Notes
        -----
        Who is held out, or in the sample, follows from `customer_id` and `random_state` alone, and
        the order of rows changes nothing. Files go to the system's temporary folder (`TMPDIR`):
        5 bytes a row and encoded column, beside a copy of the table. A tag that is constant among
        the sample gives nothing.

        References
        ----------
        .. [1] https://xgboost.readthedocs.io/en/stable/tutorials/external_memory.html

        Examples
        --------
        >>> import pandas as pd
        >>> import marketing_ds as mds
        >>> with mds.open_mart("data_samples") as mart:
        ...     people = mart["customers"].drop_null("birth_year")
        ...     table = people.select("customer_id", "birth_year", label=people.birth_year < 1970)
        ...     model = PropensityModel(max_trees=20, n_jobs=1).fit_table(table, mart=mart)
        >>> model.predict(pd.DataFrame({"customer_id": ["a", "b"], "birth_year": [1995, 1950]}))
        array([False,  True])
        """
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        learnt = learn_from_table(
            self, table, label, mart=mart, weight=weight, progress=progress, seed=seed
        )
        self.encoder_, self.classes_ = learnt.encoder, learnt.classes
        self.n_features_in_ = learnt.encoder.n_features_in_
        self._copy_names(learnt.encoder)
        self.booster_, self.n_trees_ = learnt.booster, learnt.rounds
        self.penalty_, self.trials_, self._folds = learnt.penalty, None, ()
        self._keep_judged(
            judge(self.calibration, learnt.margin, learnt.y, learnt.w, learnt.groups, seed)
        )
        self.reference_ = learnt.reference
        final = self.calibration_.probability(learnt.margin)
        self.snapshot_ = with_score(learnt.snapshot, self.oof_, learnt.w, final)
        self.model_version_ = self._hash()
        return self

    def _keep_judged(self, judged: Judged) -> None:
        self.calibration_, self.calibration_losses_ = judged.calibration, judged.losses
        self.oof_, self.evaluation_ = judged.oof, judged.evaluation

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
