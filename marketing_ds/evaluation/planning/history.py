"""What customers did when there was no campaign: the past that an experiment is planned on."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import ibis.expr.types as ir

from marketing_ds import outcomes
from marketing_ds._core.checks import check_count, check_date
from marketing_ds._core.errors import InvalidInput
from marketing_ds.audiences import audience as choose
from marketing_ds.evaluation.measures import SOURCES, Measure, did, total
from marketing_ds.evaluation.measuring import before_name, check_sources, value_of
from marketing_ds.rules import Rule
from marketing_ds.schema.known import midnight_after
from marketing_ds.tags import Tag, tag_table

if TYPE_CHECKING:
    from marketing_ds.mart import Mart

BOUGHT = (
    did("transactions", kind="purchase", name="bought"),
    total("transactions", "amount_cny", kind="purchase", name="bought_cny"),
)
"""The measures of `past_behaviour` by default."""


def past_behaviour(
    mart: Mart,
    measures: Sequence[Measure] = BOUGHT,
    *,
    days: int = 28,
    before_days: int = 28,
    audience: str | None = None,
    tags: Sequence[str | Tag] = (),
    as_of: str | dt.date | None = None,
) -> ir.Table:
    """One row a customer: outcomes of the last days as if a campaign had begun, and what went before.

    Parameters
    ----------
    mart : Mart
        Where to look.
    measures : sequence of Measure
        Outcomes; by default `bought` (0 or 1) and `bought_cny`.
    days : int
        Length of the window in which outcomes count; it ends with `as_of`.
    before_days : int
        Length of the window before it, which gives each measure's covariate ``<name>_before``;
        0 leaves that out.
    audience : str, optional
        Rule text: only customers that it holds for on the day before the window.
    tags : sequence of str or Tag
        Tags as of that day, as further covariates.
    as_of : date, optional
        Last day of the window; by default the last that the mart holds.

    Returns
    -------
    ibis.Table
        customer_id, then the measures, each followed by the same before, then the tags. Customers
        are those of the day before the window. Each source is scanned once.

    Raises
    ------
    InvalidInput
        If a measure looks further than `days`, or two have one name.
    MartError
        If a measure needs a table that the mart does not have.

    Notes
    -----
    What went before counts as it was known on the day before the window: rows recorded later were
    no covariate that an experiment could have used.

    Examples
    --------
    >>> import marketing_ds as mds
    >>> from marketing_ds.evaluation.planning import past_behaviour
    >>> with mds.open_mart("data_samples") as mart:
    ...     past_behaviour(mart, audience="aum >= 50000").columns
    ('customer_id', 'bought', 'bought_before', 'bought_cny', 'bought_cny_before')
    """
    last = mart.last_date if as_of is None else check_date("as_of", as_of)
    check_count("days", days, low=1)
    check_count("before_days", before_days)
    _check_measures(mart, measures, days)
    start = last - dt.timedelta(days=days)
    rows = _customers(mart, start, audience)
    by_source: dict[str, list[Measure]] = defaultdict(list)
    for measure in measures:
        by_source[measure.source].append(measure)
    for source, wanted in by_source.items():
        rows = outcomes.beside(
            rows, _measured(mart, source, wanted, start, days, before_days), zero=True
        )
    names = [n for m in measures for n in (m.name, *([before_name(m)] if before_days else []))]
    rows = rows.select("customer_id", *names)
    return outcomes.beside(rows, tag_table(mart, start, tags=tags), zero=False) if tags else rows


def weekly_arrivals(
    mart: Mart, audience: str | None = None, *, weeks: int = 4, as_of: str | dt.date | None = None
) -> tuple[int, float]:
    """Customers that an audience has on a day, and how many a week have come into it lately.

    Parameters
    ----------
    mart : Mart
        Where to look.
    audience : str, optional
        Rule text; by default all customers, of whom those with a first account are the new ones.
    weeks : int
        Weeks before `as_of` over which arrivals are averaged: who is in it now and was not then.
    as_of : date, optional
        By default the last day that the mart holds.

    Returns
    -------
    (int, float)
        Customers now, and new ones a week.

    Examples
    --------
    >>> import marketing_ds as mds
    >>> from marketing_ds.evaluation.planning import weekly_arrivals
    >>> with mds.open_mart("data_samples") as mart:
    ...     weekly_arrivals(mart, "aum >= 50000")
    (2375, 33.0)
    """
    last = mart.last_date if as_of is None else check_date("as_of", as_of)
    check_count("weeks", weeks, low=1)
    now = _customers(mart, last, audience)
    then = _customers(mart, last - dt.timedelta(weeks=weeks), audience)
    came = now.anti_join(then, "customer_id")
    both = now.aggregate(n=now.count()).union(came.aggregate(n=came.count()))
    sizes = sorted(both.to_pyarrow()["n"].to_pylist())
    return int(sizes[1]), sizes[0] / weeks


def _check_measures(mart: Mart, measures: Sequence[Measure], days: int) -> None:
    names = [measure.name for measure in measures]
    twice = [name for name in names if names.count(name) > 1]
    if twice or not names:
        raise InvalidInput(
            f"measures must be at least one, each of a name of its own, got {names}; give name="
        )
    check_sources(mart, measures)
    for measure in measures:
        end = measure.span(days)[1]
        if end > days:
            raise InvalidInput(
                f"days must be at least {end} for the measure {measure.name!r}, got {days}"
            )


def _customers(mart: Mart, day: dt.date, audience: str | None) -> ir.Table:
    customers = mart["customers"]
    if audience is None:
        return customers.filter(customers.opened_on <= day).select("customer_id")
    rule = Rule.parse(audience)
    return choose(tag_table(mart, day, tags=rule.tags), rule, as_of=day).ids()


def _measured(
    mart: Mart, source: str, measures: Sequence[Measure], start: dt.date, days: int, before: int
) -> ir.Table:
    """All measures of a source in one scan: all customers have the same window."""
    moment = SOURCES[source]
    zero = midnight_after(start)
    end = zero + dt.timedelta(days=days)
    rows = mart[source]
    rows = rows.filter(rows[moment] >= zero - dt.timedelta(days=before), rows[moment] < end)
    late = None
    if "recorded_on" in rows.columns:
        rows = rows.filter(rows.recorded_on < end.date())
        late = rows.recorded_on > start
    wanted = {}
    for measure in measures:
        first, after = (zero + dt.timedelta(days=d) for d in measure.span(days))
        wanted[measure.name] = value_of(
            rows, measure, (rows[moment] >= first) & (rows[moment] < after)
        )
        if before:
            inside = rows[moment] < zero
            inside = inside if late is None else inside & ~late
            wanted[before_name(measure)] = value_of(rows, measure, inside)
    return rows.group_by("customer_id").aggregate(**wanted)
