"""One aggregate query for all metrics, arms, segments and strata; no customer leaves the engine.

Sums of squares lose digits when a column's mean is far from 0 against its spread. Where that is
seen, the same query is asked once more with the columns shifted by their means; likewise with
weights where P(arm) differs between customers, and where a covariate has gaps to be filled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement

import ibis
import numpy as np
import pandas as pd

from marketing_ds._core.errors import InvalidInput

from .moments import FloatArray

MISSING = "(missing)"
"""What a segment of customers without a value is called."""
MAX_CELLS = 20_000
_CANCELS = 1e4


@dataclass(frozen=True)
class Cells:
    """Sums of every cell: an arm, within each value of the segments and strata asked for.

    ``w`` is 1, or 1/P(arm) where that differs between customers; d is a customer's distance from
    the cell's mean.
    """

    keys: pd.DataFrame
    """(c, 1 + k) texts: ``arm``, then segments and strata."""
    n: FloatArray
    """(c,) customers."""
    origin: FloatArray
    """(p,) values that the columns are counted from, so that no digit is lost."""
    mean: FloatArray
    """(c, p) means, weighted by w, less the origin."""
    first: FloatArray
    """(c, p, p) Σ w d d'; NaN where it was not asked for."""
    weight: FloatArray
    """(c,) Σ w."""
    second: FloatArray
    """(c, p, p) Σ w² d d'."""
    drift: FloatArray
    """(c, p) Σ w² d."""
    weight2: FloatArray
    """(c,) Σ w²."""
    squares: FloatArray
    """(c, p) Σ w x², x less the origin."""
    chances: FloatArray | None
    """(c, 4) lowest and highest P(arm), Σ 1/p, Σ 1/p²."""

    def pool(self, by: Sequence[str]) -> Cells:
        """The cells with the same values of `by` as one, by Chan's formula.

        References
        ----------
        Chan, Golub, LeVeque (1983), Algorithms for computing the sample variance, The American
        Statistician 37.
        """
        each = list(zip(*(self.keys[name] for name in by), strict=True))
        names = sorted(set(each))
        place = {name: i for i, name in enumerate(names)}
        found, size = np.array([place[name] for name in each]), len(names)

        def total(values: FloatArray) -> FloatArray:
            result = np.zeros((size, *values.shape[1:]))
            np.add.at(result, found, values)
            return result

        weight = total(self.weight)
        mean = total(self.weight[:, None] * self.mean) / weight[:, None]
        far = self.mean - mean[found]
        outer = far[:, :, None] * far[:, None, :]
        cross = self.drift[:, :, None] * far[:, None, :]
        second = self.second + cross + np.swapaxes(cross, 1, 2)
        chances = self.chances
        if chances is not None:
            low, high = np.full(size, np.inf), np.full(size, -np.inf)
            np.minimum.at(low, found, chances[:, 0])
            np.maximum.at(high, found, chances[:, 1])
            chances = np.column_stack([low, high, total(chances[:, 2:])])
        return Cells(
            pd.DataFrame(names, columns=list(by)),
            total(self.n),
            self.origin,
            mean,
            total(self.first + self.weight[:, None, None] * outer),
            weight,
            total(second + self.weight2[:, None, None] * outer),
            total(self.drift + self.weight2[:, None] * far),
            total(self.weight2),
            total(self.squares),
            chances,
        )

    def with_keys(self, keys: pd.DataFrame) -> Cells:
        """The same cells under other names."""
        return replace(self, keys=keys)

    def where(self, chosen: pd.Series[bool]) -> Cells:
        """These cells alone."""
        rows = np.flatnonzero(chosen.to_numpy(bool))
        return Cells(
            self.keys.iloc[rows].reset_index(drop=True),
            self.n[rows],
            self.origin,
            self.mean[rows],
            self.first[rows],
            self.weight[rows],
            self.second[rows],
            self.drift[rows],
            self.weight2[rows],
            self.squares[rows],
            None if self.chances is None else self.chances[rows],
        )

    @property
    def weighted(self) -> bool:
        """Whether customers count by 1/P(arm)."""
        return bool((self.weight != self.n).any())


def read_cells(
    table: ibis.Table,
    columns: Sequence[str],
    groups: Sequence[frozenset[str]],
    *,
    arm: str,
    probability: str | None = None,
    keys: Sequence[str] = (),
    fill: frozenset[str] = frozenset(),
    binary: frozenset[str] = frozenset(),
) -> tuple[Cells, dict[str, tuple[int, float]]]:
    """The cells of arm × `keys`; and of `fill` the columns with gaps: customers, the mean put there.

    Parameters
    ----------
    table : ibis.Table
        One row a customer.
    columns : sequence of str
        Numbers or booleans; only those of `fill` may have gaps.
    groups : sequence of frozenset of str
        Products of columns are formed only within each of these.
    arm, probability : str
        Columns of the arm and of its P.
    keys : sequence of str
        Columns of segments and strata.
    fill : frozenset of str
        Columns whose gaps are filled by the mean over all arms.
    binary : frozenset of str
        Columns that must hold nothing but 0 and 1.
    """
    typed = typed_table(table, columns, arm=arm, probability=probability, keys=keys)
    pairs = _pairs(columns, groups)
    nothing: list[float | None] = [None] * len(columns)
    found = _ask(typed, pairs, np.zeros(len(columns)), nothing, keys, weighted=False)
    _check_values(found, columns, probability, fill)
    _check_binary(found, columns, binary)
    missing = {c: int((found["n"] - found[f"known{i}"]).sum()) for i, c in enumerate(columns)}
    centre = np.array(
        [found[f"s0_{i}"].sum() / max(found[f"known{i}"].sum(), 1) for i in range(len(columns))]
    )
    filled = {c: (missing[c], float(m)) for c, m in zip(columns, centre, strict=True) if missing[c]}
    weighted = probability is not None and _differs(found)
    cells = _cells(found, keys, columns, pairs, centre * 0, weighted=False)
    if weighted or filled or _cancelled(cells):
        means = [filled[c][1] if c in filled else None for c in columns]
        found = _ask(typed, pairs, centre, means, keys, weighted=weighted)
        cells = _cells(found, keys, columns, pairs, centre, weighted=weighted)
    return cells, filled


def typed_table(
    table: ibis.Table,
    columns: Sequence[str],
    *,
    arm: str,
    probability: str | None = None,
    keys: Sequence[str] = (),
    cluster: str | None = None,
) -> ibis.Table:
    """The table as the queries want it: ``arm``, ``k0`` … of `keys`, ``x0`` … of `columns`, ``p``."""
    for column in (*columns, *([probability] if probability else [])):
        kind = table[column].type()
        if not (kind.is_numeric() or kind.is_boolean()):
            raise InvalidInput(f"{column!r} must hold numbers or booleans, got {kind}")
    for column in keys:
        kind = table[column].type()
        if kind.is_floating() or kind.is_decimal() or kind.is_nested():
            raise InvalidInput(
                f"a segment or stratum must be of few values, got {column!r} of {kind}; "
                "put it into bands first, or turn whole numbers into integers"
            )
    values = {f"x{i}": table[column].cast("float64") for i, column in enumerate(columns)}
    if probability:
        values["p"] = table[probability].cast("float64")
    if cluster:
        values["cluster"] = table[cluster]
    cuts = {f"k{i}": table[key].cast("string").fill_null(MISSING) for i, key in enumerate(keys)}
    return table.select(arm=table[arm].cast("string"), **cuts, **values)


def _pairs(columns: Sequence[str], groups: Sequence[frozenset[str]]) -> list[tuple[int, int]]:
    return [
        (i, j)
        for i, j in combinations_with_replacement(range(len(columns)), 2)
        if any(columns[i] in group and columns[j] in group for group in groups)
    ]


def _ask(
    table: ibis.Table,
    pairs: Sequence[tuple[int, int]],
    shift: FloatArray,
    fill: Sequence[float | None],
    keys: Sequence[str],
    *,
    weighted: bool,
) -> pd.DataFrame:
    """One row a cell: counts and sums, plain or weighted by 1/p and 1/p²."""
    x = [
        _shifted(table[f"x{i}"], float(s), gap)
        for i, (s, gap) in enumerate(zip(shift, fill, strict=True))
    ]
    wanted = {"n": table.count()}
    wanted |= {f"known{i}": table[f"x{i}"].count() for i in range(len(x))}
    if "p" in table.columns:
        wanted |= {"p_known": table.p.count(), "p_low": table.p.min(), "p_high": table.p.max()}
        wanted |= {"w1": (1 / table.p).sum(), "w2": (1 / (table.p * table.p)).sum()}
    for power in (1, 2) if weighted else (0,):
        chance = None if power == 0 else table.p if power == 1 else table.p * table.p
        wanted |= {f"s{power}_{i}": _over(v, chance).sum() for i, v in enumerate(x)}
        wanted |= {f"s{power}_{i}_{j}": _over(x[i] * x[j], chance).sum() for i, j in pairs}
    cells = table.group_by(["arm", *(f"k{i}" for i in range(len(keys)))]).aggregate(**wanted)
    # More would be customers rather than cells: refused below without fetching them.
    found: pd.DataFrame = cells.limit(MAX_CELLS + 1).to_pyarrow().to_pandas()
    if len(found) > MAX_CELLS:
        raise InvalidInput(
            f"segments and strata must make at most {MAX_CELLS:,} cells with the arms, got more "
            f"from {', '.join(map(repr, keys))}; put them into fewer bands"
        )
    return found.sort_values(list(found.columns[: 1 + len(keys)])).reset_index(drop=True)


def _shifted(x: ibis.Value, shift: float, gap: float | None) -> ibis.Value:
    known = x if gap is None else x.fill_null(ibis.literal(gap, "float64"))
    return known - ibis.literal(shift, "float64") if shift else known


def _over(value: ibis.Value, chance: ibis.Value | None) -> ibis.Value:
    return value if chance is None else value / chance


def _check_values(
    found: pd.DataFrame, columns: Sequence[str], probability: str | None, fill: frozenset[str]
) -> None:
    if found["arm"].isna().any():
        raise InvalidInput(
            "every customer must have an arm, got "
            f"{int(found.loc[found['arm'].isna(), 'n'].sum())} without; leave them out"
        )
    for i, column in enumerate(columns):
        known = int(found[f"known{i}"].sum())
        missing = int(found["n"].sum()) - known
        if missing and (column not in fill or not known):
            raise InvalidInput(
                f"{column!r} must be known for every customer, got {missing} missing; fill in 0 "
                "where nothing happened, or leave these customers out"
            )
        if not np.isfinite(found[f"s0_{i}"].fillna(0.0).to_numpy(float)).all():
            raise InvalidInput(f"{column!r} must be finite, got NaN or infinite values")
    if probability:
        inside = (found["p_low"] > 0) & (found["p_high"] <= 1) & (found["p_known"] == found["n"])
        if not inside.all():
            raise InvalidInput(
                f"{probability!r} must be in (0, 1] for every customer; "
                "it is the probability of the arm that was given. Where it is unknown, leave it out; "
                "if arms were not drawn at random, this is not an experiment"
            )


def _check_binary(found: pd.DataFrame, columns: Sequence[str], binary: frozenset[str]) -> None:
    for i, column in enumerate(columns):
        # Below 0, between 0 and 1 and above 1 a square differs from its number.
        if column in binary and (found[f"s0_{i}"] != found[f"s0_{i}_{i}"]).any():
            raise InvalidInput(
                f"{column!r} must hold nothing but 0 and 1 for a share of customers, got other "
                "values; take Mean for an amount or a count"
            )


def _differs(found: pd.DataFrame) -> bool:
    """Whether customers of one arm had different chances of it."""
    arms = found.groupby("arm").agg(low=("p_low", "min"), high=("p_high", "max"))
    return bool((arms["high"] > arms["low"] * (1 + 1e-9)).any())


def _cells(
    found: pd.DataFrame,
    keys: Sequence[str],
    columns: Sequence[str],
    pairs: Sequence[tuple[int, int]],
    shift: FloatArray,
    *,
    weighted: bool,
) -> Cells:
    n = found["n"].to_numpy(float)
    p = len(columns)
    weight = found["w1"].to_numpy(float) if weighted else n
    once, products = _sums(found, 1 if weighted else 0, p, pairs)
    mean = once / weight[:, None]
    first = products - weight[:, None, None] * mean[:, :, None] * mean[:, None, :]
    squares = np.diagonal(products, axis1=1, axis2=2)
    second, drift, weight2 = first, np.zeros_like(mean), n
    if weighted:
        weight2 = found["w2"].to_numpy(float)
        twice, products = _sums(found, 2, p, pairs)
        cross = twice[:, :, None] * mean[:, None, :]
        outer = mean[:, :, None] * mean[:, None, :]
        second = products - cross - np.swapaxes(cross, 1, 2) + weight2[:, None, None] * outer
        drift = twice - weight2[:, None] * mean
    names = ["arm", *keys]
    texts = found.iloc[:, : len(names)].set_axis(names, axis=1).astype(str)
    chances = None
    if "p_low" in found:
        chances = found[["p_low", "p_high", "w1", "w2"]].to_numpy(float)
    return Cells(texts, n, shift, mean, first, weight, second, drift, weight2, squares, chances)


def _sums(
    found: pd.DataFrame, power: int, p: int, pairs: Sequence[tuple[int, int]]
) -> tuple[FloatArray, FloatArray]:
    """Sums of the columns and of their products in every cell, under weights 1/p to this power."""
    once = found[[f"s{power}_{i}" for i in range(p)]].to_numpy(float)
    products = np.full((len(found), p, p), np.nan)
    for i, j in pairs:
        products[:, i, j] = products[:, j, i] = found[f"s{power}_{i}_{j}"].to_numpy(float)
    return once, products


def _cancelled(cells: Cells) -> bool:
    """Whether a spread was taken as the small difference of large sums."""
    arms = cells.pool(["arm"])
    spread = np.diagonal(arms.first, axis1=1, axis2=2)
    return bool((arms.n[:, None] * arms.mean**2 > _CANCELS * spread).any())
