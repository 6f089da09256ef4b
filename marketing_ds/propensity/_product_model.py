"""One product of `NextBest`, shaped like a propensity model, and why it is shown."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb
from numpy.typing import ArrayLike, NDArray

from marketing_ds.features import FeatureEncoder
from marketing_ds.tags import Tag

from ._calibration import Calibration, Floats
from ._drift import Drift, drift_of
from ._reasons import Explanation, explain_rows, reasons_of
from ._reference import TagReference
from ._snapshot import TrainingSnapshot


@dataclass(frozen=True)
class ProductModel:
    """P(buys one product): what explanations and exports need of a model.

    Attributes
    ----------
    product : str
    encoder_ : FeatureEncoder
        Shared by all products.
    booster_ : xgboost.Booster
    calibration_ : Calibration
    model_version_ : str
    reference_ : tuple of TagReference
        How the tags are distributed among the customers learnt from.
    snapshot_ : TrainingSnapshot
        Histograms of tags and of this product's scores at training.
    classes_ : ndarray of shape (2,)
        0 and 1, bought.
    """

    product: str
    encoder_: FeatureEncoder
    booster_: xgb.Booster
    calibration_: Calibration
    model_version_: str
    reference_: tuple[TagReference, ...]
    snapshot_: TrainingSnapshot
    classes_: NDArray[np.intp] = field(default_factory=lambda: np.array([0, 1]))

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Calibrated probabilities, shape (n_samples, 2), of not buying and of buying."""
        margin = self.booster_.inplace_predict(self.encoder_.transform(X), predict_type="margin")
        p = self.calibration_.probability(margin)
        return np.column_stack([1 - p, p])

    def explain(self, X: ArrayLike) -> Explanation:
        """What drives this product's score: TreeSHAP per tag, in log-odds before calibration."""
        return explain_rows(self.booster_, self.encoder_, self.encoder_.transform(X))

    def reasons(
        self, X: ArrayLike, *, top: int = 3, language: str = "en", tags: Sequence[Tag] = ()
    ) -> pd.DataFrame:
        """Each customer's strongest tags in words, as `PropensityModel.reasons`."""
        return reasons_of(self, X, top=top, language=language, tags=tags)

    def drift(self, X: ArrayLike, *, alpha: float = 0.01) -> Drift:
        """How far customers and this product's scores have moved since training."""
        return drift_of(self, X, alpha=alpha)


def reasons_of_shown(
    models: Mapping[str, ProductModel],
    product: pd.Series[Any],
    features: pd.DataFrame,
    top: int,
    language: str,
) -> list[str]:
    """For each row shown one product, its strongest reasons that speak for it, in one line.

    Parameters
    ----------
    models : mapping of str to ProductModel
    product : pandas.Series of shape (n,)
    features : pandas.DataFrame of shape (n, tags)
        Tags of the customer of each row, in the encoder's order.
    top : int
    language : {"en", "zh"}
    """
    told = np.full(len(product), "", dtype=object)
    for name, model in models.items():
        here = np.flatnonzero((product == name).to_numpy())
        # Numbered anew: a row without any contribution has no reason, and gets none.
        part = features.iloc[here].reset_index(drop=True)
        found = model.reasons(part, top=top, language=language)
        found = found[found["direction"] == "raises"]
        lines = found.groupby("row")["sentence"].agg(_JOINED[language].join)
        told[here[lines.index.to_numpy()]] = lines.to_numpy()
    return told.tolist()


_JOINED = {"en": "; ", "zh": "；"}


def short_hash(*parts: bytes) -> str:
    """Same content, same version."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()[:12]
