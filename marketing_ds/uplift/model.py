"""`UpliftModel`: the estimator around the learners."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import warnings
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from marketing_ds._core.checks import check_choice, check_columns, check_count, check_number
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.estimate import Estimate
from marketing_ds._core.terms import Term
from marketing_ds.features import FeatureEncoder
from marketing_ds.scores import scores_frame

from .arms import Arms, Floats, read_arms, read_outcome, read_probability
from .boosting import Binned, Link, Matrix, Trees, predict_terms
from .curves import uplift_curve
from .explain import EffectExplanation, explain_terms
from .learners import LEARNERS, Outcomes, Sample, estimate_probability, make_folds, pseudo_outcomes

_FEW = 100
"""Customers in an arm below which its effect is hardly to be had: a warning."""


class UpliftModel(BaseEstimator):  # type: ignore[misc]
    """Expected extra outcome of each customer under each arm, against control.

    Parameters
    ----------
    learner : {"dr", "t"}
        ``"dr"`` models the effect itself from doubly-robust pseudo-outcomes; ``"t"`` takes the
        difference of one outcome model an arm.
    n_estimators : int
        Most trees in each member of a committee.
    max_depth : int
        Depth of a tree. Effects vary with few tags at once: 2 or 3.
    learning_rate : float
        Shrinkage of each tree.
    min_leaf : float, optional
        Customers a leaf must hold; by default the square root of the number trained on.
    l2 : float, optional
        Customers' worth of shrinkage of each leaf towards no change; by default `min_leaf`.
    subsample : float
        Share of customers drawn for each tree.
    n_folds : int
        Folds of the cross-fitting, and members of each committee.
    early_stopping_rounds : int or None
        Stop when the held-out loss has not fallen for so many rounds; an outcome model that no
        tree improves is a constant. None grows all `n_estimators`.
    outcome : {"auto", "binary", "numeric"}
        ``"auto"`` takes outcomes that are all 0 or 1 as binary.
    probability : {None, "estimate"}
        What to do where `fit` is given no probabilities: None takes the arms' shares, right for an
        experiment with constant probabilities; ``"estimate"`` models them from `X`, cross-fitted,
        right only if `X` holds all that both decided the arm and drives the outcome.
    max_weight : float
        No customer weighs more than so many times the average of the arm: smaller probabilities
        are raised to the bound (`clipped_share_` says how many).
    control : str or int
        Name of the control arm.
    max_categories : int
        Levels of a category that get a column of their own.
    random_state : int, RandomState or None
        Seeds the folds and the trees' draws.
    n_jobs : int or None
        Most threads; None or -1: all cores.

    Attributes
    ----------
    arms_ : tuple of str
        Arms beside control, sorted: the columns of `predict`.
    counts_ : dict of str to int
        Customers trained on, by arm, control first.
    average_effect_ : dict of str to Estimate
        Average effect of each arm over the customers trained on (AIPW), with 95 % interval.
    rounds_ : dict of str to int
        Trees in each member of the effect's model (T: the arm's); 0 means a constant.
    slope_ : dict of str to float
        DR: out-of-fold slope of the pseudo-outcomes on the predicted effects, between 0 and 1,
        by which the predictions' spread was scaled; 0 means that no heterogeneity was found and
        everyone is given the average effect. T: always 1.
    clipped_share_ : float
        Share of customers whose weight was bounded.
    encoder_ : FeatureEncoder
    terms_ : dict of str to tuple of Term
        uplift of an arm = Σ weight · link(margin) + ``constant_[arm]``.
    constant_ : dict of str to float
    model_version_ : str
        Digest of the fitted content.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only where `X` had column names.

    Notes
    -----
    Hand over the treatment through metadata routing in cross-validation and search:
    ``UpliftModel().set_fit_request(treatment=True).set_score_request(treatment=True)``.

    An outcome that never varies gives an uplift of 0 for everyone.

    References
    ----------
    Kennedy, E. H. (2023). Towards optimal doubly robust estimation of heterogeneous causal
    effects. Electronic Journal of Statistics 17(2). Künzel et al. (2019). Metalearners for
    estimating heterogeneous treatment effects using machine learning. PNAS 116(10).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"age": rng.integers(20, 70, 4000), "wealth": rng.random(4000)})
    >>> arm = rng.choice(["control", "coupon"], 4000)
    >>> y = rng.random(4000) < 0.1 + 0.3 * X["wealth"] * (arm == "coupon")
    >>> model = UpliftModel(learner="dr").fit(X, y, treatment=arm)
    >>> model.arms_
    ('coupon',)
    >>> uplift = model.predict(X)
    >>> bool(np.corrcoef(uplift, X["wealth"])[0, 1] > 0.9)
    True
    """

    arms_: tuple[str, ...]
    counts_: dict[str, int]
    average_effect_: dict[str, Estimate]
    rounds_: dict[str, int]
    slope_: dict[str, float]
    clipped_share_: float
    encoder_: FeatureEncoder
    terms_: dict[str, tuple[Term, ...]]
    constant_: dict[str, float]
    model_version_: str
    n_features_in_: int

    def __init__(
        self,
        learner: str = "dr",
        *,
        n_estimators: int = 300,
        max_depth: int = 2,
        learning_rate: float = 0.1,
        min_leaf: float | None = None,
        l2: float | None = None,
        subsample: float = 0.8,
        n_folds: int = 5,
        early_stopping_rounds: int | None = 20,
        outcome: str = "auto",
        probability: str | None = None,
        max_weight: float = 20.0,
        control: str | int = "control",
        max_categories: int = 20,
        random_state: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.learner = learner
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.learning_rate = learning_rate
        self.min_leaf = min_leaf
        self.l2 = l2
        self.subsample = subsample
        self.n_folds = n_folds
        self.early_stopping_rounds = early_stopping_rounds
        self.outcome = outcome
        self.probability = probability
        self.max_weight = max_weight
        self.control = control
        self.max_categories = max_categories
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, treatment: Any, probability: Any = None) -> Self:
        """Learn the effects.

        Parameters
        ----------
        X : pandas.DataFrame, Arrow table or array of shape (n, d)
            Tags as of before the assignment; `customer_id` and `as_of` are left out.
        y : array-like of shape (n,)
            Outcomes: 0/1, counts or amounts.
        treatment : array-like of shape (n,)
            The arm of each customer by name; or 0 (control) and 1 (treated).
        probability : array-like of shape (n,) or mapping, optional
            P(the arm received), by row or by arm.

        Returns
        -------
        UpliftModel

        Raises
        ------
        InvalidInput
            If a parameter is out of range, lengths differ, an outcome or arm is missing, control
            or every other arm is absent, an arm has fewer than two customers, a probability is
            outside (0, 1), or `y` is not binary where binary was asked.

        Warns
        -----
        UserWarning
            If an arm has fewer than 100 customers, or customers' weights had to be bounded.
        """
        trees = self._trees()
        outcome = read_outcome(y)
        link = self._link(outcome)
        if len(outcome) == 1:
            raise InvalidInput("y must have outcomes of several customers, got n_samples = 1")
        arms = read_arms(treatment, self.control, rows=len(outcome))
        self._check_counts(arms)
        if probability is not None and self.probability is not None:
            raise InvalidInput(
                "probability must not be handed to fit where UpliftModel(probability='estimate') "
                "asks for an estimate; leave out one of them"
            )
        given = read_probability(probability, arms)
        encoder = FeatureEncoder(max_categories=self.max_categories)
        encoded = encoder.fit_transform(X)
        if len(encoded) != len(outcome):
            raise InvalidInput(
                f"X and y must have the same number of rows, got {len(encoded)} and {len(outcome)}"
            )
        folds = make_folds(
            outcome, arms, min(self.n_folds, min(arms.counts().values())), trees.seed
        )
        binned = Binned(encoded, trees)
        if self.probability == "estimate":
            given = estimate_probability(binned, arms, folds)
        bounded, self.clipped_share_ = _bound(given, arms, self.max_weight)
        if self.clipped_share_:
            warnings.warn(
                f"{self.clipped_share_:.2%} of customers had a probability of their arm so small "
                f"that their weight was bounded at max_weight={self.max_weight:g} times the arm's "
                f"average",
                UserWarning,
                stacklevel=2,
            )
        sample = Sample(binned, outcome, arms, bounded, folds, link)
        self.encoder_ = encoder
        self.n_features_in_ = encoder.n_features_in_
        if hasattr(encoder, "feature_names_in_"):
            self.feature_names_in_ = encoder.feature_names_in_
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        self._learn(sample)
        return self

    def predict(self, X: Any) -> Floats:
        """Expected extra outcome against control.

        Parameters
        ----------
        X : pandas.DataFrame, Arrow table or array of shape (n, d)

        Returns
        -------
        ndarray of shape (n,) for one arm, (n, arms) for more
            Columns in the order of `arms_`.

        Raises
        ------
        InvalidInput
            If columns are missing, unknown or of another type than at fit.
        """
        uplift = self._effects(self._encode(X))
        return uplift[:, 0] if len(self.arms_) == 1 else uplift

    def score(self, X: Any, y: Any, treatment: Any, probability: Any = None) -> float:
        """Qini by `uplift_curve`, in outcome units per person; the mean over arms if several.

        Parameters
        ----------
        X, y, treatment, probability
            As in `fit`.
        """
        uplift = self._effects(self._encode(X))
        qini = [
            uplift_curve(
                y,
                uplift[:, position],
                treatment,
                arm=arm,
                control=self.control,
                probability=probability,
            ).qini.value
            for position, arm in enumerate(self.arms_)
        ]
        return float(np.mean(qini))

    def score_table(self, frame: Any, *, as_of: dt.date | str) -> pd.DataFrame:
        """The scores table: one row a customer and arm.

        Parameters
        ----------
        frame : pandas.DataFrame or Arrow table
            `customer_id` and the tags trained on.
        as_of : date or ISO text
            The date of the tags.

        Returns
        -------
        pandas.DataFrame
            The columns of the contract of `scores`, kind ``"uplift"``; the customers of the frame
            in its order, arm after arm.

        Raises
        ------
        InvalidInput
            If `customer_id` is missing, null or repeated, or the tags are not those of fit.
        """
        if not isinstance(frame, pd.DataFrame) and hasattr(frame, "to_pandas"):
            frame = frame.to_pandas()
        check_columns(frame.columns, ["customer_id"], "frame")
        encoded = self._encode(frame)
        return scores_frame(
            pd.concat([frame["customer_id"]] * len(self.arms_), ignore_index=True),
            as_of=as_of,
            kind="uplift",
            arm=np.repeat(np.array(self.arms_, dtype=object), len(frame)),
            score=self._effects(encoded).ravel(order="F"),
            model_version=self.model_version_,
        )

    def explain(self, X: Any) -> EffectExplanation:
        """Which tags the effect depends on: TreeSHAP of the effect's model, by tag and arm.

        Parameters
        ----------
        X : pandas.DataFrame, Arrow table or array of shape (n, d)
            Customers to explain; some thousands are enough.

        Returns
        -------
        EffectExplanation

        Raises
        ------
        InvalidInput
            If the effect is not a sum of trees: a T-learner of a binary outcome.
        """
        encoded = self._encode(X)
        tags = [column.name for column in self.encoder_.columns_]
        return explain_terms(self.terms_, encoded, self.encoder_.origin_, tags)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.required = True
        return tags

    def _learn(self, sample: Sample) -> None:
        outcomes = Outcomes.fit(sample)
        effects = LEARNERS[self.learner](sample, outcomes)
        self.arms_ = sample.arms.names
        self.counts_ = sample.arms.counts()
        by_arm = dict(zip(self.arms_, effects, strict=True))
        self.terms_ = {arm: effect.terms for arm, effect in by_arm.items()}
        self.constant_ = {arm: effect.constant for arm, effect in by_arm.items()}
        self.rounds_ = {arm: effect.rounds for arm, effect in by_arm.items()}
        self.slope_ = {arm: effect.slope for arm, effect in by_arm.items()}
        self.average_effect_ = {}
        for code, arm in enumerate(self.arms_, start=1):
            psi = pseudo_outcomes(sample, outcomes, code)
            self.average_effect_[arm] = Estimate.from_influence(psi.mean(), psi, alpha=0.05)
        self.model_version_ = self._digest()

    def _encode(self, X: Any) -> Matrix:
        check_is_fitted(self)
        encoded: Matrix = self.encoder_.transform(X)
        return encoded

    def _effects(self, encoded: Matrix) -> Floats:
        """Shape (n, arms)."""
        return np.column_stack(
            [predict_terms(self.terms_[arm], encoded) + self.constant_[arm] for arm in self.arms_]
        )

    def _trees(self) -> Trees:
        """The parameters, checked."""
        check_choice("learner", self.learner, tuple(LEARNERS))
        check_choice("outcome", self.outcome, ("auto", "binary", "numeric"))
        if self.probability is not None:
            check_choice("probability", self.probability, ("estimate",))
        check_count("n_folds", self.n_folds, low=2, high=100)
        check_number("max_weight", self.max_weight, low=1)
        patience = self.early_stopping_rounds
        return Trees(
            n_estimators=check_count("n_estimators", self.n_estimators),
            max_depth=check_count("max_depth", self.max_depth, low=1, high=16),
            learning_rate=check_number("learning_rate", self.learning_rate, low=1e-6, high=1),
            min_leaf=None
            if self.min_leaf is None
            else check_number("min_leaf", self.min_leaf, low=0),
            l2=None if self.l2 is None else check_number("l2", self.l2, low=0),
            subsample=check_number("subsample", self.subsample, low=0.01, high=1),
            early_stopping_rounds=None
            if patience is None
            else check_count("early_stopping_rounds", patience, low=1),
            n_jobs=None if self.n_jobs is None else check_count("n_jobs", self.n_jobs, low=-1),
            seed=int(check_random_state(self.random_state).randint(2**31 - 1)),
        )

    def _link(self, outcome: Floats) -> Link:
        binary = bool(np.isin(outcome, (0.0, 1.0)).all())
        if self.outcome == "binary" and not binary:
            odd = outcome[~np.isin(outcome, (0.0, 1.0))][0]
            raise InvalidInput(
                f"y must be 0 or 1 where outcome='binary', got {odd:g}; "
                f"for counts and amounts use outcome='numeric'"
            )
        return "logistic" if binary and self.outcome != "numeric" else "identity"

    def _check_counts(self, arms: Arms) -> None:
        counts = arms.counts()
        smallest = min(counts, key=lambda arm: counts[arm])
        if counts[smallest] < 2:
            raise InvalidInput(
                f"treatment must give each arm at least 2 customers, got {counts[smallest]} in "
                f"{smallest!r}; leave out that arm"
            )
        few = {arm: n for arm, n in counts.items() if n < _FEW}
        if few:
            warnings.warn(
                f"few customers: {', '.join(f'{n} in {arm!r}' for arm, n in few.items())}; "
                f"with fewer than {_FEW} in an arm its effect can hardly be told from noise",
                UserWarning,
                stacklevel=3,
            )

    def _digest(self) -> str:
        """Short digest of everything a prediction depends on."""
        digest = hashlib.sha256()
        head = [self.learner, self.arms_, repr(self.encoder_.columns_), self.constant_]
        digest.update(json.dumps(head).encode())
        for arm in self.arms_:
            for term in self.terms_[arm]:
                digest.update(f"{arm} {term.weight!r} {term.link}".encode())
                digest.update(term.booster.save_raw("ubj"))
        return digest.hexdigest()[:12]


def _bound(probability: Floats, arms: Arms, max_weight: float) -> tuple[Floats, float]:
    """Probabilities raised to 1/max_weight of their arm's share, and the share of rows raised."""
    shares = np.bincount(arms.codes, minlength=len(arms.labels)) / len(arms.codes)
    floor = shares[arms.codes] / max_weight
    return np.maximum(probability, floor), float((probability < floor).mean())
