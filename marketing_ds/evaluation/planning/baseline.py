"""What is known of a metric before an experiment: mean, spread, and what explains it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from marketing_ds._core.checks import check_number
from marketing_ds._core.errors import InvalidInput


@dataclass(frozen=True)
class Baseline:
    """A metric as it is without the campaign; make one with `proportion`, `average` or `ratio`.

    Attributes
    ----------
    mean, sd : float
        Of the metric per customer; of a ratio, its value and the spread of its linearisation.
    binary : bool
        Whether it is a proportion: an arm's spread then follows from its rate.
    explained_share : float
        Share of the variance that covariates explain (CUPED): their R².
    design_effect : float
        Variance of a mean over what it would be if customers were independent (clusters).
    cluster_size : float
        Customers a cluster, 1 without clusters.
    name : str
        Name in results.

    Examples
    --------
    >>> Baseline.proportion(0.05).sd
    0.217944947177033...
    >>> Baseline.average(200, 900).with_covariates(0.4).with_clusters(30, icc=0.02).design_effect
    1.58
    """

    mean: float
    sd: float
    binary: bool = False
    explained_share: float = 0.0
    design_effect: float = 1.0
    cluster_size: float = 1.0
    name: str = "metric"

    @classmethod
    def proportion(cls, rate: float, *, name: str = "metric") -> Baseline:
        """A share of customers: a conversion, a retention."""
        rate = check_number("rate", rate, low=0, high=1, inclusive=False)
        return cls(rate, math.sqrt(rate * (1 - rate)), binary=True, name=name)

    @classmethod
    def average(cls, mean: float, sd: float, *, name: str = "metric") -> Baseline:
        """A mean per customer: an amount, a count."""
        check_number("mean", mean, inclusive=False)
        check_number("sd", sd, low=0, high=math.inf, inclusive=False)
        return cls(float(mean), float(sd), name=name)

    @classmethod
    def ratio(
        cls,
        numerator: tuple[float, float],
        denominator: tuple[float, float],
        *,
        correlation: float,
        name: str = "metric",
    ) -> Baseline:
        """A sum over a sum, such as spend per visit; its spread by the delta method.

        Parameters
        ----------
        numerator, denominator : (float, float)
            Mean and standard deviation per customer.
        correlation : float
            Between the two.

        References
        ----------
        Deng, Knoblich, Lu (2018), Applying the delta method in metric analytics, KDD.
        """
        (above, above_sd), (below, below_sd) = numerator, denominator
        check_number("mean of the denominator", below, low=0, inclusive=False)
        for what, sd in (("numerator", above_sd), ("denominator", below_sd)):
            check_number(f"sd of the {what}", sd, low=0)
        check_number("correlation", correlation, low=-1, high=1)
        value = above / below
        variance = above_sd**2 - 2 * value * correlation * above_sd * below_sd
        spread = math.sqrt(max(variance + (value * below_sd) ** 2, 0.0)) / below
        if spread == 0:
            raise InvalidInput(f"the ratio {name!r} must vary between customers, it does not")
        return cls(value, spread, name=name)

    def with_covariates(self, explained_share: float) -> Baseline:
        """With covariates that explain this share of the variance (the squared correlation)."""
        check_number("explained_share", explained_share, low=0, high=1)
        if explained_share == 1:
            raise InvalidInput(
                "explained_share must be below 1: then nothing would be left to test"
            )
        return replace(self, explained_share=float(explained_share))

    def with_correlated(
        self, correlations: Sequence[float], between: Sequence[Sequence[float]] | None = None
    ) -> Baseline:
        """With covariates of which the correlations are known: their R² is r' R⁻¹ r.

        Parameters
        ----------
        correlations : sequence of float, shape (q,)
            Of the metric with each covariate.
        between : sequence, shape (q, q), optional
            Correlations of the covariates with one another; none by default.

        Examples
        --------
        >>> found = Baseline.average(200, 900).with_correlated([0.6, 0.5], [[1, 0.4], [0.4, 1]])
        >>> print(f"{found.explained_share:.3f}")
        0.440
        """
        r = np.asarray(correlations, dtype=np.float64)
        if r.ndim != 1 or not len(r):
            raise InvalidInput(f"correlations must be one a covariate, got {correlations!r}")
        matrix = np.eye(len(r)) if between is None else np.asarray(between, dtype=np.float64)
        if matrix.shape != (len(r), len(r)) or not np.allclose(matrix, matrix.T):
            raise InvalidInput(
                f"between must be a symmetric matrix of {len(r)} × {len(r)}, got {matrix.shape}"
            )
        return self.with_covariates(float(r @ np.linalg.lstsq(matrix, r, rcond=None)[0]))

    def with_clusters(self, size: float, *, icc: float, variation: float = 0.0) -> Baseline:
        """With whole clusters (branches, households) in one arm.

        Parameters
        ----------
        size : float
            Mean number of customers a cluster.
        icc : float
            Intra-cluster correlation of the metric, after covariates.
        variation : float
            Standard deviation of the sizes over their mean.

        Notes
        -----
        Design effect 1 + ((1 + variation²) size − 1) icc.

        References
        ----------
        Eldridge, Ashby, Kerry (2006), Sample size for cluster randomized trials: effect of
        coefficient of variation of cluster size, International Journal of Epidemiology 35.
        """
        check_number("size", size, low=1)
        check_number("icc", icc, low=0, high=1)
        check_number("variation", variation, low=0)
        effect = 1 + ((1 + variation**2) * size - 1) * icc
        return replace(self, design_effect=effect, cluster_size=float(size))

    def variance(self, mean: float) -> float:
        """Variance per customer that an arm with this mean has, after covariates and clusters."""
        plain = self.sd**2
        if self.binary:
            rate = min(max(mean, 0.0), 1.0)
            plain = rate * (1 - rate)
        return plain * (1 - self.explained_share) * self.design_effect
