"""Overlap: whether every kind of customer could have been given either arm, and where not."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit, logit

from marketing_ds._core.checks import check_count, check_number
from marketing_ds._core.display import Result
from marketing_ds._core.errors import InvalidInput
from marketing_ds.features import FeatureEncoder, InputColumn, read_table

from ..arms import Arms, Floats, read_arms, read_chances
from ..binned import Binned, Matrix, Trees
from ..learning.nuisances import estimate_chances, make_folds
from .balance import TINY, Balance, balance_of
from .regions import Region, find_regions

LEAST = 0.05
BINS = 40
_NOTICEABLE_SHARE = 0.01
_LEAST_LEAF = 50


@dataclass(frozen=True)
class ArmOverlap:
    """Overlap of one arm with control.

    Attributes
    ----------
    arm : str
    customers, control : int
        In the arm and in control.
    low, high : float
        Bounds of P(arm | arm or control) within which there is overlap.
    outside_share : float
        Share of these customers beyond the bounds.
    effective, effective_control : float
        Effective sample sizes (Σw)²/Σw² of the weights 1/P: so many customers drawn at random
        would say as much.
    trim_low, trim_high : float
        Crump's bounds: outside them customers cost more precision than they bring; 0 and 1 where
        all are worth keeping.
    trimmed_share : float
        Share of customers outside them.
    regions : tuple of Region
        Where tags nearly decide the arm.
    histogram : ndarray of shape (2, 40)
        Share of control and of the arm by P(arm | arm or control), in equal steps from 0 to 1.
    """

    arm: str
    customers: int
    control: int
    low: float
    high: float
    outside_share: float
    effective: float
    effective_control: float
    trim_low: float
    trim_high: float
    trimmed_share: float
    regions: tuple[Region, ...]
    histogram: Floats = field(repr=False)


@dataclass(frozen=True)
class Overlap(Result):
    """Overlap of all arms with control; made by `check_overlap`.

    Attributes
    ----------
    arms : tuple of ArmOverlap
    control : str
    balance : Balance
        Standardised mean differences before and after weighting by 1/P.
    keep : ndarray of bool, shape (n,)
        Customers within Crump's bounds of every arm they are compared in, in the order of X.
    """

    arms: tuple[ArmOverlap, ...]
    control: str
    balance: Balance
    keep: npt.NDArray[np.bool_] = field(repr=False)

    @property
    def regions(self) -> tuple[Region, ...]:
        """Where tags nearly decide an arm, of all arms."""
        return tuple(region for arm in self.arms for region in arm.regions)

    def to_frame(self) -> pd.DataFrame:
        """One row an arm: sizes, share beyond the bounds, effective sizes, trimming, regions."""
        rows = [
            {
                "arm": one.arm,
                "customers": one.customers,
                "control": one.control,
                "outside_share": one.outside_share,
                "effective": one.effective,
                "effective_control": one.effective_control,
                "trim_low": one.trim_low,
                "trim_high": one.trim_high,
                "trimmed_share": one.trimmed_share,
                "regions": "; ".join(map(str, one.regions)),
            }
            for one in self.arms
        ]
        return pd.DataFrame(rows)


def check_overlap(
    X: Any,
    treatment: Any,
    probability: Any = None,
    *,
    control: str | int = "control",
    least: float = LEAST,
    n_folds: int = 5,
    max_categories: int = 20,
    random_state: int = 0,
    n_jobs: int | None = None,
) -> Overlap:
    """Check observational data: could every kind of customer have been given either arm?

    Parameters
    ----------
    X : pandas.DataFrame, Arrow table or array of shape (n, d)
        Tags as of before the assignment.
    treatment : array-like of shape (n,)
        The arm of each customer by name; or 0 (control) and 1 (treated).
    probability : mapping, DataFrame or array-like, optional
        P(each arm); by default it is estimated from X, cross-fitted.
    control : str or int
        Name of the control arm.
    least : float
        Between equal arms P(arm | arm or control) must lie in [least, 1 − least]; between others
        its odds may differ from those of the sizes by the same factor.
    n_folds, max_categories, random_state, n_jobs
        As in `UpliftModel`.

    Returns
    -------
    Overlap
        ``.to_frame()``, ``.plot()``, ``.regions`` in words, ``.keep`` (whom to keep by Crump's rule),
        and ``.balance`` before and after weighting, with ``.balance.plot()``.

    Raises
    ------
    InvalidInput
        If lengths differ, an arm or a value is missing, control is absent, or a parameter is out of
        range.

    Notes
    -----
    Crump's rule keeps customers with α ≤ e ≤ 1 − α, where 1/(α(1 − α)) is twice the mean of
    1/(e(1 − e)) over those kept: the sample whose average effect is known best.

    References
    ----------
    Crump, Hotz, Imbens and Mitnik (2009). Dealing with limited overlap in estimation of average
    treatment effects. Biometrika 96.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"age": rng.integers(20, 80, 4000), "wealth": rng.random(4000)})
    >>> chance = np.where(X["age"] > 60, 0.99, 0.4)
    >>> arm = np.where(rng.random(4000) < chance, "coupon", "control")
    >>> found = check_overlap(X, arm, n_jobs=1)
    >>> found.regions[0].rule
    'age > 60'
    """
    least = check_number("least", least, low=0, high=0.5, inclusive=False)
    folds_asked = check_count("n_folds", n_folds, low=2, high=100)
    seed = check_count("random_state", random_state)
    encoder = FeatureEncoder(max_categories=max_categories)
    table = read_table(X)
    arms = read_arms(treatment, control, rows=len(table.features))
    given = None if probability is None else read_chances(probability, arms)
    encoded = encoder.fit_transform(X)
    if given is None:
        trees = Trees(300, 2, 0.1, None, None, 0.8, 20, n_jobs, seed)
        fewest = min(arms.counts().values())
        if fewest < 2:
            raise InvalidInput("treatment must give each arm at least 2 customers, got one with 1")
        nothing = np.zeros(len(encoded))
        folds = make_folds(nothing, arms, min(folds_asked, fewest), seed)
        given = estimate_chances(Binned(encoded, trees), arms, folds)
    return overlap_of(encoder.columns_, encoded, arms, given, least=least)


def overlap_of(
    columns: Sequence[InputColumn],
    encoded: Matrix,
    arms: Arms,
    probability: Floats,
    *,
    least: float = LEAST,
) -> Overlap:
    """`check_overlap` of what is encoded already; `probability` of shape (n, 1 + arms)."""
    parts = _parts(columns, encoded, arms, probability, least)
    keep = np.ones(len(encoded), dtype=bool)
    for code, part in enumerate(parts, start=1):
        rows, e = _against_control(arms, probability, code)
        keep[rows] &= (e >= part.trim_low) & (e <= part.trim_high)
    balance = balance_of(columns, encoded, arms, probability=probability, weighted=True)
    return Overlap(parts, arms.control, balance, keep)


def require_overlap(
    columns: Sequence[InputColumn],
    encoded: Matrix,
    arms: Arms,
    probability: Floats,
    *,
    stacklevel: int = 3,
) -> None:
    """Refuse data in which tags decide the arm; warn where they nearly do.

    Parameters
    ----------
    columns : sequence of InputColumn
    encoded : ndarray of shape (n, d)
    arms : Arms
    probability : ndarray of shape (n, 1 + arms)
        P(each arm) as estimated, before any bound.

    Raises
    ------
    InvalidInput
        If in a region that tags describe, of 1 % of customers or more, one arm or control has
        nobody where 20 or more would be expected.

    Warns
    -----
    UserWarning
        If more than 1 % of customers lie beyond the bounds of overlap.
    """
    for part in _parts(columns, encoded, arms, probability, LEAST):
        empty = [region for region in part.regions if region.empty]
        if empty:
            raise InvalidInput(
                f"treatment must leave every kind of customer a chance of {part.arm!r} and of "
                f"{arms.control!r}, got no overlap where {'; where '.join(map(str, empty))}. There "
                f"the effect cannot be learned from these data: leave out these customers, or the "
                f"tag if it was computed after the assignment"
            )
        if part.outside_share > _NOTICEABLE_SHARE:
            where = f", most where {part.regions[0]}" if part.regions else ""
            advice = (
                f"; Crump's rule would keep those between {part.trim_low:.2f} and "
                f"{part.trim_high:.2f}, {1 - part.trimmed_share:.1%}: check_overlap(X, "
                f"treatment).keep says whom"
                if part.trimmed_share
                else ""
            )
            warnings.warn(
                f"little overlap of {part.arm!r} and {arms.control!r}: {part.outside_share:.1%} of "
                f"customers have P({part.arm} | {part.arm} or {arms.control}) outside "
                f"[{part.low:.2f}, {part.high:.2f}]{where}; "
                f"by weight {part.customers:,} customers of {part.arm!r} count as "
                f"{part.effective:,.0f}, {part.control:,} of {arms.control!r} as "
                f"{part.effective_control:,.0f}{advice}",
                UserWarning,
                stacklevel=stacklevel,
            )


def _against_control(
    arms: Arms, probability: Floats, code: int
) -> tuple[npt.NDArray[np.intp], Floats]:
    rows = np.flatnonzero((arms.codes == 0) | (arms.codes == code))
    arm, control = probability[rows, code], probability[rows, 0]
    return rows, np.clip(arm / (arm + control), TINY, 1 - TINY)


def _parts(
    columns: Sequence[InputColumn],
    encoded: Matrix,
    arms: Arms,
    probability: Floats,
    least: float,
) -> tuple[ArmOverlap, ...]:
    parts = []
    for code, name in enumerate(arms.names, start=1):
        rows, e = _against_control(arms, probability, code)
        treated = arms.codes[rows] == code
        centre = logit(treated.mean())
        low, high = (float(expit(centre + side * logit(1 - least))) for side in (-1, 1))
        leaf = max(_LEAST_LEAF, len(rows) // 100)
        outside = (e < low) | (e > high)
        X = encoded if len(rows) == len(encoded) else encoded[rows]
        regions = find_regions(
            columns, X, treated, outside, arm=name, bounds=(low, high), least=leaf
        )
        alpha, trimmed = crump_bound(e)
        histogram = np.stack(
            [np.histogram(e[treated == side], BINS, (0, 1))[0] for side in (False, True)]
        ).astype(np.float64)
        parts.append(
            ArmOverlap(
                arm=name,
                customers=int(treated.sum()),
                control=int((~treated).sum()),
                low=low,
                high=high,
                outside_share=float(outside.mean()),
                effective=_effective(1 / e[treated]),
                effective_control=_effective(1 / (1 - e[~treated])),
                trim_low=alpha,
                trim_high=1 - alpha,
                trimmed_share=trimmed,
                regions=regions,
                histogram=histogram / histogram.sum(axis=1, keepdims=True),
            )
        )
    return tuple(parts)


def _effective(weight: Floats) -> float:
    """Kish's effective sample size."""
    return float(weight.sum() ** 2 / (weight**2).sum())


def crump_bound(e: Floats) -> tuple[float, float]:
    """Crump's α, and the share of customers outside [α, 1 − α]; 0 and 0 where all are kept.

    Examples
    --------
    >>> alpha, trimmed = crump_bound(np.linspace(0.01, 0.99, 99))
    >>> print(f"{alpha:.2f} {trimmed:.2f}")
    0.10 0.18
    """
    cost = np.sort(1 / (e * (1 - e)))
    kept = cost <= 2 * np.cumsum(cost) / np.arange(1, len(cost) + 1)
    if kept[-1]:
        return 0.0, 0.0
    # The mean of the cheapest grows slower than their greatest: the last that is worth its cost.
    last = int(np.flatnonzero(kept)[-1])
    gamma = 2 * float(cost[: last + 1].mean())
    return 0.5 - math.sqrt(0.25 - 1 / gamma), float(1 - (last + 1) / len(cost))
