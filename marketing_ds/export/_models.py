"""What an export needs to know of a model: its shape, not its class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd
import xgboost as xgb
from scipy.special import expit

from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.terms import Term
from marketing_ds.features import FeatureEncoder, InputColumn
from marketing_ds.propensity import Calibration


@runtime_checkable
class PropensityLike(Protocol):
    """One booster and a calibration of its margin."""

    encoder_: FeatureEncoder
    booster_: xgb.Booster
    calibration_: Calibration
    model_version_: str

    def predict_proba(self, X: pd.DataFrame) -> Any:
        """Probabilities, the outcome's in the second column."""


@runtime_checkable
class UpliftLike(Protocol):
    """For each arm a sum of weighted boosters and a constant."""

    encoder_: FeatureEncoder
    arms_: tuple[str, ...]
    terms_: Mapping[str, tuple[Term, ...]]
    constant_: Mapping[str, float]
    model_version_: str

    def predict(self, X: pd.DataFrame) -> Any:
        """Uplift, (n,) for one arm, (n, arms) for more."""


Model = PropensityLike | UpliftLike


def check_model(model: object) -> Model:
    """`model`, if it is a fitted model of a kind that can be exported."""
    if isinstance(model, PropensityLike):
        return model
    if isinstance(model, UpliftLike):
        _check_boosted(model)
        return model
    raise InvalidInput(
        "model must be a fitted PropensityModel or UpliftModel, got "
        f"{type(model).__name__}; call .fit(…) first"
    )


def _check_boosted(model: UpliftLike) -> None:
    """Other packages' regressors have no graph of ours."""
    for arm in model.arms_:
        for term in model.terms_[arm]:
            booster = getattr(term, "booster", None)
            if not isinstance(booster, xgb.Booster):
                foreign = booster or getattr(term, "regressor", term)
                raise InvalidInput(
                    f"model must be of boosted trees to be exported, got a "
                    f"{type(foreign).__name__} in the effect of {arm!r}; export trees that say "
                    f"the same, model.distil(X), or fit without that base"
                )


def used_columns(model: Model) -> list[InputColumn]:
    """The input columns that the model reads."""
    return [column for column in model.encoder_.columns_ if not column.dropped]


def native_scores(model: Model, frame: pd.DataFrame) -> list[list[float]]:
    """The model's own scores, one list a row."""
    if isinstance(model, PropensityLike):
        scores = model.predict_proba(frame)[:, 1:]
    else:
        scores = model.predict(frame).reshape(len(frame), -1)
    rows: list[list[float]] = scores.tolist()
    return rows


def scale_of(model: Model, frame: pd.DataFrame) -> float:
    """How large the numbers are that the model adds up: float32 keeps seven digits of them."""
    if isinstance(model, PropensityLike):
        return 1.0
    encoded = model.encoder_.transform(frame)
    largest = [1.0]
    for arm in model.arms_:
        total = np.full(len(encoded), abs(model.constant_.get(arm, 0.0)))
        for term in model.terms_[arm]:
            margin = term.booster.inplace_predict(encoded, predict_type="margin")
            total += np.abs(term.weight * (expit(margin) if term.link == "logistic" else margin))
        largest.append(float(total.max()))
    return max(largest)
