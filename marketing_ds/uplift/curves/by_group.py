"""The effect within equal groups of a ranking: deciles, by default."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from marketing_ds._core.display import Result
from marketing_ds._core.estimate import Estimate

from .curve_sums import CurveSums, difference, difference_reach


@dataclass(frozen=True)
class UpliftGroups(Result):
    """The effect within groups of a ranking; made by `UpliftCurve.by_group`."""

    frame: pd.DataFrame
    arm: str
    control: str
    average: Estimate
    alpha: float

    def to_frame(self) -> pd.DataFrame:
        """One row a group, best first, with means, effect and interval."""
        return self.frame.copy()


def effect_by_group(sums: CurveSums, n_groups: int, centre: float, alpha: float) -> pd.DataFrame:
    """One row a group; the arms' means are NaN where only effects are known."""
    edges = np.linspace(0, sums.steps, n_groups + 1)
    sides = tuple(side.at(edges).between() for side in sums.sides)
    uplift = difference(sides)
    se = np.sqrt(sum(side.mean_variance() for side in sides))
    below, above = difference_reach(sides, alpha)
    unknown = np.full(n_groups, np.nan)
    means = [side.mean() + centre for side in sides] if len(sides) > 1 else [unknown, unknown]
    return pd.DataFrame(
        {
            "group": np.arange(1, n_groups + 1),
            "mean_arm": means[0],
            "mean_control": means[1],
            "uplift": uplift,
            "se": se,
            "uplift_ci_lower": uplift - below,
            "uplift_ci_upper": uplift + above,
        }
    )
