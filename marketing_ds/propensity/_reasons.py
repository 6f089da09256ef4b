"""Why a score is what it is: TreeSHAP, gathered from encoded columns back to tags."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xgboost as xgb
from numpy.typing import NDArray
from scipy.stats import norm

from marketing_ds._core.display import Result
from marketing_ds.features import FeatureEncoder

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Explanation(Result):
    """Contributions of tags to log-odds before calibration.

    For each customer, the tags' contributions and the base add up to the booster's margin.

    Attributes
    ----------
    tags : tuple of str
    contributions : ndarray of shape (rows, tags)
        SHAP values; positive raises the score.
    base : float
        What a customer of whom nothing is known would get.
    """

    tags: tuple[str, ...]
    contributions: Floats
    base: float

    def to_frame(self) -> pd.DataFrame:
        """One row a tag, most important first: mean |SHAP| with its 95 % interval, and its share.

        The interval is about the choice of customers explained, not about the model.
        """
        size = np.abs(self.contributions)
        mean = size.mean(axis=0)
        rows = len(size)
        error = size.std(axis=0, ddof=1) / np.sqrt(rows) if rows > 1 else np.full(len(mean), np.nan)
        half = norm.ppf(0.975) * error
        frame = pd.DataFrame(
            {
                "tag": self.tags,
                "mean_abs_shap": mean,
                "mean_abs_shap_ci_lower": np.maximum(mean - half, 0.0),
                "mean_abs_shap_ci_upper": mean + half,
                "importance_share": mean / mean.sum() if mean.sum() > 0 else mean,
            }
        )
        return frame.sort_values("mean_abs_shap", ascending=False, kind="stable", ignore_index=True)


def explain_rows(
    booster: xgb.Booster, encoder: FeatureEncoder, Z: NDArray[np.float32]
) -> Explanation:
    """TreeSHAP of encoded rows, summed over each tag's encoded columns."""
    values = booster.predict(xgb.DMatrix(Z), pred_contribs=True).astype(np.float64)
    tags = tuple(column.name for column in encoder.columns_)
    summed = np.zeros((len(Z), len(tags)))
    np.add.at(summed.T, encoder.origin_, values[:, :-1].T)
    return Explanation(tags, summed, float(values[0, -1]))


def top_reasons(
    explanation: Explanation, features: pd.DataFrame, ids: pd.Series, top: int
) -> pd.DataFrame:
    """Each customer's strongest tags, strongest first; see `PropensityModel.reasons`."""
    strength = np.abs(explanation.contributions)
    top = min(top, strength.shape[1])
    chosen = np.argsort(-strength, axis=1, kind="stable")[:, :top]
    rows = np.repeat(np.arange(len(strength)), top)
    flat = chosen.ravel()
    values = np.empty(len(flat), dtype=object)
    for position in np.unique(flat):
        here = flat == position
        values[here] = [_as_text(v) for v in features.iloc[rows[here], position]]
    contribution = explanation.contributions[rows, flat]
    frame = pd.DataFrame(
        {
            str(ids.name): ids.to_numpy()[rows],
            "rank": np.tile(np.arange(1, top + 1), len(strength)),
            "tag": np.asarray(explanation.tags, dtype=object)[flat],
            "value": pd.Series(values, dtype="str"),
            "contribution": contribution,
        }
    )
    moved: pd.DataFrame = frame.loc[contribution != 0].reset_index(drop=True)
    return moved


def _as_text(value: object) -> str | None:
    if pd.isna(value):  # type: ignore[call-overload]
        return None
    if isinstance(value, (float, np.floating)):
        return f"{value:.6g}"
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat()
    return str(value)
