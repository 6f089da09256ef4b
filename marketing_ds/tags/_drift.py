"""How far a distribution moved: bins of an earlier table, counts in both, and the PSI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt

from marketing_ds._core.stability import psi_of_shares

QUANTILES = tuple(i / 10 for i in range(1, 10))
"""The earlier table's quantiles at which bins of numbers begin."""
MOST_VALUES = 50
"""Words with more values than this have no bins: too few rows would share one."""
SMALLEST_SHARE = 1e-4
"""A share of 0 counts as this much, so that the PSI stays finite."""


@dataclass(frozen=True)
class Bins:
    """How values of a tag are told apart: by `edges`, or one by one, as `values`."""

    edges: tuple[float, ...] = ()
    values: tuple[str, ...] = ()

    def counts(self, column: ir.Value, name: str) -> dict[str, ir.Value]:
        """Aggregates from which `table_counts` makes the counts of the bins.

        Numbers are counted below each edge, one comparison a bin, and the bins are the differences.
        """
        if self.values:
            word = column.cast("string")
            tests = [word == value for value in self.values]
        else:
            number = known_number(column)
            tests = [number < edge for edge in self.edges]
        return {f"{name}_{i}": _count(test) for i, test in enumerate(tests)}

    def table_counts(
        self, row: Mapping[str, int], name: str, known: int, rows: int
    ) -> npt.NDArray[np.int64]:
        """Rows in each bin: values or ranges first, then all others, then nulls."""
        size = len(self.values) or len(self.edges)
        found = np.array([row[f"{name}_{i}"] for i in range(size)], dtype=np.int64)
        if not self.values:
            found = np.diff(found, prepend=0)
        return np.array([*found, known - found.sum(), rows - known], dtype=np.int64)


def bins_of_numbers(quantiles: Sequence[float | None]) -> Bins:
    """Bins from the values at `QUANTILES`; a value that fills several has a bin of its own."""
    cuts = sorted({q for q in quantiles if q is not None and np.isfinite(q)})
    heavy = [q for q in cuts if sum(q == other for other in quantiles) > 1]
    above = [float(np.nextafter(q, np.inf)) for q in heavy]
    return Bins(edges=tuple(sorted({*cuts, *above})))


def known_number(column: ir.Value) -> ir.FloatingValue:
    """The column as a number; NaN counts as unknown."""
    number = column.cast("float64")
    return ibis.cases((number.isnan(), None), else_=number)


def psi(before: npt.ArrayLike, now: npt.ArrayLike) -> float:
    """The population stability index of two tables' counts in the same bins.

    Symmetric in both, 0 if nothing moved. Shares of 0 count as `SMALLEST_SHARE`.

    Examples
    --------
    >>> round(psi([50, 50], [80, 20]), 4)  # 0.3 ln 1.6 + 0.3 ln 2.5
    0.4159
    """
    p, q = (_shares(np.asarray(counts, dtype=np.float64)) for counts in (before, now))
    return psi_of_shares(p, q)


def _shares(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    shares: npt.NDArray[np.float64] = np.maximum(counts / counts.sum(), SMALLEST_SHARE)
    return shares


def _count(test: ir.BooleanValue) -> ir.Value:
    return test.ifelse(1, None).count()
