"""`UpliftModel`: the estimator around the learners."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator

from marketing_ds._core.errors import InvalidInput
from marketing_ds.features import FeatureEncoder

from .arms import knows_all, read_arms, read_chances, read_outcome
from .binned import Binned
from .checks.overlap import require_overlap
from .checks.predictability import warn_if_predictable
from .in_use import InUse
from .learning.fitting import learn
from .learning.nuisances import Sample, estimate_chances, make_folds
from .learning.settings import (
    bound_chances,
    check_counts,
    check_parameters,
    folds_for,
    read_link,
    warn_of_weights,
)


class UpliftModel(InUse, BaseEstimator):  # type: ignore[misc]
    """Expected extra outcome of each customer under each arm, against control.

    Parameters
    ----------
    learner : {"auto", "s", "t", "x", "r", "dr", "transformed", "forest"}
        How the effect is learned:

        - ``"s"``: one outcome model of arm and control, the arm among its features;
        - ``"t"``: one outcome model an arm, their difference;
        - ``"x"``: effects imputed on the treated and on control by the other's outcome model;
        - ``"r"``: what is left of the outcome regressed on what is left of the assignment;
        - ``"dr"``: a regression of doubly-robust pseudo-outcomes;
        - ``"transformed"``: a regression of the outcome weighted so that its mean is the effect;
        - ``"forest"``: an honest causal forest (little bags of short chains of trees on the R-learner's
          loss) with standard errors of its own; `n_estimators` trees in all, one level deeper than
          `max_depth`;
        - ``"auto"``: several of these, their mean unless one is proved better, and the test of
          whether there is any heterogeneity (`selection_`, `heterogeneity_`).

        `docs/choosing_a_learner.md` says which is for whom.
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
    subsample : float, optional
        Share of customers drawn for each tree; by default 0.8, and all from 100,000 trained on.
    n_folds : int, optional
        Folds of the cross-fitting, and members of each committee; by default 5, from 100,000
        customers on 3, from 400,000 on 2.
    early_stopping_rounds : int or None
        Stop when the held-out loss has not fallen for so many rounds; outcome models that no tree
        improves are constants. None grows all `n_estimators`.
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
    base : scikit-learn regressor, optional
        Cloned in the trees' place for every model of an outcome or an effect. Such a model is not
        exported as it is: `distil` it.
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
        Trees in each member of the effect's model (S and T: of the outcome's; forest: in all); 0
        means a constant.
    slope_ : dict of str to float
        X, R, DR, transformed: slope of the pseudo-outcomes on the predicted effects, between 0 and
        1, by which the predictions' spread was scaled; 0 means that everyone is given the average
        effect. Forest: the same from customers outside of the bags, may exceed 1.
        ``"auto"``: likewise, but above 0, so that the ranking stays. Others: 1.
    selection_ : Selection or None
        ``"auto"``: every candidate's out-of-fold Qini, and its paired difference to the one taken.
    heterogeneity_ : dict of str to Heterogeneity
        ``"auto"``: by arm, whether customers could be told apart, or "treat all or none" is the
        answer. The ranking is kept either way, as the best guess; `best_arm` goes by the answer.
    crossfit_ : CrossFit
        Out-of-fold predictions and doubly-robust pseudo-outcomes of the customers trained on.
    error_ : dict of str to EffectError
        Standard errors of an arm's predictions.
    calibration_ : dict of str to EffectCalibration
        The map that `calibrate` put behind each arm's effect; ``kind`` is "none" before.
    clipped_share_ : float
        Share of customers whose weight was bounded.
    encoder_ : FeatureEncoder
    terms_ : dict of str to tuple of Term
        uplift of an arm = Σ weight · link(margin) + ``constant_[arm]``.
    constant_ : dict of str to float
    outcome_terms_, outcome_constant_ : dict
        The same for the expected outcome under each arm, control included.
    model_version_ : str
        Digest of the fitted content.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only where `X` had column names.

    Notes
    -----
    In scikit-learn's cross-validation and search the treatment goes through metadata routing, which
    has to be switched on: ``sklearn.set_config(enable_metadata_routing=True)``.

    An outcome that never varies gives an uplift of 0 for everyone.

    References
    ----------
    Künzel et al. (2019). Metalearners for estimating heterogeneous treatment effects using machine
    learning. PNAS 116(10). Nie and Wager (2021). Quasi-oracle estimation of heterogeneous treatment
    effects. Biometrika 108(2). Kennedy (2023). Towards optimal doubly robust estimation of
    heterogeneous causal effects. Electronic Journal of Statistics 17(2). Athey, Tibshirani and Wager
    (2019). Generalized random forests. Annals of Statistics 47(2).

    Examples
    --------
    >>> import pandas as pd
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

    # What metadata routing hands over unasked; scikit-learn reads these names, and users may
    # change them by `set_fit_request` and `set_score_request`.
    __metadata_request__fit: ClassVar[dict[str, bool]] = {"treatment": True, "probability": True}
    __metadata_request__score: ClassVar[dict[str, bool]] = {"treatment": True, "probability": True}

    def __init__(
        self,
        learner: str = "dr",
        *,
        n_estimators: int = 300,
        max_depth: int = 2,
        learning_rate: float = 0.1,
        min_leaf: float | None = None,
        l2: float | None = None,
        subsample: float | None = None,
        n_folds: int | None = None,
        early_stopping_rounds: int | None = 20,
        outcome: str = "auto",
        probability: str | None = None,
        max_weight: float = 20.0,
        control: str | int = "control",
        max_categories: int = 20,
        base: Any = None,
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
        self.base = base
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
            outside (0, 1), `y` is not binary where binary was asked, or (``probability="estimate"``)
            customers whom tags describe were all given one arm.

        Warns
        -----
        UserWarning
            If an arm has fewer than 100 customers, the outcome never varies, customers' weights had
            to be bounded, tags tell the arm beyond the stated probabilities, or overlap is little.
        """
        trees = check_parameters(self)
        outcome = read_outcome(y)
        link = read_link(outcome, self.outcome, foreign=self.base is not None)
        if len(outcome) == 1:
            raise InvalidInput("y must have outcomes of several customers, got n_samples = 1")
        arms = read_arms(treatment, self.control, rows=len(outcome))
        check_counts(arms, outcome)
        if probability is not None and self.probability is not None:
            raise InvalidInput(
                "probability must not be handed to fit where UpliftModel(probability='estimate') "
                "asks for an estimate; leave out one of them"
            )
        given = read_chances(probability, arms)
        encoder = FeatureEncoder(max_categories=self.max_categories)
        encoded = encoder.fit_view(X)
        if len(encoded) != len(outcome):
            raise InvalidInput(
                f"X and y must have the same number of rows, got {len(encoded)} and {len(outcome)}"
            )
        folds = make_folds(outcome, arms, folds_for(self.n_folds, arms), trees.seed)
        # Models trained on the same customers share their bins: outcome and effects of the X-learner.
        serves = {"x": 1 + len(arms.names), "auto": np.inf}.get(self.learner, 1)
        binned = Binned(encoded, trees, serves=serves)
        if self.probability == "estimate":
            given = estimate_chances(binned, arms, folds)
            require_overlap(encoder.columns_, encoded, arms, given)
        elif knows_all(probability, arms):
            warn_if_predictable(encoded, arms, None if probability is None else given, folds)
        chance, self.clipped_share_ = bound_chances(given, arms, self.max_weight)
        warn_of_weights(self.clipped_share_, self.max_weight)
        learned = learn(Sample(binned, outcome, arms, chance, folds, link), self.learner)
        self._keep(arms, learned)
        self._keep_inputs(encoder)
        self.model_version_ = self._digest()
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.required = True
        return tags

    def _keep_inputs(self, encoder: FeatureEncoder) -> None:
        self.encoder_ = encoder
        self.n_features_in_ = encoder.n_features_in_
        if hasattr(encoder, "feature_names_in_"):
            self.feature_names_in_ = encoder.feature_names_in_
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
