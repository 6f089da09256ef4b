"""Do the probabilities mean what they say? Bins, calibration errors, slope and intercept."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import chdtri, expit, logit, ndtr

from marketing_ds._core.estimate import Estimate

from ._sample import Floats, Sample, share_estimate

BINS = 10
_MOST_LOG_ODDS = (
    34.5  # a probability of 1e-15: what is certain and wrong costs much, not infinitely
)
_ROUNDS = 50


def log_odds(p: Floats) -> Floats:
    """Log-odds, those of 0 and 1 held finite."""
    with np.errstate(divide="ignore"):
        return np.clip(logit(p), -_MOST_LOG_ODDS, _MOST_LOG_ODDS)


def equal_bins(ordered: Sample, bins: int = BINS) -> NDArray[np.intp]:
    """Bins of equal weight over rows by falling probability, lowest probability first.

    Equal probabilities share a bin.
    """
    start = np.append(0, np.flatnonzero(ordered.p[1:] != ordered.p[:-1]) + 1)
    ends = np.append(start[1:], len(ordered.p))
    before = np.append(0.0, np.cumsum(ordered.w))
    middle = 1 - (before[start] + before[ends]) / 2 / before[-1]
    of_group = np.minimum((middle * bins).astype(np.intp), bins - 1)
    return np.repeat(of_group, ends - start)


@dataclass(frozen=True)
class Reliability:
    """The bins of a sample: their gaps between observed and predicted, and what follows.

    Attributes
    ----------
    bin : ndarray of shape (n,)
        Of each row, numbered without holes.
    number : ndarray of shape (bins,)
        The bins' names, 1 to 10.
    weight, predicted, observed, error : ndarray of shape (bins,)
        Share of the weight, means, and the standard error of the gap's part in the whole
        (share × gap).
    """

    sample: Sample
    bin: NDArray[np.intp]
    number: NDArray[np.intp]
    weight: Floats
    predicted: Floats
    observed: Floats
    error: Floats

    @classmethod
    def of(cls, ordered: Sample) -> Reliability:
        """Bin a sample that is sorted by falling probability."""
        used, bins = np.unique(equal_bins(ordered), return_inverse=True)
        weight = np.bincount(bins, ordered.w)
        predicted = np.bincount(bins, ordered.w * ordered.p) / weight
        observed = np.bincount(bins, ordered.w * ordered.truth) / weight
        rest = ordered.w * (ordered.truth - ordered.p - (observed - predicted)[bins])
        error = ordered.errors_within(rest, bins)
        return cls(ordered, bins, used + 1, weight / ordered.weight, predicted, observed, error)

    def ece(self) -> tuple[float, float, Floats]:
        """Expected calibration error, the part of it that chance explains, and its influences.

        With gaps g that vary by σ, Σ share·|g| is too high by about Σ share·(E|N(g, σ²)| − |g|),
        the plug-in estimate of its bias.
        """
        gap = self.weight * (self.observed - self.predicted)
        ece = float(np.abs(gap).sum())
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.where(self.error > 0, np.abs(gap) / self.error, np.inf)
        tail = np.where(np.isfinite(t), ndtr(-t), 0.0)
        folded = self.error * math.sqrt(2 / math.pi) * np.exp(-(t**2) / 2) - 2 * np.abs(gap) * tail
        influence = self.sample.w * (
            np.sign(gap)[self.bin] * (self.sample.truth - self.sample.p) - ece
        )
        return ece, float(folded.sum()), influence

    def gaps_beyond_chance(self, alpha: float) -> bool:
        """Whether a χ² test over the bins rejects that every gap is chance.

        The variances are those that the probabilities themselves imply, since the observed ones of
        bins with hardly a positive are too small; rows of one customer raise all by one factor.
        """
        sample = self.sample
        implied = np.bincount(self.bin, sample.w**2 * sample.p * (1 - sample.p))
        rest = sample.w * (sample.truth - sample.p)
        by_customer, by_row = sample.sums(rest), rest
        factor = float(by_customer @ by_customer) / max(float(by_row @ by_row), 1e-300)
        known = implied > 0
        gap = (self.weight * (self.observed - self.predicted))[known] * sample.weight
        statistic = float((gap**2 / (factor * implied[known])).sum())
        return bool(statistic > chdtri(float(max(known.sum(), 1)), alpha))

    def table(self, alpha: float) -> pd.DataFrame:
        """One row a bin; the interval of the observed rate is Wilson's at its effective size."""
        sample, observed = self.sample, self.observed
        error = sample.errors_within(sample.w * (sample.truth - observed[self.bin]), self.bin)
        kish = np.bincount(self.bin, sample.w) ** 2 / np.bincount(self.bin, sample.w**2)
        rates = [
            share_estimate(float(rate), float(se), float(size), alpha)
            for rate, se, size in zip(observed, error / self.weight, kish, strict=True)
        ]
        return pd.DataFrame(
            {
                "bin": self.number,
                "rows": np.bincount(self.bin),
                "weight_share": self.weight,
                "predicted": self.predicted,
                "observed": observed,
                "observed_ci_lower": [rate.ci_lower for rate in rates],
                "observed_ci_upper": [rate.ci_upper for rate in rates],
            }
        )


def expected_calibration_error(reliability: Reliability, alpha: float) -> tuple[Estimate, Estimate]:
    """As it is, and less what chance explains; both with the interval of the true one.

    The interval begins at 0 unless the gaps are too large for chance by a χ² test over the bins.
    """
    value, bias, influence = reliability.ece()
    less = max(value - bias, 0.0)
    error = reliability.sample.error(influence)
    true = Estimate.normal(less, error, alpha=alpha, low=0.0, high=1.0)
    if not reliability.gaps_beyond_chance(alpha):
        true = replace(true, ci_lower=0.0)
    return Estimate(value, error, true.ci_lower, max(true.ci_upper, value)), true


def brier_parts(reliability: Reliability) -> pd.Series:
    """Murphy's parts: Brier score = reliability − resolution + uncertainty + what bins hide."""
    sample, weight = reliability.sample, reliability.weight
    unreliable = float(weight @ (reliability.observed - reliability.predicted) ** 2)
    resolution = float(weight @ (reliability.observed - sample.rate) ** 2)
    uncertainty = sample.rate * (1 - sample.rate)
    brier = float(sample.w @ (sample.p - sample.truth) ** 2) / sample.weight
    return pd.Series(
        {
            "brier": brier,
            "reliability": unreliable,
            "resolution": resolution,
            "uncertainty": uncertainty,
            "within_bins": brier - unreliable + resolution - uncertainty,
        },
        name="value",
    )


def calibration_line(sample: Sample, alpha: float) -> tuple[Estimate, Estimate]:
    """Slope of the labels' log-odds on the predicted ones, and the intercept at slope 1.

    Fitted by maximum likelihood with robust (sandwich) standard errors; NaN where no finite
    solution exists.
    """
    z = log_odds(sample.p)
    line = _fit(sample, np.vstack([np.ones(len(z)), z]), np.zeros(len(z)), (0.0, 1.0))
    shift = _fit(sample, np.ones((1, len(z))), z, (0.0,))
    slope, intercept = (
        Estimate.normal(value, error, alpha=alpha)
        if math.isfinite(value)
        else Estimate(math.nan, math.nan, math.nan, math.nan)
        for value, error in (line[-1], shift[-1])
    )
    return slope, intercept


def _fit(
    sample: Sample, X: Floats, offset: Floats, start: tuple[float, ...]
) -> list[tuple[float, float]]:
    """Coefficients of a logistic regression and their robust standard errors, by Newton's method."""
    beta = np.array(start)
    unknown = [(math.nan, math.nan)] * len(start)
    for _ in range(_ROUNDS):
        p = expit(beta @ X + offset)
        curvature = (X * (sample.w * p * (1 - p))) @ X.T
        slope = X @ (sample.w * (sample.truth - p))
        if np.linalg.matrix_rank(curvature, hermitian=True) < len(beta):
            return unknown
        step = np.linalg.solve(curvature, slope)
        if np.abs(step).max() < 1e-9 * max(1.0, float(np.abs(beta).max())):
            break
        beta = beta + step * min(1.0, 2.0 / float(np.abs(step).max()))
    else:  # the classes are told apart: the likelihood has no maximum
        return unknown
    influence = np.linalg.inv(curvature) @ (X * (sample.w * (sample.truth - p)))
    return [(float(b), sample.error(influence[i] * sample.weight)) for i, b in enumerate(beta)]
