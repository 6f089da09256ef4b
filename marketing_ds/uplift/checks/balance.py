"""Are arms alike? Standardised mean differences, tag by tag, before and after weighting."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from marketing_ds._core.display import Result
from marketing_ds.features import RARE, InputColumn

from ..arms import Arms, Floats
from ..binned import Matrix
from .predictability import column_p_values, pairs

NOTICEABLE = 0.1
"""Standardised mean differences beyond it are taken for imbalance (Austin 2009)."""
IS_NULL = "is null"
TINY = 1e-6
"""The least probability that is weighted by: trees are never sure, but float32 can be."""


@dataclass(frozen=True)
class Balance(Result):
    """Standardised mean differences (SMD) of tags between each arm and control.

    SMD = (mean of the arm − mean of control) / √((variance of the arm + that of control) / 2), of
    the values of a number or date, and of the shares of a category's levels and of nulls.
    Variances are those before weighting, so that both SMDs are in one unit.

    Attributes
    ----------
    frame : pandas.DataFrame
        One row a tag, level and arm; see `to_frame`.
    weighted : bool
        Whether ``smd_weighted`` is there: after weighting customers by 1/P(arm received).

    References
    ----------
    Austin, P. C. (2009). Balance diagnostics for comparing the distribution of baseline covariates
    between treatment groups in propensity-score matched samples. Statistics in Medicine 28.
    """

    frame: pd.DataFrame
    weighted: bool

    def to_frame(self) -> pd.DataFrame:
        """One row a tag, level (empty for a number's values) and arm, the greatest |SMD| first.

        `mean_arm` and `mean_control` as they are (dates: days since 1970-01-01; levels and nulls:
        shares), `smd`, then `smd_weighted` where there are weights, else `p_value`: of the arms'
        ranks, given the stated probabilities; NaN where hardly anybody has the level.
        """
        return self.frame.copy()

    @property
    def worst(self) -> float:
        """The greatest |SMD|: after weighting, where there are weights; 0 without tags."""
        column = self.frame["smd_weighted" if self.weighted else "smd"]
        return float(column.abs().max()) if len(column) else 0.0


def balance_of(
    columns: Sequence[InputColumn],
    encoded: Matrix,
    arms: Arms,
    *,
    probability: Floats | None = None,
    weighted: bool = False,
) -> Balance:
    """The balance of encoded tags.

    Parameters
    ----------
    columns : sequence of InputColumn
        What the encoder learned of the tags.
    encoded : ndarray of shape (n, d)
    arms : Arms
    probability : ndarray of shape (n, 1 + arms), optional
        P(each arm); None where it is the same for all.
    weighted : bool
        Whether to weight by it, rather than to test whether it was so.
    """
    weight = None
    if weighted and probability is not None:
        received = probability[np.arange(len(encoded)), arms.codes]
        weight = 1 / np.maximum(received, TINY)
    p_values = {}
    if not weighted:
        for pair in pairs(arms, probability, columns=2 * encoded.shape[1]):
            p_values[pair.arm] = column_p_values(encoded[pair.rows], pair)
    missing = np.full((2, encoded.shape[1]), np.nan)
    rows = []
    names = [(column, at) for column in columns for at in range(len(column.outputs()))]
    for position, (column, at) in enumerate(names):
        values = encoded[:, position]
        null = np.isnan(values)
        parts = [(_level(column, at), values, 0)]
        if null.any():
            parts.append((IS_NULL, null.astype(np.float32), 1))
        for level, part, kind in parts:
            compared = _compare(part, arms, weight)
            for arm, found in zip(arms.names, compared, strict=True):
                p_value = p_values.get(arm, missing)[kind][position]
                rows.append((column.name, level, arm, *found, p_value))
    return Balance(_frame(rows, weighted), weighted)


def _frame(rows: Sequence[tuple[object, ...]], weighted: bool) -> pd.DataFrame:
    head = ["tag", "level", "arm", "mean_arm", "mean_control", "smd", "smd_weighted", "p_value"]
    frame = pd.DataFrame(rows, columns=head)
    frame = frame.drop(columns="p_value" if weighted else "smd_weighted")
    order = frame["smd"].abs().sort_values(ascending=False, kind="stable").index
    return frame.loc[order].reset_index(drop=True)


def _level(column: InputColumn, at: int) -> str:
    if column.kind != "category":
        return ""
    if at < len(column.categories):
        return column.categories[at]
    return RARE if column.rare and at == len(column.categories) else IS_NULL


def _compare(
    values: Matrix, arms: Arms, weight: Floats | None
) -> list[tuple[float, float, float, float]]:
    """Mean of each arm, mean of control, SMD and weighted SMD; nulls are left out."""
    known = ~np.isnan(values)
    codes, numbers = arms.codes, values.astype(np.float64)
    if not known.all():
        codes, numbers = codes[known], numbers[known]
    size = len(arms.labels)
    count = np.bincount(codes, minlength=size).astype(np.float64)
    # Days and balances lie far from 0 against their spread: squares of what is left keep digits.
    centre = float(numbers.mean()) if len(numbers) else 0.0
    numbers = numbers - centre
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.bincount(codes, numbers, size) / count
        square = np.bincount(codes, numbers**2, size) / count
        variance = np.maximum(square - mean**2, 0.0)
        after = mean
        if weight is not None:
            w = weight if known.all() else weight[known]
            after = np.bincount(codes, w * numbers, size) / np.bincount(codes, w, size)
        unit = np.sqrt((variance[1:] + variance[0]) / 2)
        smd, smd_after = (_ratio(m[1:] - m[0], unit) for m in (mean, after))
    return [
        (float(mean[k + 1] + centre), float(mean[0] + centre), float(smd[k]), float(smd_after[k]))
        for k in range(size - 1)
    ]


def _ratio(difference: Floats, unit: Floats) -> Floats:
    """SMD; 0 where both arms hold one and the same value, infinite where each holds another."""
    same = np.abs(difference) <= 1e-9 * np.maximum(unit, 1e-300)
    return np.where(same, 0.0, difference / unit)


def label_of(tag: str, level: str) -> str:
    """How a row of the balance is called: ``age``, ``tier = gold``, ``tier is null``."""
    return f"{tag} {level}" if level == IS_NULL else f"{tag} = {level}" if level else tag


def day(number: float) -> dt.date:
    """A date from days since 1970-01-01."""
    return dt.date(1970, 1, 1) + dt.timedelta(days=round(number))
