"""What `UpliftModel`'s parameters and a sample must be, checked before any work."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from sklearn.base import is_regressor
from sklearn.utils import check_random_state
from sklearn.utils.validation import has_fit_parameter

from marketing_ds._core.checks import check_choice, check_count, check_number
from marketing_ds._core.errors import InvalidInput

from ..arms import Arms, Floats
from ..binned import Link, Trees

NAMES = ("auto", "s", "t", "x", "r", "dr", "transformed", "forest")
"""Every learner's name."""

_FEW = 100
"""Customers in an arm below which its effect is hardly to be had: a warning."""

_FOLDS = ((100_000, 5), (400_000, 3), (np.inf, 2))
"""Folds for fewer than so many customers: the more, the less a fold is missed."""


def check_parameters(model: Any) -> Trees:
    """How the trees grow, once all of the model's parameters are in order.

    Raises
    ------
    InvalidInput
        Naming the parameter, its rule and the value.
    """
    check_choice("learner", model.learner, NAMES)
    check_choice("outcome", model.outcome, ("auto", "binary", "numeric"))
    if model.probability is not None:
        check_choice("probability", model.probability, ("estimate",))
    if model.n_folds is not None:
        check_count("n_folds", model.n_folds, low=2, high=100)
    check_number("max_weight", model.max_weight, low=1)
    _check_base(model)
    patience = model.early_stopping_rounds
    return Trees(
        n_estimators=check_count("n_estimators", model.n_estimators),
        max_depth=check_count("max_depth", model.max_depth, low=1, high=16),
        learning_rate=check_number("learning_rate", model.learning_rate, low=1e-6, high=1),
        min_leaf=_optional(model, "min_leaf"),
        l2=_optional(model, "l2"),
        subsample=_optional(model, "subsample", low=0.01, high=1),
        early_stopping_rounds=None
        if patience is None
        else check_count("early_stopping_rounds", patience, low=1),
        n_jobs=None if model.n_jobs is None else check_count("n_jobs", model.n_jobs, low=-1),
        seed=int(check_random_state(model.random_state).randint(2**31 - 1)),
        base=model.base,
    )


def _optional(model: Any, name: str, *, low: float = 0, high: float = math.inf) -> float | None:
    value = getattr(model, name)
    return None if value is None else check_number(name, value, low=low, high=high)


def _check_base(model: Any) -> None:
    base = model.base
    if base is None:
        return
    if not (hasattr(base, "fit") and is_regressor(base)):
        raise InvalidInput(
            f"base must be a scikit-learn regressor, got {base!r}; for outcomes of 0 and 1 a "
            f"regressor predicts probabilities as well"
        )
    if model.learner == "forest":
        raise InvalidInput("base must be left out where learner='forest': it grows its own trees")
    if model.learner in ("r", "auto") and not has_fit_parameter(base, "sample_weight"):
        raise InvalidInput(
            f"base must take sample_weight where learner={model.learner!r}, which weights "
            f"customers; {type(base).__name__} does not: take another base, or learner='dr'"
        )


def folds_for(n_folds: int | None, arms: Arms) -> int:
    """Folds of the cross-fitting: as asked, or by size; no more than an arm has customers."""
    by_size = next(folds for customers, folds in _FOLDS if len(arms.codes) < customers)
    wanted = by_size if n_folds is None else n_folds
    return min(wanted, *arms.counts().values())


def read_link(outcome: Floats, asked: str, *, foreign: bool) -> Link:
    """The outcome models' link.

    Raises
    ------
    InvalidInput
        If binary was asked of an outcome that is not.
    """
    either = (outcome == 0) | (outcome == 1)
    binary = bool(either.all())
    if asked == "binary" and not binary:
        odd = outcome[~either][0]
        raise InvalidInput(
            f"y must be 0 or 1 where outcome='binary', got {odd:g}; "
            f"for counts and amounts use outcome='numeric'"
        )
    return "logistic" if binary and asked != "numeric" and not foreign else "identity"


def check_counts(arms: Arms, outcome: Floats) -> None:
    """Refuse arms of one customer, warn of small ones and of an outcome that never varies."""
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
    if outcome.min() == outcome.max():
        warnings.warn(
            f"y is {outcome[0]:g} for every customer: no effect can be seen in it, and every "
            f"uplift is 0",
            UserWarning,
            stacklevel=3,
        )


def bound_chances(chance: Floats, arms: Arms, max_weight: float) -> tuple[Floats, float]:
    """Probabilities raised to 1/max_weight of their arm's share, and the share of rows raised."""
    floor = np.bincount(arms.codes, minlength=len(arms.labels)) / len(arms.codes) / max_weight
    low = chance < floor
    if not low.any():
        return chance, 0.0
    raised = float(low[np.arange(len(low)), arms.codes].mean())
    return np.maximum(chance, floor), raised


def warn_of_weights(share: float, max_weight: float) -> None:
    """Say how many customers' weights were bounded."""
    if share:
        warnings.warn(
            f"{share:.2%} of customers had a probability of their arm so small that their weight "
            f"was bounded at max_weight={max_weight:g} times the arm's average",
            UserWarning,
            stacklevel=3,
        )
