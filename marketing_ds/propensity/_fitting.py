"""From encoded rows to trees: how many, under which settings, and what they say out of fold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xgboost as xgb

from marketing_ds._core.checks import check_choice, check_count, check_number
from marketing_ds._core.errors import InvalidInput

from ._boosting import Rows, grow, grow_out_of_fold, ridge_out_of_fold
from ._calibration import KINDS, Floats, Fold
from ._error import FoldModel
from ._tuning import tuned

if TYPE_CHECKING:
    from ._model import PropensityModel
    from ._nextbest import NextBest

_ROUNDS_WITHOUT_FOLDS = 50
PENALTY_WITHOUT_FOLDS = 100.0
_ENOUGH_TO_SAMPLE = 500  # customers below which every tree sees all rows
_FINE_BINS, _BINS = 1024, 256  # more than 256 need twice the memory
# Slower learning is a little better everywhere, but a tree of a million rows costs a second.
_RATES = ((100_000, 0.02), (500_000, 0.05), (np.inf, 0.1))


@dataclass(frozen=True)
class Settings:
    """Checked settings of one fit.

    Attributes
    ----------
    parameters : dict
        XGBoost's.
    max_rounds, patience : int
    additive : bool
        Whether trees add to a ridge regression.
    keep : bool
        Whether the folds' boosters are kept.
    budget : float or None
        Seconds for tuning.
    seed : int
    """

    parameters: dict[str, Any]
    max_rounds: int
    patience: int
    additive: bool
    keep: bool
    budget: float | None
    seed: int

    @classmethod
    def of(cls, model: PropensityModel, seed: int) -> Settings:
        """Check a model's parameters.

        Raises
        ------
        InvalidInput
            If one breaks its rule.
        """
        check_choice("calibration", model.calibration, ("auto", *KINDS))
        for name in ("additive", "standard_error"):
            if not isinstance(getattr(model, name), (bool, np.bool_)):
                raise InvalidInput(f"{name} must be True or False, got {getattr(model, name)!r}")
        budget = model.tune
        if budget is not None and check_number("tune", budget, low=0) == 0:
            raise InvalidInput("tune must be a number of seconds above 0, or None for none; got 0")
        return cls(
            tree_parameters(model, seed),
            check_count("max_trees", model.max_trees, low=1),
            check_count("patience", model.patience, low=1),
            bool(model.additive),
            bool(model.standard_error),
            None if budget is None else float(budget),
            seed,
        )

    def on(self, rows: Rows) -> Settings:
        """The settings with what depends on the rows: learning rate, sampling, monotone columns."""
        return self.on_customers(float(rows.w.sum()), rows.monotone, rows.Z.shape[1])

    def on_customers(self, customers: float, monotone: Mapping[int, int], columns: int) -> Settings:
        """The same, for rows that are not in memory."""
        parameters = dict(self.parameters)
        if parameters["eta"] is None:
            parameters["eta"] = next(rate for most, rate in _RATES if customers <= most)
        if parameters["max_bin"] is None:
            parameters["max_bin"] = _FINE_BINS if customers <= _RATES[0][0] else _BINS
        if customers < _ENOUGH_TO_SAMPLE:
            parameters["subsample"] = 1.0
        if monotone:
            signs = [monotone.get(column, 0) for column in range(columns)]
            parameters["monotone_constraints"] = f"({','.join(map(str, signs))})"
        return replace(self, parameters=parameters)


@dataclass(frozen=True)
class Learnt:
    """Trees, with what their choice rests on.

    Attributes
    ----------
    booster : xgboost.Booster
        On all rows with weight, regression included.
    rounds : int
        Boosted trees.
    penalty : float or None
        Of the regression; None where there is none.
    margin : ndarray of shape (n,)
        Out of fold; NaN where a row was in no test part.
    parameters : mapping
        XGBoost's, as used.
    folds : tuple of FoldModel
        For standard errors; empty unless asked for.
    trials : pandas.DataFrame or None
        What tuning tried.
    """

    booster: xgb.Booster
    rounds: int
    penalty: float | None
    margin: Floats
    parameters: Mapping[str, Any]
    folds: tuple[FoldModel, ...]
    trials: pd.DataFrame | None


def tree_parameters(model: PropensityModel | NextBest, seed: int) -> dict[str, Any]:
    """XGBoost's parameters, after checking a model's.

    Raises
    ------
    InvalidInput
        If one breaks its rule.
    """
    for name in ("subsample", "colsample"):
        _check_share(name, getattr(model, name))
    if model.learning_rate is not None:
        _check_share("learning_rate", model.learning_rate)
    return {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "grow_policy": "lossguide",
        "max_depth": 6,  # so that reasons can be looked up, see `_core.tree_shap`
        "eta": model.learning_rate,
        "max_leaves": check_count("max_leaves", model.max_leaves, low=2, high=4096),
        "min_child_weight": check_number("min_child_weight", model.min_child_weight, low=0),
        "subsample": model.subsample,
        "colsample_bynode": model.colsample,
        "lambda": check_number("reg_lambda", model.reg_lambda, low=0),
        "max_bin": None
        if model.max_bin is None
        else check_count("max_bin", model.max_bin, low=2, high=65_536),
        "seed": seed,
        "nthread": 0 if model.n_jobs is None else int(model.n_jobs),
        "verbosity": 1,
    }


def learn(rows: Rows, folds: Sequence[Fold], settings: Settings) -> Learnt:
    """Stop, and if asked tune, on the folds; then grow on all rows with weight."""
    settings = settings.on(rows)
    if not folds:
        rounds = min(_ROUNDS_WITHOUT_FOLDS, settings.max_rounds)
        penalty = PENALTY_WITHOUT_FOLDS if settings.additive else None
        booster = grow(_with_weight(rows), settings.parameters, rounds, penalty)
        nowhere = np.full(len(rows.y), np.nan)
        return Learnt(booster, rounds, penalty, nowhere, settings.parameters, (), None)
    ridge = ridge_out_of_fold(rows, folds) if settings.additive else None
    trials = None
    if settings.budget is not None:
        found = tuned(
            rows,
            folds,
            settings.parameters,
            ridge,
            seconds=settings.budget,
            max_rounds=settings.max_rounds,
            patience=settings.patience,
        )
        settings, trials = replace(settings, parameters=dict(found.parameters)), found.trials
    grown = grow_out_of_fold(
        rows,
        folds,
        settings.parameters,
        ridge,
        max_rounds=settings.max_rounds,
        patience=settings.patience,
        keep=settings.keep,
    )
    penalty = ridge.penalty if ridge else None
    booster = grow(_with_weight(rows), settings.parameters, grown.rounds, penalty)
    kept = tuple(
        FoldModel(fitted, rows.rates_in(fold))
        for fold, fitted in zip(folds, grown.boosters, strict=bool(grown.boosters))
    )
    return Learnt(booster, grown.rounds, penalty, grown.margin, settings.parameters, kept, trials)


def _with_weight(rows: Rows) -> Rows:
    keep = rows.w > 0
    if keep.all():
        return rows
    return replace(rows, Z=rows.Z[keep], y=rows.y[keep], w=rows.w[keep])


def _check_share(name: str, value: object) -> None:
    if check_number(name, value, low=0, high=1) == 0:
        raise InvalidInput(f"{name} must be greater than 0, got 0")
