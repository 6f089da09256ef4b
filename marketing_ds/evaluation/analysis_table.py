"""From the mart to one row a customer: arm, outcomes, and what was known before."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir

from marketing_ds import outcomes
from marketing_ds._core.checks import check_count, check_date
from marketing_ds._core.errors import InvalidInput
from marketing_ds.evaluation.assigned import nobody_assigned
from marketing_ds.outcomes import Campaign
from marketing_ds.schema import CONTROL
from marketing_ds.schema.known import midnight_after
from marketing_ds.tags import Tag, tag_table

from .measures import SOURCES, Measure
from .measuring import before_name, check_sources, tag_name, value_of

if TYPE_CHECKING:
    from marketing_ds.mart import Mart


def campaign_data(
    mart: Mart,
    campaign_id: str,
    measures: Sequence[Measure] = (),
    *,
    before_days: int = 0,
    tags: Sequence[str | Tag] = (),
    others: bool = False,
    as_of: str | dt.date | None = None,
) -> ibis.Table:
    """One row a customer of a campaign: what `analyze_experiment` and its kin take.

    Parameters
    ----------
    mart : Mart
        Where to look.
    campaign_id : str
        The campaign.
    measures : sequence of Measure
        Outcomes beside the campaign's own; see `count`, `total`, `active_days`, `did`, `retained`.
    before_days : int
        Each measure that looks at the attribution window is taken once more over this many days
        before the assignment, as ``<name>_before``: the best covariate of an outcome is most often
        itself. 0 leaves that out.
    tags : sequence of str or Tag
        Tags as of the day before the campaign, for covariates and segments.
    others : bool
        Whether everybody else who was a customer by the first day comes too, as `control`, for
        campaigns in which nobody was held out. Nobody drew them: see `analyze_observational`. The
        campaign's own outcomes are known of its customers alone, so only measures and tags remain.
    as_of : date, optional
        Only what the bank knew by the end of that day; by default all that the mart holds.

    Returns
    -------
    ibis.Table
        What `marketing_ds.campaign_outcomes` gives (customer_id, arm, probability, assigned_at and
        the campaign's own outcomes), then one float column a measure, 0 where nothing happened,
        then the tags. Each source is scanned once, whatever the number of measures.

    Raises
    ------
    InvalidInput
        If the campaign is not in the mart, nobody was assigned by `as_of`, two columns have one
        name, or a measure looks further than `as_of` for somebody: retention on a day that is not
        over cannot be told.
    MartError
        If a measure needs a table that the mart does not have.

    Examples
    --------
    >>> import marketing_ds as mds
    >>> from marketing_ds.evaluation import campaign_data, retained, total
    >>> with mds.open_mart("data_samples") as mart:
    ...     data = campaign_data(mart, "K06",
    ...         [retained(7), total("transactions", "amount_cny", kind="purchase", name="bought_cny")],
    ...         before_days=60, tags=["value_tier"])
    ...     data.columns[-6:]
    ('redeemed', 'cost_cny', 'retained_day_7', 'bought_cny', 'bought_cny_before', 'value_tier')
    """
    which = outcomes.campaign(mart, campaign_id)
    day = mart.last_date if as_of is None else check_date("as_of", as_of)
    before = check_count("before_days", before_days)
    assigned = _assigned(mart, which, day)
    rows = outcomes.campaign_outcomes(mart, campaign_id, as_of=day)
    if others:
        assigned = rows = _with_others(mart, which, assigned)
    _check_names(rows, measures, before, tags)
    check_sources(mart, measures)
    first, last = _assigned_between(assigned, which, day)
    _check_over(measures, which, last, day)
    own = rows.columns
    by_source: dict[str, list[Measure]] = defaultdict(list)
    for measure in measures:
        by_source[measure.source].append(measure)
    for source, wanted in by_source.items():
        found = _measured(mart, assigned, source, wanted, which, before, (first, last), day)
        rows = outcomes.beside(rows, found, zero=True)
    rows = rows.select(*own, *_names(measures, before))
    if tags:
        known = min(which.features_as_of, first.date() - dt.timedelta(days=1))
        rows = outcomes.beside(rows, tag_table(mart, known, tags=tags), zero=False)
    return rows


def _check_names(
    rows: ir.Table, measures: Sequence[Measure], before: int, tags: Sequence[str | Tag]
) -> None:
    names = [*rows.columns, *map(tag_name, tags)]
    names += _names(measures, before)
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise InvalidInput(
            f"columns must have different names, got {twice[0]!r} twice; give a measure a name of "
            "its own with name="
        )


def _names(measures: Sequence[Measure], before: int) -> list[str]:
    """The columns of the measures, each followed by the same before the assignment."""
    return [
        name
        for measure in measures
        for name in (measure.name, *([before_name(measure)] if before and _open(measure) else []))
    ]


def _open(measure: Measure) -> bool:
    """Whether it looks at the whole attribution window, not at days of its own."""
    return measure.to_day is None


def _assigned(mart: Mart, which: Campaign, day: dt.date) -> ir.Table:
    rows = mart["assignments"]
    rows = rows.filter(
        rows.campaign_id == which.campaign_id, rows.assigned_at < midnight_after(day)
    )
    return rows.select("customer_id", "arm", "assigned_at")


def _with_others(mart: Mart, which: Campaign, assigned: ir.Table) -> ir.Table:
    """The campaign's customers, and all who were customers before it and are not in it."""
    if CONTROL in which.arms:
        raise InvalidInput(
            f"others must be left out for campaign {which.campaign_id!r}, which has customers of its "
            f"own in {CONTROL!r}"
        )
    customers = mart["customers"]
    start = dt.datetime.combine(which.starts_on, dt.time())
    others = customers.filter(customers.opened_on < which.starts_on)
    others = others.anti_join(assigned, "customer_id").select(
        "customer_id",
        arm=ibis.literal(CONTROL),
        assigned_at=ibis.literal(start).cast(assigned.schema()["assigned_at"]),
    )
    return assigned.union(others)


def _assigned_between(
    rows: ir.Table, which: Campaign, day: dt.date
) -> tuple[dt.datetime, dt.datetime]:
    moments = rows.aggregate(first=rows.assigned_at.min(), last=rows.assigned_at.max())
    found = moments.to_pyarrow().to_pylist()[0]
    if found["first"] is None:
        raise nobody_assigned(which, day)
    return found["first"], found["last"]


def _check_over(
    measures: Sequence[Measure], which: Campaign, last: dt.datetime, day: dt.date
) -> None:
    """What looks at days of its own must have had them; the attribution window may be open."""
    for measure in measures:
        end = measure.span(which.attribution_days)[1]
        if not _open(measure) and (last + dt.timedelta(days=end)).date() > day:
            ready = (last + dt.timedelta(days=end)).date()
            raise InvalidInput(
                f"the measure {measure.name!r} looks at day {end - 1} after the assignment, which "
                f"for the last customer is over on {ready}, but as_of is {day}; use a shorter "
                "measure or a later as_of"
            )


def _measured(
    mart: Mart,
    assigned: ir.Table,
    source: str,
    measures: Sequence[Measure],
    which: Campaign,
    before: int,
    between: tuple[dt.datetime, dt.datetime],
    day: dt.date,
) -> ir.Table:
    """All measures of a source in one scan of its rows near the campaign."""
    moment = SOURCES[source]
    rows = mart[source]
    furthest = max(measure.span(which.attribution_days)[1] for measure in measures)
    low = between[0] - dt.timedelta(days=before)
    high = min(between[1] + dt.timedelta(days=furthest), midnight_after(day))
    rows = rows.filter(rows[moment] >= low, rows[moment] < high)
    if "recorded_on" in rows.columns:
        rows = rows.filter(rows.recorded_on <= day)
    starts = assigned.select(_customer="customer_id", _start="assigned_at")
    joined = rows.inner_join(starts, rows.customer_id == starts["_customer"])
    wanted = {}
    for measure in measures:
        start, end = measure.span(which.attribution_days)
        wanted[measure.name] = value_of(joined, measure, _within(joined, moment, start, end))
        if before and _open(measure):
            inside = _within(joined, moment, -before, 0)
            wanted[before_name(measure)] = value_of(joined, measure, inside)
    return joined.group_by("customer_id").aggregate(**wanted)


def _within(rows: ir.Table, moment: str, start: int, end: int) -> ir.BooleanValue:
    """Whether a row lies in these days, counted from its customer's assignment."""
    at, zero = rows[moment], rows["_start"]
    return (at >= _moved(zero, start)) & (at < _moved(zero, end))


def _moved(moment: ir.Value, days: int) -> ir.Value:
    if days >= 0:
        return moment + ibis.interval(days=days) if days else moment
    return moment - ibis.interval(days=-days)
