"""Does it find seeds that it was not shown? Held-out seeds hidden among the candidates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.estimate import wilson

from .encode import Codes, TagLevels
from .space import normal_scores, raw_evidence

_SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
_PERMUTATIONS = 499
_TESTED = 5_000
_Z = float(norm.ppf(0.975))
Floats = NDArray[np.float64]


class FewSeedsWarning(UserWarning):
    """So few seeds that the evaluation's intervals are wide."""


class IndistinctSeedsWarning(UserWarning):
    """Seeds that a random draw from the base could have been."""


class SeedsNotDistinct(InvalidInput):
    """Seeds that a random draw from the base could have been: there is nothing to look for."""


@dataclass(frozen=True)
class LookalikeEvaluation(Result):
    """How well held-out seeds are found among the candidates.

    Each seed is hidden once: the model is made anew without its fold, and the seed's placement is
    the share of candidates that score lower (ties half). The AUC is the mean placement, its
    interval DeLong's (DeLong et al. 1988), taking placements of different folds as independent;
    the recall at the top share φ is the share of seeds with a placement of at least 1 − φ, with a
    Wilson interval; lift is recall / φ. A random choice has AUC 0.5, recall φ, lift 1.
    Candidates that are seeds-to-be count as misses, so the figures are lower bounds.
    """

    auc: float
    auc_ci_lower: float
    auc_ci_upper: float
    p_value: float
    """Of the permutation test that the seeds are a random draw from the base."""
    n_seeds: int
    n_candidates: int
    """Candidates against whom seeds were placed (a sample of the base)."""
    n_folds: int
    placements: Floats = field(repr=False)
    sizes: pd.DataFrame = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row a size: `top_share`, `size` (customers of the base), `recall` and `lift` with
        intervals, and `random_recall`.
        """
        return self.sizes.copy()

    def recall_at(self, share: float) -> float:
        """Share of the held-out seeds among the top `share` of the candidates."""
        return float((self.placements >= 1 - share).mean())

    def _repr_html_(self) -> str:
        head = (
            f"<p>AUC {self.auc:.3f} [{self.auc_ci_lower:.3f}, {self.auc_ci_upper:.3f}], "
            f"{self.n_seeds:,} seeds in {self.n_folds} folds</p>"
        )
        return head + super()._repr_html_()


def hold_out(
    score_fold: Callable[[NDArray[np.intp], NDArray[np.intp]], tuple[Floats, Floats]],
    folds: Sequence[NDArray[np.intp]],
    *,
    n_base: int,
    p_value: float,
) -> LookalikeEvaluation:
    """Evaluate with `score_fold(kept, held)`, which scores the held-out seeds and the candidates."""
    n_seeds = sum(len(held) for held in folds)
    placements = np.empty(n_seeds)
    variance = 0.0
    n_candidates = 0
    for number, held in enumerate(folds):
        kept = np.concatenate([fold for other, fold in enumerate(folds) if other != number])
        seeds, candidates = score_fold(kept, held)
        placements[held], of_candidates = place(seeds, candidates)
        n_candidates = len(candidates)
        variance += (len(held) / n_seeds) ** 2 * float(of_candidates.var(ddof=1)) / n_candidates
    variance += float(placements.var(ddof=1)) / n_seeds
    auc, half = float(placements.mean()), _Z * float(np.sqrt(variance))
    return LookalikeEvaluation(
        auc,
        max(0.0, auc - half),
        min(1.0, auc + half),
        p_value,
        n_seeds,
        n_candidates,
        len(folds),
        placements,
        _sizes(placements, n_base),
    )


def place(seeds: Floats, candidates: Floats) -> tuple[Floats, Floats]:
    """Placement of each seed among the candidates, and of each candidate below the seeds."""
    both = rankdata(np.concatenate([seeds, candidates]))
    n, m = len(seeds), len(candidates)
    of_seeds = (both[:n] - rankdata(seeds)) / m
    of_candidates = 1 - (both[n:] - rankdata(candidates)) / n
    return of_seeds, of_candidates


def distinctness(
    seeds: Codes, base: Codes, levels: Sequence[TagLevels], random_state: np.random.RandomState
) -> float:
    """P-value that the seeds are a random draw from the base.

    Each tag is tested twice: by its levels, (IV / noise − 1)·√(f / 2) with IV and noise as in
    `space` and f degrees of freedom, and, where levels have an order, by the seeds' mean normal
    score, (z² − 1)·√(1 / 2). The largest over all is compared with that of 499 random draws of as
    many customers (max-T, Westfall and Young 1993), which holds however tags depend on each
    other. At most 5,000 seeds are used.
    """
    n = min(len(seeds), _TESTED, len(base) - 1)
    chosen = seeds[random_state.choice(len(seeds), n, replace=False)]
    tests = []
    for at, tag in enumerate(levels):
        share = np.bincount(base[:, at], minlength=tag.n_levels) / len(base)
        order = np.zeros(tag.n_levels) if tag.kind == "category" else normal_scores(share)
        tests.append((share, order - share @ order))
    found = _largest(chosen, tests, len(base))
    drawn = [
        _largest(base[random_state.choice(len(base), n, replace=False)], tests, len(base))
        for _ in range(_PERMUTATIONS)
    ]
    return float((1 + np.sum(np.array(drawn) >= found)) / (1 + _PERMUTATIONS))


def _largest(codes: Codes, tests: Sequence[tuple[Floats, Floats]], n_base: int) -> float:
    largest = 0.0
    for at, (share, order) in enumerate(tests):
        counts = np.bincount(codes[:, at], minlength=len(share)).astype(np.float64)
        _, value, noise = raw_evidence(counts, share, n_base)
        freedom = int((share > 0).sum()) - 1
        variance = float(share @ order**2)
        if freedom > 0:
            largest = max(largest, (value / noise - 1) * float(np.sqrt(freedom / 2)))
        if variance > 0:
            squared = float(counts @ order) ** 2 / (len(codes) * variance)
            largest = max(largest, (squared - 1) * float(np.sqrt(0.5)))
    return largest


def _sizes(placements: Floats, n_base: int) -> pd.DataFrame:
    shares = np.array(_SHARES)
    recall = np.array([(placements >= 1 - share).mean() for share in shares])
    lower, upper = wilson(recall * len(placements), len(placements))
    return pd.DataFrame(
        {
            "top_share": shares,
            "size": np.round(shares * n_base).astype(np.int64),
            "recall": recall,
            "recall_ci_lower": lower,
            "recall_ci_upper": upper,
            "random_recall": shares,
            "lift": recall / shares,
            "lift_ci_lower": lower / shares,
            "lift_ci_upper": upper / shares,
        }
    )
