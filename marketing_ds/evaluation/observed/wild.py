"""The wild bootstrap of units or clusters: intervals where there are few of them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from .cohorts import Average
from .sample import Floats, Numbers

_ENOUGH = 6
"""From so many clusters on, signs alone make enough different draws to reject anything at 5 %."""
_WEBB = np.sqrt([0.5, 1.0, 1.5])
_CLOSE = 1e-4


@dataclass(frozen=True)
class WildBootstrap:
    """Draws of a weight a cluster, and the values of an effect that they do not reject.

    Attributes
    ----------
    clusters : ndarray of shape (n,)
        The cluster of each unit.
    sizes : ndarray of shape (n,)
        How much units count.
    weights : ndarray of shape (draws, clusters)

    Notes
    -----
    For a hypothetical effect τ, residuals are those of the fit that is bound to it; each draw
    multiplies a cluster's residuals by its weight (±1, every way of it where these are few; Webb's
    six points with fewer than 6 clusters, of which signs could reject nothing), fits again, and gives t = estimate/error
    with the clustered error of that fit. τ is in the interval if the observed t is not beyond the
    share alpha of the drawn ones. Everything is linear or quadratic in τ: sums by cluster are all
    that is needed.

    References
    ----------
    Cameron, Gelbach, Miller (2008), Bootstrap-based improvements for inference with clustered
    errors, Review of Economics and Statistics 90. Webb (2023), Reworking wild bootstrap-based
    inference for clustered errors, Canadian Journal of Economics 56. MacKinnon, Webb (2018), The
    wild bootstrap for few (treated) clusters, Econometrics Journal 21.
    """

    clusters: Numbers
    sizes: Floats
    weights: Floats

    def interval(self, average: Average, alpha: float) -> tuple[float, float, float]:
        """Lower and upper end, infinite where no value is rejected, and the p-value of 0."""
        estimate, drawn = average.effect, _Drawn.of(self, average)
        step = float(np.sqrt(drawn.observed))
        ends = [_end(drawn, sign * step, alpha) for sign in (-1.0, 1.0)]
        return estimate + ends[0], estimate + ends[1], drawn.p_value(estimate)


@dataclass(frozen=True)
class _Drawn:
    """What all draws say of an estimate that lies `distance` above the truth.

    Drawn estimates are fixed + distance · moving; their clustered scores likewise.
    """

    observed: float
    """Sum of the squared scores of the data."""
    fixed: Floats
    moving: Floats
    squares: Floats
    """(3, draws): sums of fixed², 2 · fixed · moving and moving² of the scores."""

    @classmethod
    def of(cls, bootstrap: WildBootstrap, average: Average) -> _Drawn:
        lever, clusters = average.lever, bootstrap.clusters
        # The fit bound to a smaller effect moves residuals by this, for each unit of distance.
        moved = lever / bootstrap.sizes
        moved = moved / float(lever @ moved)
        groups = bootstrap.weights.shape[1]
        scores, maps = np.zeros((2, groups)), np.zeros((2, groups, groups))
        for weight, cell in zip(average.weights, average.cells, strict=True):
            for sign, side in ((weight, cell.treated), (-weight, cell.control)):
                answers = side.answers(clusters)
                for k, residual in enumerate((side.residual, moved)):
                    scores[k] += sign * np.bincount(clusters, side.lever * residual, groups)
                    np.add.at(maps[k], clusters, sign * residual[:, None] * answers)
        fixed, moving = (bootstrap.weights @ part for part in maps)
        squares = [(fixed**2).sum(1), 2 * (fixed * moving).sum(1), (moving**2).sum(1)]
        return cls(
            float(scores[0] @ scores[0]),
            bootstrap.weights @ scores[0],
            bootstrap.weights @ scores[1],
            np.array(squares),
        )

    def p_value(self, distance: float) -> float:
        """Share of the draws as far out as the data, if the truth lies so far below the estimate."""
        square = self.squares[0] + distance * self.squares[1] + distance**2 * self.squares[2]
        drawn = (self.fixed + distance * self.moving) ** 2
        return float(np.mean(drawn * self.observed >= distance**2 * square * (1 - 1e-12)))


def _end(drawn: _Drawn, step: float, alpha: float) -> float:
    """How far the estimate may lie above the truth (its sign turned) before that is rejected."""
    inside, outside = 0.0, 4 * step
    while drawn.p_value(-outside) >= alpha:
        inside, outside = outside, 2 * outside
        if abs(outside) > 1e4 * abs(step):
            return float(np.copysign(np.inf, step))
    while abs(outside - inside) > _CLOSE * abs(step):
        middle = (inside + outside) / 2
        if drawn.p_value(-middle) >= alpha:
            inside = middle
        else:
            outside = middle
    return outside


def wild_bootstrap(clusters: Numbers, sizes: Floats, draws: int, seed: int) -> WildBootstrap:
    """Draw the weights."""
    rng = np.random.default_rng(seed)
    shape = (draws, int(clusters.max()) + 1)
    if shape[1] < _ENOUGH:
        weights = rng.choice([-1.0, 1.0], shape) * rng.choice(_WEBB, shape)
    elif 2 ** shape[1] <= draws:
        weights = np.array(list(product((-1.0, 1.0), repeat=shape[1])))
    else:
        weights = rng.choice([-1.0, 1.0], shape)
    return WildBootstrap(clusters, sizes, weights)
