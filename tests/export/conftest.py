"""Models to export: a propensity model, and stand-ins of any shape."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from scipy.special import expit

from marketing_ds._core.terms import Term
from marketing_ds.features import FeatureEncoder
from marketing_ds.propensity import Calibration, PropensityModel


def make_tags(rows=1500, seed=0):
    """Every kind of column, with nulls, rare levels, a constant, and names beyond ASCII."""
    rng = np.random.default_rng(seed)
    tags = pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(rows)],
            "aum_cny": np.round(rng.lognormal(8, 2, rows), 2),
            "logins": rng.integers(0, 30, rows),
            "mobile": rng.random(rows) < 0.5,
            "opened_on": pd.Timestamp("2019-06-01")
            + pd.to_timedelta(rng.integers(0, 900, rows), unit="D"),
            "等级": rng.choice(["金", "银", "普通"], rows),
            "branch": rng.choice([f"B{i:02d}" for i in range(40)], rows),
            "constant": "same",
        }
    )
    tags.loc[rng.random(rows) < 0.15, ["aum_cny"]] = np.nan
    tags.loc[rng.random(rows) < 0.15, "branch"] = None
    margin = 0.4 * np.log(tags["aum_cny"].fillna(3000)) + 1.2 * (tags["等级"] == "金") - 4.5
    return tags, (rng.random(rows) < expit(margin)).astype(int)


@pytest.fixture(scope="session")
def tags():
    return make_tags()[0]


@pytest.fixture(scope="session")
def propensity():
    X, y = make_tags()
    return PropensityModel(n_jobs=1, max_trees=40, learning_rate=0.2, patience=5).fit(X, y)


@dataclass
class StandInPropensity:
    """A propensity model made by hand, on the encoder's 0/1 columns."""

    encoder_: FeatureEncoder
    booster_: xgb.Booster
    calibration_: Calibration
    model_version_: str = "stand-in"

    def predict_proba(self, X):
        margin = self.booster_.inplace_predict(self.encoder_.transform(X), predict_type="margin")
        p = self.calibration_.probability(margin)
        return np.column_stack([1 - p, p])


@dataclass
class StandInUplift:
    """An uplift model made by hand: any terms."""

    encoder_: FeatureEncoder
    arms_: tuple
    terms_: dict
    constant_: dict = field(default_factory=dict)
    model_version_: str = "stand-in"

    def predict(self, X):
        Z = self.encoder_.transform(X)
        columns = []
        for arm in self.arms_:
            total = np.full(len(Z), self.constant_.get(arm, 0.0))
            for term in self.terms_[arm]:
                margin = term.booster.inplace_predict(Z, predict_type="margin").astype(float)
                total += term.weight * (expit(margin) if term.link == "logistic" else margin)
            columns.append(total)
        return columns[0] if len(columns) == 1 else np.column_stack(columns)


def grow(Z, y, rounds=15, **parameters):
    parameters = {"nthread": 1, "max_depth": 4, "objective": "binary:logistic"} | parameters
    return xgb.train(parameters, xgb.QuantileDMatrix(Z, y), rounds)


@pytest.fixture(scope="session")
def encoded():
    X, y = make_tags()
    encoder = FeatureEncoder(max_categories=10)
    return encoder, encoder.fit_transform(X), y


@pytest.fixture(scope="session")
def uplift(encoded):
    encoder, Z, y = encoded
    amount = y * 50.0 + Z[:, 1]
    chance, spend = grow(Z, y), grow(Z, amount, objective="reg:squarederror")
    other = grow(Z, 1 - y, rounds=5, base_score=0.2)
    return StandInUplift(
        encoder,
        ("coupon", "message"),
        {
            "coupon": (Term(1.0, chance, "logistic"), Term(-1.0, other, "logistic")),
            "message": (Term(0.01, spend, "identity"), Term(0.5, chance, "logistic")),
        },
        {"coupon": 0.0, "message": -0.125},
    )
