"""Does a model still hold what it promised? Its published scores against outcomes, date by date."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr

from marketing_ds._core.checks import check_choice, check_columns, check_number
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.estimate import Estimate

from ._evaluation import PropensityEvaluation, evaluate_probabilities
from ._inputs import FEW

_MEASURES = ("auc", "log_loss", "calibration_intercept")
_COLUMNS = (
    *("as_of", "measure", "value", "value_ci_lower", "value_ci_upper", "training", "p_value"),
    *("alarm", "rows", "positives", "observed_share", "predicted_share"),
)
_WORDS = {
    "en": {
        "auc": "the order has become worse: AUC {value:.3f}, at training {training:.3f}",
        "log_loss": "the probabilities have become worse: log loss {value:.4f}, at training {training:.4f}",
        "too low": "the probabilities are too low: {observed:.2%} came true, {predicted:.2%} foretold",
        "too high": "the probabilities are too high: {observed:.2%} came true, {predicted:.2%} foretold",
        "told": "scores of {day}: {what} (p = {p:.2g})",
    },
    "zh": {
        "auc": "排序变差：AUC {value:.3f}，训练时{training:.3f}",
        "log_loss": "概率变差：对数损失{value:.4f}，训练时{training:.4f}",
        "too low": "概率偏低：实际{observed:.2%}，预测{predicted:.2%}",
        "too high": "概率偏高：实际{observed:.2%}，预测{predicted:.2%}",
        "told": "{day}的评分：{what}（p = {p:.2g}）",
    },
}


@dataclass(frozen=True)
class Decay(Result):
    """Performance of published scores by scoring date, against training.

    Attributes
    ----------
    table : pandas.DataFrame
        See `to_frame`.
    without_outcome : int
        Scores that no outcome was found for.
    level : float
        Coverage of the intervals.
    alpha : float
        Probability that any alarm is raised where nothing has become worse.

    Notes
    -----
    AUC and log loss are tested one-sided against training's, by the normal approximation of two
    independent samples; the calibration intercept (by how much the log-odds are too low or too high
    on the whole) two-sided against 0. The p-values are held against alpha / number of tests.
    Log loss also moves with the rate of the outcome itself: read it beside the intercept.
    """

    table: pd.DataFrame = field(repr=False)
    without_outcome: int
    level: float
    alpha: float

    def to_frame(self) -> pd.DataFrame:
        """One row a date and measure.

        `as_of`, `measure`, `value` with its interval, `training`, `p_value`, `alarm`, `rows`,
        `positives`, `observed_share`, `predicted_share`. Dates with fewer than 30 rows of a class
        are shown without a test.
        """
        return self.table

    def alarms(self, language: str = "en") -> list[str]:
        """What has become worse, in words, by date; empty where nothing has."""
        words = _WORDS[check_choice("language", language, tuple(_WORDS))]
        told = []
        for row in self.table[self.table["alarm"]].itertuples():
            kind = str(row.measure)
            if kind == "calibration_intercept":
                kind = "too low" if float(row.value) > 0 else "too high"  # type: ignore[arg-type]
            what = words[kind].format(
                value=row.value,
                training=row.training,
                observed=row.observed_share,
                predicted=row.predicted_share,
            )
            told.append(words["told"].format(day=row.as_of, what=what, p=row.p_value))
        return told


def performance_over_time(
    scores: pd.DataFrame | Any,
    outcomes: pd.DataFrame | Any,
    training: PropensityEvaluation,
    *,
    level: float = 0.95,
    alpha: float = 0.05,
) -> Decay:
    """Published scores against what came true, for each scoring date.

    Parameters
    ----------
    scores : pandas.DataFrame, Arrow table or ibis.Table
        Under the contract of `scores`, of one model and one arm: `customer_id`, `as_of`, `score`;
        several dates together.
    outcomes : pandas.DataFrame, Arrow table or ibis.Table
        `customer_id`, `as_of` (the day of the score), `label` 0 or 1, for those whose horizon is
        over.
    training : PropensityEvaluation
        What the model was worth at training, ``model.evaluation_``.
    level : float, default=0.95
        Coverage of the intervals.
    alpha : float, default=0.05
        Probability that any alarm is raised where nothing has become worse.

    Raises
    ------
    InvalidInput
        If columns are missing, a customer has two scores or outcomes for one date, or no score has
        an outcome.
    """
    level = check_number("level", level, low=0, high=1, inclusive=False)
    alpha = check_number("alpha", alpha, low=0, high=1, inclusive=False)
    joined, without = _joined(scores, outcomes)
    found = {day: _measured(rows, level) for day, rows in joined.groupby("as_of")}
    tests = sum(evaluation is not None for _, evaluation in found.values()) * len(_MEASURES)
    rows = []
    for day, (rates, evaluation) in found.items():
        if evaluation is None:
            rows.append({"as_of": day, "measure": "auc"} | rates | {"alarm": False})
            continue
        for measure in _MEASURES:
            value: Estimate = getattr(evaluation, measure)
            before: Estimate = getattr(training, measure)
            p = _p_value(measure, value, before)
            row = {"as_of": day, "measure": measure, "value": value.value}
            row |= {"value_ci_lower": value.ci_lower, "value_ci_upper": value.ci_upper}
            row |= {"training": before.value, "p_value": p, "alarm": p < alpha / tests}
            rows.append(row | rates)
    return Decay(pd.DataFrame(rows, columns=list(_COLUMNS)), without, level, alpha)


def _joined(scores: Any, outcomes: Any) -> tuple[pd.DataFrame, int]:
    parts = []
    for name, given, column in (("scores", scores, "score"), ("outcomes", outcomes, "label")):
        frame = given if isinstance(given, pd.DataFrame) else given.to_pandas()
        check_columns(frame.columns, ["customer_id", "as_of", column], name)
        if name == "scores":
            _check_one_model(frame)
        part = frame[["customer_id", "as_of", column]].copy()
        part["as_of"] = pd.to_datetime(part["as_of"]).dt.date
        twice = part.duplicated(["customer_id", "as_of"])
        if twice.any():
            first = part.loc[twice].iloc[0]
            raise InvalidInput(
                f"{name} must hold a customer once per date, got {first['customer_id']!r} on "
                f"{first['as_of']} more than once"
            )
        parts.append(part)
    joined = parts[0].merge(parts[1].dropna(subset="label"), on=["customer_id", "as_of"])
    if joined.empty:
        raise InvalidInput(
            "outcomes must hold customers and dates of scores, but no score has an outcome; is "
            "as_of of the outcomes the day of the score?"
        )
    return joined, len(parts[0]) - len(joined)


def _check_one_model(scores: pd.DataFrame) -> None:
    for column in ("kind", "arm"):
        if column in scores.columns and scores[column].nunique(dropna=False) > 1:
            names = ", ".join(sorted(map(str, scores[column].unique()))[:5])
            raise InvalidInput(f"scores must be of one {column}, got {names}; choose one")


def _measured(
    rows: pd.DataFrame, level: float
) -> tuple[dict[str, Any], PropensityEvaluation | None]:
    """What can be said of any date, and the evaluation where both classes are there."""
    label = rows["label"].to_numpy(dtype=np.float64)
    score = rows["score"].to_numpy(dtype=np.float64)
    rates = {
        "rows": len(rows),
        "positives": int(label.sum()),
        "observed_share": float(label.mean()),
        "predicted_share": float(score.mean()),
    }
    enough = min(label.sum(), len(label) - label.sum()) >= FEW
    return rates, evaluate_probabilities(label, score, level=level) if enough else None


def _p_value(measure: str, now: Estimate, before: Estimate) -> float:
    """Of not being worse than before: small where it is."""
    if measure == "calibration_intercept":
        return now.p_value
    worse = before.value - now.value if measure == "auc" else now.value - before.value
    return float(ndtr(-worse / np.hypot(now.se, before.se)))
