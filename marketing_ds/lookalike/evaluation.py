"""Does it find seeds that it was not shown? Held-out seeds hidden among the candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from marketing_ds._core.checks import check_columns
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.estimate import Estimate, wilson

from .classifier import Size
from .inputs import ID, refuse_duplicates
from .placement import place
from .recipe import Recipe
from .training import Rows, Training

_SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
_PLACED_AGAINST = 20_000
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LookalikeEvaluation(Result):
    """How well held-out seeds are found among the candidates.

    Each seed is hidden once a repeat: the model is made anew without its fold, and the seed's
    placement is the share of candidates that score lower (ties half). The AUC is the mean
    placement, its interval DeLong's (DeLong et al. 1988), which takes the models of different folds
    as one; the recall at the top share φ is the share of seeds with a placement of at least 1 − φ,
    with a Wilson interval; lift is recall / φ. A random choice has AUC 0.5, recall φ, lift 1.
    Candidates that are seeds-to-be count as misses, so the figures are lower bounds.
    """

    auc: float
    auc_ci_lower: float
    auc_ci_upper: float
    p_value: float
    """Of the permutation test that the seeds are a random draw from the base."""
    method: str
    n_seeds: int
    n_candidates: int
    """Candidates against whom seeds were placed (a sample of the base)."""
    n_folds: int
    n_repeats: int
    placements: Floats = field(repr=False)
    """Shape (n_repeats, n_seeds)."""
    sizes: pd.DataFrame = field(repr=False)
    comparison: pd.DataFrame = field(repr=False)
    """One row a ranking, ``look-alike`` first, what it stands beside, and ``random``: `auc` with
    interval, and `difference`, by how much the look-alike's is higher, with the interval of the
    paired difference."""

    def to_frame(self) -> pd.DataFrame:
        """One row a size: `top_share`, `size` (customers of the base), `recall` and `lift` with
        intervals, `random_recall`, and the recall, with interval, of what it stands beside.
        """
        return self.sizes.copy()

    def recall_at(self, share: float) -> float:
        """Share of the held-out seeds among the top `share` of the candidates."""
        return float((self.placements >= 1 - share).mean())

    def _repr_html_(self) -> str:
        times = f", {self.n_repeats} times" if self.n_repeats > 1 else ""
        head = (
            f"<p>AUC {self.auc:.3f} [{self.auc_ci_lower:.3f}, {self.auc_ci_upper:.3f}], "
            f"{self.n_seeds:,} seeds in {self.n_folds} folds{times}, method {self.method}</p>"
        )
        return head + super()._repr_html_()


@dataclass(frozen=True)
class _Ranking:
    """Where one ranking puts the seeds among the candidates, and the candidates below the seeds."""

    of_seeds: Floats
    """Shape (n_repeats, n_seeds)."""
    of_candidates: Floats

    def __sub__(self, other: _Ranking) -> _Ranking:
        return _Ranking(self.of_seeds - other.of_seeds, self.of_candidates - other.of_candidates)

    def mean(self, *, low: float) -> Estimate:
        """The AUC, or the difference of two, with DeLong's interval."""
        by_seed, by_candidate = self.of_seeds.mean(axis=0), self.of_candidates
        variance = by_seed.var(ddof=1) / len(by_seed) + by_candidate.var(ddof=1) / len(by_candidate)
        return Estimate.normal(
            float(by_seed.mean()), float(np.sqrt(variance)), alpha=0.05, low=low, high=1
        )


def evaluate(
    recipe: Recipe,
    training: Training,
    *,
    n_folds: int,
    n_repeats: int,
    beside: Mapping[str, Any],
    p_value: float,
    size: Size | None,
) -> LookalikeEvaluation:
    """Evaluate a recipe on the seeds that it was made for; see `Lookalike.evaluate`."""
    seeds = training.seeds
    if len(seeds) < 2 * n_folds:
        raise InvalidInput(
            f"n_folds must be at most half of the seeds ({len(seeds)}), got {n_folds}"
        )
    random = np.random.RandomState(recipe.random_state)
    splits = [np.array_split(random.permutation(len(seeds)), n_folds) for _ in range(n_repeats)]
    against = training.ordinary
    if len(against) > _PLACED_AGAINST:
        against = np.sort(random.choice(against, _PLACED_AGAINST, replace=False))
    rivals = {
        name: _ranked_by(name, scores, training.ids[seeds], training.ids[against])
        for name, scores in beside.items()
    }
    ours = _ranked_anew(recipe, training, splits, against, size)
    auc = ours.mean(low=0)
    return LookalikeEvaluation(
        auc.value,
        auc.ci_lower,
        auc.ci_upper,
        p_value,
        recipe.method,
        len(seeds),
        len(against),
        n_folds,
        n_repeats,
        ours.of_seeds,
        _sizes(ours, rivals, training.n_base),
        _comparison(ours, rivals),
    )


def _ranked_anew(
    recipe: Recipe,
    training: Training,
    splits: Sequence[Sequence[Rows]],
    against: Rows,
    size: Size | None,
) -> _Ranking:
    """Everything learnt anew without each fold, which is then looked for."""
    seeds = training.seeds
    of_seeds = np.empty((len(splits), len(seeds)))
    of_candidates = np.zeros(len(against))
    for repeat, folds in enumerate(splits):
        for held in folds:
            made = recipe.make(training, np.delete(seeds, held), size=size)
            hidden, others = (
                made.scores(training.codes[rows], rows) for rows in (seeds[held], against)
            )
            of_seeds[repeat, held], below = place(hidden, others)
            of_candidates += below * (len(held) / len(seeds) / len(splits))
    return _Ranking(of_seeds, of_candidates)


def _ranked_by(name: str, scores: Any, seeds: NDArray[Any], against: NDArray[Any]) -> _Ranking:
    """The ranking by scores that the caller has."""
    if not isinstance(scores, (pd.DataFrame, ibis.Table)):
        raise InvalidInput(
            f"beside[{name!r}] must be a pandas frame or an Ibis table, got {type(scores).__name__}"
        )
    check_columns(list(scores.columns), [ID, "score"], f"beside[{name!r}]")
    chosen = scores[[ID, "score"]]
    frame = chosen if isinstance(chosen, pd.DataFrame) else chosen.to_pyarrow().to_pandas()
    refuse_duplicates(frame[ID].to_numpy(dtype=object))
    known = frame.set_index(ID)["score"].astype("float64")
    found = known.reindex(np.concatenate([seeds, against]))
    values = np.asarray(found, dtype=np.float64)
    missing = int((~np.isfinite(values)).sum())
    if missing:
        raise InvalidInput(
            f"beside[{name!r}] must score every seed and every sampled customer of the base, got "
            f"{missing:,} without a finite score; score the frame of fit with it"
        )
    of_seeds, of_candidates = place(values[: len(seeds)], values[len(seeds) :])
    return _Ranking(of_seeds[None, :], of_candidates)


def _sizes(ours: _Ranking, rivals: Mapping[str, _Ranking], n_base: int) -> pd.DataFrame:
    shares = np.array(_SHARES)
    recall, lower, upper = _recall(ours)
    columns = {
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
    for name, rival in rivals.items():
        ends = ("", "_ci_lower", "_ci_upper")
        columns |= {f"{name}_recall{end}": v for end, v in zip(ends, _recall(rival), strict=True)}
    return pd.DataFrame(columns)


def _recall(ranking: _Ranking) -> tuple[Floats, Floats, Floats]:
    """Recall at each size with Wilson's interval; repeats count as one."""
    recall = np.array([(ranking.of_seeds >= 1 - share).mean() for share in _SHARES])
    n_seeds = ranking.of_seeds.shape[1]
    return recall, *wilson(recall * n_seeds, n_seeds)


def _comparison(ours: _Ranking, rivals: Mapping[str, _Ranking]) -> pd.DataFrame:
    chance = _Ranking(np.full_like(ours.of_seeds, 0.5), np.full_like(ours.of_candidates, 0.5))
    rows = []
    for name, ranking in {"look-alike": ours, **rivals, "random": chance}.items():
        auc, ahead = ranking.mean(low=0), (ours - ranking).mean(low=-1)
        rows.append(
            {
                "ranking": name,
                "auc": auc.value,
                "auc_ci_lower": auc.ci_lower,
                "auc_ci_upper": auc.ci_upper,
                "difference": ahead.value,
                "difference_ci_lower": ahead.ci_lower,
                "difference_ci_upper": ahead.ci_upper,
            }
        )
    return pd.DataFrame(rows)
