"""How much every customer bears on every estimate, as columns of the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa

from .cells import typed_table
from .estimates import Weights, metric_weights
from .populations import Population, Request
from .strata import STRATUM

Labels = Mapping[str, Sequence[str]]


def influence_table(
    table: ibis.Table,
    request: Request,
    column: str | None,
    populations: Sequence[Population],
    labels: Labels,
    cluster: str | None,
    filled: Mapping[str, tuple[int, float]],
) -> ibis.Table:
    """One row a customer: segment, arm, cluster, and the influence on each metric.

    An estimate's error is the sum of the influences of its arm's customers: ``a0`` … on the
    adjusted values, in the order of the metrics, and ``r0`` … on those without covariates and
    strata, where a metric has such. Without `cluster` also ``x0`` …: the column itself, of a metric
    that is the mean of one.

    Parameters
    ----------
    table : ibis.Table
        With the derived columns.
    column : str or None
        The segment column that `populations` come from.
    labels : mapping
        Segment → metrics that have an estimate in it.
    cluster : str or None
        Column of the cluster, if any.
    filled : mapping
        Covariates with gaps → customers, the mean put there.
    """
    keys = list(dict.fromkeys([*([column] if column else []), *request.strata]))
    typed = typed_table(
        table,
        request.columns,
        arm=request.arm,
        probability=request.probability,
        keys=keys,
        cluster=cluster,
    )
    frame = pd.concat([_weights_of(p, request, keys, labels[p.segment]) for p in populations])
    known = ibis.memtable(pa.Table.from_pandas(frame.fillna(0.0), preserve_index=False))
    rows = typed.inner_join(known, ["arm", *(f"k{i}" for i in range(len(keys)))])
    weighted = any(population.cells.weighted for population in populations)
    chosen = {}
    for i, metric in enumerate(request.metrics):
        adjusted = bool(request.strata or request.covariates[metric.label])
        for kind in ("a", "r") if adjusted else ("a",):
            total: ibis.Value = ibis.literal(0.0, "float64")
            for j, name in enumerate(request.columns):
                if f"{kind}{i}_{j}" in frame:
                    x = rows[f"x{j}"]
                    if name in filled:
                        x = x.fill_null(ibis.literal(filled[name][1], "float64"))
                    total = total + (x - rows[f"{kind}m_{j}"]) * rows[f"{kind}{i}_{j}"]
            chosen[f"{kind}{i}"] = total / rows.p if weighted else total
        if cluster is None and len(metric.columns) == 1:
            chosen[f"x{i}"] = rows[f"x{request.columns.index(metric.columns[0])}"]
    return rows.select("segment", "arm", *(["cluster"] if cluster else []), **chosen)


def _weights_of(
    population: Population, request: Request, keys: Sequence[str], labels: Sequence[str]
) -> pd.DataFrame:
    """Per cell: the means that influences are counted from, and every column's weight in them."""
    strata = population.moments is not population.raw
    parts = _means(population, ["arm", STRATUM] if strata else ["arm"])
    arms = _means(population, ["arm"])
    share: dict[str, float] = {}
    if strata:
        sizes = population.cells.pool([STRATUM])
        share = dict(zip(sizes.keys[STRATUM], sizes.n / sizes.n.sum(), strict=True))
    found = {
        i: _metric_weights(population, request, metric.label)
        for i, metric in enumerate(request.metrics)
        if metric.label in labels
    }
    rows = []
    for key in population.cells.keys.to_dict("records"):
        arm = key["arm"]
        mean, weight = parts[(arm, key[STRATUM]) if strata else (arm,)]
        arm_mean, arm_weight = arms[(arm,)]
        row: dict[str, object] = {"segment": population.segment, "arm": arm}
        row |= {f"k{i}": key[name] for i, name in enumerate(keys)}
        row |= {f"am_{j}": float(m) for j, m in enumerate(mean)}
        row |= {f"rm_{j}": float(m) for j, m in enumerate(arm_mean)}
        for i, weights in found.items():
            scale = (share[key[STRATUM]] if strata else 1.0) / weight
            row |= _terms(f"a{i}", weights[arm].adjusted * scale)
            row |= _terms(f"r{i}", weights[arm].plain / arm_weight)
        rows.append(row)
    return pd.DataFrame(rows)


def _means(
    population: Population, by: Sequence[str]
) -> dict[tuple[str, ...], tuple[np.ndarray, float]]:
    pooled = population.cells.pool(by)
    keys = pooled.keys[list(by)].itertuples(index=False, name=None)
    return dict(
        zip(keys, zip(pooled.mean + pooled.origin, pooled.weight, strict=True), strict=True)
    )


def _metric_weights(population: Population, request: Request, label: str) -> dict[str, Weights]:
    metric = next(m for m in request.metrics if m.label == label)
    raw = None if population.moments is population.raw else population.raw
    return metric_weights(
        metric, request.covariates[label], request.columns, population.moments, raw=raw
    )


def _terms(name: str, weights: np.ndarray) -> dict[str, float]:
    return {f"{name}_{j}": float(weights[j]) for j in np.flatnonzero(weights)}
