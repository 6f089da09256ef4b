"""Third moments of estimates that few customers decide; asked for where they can matter, only.

They show how far a mean is from normal. In arms of one size the skewness of both goes out of their
difference, and where many customers have a part in a mean there is little: then no query is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import ibis
import numpy as np

from .estimates import Estimate
from .influence import influence_table
from .moments import Moments
from .populations import Population, Request

ByLabel = Mapping[str, Mapping[str, Estimate]]
ALIKE = 0.9
"""Share of the larger of two arms from which on their sizes count as one."""
MANY = 10_000
"""Customers with a part in a mean (Kish) from which on none of them can matter much."""
_POWERS = ("one", "two", "three")


def with_thirds(
    table: ibis.Table,
    request: Request,
    column: str | None,
    populations: Sequence[Population],
    found: Mapping[str, ByLabel],
    filled: Mapping[str, tuple[int, float]],
) -> dict[str, dict[str, dict[str, Estimate]]]:
    """The estimates, with third moments where these can matter: one query a segment column.

    Parameters
    ----------
    table : ibis.Table
        With the derived columns.
    column : str or None
        The segment column that `populations` come from.
    found : mapping
        Segment → label of the metric → arm → estimate.
    filled : mapping
        Covariates with gaps → customers, the mean put there.
    """
    wanted = {
        segment: [label for label, by_arm in each.items() if _matters(by_arm, request.control)]
        for segment, each in found.items()
    }
    estimates = {s: {label: dict(e) for label, e in each.items()} for s, each in found.items()}
    asked = [population for population in populations if wanted[population.segment]]
    if not asked:
        return estimates
    rows = influence_table(table, request, column, asked, wanted, None, filled)
    sums = {}
    for i in range(len(request.metrics)):
        if f"a{i}" in rows.columns:
            sums[f"third{i}"] = (rows[f"a{i}"] * rows[f"a{i}"] * rows[f"a{i}"]).sum()
        if f"x{i}" in rows.columns:
            sums[f"least{i}"] = rows[f"x{i}"].min()
    cells = rows.group_by(["segment", "arm"]).aggregate(**sums).to_pyarrow().to_pylist()
    for row in cells:
        for i, metric in enumerate(request.metrics):
            if metric.label in wanted[row["segment"]]:
                by_arm, arm = estimates[row["segment"]][metric.label], row["arm"]
                upward = row.get(f"least{i}", -1.0) >= 0
                third = float(row[f"third{i}"])
                by_arm[arm] = replace(by_arm[arm], third=third, upward=upward)
    return estimates


def column_thirds(
    table: ibis.Table, columns: Sequence[str], moments: Mapping[str, Moments], arm: str
) -> dict[str, Moments]:
    """The moments with the columns' third ones, where these can matter: one query.

    Parameters
    ----------
    table : ibis.Table
        One row a customer; a gap counts as its arm's mean.
    columns : sequence of str
        Those of the moments.
    """
    sizes = [m.n for m in moments.values()]
    weighted = any(m.chances is not None and m.chances.differs for m in moments.values())
    if weighted or min(sizes) >= ALIKE * max(sizes) or not columns:
        return dict(moments)
    centre = np.asarray(sum(m.n * m.mean for m in moments.values())) / sum(sizes)
    sums: dict[str, ibis.Value] = {}
    for i, (column, at) in enumerate(zip(columns, centre.tolist(), strict=True)):
        x = table[column].cast("float64") - ibis.literal(at, "float64")
        sums |= {f"one{i}": x.mean(), f"two{i}": (x * x).mean(), f"three{i}": (x * x * x).mean()}
    found = dict(moments)
    grouped = table.group_by(table[arm].cast("string").name("arm")).aggregate(**sums)
    for row in grouped.to_pyarrow().to_pylist():
        powers = ([row[f"{name}{i}"] for i in range(len(columns))] for name in _POWERS)
        one, two, three = (np.array(power, dtype=float) for power in powers)
        third = three - 3 * one * two + 2 * one**3
        found[row["arm"]] = replace(found[row["arm"]], third=third)
    return found


def _matters(by_arm: Mapping[str, Estimate], control: str) -> bool:
    """Whether an arm of another size than control's may be decided by few customers."""
    base = by_arm[control]
    pairs = [(base, each) for arm, each in by_arm.items() if arm != control]
    if all(min(a.n, b.n) >= ALIKE * max(a.n, b.n) for a, b in pairs):
        return False
    if all(map(_zero_or_one, by_arm.values())):
        return False
    return min(map(_partakers, by_arm.values())) < MANY


def _zero_or_one(found: Estimate) -> bool:
    """Whether it is a share of customers: those with few events have intervals of their own."""
    expected = found.raw * (1 - found.raw)
    return abs(found.raw_variance * (found.n - 1) - expected) <= 1e-9 * abs(expected)


def _partakers(found: Estimate) -> float:
    """(Σ x)² / Σ x²: how many customers there would be, were all amounts alike."""
    squares = found.raw_variance + found.raw**2 / found.n
    return found.raw**2 / squares if squares > 0 else 0.0
