"""How many groups: as many as halves of the customers agree on, if not a matter of degree.

**Agreement.** The customers are split into halves, each is grouped, and for every group of one half
it is seen what share of its pairs the other half's centres keep together; the worst group counts
(prediction strength). A group that chance has cut in two has about 0.5.

**Tightness.** Customers who differ by degree alone are cut by k-means too, and stably so (rich from
poor), and so are those whom one yes or no tells apart. Therefore groups must explain more of the
variance than k-means explains among *reference* customers, who have the same tags, equally
distributed and equally correlated, but no groups (`_reference`). Gain = the difference of the two
shares.

A number of groups passes if its agreement reaches 0.8 within one standard error, its gain stands
out of the references by three of their standard deviations, and its smallest group is not below the
least share. Of those that pass, k is the least whose gain is within one standard error of the
greatest. If none passes, k = 1.

References
----------
R. Tibshirani and G. Walther (2005), "Cluster Validation by Prediction Strength", Journal of
Computational and Graphical Statistics 14, 511-528 (agreement). R. Tibshirani, G. Walther and T.
Hastie (2001), "Estimating the number of clusters in a data set via the gap statistic", Journal of
the Royal Statistical Society B 63, 411-423, and Y. Liu, D. N. Hayes, A. Nobel and J. S. Marron
(2008), "Statistical Significance of Clustering for High-Dimension, Low-Sample Size Data", Journal
of the American Statistical Association 103, 1281-1293 (tightness against a reference).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from marketing_ds._core.display import Result

from ._kmeans import Labels, Points, centres, nearest, threads
from ._reference import by_degree, leading_axes

ENOUGH_AGREEMENT = 0.8
_STANDS_OUT = 3.0
_SPLITS = 10
_REFERENCES = 10
_STARTS, _STEPS = 6, 15


@dataclass(frozen=True, eq=False)
class GroupStability(Result):
    """How stable each number of groups is, and which was chosen.

    `.to_frame()` has one row a k: `agreement` (0 to 1) with `agreement_se`; `gain`, the share of
    variance explained beyond that of customers without groups, with `gain_se` (null where the
    groups are not stable anyway); `smallest_share`; and `stable`, `tighter`, `large_enough`,
    `chosen`.
    """

    chosen: int
    min_share: float
    rows: pd.DataFrame = field(repr=False)
    enough: float = ENOUGH_AGREEMENT
    """The agreement from which groups are stable."""

    def to_frame(self) -> pd.DataFrame:
        """One row a number of groups."""
        return self.rows.assign(chosen=self.rows["k"] == self.chosen)


def judge(
    points: Points, blocks: Sequence[slice], ks: Sequence[int], *, min_share: float, seed: int
) -> pd.DataFrame:
    """Agreement, tightness and sizes for each number of groups; tightness only where it decides."""
    axes = leading_axes(points)
    random = np.random.RandomState(seed)
    halves = [random.permutation(len(points)) for _ in range(_SPLITS)]
    others = by_degree(points, blocks, axes, random, count=_REFERENCES)
    low = np.ascontiguousarray(points @ axes)
    with threads(1):  # many small searches, which more threads would only slow down
        return pd.DataFrame([_judged(low, halves, others, k, min_share, seed) for k in ks])


def _judged(
    points: Points,
    halves: Sequence[NDArray[np.intp]],
    others: Sequence[Points],
    k: int,
    min_share: float,
    seed: int,
) -> dict[str, object]:
    """One number of groups; its tightness only where it decides."""
    agreement = np.array([_agreement(points, half, k, seed + i) for i, half in enumerate(halves)])
    error = float(agreement.std(ddof=1) / np.sqrt(len(halves)))
    stable = bool(agreement.mean() + error >= ENOUGH_AGREEMENT)
    explained, shares = _explained(points, k, seed)
    gain, gain_error = np.nan, np.nan
    if stable:
        gains = explained - np.array([_explained(other, k, seed)[0] for other in others])
        # Ours is one more draw if there are no groups: it strays too, and so does the mean of them.
        gain, gain_error = gains.mean(), gains.std(ddof=1) * np.sqrt(1 + 1 / len(gains))
    return {
        "k": k,
        "agreement": float(agreement.mean()),
        "agreement_se": error,
        "gain": float(gain),
        "gain_se": float(gain_error),
        "smallest_share": float(shares.min()),
        "stable": stable,
        "tighter": bool(gain > _STANDS_OUT * gain_error),
        "large_enough": bool(shares.min() >= min_share),
    }


def choose(judged: pd.DataFrame) -> int:
    """The least number whose gain is within one standard error of the best; 1 if none passes."""
    passed = judged[judged["stable"] & judged["tighter"] & judged["large_enough"]]
    if passed.empty:
        return 1
    best = passed.sort_values("gain", ascending=False, kind="stable").iloc[0]
    return int(passed.loc[passed["gain"] >= best["gain"] - best["gain_se"], "k"].min())


def _agreement(points: Points, order: NDArray[np.intp], k: int, seed: int) -> float:
    """Prediction strength between two halves, the mean of both directions."""
    halves = points[order[: len(order) // 2]], points[order[len(order) // 2 :]]
    found = [centres(half, k, seed=seed, starts=_STARTS, steps=_STEPS) for half in halves]
    strengths = []
    for half, own, other in zip(halves, found, found[::-1], strict=True):
        strengths.append(kept_together(nearest(own, half)[0], nearest(other, half)[0], k))
    return float(np.mean(strengths))


def kept_together(groups: Labels, other: Labels, k: int) -> float:
    """The share of a group's pairs that another grouping keeps together; the worst group's."""
    counts = np.bincount(groups * k + other, minlength=k * k).reshape(k, k).astype(np.float64)
    size = counts.sum(axis=1)
    pairs = size * (size - 1)
    kept = (counts * (counts - 1)).sum(axis=1)
    return float(min((kept[pairs > 0] / pairs[pairs > 0]).tolist(), default=0.0))


def _explained(points: Points, k: int, seed: int) -> tuple[float, NDArray[np.float64]]:
    """The share of variance that k groups explain, and their shares of the customers."""
    found = centres(points, k, seed=seed, starts=_STARTS, steps=_STEPS)
    label, distance = nearest(found, points)
    total = points.var(axis=0, dtype=np.float64).sum()
    shares = np.bincount(label, minlength=k) / len(points)
    return float(1 - distance.mean(dtype=np.float64) / total), shares
