"""Sufficient statistics per arm, in one aggregate query for all metrics; no customer leaves.

Sums of squares lose digits when a column's mean is far from 0 against its spread. Only where that
is seen, the same query is asked once more with the columns shifted by their means; likewise with
weights where P(arm) differs between customers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import TypeAlias

import ibis
import numpy as np
import numpy.typing as npt
import pandas as pd

from marketing_ds._core.errors import InvalidInput

FloatArray: TypeAlias = npt.NDArray[np.float64]
Frame: TypeAlias = "pd.DataFrame | ibis.Table"

_CANCELS = 1e4
_CONSTANT = 1e-14


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


def arm_moments(
    table: ibis.Table,
    columns: Sequence[str],
    groups: Sequence[frozenset[str]],
    arm: str,
    probability: str | None,
) -> dict[str, Moments]:
    """Moments by arm of `columns`; products are formed only within each of `groups`."""
    table = _typed(table, columns, arm, probability)
    pairs = _pairs(columns, groups)
    found = _ask(table, columns, pairs, np.zeros(len(columns)), weighted=False)
    _check_values(found, columns, probability)
    chances = _chances(found) if probability else {}
    weighted = any(chance.differs for chance in chances.values())
    if weighted:
        found = _ask(table, columns, pairs, np.zeros(len(columns)), weighted=True)
    moments = _moments(found, columns, pairs, chances, weighted)
    if any(_cancelled(m) for m in moments.values()):
        n = np.array([m.n for m in moments.values()], dtype=float)
        shift = n @ np.array([m.mean for m in moments.values()]) / n.sum()
        found = _ask(table, columns, pairs, shift, weighted=weighted)
        moments = _moments(found, columns, pairs, chances, weighted, shift)
    return moments


def _typed(
    table: ibis.Table, columns: Sequence[str], arm: str, probability: str | None
) -> ibis.Table:
    for column in (*columns, *([probability] if probability else [])):
        kind = table[column].type()
        if not (kind.is_numeric() or kind.is_boolean()):
            raise InvalidInput(f"{column!r} must hold numbers or booleans, got {kind}")
    values = {f"x{i}": table[column].cast("float64") for i, column in enumerate(columns)}
    chance = {"p": table[probability].cast("float64")} if probability else {}
    return table.select(arm=table[arm].cast("string"), **values, **chance)


def _pairs(columns: Sequence[str], groups: Sequence[frozenset[str]]) -> list[tuple[int, int]]:
    return [
        (i, j)
        for i, j in combinations_with_replacement(range(len(columns)), 2)
        if any(columns[i] in group and columns[j] in group for group in groups)
    ]


def _ask(
    table: ibis.Table,
    columns: Sequence[str],
    pairs: Sequence[tuple[int, int]],
    shift: FloatArray,
    *,
    weighted: bool,
) -> pd.DataFrame:
    """One row an arm: counts and sums, plain or weighted by 1/p and 1/p²."""
    x = [table[f"x{i}"] - float(s) if s else table[f"x{i}"] for i, s in enumerate(shift)]
    wanted = {"n": table.count()}
    wanted |= {f"known{i}": table[f"x{i}"].count() for i in range(len(columns))}
    if "p" in table.columns:
        wanted |= {"p_known": table.p.count(), "p_low": table.p.min(), "p_high": table.p.max()}
        wanted |= {"w1": (1 / table.p).sum(), "w2": (1 / (table.p * table.p)).sum()}
    for power in (1, 2) if weighted else (0,):
        weight = 1.0 if power == 0 else 1 / table.p if power == 1 else 1 / (table.p * table.p)
        wanted |= {f"s{power}_{i}": (v * weight).sum() for i, v in enumerate(x)}
        wanted |= {f"s{power}_{i}_{j}": (x[i] * x[j] * weight).sum() for i, j in pairs}
    found: pd.DataFrame = table.group_by("arm").aggregate(**wanted).to_pyarrow().to_pandas()
    return found.set_index("arm").sort_index()


def _check_values(found: pd.DataFrame, columns: Sequence[str], probability: str | None) -> None:
    if found.index.hasnans:
        raise InvalidInput(
            "every customer must have an arm, got "
            f"{int(found.loc[found.index.isna(), 'n'].sum())} without; leave them out"
        )
    for i, column in enumerate(columns):
        missing = int((found["n"] - found[f"known{i}"]).sum())
        if missing:
            raise InvalidInput(
                f"{column!r} must be known for every customer, got {missing} missing; fill in 0 "
                "where nothing happened (a covariate: its mean), or leave these customers out"
            )
        if not np.isfinite(found[f"s0_{i}"].to_numpy(float)).all():
            raise InvalidInput(f"{column!r} must be finite, got NaN or infinite values")
    if probability:
        inside = (found["p_low"] > 0) & (found["p_high"] <= 1) & (found["p_known"] == found["n"])
        if not inside.all():
            raise InvalidInput(
                f"{probability!r} must be in (0, 1] for every customer; "
                "it is the probability of the arm that was given. Where it is unknown, leave it out; "
                "if arms were not drawn at random, this is not an experiment"
            )


def _chances(found: pd.DataFrame) -> dict[str, Chances]:
    return {
        str(arm): Chances(row.p_low, row.p_high, row.w1, row.w2 - row.w1)
        for arm, row in found.iterrows()
    }


def _moments(
    found: pd.DataFrame,
    columns: Sequence[str],
    pairs: Sequence[tuple[int, int]],
    chances: dict[str, Chances],
    weighted: bool,
    shift: FloatArray | None = None,
) -> dict[str, Moments]:
    moved = np.zeros(len(columns)) if shift is None else shift
    known = np.full((len(columns), len(columns)), np.nan)
    for i, j in pairs:
        known[i, j] = known[j, i] = 1.0
    result = {}
    for arm, row in found.iterrows():
        n = int(row["n"])
        once, products = _sums(row, 1 if weighted else 0, len(columns), pairs)
        weight = float(row["w1"]) if weighted else float(n)
        mean = once / weight
        scatter = (products - weight * np.outer(mean, mean)) * n / weight
        error = scatter / n
        if weighted:
            once, products = _sums(row, 2, len(columns), pairs)
            cross = np.outer(once, mean)
            spread = products - cross - cross.T + row["w2"] * np.outer(mean, mean)
            error = spread * n / weight**2
        flat = np.diag(scatter) <= n * (_CONSTANT * np.abs(mean + moved)) ** 2
        constant = np.where(flat[:, None] | flat[None, :], 0.0, 1.0) * known
        result[str(arm)] = Moments(
            n,
            mean + moved,
            scatter * constant,
            error * constant / max(n - 1, 1),
            chances.get(str(arm)),
        )
    return result


def _sums(
    row: pd.Series[float], power: int, n_columns: int, pairs: Sequence[tuple[int, int]]
) -> tuple[FloatArray, FloatArray]:
    """Sums of the columns and of their products, under weights 1/p to this power."""
    once = np.array([float(row[f"s{power}_{i}"]) for i in range(n_columns)])
    products = np.zeros((n_columns, n_columns))
    for i, j in pairs:
        products[i, j] = products[j, i] = float(row[f"s{power}_{i}_{j}"])
    return once, products


def _cancelled(moments: Moments) -> bool:
    """Whether a spread was taken as the small difference of large sums."""
    return bool((moments.n * moments.mean**2 > _CANCELS * np.diag(moments.scatter)).any())
