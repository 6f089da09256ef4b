"""What an experiment's analysis checks before its verdict, from the sums it already has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ibis
import numpy as np
import pandas as pd

from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.sample_ratio import ALPHA

from .checks import Check, Checks, check_experiment
from .checks.balance import balance_check
from .checks.ratios import group_check, ratio_check
from .engine import Moments, arm_moments
from .engine.analysis import Analysis
from .engine.cells import Cells
from .engine.cubes import column_thirds
from .engine.populations import Request
from .srm import SrmCheck, check_sample_ratio

_SAME = 1e-12


def made_checks(
    table: ibis.Table,
    analysis: Analysis,
    request: Request,
    *,
    shares: Mapping[str, float] | None,
    cluster: str | None,
    time: str | None,
    by: Sequence[str],
) -> tuple[SrmCheck, Checks]:
    """The sample-ratio check, and all checks in the words of `checks`.

    Where whole clusters were assigned, they are the units of the checks; where customers of one
    cluster are in several arms, customers are.
    """
    whole = cluster is not None and not (analysis.clusters and analysis.clusters.shared)
    rows = _by_cluster(table, request, str(cluster), time, analysis) if whole else table
    if whole:
        moments = arm_moments(
            rows, request.sides, [frozenset(request.sides)], request.arm, request.probability
        )
    else:
        moments = _columns(analysis.everybody.raw, request)
    chances = {a: m.chances for a, m in moments.items() if m.chances is not None}
    sizes = {arm: m.n for arm, m in moments.items()}
    srm = check_sample_ratio(sizes, shares=shares, chances=chances)
    made = [ratio_check(srm, ALPHA)]
    others = () if whole else tuple(column for column in by if column not in request.segments)
    if time is not None or others:
        found = check_experiment(
            rows,
            request.arm,
            request.control,
            shares=shares,
            probability=request.probability,
            time=time,
            by=others,
            unit=None,
        )
        made += [check for check in found if check.name != made[0].name]
    if not whole:
        made += _by_segment(analysis, [c for c in by if c in request.segments], shares)
    if request.sides:
        moments = column_thirds(rows, request.sides, moments, request.arm)
        made.append(balance_check(moments, request.sides, request.control, ALPHA))
    return srm, Checks(tuple(made))


def check_not_after(analysis: Analysis, request: Request) -> None:
    """Raise where a column said to be from before the draw holds what a metric holds."""
    columns, moments = request.columns, analysis.everybody.raw
    for metric in request.metrics:
        for side in request.covariates[metric.label]:
            for own in metric.columns:
                pair = [columns.index(own), columns.index(side)]
                if all(_equal(m, *pair) for m in moments.values()):
                    raise InvalidInput(
                        f"covariates of {metric.label!r} must be known before the arm was drawn, "
                        f"got {side!r}, which equals {own!r} for every customer"
                    )


def _equal(m: Moments, one: int, other: int) -> bool:
    spread = m.scatter[one, one]
    apart = spread + m.scatter[other, other] - 2 * m.scatter[one, other]
    near = abs(m.mean[one] - m.mean[other]) <= _SAME * max(abs(m.mean[one]), 1e-300)
    return bool(spread > 0 and apart <= _SAME * spread and near)


def _columns(moments: Mapping[str, Moments], request: Request) -> dict[str, Moments]:
    """The moments of the columns from before the draw alone."""
    place = [request.columns.index(column) for column in request.sides]
    grid = np.ix_(place, place)
    return {
        arm: Moments(m.n, m.mean[place], m.scatter[grid], m.error[grid], m.chances)
        for arm, m in moments.items()
    }


def _by_cluster(
    table: ibis.Table, request: Request, cluster: str, time: str | None, analysis: Analysis
) -> ibis.Table:
    """One row a cluster: its arm, its chance of it, when it was drawn, and the columns' means."""
    wanted = {}
    for column in request.sides:
        value = table[column].cast("float64")
        if column in analysis.read.filled:
            value = value.fill_null(ibis.literal(analysis.read.filled[column][1], "float64"))
        wanted[column] = value.mean()
    if request.probability is not None:
        wanted[request.probability] = table[request.probability].min()
    if time is not None:
        wanted[time] = table[time].min()
    grouped = table.group_by([request.arm, cluster]).aggregate(
        **{f"m{i}": value for i, value in enumerate(wanted.values())}
    )
    return grouped.rename({name: f"m{i}" for i, name in enumerate(wanted)})


def _by_segment(
    analysis: Analysis, segments: Sequence[str], shares: Mapping[str, float] | None
) -> list[Check]:
    """The sizes of the arms within each segment, from the sums already made."""
    return [
        group_check(column, _counts(analysis.read.cells[column], column), shares, ALPHA)
        for column in segments
    ]


def _counts(cells: Cells, column: str) -> pd.DataFrame:
    pooled = cells.pool([column, "arm"])
    frame = pd.DataFrame(
        {"group": pooled.keys[column], "arm": pooled.keys["arm"], "n": pooled.n.astype(int)}
    )
    if pooled.chances is not None:
        low, high, weight, squares = pooled.chances.T
        frame = frame.assign(low=low, high=high, weight=weight, variance=squares - weight)
    return frame
