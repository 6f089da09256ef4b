"""Customers with and without groups, for tests and benchmarks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def table(columns: dict[str, object]) -> pd.DataFrame:
    """A tag table of these columns, with ids."""
    frame = pd.DataFrame(columns)
    frame.insert(0, "customer_id", [f"c{i:06d}" for i in range(len(frame))])
    return frame


def alike(n: int, seed: int) -> dict[str, pd.DataFrame]:
    """Customers without groups, of all sorts: independent, of one or two factors, discrete, heavy-tailed."""
    rng = np.random.default_rng(seed)
    factor, other = rng.normal(size=(2, n))

    def amounts(of: NDArray[np.float64], zeros: float) -> NDArray[np.float64]:
        return np.where(rng.random(n) < zeros, 0.0, np.exp(8 + 1.2 * of))

    independent: dict[str, object] = {f"number_{i}": rng.lognormal(0, 1.5, n) for i in range(6)}
    independent |= {f"flag_{i}": rng.random(n) < p for i, p in enumerate((0.5, 0.3, 0.1))}
    independent |= {
        "region": rng.choice(["north", "south", "east"], n),
        "zeros": amounts(other, 0.6),
    }
    return {
        "normal": table({f"t{i}": rng.normal(size=n) for i in range(10)}),
        "independent, all types": table(independent),
        "one factor": table({f"t{i}": factor + 0.7 * rng.normal(size=n) for i in range(12)}),
        "two factors, skewed": table(
            {f"a{i}": np.exp(factor + 0.8 * rng.normal(size=n)) for i in range(7)}
            | {f"b{i}": amounts(other + rng.normal(size=n), 0.4) for i in range(5)}
        ),
        "one factor, yes and no": table(
            {f"t{i}": factor + 0.7 * rng.normal(size=n) > rng.normal() * 0.7 for i in range(12)}
        ),
        "one flag": table(
            {"flag": rng.random(n) < 0.5} | {f"t{i}": rng.normal(size=n) for i in range(6)}
        ),
    }


def planted(
    n: int,
    seed: int,
    *,
    groups: int,
    telling: int = 8,
    noise: int = 8,
    far: float = 1.6,
    flags: int = 0,
    words: int = 0,
    skewed: bool = False,
    shares: Sequence[float] | None = None,
) -> tuple[pd.DataFrame, NDArray[np.intp]]:
    """Customers of known groups: numbers, flags and words that tell them, and noise."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(groups, n, p=shares)
    middle = rng.normal(size=(groups, telling)) * far
    numbers = middle[truth] + rng.normal(size=(n, telling))
    columns: dict[str, object] = {
        f"n{i}": np.exp(numbers[:, i]) if skewed else numbers[:, i] for i in range(telling)
    }
    columns |= {f"noise_{i}": rng.normal(size=n) for i in range(noise)}
    chance = rng.uniform(0.05, 0.95, (groups, flags))
    columns |= {f"f{i}": rng.random(n) < chance[truth, i] for i in range(flags)}
    for i in range(words):
        share = rng.dirichlet([0.4] * 4, groups)
        word = (rng.random(n)[:, None] > np.cumsum(share, axis=1)[truth]).sum(axis=1)
        columns[f"w{i}"] = np.array(["north", "south", "east", "west"])[np.minimum(word, 3)]
    return table(columns), truth


def agreement(one: NDArray[np.intp], other: NDArray[np.intp]) -> float:
    """Adjusted Rand index of two groupings (Hubert and Arabie 1985)."""
    counts = pd.crosstab(one, other).to_numpy().astype(float)

    def pairs(x: NDArray[np.float64]) -> float:
        return float((x * (x - 1) / 2).sum())

    both, rows, columns = pairs(counts), pairs(counts.sum(axis=1)), pairs(counts.sum(axis=0))
    chance = rows * columns / pairs(np.array([counts.sum()]))
    return (both - chance) / ((rows + columns) / 2 - chance)
