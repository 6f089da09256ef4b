"""Sufficient statistics per arm: means of columns and how sure they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import ibis

    from .cells import Cells

FloatArray: TypeAlias = npt.NDArray[np.float64]

_CONSTANT = 1e-12


@dataclass(frozen=True)
class Chances:
    """P(arm) as found in an arm: its range, Σ 1/p and Σ (1 − p)/p²."""

    low: float
    high: float
    weight: float
    variance: float

    @property
    def differs(self) -> bool:
        """Whether customers of one arm had different chances of it."""
        return self.high > self.low * (1 + 1e-9)


@dataclass(frozen=True)
class Moments:
    """What one arm tells: means of the columns and how sure they are."""

    n: int
    mean: FloatArray
    """(p,) means; weighted by 1/p where chances differ."""
    scatter: FloatArray
    """(p, p) sums of products of deviations."""
    error: FloatArray
    """(p, p) covariance of the means."""
    chances: Chances | None
    shares: FloatArray | None = None
    """(s,) shares of the strata among all customers, where means are weighted by them."""
    levels: FloatArray | None = None
    """(s, p) means within the strata."""
    third: FloatArray | None = None
    """(p,) third central moments of customers, where they were asked for."""


def arm_moments(
    table: ibis.Table,
    columns: Sequence[str],
    groups: Sequence[frozenset[str]],
    arm: str,
    probability: str | None,
) -> dict[str, Moments]:
    """Moments by arm of `columns`, in one query; products are formed only within each of `groups`.

    Parameters
    ----------
    table : ibis.Table
        One row a customer.
    columns : sequence of str
        Numbers or booleans, without nulls.
    groups : sequence of frozenset of str
        Columns whose products are wanted; the others' are NaN.
    arm : str
        Column of the arm.
    probability : str or None
        Column of P(the arm given), in (0, 1].
    """
    from .cells import read_cells

    cells = read_cells(table, columns, groups, arm=arm, probability=probability)[0]
    return moments_by_arm(cells)


def moments_by_arm(cells: Cells) -> dict[str, Moments]:
    """One `Moments` an arm, all its cells together."""
    pooled = cells.pool(["arm"])
    return {
        str(arm): _moments(pooled, row, chances)
        for row, (arm, chances) in enumerate(zip(pooled.keys["arm"], _chances(pooled), strict=True))
    }


def moments_by_stratum(cells: Cells, strata: Sequence[str]) -> dict[str, Moments]:
    """One `Moments` an arm, its strata weighted by their shares among all customers.

    Every arm must be in every stratum.

    References
    ----------
    Miratrix, Sekhon, Yu (2013), Adjusting treatment effect estimates by post-stratification in
    randomized experiments, JRSS B 75.
    """
    parts = cells.pool(["arm", *strata])
    stratum = list(zip(*(parts.keys[name] for name in strata), strict=True))
    names = sorted(set(stratum))
    total = dict.fromkeys(names, 0.0)
    for name, n in zip(stratum, parts.n.tolist(), strict=True):
        total[name] += n
    shares = np.array(list(total.values())) / parts.n.sum()
    rows = {
        key: _moments(parts, row, None)
        for row, key in enumerate(zip(parts.keys["arm"], stratum, strict=True))
    }
    found = {}
    for arm, whole in moments_by_arm(cells).items():
        each = [rows[arm, name] for name in names]
        levels = np.array([m.mean for m in each])
        found[arm] = Moments(
            whole.n,
            shares @ levels,
            np.sum([m.scatter for m in each], axis=0),
            np.sum([w**2 * m.error for w, m in zip(shares, each, strict=True)], axis=0),
            whole.chances,
            shares,
            levels,
        )
    return found


def _moments(cells: Cells, row: int, chances: Chances | None) -> Moments:
    n, weight = int(cells.n[row]), float(cells.weight[row])
    scatter, error = cells.first[row] * n / weight, cells.second[row] * n / weight**2
    # What rounding left of a column that does not vary.
    flat = np.diag(cells.first[row]) <= _CONSTANT * cells.squares[row]
    scatter, error = (
        np.where((flat[:, None] | flat[None, :]) & ~np.isnan(m), 0.0, m) for m in (scatter, error)
    )
    return Moments(n, cells.mean[row] + cells.origin, scatter, error / max(n - 1, 1), chances)


def _chances(cells: Cells) -> list[Chances | None]:
    if cells.chances is None:
        return [None] * len(cells.n)
    return [Chances(low, high, w1, w2 - w1) for low, high, w1, w2 in cells.chances.tolist()]
