"""Standard errors of predicted effects: how much they move when customers are left out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.optimize import brentq
from scipy.special import digamma, polygamma
from scipy.stats import t as t_distribution

from marketing_ds._core.estimate import normal_quantile

from ..arms import Floats
from ..binned import Matrix
from ..terms import Model, predict_models

_MOST_ROWS = 5000
_FEW = 20  # customers' variances from which nothing usual can be told
_MOST_WEIGHT = 1e3


class EffectError(Protocol):
    """Standard errors of an effect."""

    def standard_error(self, X: Matrix) -> Floats:
        """Of encoded customers, shape (n,)."""


@dataclass(frozen=True)
class Jackknife:
    """Delete-a-group jackknife over members that each lack a fold [1]_.

    With K members the variance is (K − 1)/K · Σ (τ_k − mean τ)². It says how far other customers
    of the same kind would have moved the effect; it knows nothing of what trees smooth away.

    K − 1 degrees of freedom are few, so that each customer's variance is drawn towards that of all,
    by as much as the customers' variances differ no more than such few degrees make them [2]_; and
    errors are widened: 1.96 of them reach as far as Student's quantile would.

    Attributes
    ----------
    members : sequence of Model
        Before their spread was scaled.
    least : float
        The average effect's error: no customer's is known better.
    usual, weight : float
        The variance of all, and the degrees of freedom that it counts for.
    scale, slope_error : float
        What the spread was scaled by, and its standard error. A variance shrinks by the scale, not
        by its square: the rest is for what shrinking may have taken from the effect, as in a
        normal posterior.
    centre : float
        What the spread was scaled about.

    References
    ----------
    .. [1] Kott (2001). The delete-a-group jackknife. Journal of Official Statistics 17(4).
    .. [2] Smyth (2004). Linear models and empirical Bayes methods for assessing differential
       expression in microarray experiments. Statistical Applications in Genetics and Molecular
       Biology 3(1), section 6.
    """

    members: Sequence[Model]
    least: float
    usual: float
    weight: float
    scale: float = 1.0
    slope_error: float = 0.0
    centre: float = 0.0

    @classmethod
    def of(
        cls,
        members: Sequence[Model],
        X: Matrix,
        least: float,
        *,
        slope_error: float = 0.0,
        centre: float = 0.0,
    ) -> Jackknife:
        """With what is usual among encoded customers trained on."""
        rows = np.arange(len(X))
        if len(X) > _MOST_ROWS:
            rows = np.sort(np.random.default_rng(0).choice(len(X), _MOST_ROWS, replace=False))
        variance = _mean_and_variance(predict_models(members, X, rows))[1]
        usual, weight = _usual(variance[variance > 0], len(members) - 1)
        return cls(members, least, usual, weight, 1.0, slope_error, centre)

    def standard_error(self, X: Matrix) -> Floats:
        mean, variance = _mean_and_variance(predict_models(self.members, X))
        own = len(self.members) - 1
        variance = (self.weight * self.usual + own * variance) / (self.weight + own)
        widened = t_distribution.ppf(0.975, self.weight + own) / normal_quantile(0.05)
        variance *= widened**2 * self.scale * max(self.scale, 1.0)
        variance += (self.slope_error * (mean - self.centre)) ** 2
        return np.asarray(np.maximum(np.sqrt(variance), self.least))


def _mean_and_variance(effects: Floats) -> tuple[Floats, Floats]:
    """Mean of the members' effects (n, K), and its jackknife variance."""
    count, mean = effects.shape[1], effects.mean(axis=1)
    effects -= mean[:, None]
    return mean, (count - 1) / count * (effects**2).sum(axis=1)


def _usual(variance: Floats, freedom: int) -> tuple[float, float]:
    """The variance that customers' own vary about, and its degrees of freedom."""
    if len(variance) < _FEW:
        return 0.0, 0.0
    logs = np.log(variance) - digamma(freedom / 2) + math.log(freedom / 2)
    beyond = float(logs.var()) - float(polygamma(1, freedom / 2))
    if beyond <= float(polygamma(1, _MOST_WEIGHT / 2)):
        return math.exp(float(logs.mean())), _MOST_WEIGHT
    ends = (1e-3, _MOST_WEIGHT / 2)
    half = brentq(lambda x: float(polygamma(1, x)) - beyond, *ends) if beyond < 1e5 else ends[0]
    return math.exp(float(logs.mean()) + float(digamma(half)) - math.log(half)), 2 * half
