"""From units' parts in an error to intervals: Student's, or by wild bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import f as fisher
from scipy.stats import t as student

from marketing_ds.evaluation.inference import fieller

from .cohorts import Average, Cell
from .panel_matrix import PanelMatrix
from .sample import Floats, Numbers
from .wild import WildBootstrap

_SPARE = 5


@dataclass(frozen=True)
class UnitErrors:
    """How sure effects are.

    Attributes
    ----------
    starts : ndarray of shape (n,)
        When each unit began.
    clusters : ndarray of shape (n,) or None
        Units whose errors go together.
    spent : int
        Covariates, each of which costs controls a degree of freedom.
    wild : WildBootstrap or None
        Where intervals come from it instead of Student's.
    """

    starts: Floats
    clusters: Numbers | None
    spent: int
    wild: WildBootstrap | None
    alpha: float

    def scale_and_freedom(self, average: Average) -> tuple[float, float]:
        """What squared scores must be multiplied by, and the degrees of freedom of the variance.

        Both are those of shocks that vary alike everywhere (with clusters, as much between them as
        within): few clusters, or few on one side, make squares too small and too unsure.
        """
        if self.clusters is None:
            return 1.0, self._satterthwaite(average)
        answers = sum(
            w * cell.answers(self.clusters)
            for w, cell in zip(average.weights, average.cells, strict=True)
        )
        together = np.zeros((answers.shape[1], answers.shape[1]))
        np.add.at(together, self.clusters, answers)
        spread = answers.T @ answers + together.T @ together
        lever = average.lever
        summed = np.bincount(self.clusters, lever)
        expected = float(np.trace(spread))
        return (
            float(lever @ lever + summed @ summed) / expected,
            expected**2 / float((spread**2).sum()),
        )

    def _satterthwaite(self, average: Average) -> float:
        """Of cohorts and controls; no more than if all units varied alike."""
        begun, cohort = np.unique(self.starts, return_inverse=True)
        own = np.bincount(cohort) - 1.0
        own[-1] -= self.spent  # controls begin last, or never
        own = np.maximum(own, 1.0)
        found = []
        for each in (average.psi, average.lever):
            shares = np.bincount(cohort, each**2, len(begun))
            if shares.any():
                found.append(float(shares.sum() ** 2 / (shares**2 / own).sum()))
        return min(found)

    def summed(self, psi: Floats) -> float:
        """Sum of the squared scores."""
        scores = psi if self.clusters is None else np.bincount(self.clusters, psi)
        return float(scores @ scores)

    def row(self, average: Average) -> dict[str, float]:
        """Effect, interval, standard error and p-value."""
        effect = average.effect
        scale, freedom = self.scale_and_freedom(average)
        error = float(np.sqrt(scale * self.summed(average.psi)))
        if self.wild is not None and error:
            low, high, p = self.wild.interval(average, self.alpha)
        else:
            reach = float(student.ppf(1 - self.alpha / 2, freedom)) * error
            low, high = effect - reach, effect + reach
            p = float(2 * student.sf(abs(effect) / error, freedom)) if error else np.nan
        return {
            "effect": effect,
            "effect_ci_lower": low,
            "effect_ci_upper": high,
            "standard_error": error,
            "p_value": p,
        }

    def joint(self, averages: Sequence[Average]) -> float:
        """p-value of all effects being 0: Hotelling's, or Bonferroni's with few units."""
        effects = np.array([average.effect for average in averages])
        psis = np.array([average.psi for average in averages])
        q = len(effects)
        scales, freedoms = zip(*map(self.scale_and_freedom, averages), strict=True)
        freedom = min(freedoms)
        spare = freedom - q + 1
        single = np.array([self.row(average)["p_value"] for average in averages])
        if spare < _SPARE or self.wild is not None or np.isnan(single).any():
            known = single[~np.isnan(single)]
            return min(1.0, q * float(known.min())) if len(known) else np.nan
        parts = psis.T
        if self.clusters is not None:
            parts = np.zeros((int(self.clusters.max()) + 1, q))
            np.add.at(parts, self.clusters, psis.T)
        parts = parts * np.sqrt(scales)
        distance = float(effects @ np.linalg.pinv(parts.T @ parts, hermitian=True) @ effects)
        return float(fisher.sf(distance * spare / (q * freedom), q, spare))


def event_rows(cells: Sequence[Cell], errors: UnitErrors, early: int) -> pd.DataFrame:
    """One row a period relative to the start."""
    times = sorted({c.at - c.start for c in cells} | {-1 - early})
    rows = []
    for event in times:
        some = tuple(c for c in cells if c.at - c.start == event)
        if some:
            row = errors.row(Average(some))
        else:
            row = dict.fromkeys(("effect", "effect_ci_lower", "effect_ci_upper"), 0.0)
        rows.append({"event_time": event, **row, "cohorts": len(some)})
    return pd.DataFrame(rows)


def overall_row(
    matrix: PanelMatrix, starts: Floats, average: Average, errors: UnitErrors
) -> dict[str, object]:
    """The mean effect over treated units and their periods, absolute and relative."""
    row = errors.row(average)
    effect, psi = average.effect, average.psi
    level, level_psi = average.level
    without, without_psi = level - effect, level_psi - psi
    scale, freedom = errors.scale_and_freedom(average)
    above, below, both = (
        scale * errors.summed(each) for each in (psi, without_psi, psi + without_psi)
    )
    quantile = float(student.ppf(1 - errors.alpha / 2, freedom))
    if errors.wild is not None and above:
        reach = max(row["effect_ci_upper"] - effect, effect - row["effect_ci_lower"])
        quantile = reach / row["standard_error"]
    ends = fieller(effect, without, above, below, quantile, (both - above - below) / 2)
    never = np.isinf(starts)
    share = matrix.sizes * never if never.any() else matrix.sizes
    times = sorted({cell.at for cell in average.cells})
    control = float(share @ matrix.values[:, times].mean(axis=1) / share.sum())
    return {
        "segment": "all",
        "n_control": 0,
        "n_arm": 0,
        "mean_control": control,
        "mean_arm": level,
        **{k: row[k] for k in ("effect", "effect_ci_lower", "effect_ci_upper")},
        "standard_error": row["standard_error"],
        "rel_effect": effect / without if without else np.nan,
        "rel_effect_ci_lower": ends[0],
        "rel_effect_ci_upper": ends[1],
        "p_value": row["p_value"],
    }
