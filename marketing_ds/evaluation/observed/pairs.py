"""Rosenbaum's bound: how unequal the odds within matched pairs may be."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr
from scipy.stats import binom, rankdata

from .sample import Floats, Numbers

_CANDIDATES = 20
_CALIPER = 0.2
_HIGHEST = 100.0
_EXACT = 10_000


def rosenbaum_gamma(treated: Floats, outcome: Floats, chance: Floats, alpha: float) -> float:
    """The greatest Γ at which matched pairs still show the effect; 1 if they never do.

    Pairs without replacement on the log odds of the arm; sign test (McNemar) for 0/1 outcomes,
    signed ranks (Wilcoxon) for others; one-sided at alpha/2, in the direction seen.

    References
    ----------
    Rosenbaum (2002), Observational Studies, chapter 4.
    """
    pairs = disjoint_pairs(treated, chance)
    apart = outcome[pairs[:, 0]] - outcome[pairs[:, 1]]
    if np.count_nonzero(apart) < 2:
        return 1.0
    ranks = signed_ranks(apart)
    apart = apart[apart != 0]
    above = float(ranks[apart > 0].sum())
    seen = max(above, float(ranks.sum()) - above)
    if bound(seen, ranks, 1.0) > alpha / 2:
        return 1.0
    low, high = 1.0, _HIGHEST
    for _ in range(40):
        middle = np.sqrt(low * high)
        low, high = (middle, high) if bound(seen, ranks, middle) <= alpha / 2 else (low, middle)
    return float(low)


def signed_ranks(apart: Floats) -> Floats:
    """Ranks of the differences that are not 0; the others have a rank too, but no sign (Pratt)."""
    sizes = np.abs(apart)
    differs = sizes > 0
    if np.ptp(sizes[differs]) == 0:
        return np.ones(int(differs.sum()))
    ranks: Floats = rankdata(sizes)[differs]
    return ranks


def bound(seen: float, ranks: Floats, gamma: float) -> float:
    """The greatest p-value of a sum of positive ranks if odds within pairs differ up to gamma."""
    p = gamma / (1 + gamma)
    if len(ranks) < _EXACT and np.ptp(ranks) == 0:
        return float(binom.sf(seen / ranks[0] - 1, len(ranks), p))
    error = np.sqrt(p * (1 - p) * float(ranks @ ranks))
    return float(ndtr(-(seen - p * ranks.sum()) / error))


def disjoint_pairs(treated: Floats, chance: Floats) -> Numbers:
    """Pairs (arm, control) within a caliper, every customer at most once; (pairs, 2).

    The caliper is 0.2 standard deviations of the log odds (Austin 2011).
    """
    from sklearn.neighbors import NearestNeighbors

    place = np.log(chance / (1 - chance))
    arm, control = np.flatnonzero(treated == 1), np.flatnonzero(treated == 0)
    nearest = NearestNeighbors().fit(place[control][:, None])
    far, which = nearest.kneighbors(place[arm][:, None], min(_CANDIDATES, len(control)))
    free, pairs = np.ones(len(control), dtype=bool), []
    widest = _CALIPER * float(place.std())
    for k in np.argsort(-place[arm], kind="stable"):  # the hardest to match first
        there = which[k][free[which[k]] & (far[k] <= widest)]
        if len(there):
            free[there[0]] = False
            pairs.append((arm[k], control[there[0]]))
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)
