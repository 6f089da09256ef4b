"""The widened audience: who was found, and how close they are."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from marketing_ds._core.display import Result


@dataclass(frozen=True)
class Expansion(Result):
    """Customers found by a look-alike, the closest first.

    ``mds.audience(tags, expansion.ids())`` makes them an audience.
    """

    frame: pd.DataFrame = field(repr=False)
    n_candidates: int
    """Customers who could have been chosen."""
    n_seeds: int
    seeds_included: bool
    model_version: str

    @property
    def size(self) -> int:
        """Customers found."""
        return len(self.frame)

    @property
    def min_score(self) -> float:
        """Closeness of the last customer found; NaN if nobody was."""
        return float(self.frame["score"].min()) if len(self.frame) else float("nan")

    def ids(self) -> list[str]:
        """Ids of the customers found, the closest first."""
        return self.frame["customer_id"].tolist()

    def to_frame(self) -> pd.DataFrame:
        """One row a customer: `customer_id`, `score` (closeness, 0 to 1), the closest first."""
        return self.frame.copy()


def closest(frame: pd.DataFrame, size: int) -> pd.DataFrame:
    """The `size` rows of highest score, in that order; equal scores in order of id."""
    scores = frame["score"].to_numpy()
    if size < len(scores):
        # Everything tied with the last one stays until the ids have decided.
        limit = np.partition(scores, len(scores) - size)[len(scores) - size] if size else np.inf
        frame = frame[scores >= limit]
    ordered = frame.sort_values(["score", "customer_id"], ascending=[False, True])
    return ordered.head(size).reset_index(drop=True)
