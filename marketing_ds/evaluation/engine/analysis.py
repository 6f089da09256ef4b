"""All estimates of an experiment: every metric in every arm of everybody and of each segment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ibis

from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.arms import check_control
from marketing_ds.evaluation.metrics import Quantile

from .clusters import FEW, ClusterSums, check_cluster, check_clusters, cluster_sums, robust
from .cubes import with_thirds
from .estimates import Estimate, estimate
from .influence import influence_table
from .moments import Moments
from .populations import EVERYBODY, Population, Read, Request, read_populations
from .quantiles import quantile_estimates
from .strata import THIN

BySegment = dict[str, dict[str, dict[str, Estimate]]]
"""Segment → label of the metric → arm → estimate."""


@dataclass(frozen=True)
class Analysis:
    """What the data tell, before any conclusion."""

    read: Read
    estimates: BySegment
    clusters: ClusterSums | None
    """Of everybody."""
    notes: tuple[str, ...]
    """What was filled, put together and left out, a sentence each."""

    @property
    def everybody(self) -> Population:
        """All customers."""
        return self.read.populations[None][0]


def analyze(
    table: ibis.Table, request: Request, quantiles: Sequence[Quantile], cluster: str | None
) -> Analysis:
    """The estimates of all metrics.

    Parameters
    ----------
    table : ibis.Table
        One row a customer, with the derived columns.
    request : Request
        Arms, metrics that are functions of means, covariates, segments, strata.
    quantiles : sequence of Quantile
        Metrics with queries of their own.
    cluster : str, optional
        Column of the cluster.
    """
    if cluster is not None:
        check_cluster(table, cluster)
    read = read_populations(table, request)
    populations, filled = read.populations, read.filled
    _check_arms(populations[None][0].raw, request.control)
    notes = _gap_notes(filled, sum(m.n for m in populations[None][0].raw.values()))
    notes += _strata_notes(populations, request)
    estimates: BySegment = {}
    clusters = None
    for column, group in populations.items():
        plain = {p.segment: _plain(p, request, notes) for p in group}
        if cluster is not None and group:
            plain, sums = _clustered(table, request, column, group, plain, cluster, filled)
            if column is None:
                clusters = sums[EVERYBODY]
                notes += _cluster_notes(clusters, cluster)
        elif group:
            plain = with_thirds(table, request, column, group, plain, filled)
        for metric in quantiles if group else ():
            found = quantile_estimates(table, metric, request, column, group, cluster)
            for segment, by_arm in found.items():
                plain[segment][metric.label] = by_arm
        estimates |= plain
    notes += _left_out(read)
    return Analysis(read, estimates, clusters, tuple(dict.fromkeys(notes)))


def _plain(
    population: Population, request: Request, notes: list[str]
) -> dict[str, dict[str, Estimate]]:
    """Estimates of independent customers; a ratio without denominator has none in a segment."""
    found = {}
    raw = None if population.moments is population.raw else population.raw
    for metric in request.metrics:
        try:
            found[metric.label] = estimate(
                metric,
                request.covariates[metric.label],
                request.columns,
                population.moments,
                raw=raw,
                control=request.control,
            )
        except InvalidInput as error:
            if population.segment == EVERYBODY:
                raise
            notes.append(f"{metric.label!r} is left out in segment {population.segment!r}: {error}")
    return found


def _clustered(
    table: ibis.Table,
    request: Request,
    column: str | None,
    populations: Sequence[Population],
    plain: Mapping[str, Mapping[str, Mapping[str, Estimate]]],
    cluster: str,
    filled: Mapping[str, tuple[int, float]],
) -> tuple[BySegment, dict[str, ClusterSums]]:
    labels = {segment: list(found) for segment, found in plain.items()}
    rows = influence_table(table, request, column, populations, labels, cluster, filled)
    arms = sorted({arm for population in populations for arm in population.raw})
    sums = cluster_sums(rows, arms, request.control)
    if column is None:
        check_clusters(sums[EVERYBODY], cluster)
    place = {metric.label: i for i, metric in enumerate(request.metrics)}
    found: BySegment = {
        segment: {
            label: robust(by_arm, sums[segment], place[label], request.control)
            for label, by_arm in by_metric.items()
        }
        for segment, by_metric in plain.items()
    }
    return found, sums


def _gap_notes(filled: Mapping[str, tuple[int, float]], customers: int) -> list[str]:
    return [
        f"{column!r} is unknown for {missing:,} of {customers:,} customers; its mean of all arms, "
        f"{mean:.6g}, stands for it"
        for column, (missing, mean) in filled.items()
    ]


def _strata_notes(
    populations: Mapping[str | None, Sequence[Population]], request: Request
) -> list[str]:
    everybody = populations[None][0]
    names = ", ".join(map(repr, request.strata))
    notes = []
    if everybody.merged:
        notes.append(
            f"{everybody.merged} strata of {names} with fewer than {THIN} customers in an arm were "
            "put together"
        )
    thin = [p.segment for group in list(populations.values())[1:] for p in group if p.merged]
    if thin:
        notes.append(
            f"strata of {names} with fewer than {THIN} customers in an arm were put together in "
            f"{len(thin)} segments"
        )
    return notes


def _cluster_notes(sums: ClusterSums, cluster: str) -> list[str]:
    notes = []
    few = {arm: number for arm, number in sums.clusters.items() if number < FEW}
    if few:
        arm, number = min(few.items(), key=lambda item: item[1])
        notes.append(
            f"{arm!r} has only {number} clusters of {cluster!r}: intervals with few clusters hold "
            "only where these are of similar size and alike"
        )
    if sums.shared:
        notes.append(
            f"{sums.shared:,} clusters of {cluster!r} have customers in more than one arm; what "
            "they share is taken off the difference"
        )
    return notes


def _left_out(read: Read) -> list[str]:
    arms = set(read.populations[None][0].raw)
    notes = []
    for column, group in read.populations.items():
        if column is None:
            continue
        values = {f"{column}={value}" for value in read.cells[column].keys[column]}
        none = sorted(values - {population.segment for population in group})
        short = [population.segment for population in group if set(population.raw) < arms]
        for segments, lack in ((none, "control or every other arm"), (short, "an arm")):
            if segments:
                notes.append(
                    f"{len(segments)} of {len(values)} segments of {column!r}, such as "
                    f"{segments[0]!r}, lack {lack} with at least 2 customers and have no row of it"
                )
    return notes


def _check_arms(moments: Mapping[str, Moments], control: str) -> None:
    check_control(moments, control)
    for arm, m in moments.items():
        if m.n < 2:
            raise InvalidInput(f"every arm must have at least 2 customers, got {m.n} in {arm!r}")
