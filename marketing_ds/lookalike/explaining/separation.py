"""Which tags separate seeds from the base."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from marketing_ds._core.display import Result

from ..encode import NULL, TagLevels
from ..evidence import normal_scores
from ..information import evidence_of
from ..training import Training
from .seed_profile import SeedProfile, seed_profile

_Z = 1.959964
_LEVELS_SHOWN = 5
"""Levels of a category shown, those that differ most."""


@dataclass(frozen=True, eq=False)
class SeedSeparation(Result):
    """Standardised differences between seeds and base, the largest first.

    A number or date is compared by its normal score (its rank in the base), so that heavy tails do
    not count; a category, and the share of nulls, by the share of customers, over the standard
    deviation in the base. The interval is that of a standardised mean difference (Hedges and
    Olkin 1985, eq. 5.14), for a share the Wald interval over the same deviation.

    Attributes
    ----------
    tgi : SeedProfile
        The same level by level, as TGI with interval.
    """

    frame: pd.DataFrame = field(repr=False)
    n_seeds: int
    n_base: int
    tgi: SeedProfile = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """Columns `tag`, `level` (null for numbers), `seeds`, `base` (mean normal score, or share),
        `difference` with `difference_ci_lower` and `difference_ci_upper`, and `information`: the
        tag's information value after chance is taken off, 0 if it has no say.
        """
        return self.frame.copy()


def separate(training: Training) -> SeedSeparation:
    """Compare seeds with base, tag by tag."""
    seeds, base = training.codes[training.is_seed], training.codes[training.in_base]
    rows = []
    for position, tag in enumerate(training.levels):
        of_seeds, of_base = seeds[:, position], base[:, position]
        _, share, information = evidence_of(of_seeds, of_base, tag.n_levels)
        found = _compare_levels(of_seeds, share, len(base), tag)
        if tag.kind != "category" and (share[1:] > 0).sum() > 1:
            found.append(_compare_means(of_seeds, of_base, share))
        rows += [{"tag": tag.name, **row, "information": information} for row in found]
    columns = ["tag", "level", "seeds", "base", "difference", "difference_ci_lower",
               "difference_ci_upper", "information"]  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns)
    order = frame["difference"].abs().sort_values(ascending=False, kind="stable").index
    rows_by_size = frame.loc[order].reset_index(drop=True)
    return SeedSeparation(rows_by_size, len(seeds), len(base), seed_profile(training))


def _compare_means(
    seeds: NDArray[np.int16], base: NDArray[np.int16], share: NDArray[np.float64]
) -> dict[str, object]:
    scores = normal_scores(share)
    a, b = scores[seeds[seeds != NULL]], scores[base[base != NULL]]
    spread = float(b.std())
    if len(a) == 0 or spread == 0:
        return _row(None, np.nan, float(b.mean()), np.nan, np.nan)
    difference = float(a.mean() - b.mean()) / spread
    error = np.sqrt(1 / len(a) + 1 / len(b) + difference**2 / (2 * (len(a) + len(b))))
    return _row(None, float(a.mean()), float(b.mean()), difference, float(error))


def _compare_levels(
    seeds: NDArray[np.int16], share: NDArray[np.float64], n_base: int, tag: TagLevels
) -> list[dict[str, object]]:
    of_seeds = np.bincount(seeds, minlength=tag.n_levels) / len(seeds)
    shown = range(tag.n_levels) if tag.kind == "category" else (NULL,)
    rows = []
    for level in shown:
        p, q = of_seeds[level], share[level]
        if not 0 < q < 1:
            continue
        spread = np.sqrt(q * (1 - q))
        error = np.sqrt(p * (1 - p) / len(seeds) + q * (1 - q) / n_base) / spread
        rows.append(
            _row(tag.label(level), float(p), float(q), float((p - q) / spread), float(error))
        )
    rows.sort(key=lambda row: -abs(float(str(row["difference"]))))
    return rows[:_LEVELS_SHOWN]


def _row(
    level: str | None, seeds: float, base: float, difference: float, error: float
) -> dict[str, object]:
    return {
        "level": level,
        "seeds": seeds,
        "base": base,
        "difference": difference,
        "difference_ci_lower": difference - _Z * error,
        "difference_ci_upper": difference + _Z * error,
    }
