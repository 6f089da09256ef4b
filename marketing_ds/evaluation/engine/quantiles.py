"""Quantiles by arm, from order statistics that the engine finds.

Three of them: the quantile itself, and the ends of an interval for the share of customers at or
below it, taken to the scale of the column. Their distance gives the standard error without any
density, under ties and clusters too. Only these leave the engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.special import ndtri

from marketing_ds.evaluation.metrics import Quantile

from .cells import typed_table
from .clusters import ClusterSums, cluster_sums
from .estimates import Estimate
from .moments import FloatArray
from .populations import EVERYBODY, Population, Request

_Z = float(ndtri(0.975))
_ROUNDING = 1e-9


@dataclass(frozen=True)
class QuantileRows:
    """One row a customer for a quantile metric: ``segment``, ``arm``, ``x``, ``w``, ``cluster``."""

    table: ibis.Table
    arms: pd.DataFrame
    """segment, arm, n, weight: of every arm in every population."""


def quantile_estimates(
    table: ibis.Table,
    metric: Quantile,
    request: Request,
    column: str | None,
    populations: Sequence[Population],
    cluster: str | None,
) -> dict[str, dict[str, Estimate]]:
    """The quantile of every arm, by segment.

    References
    ----------
    Deng, Knoblich, Lu (2018), Applying the delta method in metric analytics, KDD, section 4.2.
    """
    rows = _rows(table, metric, request, column, populations, cluster)
    arms = rows.arms.assign(mid=metric.q, freedom=rows.arms["n"] - 1.0)
    arms["spread"] = metric.q * (1 - metric.q) / arms["n"]
    sums: dict[str, ClusterSums] = {}
    if cluster is not None or any(p.cells.weighted for p in populations):
        found = arms.merge(order_statistics(rows.table, arms, ["mid"]), on=["segment", "arm"])
        influence = _influence(rows.table, found, metric.q)
        if cluster is None:
            arms = _weighted(influence, arms)
        else:
            sums = cluster_sums(influence, sorted(arms["arm"].unique()), request.control)
            arms = _by_cluster(sums, arms)
    reach = _Z * arms["spread"] ** 0.5
    arms = arms.assign(low=metric.q - reach, high=metric.q + reach)
    statistics = order_statistics(rows.table, arms, ["low", "mid", "high"])
    arms = arms.merge(statistics, on=["segment", "arm"])
    return _estimates(arms, sums, request.control)


def order_statistics(table: ibis.Table, arms: pd.DataFrame, levels: Sequence[str]) -> pd.DataFrame:
    """The smallest x of every segment and arm with at least this share at or below it.

    Parameters
    ----------
    table : ibis.Table
        One row a customer: ``segment``, ``arm``, ``x``, ``w``.
    arms : pandas.DataFrame
        ``segment``, ``arm``, ``weight`` (Σ w) and one column per level, a share.

    Returns
    -------
    pandas.DataFrame
        ``segment``, ``arm`` and ``x_`` + level.
    """
    wanted = arms[["segment", "arm"]].copy()
    for level in levels:
        share = arms[level].clip(0, 1)
        # At least the first customer, at most the last; a whole rank is meant exactly.
        wanted[level] = (share * arms["weight"] * (1 - _ROUNDING)).clip(lower=0)
    known = ibis.memtable(pa.Table.from_pandas(wanted, preserve_index=False))
    ordered = table.select(
        "segment",
        "arm",
        "x",
        below=table.w.sum().over(ibis.cumulative_window(group_by=["segment", "arm"], order_by="x")),
    )
    joined = ordered.inner_join(known, ["segment", "arm"])
    found = joined.group_by(["segment", "arm"]).aggregate(
        **{f"x_{level}": joined.x.min(where=joined.below >= joined[level]) for level in levels}
    )
    frame: pd.DataFrame = found.to_pyarrow().to_pandas()
    return frame


def _rows(
    table: ibis.Table,
    metric: Quantile,
    request: Request,
    column: str | None,
    populations: Sequence[Population],
    cluster: str | None,
) -> QuantileRows:
    typed = typed_table(
        table,
        [metric.column],
        arm=request.arm,
        probability=request.probability,
        keys=[column] if column else [],
        cluster=cluster,
    )
    weighted = any(population.cells.weighted for population in populations)
    one = ibis.literal(1.0, "float64")
    segment = ibis.literal(EVERYBODY) if column is None else ibis.literal(f"{column}=") + typed.k0
    chosen = {"segment": segment, "x": typed.x0, "w": 1 / typed.p if weighted else one}
    if cluster is not None:
        chosen["cluster"] = typed.cluster
    arms = [
        {"segment": p.segment, "arm": arm, "n": m.n, "weight": _weight(p, arm)}
        for p in populations
        for arm, m in p.raw.items()
    ]
    return QuantileRows(typed.select("arm", **chosen), pd.DataFrame(arms))


def _weight(population: Population, arm: str) -> float:
    cells = population.cells
    return float(cells.weight[(cells.keys["arm"] == arm).to_numpy()].sum())


def _influence(table: ibis.Table, arms: pd.DataFrame, q: float) -> ibis.Table:
    """Every customer's influence on the share of its arm at or below the quantile."""
    chosen = arms[["segment", "arm", "x_mid", "weight"]]
    known = ibis.memtable(pa.Table.from_pandas(chosen, preserve_index=False))
    rows = table.inner_join(known, ["segment", "arm"])
    below = (rows.x <= rows.x_mid).cast("float64") - ibis.literal(q, "float64")
    kept = [name for name in ("segment", "arm", "cluster") if name in rows.columns]
    return rows.select(*kept, a=below * rows.w / rows.weight)


def _weighted(influence: ibis.Table, arms: pd.DataFrame) -> pd.DataFrame:
    squares = influence.group_by(["segment", "arm"]).aggregate(
        squares=(influence.a * influence.a).sum()
    )
    arms = arms.merge(squares.to_pyarrow().to_pandas(), on=["segment", "arm"])
    return arms.assign(spread=arms["squares"] * arms["n"] / (arms["n"] - 1))


def _by_cluster(sums: Mapping[str, ClusterSums], arms: pd.DataFrame) -> pd.DataFrame:
    """Spread and freedom of the arms that have more than one cluster."""
    clusters = [sums[s].clusters[a] for s, a in zip(arms["segment"], arms["arm"], strict=True)]
    several = arms.assign(freedom=np.array(clusters) - 1.0)
    several = several[several["freedom"] > 0]
    names = zip(several["segment"], several["arm"], strict=True)
    return several.assign(spread=[sums[s].variance("a", arm) for s, arm in names])


def _estimates(
    arms: pd.DataFrame, sums: Mapping[str, ClusterSums], control: str
) -> dict[str, dict[str, Estimate]]:
    error = _errors(arms)
    # Standard error of the quantile over that of the share below it: the density's inverse.
    arms = arms.assign(error=error, scale=error / arms["spread"].to_numpy(float) ** 0.5)
    rows = arms.to_dict("records")
    base = {str(row["segment"]): float(row["scale"]) for row in rows if row["arm"] == control}
    found: dict[str, dict[str, Estimate]] = {}
    for row in rows:
        segment, arm, covariance = str(row["segment"]), str(row["arm"]), 0.0
        if segment in sums and segment in base:
            shared = sums[segment].covariance("a", arm, control)
            covariance = float(row["scale"]) * base[segment] * shared
        value, variance = float(row["x_mid"]), float(row["error"]) ** 2
        found.setdefault(segment, {})[arm] = Estimate(
            int(row["n"]),
            value,
            variance,
            value,
            variance,
            float(row["freedom"]),
            0.0,
            covariance,
            covariance,
        )
    return found


def _errors(arms: pd.DataFrame) -> FloatArray:
    """Standard errors from the ends of the intervals.

    Where the quantile itself is an end, many customers share it: the longer side counts, since
    another sample's quantile may well be the value next to it.
    """
    below = (arms["x_mid"] - arms["x_low"]).to_numpy(float)
    above = (arms["x_high"] - arms["x_mid"]).to_numpy(float)
    tied = (below == 0) | (above == 0)
    return np.asarray(np.where(tied, np.maximum(below, above), (below + above) / 2) / _Z)
