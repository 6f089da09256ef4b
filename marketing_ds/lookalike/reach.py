"""How many customers there are at least so close: size against similarity."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from marketing_ds._core.checks import check_count, check_number
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.estimate import wilson

from .evaluation import LookalikeEvaluation

_STEPS = (1, 2, 5)
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ReachCurve(Result):
    """Size against similarity; made by `Lookalike.reach_curve`.

    Every row of `to_frame` is a size that could be asked for: how close the last customer taken
    would be and, where held-out seeds were looked for, how many of them would be among the taken.

    Attributes
    ----------
    scores : ndarray of shape (n_candidates,)
        Closeness of every candidate, the closest first.
    evaluation : LookalikeEvaluation or None
        What recall comes from.
    """

    scores: Floats = field(repr=False)
    evaluation: LookalikeEvaluation | None = field(repr=False, default=None)

    @property
    def n_candidates(self) -> int:
        """Customers who could be chosen."""
        return len(self.scores)

    def size_at(self, min_score: float) -> int:
        """Candidates with at least that closeness."""
        limit = check_number("min_score", min_score, low=0, high=1)
        return int(self.n_candidates - np.searchsorted(self.scores[::-1], limit, side="left"))

    def min_score_at(self, size: int) -> float:
        """Closeness of the last of the `size` closest."""
        return float(self.scores[check_count("size", size, low=1, high=self.n_candidates) - 1])

    def recall_at(self, size: int) -> float:
        """Share of the held-out seeds among the `size` closest.

        Raises
        ------
        InvalidInput
            If the curve was made without an evaluation.
        """
        check_count("size", size, low=1, high=self.n_candidates)
        if self.evaluation is None:
            raise InvalidInput("recall needs reach_curve(evaluation=look.evaluate()), got none")
        return self.evaluation.recall_at(size / self.n_candidates)

    def to_frame(self) -> pd.DataFrame:
        """One row a size (1, 2, 5, 10, …, all): `size`, `candidate_share`, `min_score`.

        With an evaluation also `recall` with its interval, `random_recall` and `lift`.
        """
        n = self.n_candidates
        tens = 10 ** np.arange(np.ceil(np.log10(n)) + 1, dtype=np.int64)
        sizes = np.multiply.outer(tens, _STEPS).ravel()
        sizes = np.append(sizes[sizes < n], n)
        share = sizes / n
        frame = pd.DataFrame(
            {"size": sizes, "candidate_share": share, "min_score": self.scores[sizes - 1]}
        )
        if self.evaluation is None:
            return frame
        recall = np.array([self.evaluation.recall_at(part) for part in share])
        n_seeds = self.evaluation.n_seeds
        lower, upper = wilson(recall * n_seeds, n_seeds)
        return frame.assign(
            recall=recall,
            recall_ci_lower=lower,
            recall_ci_upper=upper,
            random_recall=share,
            lift=recall / share,
        )


def reach_of(scores: Floats, evaluation: LookalikeEvaluation | None) -> ReachCurve:
    """The curve of candidates with these scores, in any order.

    Raises
    ------
    InvalidInput
        If there are no candidates.
    """
    if not len(scores):
        raise InvalidInput("candidates must hold somebody besides the seeds, got nobody")
    return ReachCurve(np.sort(scores)[::-1], evaluation)
