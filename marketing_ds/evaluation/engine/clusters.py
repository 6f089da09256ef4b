"""Clustered customers: variances from the sums of whole branches, households or managers.

Every customer's influence on an estimate is a weighted sum of the columns; summed up by cluster in
the engine, its squares give the cluster-robust variance. One query for all metrics and arms of a
grouping; no cluster leaves the engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import ibis
import numpy as np

from marketing_ds._core.errors import InvalidInput

from .estimates import Estimate, rounded

FEW = 20
"""Clusters an arm below which an interval leans on them being alike."""


@dataclass(frozen=True)
class ClusterSums:
    """What the clusters of a population tell.

    Attributes
    ----------
    clusters : dict of str to int
        Arm → clusters with customers in it.
    shared : int
        Clusters with customers in more than one arm.
    products : dict
        (quantity, arm, other arm) → Σ over clusters of the product of the two arms' sums.
    """

    clusters: dict[str, int]
    shared: int
    products: dict[tuple[str, str, str], float]

    def variance(self, quantity: str, arm: str) -> float:
        """Cluster-robust variance of the arm's estimate, with the factor G / (G − 1)."""
        return self.products[quantity, arm, arm] * self._factor(arm)

    def covariance(self, quantity: str, arm: str, control: str) -> float:
        """With control's estimate, by clusters that are in both."""
        if arm == control:
            return 0.0
        factor = np.sqrt(self._factor(arm) * self._factor(control))
        return float(self.products[quantity, arm, control] * factor)

    def _factor(self, arm: str) -> float:
        return self.clusters[arm] / (self.clusters[arm] - 1)


def check_cluster(table: ibis.Table, cluster: str) -> None:
    """Raise where a customer has no cluster."""
    unknown = table[cluster].isnull().sum().to_pyarrow().as_py()
    if unknown:
        raise InvalidInput(
            f"{cluster!r} must be known for every customer, got {unknown} missing; leave these "
            "customers out, or let each be a cluster of its own"
        )


def check_clusters(sums: ClusterSums, cluster: str) -> None:
    """Raise where an arm has a single cluster."""
    alone = [arm for arm, number in sums.clusters.items() if number < 2]
    if alone:
        raise InvalidInput(
            f"every arm must have at least 2 clusters of {cluster!r}, got 1 in {alone[0]!r}: what "
            "the arm changed cannot be told from what this one is like; take more of them, or "
            "compare before and after (difference in differences)"
        )


def cluster_sums(rows: ibis.Table, arms: Sequence[str], control: str) -> dict[str, ClusterSums]:
    """Sums over clusters by segment, in one query.

    Parameters
    ----------
    rows : ibis.Table
        One row a customer: ``segment``, ``arm``, ``cluster``, and influences under other names.
    arms : sequence of str
        All arms.
    control : str
        The arm with which the others are compared.
    """
    quantities = [c for c in rows.columns if c not in ("segment", "arm", "cluster")]
    nothing = ibis.literal(0.0, "float64")
    inside = {f"n_{a}": (rows.arm == arm).sum() for a, arm in enumerate(arms)}
    for q in quantities:
        inside |= {
            f"{q}_{a}": ibis.ifelse(rows.arm == arm, rows[q], nothing).sum()
            for a, arm in enumerate(arms)
        }
    each = rows.group_by(["segment", "cluster"]).aggregate(**inside)
    present = [(each[f"n_{a}"] > 0).cast("int64") for a in range(len(arms))]
    several = sum(present[1:], present[0]) > 1
    wanted = {f"n_{a}": there.sum() for a, there in enumerate(present)}
    wanted["shared"] = several.sum()
    base = list(arms).index(control)
    pairs = [(a, b) for a in range(len(arms)) for b in sorted({a, base})]
    for q in quantities:
        wanted |= {f"{q}_{a}_{b}": (each[f"{q}_{a}"] * each[f"{q}_{b}"]).sum() for a, b in pairs}
    found = {}
    for row in each.group_by("segment").aggregate(**wanted).to_pyarrow().to_pylist():
        products = {
            (q, arms[a], arms[b]): float(row[f"{q}_{a}_{b}"]) for q in quantities for a, b in pairs
        }
        counts = {arm: int(row[f"n_{a}"]) for a, arm in enumerate(arms) if row[f"n_{a}"]}
        found[str(row["segment"])] = ClusterSums(counts, int(row["shared"]), products)
    return found


def robust(
    by_arm: Mapping[str, Estimate], sums: ClusterSums, metric: int, control: str
) -> dict[str, Estimate]:
    """The estimates with the variances of their clusters; an arm with a single cluster has none.

    References
    ----------
    Liang, Zeger (1986), Longitudinal data analysis using generalized linear models, Biometrika 73.
    Cameron, Miller (2015), A practitioner's guide to cluster-robust inference, Journal of Human
    Resources 50.
    """
    arms = [arm for arm in by_arm if sums.clusters.get(arm, 0) > 1]
    if control not in arms:
        return {}
    adjusted, raw = f"a{metric}", f"r{metric}"
    if (raw, control, control) not in sums.products:
        raw = adjusted
    own = {arm: rounded(sums.variance(adjusted, arm), sums.variance(raw, arm)) for arm in arms}
    plain = sum(by_arm[arm].variance for arm in arms)
    # What the arms share varies by clusters too, about as much more as their own parts do.
    effect = sum(own.values()) / plain if plain else 1.0
    return {
        arm: replace(
            found,
            raw_variance=sums.variance(raw, arm),
            variance=own[arm],
            freedom=sums.clusters[arm] - 1,
            common=found.common * effect,
            covariance=found.covariance * effect + sums.covariance(adjusted, arm, control),
            raw_covariance=sums.covariance(raw, arm, control),
        )
        for arm, found in by_arm.items()
        if arm in arms
    }
