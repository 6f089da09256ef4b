"""Cohorts of units that began together: their effects by period, and the errors of those."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import f as fisher
from scipy.stats import t as student

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.inference import fieller

from .panel_matrix import PanelMatrix
from .sample import Floats, Numbers

_SPARE = 5


@dataclass(frozen=True)
class Cell:
    """One cohort in one period against the period before it began."""

    start: int
    at: int
    effect: float
    psi: Floats
    """(n,) each unit's part in the error."""
    weight: float
    """Size of the cohort."""
    level: float
    """Mean of the cohort in this period."""
    level_psi: Floats

    @property
    def after(self) -> bool:
        """Whether the cohort is treated in it."""
        return self.at >= self.start


def cohort_cells(matrix: PanelMatrix, starts: Floats, controls: str, early: int) -> list[Cell]:
    """Every cohort in every period but the one it is compared from."""
    cells = []
    for start in sorted({int(s) for s in starts if np.isfinite(s)}):
        base = start - 1 - early
        own = starts == start
        for at in range(len(matrix.periods)):
            if at == base:
                continue
            free = np.isinf(starts)
            if controls == "not_yet":
                free |= starts > max(at, base) + early
                free &= ~own
            change = matrix.values[:, at] - matrix.values[:, base]
            if free.sum() < 2:
                raise InvalidInput(
                    f"at least 2 units must be left as controls, got {int(free.sum())} for period "
                    f"{matrix.periods[at]!r}; use controls='not_yet', or cut the panel before all "
                    "are treated"
                )
            treated_mean, treated_psi = _mean(change, own, matrix.sizes)
            control_mean, control_psi = _mean(change, free, matrix.sizes)
            level, level_psi = _mean(matrix.values[:, at], own, matrix.sizes)
            cells.append(
                Cell(
                    start, at, treated_mean - control_mean, treated_psi - control_psi,
                    float(matrix.sizes[own].sum()), level, level_psi,
                )
            )  # fmt: skip
    return cells


def _mean(values: Floats, who: npt.NDArray[np.bool_], sizes: Floats) -> tuple[float, Floats]:
    """A weighted mean and each unit's part in its error, whose squares add up to the variance."""
    share = np.where(who, sizes, 0.0)
    share = share / share.sum()
    mean = float(share @ values)
    spare = 1 - 2 * share + float(share @ share)  # what the own mean takes off a squared residual
    psi = np.where(who, share * (values - mean) / np.sqrt(np.where(who, spare, 1.0)), 0.0)
    return mean, psi


@dataclass(frozen=True)
class UnitInference:
    """From units' parts in the error to intervals."""

    starts: Floats
    clusters: Numbers | None
    alpha: float

    def variance(self, psi: Floats) -> tuple[float, float]:
        """Variance and degrees of freedom."""
        if self.clusters is not None:
            summed = np.bincount(self.clusters, psi)
            n = len(summed)
            return float(summed @ summed) * n / (n - 1), n - 1.0
        parts = [
            (psi[self.starts == s], int((self.starts == s).sum())) for s in np.unique(self.starts)
        ]
        shares = np.array([part @ part for part, _ in parts])
        total = float(shares.sum())
        own = np.array([n - 1 for _, n in parts], dtype=float)
        if total == 0:
            return 0.0, float(own.sum())
        return total, total**2 / float((shares**2 / own).sum())

    def row(self, effect: float, psi: Floats) -> dict[str, float]:
        """Effect, interval, standard error and p-value."""
        variance, freedom = self.variance(psi)
        error = float(np.sqrt(variance))
        reach = float(student.ppf(1 - self.alpha / 2, freedom)) * error
        p = float(2 * student.sf(abs(effect) / error, freedom)) if error else np.nan
        return {
            "effect": effect,
            "effect_ci_lower": effect - reach,
            "effect_ci_upper": effect + reach,
            "standard_error": error,
            "p_value": p,
        }

    def joint(self, effects: Floats, psis: Floats) -> float:
        """p-value of all effects being 0: Hotelling's, or Bonferroni's with few units."""
        q = len(effects)
        single = [self.row(e, psi) for e, psi in zip(effects, psis, strict=True)]
        freedom = min(self.variance(psi)[1] for psi in psis)
        spare = freedom - q + 1
        if spare < _SPARE or any(np.isnan(row["p_value"]) for row in single):
            known = [row["p_value"] for row in single if not np.isnan(row["p_value"])]
            return min(1.0, q * min(known)) if known else np.nan
        parts = psis.T
        if self.clusters is not None:
            parts = np.zeros((int(self.clusters.max()) + 1, q))
            np.add.at(parts, self.clusters, psis.T)
            parts *= np.sqrt(len(parts) / (len(parts) - 1))
        distance = float(effects @ np.linalg.pinv(parts.T @ parts, hermitian=True) @ effects)
        return float(fisher.sf(distance * spare / (q * freedom), q, spare))


def event_rows(cells: list[Cell], test: UnitInference, early: int) -> pd.DataFrame:
    """One row a period relative to the start."""
    times = sorted({c.at - c.start for c in cells} | {-1 - early})
    rows = []
    for event in times:
        some = [c for c in cells if c.at - c.start == event]
        if not some:
            rows.append(dict.fromkeys(("effect", "effect_ci_lower", "effect_ci_upper"), 0.0))
            continue
        effect, psi = _average(some)
        rows.append(test.row(effect, psi))
    frame = pd.DataFrame(rows)
    frame.insert(0, "event_time", times)
    frame["cohorts"] = [len([c for c in cells if c.at - c.start == e]) for e in times]
    return frame


def _average(cells: list[Cell]) -> tuple[float, Floats]:
    weight = np.array([c.weight for c in cells])
    weight = weight / weight.sum()
    psi: Floats = weight @ np.array([c.psi for c in cells])
    return float(weight @ np.array([c.effect for c in cells])), psi


def averages(cells: list[Cell], times: list[int]) -> tuple[Floats, Floats]:
    """Effects (q,) at these times from the start, and the units' parts in their errors (q, n)."""
    found = [_average([c for c in cells if c.at - c.start == time]) for time in times]
    return np.array([effect for effect, _ in found]), np.array([psi for _, psi in found])


def overall_row(
    matrix: PanelMatrix, starts: Floats, cells: list[Cell], test: UnitInference
) -> pd.DataFrame:
    """The mean effect over treated units and their periods, absolute and relative."""
    effect, psi = _average(cells)
    weight = np.array([c.weight for c in cells])
    weight = weight / weight.sum()
    level = float(weight @ np.array([c.level for c in cells]))
    level_psi = weight @ np.array([c.level_psi for c in cells])
    row = test.row(effect, psi)
    without, without_psi = level - effect, level_psi - psi
    above, freedom = test.variance(psi)
    below, _ = test.variance(without_psi)
    both, _ = test.variance(psi + without_psi)
    quantile = float(student.ppf(1 - test.alpha / 2, freedom))
    ends = fieller(effect, without, above, below, quantile, (both - above - below) / 2)
    never = np.isinf(starts)
    share = matrix.sizes * never if never.any() else matrix.sizes
    times = sorted({c.at for c in cells})
    control = float(share @ matrix.values[:, times].mean(axis=1) / share.sum())
    return pd.DataFrame(
        [
            {
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
        ]
    )
