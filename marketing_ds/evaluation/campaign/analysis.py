"""The campaign analysis: what a campaign reached, moved, cost and changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from marketing_ds._core.checks import check_columns, check_number
from marketing_ds._core.display import Result, frame_html
from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.experiment import analyze_experiment
from marketing_ds.evaluation.measuring import tag_name
from marketing_ds.evaluation.metrics import Metric, as_metrics
from marketing_ds.evaluation.money import Roi
from marketing_ds.evaluation.result import ExperimentResult
from marketing_ds.outcomes import Campaign
from marketing_ds.tags import Tag

from .arms import (
    NO_OBJECTIVE,
    by_channel,
    customers_of,
    design_of,
    roi_of,
    whole_reason,
)
from .benefits import Benefits, benefits_of
from .funnel import Funnel, funnel_of
from .goal import Goal, goal_of
from .reach import Reach, reach_of
from .rows import CampaignRows, campaign_rows
from .sharing import Sharing, sharing_of
from .time_course import TimeCourse, time_course_of
from .walk import Steps

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

_OVERVIEW = ("contacted", "opened", "clicked", "visited", "shared", "converted")


@dataclass(frozen=True)
class CampaignAnalysis(Result):
    """A campaign in its parts; each has `.to_frame()` and `.plot()`. See `analyze_campaign`.

    Attributes
    ----------
    campaign : Campaign
        What was analysed.
    as_of : date
        Nothing after this day was used.
    complete : bool
        Whether every outcome that can count was over by then.
    reach, sharing, funnel, goal, benefits, time_course
        The parts that describe.
    effects : ExperimentResult or None
        What the arms changed, of everybody and of segments.
    channel_effects : ExperimentResult or None
        The same with the arms of one contact channel put together.
    roi : Roi or None
        Return on investment.
    left_out : mapping
        Part → why it is None or empty.
    """

    campaign: Campaign
    as_of: dt.date
    complete: bool
    alpha: float
    reach: Reach
    sharing: Sharing
    funnel: Funnel
    goal: Goal
    benefits: Benefits
    time_course: TimeCourse
    effects: ExperimentResult | None
    channel_effects: ExperimentResult | None
    roi: Roi | None
    left_out: Mapping[str, str]
    _frame: pd.DataFrame = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row an arm: customers, the share of them in every stage, cost, effect and ROI."""
        return self._frame.copy()

    def _repr_html_(self) -> str:
        which = self.campaign
        html = frame_html(self._frame, title=f"{which.campaign_id}: {which.name}, {self.as_of}")
        for part, reason in self.left_out.items():
            html += f"<p><b>{part}</b>: {reason}</p>"
        return html


def analyze_campaign(
    mart: Mart,
    campaign_id: str,
    *,
    as_of: str | dt.date | None = None,
    metrics: Sequence[str | Metric] | None = None,
    segments: Sequence[str | Tag] = (),
    covariates: Sequence[str | Tag] = (),
    funnel: Steps | None = None,
    alpha: float = 0.05,
) -> CampaignAnalysis:
    """Reach, sharing, funnel, goal, benefits, effects, return and time course of a campaign.

    Parameters
    ----------
    mart : Mart
        Where to look.
    campaign_id : str
        The campaign.
    as_of : date, optional
        Only what the bank knew by the end of that day; by default the mart's last date. A campaign
        that still runs can be looked at every morning: the time course holds under peeking, the
        effects are those of a single look.
    metrics : sequence of str or Metric, optional
        Outcomes of the campaign that effects are asked of (see `marketing_ds.campaign_outcomes`);
        by default its objective, then conversion, amount and what the bank computed itself.
    segments : sequence of str or Tag
        Tags as of the day before the campaign, e.g. ``["value_tier", "lifecycle"]``: effects by
        their values.
    covariates : sequence of str or Tag
        Tags that are numbers, as of the same day, that explain part of the outcomes (CUPED); who
        has no value counts with the mean.
    funnel : sequence or mapping, optional
        Steps in order: known ones (``contacted``, ``opened``, ``clicked``, ``viewed``, ``visited``,
        ``shared``, ``redeemed``, ``converted``), names of events, or name → condition on the table
        of events (Ibis). Events and conditions look at all events in the attribution window, also
        those of no campaign, so that control has its part. By default contacted, opened, clicked,
        visited, converted, as far as the mart knows them.
    alpha : float
        1 − confidence of all intervals.

    Returns
    -------
    CampaignAnalysis
        With `.reach`, `.sharing`, `.funnel`, `.goal`, `.benefits`, `.time_course`, `.effects`,
        `.channel_effects`, `.roi` and `.left_out`.

    Raises
    ------
    InvalidInput
        If the mart has no such campaign, it had not started by `as_of`, nobody was assigned by
        then, or a metric, tag or step is unknown.
    MartError
        If a step of the funnel needs a table that the mart does not have.

    Notes
    -----
    Steps and outcomes count from a customer's `assigned_at` for the campaign's attribution days; the
    rows of the campaign outside are told in `reach.left_out`. Contacts, events, grants and
    purchases are read once each; only counts and sums leave the engine. Where arms were not drawn at
    random, or there is no control, everything that describes is there and effects are left out:
    `marketing_ds.evaluation.observed` estimates them with assumptions.

    Examples
    --------
    >>> import marketing_ds as mds
    >>> from marketing_ds.evaluation.campaign import analyze_campaign
    >>> with mds.open_mart("data_samples") as mart:
    ...     result = analyze_campaign(mart, "K06", as_of="2026-04-20")
    >>> result.reach.customers("clicked"), result.complete
    (322, False)
    >>> f"{result.goal.attained_share:.1%} of the target in {result.goal.expected_share:.1%} of the days"
    '75.3% of the target in 60.0% of the days'
    """
    alpha = check_number("alpha", alpha, low=0, high=1, inclusive=False)
    for name, value in (("segments", segments), ("covariates", covariates)):
        if isinstance(value, str):
            raise InvalidInput(f"{name} must be a list of tags, got {value!r}")
    with campaign_rows(mart, campaign_id, as_of) as rows:
        wanted = metrics_of(rows, metrics)
        reason = whole_reason(rows)
        design = None if reason else design_of(rows)
        if not wanted:
            reason = reason or NO_OBJECTIVE.format(rows.which.objective)
        left_out = dict.fromkeys(("effects", "channel_effects", "roi"), reason) if reason else {}
        effects = channels = roi = None
        if design is not None and not reason:
            tags = [*segments, *covariates]
            data = customers_of(mart, rows, tags)
            if tags:
                data = rows.hold(data)
            side = [tag_name(tag) for tag in covariates]
            options = {"segments": [tag_name(tag) for tag in segments] or None, **design}
            effects = analyze_experiment(
                data, wanted, covariates=side or None, alpha=alpha, **options
            )
            channels, why = by_channel(rows, wanted, alpha)
            left_out |= {} if why is None else {"channel_effects": why}
            roi, why = roi_of(data, rows, side, design, alpha)
            left_out |= {} if why is None else {"roi": why}
        return _result(
            rows,
            left_out | _absent(mart, rows),
            alpha=alpha,
            reach=reach_of(rows, alpha=alpha),
            sharing=sharing_of(mart, rows, alpha=alpha),
            funnel=funnel_of(mart, rows, funnel, design=design, alpha=alpha),
            goal=goal_of(mart, rows, alpha=alpha),
            benefits=benefits_of(mart, rows, design=design, alpha=alpha),
            time_course=time_course_of(rows, randomised=design is not None, alpha=alpha),
            effects=effects,
            channel_effects=channels,
            roi=roi,
        )


def metrics_of(
    rows: CampaignRows, metrics: Sequence[str | Metric] | None
) -> Sequence[str | Metric]:
    """The metrics asked for, or the objective and whatever else is an outcome of control too."""
    names = rows.outcome_names
    if metrics is not None:
        needed = [column for metric in as_metrics(metrics) for column in metric.columns]
        check_columns(names, needed, f"the outcomes of {rows.which.campaign_id!r}")
        return metrics
    usual = (rows.which.objective, "converted", "amount_cny", *rows.computed_names)
    return [name for name in dict.fromkeys(usual) if name in names]


_TABLES = {
    "reach": ("contacts", "events"),
    "sharing": ("events",),
    "benefits": ("benefit_grants",),
}


def _absent(mart: Mart, rows: CampaignRows) -> dict[str, str]:
    """Parts that lack a table, with its name."""
    found = {}
    for part, names in _TABLES.items():
        missing = [name for name in names if name not in mart.tables]
        if missing:
            found[part] = f"the mart has no table {' and no table '.join(missing)}"
    if rows.events is not None and not rows.shared_by_known:
        found["sharing"] = (
            "the depth of shares is not known: events do not say whose share led to them (shared_by)"
        )
    if rows.which.objective not in rows.outcome_names:
        found["goal"] = NO_OBJECTIVE.format(rows.which.objective)
    return found


def _result(rows: CampaignRows, left_out: Mapping[str, str], **parts: Any) -> CampaignAnalysis:
    return CampaignAnalysis(
        campaign=rows.which,
        as_of=rows.as_of,
        complete=rows.as_of >= rows.which.closes_on,
        left_out=left_out,
        _frame=_overview(rows, **parts),
        **parts,
    )


def _overview(
    rows: CampaignRows,
    *,
    reach: Reach,
    effects: ExperimentResult | None,
    roi: Roi | None,
    **others: Any,
) -> pd.DataFrame:
    """One row an arm from what the parts found."""
    stages = reach.to_frame()
    stages = stages[(stages["channel"] == "all") & stages["stage"].isin(_OVERVIEW)]
    shares = stages.pivot(index="arm", columns="stage")
    frame = pd.DataFrame(
        {"arm": list(rows.arms), "customers": [arm.customers for arm in rows.arms.values()]}
    )
    for stage in (stage for stage in _OVERVIEW if stage in set(stages["stage"])):
        for end in ("", "_ci_lower", "_ci_upper"):
            found = shares[f"reach_share{end}", stage]
            frame[f"{stage}_share{end}"] = frame["arm"].map(found).to_numpy(float)
    if effects is not None:
        whole = effects.to_frame()
        first = whole[(whole["metric"] == whole["metric"].iloc[0]) & (whole["segment"] == "all")]
        frame = frame.merge(
            first[["arm", "effect", "effect_ci_lower", "effect_ci_upper"]], on="arm", how="left"
        )
    if roi is not None:
        money = roi.to_frame()
        names = ["total_cost_cny", "rel_roi", "rel_roi_ci_lower", "rel_roi_ci_upper"]
        frame = frame.merge(money[["arm", *names]], on="arm", how="left")
    return frame
