"""An experiment planned on the past: baselines from one query, sizes, weeks."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa

from marketing_ds._core.checks import check_choice
from marketing_ds._core.display import Result, frame_html
from marketing_ds._core.errors import InvalidInput
from marketing_ds._core.estimate import normal_quantile
from marketing_ds.evaluation.engine import Cells, FloatArray, Frame, estimate
from marketing_ds.evaluation.engine.moments import Moments, moments_by_arm
from marketing_ds.evaluation.metrics import Metric

from .baseline import Baseline
from .design import Design
from .duration import RunTime, run_time
from .history import past_behaviour, weekly_arrivals
from .past import EVERYBODY, read_past
from .strength import minimum_detectable_effect, sample_size

if TYPE_CHECKING:
    from marketing_ds.mart import Mart


@dataclass(frozen=True)
class ExperimentPlan(Result):
    """How large and how long an experiment must be; see `plan_experiment`.

    Attributes
    ----------
    baselines : tuple of Baseline
        One a metric, as the past shows it.
    design : Design
    target : float
        The wanted power.
    rel_effect : float or None
        The effect to be found, as a share of each metric's mean.
    customers : int
        Customers that the past was read of.
    duration : RunTime or None
        Weeks for the first metric, where arrivals are known.
    """

    baselines: tuple[Baseline, ...]
    design: Design
    target: float
    rel_effect: float | None
    customers: int
    duration: RunTime | None
    _frame: pd.DataFrame = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row a metric.

        metric, `mean` with its interval, `sd`, `explained_share` (by covariates), `design_effect`
        (of clusters), the smallest detectable effect with as many customers as the past was read
        of, in the metric's unit and as a share of the mean; with `rel_effect` the customers needed
        in all, and without covariates.
        """
        return self._frame.copy()

    def sentence(self, language: str = "en") -> str:
        """The plan of the first metric in one sentence, in English or Chinese."""
        check_choice("language", language, ("en", "zh"))
        first = self._frame.iloc[0]
        chance = f"{100 * self.target:g} %"
        seen = f"{100 * abs(first['rel_minimum_detectable_effect']):.1f} %"
        n = f"{self.customers:,}"
        if language == "zh":
            text = f"{first['metric']}：{n} 名客户能以 {chance} 的把握检出均值 {seen} 的变化"
            if self.rel_effect is not None:
                text += (
                    f"；要检出 {100 * self.rel_effect:+g} %，需要 {int(first['customers_needed']):,} "
                    f"名客户（不用协变量则为 {int(first['customers_without_covariates']):,}）"
                )
            return text + "。" + (self.duration.sentence("zh") if self.duration else "")
        text = f"{first['metric']}: {n} customers show a change of {seen} of the mean with {chance} power"
        if self.rel_effect is not None:
            text += (
                f"; {100 * self.rel_effect:+g} % takes {int(first['customers_needed']):,} customers "
                f"({int(first['customers_without_covariates']):,} without covariates)"
            )
        return text + "." + (" " + self.duration.sentence() if self.duration else "")

    def _repr_html_(self) -> str:
        return frame_html(self._frame, title=self.sentence())


def plan_experiment(
    past: Mart | Frame,
    metrics: Sequence[str | Metric] | None = None,
    *,
    covariates: Sequence[str] | None = None,
    cluster: str | None = None,
    rel_effect: float | None = None,
    target: float = 0.8,
    design: Design | None = None,
    audience: str | None = None,
    days: int = 28,
    as_of: str | dt.date | None = None,
    per_week: float | None = None,
    at_start: int = 0,
) -> ExperimentPlan:
    """Plan an experiment on what customers did in the past: one query for all metrics.

    Parameters
    ----------
    past : Mart, or a table
        A mart, whose last `days` are taken as they are by `past_behaviour`; or a table with one
        row a customer, e.g. that of `past_behaviour` with measures of your own.
    metrics : sequence of str, Mean, Proportion or Ratio
        By default every ``x`` that has an ``x_before`` beside it.
    covariates : sequence of str, optional
        Columns known before the window; by default ``x_before`` for each column ``x`` of a metric.
        A metric's own go before these.
    cluster : str, optional
        Column of the branch, household or manager whose customers will be in one arm.
    rel_effect : float, optional
        The effect to be found, as a share of the mean.
    target : float
        The wanted power.
    design : Design, optional
        Two equal arms, two-sided at 5 % over all metrics, by default.
    audience, days, as_of
        With a mart: rule text of who may take part, length of the window, its last day. Customers
        a week are then counted, too.
    per_week : float, optional
        Customers that become eligible a week.
    at_start : int
        Customers that are eligible already.

    Returns
    -------
    ExperimentPlan

    Raises
    ------
    InvalidInput
        If a column is missing or null, a metric does not vary, or there are fewer than 4 customers
        (2 clusters).

    Examples
    --------
    >>> import marketing_ds as mds
    >>> from marketing_ds.evaluation.planning import plan_experiment
    >>> with mds.open_mart("data_samples") as mart:
    ...     plan = plan_experiment(mart, rel_effect=0.1)
    >>> plan.to_frame()["metric"].tolist()
    ['bought', 'bought_cny']
    """
    if isinstance(past, (pd.DataFrame, pa.Table, ibis.Table)):
        data: Frame = past
    else:
        data = past_behaviour(past, days=days, before_days=days, audience=audience, as_of=as_of)
        if per_week is None:
            at_start, per_week = weekly_arrivals(past, audience, as_of=as_of)
    found = _baselines(data, metrics, covariates, cluster)
    plan = design or Design(metrics=len(found))
    n = found[0].n
    rows = [_row(each, plan, rel_effect, target) for each in found]
    first = found[0].baseline
    weeks = None
    if per_week is not None:
        weeks = run_time(
            first,
            per_week,
            at_start=at_start,
            rel_effect=rel_effect,
            target=target,
            design=plan,
            outcome_days=days,
        )
    baselines = tuple(each.baseline for each in found)
    return ExperimentPlan(baselines, plan, target, rel_effect, n, weeks, pd.DataFrame(rows))


@dataclass(frozen=True)
class _Found:
    baseline: Baseline
    n: int
    error: float


def _row(
    found: _Found, design: Design, rel_effect: float | None, target: float
) -> dict[str, object]:
    b, reach = found.baseline, normal_quantile(0.05) * found.error
    smallest = minimum_detectable_effect(b, found.n, target=target, design=design)
    worst = max(smallest.values(), key=abs)
    row: dict[str, object] = {
        "metric": b.name,
        "mean": b.mean,
        "mean_ci_lower": b.mean - reach,
        "mean_ci_upper": b.mean + reach,
        "sd": b.sd,
        "explained_share": b.explained_share,
        "design_effect": b.design_effect,
        "customers": found.n,
        "minimum_detectable_effect": worst,
        "rel_minimum_detectable_effect": worst / b.mean if b.mean else math.nan,
    }
    if rel_effect is not None:
        plain = replace(b, explained_share=0.0)
        sizes = [
            sum(sample_size(each, rel_effect=rel_effect, target=target, design=design).values())
            for each in (b, plain)
        ]
        row |= dict(zip(("customers_needed", "customers_without_covariates"), sizes, strict=True))
    return row


def _baselines(
    data: Frame,
    metrics: Sequence[str | Metric] | None,
    covariates: Sequence[str] | None,
    cluster: str | None,
) -> list[_Found]:
    keys = [cluster] if cluster else []
    past = read_past(data, metrics, covariates, keys)
    cells = past.cells(past.table, keys)
    if not len(cells.n) or cells.n.sum() < 4 or (cluster and len(cells.n) < 2):
        raise InvalidInput(
            "past must have at least 4 customers, and 2 clusters where there are clusters, got "
            f"{int(cells.n.sum()):,} and {len(cells.n):,}"
        )
    moments = moments_by_arm(cells)
    clusters = cells if cluster else None
    return [
        _baseline(metric, past.sides[metric.label], past.columns, moments, clusters)
        for metric in past.metrics
    ]


def _baseline(
    metric: Metric,
    side: Sequence[str],
    columns: Sequence[str],
    moments: Mapping[str, Moments],
    clusters: Cells | None,
) -> _Found:
    m = moments[EVERYBODY]
    found = estimate(metric, side, columns, moments)[EVERYBODY]
    if found.raw_variance <= 0:
        raise InvalidInput(
            f"the metric {metric.label!r} must vary between customers, all have the same value; "
            "plan on another window or audience"
        )
    own = [columns.index(column) for column in metric.columns]
    mean = found.raw
    binary = bool(
        len(own) == 1
        and 0 < mean < 1
        and math.isclose(m.scatter[own[0], own[0]] / m.n, mean * (1 - mean), rel_tol=1e-9)
    )
    sd = math.sqrt(mean * (1 - mean) if binary else found.raw_variance * m.n)
    explained = min(max(1 - found.variance / found.raw_variance, 0.0), 1 - 1e-9)
    baseline = Baseline(mean, sd, binary, explained, name=metric.label)
    error = math.sqrt(found.raw_variance)
    if clusters is not None:
        slopes = np.array(metric.gradient(dict(zip(metric.columns, m.mean[own], strict=True))))
        baseline = _clustered(baseline, clusters, m, own, [columns.index(c) for c in side], slopes)
        error *= math.sqrt(baseline.design_effect)
    return _Found(baseline, m.n, error)


def _clustered(
    baseline: Baseline,
    clusters: Cells,
    m: Moments,
    own: list[int],
    side: list[int],
    slopes: FloatArray,
) -> Baseline:
    """With the design effect that the clusters' own totals show; never below 1."""
    theta = np.linalg.lstsq(
        m.scatter[np.ix_(side, side)], m.scatter[np.ix_(side, own)] @ slopes, rcond=1e-10
    )[0]
    away = clusters.mean - m.mean
    totals = clusters.n * (away[:, own] @ slopes - away[:, side] @ theta)
    k = len(totals)
    between = k / (k - 1) * float((totals**2).sum()) / m.n
    within = baseline.sd**2 * (1 - baseline.explained_share)
    return replace(baseline, design_effect=max(between / within, 1.0), cluster_size=m.n / k)
