"""Before the sums: one row a customer, and costs that can be costs; after them, how skewed they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations_with_replacement, permutations

import ibis
import numpy as np
import pyarrow as pa

from marketing_ds._core.checks import check_columns
from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.checks.units import check_units
from marketing_ds.evaluation.engine import Frame, Moments, as_table, columns_of
from marketing_ds.evaluation.engine.cells import typed_table

from .joint import Joint

_CUSTOMER = "customer_id"


def customer_rows(data: Frame, needed: Sequence[str], arm: str) -> ibis.Table:
    """The needed columns as a table, in which no customer comes twice."""
    check_columns(columns_of(data), needed, "data")
    ids = [_CUSTOMER] if _CUSTOMER in columns_of(data) else []
    table = as_table(data, [*ids, *needed])
    if ids:
        check_units(table, arm, _CUSTOMER)
    return table


def check_amounts(table: ibis.Table, margin: str, cost: str) -> None:
    """Raise where margin or cost is no number, or a cost is below 0."""
    for column in (margin, cost):
        kind = table[column].type()
        if not (kind.is_numeric() or kind.is_boolean()):
            raise InvalidInput(f"{column!r} must hold numbers, got {kind}")
    costs = table[cost].cast("float64")
    asked = table.aggregate(rows=table.count(), negative=(costs < 0).sum(), least=costs.min())
    found = asked.to_pyarrow().to_pylist()[0]
    if not found["rows"]:
        raise InvalidInput("data must have at least one row, got none")
    if found["negative"]:
        raise InvalidInput(
            f"{cost!r} must not be negative, got {found['negative']:,} rows below 0 (least "
            f"{found['least']:,.2f}); a reversed benefit costs 0, and what flows back is margin"
        )


def with_thirds(
    table: ibis.Table,
    joints: Mapping[str, Joint],
    moments: Mapping[str, Moments],
    columns: Sequence[str],
    filled: Mapping[str, tuple[int, float]],
    *,
    arm: str,
    probability: str | None,
) -> dict[str, Joint]:
    """The joint estimates with third moments of what covariates leave, and lowest values: one query.

    Parameters
    ----------
    table : ibis.Table
        One row a customer.
    joints, moments : mapping
        By arm.
    columns : sequence of str
        Those of interest, then the covariates, as in `joints`.
    filled : mapping
        Covariates with gaps → customers, the mean put there.
    """
    k = len(next(iter(joints.values())).mean)
    typed = typed_table(table, columns, arm=arm, probability=probability)
    terms = [_terms(name, joint, moments[name]) for name, joint in joints.items()]
    known = ibis.memtable(pa.Table.from_pylist(terms))
    rows = typed.inner_join(known, "arm")
    side = []
    for i, column in enumerate(columns[k:], start=k):
        x = rows[f"x{i}"]
        side.append(
            x.fill_null(ibis.literal(filled[column][1], "float64")) if column in filled else x
        )
    left = []
    for j in range(k):
        rest = rows[f"x{j}"] - rows[f"at_{j}"]
        for i, x in enumerate(side):
            rest = rest - x * rows[f"b_{j}_{i}"]
        left.append(rest * rows.size / rows.p if "p" in rows.columns else rest)
    cubes = list(combinations_with_replacement(range(k), 3))
    sums = {f"t_{a}_{b}_{c}": (left[a] * left[b] * left[c]).mean() for a, b, c in cubes}
    least = {f"least_{j}": rows[f"x{j}"].min() for j in range(k)}
    found = dict(joints)
    for row in rows.group_by("arm").aggregate(**sums, **least).to_pyarrow().to_pylist():
        third = np.empty((k, k, k))
        for cube in cubes:
            for place in permutations(cube):
                third[place] = row["t_{}_{}_{}".format(*cube)]
        lowest = np.array([row[f"least_{j}"] for j in range(k)])
        found[row["arm"]] = replace(found[row["arm"]], third=third, least=lowest)
    return found


def _terms(name: str, joint: Joint, m: Moments) -> dict[str, float | str]:
    """What is taken off a customer of this arm: its mean, and what covariates explain of it."""
    at = joint.mean - joint.slopes.T @ joint.side
    found: dict[str, float | str] = {"arm": name}
    found |= {f"at_{j}": float(value) for j, value in enumerate(at)}
    found |= {
        f"b_{j}_{i}": float(slope)
        for i, row in enumerate(joint.slopes)
        for j, slope in enumerate(row)
    }
    # Chances enter as 1/P over their mean, so that a customer counts 1 on average.
    found["size"] = m.n / m.chances.weight if m.chances is not None else 1.0
    return found
