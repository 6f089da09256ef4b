"""Were the sides alike, and are they after adjustment? Did they overlap at all?"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput

from .encoding import Encoded
from .sample import Floats

NOTICEABLE = 0.1
"""Standardised mean differences beyond it are taken for imbalance (Austin 2009)."""
MOST_OUTSIDE = 0.25
WARN_OUTSIDE = 0.05
_FEWEST = 10.0
_BINS = 25
_BLOCK = 16


@dataclass(frozen=True)
class CovariateBalance(Result):
    """Standardised mean differences (SMD) between an arm and control, before and after.

    SMD = (mean of the arm − mean of control) / √((variance of the arm + that of control) / 2), of
    numbers, levels and nulls; variances before adjustment in both, so that the unit is one.

    References
    ----------
    Austin (2009), Balance diagnostics for comparing the distribution of baseline covariates
    between treatment groups, Statistics in Medicine 28.
    """

    _frame: pd.DataFrame = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row an arm, covariate and level; the greatest |smd| first."""
        return self._frame.copy()

    @property
    def worst(self) -> float:
        """The greatest |SMD| after adjustment."""
        return float(self._frame["smd_adjusted"].abs().max())


@dataclass(frozen=True)
class PropensityOverlap(Result):
    """How far both sides could have been in the arm, by their learned propensity.

    Attributes
    ----------
    clip : float
        Propensities nearer to 0 or 1 than this are moved to it before weighting.
    """

    clip: float
    _frame: pd.DataFrame = field(repr=False)
    _bins: pd.DataFrame = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row an arm.

        `auc` (0.5: the arm cannot be foreseen, 1: it always can), `lowest_arm`,
        `highest_control`, `outside_share` (customers of the estimand beyond the clip),
        `trimmed_share`, and the effective sizes `ess_control`, `ess_arm` under the weights.
        """
        return self._frame.copy()

    @property
    def bins(self) -> pd.DataFrame:
        """Counts by arm and bin of the propensity: arm, low, high, n_control, n_arm."""
        return self._bins.copy()

    @property
    def passed(self) -> bool:
        """Whether hardly anybody's side was certain."""
        return bool((self._frame["outside_share"] <= WARN_OUTSIDE).all())


def balance_rows(known: Encoded, treated: Floats, weight: Floats, arm: str) -> pd.DataFrame:
    """SMDs of one arm against control."""
    arms, control = treated == 1, treated == 0
    rows = []
    shown = np.flatnonzero(known.plain)
    for start in range(0, len(shown), _BLOCK):
        some = shown[start : start + _BLOCK]
        x = known.terms[:, some].astype(np.float64)
        after = [weight[s] @ x[s] / weight[s].sum() for s in (control, arms)]
        spread = np.sqrt((x[arms].var(axis=0) + x[control].var(axis=0)) / 2)
        spread = np.where(spread > 0, spread, 1.0)
        before = (x[arms].mean(axis=0) - x[control].mean(axis=0)) / spread
        for k, smd, adjusted in zip(some, before, (after[1] - after[0]) / spread, strict=True):
            rows.append(
                {
                    "arm": arm,
                    "covariate": known.names[known.term_of[k]],
                    "level": known.labels[k],
                    "smd": smd,
                    "smd_adjusted": adjusted,
                }
            )
    frame = pd.DataFrame(rows)
    return frame.iloc[np.argsort(-frame["smd"].abs().to_numpy(), kind="stable")]


def overlap_row(
    treated: Floats, chance: Floats, weight: Floats, *, estimand: str, clip: float,
    trimmed: float, arm: str,
) -> dict[str, object]:  # fmt: skip
    """How one arm overlaps with control."""
    sizes = [
        float(weight[treated == s].sum() ** 2 / (weight[treated == s] ** 2).sum()) for s in (0, 1)
    ]
    return {
        "arm": arm,
        "auc": area_under_curve(treated, chance),
        "lowest_arm": float(chance[treated == 1].min()),
        "highest_control": float(chance[treated == 0].max()),
        "outside_share": outside_share(treated, chance, estimand, clip),
        "trimmed_share": trimmed,
        "ess_control": sizes[0],
        "ess_arm": sizes[1],
    }


def outside_share(treated: Floats, chance: Floats, estimand: str, clip: float) -> float:
    """Share of the customers of the estimand who hardly could have been on the other side."""
    if estimand == "att":
        return float((chance[treated == 1] > 1 - clip).mean())
    return float(((chance < clip) | (chance > 1 - clip)).mean())


def overlap_bins(treated: Floats, chance: Floats, arm: str) -> pd.DataFrame:
    """Counts by bins of the propensity."""
    edges = np.linspace(0, 1, _BINS + 1)
    counts = [np.histogram(chance[treated == side], edges)[0] for side in (0, 1)]
    return pd.DataFrame(
        {
            "arm": arm,
            "low": edges[:-1],
            "high": edges[1:],
            "n_control": counts[0],
            "n_arm": counts[1],
        }
    )


def check_overlap(
    known: Encoded, treated: Floats, chance: Floats, *, estimand: str, clip: float, arm: str
) -> None:
    """Refuse to compare sides that have nothing in common, and say what divides them."""
    outside = outside_share(treated, chance, estimand, clip)
    odds = chance[treated == 0] / (1 - np.minimum(chance[treated == 0], 1 - 1e-9))
    alike = float(odds.sum() ** 2 / max((odds**2).sum(), 1e-300))
    if outside <= MOST_OUTSIDE and alike >= _FEWEST:
        return
    aucs = [
        abs(area_under_curve(treated, known.terms[:, k].astype(np.float64)) - 0.5)
        for k in range(len(known.labels))
    ]
    order = np.argsort(aucs)[::-1]
    names = list(dict.fromkeys(known.names[known.term_of[k]] for k in order))[:3]
    hint = (
        "; estimand='att' asks only for customers like those of the arm"
        if estimand == "ate" and outside_share(treated, chance, "att", clip) <= MOST_OUTSIDE
        else ""
    )
    raise InvalidInput(
        f"the arms must overlap: {outside:.0%} of the customers hardly could have been on the other "
        f"side of {arm!r} (at most {MOST_OUTSIDE:.0%} is accepted), and control has only {alike:,.0f} "
        f"alike; what divides them most: {', '.join(names)}. Compare only customers who could have "
        f"been in either (filter the data, or trim=0.02), or leave out what the arm itself caused{hint}"
    )


def area_under_curve(treated: Floats, score: Floats) -> float:
    """P(the arm's score exceeds control's), ties half."""
    _, place, sizes = np.unique(score, return_inverse=True, return_counts=True)
    rank = np.cumsum(sizes) - (sizes - 1) / 2
    n_arm = treated.sum()
    n_control = len(treated) - n_arm
    total = float(rank[place][treated == 1].sum())
    return float((total - n_arm * (n_arm + 1) / 2) / (n_arm * n_control))
