"""Everybody and every segment: the moments of its arms, with or without strata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import ibis

from marketing_ds.evaluation.metrics import Metric

from .cells import MAX_CELLS, Cells, read_cells
from .moments import Moments, moments_by_arm, moments_by_stratum
from .strata import STRATUM, with_strata

EVERYBODY = "all"
_JOINT = MAX_CELLS // 8
"""Cells up to which segments are crossed with each other, to be served by one query."""


@dataclass(frozen=True)
class Request:
    """What is asked of the table.

    Parameters
    ----------
    metrics : tuple of Metric
        Those that are functions of means.
    covariates : mapping
        Label → covariates of the metric.
    segments, strata : tuple of str
        Columns.
    before : tuple of str
        Further columns from before the draw, of which the arms are only compared.
    known : tuple of str
        Further columns that must have no gaps.
    """

    arm: str
    control: str
    probability: str | None
    metrics: tuple[Metric, ...]
    covariates: Mapping[str, tuple[str, ...]]
    segments: tuple[str, ...] = ()
    strata: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    known: tuple[str, ...] = ()

    @property
    def columns(self) -> list[str]:
        """Columns of which sums are wanted, each once."""
        own = [c for m in self.metrics for c in m.columns]
        return list(dict.fromkeys([*own, *self.sides, *self.known]))

    @property
    def sides(self) -> tuple[str, ...]:
        """All columns from before the draw."""
        own = [c for m in self.metrics for c in self.covariates[m.label]]
        return tuple(dict.fromkeys([*own, *self.before]))

    @property
    def groups(self) -> list[frozenset[str]]:
        """Columns whose products are wanted: a metric's, and those from before for their balance."""
        own = [frozenset((*m.columns, *self.covariates[m.label])) for m in self.metrics]
        return [*own, frozenset(self.sides)]


@dataclass(frozen=True)
class Population:
    """Everybody, or a segment: the arms that have at least two customers in it."""

    segment: str
    """``all`` or ``column=value``."""
    cells: Cells
    """Keys: arm, the segment's column, the strata and (where there are any) ``stratum``."""
    raw: dict[str, Moments]
    moments: dict[str, Moments]
    """With strata; otherwise `raw` itself."""
    merged: int
    """Strata that were too thin to stand alone."""


@dataclass(frozen=True)
class Read:
    """What was read: by segment column, and under None of everybody."""

    cells: dict[str | None, Cells]
    populations: dict[str | None, list[Population]]
    filled: dict[str, tuple[int, float]]
    """Covariates with gaps → customers, the mean put there."""


def read_populations(table: ibis.Table, request: Request) -> Read:
    """Everybody and the populations of each segment column.

    One query where the segments crossed with each other make few cells; else one for everybody and
    one a segment column.
    """
    strata = list(request.strata)
    filled: dict[str, tuple[int, float]] = {}
    groupings: dict[str | None, list[str]] = {None: strata} | {
        s: [s, *strata] for s in request.segments
    }
    keys = list(dict.fromkeys([*request.segments, *strata]))
    cells: dict[str | None, Cells] = {}
    if len(keys) < 2 or _crossed(table, [request.arm, *keys]) <= _JOINT:
        everything, filled = _read(table, request, keys)
        for column, own in groupings.items():
            cells[column] = everything.pool(["arm", *dict.fromkeys(own)])
    else:
        for column, own in groupings.items():
            cells[column], filled = _read(table, request, list(dict.fromkeys(own)))
    populations = {c: _populations(found, c, request) for c, found in cells.items()}
    return Read(cells, populations, filled)


def _read(
    table: ibis.Table, request: Request, keys: Sequence[str]
) -> tuple[Cells, dict[str, tuple[int, float]]]:
    return read_cells(
        table,
        request.columns,
        request.groups,
        arm=request.arm,
        probability=request.probability,
        keys=keys,
        fill=frozenset(request.sides),
        binary=frozenset(c for m in request.metrics for c in m.binary),
    )


def _crossed(table: ibis.Table, keys: Sequence[str]) -> int:
    """About how many cells all keys make together at most."""
    asked = {f"k{i}": table[key].approx_nunique() for i, key in enumerate(keys)}
    found = table.aggregate(**asked).to_pyarrow().to_pylist()[0]
    return prod(int(number) + 1 for number in found.values())


def _populations(cells: Cells, column: str | None, request: Request) -> list[Population]:
    if column is None:
        return [_population(cells, EVERYBODY, request)]
    found = []
    for value in sorted(cells.keys[column].unique()):
        part = cells.where(cells.keys[column] == value)
        sizes = part.pool(["arm"])
        kept = set(sizes.keys["arm"][sizes.n >= 2])
        if request.control in kept and len(kept) > 1:
            part = part.where(part.keys["arm"].isin(kept))
            found.append(_population(part, f"{column}={value}", request))
    return found


def _population(cells: Cells, segment: str, request: Request) -> Population:
    raw = moments_by_arm(cells)
    # Where an arm has too few customers the analysis refuses; there is nothing to stratify.
    if not request.strata or min(m.n for m in raw.values()) < 2:
        return Population(segment, cells, raw, raw, 0)
    cells, merged = with_strata(cells, request.strata)
    return Population(segment, cells, raw, moments_by_stratum(cells, [STRATUM]), merged)
