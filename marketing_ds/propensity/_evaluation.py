"""How good are probabilities? Each measure with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import logit

from marketing_ds._core.checks import check_number
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.estimate import Estimate, normal_quantile

from ._calibration import Floats, log_loss_rows
from ._ranking import Ranking

ECE_BINS = 10
_REPLICATES = 200


@dataclass(frozen=True)
class PropensityEvaluation(Result):
    """Measures of predicted probabilities against what came true.

    Attributes
    ----------
    auc : Estimate
        P(a positive is scored above a negative), ties half; interval by DeLong [1]_.
    average_precision : Estimate
        Mean of precision over recall.
    log_loss, brier : Estimate
        Means over customers; interval by the central limit theorem.
    ece : Estimate
        Expected calibration error: mean gap between predicted and observed rate in ten bins of
        equal size. A perfectly calibrated model still shows some, from chance alone.
    ks : Estimate
        Largest gap between the shares of positives and negatives reached from the top.
    lift_10 : Estimate
        Positives among the top tenth over those in a random tenth.
    rows, positives : int
        Customers, and those with the outcome.
    level : float
        Coverage of the intervals.
    calibration : pandas.DataFrame
        One row a bin: `predicted`, `observed`, its interval (Wilson) and `rows`.
    gains : pandas.DataFrame
        For each top `share` of customers: the `captured_share` of positives and the `lift`.

    Notes
    -----
    Intervals of average precision, calibration error, KS and lift are the value ± z times the
    standard deviation over Poisson bootstrap replicates, cut to the measure's range.

    References
    ----------
    .. [1] DeLong, DeLong, Clarke-Pearson (1988). Comparing the areas under two or more correlated
       receiver operating characteristic curves. Biometrics 44.
    """

    auc: Estimate
    average_precision: Estimate
    log_loss: Estimate
    brier: Estimate
    ece: Estimate
    ks: Estimate
    lift_10: Estimate
    rows: int
    positives: int
    level: float
    calibration: pd.DataFrame
    gains: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """One row a measure: `measure`, `value`, `value_ci_lower`, `value_ci_upper`."""
        measures = ("auc", "average_precision", "log_loss", "brier", "ece", "ks", "lift_10")
        rows = []
        for measure in measures:
            estimate: Estimate = getattr(self, measure)
            rows.append((measure, estimate.value, estimate.ci_lower, estimate.ci_upper))
        return pd.DataFrame(rows, columns=["measure", "value", "value_ci_lower", "value_ci_upper"])


def evaluate_probabilities(
    y: ArrayLike,
    probability: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    level: float = 0.95,
    random_state: int = 0,
) -> PropensityEvaluation:
    """Measure predicted probabilities against labels.

    Parameters
    ----------
    y : array-like of shape (n,)
        1 (or True) where the outcome came true, else 0.
    probability : array-like of shape (n,)
        Predicted, between 0 and 1.
    sample_weight : array-like of shape (n,), optional
        How many customers each row stands for.
    level : float, default=0.95
        Coverage of the intervals.
    random_state : int, default=0
        Seed of the bootstrap.

    Raises
    ------
    InvalidInput
        If lengths differ, labels are not 0/1 or of one class only, or probabilities lie outside
        [0, 1].

    Examples
    --------
    >>> result = evaluate_probabilities([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> result.auc.value
    0.75
    """
    level = check_number("level", level, low=0, high=1, inclusive=False)
    truth, p, w = _check(y, probability, sample_weight)
    alpha = 1 - level
    share = partial(Estimate.normal, alpha=alpha, low=0.0, high=1.0)
    ranking = Ranking.of(truth, p, w)
    auc, auc_error = ranking.auc()
    table = _calibration_table(truth, p, w, normal_quantile(alpha))
    spread = ranking.spread(_REPLICATES, random_state) | {
        "ece": _ece_spread(truth, p, w, random_state)
    }
    with np.errstate(divide="ignore"):
        loss = log_loss_rows(np.clip(logit(p), -34.5, 34.5), truth)
    return PropensityEvaluation(
        auc=share(auc, auc_error),
        average_precision=share(ranking.average_precision(), spread["ap"]),
        log_loss=_mean(loss, w, alpha, np.inf),
        brier=_mean((p - truth) ** 2, w, alpha, 1.0),
        ece=share(_ece(table), spread["ece"]),
        ks=share(ranking.ks(), spread["ks"]),
        lift_10=Estimate.normal(ranking.lift(0.1), spread["lift"], alpha=alpha, low=0.0),
        rows=len(truth),
        positives=int(truth.sum()),
        level=level,
        calibration=table,
        gains=ranking.gains_table(),
    )


def _check(
    y: ArrayLike, probability: ArrayLike, sample_weight: ArrayLike | None
) -> tuple[Floats, Floats, Floats]:
    truth = np.asarray(y, dtype=np.float64)
    p = np.asarray(probability, dtype=np.float64)
    w = np.ones(len(truth)) if sample_weight is None else np.asarray(sample_weight, np.float64)
    if truth.ndim != 1 or truth.shape != p.shape or truth.shape != w.shape:
        raise InvalidInput(
            "y, probability and sample_weight must be of one length and dimension, got shapes "
            f"{truth.shape}, {p.shape} and {w.shape}"
        )
    if not np.isin(truth, (0, 1)).all():
        raise InvalidInput("y must hold 0 and 1 only; compare with the positive class first")
    if not ((p >= 0) & (p <= 1)).all():  # NaN lands here too
        raise InvalidInput("probability must be between 0 and 1 everywhere")
    if not (np.isfinite(w) & (w >= 0)).all():
        raise InvalidInput("sample_weight must be finite and at least 0 everywhere")
    keep = w > 0
    truth, p, w = truth[keep], p[keep], w[keep]
    if len(np.unique(truth)) < 2:
        raise InvalidInput("y must hold both classes (with weight above 0) to be evaluated on")
    return truth, p, w


def _mean(values: Floats, w: Floats, alpha: float, high: float) -> Estimate:
    mean = float(np.average(values, weights=w))
    n = len(values)
    error = np.sqrt(np.sum((w * (values - mean)) ** 2) * n / (n - 1)) / w.sum()
    return Estimate.normal(mean, float(error), alpha=alpha, low=0.0, high=high)


def _bins(p: Floats, w: Floats) -> NDArray[np.intp]:
    """Ten bins of equal weight; equal probabilities share a bin."""
    order = np.argsort(p, kind="stable")
    _, first, group = np.unique(p[order], return_index=True, return_inverse=True)
    before = np.append(0.0, np.cumsum(w[order]))
    ends = np.append(first[1:], len(p))
    middle = (before[first] + before[ends]) / 2 / before[-1]
    of_group = np.minimum((middle * ECE_BINS).astype(np.intp), ECE_BINS - 1)
    bins = np.empty(len(p), dtype=np.intp)
    bins[order] = of_group[group]
    return bins


def _calibration_table(truth: Floats, p: Floats, w: Floats, z: float) -> pd.DataFrame:
    bins = _bins(p, w)
    used, bins = np.unique(bins, return_inverse=True)
    weight = np.bincount(bins, w)
    observed = np.bincount(bins, w * truth) / weight
    # Wilson's interval at the number of rows that would carry as much information.
    n = weight**2 / np.bincount(bins, w**2)
    centre = (observed + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(observed * (1 - observed) / n + z**2 / (4 * n**2))
    return pd.DataFrame(
        {
            "bin": used + 1,
            "rows": np.bincount(bins),
            "weight_share": weight / weight.sum(),
            "predicted": np.bincount(bins, w * p) / weight,
            "observed": observed,
            "observed_ci_lower": centre - half,
            "observed_ci_upper": centre + half,
        }
    )


def _ece(table: pd.DataFrame) -> float:
    gap = (table["observed"] - table["predicted"]).abs()
    return float((gap * table["weight_share"]).sum())


def _ece_spread(truth: Floats, p: Floats, w: Floats, random_state: int) -> float:
    """Standard deviation of the calibration error when each bin's gap varies as it does by chance."""
    bins = _bins(p, w)
    weight = np.bincount(bins, w, minlength=ECE_BINS)
    gap = np.bincount(bins, w * (truth - p), minlength=ECE_BINS)
    centred = w * (truth - p) - (w * gap[bins] / weight[bins])
    error = np.sqrt(np.bincount(bins, centred**2, minlength=ECE_BINS))
    draws = np.random.default_rng(random_state).normal(size=(_REPLICATES, ECE_BINS))
    replicates = np.abs(gap + draws * error).sum(axis=1) / w.sum()
    return float(replicates.std(ddof=1))
