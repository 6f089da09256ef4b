"""How good are probabilities? Each measure with its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from marketing_ds._core.checks import check_number
from marketing_ds._core.display import Result
from marketing_ds._core.estimate import Estimate

from ._bootstrap import cells_by_score, draw_sums
from ._calibration import log_loss_rows
from ._gains import gains_table
from ._ranking import Ranking, auc_error
from ._reliability import (
    Reliability,
    brier_parts,
    calibration_line,
    expected_calibration_error,
    log_odds,
)
from ._sample import Sample, logit_estimate, share_estimate

MEASURES = (
    "auc",
    "average_precision",
    "log_loss",
    "brier",
    "brier_skill",
    "ece",
    "ece_debiased",
    "calibration_slope",
    "calibration_intercept",
    "ks",
    "lift_10",
    "lift_20",
    "captured_20",
    "rate",
    "mean_probability",
)
_SCORE_BINS = 50
_CELLS, _DRAWS = 500, 100


@dataclass(frozen=True)
class PropensityEvaluation(Result):
    """Measures of predicted probabilities against what came true.

    Attributes
    ----------
    auc : Estimate
        P(a positive is scored above a negative), ties half; interval by DeLong [1]_.
    average_precision : Estimate
        Mean of precision over recall. Chance raises it where there are few positives: the interval
        is about the value less that.
    log_loss, brier : Estimate
        Means over customers.
    brier_skill : Estimate
        1 − Brier score / that of the overall rate for everyone: 0 knows nothing, 1 everything.
    ece : Estimate
        Expected calibration error: mean gap between predicted and observed rate in ten bins of
        equal size. Chance alone makes it positive, the more so the fewer the positives.
    ece_debiased : Estimate
        The same less an estimate of what chance adds, at least 0. The interval of either is that of
        the true error.
    calibration_slope : Estimate
        Of the labels' log-odds on the predicted ones: 1 is right, below 1 the probabilities are too
        far apart. NaN where the probabilities do not vary or tell the classes apart wholly.
    calibration_intercept : Estimate
        By how much the log-odds are too low (above 0) or too high on the whole, at slope 1 [2]_.
    ks : Estimate
        Largest gap between the shares of positives and negatives reached from the top.
    lift_10, lift_20 : Estimate
        Positives among the top tenth or fifth over those in as many random customers.
    captured_20 : Estimate
        Share of all positives that are in the top fifth.
    rate, mean_probability : Estimate
        Share of positives, and the mean of what was predicted.
    rows, positives, customers : int
        Rows, those with the outcome, and the independent units that the intervals count
        (`groups`, or the rows).
    level : float
        Coverage of the intervals.
    calibration : pandas.DataFrame
        One row a bin: `predicted`, `observed`, its interval and `rows`.
    gains : pandas.DataFrame
        For each top `share` of customers: the `captured_share` of positives, the `lift`, the
        `rate_share` of positives among them, each with its interval, and the `least_probability`.
    brier_parts : pandas.Series
        Murphy's decomposition: `brier` = `reliability` − `resolution` + `uncertainty` +
        `within_bins`.
    scores : pandas.DataFrame
        Histogram of the probabilities: ends of each bin, and the share of the negatives and of the
        positives in it.

    Notes
    -----
    Every standard error comes from the influence of each row on the measure, summed over a
    customer's rows where `groups` names customers; of the AUC that is DeLong's and, with groups,
    Obuchowski's. Intervals of shares are Wilson's at the effective size and those of the AUC and
    the average precision are symmetric in log-odds, so that they keep their level near 0 and 1; the
    others are value ± z standard errors. `ks` and `ece` are largest or absolute deviations, which chance can only raise:
    their intervals are about the value less what chance adds.

    References
    ----------
    .. [1] DeLong, DeLong, Clarke-Pearson (1988). Comparing the areas under two or more correlated
       receiver operating characteristic curves. Biometrics 44.
    .. [2] Van Calster, McLernon, van Smeden, Wynants, Steyerberg (2019). Calibration: the Achilles
       heel of predictive analytics. BMC Medicine 17.
    """

    auc: Estimate
    average_precision: Estimate
    log_loss: Estimate
    brier: Estimate
    brier_skill: Estimate
    ece: Estimate
    ece_debiased: Estimate
    calibration_slope: Estimate
    calibration_intercept: Estimate
    ks: Estimate
    lift_10: Estimate
    lift_20: Estimate
    captured_20: Estimate
    rate: Estimate
    mean_probability: Estimate
    rows: int
    positives: int
    customers: int
    level: float
    calibration: pd.DataFrame = field(repr=False)
    gains: pd.DataFrame = field(repr=False)
    brier_parts: pd.Series = field(repr=False)
    scores: pd.DataFrame = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row a measure: `measure`, `value`, `value_ci_lower`, `value_ci_upper`."""
        return measures_frame({name: getattr(self, name) for name in MEASURES})


def evaluate_probabilities(
    y: ArrayLike,
    probability: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    level: float = 0.95,
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
    groups : array-like of shape (n,), optional
        The customer of each row, where one has several (at several cut-offs): the intervals then
        count customers, not rows.
    level : float, default=0.95
        Coverage of the intervals.

    Raises
    ------
    InvalidInput
        If lengths differ, labels are not 0/1 or of one class only, probabilities lie outside
        [0, 1], or groups hold nulls or a single customer.

    See Also
    --------
    evaluate_by : the same over time and by segment.
    compare_probabilities : two models on the same customers.

    Examples
    --------
    >>> result = evaluate_probabilities([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> result.auc.value
    0.75
    """
    alpha = 1 - check_number("level", level, low=0, high=1, inclusive=False)
    sample, _ = Sample.of(y, probability, sample_weight, groups).best_first()
    ranking, reliability = Ranking.of(sample), Reliability.of(sample)
    return PropensityEvaluation(
        **measure(sample, ranking, reliability, alpha),
        rows=len(sample.truth),
        positives=sample.positives,
        customers=sample.units,
        level=level,
        calibration=reliability.table(alpha),
        gains=gains_table(ranking, alpha),
        brier_parts=brier_parts(reliability),
        scores=_histogram(sample),
    )


def measure(
    sample: Sample, ranking: Ranking, reliability: Reliability, alpha: float
) -> dict[str, Estimate]:
    """All measures of a sample that is sorted by falling probability and holds both classes."""
    auc, by_row = ranking.auc()
    found = {"auc": logit_estimate(auc, auc_error(sample, by_row), alpha)}
    found["average_precision"] = _average_precision(ranking, alpha)
    found |= means(sample, alpha)
    found["brier_skill"] = _brier_skill(sample, alpha)
    found["ece"], found["ece_debiased"] = expected_calibration_error(reliability, alpha)
    slope, intercept = calibration_line(sample, alpha)
    found |= {"calibration_slope": slope, "calibration_intercept": intercept}
    found["ks"] = _ks(ranking, alpha)
    for share in (0.1, 0.2):
        reached, by_row = ranking.captured(share)
        error, size = sample.error(by_row), sample.class_size(1)
        found[f"lift_{share * 100:.0f}"] = share_estimate(reached, error, size, alpha, 1 / share)
        found[f"captured_{share * 100:.0f}"] = share_estimate(reached, error, size, alpha)
    return {name: found[name] for name in MEASURES}


def means(sample: Sample, alpha: float) -> dict[str, Estimate]:
    """The measures that are means over rows; they need no second class."""
    loss, error = sample.mean(log_loss_rows(log_odds(sample.p), sample.truth))
    squared, spread = sample.mean((sample.p - sample.truth) ** 2)
    rate, rate_error = sample.mean(sample.truth)
    predicted, predicted_error = sample.mean(sample.p)
    size = sample.sums(sample.w)
    kish = float(size.sum() ** 2 / (size @ size))
    return {
        "log_loss": Estimate.normal(loss, error, alpha=alpha, low=0.0),
        "brier": Estimate.normal(squared, spread, alpha=alpha, low=0.0, high=1.0),
        "rate": share_estimate(rate, rate_error, kish, alpha),
        "mean_probability": Estimate.normal(
            predicted, predicted_error, alpha=alpha, low=0.0, high=1.0
        ),
    }


def measures_frame(found: dict[str, Estimate]) -> pd.DataFrame:
    """One row a measure."""
    rows = [(name, e.value, e.ci_lower, e.ci_upper) for name, e in found.items()]
    return pd.DataFrame(rows, columns=["measure", "value", "value_ci_lower", "value_ci_upper"])


def _average_precision(ranking: Ranking, alpha: float) -> Estimate:
    """With an interval, symmetric in log-odds, about the value less what chance adds."""
    value, influence = ranking.average_precision()
    error, bias = ranking.sample.error(influence), ranking.average_precision_bias()
    true = logit_estimate(value - max(bias, 0.0), error, alpha)
    return Estimate(value, error, true.ci_lower, max(true.ci_upper, value))


def _ks(ranking: Ranking, alpha: float) -> Estimate:
    """The largest gap, with an interval about the gap less what chance adds to a maximum.

    Near its top the curve is a parabola with noise, whose maximum is too high in proportion to the
    noise's variance to the power 2/3 [1]_; where there are few positives the noise is all that is
    seen of the curve, and the power is 1/2. A draw doubles the variance, so that draws lie above the
    sample by 2^(2/3) − 1 or 2^(1/2) − 1 of what the sample lies above the truth. The interval's upper
    end takes the smaller of both corrections, the lower end the larger.

    References
    ----------
    .. [1] Kim, Pollard (1990). Cube root asymptotics. Annals of Statistics 18.
    """
    sample = ranking.sample
    value, influence = ranking.ks()
    cell = cells_by_score(sample, _CELLS)
    weights = [sample.w * sample.truth, sample.w * (1 - sample.truth)]
    drawn = draw_sums(sample, cell, weights, replicates=_DRAWS)
    one, zero = (
        np.cumsum(np.vstack([np.bincount(cell, weight), sums]), axis=1)
        for weight, sums in zip(weights, drawn, strict=True)
    )
    gaps = np.abs(one / one[:, -1:] - zero / zero[:, -1:])
    # Against the same place of each draw, whose own noise is then not counted.
    raised = float((gaps.max(axis=1) - gaps[:, gaps[0].argmax()])[1:].mean())
    # The correction itself is known to about what the draws were raised by.
    error = math.hypot(sample.error(influence), raised)
    low, high = (
        Estimate.normal(
            max(value - raised / (2**power - 1), 0.0), error, alpha=alpha, low=0.0, high=1.0
        )
        for power in (1 / 2, 2 / 3)
    )
    return Estimate(value, error, low.ci_lower, max(high.ci_upper, value))


def _brier_skill(sample: Sample, alpha: float) -> Estimate:
    rate = sample.rate
    score, base = (sample.p - sample.truth) ** 2, rate * (1 - rate)
    ratio = float(sample.w @ score) / sample.weight / base
    # The overall rate's own score, rate·(1 − rate), is estimated too.
    of_base = (sample.truth - rate) * (1 - 2 * rate)
    influence = (score - ratio * base - ratio * of_base) / base
    return Estimate.normal(1 - ratio, sample.error(sample.w * influence), alpha=alpha, high=1.0)


def _histogram(sample: Sample) -> pd.DataFrame:
    most = min(1.0, 1.02 * float(sample.p[0]) or 1.0)
    edges = np.linspace(0, most, _SCORE_BINS + 1)
    place = np.minimum((sample.p / most * _SCORE_BINS).astype(np.intp), _SCORE_BINS - 1)
    shares = {
        label: np.bincount(place, sample.w * (sample.truth == value), minlength=_SCORE_BINS)
        for label, value in (("negatives_share", 0), ("positives_share", 1))
    }
    return pd.DataFrame(
        {"from": edges[:-1], "to": edges[1:]}
        | {label: weight / weight.sum() for label, weight in shares.items()}
    )
