"""Standard errors of a forest by the bootstrap of little bags."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xgboost as xgb
from scipy.special import erfc

from ..arms import Floats
from ..binned import Matrix

_AT_ONCE = 100_000  # customers: what bounds the memory


@dataclass(frozen=True)
class ForestError:
    """How much a forest's effects move with the customers that it is grown on.

    Attributes
    ----------
    booster : xgboost.Booster or None
        Trees, bag after bag: two chains of `rounds` trees each.
    bag_effects : ndarray of shape (bags,)
        Average effects that the bags start from.
    rounds : int
    slope, slope_error, centre : float
        Of the calibration: the effect is a constant + slope · (mean of chains − centre).

    Notes
    -----
    Each bag is grown on a random half of the customers, and the variance of estimates on random
    halves is that of an estimate on all. Bags of finitely many trees differ by the trees' own
    draws too: that part, known from how a bag's two chains differ, is taken out. What is left may
    be negative by chance; as in grf, its posterior mean given that it is positive is taken. The
    uncertainty of the calibration's slope is added. Where the slope is below 1 the trees' variance
    is left as it was before shrinking: who cannot be told apart is not known better for it.
    """

    booster: xgb.Booster | None
    bag_effects: Floats
    rounds: int
    slope: float
    slope_error: float
    centre: float

    def standard_error(self, X: Matrix) -> Floats:
        """Standard errors of the effects of encoded customers, shape (n,)."""
        out = np.empty(len(X))
        for start in range(0, len(X), _AT_ONCE):
            block = slice(start, start + _AT_ONCE)
            out[block] = np.sqrt(self._variance(X[block]))
        return out

    def _variance(self, X: Matrix) -> Floats:
        bags = len(self.bag_effects)
        scale = max(self.slope, 1.0)
        first, second, within, added = (np.zeros(len(X)) for _ in range(4))
        centre = self.bag_effects.mean()
        for bag, start in enumerate(self.bag_effects):
            chains = [self._chain(X, 2 * bag + chain) for chain in range(2)]
            mean = (chains[0] + chains[1]) / 2
            added += mean
            estimate = start - centre + scale * mean
            first += estimate
            second += estimate**2
            within += (scale * (chains[0] - chains[1])) ** 2 / 4
        between = np.maximum(second - first**2 / bags, 0.0) / (bags - 1)
        # The mean of so many bags is off by what they differ, each with its own draws.
        variance = _positive(between, within / bags, bags) + between / bags
        stretch = self.slope_error * (added / bags - self.centre)
        return variance + stretch**2

    def _chain(self, X: Matrix, number: int) -> Floats:
        """What the trees of a chain add to the average of its bag."""
        if self.booster is None:
            return np.zeros(len(X))
        trees = (number * self.rounds, (number + 1) * self.rounds)
        margin = self.booster.inplace_predict(X, iteration_range=trees, predict_type="margin")
        return np.asarray(margin, dtype=np.float64)


def _positive(between: Floats, noise: Floats, bags: int) -> Floats:
    """Posterior mean of ``between - noise``, normal with known error, given that it is positive."""
    estimate = between - noise
    error = np.maximum(between, noise) * np.sqrt(2 / bags)
    ratio = np.divide(estimate, error, out=np.zeros_like(error), where=error > 0)
    density = np.exp(-(ratio**2) / 2) / np.sqrt(2 * np.pi)
    chance = erfc(-ratio / np.sqrt(2)) / 2
    corrected: Floats = estimate + error * density / chance
    return np.maximum(corrected, 0.0)
